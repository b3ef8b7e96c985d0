use std::sync::Arc;

use muster_catalog::judge::{CompilationCache, CompiledRule, CompiledSchema};
use muster_words::{Digest, Id};
use quick_cache::sync::Cache;

/// The number of compiled schemas and rules in the cache: as many as a large registry uses.
const COMPILED_MAX: usize = 4_096;

/// A cache of compiled schemas and rules.
pub(crate) struct Compiled {
    schemas: Cache<Digest, Arc<CompiledSchema>>,
    rules: Cache<(Id, Digest), CompiledRule>,
}

impl Default for Compiled {
    fn default() -> Self {
        Self { schemas: Cache::new(COMPILED_MAX), rules: Cache::new(COMPILED_MAX) }
    }
}

impl CompilationCache for Compiled {
    fn schema(&self, digest: &Digest) -> Option<Arc<CompiledSchema>> {
        self.schemas.get(digest)
    }

    fn keep_schema(&self, digest: Digest, schema: Arc<CompiledSchema>) {
        self.schemas.insert(digest, schema);
    }

    fn rule(&self, id: &Id, digest: &Digest) -> Option<CompiledRule> {
        self.rules.get(&(id.clone(), *digest))
    }

    fn keep_rule(&self, id: Id, digest: Digest, rule: CompiledRule) {
        self.rules.insert((id, digest), rule);
    }
}

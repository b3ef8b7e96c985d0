use std::sync::Arc;

use muster_catalog::judge::{CompilationCache, CompiledRule, CompiledSchema, SourceKey};
use muster_words::Id;
use quick_cache::sync::Cache;

/// The number of compiled schemas and rules in the cache: as many as a large registry uses.
const COMPILED_MAX: usize = 4_096;

/// A cache of compiled schemas and rules.
pub(crate) struct Compiled {
    schemas: Cache<SourceKey, Arc<CompiledSchema>>,
    rules: Cache<(Id, SourceKey), CompiledRule>,
}

impl Default for Compiled {
    fn default() -> Self {
        Self { schemas: Cache::new(COMPILED_MAX), rules: Cache::new(COMPILED_MAX) }
    }
}

impl CompilationCache for Compiled {
    fn schema(&self, key: &SourceKey) -> Option<Arc<CompiledSchema>> {
        self.schemas.get(key)
    }

    fn keep_schema(&self, key: SourceKey, schema: Arc<CompiledSchema>) {
        self.schemas.insert(key, schema);
    }

    fn rule(&self, id: &Id, key: &SourceKey) -> Option<CompiledRule> {
        self.rules.get(&(id.clone(), *key))
    }

    fn keep_rule(&self, id: Id, key: SourceKey, rule: CompiledRule) {
        self.rules.insert((id, key), rule);
    }
}

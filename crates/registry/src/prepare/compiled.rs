use std::sync::Arc;

use muster_catalog::judge::{CompilationCache, CompiledRule, CompiledSchema, ParsedKey, SourceKey};
use muster_schema::FormattedSchema;
use muster_words::Id;
use quick_cache::{Weighter, sync::Cache};

/// The number of compiled schemas and rules in the cache: as many as a large registry uses.
const COMPILED_MAX: usize = 4_096;

/// The bytes of the texts of parsed schemas in the cache. In memory they are 30 to 40 times as many.
const PARSED_BYTES_MAX: u64 = 1024 * 1024;

/// A cache of compiled schemas and rules.
pub(crate) struct Compiled {
    schemas: Cache<SourceKey, Arc<CompiledSchema>>,
    rules: Cache<(Id, SourceKey), CompiledRule>,
    parsed: Cache<ParsedKey, ParsedSchema, TextBytes>,
}

/// A parsed schema and the bytes of its texts.
type ParsedSchema = (Arc<FormattedSchema>, usize);

/// Weighs a parsed schema by the bytes of its texts.
#[derive(Clone)]
struct TextBytes;

impl Weighter<ParsedKey, ParsedSchema> for TextBytes {
    fn weight(&self, _: &ParsedKey, (_, bytes): &ParsedSchema) -> u64 {
        // The value itself takes memory, too, however short its text is.
        *bytes as u64 + 256
    }
}

impl Default for Compiled {
    fn default() -> Self {
        Self {
            schemas: Cache::new(COMPILED_MAX),
            rules: Cache::new(COMPILED_MAX),
            parsed: Cache::with_weighter(COMPILED_MAX, PARSED_BYTES_MAX, TextBytes),
        }
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

    fn parsed(&self, key: &ParsedKey) -> Option<Arc<FormattedSchema>> {
        self.parsed.get(key).map(|(schema, _)| schema)
    }

    fn keep_parsed(&self, key: ParsedKey, schema: Arc<FormattedSchema>, bytes: usize) {
        self.parsed.insert(key, (schema, bytes));
    }
}

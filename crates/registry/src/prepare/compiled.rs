use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use muster_catalog::decide::{Leads, Sight};
use muster_rules::{Rule, RuleError};
use muster_schema::{CompileError, Schema};
use muster_words::{
    ContentRef, Id, Xid,
    json::{self, Value},
};
use quick_cache::sync::Cache;

use crate::{SubmitError, registry::Heart};

/// Schemas and rules that are kept compiled: as many as a large registry has in use.
const COMPILED_MAX: usize = 4_096;

/// Compiled schemas and rules by the content that they were compiled from.
pub(crate) struct Compiled {
    schemas: Cache<ContentRef, Arc<CompiledSchema>>,
    rules: Cache<ContentRef, Arc<Rule>>,
}

impl Default for Compiled {
    fn default() -> Self {
        Self { schemas: Cache::new(COMPILED_MAX), rules: Cache::new(COMPILED_MAX) }
    }
}

/// A schema with the documents that it refers to, as they were when it was compiled.
pub(super) struct CompiledSchema {
    pub schema: Schema,
    pub behind: Vec<(Xid, Option<ContentRef>)>,
}

/// Why a bound document can't be used.
pub(super) enum Unusable {
    /// It isn't there, or has no document.
    Missing,
    /// It is no schema.
    Schema(Box<CompileError>),
    /// It is no rule.
    Rule(Box<RuleError>),
    /// It couldn't be read.
    Read(SubmitError),
}

impl From<SubmitError> for Unusable {
    fn from(error: SubmitError) -> Self {
        Self::Read(error)
    }
}

impl Heart {
    /// The schema of that name, compiled.
    pub(super) async fn schema(
        &self,
        sight: &Sight<'_>,
        xid: &Xid,
    ) -> Result<Arc<CompiledSchema>, Unusable> {
        if let Some(bytes) = sight.brought_at(xid) {
            return Ok(Arc::new(self.compile_schema(sight, &bytes).await?));
        }
        let content = sight.stored_at(xid).ok_or(Unusable::Missing)?;
        if let Some(compiled) = self.compiled.schemas.get(&content.reference())
            && compiled.behind.iter().all(|(name, content)| sight.content_at(name) == *content)
        {
            return Ok(compiled);
        }
        let bytes = self.fetch(&[content]).await?.pop().flatten().ok_or(Unusable::Missing)?;
        let compiled = Arc::new(self.compile_schema(sight, &bytes).await?);
        self.compiled.schemas.insert(content.reference(), compiled.clone());
        Ok(compiled)
    }

    /// Compiles a schema, fetching what it refers to as it turns out.
    pub(super) async fn compile_schema(
        &self,
        sight: &Sight<'_>,
        bytes: &[u8],
    ) -> Result<CompiledSchema, Unusable> {
        let mut sources: BTreeMap<Xid, Arc<Value>> = BTreeMap::new();
        let mut behind: Vec<(Xid, Option<ContentRef>)> = Vec::new();
        loop {
            match Schema::parse(bytes, &sources) {
                Ok(schema) => return Ok(CompiledSchema { schema, behind }),
                Err(CompileError::Missing { reference, pointer }) => {
                    let gone = |reference, pointer| {
                        Unusable::Schema(Box::new(CompileError::Missing { reference, pointer }))
                    };
                    // A name that was fetched and is still missing would go on for ever.
                    if sources.contains_key(&reference) {
                        return Err(gone(reference, pointer));
                    }
                    let Some(content) = sight.content_at(&reference) else {
                        return Err(gone(reference, pointer));
                    };
                    let found = self.bytes_at(sight, &reference).await?;
                    let value = found.and_then(|bytes| json::parse(&bytes).ok());
                    let Some(value) = value else { return Err(gone(reference, pointer)) };
                    behind.push((reference.clone(), Some(content)));
                    sources.insert(reference, Arc::new(value));
                }
                Err(error) => return Err(Unusable::Schema(Box::new(error))),
            }
        }
    }

    /// The document that a name leads to.
    async fn bytes_at(&self, sight: &Sight<'_>, xid: &Xid) -> Result<Option<Bytes>, SubmitError> {
        if let Some(bytes) = sight.brought_at(xid) {
            return Ok(Some(bytes));
        }
        let Some(content) = sight.stored_at(xid) else { return Ok(None) };
        Ok(self.fetch(&[content]).await?.pop().flatten())
    }

    /// The rule of that name, compiled.
    pub(super) async fn rule(&self, sight: &Sight<'_>, xid: &Xid) -> Result<Arc<Rule>, Unusable> {
        if let Some(bytes) = sight.brought_at(xid) {
            let rule = compile_rule(xid, &bytes);
            return Ok(Arc::new(rule.map_err(|error| Unusable::Rule(Box::new(error)))?));
        }
        let content = sight.stored_at(xid).ok_or(Unusable::Missing)?;
        if let Some(rule) = self.compiled.rules.get(&content.reference()) {
            return Ok(rule);
        }
        let bytes = self.fetch(&[content]).await?.pop().flatten().ok_or(Unusable::Missing)?;
        let rule = compile_rule(xid, &bytes).map_err(|error| Unusable::Rule(Box::new(error)))?;
        let rule = Arc::new(rule);
        self.compiled.rules.insert(content.reference(), rule.clone());
        Ok(rule)
    }
}

/// Compiles the rule of that name: what people see as its id is the resource's.
pub(super) fn compile_rule(xid: &Xid, bytes: &[u8]) -> Result<Rule, RuleError> {
    let resource = xid.resource();
    let id: Option<&Id> = resource.as_ref().and_then(Xid::id);
    match id {
        Some(id) => Rule::compile(id, bytes),
        None => Err(RuleError::Shape),
    }
}

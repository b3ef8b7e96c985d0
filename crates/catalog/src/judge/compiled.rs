use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_rules::{Rule, RuleError};
use muster_schema::{
    FormattedSchema, Schema, SchemaContext, SchemaFormat, SchemaSources, Violation,
};
use muster_words::{ContentRef, Digest, Id, Notation, Xid, json::Value};

use super::{
    BindingFault, ContentBytes, Dependency, DocumentContent, IdLookup, Judge, NoVerdict, Rejection,
    SchemaFault, Sources, Verdict, bindings::UnreadContents, schema_identity::references_in,
};

/// The bytes of a schema or a rule, and what else its meaning depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceKey {
    digest: Digest,
    notation: Notation,
    /// The attributes of a schema; none for a rule, and for a schema without attributes.
    attributes: Option<Digest>,
    /// The format of a schema whose attributes name none.
    assumed: SchemaFormat,
}

/// A cache of compiled schemas and rules, by their bytes. It MAY forget anything at any time.
pub trait CompilationCache {
    /// The schema with these bytes.
    fn schema(&self, key: &SourceKey) -> Option<Arc<CompiledSchema>>;
    /// Keeps a schema; it replaces one with other dependencies.
    fn keep_schema(&self, key: SourceKey, schema: Arc<CompiledSchema>);
    /// The rule with this id and these bytes.
    fn rule(&self, id: &Id, key: &SourceKey) -> Option<CompiledRule>;
    /// Keeps a rule.
    fn keep_rule(&self, id: Id, key: SourceKey, rule: CompiledRule);
    /// The parsed schema with this key.
    fn parsed(&self, key: &ParsedKey) -> Option<Arc<FormattedSchema>>;
    /// Keeps a parsed schema whose texts have this many bytes.
    fn keep_parsed(&self, key: ParsedKey, schema: Arc<FormattedSchema>, bytes: usize);
}

/// The digest of everything that a parsed schema depends on.
pub type ParsedKey = Digest;

/// Reads a schema, or finds it in the cache: one registration asks for the new schema several
/// times and for the one before it, which was new a moment ago. A JSON Schema depends on stored
/// ones, so it is always read.
///
/// # Errors
/// What is wrong with it.
pub fn parsed_schema(
    cache: &dyn CompilationCache,
    format: SchemaFormat,
    bytes: &[u8],
    context: &SchemaContext<'_>,
) -> Result<Arc<FormattedSchema>, Vec<Violation>> {
    if format == SchemaFormat::JsonSchema {
        return FormattedSchema::parse(format, bytes, context).map(Arc::new);
    }
    // Lengths stand before the parts, so that no two lists of parts are the same bytes.
    let texts = context.texts.iter().flat_map(|(name, text)| [name.as_bytes(), text.as_bytes()]);
    let parts: Vec<&[u8]> = [format.name().as_bytes(), bytes].into_iter().chain(texts).collect();
    let lengths: Vec<u8> = parts.iter().flat_map(|part| part.len().to_le_bytes()).collect();
    let size = parts.iter().map(|part| part.len()).sum();
    let key = Digest::of_parts(&[&[lengths.as_slice()], parts.as_slice()].concat());
    if let Some(known) = cache.parsed(&key) {
        return Ok(known);
    }
    let read = Arc::new(FormattedSchema::parse(format, bytes, context)?);
    cache.keep_parsed(key, read.clone(), size);
    Ok(read)
}

/// A rule, or why it is invalid. The id is part of the rule, because messages show it.
pub type CompiledRule = Result<Arc<Rule>, RuleError>;

/// A schema, or why it is invalid, with what it referred to when it was compiled.
#[derive(Debug)]
pub struct CompiledSchema {
    /// The schema.
    pub schema: Result<Arc<FormattedSchema>, SchemaFault>,
    /// The names that were followed, with what they led to.
    references: Vec<(Xid, Option<SourceKey>)>,
    /// The `$id`s that were looked for.
    ids: Vec<IdLookup>,
    /// The resource in whose place its references were resolved; none if they don't depend on it.
    home: Option<Xid>,
}

/// The text of a schema with what it says of itself.
#[derive(Clone, Copy)]
pub(super) struct SchemaText<'a> {
    pub notation: Notation,
    pub bytes: &'a [u8],
    pub format: SchemaFormat,
    /// Its attribute `references`.
    pub references: Option<&'a Value>,
}

impl SchemaText<'_> {
    /// Whether it is a JSON Schema that refers to others in its text only.
    pub(super) fn is_plain_json_schema(&self) -> bool {
        self.format == SchemaFormat::JsonSchema && self.references.is_none()
    }
}

impl CompiledSchema {
    /// The documents that it refers to now; none if a name leads to something else than when it was
    /// compiled.
    pub(super) fn dependencies(&self, sources: &dyn Sources) -> Option<Vec<Dependency>> {
        let is_found = |(group, id, found): &IdLookup| sources.identified(group, id) == *found;
        if !self.ids.iter().all(is_found) {
            return None;
        }
        let now = |(xid, key): &(Xid, Option<SourceKey>)| {
            let found = sources.content_at(xid);
            (found.map(|found| found.key()) == *key).then(|| (xid.clone(), found))
        };
        self.references.iter().map(now).collect()
    }

    /// The `$id`s that it refers to.
    pub(super) fn ids(&self) -> &[IdLookup] {
        &self.ids
    }
}

impl DocumentContent {
    fn key(&self) -> SourceKey {
        SourceKey {
            digest: self.content.digest,
            notation: self.notation,
            attributes: self.attributes().map(|content| content.digest),
            assumed: self.schema.map(|origin| origin.assumed).unwrap_or_default(),
        }
    }

    /// The attributes of a schema.
    pub(super) fn attributes(&self) -> Option<ContentRef> {
        self.schema?.attributes
    }
}

/// A bound schema that can be used.
pub(super) struct UsableSchema {
    compiled: Arc<CompiledSchema>,
    pub dependencies: Vec<Dependency>,
}

impl UsableSchema {
    /// The schema itself.
    pub fn schema(&self) -> Option<&FormattedSchema> {
        self.compiled.schema.as_deref().ok()
    }
}

impl Judge<'_> {
    /// The schema with this name.
    pub(super) fn schema(&self, xid: &Xid) -> Result<UsableSchema, NoVerdict> {
        let missing = || Rejection::binding(xid, BindingFault::Missing);
        let content = self.sources.content_at(xid).ok_or_else(missing)?;
        let compiled = self.schema_of(xid, content)?.ok_or_else(missing)?;
        match &compiled.schema {
            Ok(_) => {
                let dependencies = compiled.dependencies(self.sources).unwrap_or_default();
                Ok(UsableSchema { compiled, dependencies })
            }
            Err(fault) => Err(Rejection::binding(xid, BindingFault::Schema(fault.clone())).into()),
        }
    }

    /// The schema in the content to which a name leads; none if it was purged.
    fn schema_of(
        &self,
        xid: &Xid,
        found: DocumentContent,
    ) -> Result<Option<Arc<CompiledSchema>>, NoVerdict> {
        if let Some(compiled) = self.compiled.schema(&found.key())
            && compiled.home.as_ref().is_none_or(|home| xid.resource().as_ref() == Some(home))
            && compiled.dependencies(self.sources).is_some()
        {
            return Ok(Some(compiled));
        }
        let mut missing = UnreadContents::default();
        let attributes = missing.note_missing(self.attributes_of(&found))?.flatten();
        let bytes = missing.note_missing(match self.sources.bytes_of(&found.content) {
            ContentBytes::Bytes(bytes) => Ok(Some(bytes)),
            ContentBytes::Erased => Ok(None),
            ContentBytes::Unread => Err(NoVerdict::Missing([found.content].into())),
        })?;
        missing.none()?;
        let Some(bytes) = bytes.flatten() else { return Ok(None) };
        // A binding that is older than the knowledge of formats meant a JSON Schema, whatever its
        // attribute says.
        let format = found.schema_format(attributes.as_ref()).unwrap_or_default();
        let references = references_in(attributes.as_ref());
        let text = SchemaText { notation: found.notation, bytes: &bytes, format, references };
        let compiled = Arc::new(self.compile_schema(xid, text)?);
        self.compiled.keep_schema(found.key(), compiled.clone());
        Ok(Some(compiled))
    }

    /// Compiles a schema with everything that it refers to, at any depth and in any order.
    pub(super) fn compile_schema(
        &self,
        xid: &Xid,
        text: SchemaText<'_>,
    ) -> Result<CompiledSchema, NoVerdict> {
        let home = xid.resource().unwrap_or_else(|| xid.clone());
        if !text.is_plain_json_schema() {
            return self.compile_other(xid, home, text);
        }
        let followed = FollowedSchemas {
            sources: self.sources,
            names: RefCell::default(),
            ids: RefCell::default(),
            missing: RefCell::default(),
        };
        let schema = Schema::parse_as(&home, text.notation, text.bytes, &followed);
        let schema = schema.map(|schema| Arc::new(FormattedSchema::JsonSchema(Box::new(schema))));
        let schema = schema.map_err(|error| SchemaFault::JsonSchema(Arc::new(error)));
        match followed.missing.into_inner() {
            missing if missing.is_empty() => {
                let references = followed.names.into_inner().into_iter().collect();
                let ids = followed.ids.into_inner();
                let home = (!ids.is_empty()).then_some(home);
                Ok(CompiledSchema { schema, references, ids, home })
            }
            missing => Err(NoVerdict::Missing(missing)),
        }
    }

    /// Reads a schema in another format, or one that names others in its attribute `references`.
    fn compile_other(
        &self,
        xid: &Xid,
        home: Xid,
        text: SchemaText<'_>,
    ) -> Result<CompiledSchema, NoVerdict> {
        let mut verdict = Verdict::default();
        let schema = self.read_with_references(xid, text, &mut verdict)?;
        let key = |(xid, found): Dependency| (xid, found.map(|found| found.key()));
        let references = verdict.schema_references.into_iter().map(key).collect();
        let ids = verdict.schema_ids;
        // Subjects are resolved in the group of the schema that names them.
        let home = (!ids.is_empty() || text.references.is_some()).then_some(home);
        Ok(CompiledSchema { schema, references, ids, home })
    }

    /// The rule with this name.
    pub(super) fn rule(&self, xid: &Xid) -> Result<Arc<Rule>, NoVerdict> {
        let missing = || Rejection::binding(xid, BindingFault::Missing);
        let found = self.sources.content_at(xid).ok_or_else(missing)?;
        let resource = xid.resource();
        let id = resource.as_ref().and_then(Xid::id).ok_or_else(missing)?;
        let compiled = match self.compiled.rule(id, &found.key()) {
            Some(compiled) => compiled,
            None => match self.sources.bytes_of(&found.content) {
                ContentBytes::Bytes(bytes) => {
                    let compiled = Rule::parse(id, found.notation, &bytes).map(Arc::new);
                    self.compiled.keep_rule(id.clone(), found.key(), compiled.clone());
                    compiled
                }
                ContentBytes::Erased => return Err(missing().into()),
                ContentBytes::Unread => return Err(NoVerdict::Missing([found.content].into())),
            },
        };
        compiled.map_err(|error| Rejection::binding(xid, BindingFault::Rule(error)).into())
    }
}

/// The schemas that a schema refers to, as they are requested.
pub(super) struct FollowedSchemas<'a> {
    pub(super) sources: &'a dyn Sources,
    pub(super) names: RefCell<BTreeMap<Xid, Option<SourceKey>>>,
    pub(super) ids: RefCell<Vec<IdLookup>>,
    pub(super) missing: RefCell<BTreeSet<ContentRef>>,
}

impl SchemaSources for FollowedSchemas<'_> {
    fn identified(&self, home: &Xid, id: &str) -> Vec<Xid> {
        let Some(group) = home.group() else { return Vec::new() };
        let found = self.sources.identified(&group, id);
        self.ids.borrow_mut().push((group, id.into(), found.clone()));
        found
    }

    fn get(&self, reference: &Xid) -> Option<Arc<Value>> {
        let found = self.sources.content_at(reference);
        self.names.borrow_mut().insert(reference.clone(), found.map(|found| found.key()));
        let DocumentContent { content, notation, .. } = found?;
        match self.sources.bytes_of(&content) {
            ContentBytes::Bytes(bytes) => notation.parse(&bytes).ok().map(Arc::new),
            ContentBytes::Erased => None,
            ContentBytes::Unread => {
                self.missing.borrow_mut().insert(content);
                None
            }
        }
    }
}

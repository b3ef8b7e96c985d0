//! What a schema is known by, and the stored schemas that its attribute `references` names.

use std::collections::BTreeSet;

use muster_schema::{
    IdentityParts, ReferencedVersion, SchemaFormat, SchemaGuid, Violation, hashed_id,
    json_schema_text, named_schemas, named_versions, read_references,
};
use muster_words::{
    ContentRef, Xid,
    json::{self, Map, Value},
};

use super::{
    ContentBytes, Document, DocumentContent, Judge, NoVerdict, SchemaIdentity, Verdict,
    bindings::{UnreadContents, holds_schemas},
};

/// The most schemas to which one refers, directly or not: more are slower to read than a request
/// should be.
const REFERENCED_MAX: usize = 1_000;

/// How deeply schemas may refer to each other.
const REFERENCE_DEPTH_MAX: usize = 64;

/// What a schema refers to by its attribute `references`.
#[derive(Debug, Default)]
pub(super) struct Referenced {
    /// The schemas with the names by which they are referred to. What a schema refers to comes
    /// before it.
    pub texts: Vec<(String, String)>,
    /// The versions that the schema itself names.
    pub versions: Vec<Xid>,
}

/// Why what a schema refers to by its attribute `references` can't be used.
#[derive(Debug)]
pub(super) struct UnresolvedReference {
    pub violation: Violation,
    /// The version that isn't there, if that is why.
    pub missing: Option<Xid>,
}

impl UnresolvedReference {
    fn new(what: String) -> Self {
        Self { violation: Violation::keyword("", "references", what), missing: None }
    }
}

/// The references in attributes, as they were sent.
pub(super) fn references_in(attributes: Option<&Map<String, Value>>) -> Option<&Value> {
    attributes?.get("references").filter(|sent| !sent.is_null())
}

impl Document<'_> {
    pub(super) fn references(&self) -> Option<&Value> {
        references_in(self.attributes)
    }
}

impl Judge<'_> {
    /// What a new schema is known by; none if it can't be read, or has no format that is known.
    pub(super) fn identity(
        &self,
        document: &Document<'_>,
        verdict: &mut Verdict,
    ) -> Result<Option<SchemaIdentity>, NoVerdict> {
        let Some(format) = document.schema_format() else { return Ok(None) };
        if verdict.schema_fault.is_some() {
            return Ok(None);
        }
        let Ok(named) = self.referenced(document.xid, document.references(), verdict)? else {
            return Ok(None);
        };
        let text = match format {
            // It was compiled already, and what it refers to may come later.
            SchemaFormat::JsonSchema => json_schema_text(document.bytes),
            _ => match self.read_new(document, format, verdict)? {
                Ok(schema) => schema.confluent_text(document.bytes),
                Err(_) => return Ok(None),
            },
        };
        let attribute = |name: &str| document.attributes.and_then(|map| map.get(name));
        let references = read_references(document.references()).unwrap_or_default();
        let parts = IdentityParts {
            references: &references,
            metadata: attribute("metadata").filter(|sent| !sent.is_null()),
            rule_set: attribute("ruleset").filter(|sent| !sent.is_null()),
        };
        let guid = SchemaGuid::of(&text, parts);
        // A name that isn't this schema's would show it as another one.
        let subject = attribute("subject").and_then(Value::as_str);
        let subject = subject.filter(|name| {
            hashed_id(name).as_ref() == document.xid.resource().as_ref().and_then(Xid::id)
        });
        let subject = subject.map(ToOwned::to_owned);
        Ok(Some(SchemaIdentity { guid, references: named.versions, subject }))
    }

    /// What a stored schema is known by, as if it came now; none if it can't be read, or isn't a
    /// schema.
    ///
    /// # Errors
    /// It lacks contents, or it may take long.
    pub fn stored_identity(
        &self,
        document: &Document<'_>,
    ) -> Result<Option<SchemaIdentity>, NoVerdict> {
        let kind = self.kind_of(document.xid).filter(|kind| holds_schemas(kind));
        let Some(kind) = kind.filter(|_| document.schema_format().is_some()) else {
            return Ok(None);
        };
        let mut verdict = Verdict { notation: document.notation(), ..Verdict::default() };
        let checked = self.check_as_what_it_is(document, kind, &mut verdict);
        match checked.and_then(|()| self.identity(document, &mut verdict)) {
            Err(NoVerdict::Rejected(_)) => Ok(None),
            found => found,
        }
    }

    /// The stored schemas that a schema names, and those that they name.
    pub(super) fn referenced(
        &self,
        xid: &Xid,
        references: Option<&Value>,
        verdict: &mut Verdict,
    ) -> Result<Result<Referenced, UnresolvedReference>, NoVerdict> {
        let mut walk = Walk {
            judge: self,
            verdict,
            found: Referenced::default(),
            seen: BTreeSet::new(),
            missing: UnreadContents::default(),
        };
        let outcome = walk.follow(xid, references, 0)?;
        let Walk { missing, found, .. } = walk;
        missing.none()?;
        Ok(outcome.map(|versions| Referenced { versions, ..found }))
    }

    /// The attributes of a schema; none if it has none.
    pub(super) fn attributes_of(
        &self,
        schema: &DocumentContent,
    ) -> Result<Option<Map<String, Value>>, NoVerdict> {
        match schema.attributes() {
            Some(content) => self.attributes_in(content),
            None => Ok(None),
        }
    }

    /// The attributes in a content; none if it was purged.
    pub(super) fn attributes_in(
        &self,
        content: ContentRef,
    ) -> Result<Option<Map<String, Value>>, NoVerdict> {
        match self.sources.bytes_of(&content) {
            ContentBytes::Unread => Err(NoVerdict::Missing([content].into())),
            ContentBytes::Erased => Ok(None),
            ContentBytes::Bytes(bytes) => match json::parse(&bytes) {
                Ok(Value::Object(map)) => Ok(Some(map)),
                _ => Ok(None),
            },
        }
    }
}

/// Follows references from schema to schema.
struct Walk<'a, 'b> {
    judge: &'a Judge<'b>,
    verdict: &'a mut Verdict,
    found: Referenced,
    /// The names that were followed.
    seen: BTreeSet<String>,
    missing: UnreadContents,
}

impl Walk<'_, '_> {
    /// Follows the references of one schema; returns the versions that it names.
    fn follow(
        &mut self,
        xid: &Xid,
        references: Option<&Value>,
        depth: usize,
    ) -> Result<Result<Vec<Xid>, UnresolvedReference>, NoVerdict> {
        let references = match read_references(references) {
            Ok(references) => references,
            Err(what) => return Ok(Err(UnresolvedReference::new(what))),
        };
        if depth > REFERENCE_DEPTH_MAX || self.seen.len() + references.len() > REFERENCED_MAX {
            let what = format!(
                "it refers to more than {REFERENCED_MAX} schemas, or more than \
                 {REFERENCE_DEPTH_MAX} deep"
            );
            return Ok(Err(UnresolvedReference::new(what)));
        }
        let mut versions = Vec::new();
        for reference in references {
            let Some((version, stored)) = self.stored(xid, &reference) else {
                let missing = likeliest(xid, &reference);
                let ReferencedVersion { name, subject, version } = reference;
                let what = format!(
                    "the reference {name:?} names version {version} of the subject {subject:?}, \
                     which isn't there"
                );
                return Ok(Err(UnresolvedReference { missing, ..UnresolvedReference::new(what) }));
            };
            self.verdict.schema_references.push((version.clone(), Some(stored)));
            versions.push(version.clone());
            if !self.seen.insert(reference.name.clone()) {
                continue;
            }
            let Some(attributes) = self.missing.note_missing(self.judge.attributes_of(&stored))?
            else {
                continue;
            };
            let own = references_in(attributes.as_ref());
            if let Err(why) = self.follow(&version, own, depth + 1)? {
                return Ok(Err(why));
            }
            let bytes = match self.judge.sources.bytes_of(&stored.content) {
                ContentBytes::Bytes(bytes) => bytes,
                ContentBytes::Erased => continue,
                ContentBytes::Unread => {
                    let missing = NoVerdict::Missing([stored.content].into());
                    self.missing.note_missing::<()>(Err(missing))?;
                    continue;
                }
            };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            self.found.texts.push((reference.name, text));
        }
        Ok(Ok(versions))
    }

    /// The version that a reference names, if it is there. Where it isn't, it may come later, so the
    /// verdict depends on that.
    fn stored(
        &mut self,
        xid: &Xid,
        reference: &ReferencedVersion,
    ) -> Option<(Xid, DocumentContent)> {
        for version in named_versions(xid, reference) {
            match self.judge.sources.content_at(&version) {
                Some(stored) => return Some((version, stored)),
                None => self.verdict.schema_references.push((version, None)),
            }
        }
        None
    }
}

/// The name of a version that isn't there, as people would look for it.
fn likeliest(xid: &Xid, reference: &ReferencedVersion) -> Option<Xid> {
    named_versions(xid, reference).into_iter().next()
}

/// What a schema names in its attribute `references`: for each subject the resources that it can be.
/// What can't be read names nothing.
pub(crate) fn referenced_schemas(
    xid: &Xid,
    references: Option<&Value>,
) -> impl Iterator<Item = Vec<Xid>> {
    let references = read_references(references).unwrap_or_default().into_iter();
    references.map(|reference| named_schemas(xid, &reference.subject))
}

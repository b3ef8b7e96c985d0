use std::{collections::BTreeMap, sync::Arc};

use muster_schema::{SchemaFormat, Violation};
use muster_words::{ContentRef, Id, Notation, Xid};
use serde_json::{Map, Value};

use super::{
    NoDecision,
    draft::{DocumentEdit, Draft, DraftAttributes, ResourceEdit, VersionEdit},
};
use crate::{
    Content, Refusal,
    judge::{Verdict, binding_documents, holds_schemas, is_among_schemas, must_be_schema},
    state::Version,
    tree::{DocumentPart, NewDocument, VersionNode},
};

/// A stored document that must be judged before a decision, because it becomes what its resource
/// shows, or because readers may use it from now on.
#[derive(Clone, Debug)]
pub struct UnjudgedDocument {
    /// Its version.
    pub version: Xid,
    /// Its bytes.
    pub content: Content,
    /// Its media type.
    pub content_type: Option<Arc<str>>,
    /// The attributes that it gets as a schema; none for those that are stored.
    pub attributes: Option<Arc<Map<String, Value>>>,
    /// Whether it is a schema that was a draft or in review: then it is compared with those before it.
    pub is_published: bool,
}

/// The judgement on a stored document.
#[derive(Clone, Debug)]
pub struct StoredVerdict {
    /// The bytes that were judged.
    pub content: ContentRef,
    /// The media type with which they were judged.
    pub content_type: Option<Arc<str>>,
    /// The attributes with which they were judged; none for those that are stored.
    pub attributes: Option<Arc<Map<String, Value>>>,
    /// The verdict, or its violations.
    pub verdict: Result<Arc<Verdict>, Vec<Violation>>,
}

/// Judgements on stored documents, by their version.
pub type StoredVerdicts = BTreeMap<Xid, StoredVerdict>;

impl Draft<'_> {
    /// Where something is bound, no way leads to a document that wasn't checked: each written
    /// version needs a document, and a stored version that becomes the default is judged again,
    /// because what is bound may have changed since it was put.
    pub(super) fn check_documents(
        &self,
        edit: &ResourceEdit,
        unjudged: &mut Vec<UnjudgedDocument>,
    ) -> Result<(), NoDecision> {
        let bare = edit.versions.values().find(|version| version.goes_without_document());
        let default = edit.default.as_ref().filter(|default| edit.is_moved_to(default));
        if bare.is_none() && default.is_none() || !edit.kind.hasdocument {
            return Ok(());
        }
        let bindings = self.bindings_of(&edit.xid);
        let bound = binding_documents(self, &edit.kind, bindings.as_deref());
        let bound = bound.first().map(|(name, _)| name);
        if let (Some(bare), Some(bound)) = (bare, bound) {
            return Err(unchecked(&edit.xid, bound, bare.is_elsewhere).into());
        }
        let is_checked = bound.is_some() || must_be_schema(self.catalog, &edit.kind, &edit.xid);
        let Some(default) = default.filter(|_| is_checked) else { return Ok(()) };
        let Some(found) = edit.stored_document(default) else {
            let bound = bound.unwrap_or(&edit.xid);
            return Err(unchecked(&edit.xid, bound, false).into());
        };
        match self.judgement(&edit.xid, &found) {
            Some(Ok(_)) => Ok(()),
            Some(Err(violations)) => {
                Err(Refusal::invalid_document(&edit.xid, violations.clone()).into())
            }
            None => {
                unjudged.push(found);
                Ok(())
            }
        }
    }

    /// The judgement on a stored document, if there is one that still holds.
    fn judgement(
        &self,
        xid: &Xid,
        found: &UnjudgedDocument,
    ) -> Option<&Result<Arc<Verdict>, Vec<Violation>>> {
        let judged = self.stored.get(&found.version)?;
        let holds = match &judged.verdict {
            Ok(verdict) => self.verdict_holds(xid, verdict),
            Err(_) => true,
        };
        let is_of = judged.content == found.content.reference()
            && judged.content_type == found.content_type
            && judged.attributes == found.attributes;
        (holds && is_of).then_some(&judged.verdict)
    }

    /// A new document must have been judged in the notation of the media type that it gets. A stored
    /// one whose media type gets another notation is another document, with the same bytes: it is
    /// judged, and its facts are lifted again.
    pub(super) fn check_notation(
        &mut self,
        xid: &Xid,
        edit: &ResourceEdit,
        version: &mut VersionEdit,
        node: &VersionNode,
    ) -> Result<(), NoDecision> {
        let notation = Notation::of(version.content_type.as_deref());
        if let DocumentPart::Bytes(NewDocument { verdict, .. }) = &node.document {
            let judged = verdict.as_ref().is_none_or(|verdict| verdict.notation == notation);
            return if judged { Ok(()) } else { Err(NoDecision::Stale) };
        }
        let (Some(old), Some(DocumentEdit::Same(content))) = (&version.old, version.document)
        else {
            return Ok(());
        };
        if Notation::of(old.content_type.as_deref()) == notation {
            return Ok(());
        }
        let content_type = version.content_type.clone();
        let attributes = version.new_attributes(xid);
        let version_xid = xid.clone();
        let found = UnjudgedDocument {
            version: version_xid,
            content,
            content_type,
            attributes,
            is_published: false,
        };
        match self.judgement(&edit.xid, &found).cloned() {
            Some(Ok(verdict)) => {
                version.is_judged = true;
                version.facts = verdict.facts.clone();
                version.schema_fault = verdict.schema_fault.clone();
                self.verdicts.push((edit.xid.clone(), verdict));
                Ok(())
            }
            Some(Err(violations)) => Err(Refusal::invalid_document(&edit.xid, violations).into()),
            None => {
                self.unjudged.push(found);
                Ok(())
            }
        }
    }

    /// A document among the schemas must be what its attribute `format` says, both when it is put
    /// and when its `format` changes.
    pub(super) fn check_schemas(
        &self,
        edit: &ResourceEdit,
        unjudged: &mut Vec<UnjudgedDocument>,
    ) -> Result<(), NoDecision> {
        if !holds_schemas(&edit.kind) {
            return Ok(());
        }
        for (id, version) in &edit.versions {
            if let Some(judged) = version.judged_as {
                let content_type = version.content_type.as_deref();
                let of = |map: &Map<String, Value>| {
                    SchemaFormat::of_stored(map.get("format").and_then(Value::as_str), content_type)
                };
                // It keeps attributes that changed since, and is something else now.
                if self.read(&version.attributes, of)? != judged {
                    return Err(NoDecision::Stale);
                }
            }
            let fault = if version.is_judged {
                version.schema_fault.clone()
            } else if self.has_another_meaning(version)? {
                let Some(found) = edit.stored_document(id) else { continue };
                match self.judgement(&edit.xid, &found) {
                    Some(Ok(verdict)) => verdict.schema_fault.clone(),
                    Some(Err(violations)) => {
                        let violations = violations.clone();
                        return Err(Refusal::invalid_document(&edit.xid, violations).into());
                    }
                    None => {
                        unjudged.push(found);
                        continue;
                    }
                }
            } else {
                continue;
            };
            let verdict = Verdict { schema_fault: fault, ..Verdict::default() };
            if verdict.schema_fault.is_none() {
                continue;
            }
            let format = self.format_of(&version.attributes)?;
            let faults = verdict.faults_as(format.as_deref());
            if !faults.is_empty() {
                return Err(Refusal::invalid_document(&edit.xid, faults.to_vec()).into());
            }
        }
        Ok(())
    }

    /// A draft wasn't there for the versions that came after it, so it is compared with them when it
    /// is published.
    pub(super) fn check_published(
        &self,
        edit: &ResourceEdit,
        unjudged: &mut Vec<UnjudgedDocument>,
    ) -> Result<(), NoDecision> {
        if !holds_schemas(&edit.kind) {
            return Ok(());
        }
        let published = edit.versions.iter().filter(|(_, version)| {
            let was = version.old.as_ref().is_some_and(|old| !old.state.is_published());
            was && version.state.is_published() && !version.is_judged
        });
        for (id, _) in published {
            let Some(found) = edit.stored_document(id) else { continue };
            let found = UnjudgedDocument { is_published: true, ..found };
            match self.judgement(&edit.xid, &found) {
                Some(Err(violations)) => {
                    return Err(Refusal::invalid_document(&edit.xid, violations.clone()).into());
                }
                Some(Ok(verdict)) if self.is_compared_as(&edit.kind, &edit.xid, verdict) => {}
                _ if !self.is_compared(edit) => {}
                _ => unjudged.push(found),
            }
        }
        Ok(())
    }

    /// Whether new versions of a schema are compared with those before them.
    fn is_compared(&self, edit: &ResourceEdit) -> bool {
        let bindings = self.bindings_of(&edit.xid);
        let rule =
            self.catalog.compatibility_rule(&edit.xid, bindings.as_deref(), &self.schemas, None);
        rule.is_some()
    }

    /// Whether a stored version gets another format, or refers to others by its attributes.
    fn has_another_meaning(&self, version: &VersionEdit) -> Result<bool, NoDecision> {
        let Some(old) = &version.old else { return Ok(false) };
        let assumed = |content_type| SchemaFormat::of_stored(None, content_type);
        let (now, then) = (version.content_type.as_deref(), old.content_type.as_deref());
        if matches!(version.attributes, DraftAttributes::Same(_)) && assumed(now) == assumed(then) {
            return Ok(false);
        }
        let of = |map: &Map<String, Value>, content_type| {
            let named = map.get("format").and_then(Value::as_str);
            let format =
                (named.map(ToOwned::to_owned), SchemaFormat::of_stored(named, content_type));
            (format, map.get("references").filter(|sent| !sent.is_null()).cloned())
        };
        let before = self.read(&DraftAttributes::Same(old.attributes), |map| of(map, then))?;
        Ok(before != self.read(&version.attributes, |map| of(map, now))?)
    }

    /// The attribute `format`.
    fn format_of(&self, attributes: &DraftAttributes) -> Result<Option<String>, NoDecision> {
        self.read(attributes, |map| {
            map.get("format").and_then(Value::as_str).map(ToOwned::to_owned)
        })
    }

    /// Reads something from attributes.
    fn read<T>(
        &self,
        attributes: &DraftAttributes,
        of: impl Fn(&Map<String, Value>) -> T,
    ) -> Result<T, NoDecision> {
        match attributes {
            DraftAttributes::New(map) => Ok(of(map)),
            DraftAttributes::Same(None) => Ok(of(&Map::new())),
            DraftAttributes::Same(Some(content)) => {
                match self.stored_attributes.attributes(content) {
                    Some(map) => Ok(of(&map)),
                    None => Err(NoDecision::Missing(vec![*content])),
                }
            }
        }
    }

    /// Refuses to restore a document among the schemas that isn't what its `format` says.
    pub(super) fn check_restored_schema(
        &self,
        xid: &Xid,
        version: &Version,
        verdict: &Verdict,
    ) -> Result<(), NoDecision> {
        if verdict.schema_fault.is_none() {
            return Ok(());
        }
        let format = self.format_of(&DraftAttributes::Same(version.attributes))?;
        let faults = verdict.faults_as(format.as_deref());
        if faults.is_empty() {
            return Ok(());
        }
        Err(Refusal::invalid_document(xid, faults.to_vec()).into())
    }
}

/// The refusal of a document that can't be checked, because it isn't here.
pub(super) fn unchecked(xid: &Xid, bound: &Xid, is_elsewhere: bool) -> Refusal {
    let message = if is_elsewhere {
        format!("it is bound to {bound}, and a document at a URL can't be checked; send the bytes")
    } else {
        format!("it is bound to {bound}, so it needs a document; send one")
    };
    Refusal::invalid_document(xid, vec![Violation::keyword("", "document", message)])
}

impl ResourceEdit {
    /// Whether the command turns this version into the default, without bringing its document.
    fn is_moved_to(&self, default: &Id) -> bool {
        let is_other = self.old.as_ref().is_some_and(|old| old.meta.default != *default);
        is_other && !self.versions.get(default).is_some_and(|version| version.is_judged)
    }

    /// The document of a version; none if it has none.
    fn stored_document(&self, id: &Id) -> Option<UnjudgedDocument> {
        let version = self.xid.version(id.clone())?;
        let (content, content_type, attributes) = match self.versions.get(id) {
            Some(edit) => {
                let Some(DocumentEdit::Same(content)) = edit.document else { return None };
                (content, edit.content_type.clone(), edit.new_attributes(&version))
            }
            None => {
                let version = self.old.as_ref()?.versions.get(id)?;
                (version.document?, version.content_type.clone(), None)
            }
        };
        let is_published = false;
        Some(UnjudgedDocument { version, content, content_type, attributes, is_published })
    }
}

impl VersionEdit {
    /// The attributes that it gets as a schema; none if they stay.
    fn new_attributes(&self, xid: &Xid) -> Option<Arc<Map<String, Value>>> {
        match &self.attributes {
            DraftAttributes::New(map) if is_among_schemas(xid) => Some(Arc::new(map.clone())),
            _ => None,
        }
    }

    /// Whether the command leaves it without a document here. One that already was stays readable
    /// and may be described.
    fn goes_without_document(&self) -> bool {
        let had_one = |old: &Arc<Version>| old.document.is_some();
        self.document.is_none() && (self.is_elsewhere || self.old.as_ref().is_none_or(had_one))
    }
}

use std::sync::Arc;

use muster_words::{Id, IdError, Moment, Xid};
use serde_json::{Map, Value};

use super::{
    NoDecision,
    attributes::{check_attributes, check_epoch, check_id, merge},
    draft::{DocumentEdit, Draft, DraftAttributes, ResourceEdit, VersionEdit},
};
use crate::{
    Catalog, Lifecycle, LifecycleError, Refusal, ValueFault, VersionRefusal,
    command::Mode,
    facts::VersionFacts,
    state::Version,
    tree::{DocumentPart, NewDocument, VersionNode, WriteTree},
};
use muster_model::{AttributeOrigin, ResourceType};

impl Draft<'_> {
    /// Creates or updates one version of a resource.
    pub(super) fn write_version(
        &mut self,
        edit: &mut ResourceEdit,
        id: &Id,
        node: &VersionNode,
        is_default: bool,
    ) -> Result<(), NoDecision> {
        let xid = edit.xid.version(id.clone()).unwrap_or_else(|| edit.xid.clone());
        let old = edit.old.as_ref().and_then(|old| old.versions.get(id)).cloned();
        if old.is_none() {
            self.check_name(&xid, "version")?;
            if !edit.kind.setversionid && node.id.is_some() {
                let plural = edit.kind.plural.clone();
                return Err(Refusal::new(
                    &edit.xid,
                    VersionRefusal::VersionIdNotAllowed { plural },
                )
                .into());
            }
        }
        let mut sent = node.attributes.clone();
        let subject = if is_default { &edit.xid } else { &xid };
        let resource_id = edit.xid.id().map(ToString::to_string).unwrap_or_default();
        let ignore = self.ignored_of(&edit.xid);
        check_id(subject, &mut sent, &edit.kind.singular, &resource_id, ignore)?;
        let of_version = self.ignored_of(subject);
        check_id(subject, &mut sent, "version", id.as_str(), of_version)?;
        check_epoch(&xid, &mut sent, old.as_ref().map(|version| version.epoch), self.ignore)?;
        check_media_type(subject, &sent)?;
        let mut version = match &old {
            Some(old) => VersionEdit::of(old.clone(), self.now),
            None => self.first_state(edit, node),
        };
        self.check_mode(edit, node)?;
        self.set_document(&xid, edit, &mut version, node)?;
        let finds_ancestor = sent.get("ancestorid").is_some_and(Value::is_null);
        if !self.keeps_attributes(edit, &version, node, &sent) {
            self.set_attributes(&xid, edit, &mut version, node, sent)?;
            self.check_registered(&xid, edit, &version)?;
        }
        self.check_notation(&xid, edit, &mut version, node)?;
        if finds_ancestor {
            version.ancestor = None;
        }
        edit.versions.insert(id.clone(), version);
        Ok(())
    }

    /// Whether the stored attributes stay, because a document was sent without attributes. So the
    /// most common write neither reads nor stores attributes.
    fn keeps_attributes(
        &self,
        edit: &ResourceEdit,
        version: &VersionEdit,
        node: &VersionNode,
        sent: &Map<String, Value>,
    ) -> bool {
        // If the document is stored elsewhere, an attribute says so and must be removed.
        let lies_here = |old: &Arc<Version>| old.document.is_some() || old.attributes.is_none();
        node.from_headers
            && version.old.as_ref().is_some_and(lies_here)
            && sent.keys().all(|name| name == "contenttype")
            && !matches!(node.document, DocumentPart::Elsewhere)
            && self.new_model.is_none()
            && !edit.kind.attributes.iter().any(|attribute| attribute.immutable)
    }

    fn set_attributes(
        &self,
        xid: &Xid,
        edit: &ResourceEdit,
        version: &mut VersionEdit,
        node: &VersionNode,
        mut sent: Map<String, Value>,
    ) -> Result<(), NoDecision> {
        let is_patch = self.mode == Mode::Patch || node.from_headers;
        let elsewhere = format!("{}url", edit.kind.singular);
        if is_patch {
            let mut stored = self.current(&version.attributes);
            if matches!(node.document, DocumentPart::Bytes(_) | DocumentPart::Cleared) {
                stored.remove(&elsewhere);
            }
            if !node.from_headers || sent.get("contenttype").is_none() {
                let kept = version.content_type.as_deref();
                stored.extend(kept.map(|text| ("contenttype".to_owned(), text.into())));
            }
            sent = merge(stored, sent);
        } else if matches!(node.document, DocumentPart::Unchanged) {
            let stored = self.current(&version.attributes);
            if stored.contains_key(&elsewhere) {
                version.document = None;
            }
        }
        if let DocumentPart::Bytes(NewDocument { default_content_type: Some(default), .. }) =
            &node.document
            && sent.get("contenttype").is_none_or(Value::is_null)
        {
            sent.insert("contenttype".to_owned(), (*default).into());
        }
        if has_lifecycle(&edit.kind) && sent.get("state").is_none_or(Value::is_null) {
            sent.insert("state".to_owned(), version.state.as_str().into());
        }
        let stored_modified = version.old.as_ref().map(|old| old.modified);
        let mut checked =
            check_attributes(xid, &edit.kind.attributes, sent, stored_modified, self.now)?;
        version.take_own(xid, edit, &mut checked.attributes)?;
        version.created = checked.created.unwrap_or(version.created);
        version.modified = checked.modified.unwrap_or(self.now);
        version.attributes = DraftAttributes::New(checked.attributes);
        Ok(())
    }

    fn set_document(
        &mut self,
        xid: &Xid,
        edit: &ResourceEdit,
        version: &mut VersionEdit,
        node: &VersionNode,
    ) -> Result<(), NoDecision> {
        let new = match &node.document {
            DocumentPart::Unchanged => return Ok(()),
            DocumentPart::Cleared | DocumentPart::Elsewhere => None,
            DocumentPart::Bytes(document) => Some(document),
        };
        if let Some(old) = &version.old {
            check_replaceable(xid, &edit.kind, old, new)?;
        }
        let sent = node.attributes.get("contenttype").and_then(Value::as_str);
        if node.from_headers && sent.is_some() {
            version.content_type = sent.map(Arc::from);
        }
        if node.from_headers
            && let Some(new) = new.filter(|_| sent.is_none())
        {
            version.assume_content_type(new)?;
        }
        version.is_elsewhere = matches!(node.document, DocumentPart::Elsewhere);
        let Some(new) = new else {
            version.document = None;
            version.facts = VersionFacts::default();
            return Ok(());
        };
        version.is_judged = true;
        version.schema_fault =
            new.verdict.as_ref().and_then(|verdict| verdict.schema_fault.clone());
        version.judged_as = new.verdict.as_ref().map(|verdict| verdict.format);
        version.identity = new.verdict.as_ref().and_then(|verdict| verdict.identity.clone());
        version.facts = self.accept(edit, new);
        version.document = Some(self.document(version, new));
        Ok(())
    }

    /// The document as a reference to the previous state, if the bytes are equal.
    fn document(&mut self, version: &VersionEdit, new: &NewDocument) -> DocumentEdit {
        let old = version.old.as_ref().and_then(|old| old.document);
        match old.filter(|content| content.digest == new.digest) {
            Some(content) => DocumentEdit::Same(content),
            None => DocumentEdit::New(self.keep(&new.bytes, new.digest)),
        }
    }

    /// Takes over the verdict on a document. Its dependencies are checked at the end, because the
    /// command may bring some of them itself.
    fn accept(&mut self, edit: &ResourceEdit, new: &NewDocument) -> VersionFacts {
        let Some(verdict) = &new.verdict else { return VersionFacts::default() };
        self.verdicts.push((edit.xid.clone(), verdict.clone()));
        verdict.facts.clone()
    }
}

/// Refuses new documents for frozen versions early, so that a document that can't be stored anyway
/// isn't validated. The decision checks again.
///
/// # Errors
/// A version is retired, or frozen.
pub fn check_frozen(catalog: &Catalog, tree: &WriteTree) -> Result<(), Refusal> {
    let nodes = tree.groups.iter().flat_map(|group| &group.resources);
    for node in nodes.filter(|node| node.kind.aspect.frozen) {
        let Some(resource) = catalog.resource_at(&node.xid) else { continue };
        let default = &resource.meta.default;
        let of_default =
            node.default.iter().filter(|sent| sent.id.is_none()).map(|sent| (default, sent));
        let named = node.default.iter().chain(node.versions.iter().flatten());
        let named = named.filter_map(|sent| Some((sent.id.as_ref()?, sent)));
        for (id, sent) in of_default.chain(named) {
            if let (Some(old), DocumentPart::Bytes(new)) =
                (resource.versions.get(id), &sent.document)
            {
                let xid = node.xid.version(id.clone()).unwrap_or_else(|| node.xid.clone());
                check_replaceable(&xid, &node.kind, old, Some(new))?;
            }
        }
    }
    Ok(())
}

/// Refuses to replace a document that must not change any more.
fn check_replaceable(
    xid: &Xid,
    kind: &ResourceType,
    old: &Version,
    new: Option<&NewDocument>,
) -> Result<(), Refusal> {
    if old.document.map(|content| content.digest) == new.map(|new| new.digest) {
        return Ok(());
    }
    match old.state {
        Lifecycle::Retired => Err(Refusal::new(xid, VersionRefusal::StateFinal)),
        _ if kind.aspect.frozen => Err(Refusal::new(xid, VersionRefusal::Frozen)),
        _ => Ok(()),
    }
}

/// Whether versions of this type have Muster's lifecycle, not an attribute with that name that a
/// user defined.
fn has_lifecycle(kind: &ResourceType) -> bool {
    kind.attributes
        .get("state")
        .is_some_and(|attribute| attribute.origin == AttributeOrigin::BuiltIn)
}

impl VersionEdit {
    /// Sets the media type of a document that was sent without one. If it isn't the type with which
    /// the document was judged, it must be judged again.
    fn assume_content_type(&mut self, new: &NewDocument) -> Result<(), NoDecision> {
        if self.content_type.is_none() {
            self.content_type = new.default_content_type.map(Arc::from);
        }
        let is_judged = new.verdict.is_some();
        if is_judged && self.content_type.as_deref() != new.assumed_content_type() {
            return Err(NoDecision::Stale);
        }
        Ok(())
    }

    pub(super) fn fresh(now: Moment) -> Self {
        Self {
            old: None,
            attributes: DraftAttributes::Same(None),
            created: now,
            modified: now,
            ancestor: None,
            document: None,
            is_judged: false,
            schema_fault: None,
            judged_as: None,
            identity: None,
            is_elsewhere: false,
            content_type: None,
            state: Lifecycle::Stable,
            facts: VersionFacts::default(),
        }
    }

    /// Removes the attributes that the change stores in its own fields.
    fn take_own(
        &mut self,
        xid: &Xid,
        edit: &ResourceEdit,
        attributes: &mut Map<String, Value>,
    ) -> Result<(), Refusal> {
        let mut text = |name: &str| match attributes.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        self.content_type = text("contenttype").map(Into::into);
        if let Some(ancestor) = text("ancestorid") {
            let own = xid.id().filter(|_| ancestor == "request").cloned();
            let ancestor = match own {
                Some(own) => own,
                None => ancestor.parse().map_err(|error: IdError| {
                    Refusal::invalid_attribute(xid, "ancestorid", error)
                })?,
            };
            self.ancestor = Some(ancestor);
        }
        if has_lifecycle(&edit.kind)
            && let Some(next) = text("state")
        {
            self.set_state(xid, &next)?;
        }
        Ok(())
    }

    fn set_state(&mut self, xid: &Xid, next: &str) -> Result<(), Refusal> {
        let next: Lifecycle = next
            .parse()
            .map_err(|error: LifecycleError| Refusal::invalid_attribute(xid, "state", error))?;
        if self.old.is_some() && !self.state.may_become(next) {
            let reason = match self.state {
                Lifecycle::Retired => VersionRefusal::StateFinal,
                from => VersionRefusal::StateUnreachable { from, to: next },
            };
            return Err(Refusal::new(xid, reason));
        }
        self.state = next;
        Ok(())
    }
}

/// A media type is sent as a header, where only printable ASCII is allowed (RFC 9110, 5.5).
fn check_media_type(xid: &Xid, sent: &Map<String, Value>) -> Result<(), Refusal> {
    let Some(text) = sent.get("contenttype").and_then(Value::as_str) else { return Ok(()) };
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    Err(Refusal::invalid_attribute(xid, "contenttype", ValueFault::MediaType))
}

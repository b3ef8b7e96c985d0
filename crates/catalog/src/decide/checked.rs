use std::{collections::BTreeMap, sync::Arc};

use muster_schema::Violation;
use muster_words::{ContentRef, Id, Xid};

use super::{
    NoDecision,
    draft::{DocumentEdit, Draft, ResourceEdit, VersionEdit},
};
use crate::{
    Content, Refusal,
    judge::{Verdict, binding_documents, must_be_schema},
};

/// A stored document that must be judged before a decision, because it becomes what its resource
/// shows.
#[derive(Clone, Debug)]
pub struct UnjudgedDocument {
    /// Its version.
    pub version: Xid,
    /// Its bytes.
    pub content: Content,
    /// Its media type.
    pub content_type: Option<Arc<str>>,
}

/// The judgement on a stored document.
#[derive(Clone, Debug)]
pub struct StoredVerdict {
    /// The bytes that were judged.
    pub content: ContentRef,
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
        let judged = self.stored.get(&found.version);
        match judged.filter(|judged| judged.content == found.content.reference()) {
            Some(StoredVerdict { verdict: Ok(verdict), .. })
                if self.verdict_holds(&edit.xid, verdict) =>
            {
                Ok(())
            }
            Some(StoredVerdict { verdict: Err(violations), .. }) => {
                Err(Refusal::invalid_document(&edit.xid, violations.clone()).into())
            }
            _ => {
                unjudged.push(found);
                Ok(())
            }
        }
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
        let (content, content_type) = match self.versions.get(id) {
            Some(VersionEdit {
                document: Some(DocumentEdit::Same(content)), content_type, ..
            }) => (*content, content_type.clone()),
            Some(_) => return None,
            None => {
                let version = self.old.as_ref()?.versions.get(id)?;
                (version.document?, version.content_type.clone())
            }
        };
        Some(UnjudgedDocument { version: self.xid.version(id.clone())?, content, content_type })
    }
}

impl VersionEdit {
    /// Whether the command leaves it without a document here. One that already was stays readable
    /// and may be described.
    fn goes_without_document(&self) -> bool {
        let had_one = |old: &Arc<crate::state::Version>| old.document.is_some();
        self.document.is_none() && (self.is_elsewhere || self.old.as_ref().is_none_or(had_one))
    }
}

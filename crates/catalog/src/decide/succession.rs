//! What a version that is posted to a resource takes over from the versions before it, and whether
//! it is made at all.

use std::sync::Arc;

use muster_model::VersionMode;
use muster_words::Id;
use serde_json::Value;

use super::draft::{DocumentEdit, Draft, DraftAttributes, ResourceEdit, VersionEdit};
use crate::{
    Lifecycle,
    command::{Mode, Succession},
    state::Version,
    tree::VersionNode,
};

/// Attributes that give a version a place of its own among the others.
const PLACES: [&str; 3] = ["ancestorid", "createdat", "modifiedat"];

impl Draft<'_> {
    /// A new version before its attributes are set: with those of the default version, if it was
    /// posted as a document.
    pub(super) fn first_state(&self, edit: &ResourceEdit, node: &VersionNode) -> VersionEdit {
        let fresh = VersionEdit::fresh(self.now);
        let inherits = self.mode == Mode::Post && self.succession != Succession::AsSent;
        match edit.old_default().filter(|_| inherits && node.from_headers) {
            Some(default) => VersionEdit {
                attributes: DraftAttributes::Same(default.attributes),
                content_type: default.content_type.clone(),
                ..fresh
            },
            None => fresh,
        }
    }

    /// The version that a new one repeats: the default version, or the newest.
    pub(super) fn repeated_by(
        &self,
        edit: &ResourceEdit,
        id: &Id,
        node: &VersionNode,
    ) -> Option<Id> {
        if self.schemas.is_once && node.id.is_none() {
            let identity = edit.versions.get(id)?.identity.as_ref()?;
            return self.catalog.registered_as(&edit.xid, &identity.guid);
        }
        let may_repeat = self.succession == Succession::IfDifferent
            && self.set_default.is_none()
            && node.id.is_none()
            && !PLACES.iter().any(|name| node.attributes.contains_key(*name));
        if !may_repeat {
            return None;
        }
        let made = edit.versions.get(id)?;
        let default = edit.old_default();
        if let Some(default) = default.filter(|default| self.is_repeated(edit, made, default)) {
            // A version becomes the default by its state, so a state that isn't sent stays.
            let states_none = node.attributes.get("state").is_none_or(Value::is_null);
            let stays = states_none && default.state != Lifecycle::Retired;
            if stays || made.state == default.state {
                return Some(default.id.clone());
            }
        }
        let versions = &edit.old.as_ref()?.versions;
        let newest = versions.lineage().newest(VersionMode::CreatedAt).cloned()?;
        let newest = versions.get(&newest)?;
        let repeats = made.state == newest.state && self.is_repeated(edit, made, newest);
        repeats.then(|| newest.id.clone())
    }

    /// Takes back a version that was made only to be compared, with its document.
    pub(super) fn take_back(&mut self, edit: &mut ResourceEdit, id: &Id) {
        let made = edit.versions.remove(id);
        if let Some(DocumentEdit::New(named)) = made.and_then(|made| made.document) {
            self.contents.remove(&named.digest);
        }
    }

    /// Whether two versions have the same document, media type and attributes.
    fn is_repeated(&self, edit: &ResourceEdit, made: &VersionEdit, old: &Version) -> bool {
        let digest = made.document.map(|document| match document {
            DocumentEdit::Same(content) => content.digest,
            DocumentEdit::New(named) => named.digest,
        });
        (digest.is_some() || !edit.kind.hasdocument)
            && digest == old.document.map(|content| content.digest)
            && made.content_type == old.content_type
            && self.current(&made.attributes) == self.stored(old.attributes.as_ref())
    }
}

impl ResourceEdit {
    /// The default version before the command.
    fn old_default(&self) -> Option<&Arc<Version>> {
        let old = self.old.as_ref()?;
        old.versions.get(&old.meta.default)
    }
}

use muster_words::{Id, json};
use serde_json::Value;

use super::{DocumentPart, ResourceNode, VersionNode, WriteTree, document::JSON};
use crate::{
    Catalog,
    command::{Mode, Succession},
    state::Resource,
};

impl WriteTree {
    /// Finds the media types of documents that were sent without one: a document keeps the type of
    /// the version that it replaces or follows, or else is JSON if its bytes are. (In the
    /// specification and with [`Succession::AsSent`], it only keeps the type of the version that it
    /// replaces.) A PATCH keeps it with the other attributes of the version that it changes.
    pub fn settle_media_types(&mut self, catalog: &Catalog, succession: Succession) {
        let follows = self.mode == Mode::Post && succession != Succession::AsSent;
        let is_patch = self.mode == Mode::Patch;
        for node in self.groups.iter_mut().flat_map(|group| &mut group.resources) {
            let ResourceNode { xid, default, versions, .. } = node;
            let resource = catalog.resource_at(xid).map(|found| &**found);
            if let Some(version) = default {
                version.settle_media_type(resource, (true, is_patch), succession);
            }
            for version in versions.iter_mut().flatten() {
                version.settle_media_type(resource, (follows, is_patch), succession);
            }
        }
    }
}

impl VersionNode {
    /// The media type that was sent.
    pub(crate) fn content_type(&self) -> Option<&str> {
        self.attributes.get("contenttype").and_then(Value::as_str)
    }

    /// `keeps_default` says whether a version without an id replaces or follows the default version.
    fn settle_media_type(
        &mut self,
        resource: Option<&Resource>,
        (keeps_default, is_patch): (bool, bool),
        succession: Succession,
    ) {
        let DocumentPart::Bytes(document) = &mut self.document else { return };
        let keeps = self.from_headers || is_patch;
        if !keeps || self.attributes.contains_key("contenttype") {
            return;
        }
        let kept = |id: &Id| Some(resource?.versions.get(id)?.content_type.clone());
        let default = resource.map(|resource| &resource.meta.default);
        let follower = default.filter(|_| keeps_default);
        document.kept_content_type = match &self.id {
            Some(id) => kept(id).or_else(|| follower.and_then(kept)),
            None => follower.and_then(kept),
        }
        .flatten();
        if self.from_headers
            && succession != Succession::AsSent
            && document.kept_content_type.is_none()
        {
            let is_json = json::parse(&document.bytes).is_ok();
            document.default_content_type = is_json.then_some(JSON);
        }
    }
}

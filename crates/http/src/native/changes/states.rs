use std::sync::Arc;

use muster_catalog::{
    Catalog,
    state::{GroupState, Meta, Version},
};
use muster_history::StatesAt;
use muster_words::{Position, Xid};

use super::names::Names;
use crate::native::past;

/// What a view knows of entities at an earlier position.
pub(super) struct Earlier<'a> {
    pub view: &'a Catalog,
    pub at: Position,
    /// What deletions took and restores brought back.
    pub names: &'a Names,
}

impl StatesAt for Earlier<'_> {
    fn group(&self, xid: &Xid) -> Option<Arc<GroupState>> {
        past::group_as_of(self.view, xid, self.at)
    }

    fn meta(&self, xid: &Xid) -> Option<Arc<Meta>> {
        past::meta_as_of(self.view, xid, self.at)
    }

    fn version(&self, xid: &Xid) -> Option<Arc<Version>> {
        past::version_as_of(self.view, xid, self.at)
    }

    fn within(&self, xid: &Xid) -> Vec<Xid> {
        self.names.get(xid).cloned().unwrap_or_default()
    }

    fn document_attribute(&self, xid: &Xid) -> Option<String> {
        let collection = xid.collection()?;
        let (groups, resources) = (collection.groups, collection.resources?);
        let kind = self.view.model.resource_type(groups.as_str(), resources.as_str())?;
        Some(kind.singular.clone())
    }
}

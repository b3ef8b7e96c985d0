//! The routes and targets of a registry, read from a view.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_catalog::View;
use muster_registry::{FetchError, Registry};
use muster_words::{Moment, Notation, Xid, json::Value};

use super::BrokenDocument;
use crate::{
    route::{Route, UnusableDocument},
    store::LinkKey,
    target::RelayTarget,
};

/// The routes and targets of a registry.
#[derive(Default)]
pub struct FoundDocuments {
    /// Routes that are in force.
    pub routes: BTreeMap<Xid, FoundRoute>,
    /// Targets that are in force.
    pub targets: BTreeMap<Xid, FoundTarget>,
    /// Documents that can't be used.
    pub broken: Vec<BrokenDocument>,
    /// Documents that can't be read now. That says nothing about them, so what they made goes on.
    pub unread: BTreeMap<Xid, FetchError>,
    /// Every name, also of those that aren't in force.
    pub names: BTreeSet<Xid>,
}

impl FoundDocuments {
    /// The routes that send live events.
    pub fn live_routes(&self) -> BTreeSet<Xid> {
        let live = self.routes.iter().filter(|(_, found)| found.route.live.is_some());
        live.map(|(name, _)| name.clone()).collect()
    }

    /// Whether the route or the target of a link can't be read now.
    pub fn is_unread(&self, link: &LinkKey) -> bool {
        self.unread.contains_key(&link.route) || self.unread.contains_key(&link.target)
    }
}

/// Why a document doesn't count.
enum ReadError {
    Fetch(FetchError),
    Broken(String),
}

impl From<FetchError> for ReadError {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

impl From<&str> for ReadError {
    fn from(reason: &str) -> Self {
        Self::Broken(reason.to_owned())
    }
}

impl From<UnusableDocument> for ReadError {
    fn from(error: UnusableDocument) -> Self {
        Self::Broken(error.to_string())
    }
}

/// A route that is there.
pub struct FoundRoute {
    /// The route.
    pub route: Arc<Route>,
    /// When it was created.
    pub created: Moment,
}

/// A target that is there.
pub struct FoundTarget {
    /// The target.
    pub target: RelayTarget,
    /// The id of the version.
    pub version: String,
    /// When it was created.
    pub created: Moment,
}

/// Reads all routes and targets. A document that can't be used is listed and does nothing; the schema
/// refuses such a document when it is put, so it is from before or from elsewhere.
pub async fn read_documents(registry: &Registry, view: &View) -> FoundDocuments {
    let mut found = FoundDocuments::default();
    for groups in ["routes", "targets"] {
        for xid in names(view, groups) {
            found.names.insert(xid.clone());
            match read_one(registry, view, &xid, groups, &mut found).await {
                Ok(()) => {}
                Err(ReadError::Broken(reason)) => {
                    found.broken.push(BrokenDocument { name: xid, reason });
                }
                Err(ReadError::Fetch(error)) => {
                    found.unread.insert(xid, error);
                }
            }
        }
    }
    found
}

fn names(view: &View, groups: &str) -> Vec<Xid> {
    let entries = "entries";
    let all = view.groups(groups, None).flat_map(|group| {
        let names = group.resources(entries, None);
        let group = group.id().clone();
        names.map(move |resource| format!("/{groups}/{group}/{entries}/{}", resource.id()))
    });
    all.filter_map(|name| name.parse().ok()).collect()
}

async fn read_one(
    registry: &Registry,
    view: &View,
    xid: &Xid,
    groups: &str,
    found: &mut FoundDocuments,
) -> Result<(), ReadError> {
    let Some(resource) = view.resource_at(xid) else { return Ok(()) };
    let Some(version) = resource.default_version() else { return Ok(()) };
    // A draft isn't in force yet, and a retired version isn't any more.
    if !matches!(version.state.as_str(), "stable" | "deprecated") {
        return Ok(());
    }
    let content = version.document.ok_or("it has no document")?;
    let bytes = registry.contents(&[content]).await?;
    let bytes = bytes.into_iter().next().flatten().ok_or("its document was erased")?;
    let value = Notation::of(version.content_type.as_deref())
        .parse(&bytes)
        .map_err(|_| UnusableDocument::NoData)?;
    let created = resource.meta().created;
    Ok(insert(xid, groups, (value, created, version.id.to_string()), found)?)
}

fn insert(
    xid: &Xid,
    groups: &str,
    (value, created, version): (Value, Moment, String),
    found: &mut FoundDocuments,
) -> Result<(), UnusableDocument> {
    if groups == "routes" {
        let route = FoundRoute { route: Arc::new(Route::read(value)?), created };
        found.routes.insert(xid.clone(), route);
    } else {
        let target = FoundTarget { target: RelayTarget::read(value)?, version, created };
        found.targets.insert(xid.clone(), target);
    }
    Ok(())
}

//! `GET /deleted[/<xid>]`: the names that a restore could bring back, with who deleted them and when.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use axum::{
    Extension,
    extract::{Path, RawQuery, State},
    response::Response,
};
use http::StatusCode;
use muster_catalog::{View, command::RegistryPart, state::Stamp};
use muster_registry::CommandBounds;
use muster_wire::{
    Problem,
    deleted::{DeletedName, DeletedPage},
    entities::HiddenKind,
    headers,
};
use muster_words::{Coverage, Permission, Position, Xid};

use super::{Native, actors::ActorNames, answer, place, query::Parameters};
use crate::{
    Caller, IntoProblem,
    submit::check,
    xregistry::{percent_decoded, problem_of_fetch},
};

/// The maximum number of names on a page. For each deletion an entry is read.
const PAGE_MAX: usize = 1_000;

/// `GET /deleted`: everywhere.
pub(super) async fn deleted_anywhere(
    native: State<Native>,
    caller: Extension<Caller>,
    query: RawQuery,
) -> Result<Response, IntoProblem> {
    deleted(native, caller, Path(String::new()), query).await
}

/// `GET /deleted/<xid>`: in a group, a document or a collection.
pub(super) async fn deleted(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let place = place::parse(&format!("/{path}"), "/deleted")?;
    let parameters = Parameters::parse(query.as_deref(), &["after", "limit"], "/deleted")?;
    let limit = parameters.limit(PAGE_MAX, PAGE_MAX)?;
    let after = parameters.value("after");
    let after = after.map(|text| percent_decoded(text).unwrap_or_else(|| text.to_owned()));
    let view = native.registry.view().seen_within(caller.principal.scope.clone());
    // Who deleted something is in the log.
    let shows_actor = check(&caller.principal, Permission::ReadLog, &place.to_string()).is_ok();
    let reading = async {
        let mut found = names(&view, &place, after.as_deref(), limit + 1);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let names = told(&native, &view, found, shows_actor).await?;
        let mut page = DeletedPage { names, next: None };
        if let Some(last) = page.names.last().filter(|_| has_more) {
            let below = if place == RegistryPart::All { String::new() } else { place.to_string() };
            let (base, after) = (&caller.base, &last.xid);
            page.next = Some(format!("{base}/deleted{below}?after={after}&limit={limit}"));
        }
        Ok(answer::json(StatusCode::OK, &page))
    };
    let mut response = native.logs.run(reading).await?;
    response.headers_mut().insert(headers::MUSTER_POSITION, view.position().0.into());
    Ok(response)
}

/// The deleted names at a place, sorted as texts.
fn names(view: &View, place: &RegistryPart, after: Option<&str>, max: usize) -> Vec<(Xid, Stamp)> {
    let below = match place {
        RegistryPart::All => "/".to_owned(),
        place => format!("{place}/"),
    };
    let from: Arc<str> = after.filter(|after| *after > below.as_str()).unwrap_or(&below).into();
    let all = view.catalog().hidden.range(from..);
    let all = all.take_while(|(name, _)| name.starts_with(&below));
    let is_seen =
        |name: &str| view.within().is_none_or(|within| within.coverage(name) != Coverage::Outside);
    all.filter(|(name, _)| after.is_none_or(|after| &***name > after) && is_seen(name))
        .filter_map(|(name, hidden)| Some((name.parse().ok()?, hidden.stamp)))
        // A name that is in use again can't be restored; the log shows what it was.
        .filter(|(xid, _)| !view.has(xid))
        .take(max)
        .collect()
}

/// Adds when each name was deleted, and by whom.
async fn told(
    native: &Native,
    view: &View,
    found: Vec<(Xid, Stamp)>,
    shows_actor: bool,
) -> Result<Vec<DeletedName>, Problem> {
    let mut actors = ActorNames::default();
    let mut read: BTreeMap<Position, CommandBounds> = BTreeMap::new();
    let mut names = Vec::with_capacity(found.len());
    for (xid, stamp) in found {
        let at = stamp.position;
        let CommandBounds { entry, .. } = match read.entry(at) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let bounds = native.registry.bounds_at(at).await;
                unknown.insert(bounds.map_err(|error| problem_of_fetch(error, "/deleted"))?)
            }
        };
        let name = match shows_actor {
            true => actors.of(&native.registry, view.catalog(), &entry.actor).await,
            false => None,
        };
        names.push(DeletedName {
            kind: kind(&xid).into(),
            xid: xid.to_string(),
            position: at.0,
            time: entry.moment.to_string(),
            actor: shows_actor.then(|| entry.actor.clone()),
            name,
        });
    }
    Ok(names)
}

const fn kind(xid: &Xid) -> HiddenKind {
    match xid {
        Xid::Registry | Xid::Group { .. } => HiddenKind::Group,
        Xid::Resource { .. } | Xid::Meta { .. } => HiddenKind::Document,
        Xid::Version { .. } => HiddenKind::Version,
    }
}

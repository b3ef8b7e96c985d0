//! Which links should run. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_words::{Moment, Xid};

use super::{
    BrokenDocument,
    documents::{FoundDocuments, FoundRoute, FoundTarget},
};
use crate::{
    route::{EventForm, Route, RouteMode},
    store::{LinkKey, StoredLink},
    stream::{StreamedRoute, StreamedRoutes},
    target::TargetKind,
};

/// How many links run at once; those of routes that run once and are finished don't count. Each
/// follows the ledger and holds up to a thousand deliveries, so these take less than a gigabyte while
/// every target is down.
pub const LINKS_MAX: usize = 2_000;

/// The links that should run.
#[derive(Default)]
pub struct WantedLinks {
    /// Those that may.
    pub links: BTreeMap<LinkKey, WantedLink>,
    /// The routes that don't run to all of their targets, because there are too many links.
    pub refused: Vec<BrokenDocument>,
    /// The routes to each target that is read as a stream: no link runs for them.
    pub streamed: BTreeMap<Xid, StreamedRoutes>,
}

/// A link that should run.
pub struct WantedLink {
    /// The route.
    pub route: Arc<Route>,
    /// When the route or the target was created, whichever was later.
    pub created: Moment,
    /// Which life of them it is.
    pub life: String,
}

/// The links that the documents ask for, at most as many as there is room for: the known ones first,
/// then the others by name.
pub fn wanted(
    found: &FoundDocuments,
    known: &BTreeSet<LinkKey>,
    stored: &[StoredLink],
    room: usize,
) -> WantedLinks {
    let finished = stored.iter().filter(|stored| stored.is_finished);
    let finished = finished.map(|stored| (&stored.key, stored.life.as_str())).collect();
    let mut filling = Filling { found, finished, room, links: BTreeMap::new() };
    for key in known {
        let route = found.routes.get(&key.route).filter(|route| route.route.enabled);
        if route.is_some_and(|route| targets_of(route, found).any(|name| *name == key.target)) {
            filling.take(key.clone());
        }
    }
    let mut refused = Vec::new();
    for (name, route) in found.routes.iter().filter(|(_, route)| route.route.enabled) {
        let keys = targets_of(route, found)
            .map(|target| LinkKey { route: name.clone(), target: target.clone() });
        let count = keys.filter(|key| !filling.take(key.clone())).count();
        if count > 0 {
            let reason = format!(
                "it doesn't run to {count} of its targets, because a registry runs at most \
                 {LINKS_MAX} routes with a target each at once"
            );
            refused.push(BrokenDocument { name: name.clone(), reason });
        }
        refused.extend(misled(name, route, found));
    }
    WantedLinks { links: filling.links, refused, streamed: streamed(found) }
}

struct Filling<'a> {
    found: &'a FoundDocuments,
    /// The finished links, each with its life.
    finished: BTreeMap<&'a LinkKey, &'a str>,
    room: usize,
    links: BTreeMap<LinkKey, WantedLink>,
}

impl Filling<'_> {
    /// Takes a link, unless there is no room for it. One that isn't in force is passed over.
    fn take(&mut self, key: LinkKey) -> bool {
        if self.links.contains_key(&key) {
            return true;
        }
        let Some(link) = link(self.found, &key) else { return true };
        let is_finished = self.finished.get(&key).is_some_and(|life| *life == link.life);
        if !is_finished {
            let Some(room) = self.room.checked_sub(1) else { return false };
            self.room = room;
        }
        self.links.insert(key, link);
        true
    }
}

/// The names of the targets of a route.
fn targets_of<'a>(
    route: &'a FoundRoute,
    found: &'a FoundDocuments,
) -> Box<dyn Iterator<Item = &'a Xid> + 'a> {
    let Route { mode, targets, exclude, once, .. } = &*route.route;
    match mode {
        RouteMode::Broadcast => {
            // What is sent once isn't meant for a target that nobody knew of when it was sent.
            let is_meant = move |target: &FoundTarget| !once || target.created <= route.created;
            let meant = found
                .targets
                .iter()
                .filter(move |(name, target)| !exclude.contains(name) && is_meant(target));
            Box::new(meant.map(|(name, _)| name))
        }
        RouteMode::Unidirectional | RouteMode::Bidirectional | RouteMode::Multicast => {
            Box::new(targets.iter())
        }
    }
}

/// How the life of a link ends that sends live events.
const LIVE: &str = " live";

/// Whether what is stored of a link is about live events.
pub(super) fn is_live(stored: &StoredLink) -> bool {
    stored.life.ends_with(LIVE)
}

/// The routes to each target that is read as a stream.
fn streamed(found: &FoundDocuments) -> BTreeMap<Xid, StreamedRoutes> {
    let mut streamed = BTreeMap::<Xid, StreamedRoutes>::new();
    for (name, found_route) in &found.routes {
        let FoundRoute { route, created } = found_route;
        if !route.enabled || route.once || route.live.is_some() {
            continue;
        }
        for target in targets_of(found_route, found) {
            let Some(read) = found.targets.get(target) else { continue };
            if read.target.kind == TargetKind::Sse {
                let created = (*created).max(read.created);
                let route = StreamedRoute { route: route.clone(), created };
                streamed.entry(target.clone()).or_default().insert(name.clone(), route);
            }
        }
    }
    streamed
}

/// Why a route doesn't run to some of the targets that it names.
fn misled(name: &Xid, route: &FoundRoute, found: &FoundDocuments) -> Option<BrokenDocument> {
    let Route { mode, targets, live, once, form, .. } = &*route.route;
    let reason =
        targets.iter().find_map(|target| match &found.targets.get(target)?.target.kind {
            TargetKind::Registry { .. } if live.is_some() => Some(format!(
                "it sends live events, and {target} is another registry, which takes none"
            )),
            TargetKind::Registry { .. } if *form == EventForm::Differences => Some(format!(
                "it sends differences, and {target} is another registry, which takes documents"
            )),
            TargetKind::Registry { .. } => None,
            kind if *mode == RouteMode::Bidirectional => Some(format!(
                "it goes in both directions, and {target} is no registry ({}) but takes only what \
                 is sent",
                kind.name()
            )),
            TargetKind::Sse if live.is_some() => Some(format!(
                "it sends live events, and {target} is a stream: read /events instead"
            )),
            TargetKind::Sse if *once => {
                Some(format!("it sends once, and {target} is a stream, which follows changes"))
            }
            _ => None,
        })?;
    Some(BrokenDocument { name: name.clone(), reason })
}

/// A link of a route and a target that are in force.
fn link(found: &FoundDocuments, key: &LinkKey) -> Option<WantedLink> {
    let route = found.routes.get(&key.route)?;
    let target = found.targets.get(&key.target).filter(|target| target.target.enabled)?;
    let (is_live, form) = (route.route.live.is_some(), route.route.form);
    match target.target.kind {
        // Receivers read it here.
        TargetKind::Sse => return None,
        // Another registry takes documents.
        TargetKind::Registry { .. } if is_live || form == EventForm::Differences => return None,
        _ => {}
    }
    // The marks of a route that sends live events are their numbers, and no positions.
    let what = if is_live { LIVE } else { "" };
    Some(WantedLink {
        route: route.route.clone(),
        created: route.created.max(target.created),
        life: format!("{} {}{what}", route.created, target.created),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_words::Position;
    use serde_json::json;

    use super::*;
    use crate::target::RelayTarget;

    /// Broadcasts to all targets.
    fn found(routes: &[&str], targets: usize) -> FoundDocuments {
        let mut found = FoundDocuments::default();
        for name in routes {
            let route = Route::read(json!({"mode": "broadcast"})).unwrap();
            let route = FoundRoute { route: Arc::new(route), created: Moment::EPOCH };
            found.routes.insert(format!("/routes/r/entries/{name}").parse().unwrap(), route);
        }
        for number in 0..targets {
            let target = RelayTarget::read(json!({"kind": "folder", "path": "a"})).unwrap();
            let target = FoundTarget { target, version: "1".to_owned(), created: Moment::EPOCH };
            found.targets.insert(format!("/targets/t/entries/t{number}").parse().unwrap(), target);
        }
        found
    }

    fn refused(wanted: &WantedLinks) -> Vec<String> {
        let refused = wanted.refused.iter();
        refused.map(|one| format!("{}: {}", one.name, one.reason)).collect()
    }

    #[test]
    fn beyond_the_limit_a_route_is_refused_by_name_and_displaces_none_that_runs() {
        let first = wanted(&found(&["b"], 3), &BTreeSet::new(), &[], 4);
        assert_eq!((first.links.len(), first.refused.len()), (3, 0));
        let known: BTreeSet<LinkKey> = first.links.keys().cloned().collect();
        // Its name comes first, and it doesn't come first.
        let more = wanted(&found(&["a", "b"], 3), &known, &[], 4);
        assert!(known.iter().all(|key| more.links.contains_key(key)));
        assert_eq!(more.links.len(), 4);
        assert_eq!(
            refused(&more),
            [
                "/routes/r/entries/a: it doesn't run to 2 of its targets, because a registry runs at \
              most 2000 routes with a target each at once"
            ]
        );
        // Known links are refused too, if there are more than may run.
        let known = wanted(&found(&["a", "b"], 3), &BTreeSet::new(), &[], 9).links;
        let fewer = wanted(&found(&["a", "b"], 3), &known.into_keys().collect(), &[], 4);
        assert_eq!((fewer.links.len(), fewer.refused.len()), (4, 1));
    }

    #[test]
    fn a_broadcast_that_is_sent_once_reaches_no_target_that_came_later() {
        let at = |text: &str| Moment::parse(text).unwrap();
        for (once, expect) in [(true, vec!["t0", "t1"]), (false, vec!["t0", "t1", "t2"])] {
            let mut found = found(&[], 3);
            let route = Route::read(json!({"mode": "broadcast", "once": once})).unwrap();
            let route = FoundRoute { route: Arc::new(route), created: at("2026-01-02T00:00:00Z") };
            found.routes.insert("/routes/r/entries/a".parse().unwrap(), route);
            let days = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"];
            for (target, day) in found.targets.values_mut().zip(days) {
                target.created = at(day);
            }
            let links = wanted(&found, &BTreeSet::new(), &[], 9).links;
            let reached: Vec<String> = links.keys().map(|key| key.target.to_string()).collect();
            let expect = expect.iter().map(|name| format!("/targets/t/entries/{name}"));
            assert_eq!(reached, expect.collect::<Vec<_>>(), "once: {once}");
        }
    }

    #[test]
    fn what_runs_once_and_is_finished_takes_no_room() {
        let known = wanted(&found(&["a"], 2), &BTreeSet::new(), &[], 2).links;
        let stored: Vec<StoredLink> = known
            .iter()
            .map(|(key, link)| StoredLink {
                key: key.clone(),
                life: link.life.clone(),
                mark: Position(1),
                is_finished: true,
            })
            .collect();
        let all = wanted(&found(&["a", "b"], 2), &known.into_keys().collect(), &stored, 2);
        assert_eq!((all.links.len(), all.refused.len()), (4, 0));
    }
}

use muster_catalog::{View, command::RegistryPart, sync::SyncedState};
use muster_words::{Id, Position, Xid};

/// The documents that a sync wrote at a place.
#[derive(Debug, Default)]
pub(super) struct SyncedDocuments {
    /// Those that still say what it wrote, each with the position of what they said before it.
    pub written: Vec<(Xid, Position)>,
    /// Those that say something else by now.
    pub kept: Vec<Xid>,
}

impl SyncedDocuments {
    /// What a sync wrote after a position and up to another one.
    pub fn of(
        now: &View,
        (sync, since, until): (&Id, Position, Position),
        place: &RegistryPart,
    ) -> Self {
        let mut found = Self::default();
        let names = now.catalog().synced.keys().filter_map(|name| name.parse::<Xid>().ok());
        for xid in names.filter(|xid| place.holds(xid)) {
            let is_its =
                |synced: &SyncedState| synced.sync == *sync && synced.stamp.position > since;
            let seen = now.at_position(until);
            match before(&seen, &xid, is_its) {
                None => {}
                Some(_) if now.last_document_change(&xid) > until => found.kept.push(xid),
                Some(Before::At(position)) => found.written.push((xid, position)),
                Some(Before::ChangedSince) => found.kept.push(xid),
            }
        }
        found.written.sort_unstable();
        found.kept.sort_unstable();
        found
    }
}

/// What a document said before a sync.
enum Before {
    /// What it said at this position.
    At(Position),
    /// Something else wrote it afterwards.
    ChangedSince,
}

/// Where a document was before the newest commands that a sync wrote it with, one after another; none
/// if the sync never wrote it.
fn before(seen: &View, xid: &Xid, is_its: impl Fn(&SyncedState) -> bool) -> Option<Before> {
    let mut view = seen.clone();
    let mut found = None;
    loop {
        let last = view.last_document_change(xid);
        // Later marks may only say what else became known of the same state.
        let then = view.at_position(last);
        let written = then.synced(xid).filter(|synced| synced.stamp.position == last);
        if last > Position::ZERO && written.is_some_and(|synced| is_its(synced)) {
            view = view.at_position(Position(last.0.saturating_sub(1)));
            found = Some(Before::At(view.position()));
            continue;
        }
        if found.is_some() {
            return found;
        }
        // What came later hides whether the sync wrote it at all.
        let mut earlier = view.synced(xid).cloned();
        while let Some(synced) = earlier {
            let then = seen.at_position(synced.stamp.position);
            if is_its(&synced) && then.last_document_change(xid) == synced.stamp.position {
                return Some(Before::ChangedSince);
            }
            let previous = Position(synced.stamp.position.0.saturating_sub(1));
            earlier = seen.at_position(previous).synced(xid).cloned();
        }
        return None;
    }
}

use std::cmp::Ordering;

use muster_words::Id;
use serde_json::Value;

use super::{
    Causality, ConflictPolicy, DocumentOrigin, SyncContent, VectorTooLong, VersionVector, merged,
    semantic_version::SemanticVersion,
};

/// A state of a document, here or elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct ComparedSide<'a> {
    /// How much of the document's history it holds.
    pub vector: &'a VersionVector,
    /// Where it was first written; none if the document never existed.
    pub origin: Option<&'a DocumentOrigin>,
    /// What it says; none if the document is deleted.
    pub content: Option<&'a SyncContent>,
}

/// The two registries of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncSides {
    /// The one that has the route.
    pub source: Id,
    /// The one that it leads to.
    pub target: Id,
}

/// What becomes of a state that arrives.
#[derive(Clone, Debug, PartialEq)]
pub enum SyncDecision {
    /// It is held already; nothing happens.
    Held,
    /// It becomes the state here, with this vector.
    Take(VersionVector),
    /// What is here stays, with this vector; the origin is that of what both say or, if they differ,
    /// of what is here.
    Join(VersionVector, DocumentOrigin),
    /// Both become a new state, which is written here and holds everything in this vector.
    Merge(Box<SyncContent>, VersionVector),
    /// Somebody must decide.
    Conflict,
}

/// Compares a state that arrives with the one that is here. `base` is called at most once, for the
/// newest earlier state here that the other side knew.
///
/// # Errors
/// The vector would name too many registries.
pub fn compare(
    here: &Id,
    local: ComparedSide<'_>,
    incoming: ComparedSide<'_>,
    (policy, sides): (ConflictPolicy, &SyncSides),
    base: impl FnOnce() -> Option<SyncContent>,
) -> Result<SyncDecision, VectorTooLong> {
    let joined = local.vector.join(incoming.vector)?;
    let is_same = local.content == incoming.content;
    match incoming.vector.stands_to(local.vector) {
        Causality::Before => return Ok(SyncDecision::Held),
        // The same state, which each registry may show in its own way.
        Causality::Same if is_same || local.origin == incoming.origin => {
            return Ok(SyncDecision::Held);
        }
        // Each side decided a conflict in another way. Time decides for both.
        Causality::Same => {
            return Ok(match by_time(&local, &incoming) {
                Ordering::Less => SyncDecision::Take(joined),
                _ => SyncDecision::Held,
            });
        }
        Causality::After if is_same => return Ok(stays(&incoming, joined)),
        Causality::After => return Ok(SyncDecision::Take(joined)),
        Causality::Concurrent if is_same => {
            let later = if by_time(&local, &incoming).is_lt() { &incoming } else { &local };
            return Ok(stays(later, joined));
        }
        Causality::Concurrent => {}
    }
    let order = match policy {
        ConflictPolicy::Manual => return Ok(SyncDecision::Conflict),
        ConflictPolicy::Merge => return Ok(merge(&local, &incoming, joined, base)),
        ConflictPolicy::SourceWins => side_wins(*here == sides.source),
        ConflictPolicy::TargetWins => side_wins(*here == sides.target),
        ConflictPolicy::LastWriter => by_time(&local, &incoming),
        ConflictPolicy::HighestVersion => {
            by_version(&local, &incoming).then_with(|| by_time(&local, &incoming))
        }
    };
    Ok(match order {
        Ordering::Less => SyncDecision::Take(joined),
        _ => stays(&local, joined),
    })
}

/// What is here stays; its origin is that of one of the sides.
fn stays(side: &ComparedSide<'_>, joined: VersionVector) -> SyncDecision {
    match side.origin {
        Some(origin) => SyncDecision::Join(joined, origin.clone()),
        // A document that never existed has nothing to join.
        None => SyncDecision::Held,
    }
}

const fn side_wins(is_here: bool) -> Ordering {
    if is_here { Ordering::Greater } else { Ordering::Less }
}

fn merge(
    local: &ComparedSide<'_>,
    incoming: &ComparedSide<'_>,
    joined: VersionVector,
    base: impl FnOnce() -> Option<SyncContent>,
) -> SyncDecision {
    let (Some(one), Some(other)) = (local.content, incoming.content) else {
        return SyncDecision::Conflict;
    };
    match base().and_then(|base| merged(&base, one, other)) {
        None => SyncDecision::Conflict,
        Some(found) if found == *one => stays(local, joined),
        Some(found) if found == *other => SyncDecision::Take(joined),
        Some(found) => SyncDecision::Merge(Box::new(found), joined),
    }
}

/// Which side was written later; the same everywhere.
fn by_time(local: &ComparedSide<'_>, incoming: &ComparedSide<'_>) -> Ordering {
    local.origin.map(DocumentOrigin::order).cmp(&incoming.origin.map(DocumentOrigin::order))
}

/// Which side has the higher version. A deletion has none.
fn by_version(local: &ComparedSide<'_>, incoming: &ComparedSide<'_>) -> Ordering {
    let version = |side: &ComparedSide<'_>| side.content?.json()?.get("version").cloned();
    let (Some(one), Some(other)) = (version(local), version(incoming)) else {
        return Ordering::Equal;
    };
    if let (Some(one), Some(other)) = (semantic(&one), semantic(&other)) {
        return one.cmp(&other);
    }
    match (whole(&one), whole(&other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => Ordering::Equal,
    }
}

fn semantic(value: &Value) -> Option<SemanticVersion<'_>> {
    SemanticVersion::parse(value.as_str()?)
}

/// A number, or a text of digits, as a version.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

//! Views of the past, one case after another; what holds of any history is a law.

use muster_catalog::command::Mode;
use muster_journal::MemoryLedger;
use muster_registry::ViewError;
use muster_words::{Position, XidPatterns};

use super::*;
use crate::commands::*;

const NAME: &str = "/configs/app/entries/a";
const GROUP: &str = "/configs/app";

/// Does the commands one after another. Answers the registry and where each command ended.
async fn done(commands: Vec<muster_catalog::command::Command>) -> (Registry, Vec<Position>) {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &CountingClock::default()).await;
    let mut ends = Vec::new();
    for command in commands {
        ends.push(registry.submit(command, &by()).await.unwrap().position);
    }
    (registry, ends)
}

#[tokio::test]
async fn a_time_may_be_a_minute_ahead_of_the_clock_and_not_more() {
    let (registry, ends) = done(vec![put(NAME, "1")]).await;
    let head = *ends.last().unwrap();
    let ahead = |seconds: i64| {
        let time = registry.now().microseconds() + seconds * 1_000_000;
        Moment::from_microseconds(time).unwrap()
    };
    for seconds in [0, 30, 60] {
        let view = registry.view_at_time(ahead(seconds)).await.unwrap();
        assert_eq!(view.position(), head, "{seconds} s ahead");
    }
    for seconds in [61, 3_600, 40_000_000] {
        let refused = registry.view_at_time(ahead(seconds)).await;
        assert!(matches!(refused, Err(ViewError::InFuture { .. })), "{seconds} s: {refused:?}");
    }
    registry.close().await;
}

#[tokio::test]
async fn a_name_is_answered_rightly_wherever_it_was_deleted_made_restored_or_purged() {
    let (registry, ends) = done(vec![
        put(NAME, "1"),
        put(NAME, "2"),
        delete(NAME),
        put(NAME, "3"),
        delete(GROUP),
        restore(GROUP),
        delete(NAME),
        restore(NAME),
        purge(NAME),
        put(NAME, "4"),
    ])
    .await;
    // The document's epoch, and whether it was erased since.
    let expected = [
        Some((1, true)),
        Some((2, true)),
        None,
        Some((1, true)),
        None,
        Some((2, true)),
        None,
        Some((3, true)),
        None,
        Some((1, false)),
    ];
    for (end, expected) in ends.iter().zip(expected) {
        let view = registry.view_at(*end).await.unwrap();
        let version = view.version_at(&xid(NAME));
        let erased = || view.erased(&xid(NAME)).is_some();
        assert_eq!(version.map(|version| (version.epoch, erased())), expected, "at {end}");
        assert_eq!(view.position(), *end);
        let count = view.group_at(&xid(GROUP)).map(|group| group.resource_count("entries"));
        assert_eq!(count.unwrap_or_default(), usize::from(expected.is_some()), "at {end}");
        let change = view.last_change(&xid(NAME)).map(|stamp| stamp.position);
        assert_eq!(change, Some(*end), "at {end}");
    }
    let first = registry.view_at(ends[0]).await.unwrap();
    let document = first.version_at(&xid(NAME)).unwrap().document.unwrap();
    assert_eq!(document.digest, muster_words::Digest::of(b"1"), "its digest is known");
    assert_eq!(registry.contents(&[document]).await.unwrap(), [None]);
}

#[tokio::test]
async fn what_is_kept_of_a_version_that_went_stays_readable() {
    let version = |number: u8| format!("{NAME}/versions/{number}");
    let (registry, ends) = done(vec![
        put(NAME, "1"),
        post(NAME, "2"),
        delete(&version(1)),
        restore(&version(1)),
        purge(&version(2)),
    ])
    .await;
    let expected =
        [("1", vec!["1"]), ("2", vec!["1", "2"]), ("2", vec!["2"]), ("2", vec!["1", "2"])];
    for (end, (default, versions)) in ends.iter().zip(expected) {
        let view = registry.view_at(*end).await.unwrap();
        let resource = view.resource_at(&xid(NAME)).unwrap();
        assert_eq!(resource.meta().default.as_str(), default, "at {end}");
        let found: Vec<&str> = resource.versions(None).map(|version| version.id.as_str()).collect();
        assert_eq!(found, versions, "at {end}");
        assert_eq!(resource.version_count(), versions.len(), "at {end}");
        let is_erased = |number| view.erased(&xid(&version(number))).is_some();
        assert_eq!((is_erased(1), is_erased(2)), (false, *end >= ends[1]), "at {end}");
        // What a document shows is its default version.
        assert_eq!(view.erased(&xid(NAME)).is_some(), default == "2", "at {end}");
    }
}

#[tokio::test]
async fn a_view_has_its_positions_model_capabilities_and_bindings() {
    let source = |kind: &str| format!(r#"{{"groups":{{"{kind}":{{"singular":"one"}}}}}}"#);
    let rules = r#"{"muster":{"rules":["/rulegroups/own"]}}"#;
    let (registry, ends) = done(vec![
        model(&source("apples")),
        tree(Mode::Put, entity("/apples/a"), "{}"),
        tree(Mode::Put, muster_catalog::command::Target::Capabilities, r#"{"pagination":true}"#),
        put("/rulegroups/own/rules/r", crate::serial::clients::RULES[0]),
        put(NAME, "1"),
        patch(GROUP, rules),
    ])
    .await;
    let at = async |index: usize| registry.view_at(ends[index]).await.unwrap();
    assert!(registry.view_at(Position(1)).await.unwrap().model().group_type("apples").is_none());
    assert!(at(0).await.model().group_type("apples").is_some());
    assert!(at(1).await.capabilities().is_none());
    assert!(at(2).await.capabilities().is_some());
    let bound = async |index| at(index).await.group_at(&xid(GROUP)).unwrap().bindings().rules.len();
    assert_eq!((bound(4).await, bound(5).await), (0, 1));
}

#[tokio::test]
async fn a_position_inside_a_command_means_the_end_of_the_one_before() {
    // Equal documents of two names stand in two entries.
    let (registry, ends) = done(vec![put(NAME, "0"), pair("a", "b", "1")]).await;
    let (first, last) = (ends[0], ends[1]);
    assert!(last.0 > first.0 + 1, "it takes several entries");
    for (asked, answered) in
        [(Position::ZERO, Position::ZERO), (first, first), (first.next(), first), (last, last)]
    {
        let view = registry.view_at(asked).await.unwrap();
        assert_eq!((view.position(), view.stamp().position), (answered, answered), "{asked}");
    }
    let above = registry.view_at(last.next()).await;
    assert!(matches!(above, Err(ViewError::AboveHead { head, .. }) if head == last));
}

#[tokio::test]
async fn a_purge_is_a_change_of_what_it_was_in_and_not_of_a_name_that_begins_alike() {
    let longer = format!("{NAME}b");
    let (registry, ends) = done(vec![
        put(NAME, "1"),
        put(&longer, "1"),
        post(&longer, "2"),
        purge(&format!("{longer}/versions/1")),
    ])
    .await;
    let view = registry.view();
    for (name, expect) in [(NAME, (false, ends[0])), (&longer, (true, ends[3]))] {
        let change = view.last_change(&xid(name)).unwrap();
        assert_eq!((view.has_purges(&xid(name)), change.position), expect, "{name}");
    }
}

#[tokio::test]
async fn who_sees_only_some_places_sees_no_others_in_the_past() {
    let (registry, ends) = done(vec![put(NAME, "1"), put(NAME, "2")]).await;
    let within = Arc::new(XidPatterns::new(vec!["/configs/app".parse().unwrap()]));
    let view = registry.view().seen_within(Some(within.clone()));
    let first = registry.view_at(ends[0]).await.unwrap();
    let past = view.back_to(first.stamp(), first.moment());
    assert_eq!((past.position(), past.within()), (ends[0], Some(&*within)));
}

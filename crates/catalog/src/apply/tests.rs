#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use muster_model::Foundation;

use super::*;
use crate::changes::{GroupWritten, Hidden, Outcome, Restored};

fn empty() -> Catalog {
    let source = Value::Object(muster_words::json::Map::new());
    Catalog::empty(Arc::new(Model::compile(&source, Foundation::BuiltIn).unwrap()))
}

/// A command of one entry, at the next position.
fn recorded(catalog: &Catalog, moment: i64, changes: Vec<Change>) -> RecordedCommand {
    RecordedCommand {
        moment: Moment::from_microseconds(moment).unwrap(),
        tag: [1; 4],
        actor: "admin".into(),
        idempotency: None,
        parts: vec![(catalog.position().next(), changes)],
    }
}

fn number(number: u64) -> Digest {
    Digest::of(&number.to_be_bytes())
}

/// A command that is remembered under a key.
fn repeatable(catalog: &Catalog, moment: i64, key: u64) -> RecordedCommand {
    let (outcome, subject) = (Outcome::Updated, Xid::Registry);
    let answer = CommandAnswered { outcome, subject, shown: None, members: Vec::new() };
    let mut command = recorded(catalog, moment, vec![Change::Answered(answer)]);
    command.idempotency = Some((number(key), number(0)));
    command
}

#[test]
fn remembers_a_key_for_a_day_and_not_longer() {
    let day = 24 * 60 * 60 * 1_000_000;
    for (later, is_remembered) in [(1, true), (day - 1, true), (day, true), (day + 1, false)] {
        let mut catalog = empty();
        let facts = CommandFacts::default();
        catalog.apply(&repeatable(&catalog, 0, 1), &facts).unwrap();
        assert!(catalog.remembered(&number(1)).is_some());
        // Any command moves the ledger's time.
        catalog.apply(&recorded(&catalog, later, Vec::new()), &facts).unwrap();
        assert_eq!(catalog.remembered(&number(1)).is_some(), is_remembered, "after {later} µs");
    }
}

#[test]
fn forgets_the_oldest_of_more_than_a_million_keys() {
    let mut catalog = empty();
    let facts = CommandFacts::default();
    for key in 1..=2 {
        catalog.apply(&repeatable(&catalog, 0, key), &facts).unwrap();
    }
    // Only the order counts, and only the oldest are looked at.
    let more = std::iter::repeat_n(number(9), 1_000_000 - 3);
    catalog.remembered_order.extend(more);
    let mut shown: Vec<Vec<u64>> = Vec::new();
    for key in 3..=4 {
        catalog.apply(&repeatable(&catalog, 0, key), &facts).unwrap();
        shown.push((1..=key).filter(|key| catalog.remembered(&number(*key)).is_some()).collect());
    }
    assert_eq!(shown, [vec![1, 2, 3], vec![2, 3, 4]]);
}

#[test]
fn a_group_protects_what_it_binds_as_long_as_it_is_there() {
    let group: Xid = "/providers/cms".parse().unwrap();
    let schema: Xid = "/schemagroups/s/schemas/x".parse().unwrap();
    let rule: Xid = "/rulegroups/r/rules/y".parse().unwrap();
    let bindings =
        Bindings { schema: Some(schema.clone()), rules: vec![rule.clone()], ..Bindings::default() };
    let bound = CommandFacts {
        bindings: [(group.clone(), Arc::new(bindings))].into(),
        ..CommandFacts::default()
    };
    let moment = Moment::EPOCH;
    let (created, modified) = (moment, moment);
    let written =
        GroupWritten { group: group.clone(), attributes: None, epoch: 1, created, modified };
    let is_free = &CommandFacts::default();
    let mut catalog = empty();
    for (change, facts, is_protected) in [
        (Change::GroupWritten(written.clone()), &bound, true),
        (Change::Hidden(Hidden { xid: group.clone() }), is_free, false),
        (Change::Restored(Restored { xid: group.clone() }), &bound, true),
        (Change::GroupWritten(written), is_free, false),
    ] {
        let said = format!("{change:?}");
        catalog.apply(&recorded(&catalog, 0, vec![change]), facts).unwrap();
        for target in [&schema, &rule] {
            let referrers = catalog.referrers_of(target);
            let expect: BTreeSet<Xid> = is_protected.then(|| group.clone()).into_iter().collect();
            assert_eq!(referrers, expect, "{target} after {said}");
        }
    }
}

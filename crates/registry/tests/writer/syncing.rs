//! Two registries that exchange states of documents: what each knows then, now and in the past, also
//! after a replay.

use bytes::Bytes;
use muster_catalog::{
    Lifecycle,
    command::Action,
    sync::{ConflictPolicy, SyncContent, SyncSides, VersionVector},
};
use muster_journal::MemoryLedger;
use muster_registry::{
    DocumentState, IncomingDocument, Resolution, SubmitError, SyncError, SyncOutcome, SyncWay,
    conflict_name,
};
use muster_words::{Id, Position, Xid, json};

use super::*;
use crate::commands::*;

const NAME: &str = "/configs/app/entries/one";

/// A registry with its ledger.
struct Side {
    registry: Registry,
    ledger: Arc<dyn Ledger>,
}

impl Side {
    async fn new(id: &str) -> Self {
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let registry = opened(&ledger, id).await;
        Self { registry, ledger }
    }

    fn id(&self) -> Id {
        self.registry.view().id().clone()
    }

    async fn put(&self, document: &str) -> Position {
        self.registry.submit(post(NAME, document), &by()).await.unwrap().position
    }

    async fn state(&self) -> DocumentState {
        let view = self.registry.view();
        self.registry.document_state(&view, &xid(NAME)).await.unwrap()
    }

    async fn text(&self) -> Option<String> {
        let content = self.state().await.content?;
        Some(String::from_utf8(content.bytes?.to_vec()).unwrap())
    }

    /// Takes the other side's state of the document.
    async fn take(&self, other: &Self, policy: ConflictPolicy) -> SyncOutcome {
        let incoming = other.offer(self, policy).await;
        self.registry.sync(&incoming, &by()).await.unwrap().outcome
    }

    /// What it would send.
    async fn offer(&self, to: &Self, policy: ConflictPolicy) -> IncomingDocument {
        let DocumentState { vector, origin, content, .. } = self.state().await;
        let way = SyncWay {
            sync: "s1".parse().unwrap(),
            route: None,
            sides: SyncSides { source: self.id(), target: to.id() },
            policy,
        };
        IncomingDocument {
            xid: xid(NAME),
            vector,
            origin: origin.unwrap(),
            content,
            base: None,
            way,
        }
    }

    fn conflict(&self, with: &Self) -> Option<Xid> {
        let name = conflict_name(&xid(NAME), &with.id()).unwrap();
        self.registry.view().has(&name).then_some(name)
    }
}

async fn opened(ledger: &Arc<dyn Ledger>, id: &str) -> Registry {
    let mut settings = settings(Foundation::BuiltIn, CountingClock::default().clock());
    settings.genesis = Some(Genesis { registry: id.parse().unwrap(), actor: "test".into() });
    Registry::open(Box::new(LedgerHandle(ledger.clone())), settings).await.unwrap()
}

fn vector(all: &[(&Side, Position)]) -> VersionVector {
    VersionVector::new(all.iter().map(|(side, position)| (side.id(), *position))).unwrap()
}

#[tokio::test]
async fn a_document_goes_there_and_back_and_comes_to_rest() {
    let (a, b) = (Side::new("a").await, Side::new("b").await);
    let first = a.put("1").await;
    assert_eq!(b.take(&a, ConflictPolicy::Manual).await, SyncOutcome::Taken);
    assert_eq!(
        (b.text().await, b.state().await.vector),
        (Some("1".into()), vector(&[(&a, first)]))
    );
    let head = (a.registry.view().position(), b.registry.view().position());
    for _ in 0..3 {
        assert_eq!(a.take(&b, ConflictPolicy::Manual).await, SyncOutcome::Held);
        assert_eq!(b.take(&a, ConflictPolicy::Manual).await, SyncOutcome::Held);
    }
    assert_eq!((a.registry.view().position(), b.registry.view().position()), head);
    let second = b.put("2").await;
    assert_eq!(a.take(&b, ConflictPolicy::Manual).await, SyncOutcome::Taken);
    assert_eq!(a.text().await.as_deref(), Some("2"));
    assert_eq!(a.state().await.vector, vector(&[(&a, first), (&b, second)]));
    assert_eq!(a.state().await.origin, b.state().await.origin);
    // A deletion goes along, and so does what comes after it.
    b.registry.submit(delete(NAME), &by()).await.unwrap();
    assert_eq!(a.take(&b, ConflictPolicy::Manual).await, SyncOutcome::Taken);
    assert_eq!((a.text().await, a.state().await.vector), (None, b.state().await.vector));
    assert_eq!(b.take(&a, ConflictPolicy::Manual).await, SyncOutcome::Held);
    a.put("3").await;
    assert_eq!(b.take(&a, ConflictPolicy::Manual).await, SyncOutcome::Taken);
    assert_eq!(b.text().await.as_deref(), Some("3"));
}

#[tokio::test]
async fn what_is_known_of_a_document_is_the_same_after_a_replay_and_in_the_past() {
    let (a, b) = (Side::new("a").await, Side::new("b").await);
    let mut known = Vec::new();
    for round in 0..4 {
        a.put(&format!("{{\"a\": {round}}}")).await;
        b.take(&a, ConflictPolicy::LastWriter).await;
        b.put(&format!("{{\"b\": {round}}}")).await;
        if round % 2 == 0 {
            a.put(&format!("{{\"c\": {round}}}")).await;
        }
        a.take(&b, ConflictPolicy::LastWriter).await;
        if round == 2 {
            a.registry.submit(delete(NAME), &by()).await.unwrap();
        }
        let view = a.registry.view();
        known.push((view.position(), a.state().await));
    }
    let again = opened(&a.ledger, "a").await;
    for registry in [&a.registry, &again] {
        for (position, expect) in &known {
            let view = registry.view_at(*position).await.unwrap();
            let found = registry.document_state(&view, &xid(NAME)).await.unwrap();
            assert_eq!(&found, expect, "{position}");
        }
    }
}

#[tokio::test]
async fn a_conflict_waits_and_is_decided_once_for_both() {
    for (take, expect) in [
        (Resolution::Ours, Some("\"b\"")),
        (Resolution::Theirs, Some("\"a\"")),
        (
            Resolution::Content(Box::new(SyncContent {
                bytes: Some(Bytes::from_static(b"\"c\"")),
                content_type: Some("application/json".to_owned()),
                attributes: json::Map::new(),
                state: Lifecycle::Stable,
            })),
            Some("\"c\""),
        ),
    ] {
        let (a, b) = (Side::new("a").await, Side::new("b").await);
        a.put("0").await;
        b.take(&a, ConflictPolicy::Manual).await;
        a.put("\"a\"").await;
        b.put("\"b\"").await;
        let found = b.take(&a, ConflictPolicy::Manual).await;
        let name = b.conflict(&a).unwrap();
        assert_eq!(found, SyncOutcome::Conflict(name.clone()));
        assert_eq!(b.text().await.as_deref(), Some("\"b\""));
        // The same again says nothing new.
        let head = b.registry.view().position();
        b.take(&a, ConflictPolicy::Manual).await;
        assert_eq!(b.registry.view().position(), head);
        assert!(matches!(a.take(&b, ConflictPolicy::Manual).await, SyncOutcome::Conflict(_)));
        let content = b.registry.view().version_at(&name).unwrap().document.unwrap();
        let bytes = b.registry.contents(&[content]).await.unwrap().remove(0).unwrap();
        let document = json::parse(&bytes).unwrap();
        assert_eq!(document["base"]["text"], "0", "{document}");
        assert_eq!(document["differences"][0]["path"], "/document", "{document}");
        let done = b.registry.resolve_conflict(&name, (&take, None), &by()).await.unwrap();
        assert!(done.1.is_some());
        assert_eq!((b.conflict(&a), b.text().await.as_deref()), (None, expect));
        // Where it says already what was decided, it only learns that it was.
        let outcome = a.take(&b, ConflictPolicy::Manual).await;
        let is_there = take == Resolution::Theirs;
        assert_eq!(outcome, if is_there { SyncOutcome::Joined } else { SyncOutcome::Taken });
        assert_eq!((a.conflict(&b), a.text().await.as_deref()), (None, expect));
        assert_eq!(b.take(&a, ConflictPolicy::Manual).await, SyncOutcome::Held);
    }
}

#[tokio::test]
async fn a_merge_joins_both_and_waits_for_what_both_changed() {
    let (a, b) = (Side::new("a").await, Side::new("b").await);
    a.put(r#"{"x": 1, "y": 1}"#).await;
    b.take(&a, ConflictPolicy::Merge).await;
    a.put(r#"{"x": 2, "y": 1}"#).await;
    b.put(r#"{"x": 1, "y": 2}"#).await;
    let (to_a, to_b) =
        (b.offer(&a, ConflictPolicy::Merge).await, a.offer(&b, ConflictPolicy::Merge).await);
    // They cross on their way.
    assert_eq!(a.registry.sync(&to_a, &by()).await.unwrap().outcome, SyncOutcome::Merged);
    assert_eq!(b.registry.sync(&to_b, &by()).await.unwrap().outcome, SyncOutcome::Merged);
    assert_eq!(a.text().await.as_deref(), Some(r#"{"x":2,"y":2}"#));
    assert_eq!(a.text().await, b.text().await);
    assert_eq!(a.take(&b, ConflictPolicy::Merge).await, SyncOutcome::Joined);
    assert_eq!(b.take(&a, ConflictPolicy::Merge).await, SyncOutcome::Joined);
    assert_eq!(a.state().await.vector, b.state().await.vector);
    a.put(r#"{"x": 3}"#).await;
    b.put(r#"{"x": 4}"#).await;
    assert!(matches!(a.take(&b, ConflictPolicy::Merge).await, SyncOutcome::Conflict(_)));
}

#[tokio::test]
async fn refuses_what_cannot_be_true_and_what_is_meant_for_others() {
    let (a, b) = (Side::new("a").await, Side::new("b").await);
    a.put("1").await;
    let offered = a.offer(&b, ConflictPolicy::Manual).await;
    let mut ahead = offered.clone();
    ahead.vector = ahead.vector.with(&b.id(), Position(77)).unwrap();
    assert!(matches!(b.registry.sync(&ahead, &by()).await, Err(SyncError::Untrue(_))));
    let mut without_origin = offered.clone();
    without_origin.origin.position = Position(78);
    assert!(matches!(b.registry.sync(&without_origin, &by()).await, Err(SyncError::Untrue(_))));
    let mut at_zero = offered.clone();
    at_zero.origin.position = Position::ZERO;
    assert!(matches!(b.registry.sync(&at_zero, &by()).await, Err(SyncError::Untrue(_))));
    let mut elsewhere = offered.clone();
    elsewhere.way.sides.target = "c".parse().unwrap();
    assert!(matches!(
        b.registry.sync(&elsewhere, &by()).await,
        Err(SyncError::OtherRegistry { .. })
    ));
    assert_eq!(b.registry.sync(&offered, &by()).await.unwrap().outcome, SyncOutcome::Taken);
}

#[tokio::test]
async fn many_at_once_of_one_document_lose_nothing() {
    let here = Side::new("here").await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..6 {
        let other = Side::new(&format!("r{number}")).await;
        other.put(&format!("{number}")).await;
        let offered = other.offer(&here, ConflictPolicy::LastWriter).await;
        let registry = here.registry.clone();
        tasks.spawn(async move { (offered.clone(), registry.sync(&offered, &by()).await) });
    }
    let mut expect = VersionVector::default();
    while let Some(done) = tasks.join_next().await {
        let (offered, outcome) = done.unwrap();
        outcome.unwrap();
        expect = expect.join(&offered.vector).unwrap();
    }
    assert_eq!(here.state().await.vector, expect);
}

impl Side {
    /// How many contents of its ledger have this text.
    async fn count(&self, text: &str) -> usize {
        documents(&*self.ledger).await.keys().filter(|document| document.contains(text)).count()
    }
}

#[tokio::test]
async fn a_conflict_keeps_no_copy_of_what_is_erased() {
    for erased in [NAME, "/configs/app"] {
        // One whose document is erased while it waits, and one that was deleted by somebody.
        for is_open in [true, false] {
            let (a, b) = (Side::new("a").await, Side::new("b").await);
            a.put("\"base secret\"").await;
            b.take(&a, ConflictPolicy::Manual).await;
            a.put("\"their secret\"").await;
            b.put("\"our secret\"").await;
            b.take(&a, ConflictPolicy::Manual).await;
            let name = b.conflict(&a).unwrap();
            if !is_open {
                // Without force, nobody would ever hear of it again.
                for undecided in [name.to_string(), "/conflicts/a".to_owned()] {
                    let done = b.registry.submit(delete(&undecided), &by()).await;
                    assert!(matches!(done, Err(SubmitError::Refused(_))), "{done:?}");
                }
                assert!(b.conflict(&a).is_some());
                let mut command = delete(&name.to_string());
                let Action::Delete(delete) = &mut command.action else { unreachable!() };
                delete.force = true;
                b.registry.submit(command, &by()).await.unwrap();
            }
            assert!(b.count("secret").await > 0);
            b.registry.submit(purge(erased), &by()).await.unwrap();
            assert_eq!((b.count("secret").await, b.conflict(&a)), (0, None), "{erased} {is_open}");
        }
    }
    let (a, b) = (Side::new("a").await, Side::new("b").await);
    a.put("\"theirs\"").await;
    b.put("\"ours\"").await;
    b.take(&a, ConflictPolicy::Manual).await;
    let name = b.conflict(&a).unwrap();
    assert_eq!(b.count("theirs").await, 1);
    b.registry.resolve_conflict(&name, (&Resolution::Ours, None), &by()).await.unwrap();
    assert_eq!((b.count("theirs").await, b.count("ours").await), (0, 1));
    // A conflict about the same document can wait again.
    a.put("\"theirs again\"").await;
    let found = b.take(&a, ConflictPolicy::Manual).await;
    assert_eq!(found, SyncOutcome::Conflict(name));
}

#[tokio::test]
async fn a_decision_overwrites_no_edit_that_nobody_compared() {
    let (a, b) = (Side::new("a").await, Side::new("b").await);
    a.put("\"theirs\"").await;
    b.put("\"ours\"").await;
    b.take(&a, ConflictPolicy::Manual).await;
    let name = b.conflict(&a).unwrap();
    b.put("\"newer\"").await;
    let mut taken = Vec::new();
    for _ in 0..2 {
        taken.push(
            b.registry.resolve_conflict(&name, (&Resolution::Theirs, None), &by()).await.is_ok(),
        );
        let expect = if taken.len() == 1 { "\"newer\"" } else { "\"theirs\"" };
        assert_eq!(b.text().await.as_deref(), Some(expect));
        if taken.len() == 1 {
            // It shows the edit now.
            let record = b.registry.conflict(&b.registry.view(), &name).await.unwrap();
            assert_eq!(record.ours, b.state().await.vector);
        }
    }
    assert_eq!(taken, [false, true]);
    // What stays overwrites nothing.
    a.put("\"theirs again\"").await;
    b.put("\"ours again\"").await;
    b.take(&a, ConflictPolicy::Manual).await;
    b.put("\"newest\"").await;
    b.registry.resolve_conflict(&name, (&Resolution::Ours, None), &by()).await.unwrap();
    assert_eq!((b.text().await.as_deref(), b.conflict(&a)), (Some("\"newest\""), None));
}

#[tokio::test]
async fn refuses_attributes_that_no_client_sets() {
    let (a, b) = (Side::new("a").await, Side::new("b").await);
    a.put("1").await;
    let labels =
        r#"{"labels": {"a": "b"}, "name": "N", "description": "D", "state": "deprecated"}"#;
    a.registry.submit(patch(NAME, labels), &by()).await.unwrap();
    let offered = a.offer(&b, ConflictPolicy::Manual).await;
    for name in [
        "entry",
        "entrybase64",
        "entryurl",
        "entryid",
        "versionid",
        "epoch",
        "xid",
        "self",
        "isdefault",
        "createdat",
        "modifiedat",
        "ancestorid",
        "contenttype",
        "state",
        "meta",
        "metaurl",
        "versions",
        "versionsurl",
        "versionscount",
        "formatvalidated",
    ] {
        let mut sent = offered.clone();
        sent.content.as_mut().unwrap().attributes.insert(name.to_owned(), "x".into());
        let found = b.registry.sync(&sent, &by()).await;
        let found = found.map_err(|error| error.to_string());
        let expect = format!("{name} isn't one of the attributes that travel between registries");
        assert_eq!(found, Err(expect));
    }
    assert_eq!(b.registry.sync(&offered, &by()).await.unwrap().outcome, SyncOutcome::Taken);
    assert_eq!(b.state().await.content, a.state().await.content);
}

#[tokio::test]
async fn a_forged_conflict_decides_nothing_that_cannot_be_true() {
    let (a, b) = (Side::new("a").await, Side::new("b").await);
    b.put("\"ours\"").await;
    let ours = b.state().await.vector.of(&b.id());
    let forged = |position: u64, theirs: &str| {
        let own = ours.0;
        format!(
            r#"{{"document": "{NAME}", "peer": "a", "sync": "s1", "policy": "manual",
              "ours": {{"vector": {{"b": {own}}}}},
              "theirs": {{"vector": {{"a": 5, "b": {position}}}, "state": "stable",
                "contenttype": "application/json", {theirs} "text": "\"theirs\"",
                "origin": {{"registry": "a", "position": 5, "time": "2026-01-01T00:00:00Z"}}}}}}"#
        )
    };
    let name = xid("/conflicts/a/entries/forged");
    let canonical = conflict_name(&xid(NAME), &a.id()).unwrap();
    for (theirs, position, expect) in [
        ("", 1_000_000_000_000_000, false),
        (r#""attributes": {"versionid": "9"},"#, 1, false),
        ("", 1, true),
    ] {
        let document = forged(position, theirs);
        b.registry.submit(put(&name.to_string(), &document), &by()).await.unwrap();
        let done = b.registry.resolve_conflict(&name, (&Resolution::Theirs, None), &by()).await;
        assert_eq!(done.is_ok(), expect, "{document} {done:?}");
        assert_eq!(b.registry.view().has(&name), !expect);
    }
    // One that can't be true doesn't keep a true one from being noted.
    let document = forged(1_000_000_000_000_000, "");
    b.registry.submit(put(&canonical.to_string(), &document), &by()).await.unwrap();
    a.put("\"1\"").await;
    a.put("\"2\"").await;
    let mut offered = a.offer(&b, ConflictPolicy::Manual).await;
    offered.vector = offered.vector.with(&a.id(), Position(90)).unwrap();
    b.put("\"ours again\"").await;
    b.registry.sync(&offered, &by()).await.unwrap();
    let record = b.registry.conflict(&b.registry.view(), &canonical).await.unwrap();
    assert_eq!(record.theirs.0, offered.vector);
}

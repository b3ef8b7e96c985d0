#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::iter;

use bytes::Bytes;
use muster_catalog::changes::{GroupWritten, Purged};
use muster_journal::{
    Batch, Ledger, MemoryLedger,
    faulty::{FaultyLedger, ReadFault},
};
use muster_ledger::{CommandId, Record};

use super::*;

/// An entry of a test about the group `/dirs/<name>`.
#[derive(Clone, Copy, Debug)]
enum EntryKind {
    /// It was written, and its content is stored.
    Kept(&'static str),
    /// It was written, but its content is missing.
    Lost(&'static str),
    /// It was purged.
    Erased(&'static str),
}

use EntryKind::{Erased, Kept, Lost};

fn xid(name: &str) -> Xid {
    format!("/dirs/{name}").parse().unwrap()
}

fn change(say: EntryKind, position: Position, moment: Moment) -> (Change, Bytes) {
    let bytes = Bytes::from(format!("{{\"number\":{position}}}"));
    let change = match say {
        Erased(name) => Change::Purged(Purged { xid: xid(name) }),
        Kept(name) | Lost(name) => Change::GroupWritten(GroupWritten {
            group: xid(name),
            attributes: Some(ContentName::new(&bytes)),
            epoch: 1,
            created: moment,
            modified: moment,
        }),
    };
    (change, bytes)
}

async fn ledger(says: &[EntryKind]) -> Arc<dyn Ledger> {
    let memory: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let mut head = Head::EMPTY;
    for say in says {
        let position = head.position.next();
        let tick = i64::try_from(position.0).unwrap();
        let moment = Moment::from_microseconds(1_700_000_000_000_000 + tick).unwrap();
        let (change, bytes) = change(*say, position, moment);
        let (kind, body) = change.encode();
        let entry = Entry {
            position,
            moment,
            actor: "test".to_owned(),
            command: CommandId(u128::from(position.0).to_be_bytes()),
            part: 1,
            parts: 1,
            request: None,
            trace: None,
            idempotency: None,
            previous: head.hash,
            changes: vec![Record { kind, skippable: false, body }],
        };
        let content = ContentRef { position, digest: Digest::of(&bytes) };
        let mut batch = Batch { entries: vec![entry.encode().unwrap()], ..Batch::default() };
        if !matches!(say, Erased(_)) {
            batch.contents.push((content, bytes));
        }
        head = memory.append(head, &batch).await.unwrap();
        if matches!(say, Lost(_)) {
            let loss = Batch { purges: vec![content], ..Batch::default() };
            memory.append(head, &loss).await.unwrap();
        }
    }
    memory
}

/// The first missing content and how far the walk came; or the number of purged ones.
async fn walk(says: &[EntryKind], end: u64, limit: usize) -> Result<u64, (Option<u64>, u64)> {
    let ledger: Arc<dyn LedgerReader> = ledger(says).await;
    let mut inspection = Inspection::new(&ledger);
    inspection.missing = MissingContents::of(limit);
    let ran = inspection.run(Position(end), |_| {}).await;
    let came = inspection.verification.entries;
    ran.map(|()| inspection.verification.purged).map_err(|error| {
        let content = error.content().map(|fault| fault.position.0);
        (content, came)
    })
}

#[tokio::test]
async fn an_erasure_explains_what_was_written_before_it_and_nothing_later() {
    for (says, expect) in [
        (vec![Kept("a"), Kept("b")], Ok(0)),
        (vec![Lost("a"), Erased("a")], Ok(1)),
        (vec![Lost("a"), Erased("a"), Kept("a")], Ok(1)),
        (vec![Lost("a"), Erased("a"), Lost("a")], Err(3)),
        (vec![Lost("a"), Erased("a"), Lost("a"), Erased("a")], Ok(2)),
        (vec![Erased("a"), Lost("a")], Err(2)),
        (vec![Lost("b"), Lost("a"), Erased("a"), Lost("a")], Err(1)),
    ] {
        // For any limit and any end of the walk: entries after the end explain missing contents,
        // too.
        let all = says.len() as u64;
        for limit in [1, 2, 100] {
            let found = walk(&says, all, limit).await;
            assert_eq!(found.map_err(|(gone, _)| gone), expect.map_err(Some), "{says:?} {limit}");
        }
    }
    let says = [Lost("a"), Erased("a"), Lost("a"), Erased("a")];
    for (end, expect) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
        for limit in [1, 100] {
            assert_eq!(walk(&says, end, limit).await, Ok(expect), "{end} {limit}");
        }
    }
}

#[tokio::test]
async fn a_ledger_that_has_lost_its_contents_is_not_walked_to_its_end() {
    let says: Vec<EntryKind> = iter::repeat_n(Lost("a"), 2_000).collect();
    // A page is always walked whole.
    let page = u64::from(PAGE.get());
    assert_eq!(walk(&says, 2_000, 300).await, Err((Some(1), 2 * page)));
    // A purge at the end explains all of them, with any limit.
    let erased: Vec<EntryKind> = says.iter().copied().chain([Erased("a")]).collect();
    for limit in [1, 300, 10_000] {
        assert_eq!(walk(&erased, 2_001, limit).await, Ok(2_000), "{limit}");
    }
}

#[tokio::test]
async fn what_may_have_been_erased_where_nothing_can_be_read_is_not_called_missing() {
    let below = ledger(&[Lost("a"), Erased("a")]).await;
    let reads = [ReadFault::Pass, ReadFault::Pass, ReadFault::Unavailable];
    let faulty: Arc<dyn LedgerReader> = Arc::new(FaultyLedger::new(below, []).with_reads(reads));
    let mut inspection = Inspection::new(&faulty);
    let ran = inspection.run(Position(1), |_| {}).await;
    assert!(matches!(ran, Err(VerifyError::Read(FetchError::Unavailable))), "{ran:?}");
    // Once the ledger can be read, the fault is reported.
    let mut inspection = Inspection::new(&faulty);
    inspection.run(Position(1), |_| {}).await.unwrap();
    assert_eq!(inspection.verification.purged, 1);
}

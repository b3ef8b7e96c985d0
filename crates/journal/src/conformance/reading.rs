use std::{num::NonZeroU32, sync::Arc};

use muster_ledger::{EntryBytes, Head};
use muster_words::{Digest, Position};

use super::{LedgerFixture, sample::sample_batch};
use crate::Ledger;

pub(super) async fn run(fixture: &dyn LedgerFixture) {
    an_empty_ledger_has_the_empty_head_and_nothing_else(&*fixture.open("empty").await).await;
    reads_entries_and_leaves_in_order_from_any_position(&*fixture.open("reading").await).await;
    shows_a_batch_as_a_whole(fixture.open("whole").await).await;
}

pub(super) fn limit(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

async fn an_empty_ledger_has_the_empty_head_and_nothing_else(ledger: &dyn Ledger) {
    assert_eq!(ledger.head().await.unwrap(), Head::EMPTY);
    for after in [0, 1, u64::MAX] {
        assert_eq!(ledger.read(Position(after), limit(10)).await.unwrap(), []);
        assert_eq!(ledger.leaves(Position(after), limit(10)).await.unwrap(), []);
    }
    assert_eq!(ledger.contents(&[]).await.unwrap(), [] as [Option<bytes::Bytes>; 0]);
}

async fn reads_entries_and_leaves_in_order_from_any_position(ledger: &dyn Ledger) {
    let mut entries: Vec<EntryBytes> = Vec::new();
    let mut head = Head::EMPTY;
    for (salt, count) in [(1, 1), (2, 7), (3, 30)] {
        let batch = sample_batch(head, salt, count);
        entries.extend(batch.entries.iter().cloned());
        head = ledger.append(head, &batch).await.unwrap();
        assert_eq!(head, batch.head_after(Head::EMPTY), "the head of the batch's last entry");
        assert_eq!(ledger.head().await.unwrap(), head);
    }
    let leaves: Vec<Digest> = entries.iter().map(EntryBytes::leaf).collect();
    for after in 0..=entries.len() {
        for count in [1, 2, 37, u32::MAX] {
            let (position, rest) = (Position(after as u64), entries.len() - after);
            let most = rest.min(count as usize);
            let least = most.min(1);
            let found = ledger.read(position, limit(count)).await.unwrap();
            assert!((least..=most).contains(&found.len()), "{count} after {after}");
            assert_eq!(found, entries[after..after + found.len()], "{count} after {after}");
            let found = ledger.leaves(position, limit(count)).await.unwrap();
            assert!((least..=most).contains(&found.len()), "{count} after {after}");
            assert_eq!(found, leaves[after..after + found.len()], "{count} after {after}");
        }
    }
    for after in [head.position.next(), Position(u64::MAX)] {
        assert_eq!(ledger.read(after, limit(1)).await.unwrap(), [], "beyond the head");
        assert_eq!(ledger.leaves(after, limit(1)).await.unwrap(), [], "beyond the head");
    }
}

/// While batches of three are appended, a reader always ends at a multiple of three, and never
/// before an answered head.
async fn shows_a_batch_as_a_whole(ledger: Arc<dyn Ledger>) {
    let writing = Arc::clone(&ledger);
    let writer = tokio::spawn(async move {
        let mut head = Head::EMPTY;
        for salt in 0..60 {
            head = writing.append(head, &sample_batch(head, salt, 3)).await.unwrap();
        }
    });
    let mut is_done = false;
    while !is_done {
        is_done = writer.is_finished();
        let head = ledger.head().await.unwrap();
        assert_eq!(head.position.0 % 3, 0, "a head within a batch");
        let mut reached = Position::ZERO;
        loop {
            let found = ledger.read(reached, limit(50)).await.unwrap();
            let Some(last) = found.last() else { break };
            reached = last.position;
        }
        assert_eq!(reached.0 % 3, 0, "an end within a batch");
        assert!(reached >= head.position, "the ledger ends before its head");
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
    assert_eq!(ledger.head().await.unwrap().position, Position(180));
}

use muster_ledger::Head;
use muster_words::{ContentRef, Digest, Position};

use super::{
    LedgerFixture,
    reading::limit,
    sample::{purge, sample_batch},
};
use crate::{Batch, Ledger, LedgerReader as _, MemoryLedger, seed::SeededRandom};

/// The number of operations in a history.
const OPERATIONS: usize = 300;

/// Applies the same random operations to a store and to the in-memory ledger; all answers must be
/// equal. From time to time the store is closed and opened again.
pub(super) async fn behaves_like_the_reference(fixture: &dyn LedgerFixture, seed: u64) {
    let name = format!("likeness-{seed}");
    let reference = MemoryLedger::new();
    let mut store = fixture.open(&name).await;
    let mut seed = SeededRandom::new(seed);
    let mut history = History { heads: vec![Head::EMPTY], contents: Vec::new() };
    for _ in 0..OPERATIONS {
        match seed.below(20) {
            0..8 => {
                let (head, batch) = history.next_append(&mut seed);
                let expect = reference.append(head, &batch).await;
                let found = store.append(head, &batch).await;
                assert_eq!(format!("{found:?}"), format!("{expect:?}"), "{head:?} {batch:?}");
                if let Ok(head) = expect {
                    history.heads.push(head);
                    history.contents.extend(batch.contents.iter().map(|(content, _)| *content));
                }
            }
            8..12 => {
                let after = Position(seed.below(history.contents.len() as u64 + 3));
                let count = limit(1 + seed.below(40) as u32);
                let expect = reference.read(after, count).await.unwrap();
                let found = store.read(after, count).await.unwrap();
                assert!(found.len() <= expect.len() && found.is_empty() == expect.is_empty());
                assert_eq!(found, expect[..found.len()]);
                let expect = reference.leaves(after, count).await.unwrap();
                let found = store.leaves(after, count).await.unwrap();
                assert_eq!(found, expect[..found.len()]);
            }
            12..18 => {
                let wanted: Vec<_> = (0..seed.below(30)).map(|_| history.any(&mut seed)).collect();
                let expect = reference.contents(&wanted).await.unwrap();
                assert_eq!(store.contents(&wanted).await.unwrap(), expect, "{wanted:?}");
            }
            18 => {
                drop(store);
                store = fixture.open(&name).await;
            }
            _ => assert_eq!(store.head().await.unwrap(), reference.head().await.unwrap()),
        }
    }
}

/// What has happened so far; the next operation depends on it.
struct History {
    heads: Vec<Head>,
    contents: Vec<ContentRef>,
}

impl History {
    /// Mostly valid appends after the present head; some stale, some malformed, some with purges.
    fn next_append(&self, seed: &mut SeededRandom) -> (Head, Batch) {
        let last = self.heads.len() - 1;
        let back = if seed.one_in(6) { seed.below(4) as usize } else { 0 };
        let head = self.heads[last.saturating_sub(back)];
        let purges: Vec<_> = (0..seed.below(4)).map(|_| self.any(seed)).collect();
        if seed.one_in(5) {
            return (head, purge(&purges));
        }
        let mut batch = sample_batch(head, seed.draw(), seed.below(6) as usize);
        batch.purges = purges;
        if seed.one_in(10) {
            batch.purges.extend(batch.contents.first().map(|(content, _)| *content));
        }
        if seed.one_in(12) && !batch.entries.is_empty() {
            let at = seed.below(batch.entries.len() as u64) as usize;
            batch.entries[at].position = Position(seed.below(9));
        }
        (head, batch)
    }

    /// Mostly a content that was stored at some time.
    fn any(&self, seed: &mut SeededRandom) -> ContentRef {
        let at = seed.below(self.contents.len() as u64) as usize;
        match self.contents.get(at) {
            Some(content) if !seed.one_in(8) => *content,
            _ => ContentRef { position: Position(seed.below(50)), digest: Digest::of(b"equal") },
        }
    }
}

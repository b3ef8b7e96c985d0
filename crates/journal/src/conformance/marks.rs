//! The conformance suite for [`Marks`].
//!
//! [`run`] takes a [`MarksFixture`], which opens stores of marks by name. Each check has its own
//! store, and panics if it fails.

use std::sync::Arc;

use async_trait::async_trait;
use muster_ledger::Head;
use muster_words::{Digest, Id, Position};

use crate::{Epoch, Marks, MarksError, MemoryMarks, SeededRandom};

/// The number of operations in a history.
const OPERATIONS: usize = 300;

/// Provides stores of marks for the suite.
#[async_trait]
pub trait MarksFixture: Send + Sync {
    /// Opens the marks with this name: empty the first time, later as they were left. The suite
    /// drops the previous value before it opens a name again.
    async fn open(&self, name: &str) -> Arc<dyn Marks>;
}

/// Runs every check.
///
/// # Panics If a check fails.
pub async fn run(fixture: &dyn MarksFixture) {
    keeps_the_mark_that_was_saved_last(&*fixture.open("last").await).await;
    refuses_an_older_epoch(&*fixture.open("fenced").await).await;
    refuses_who_was_forgotten(&*fixture.open("forgotten").await).await;
    one_of_many_claims_at_once_is_the_last(fixture.open("race").await).await;
    keeps_marks_and_epochs_over_a_restart(fixture).await;
    for seed in 0..8 {
        behaves_like_the_reference(fixture, seed).await;
    }
}

/// A mark with a hash that depends on a salt.
#[must_use]
pub fn sample_mark(position: u64, salt: u64) -> Head {
    Head { position: Position(position), hash: Digest::of(&salt.to_be_bytes()) }
}

fn id(name: &str) -> Id {
    name.parse().unwrap()
}

fn is_fenced(answer: &Result<(), MarksError>, name: &Id) -> bool {
    matches!(answer, Err(MarksError::Fenced { name: refused }) if refused == name)
}

async fn keeps_the_mark_that_was_saved_last(marks: &dyn Marks) {
    let (one, other) = (id("one"), id("Other.2"));
    assert_eq!(marks.names().await.unwrap(), []);
    assert_eq!(marks.load(&one).await.unwrap(), None);
    let epoch = marks.claim(&one).await.unwrap();
    assert_eq!(marks.load(&one).await.unwrap(), None, "claimed, and no mark was saved");
    // A mark may also move back, and may be at either end of the ledger.
    for mark in [
        sample_mark(7, 1),
        sample_mark(8, 1),
        sample_mark(3, 2),
        Head::EMPTY,
        sample_mark(u64::try_from(i64::MAX).unwrap(), 3),
    ] {
        marks.save(&one, epoch, mark).await.unwrap();
        assert_eq!(marks.load(&one).await.unwrap(), Some(mark));
        assert_eq!(marks.load(&other).await.unwrap(), None, "another follower's");
    }
    marks.claim(&other).await.unwrap();
    let mut names = marks.names().await.unwrap();
    names.sort();
    let mut expect = vec![one, other];
    expect.sort();
    assert_eq!(names, expect);
}

async fn refuses_an_older_epoch(marks: &dyn Marks) {
    let name = id("fenced");
    let unclaimed = marks.save(&name, Epoch(1), sample_mark(1, 1)).await;
    assert!(is_fenced(&unclaimed, &name), "{unclaimed:?}");
    assert_eq!(marks.names().await.unwrap(), [], "refusing leaves nothing");
    let first = marks.claim(&name).await.unwrap();
    marks.save(&name, first, sample_mark(1, 1)).await.unwrap();
    let second = marks.claim(&name).await.unwrap();
    assert!(second > first, "{first:?} {second:?}");
    assert_eq!(marks.load(&name).await.unwrap(), Some(sample_mark(1, 1)), "a claim keeps it");
    for stale in [first, Epoch(0), Epoch(second.0 + 1)] {
        let refused = marks.save(&name, stale, sample_mark(9, 9)).await;
        assert!(is_fenced(&refused, &name), "{stale:?}: {refused:?}");
        assert_eq!(marks.load(&name).await.unwrap(), Some(sample_mark(1, 1)));
    }
    marks.save(&name, second, sample_mark(2, 2)).await.unwrap();
    assert_eq!(marks.load(&name).await.unwrap(), Some(sample_mark(2, 2)));
    // A claim of another follower fences nobody here.
    let other = marks.claim(&id("other")).await.unwrap();
    marks.save(&id("other"), other, sample_mark(5, 5)).await.unwrap();
    marks.save(&name, second, sample_mark(3, 3)).await.unwrap();
}

async fn refuses_who_was_forgotten(marks: &dyn Marks) {
    let name = id("gone");
    marks.forget(&name).await.unwrap();
    let mut last = Epoch(0);
    for _ in 0..3 {
        let epoch = marks.claim(&name).await.unwrap();
        assert!(epoch > last, "an epoch comes once, whatever was forgotten since");
        last = epoch;
        marks.save(&name, epoch, sample_mark(1, 1)).await.unwrap();
        marks.forget(&name).await.unwrap();
        assert_eq!(marks.load(&name).await.unwrap(), None);
        assert_eq!(marks.names().await.unwrap(), []);
        let refused = marks.save(&name, epoch, sample_mark(2, 2)).await;
        assert!(is_fenced(&refused, &name), "{refused:?}");
        assert_eq!(marks.names().await.unwrap(), []);
    }
}

async fn one_of_many_claims_at_once_is_the_last(marks: Arc<dyn Marks>) {
    let name = id("race");
    let claims: Vec<_> = (0..32_u64)
        .map(|number| {
            let (marks, name) = (Arc::clone(&marks), name.clone());
            tokio::spawn(async move {
                let epoch = marks.claim(&name).await.unwrap();
                // Whether this is still the last claim isn't known.
                let _ = marks.save(&name, epoch, sample_mark(number, epoch.0)).await;
                epoch
            })
        })
        .collect();
    let mut epochs = Vec::new();
    for claim in claims {
        epochs.push(claim.await.unwrap());
    }
    epochs.sort_unstable();
    epochs.dedup();
    assert_eq!(epochs.len(), 32, "each claim has an epoch of its own");
    for (index, epoch) in epochs.iter().enumerate() {
        let saved = marks.save(&name, *epoch, sample_mark(99, 0)).await;
        assert_eq!(saved.is_ok(), index == 31, "{epoch:?} of {epochs:?}");
    }
}

async fn keeps_marks_and_epochs_over_a_restart(fixture: &dyn MarksFixture) {
    let (kept, gone) = (id("kept"), id("gone"));
    let mut highest = (Epoch(0), Epoch(0));
    for round in 1..=4 {
        let marks = fixture.open("restart").await;
        if round > 1 {
            assert_eq!(marks.load(&kept).await.unwrap(), Some(sample_mark(round - 1, 7)));
            assert_eq!(marks.names().await.unwrap(), std::slice::from_ref(&kept));
            let stale = marks.save(&gone, highest.1, sample_mark(1, 1)).await;
            assert!(is_fenced(&stale, &gone), "{stale:?}");
            // Nobody has claimed it since, so its owner may continue.
            marks.save(&kept, highest.0, sample_mark(round - 1, 7)).await.unwrap();
        }
        let claimed = (marks.claim(&kept).await.unwrap(), marks.claim(&gone).await.unwrap());
        assert!(claimed.0 > highest.0 && claimed.1 > highest.1, "{claimed:?} after {highest:?}");
        highest = claimed;
        marks.save(&kept, claimed.0, sample_mark(round, 7)).await.unwrap();
        marks.save(&gone, claimed.1, sample_mark(round, 7)).await.unwrap();
        marks.forget(&gone).await.unwrap();
    }
}

/// Applies the same random operations to a store and to the in-memory marks; all answers must be
/// equal, except the numbers of epochs.
async fn behaves_like_the_reference(fixture: &dyn MarksFixture, seed: u64) {
    let mut dice = SeededRandom::new(seed);
    let (name, reference) = (format!("like-{seed}"), MemoryMarks::new());
    let mut store = fixture.open(&name).await;
    let names = ["a", "b", "c"].map(id);
    // The claimed epochs: of the store, and of the reference.
    let mut epochs = vec![(Epoch(0), Epoch(0))];
    for operation in 0..OPERATIONS {
        let at = format!("seed {seed}, operation {operation}");
        let follower = &names[usize::try_from(dice.below(3)).unwrap()];
        match dice.below(12) {
            0 => {
                drop(store);
                store = fixture.open(&name).await;
            }
            1 => {
                store.forget(follower).await.unwrap();
                reference.forget(follower).await.unwrap();
            }
            2 | 3 => {
                let claimed = store.claim(follower).await.unwrap();
                epochs.push((claimed, reference.claim(follower).await.unwrap()));
            }
            4..8 => {
                let back = usize::try_from(dice.below(4)).unwrap().min(epochs.len() - 1);
                let (own, of_reference) = epochs[epochs.len() - 1 - back];
                let mark = sample_mark(dice.below(1_000), dice.draw());
                let saved = store.save(follower, own, mark).await;
                let expect = reference.save(follower, of_reference, mark).await;
                assert_eq!(saved.is_ok(), expect.is_ok(), "{at}");
                assert!(saved.is_ok() || is_fenced(&saved, follower), "{at}: {saved:?}");
            }
            8..11 => {
                let expect = reference.load(follower).await.unwrap();
                assert_eq!(store.load(follower).await.unwrap(), expect, "{at}");
            }
            _ => {
                let expect = reference.names().await.unwrap();
                assert_eq!(store.names().await.unwrap(), expect, "{at}");
            }
        }
    }
}

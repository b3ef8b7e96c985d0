use std::{sync::Arc, time::Duration};

use muster_ledger::Head;
use muster_words::Position;
use tokio::time::timeout;

use super::{LedgerFixture, sample::sample_batch};
use crate::Ledger;

/// How long a waiter may take to wake on a busy machine; one that isn't notified never wakes.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn run(fixture: &dyn LedgerFixture) {
    wakes_every_waiter(&fixture.open("waiting").await).await;
    follows_without_missing_anything(&fixture.open("following").await).await;
}

async fn wakes_every_waiter(ledger: &Arc<dyn Ledger>) {
    let wait = |position| {
        let ledger = Arc::clone(ledger);
        tokio::spawn(timeout(PATIENCE, async move {
            // The answer may be early; then the waiter checks and waits again.
            while ledger.head().await.unwrap().position <= Position(position) {
                ledger.moved(Position(position)).await.unwrap();
            }
        }))
    };
    let waiters: Vec<_> = [0, 0, 1, 2, 2, 3].map(wait).into();
    tokio::task::yield_now().await;
    let mut head = Head::EMPTY;
    for salt in 0..4 {
        head = ledger.append(head, &sample_batch(head, salt, 1)).await.unwrap();
    }
    for waiter in waiters {
        waiter.await.unwrap().expect_woken();
    }
    for passed in [0, 1, 3] {
        timeout(PATIENCE, ledger.moved(Position(passed))).await.expect_woken().unwrap();
    }
}

async fn follows_without_missing_anything(ledger: &Arc<dyn Ledger>) {
    let following = Arc::clone(ledger);
    let follower = tokio::spawn(timeout(PATIENCE, async move {
        let mut seen = Position::ZERO;
        while seen < Position(100) {
            following.moved(seen).await.unwrap();
            seen = following.head().await.unwrap().position;
        }
    }));
    let mut head = Head::EMPTY;
    for salt in 0..100 {
        head = ledger.append(head, &sample_batch(head, salt, 1)).await.unwrap();
    }
    follower.await.unwrap().expect_woken();
}

trait ExpectWoken<T> {
    fn expect_woken(self) -> T;
}

impl<T> ExpectWoken<T> for Result<T, tokio::time::error::Elapsed> {
    fn expect_woken(self) -> T {
        assert!(self.is_ok(), "who waits for the head was not woken");
        self.unwrap()
    }
}

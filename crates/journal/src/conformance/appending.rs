use std::{future::poll_fn, pin::Pin, sync::Arc, task::Poll};

use bytes::Bytes;
use muster_ledger::{EntryBytes, Head};
use muster_words::{Digest, Position, limits};

use super::{
    LedgerFixture,
    reading::limit,
    sample::{name, sample_batch, sample_entry},
};
use crate::{AppendError, Batch, Ledger, MalformedBatch};

pub(super) async fn run(fixture: &dyn LedgerFixture) {
    compares_the_head_first(&*fixture.open("compare").await).await;
    refuses_a_malformed_batch_and_keeps_nothing(&*fixture.open("malformed").await).await;
    lets_one_of_racing_appends_win(&fixture.open("race").await).await;
    a_dropped_append_is_whole_or_absent(&*fixture.open("dropped").await).await;
    takes_the_largest_entry_and_large_contents(&*fixture.open("large").await).await;
    takes_an_empty_batch(&*fixture.open("nothing").await).await;
}

async fn compares_the_head_first(ledger: &dyn Ledger) {
    let first = ledger.append(Head::EMPTY, &sample_batch(Head::EMPTY, 1, 2)).await.unwrap();
    let second = ledger.append(first, &sample_batch(first, 2, 2)).await.unwrap();
    let other = Head { hash: Digest::of(b"another ledger"), ..second };
    let later = Head { position: second.position.next(), ..second };
    for stale in [Head::EMPTY, first, other, later] {
        let batch = sample_batch(stale, 3, 1);
        match ledger.append(stale, &batch).await {
            Err(AppendError::Moved(present)) => assert_eq!(present, second),
            answer => panic_with(&answer, "an append after another head"),
        }
        let contents: Vec<_> = batch.contents.iter().map(|(content, _)| *content).collect();
        // The common bytes are also stored with existing entries; the batch's own bytes aren't
        // stored.
        assert_eq!(ledger.contents(&contents[..1]).await.unwrap(), [None]);
    }
    assert_eq!(ledger.head().await.unwrap(), second);
    let count = ledger.read(Position::ZERO, limit(100)).await.unwrap().len();
    assert!(count <= 4, "{count} entries of 4");
}

fn panic_with(answer: &Result<Head, AppendError>, what: &str) {
    assert!(answer.is_err() && answer.is_ok(), "{what} was answered {answer:?}");
}

async fn refuses_a_malformed_batch_and_keeps_nothing(ledger: &dyn Ledger) {
    let head = ledger.append(Head::EMPTY, &sample_batch(Head::EMPTY, 1, 3)).await.unwrap();
    let good = sample_batch(head, 2, 3);
    let gap = |expected, found| MalformedBatch::Gap {
        expected: Position(expected),
        found: Position(found),
    };
    let stray = |position| MalformedBatch::Stray { position: Position(position) };
    let with = |change: &dyn Fn(&mut Batch)| {
        let mut batch = good.clone();
        change(&mut batch);
        batch
    };
    let content = |position| (name(Position(position), b"x"), Bytes::from_static(b"x"));
    for (batch, expect) in [
        (with(&|batch| drop(batch.entries.remove(0))), gap(4, 5)),
        (with(&|batch| drop(batch.entries.remove(1))), gap(5, 6)),
        (with(&|batch| batch.entries.swap(0, 2)), gap(4, 6)),
        (with(&|batch| batch.entries[1].position = Position(4)), gap(5, 4)),
        (with(&|batch| batch.entries[0].position = Position(0)), gap(4, 0)),
        (with(&|batch| batch.contents.push(content(3))), stray(3)),
        (with(&|batch| batch.contents.push(content(7))), stray(7)),
        (with(&|batch| batch.contents.push(content(0))), stray(0)),
        (with(&|batch| batch.entries.clear()), stray(4)),
    ] {
        match ledger.append(head, &batch).await {
            Err(AppendError::Malformed(found)) => assert_eq!(found, expect),
            answer => panic_with(&answer, &format!("a batch with {expect:?}")),
        }
        assert_eq!(ledger.head().await.unwrap(), head);
        assert_eq!(ledger.read(head.position, limit(9)).await.unwrap(), []);
    }
    assert_eq!(ledger.append(head, &good).await.unwrap(), good.head_after(head));
}

async fn lets_one_of_racing_appends_win(ledger: &Arc<dyn Ledger>) {
    let mut head = Head::EMPTY;
    for round in 0..12 {
        let racers: Vec<_> = (0..8)
            .map(|salt| {
                let ledger = Arc::clone(ledger);
                let batch = sample_batch(head, round * 100 + salt, 1 + salt as usize % 3);
                tokio::spawn(async move { (ledger.append(head, &batch).await, batch) })
            })
            .collect();
        let (mut winners, mut losers) = (Vec::new(), Vec::new());
        for racer in racers {
            match racer.await.unwrap() {
                (Ok(after), batch) => winners.push((after, batch)),
                (Err(AppendError::Moved(present)), batch) => losers.push((present, batch)),
                (answer, _) => panic_with(&answer, "a racing append"),
            }
        }
        assert_eq!(winners.len(), 1, "one of racing appends wins");
        let (after, winner) = &winners[0];
        assert_eq!(*after, winner.head_after(head));
        assert_eq!(ledger.read(head.position, limit(9)).await.unwrap(), winner.entries);
        for (present, batch) in losers {
            assert_eq!(present, *after, "the loser is told the winner's head");
            let own = batch.contents[0].0;
            assert_eq!(ledger.contents(&[own]).await.unwrap(), [None], "a loser's content");
        }
        head = *after;
    }
}

async fn a_dropped_append_is_whole_or_absent(ledger: &dyn Ledger) {
    let mut head = Head::EMPTY;
    for round in 0..20 {
        let dropped = sample_batch(head, 2 * round, 4);
        let mut appending = ledger.append(head, &dropped);
        poll_fn(|context| {
            let _ = Pin::as_mut(&mut appending).poll(context);
            Poll::Ready(())
        })
        .await;
        drop(appending);
        // After another append was answered, the dropped one can't be written any more.
        let batch = sample_batch(head, 2 * round + 1, 1);
        let wanted: Vec<_> = dropped.contents.iter().map(|(content, _)| *content).collect();
        match ledger.append(head, &batch).await {
            Ok(after) => {
                assert_eq!(ledger.read(head.position, limit(9)).await.unwrap(), batch.entries);
                assert_eq!(ledger.contents(&wanted[..1]).await.unwrap(), [None]);
                head = after;
            }
            Err(AppendError::Moved(present)) => {
                assert_eq!(present, dropped.head_after(head));
                let found = ledger.contents(&wanted).await.unwrap();
                assert!(found.iter().all(Option::is_some), "all contents came with the entries");
                head = present;
            }
            answer => panic_with(&answer, "an append after a dropped one"),
        }
    }
}

async fn takes_the_largest_entry_and_large_contents(ledger: &dyn Ledger) {
    let bytes = Bytes::from(vec![0xfe; limits::ENTRY_BYTES_MAX]);
    let large = EntryBytes { position: Position(1), bytes };
    let small = sample_entry(Head::after(&large), 1);
    let document = Bytes::from(vec![0xab; limits::DOCUMENT_BYTES_MAX]);
    let contents = vec![
        (name(Position(1), &document), document.clone()),
        (name(Position(1), b""), Bytes::new()),
        (name(Position(2), &document), document.clone()),
    ];
    let wanted: Vec<_> = contents.iter().map(|(content, _)| *content).collect();
    let entries = vec![large, small];
    let batch = Batch { entries: entries.clone(), contents, purges: Vec::new() };
    ledger.append(Head::EMPTY, &batch).await.unwrap();
    let mut found = ledger.read(Position::ZERO, limit(2)).await.unwrap();
    if found.len() == 1 {
        found.extend(ledger.read(Position(1), limit(1)).await.unwrap());
    }
    assert_eq!(found, entries);
    let found = ledger.contents(&wanted).await.unwrap();
    assert_eq!(found, [Some(document.clone()), Some(Bytes::new()), Some(document)]);
}

async fn takes_an_empty_batch(ledger: &dyn Ledger) {
    assert_eq!(ledger.append(Head::EMPTY, &Batch::default()).await.unwrap(), Head::EMPTY);
    let head = ledger.append(Head::EMPTY, &sample_batch(Head::EMPTY, 1, 1)).await.unwrap();
    assert_eq!(ledger.append(head, &Batch::default()).await.unwrap(), head);
    match ledger.append(Head::EMPTY, &Batch::default()).await {
        Err(AppendError::Moved(present)) => assert_eq!(present, head),
        answer => panic_with(&answer, "an empty append after another head"),
    }
}

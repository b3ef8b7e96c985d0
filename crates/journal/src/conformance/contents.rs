use bytes::Bytes;
use muster_ledger::Head;
use muster_words::{ContentRef, Digest, Position};

use super::{
    LedgerFixture,
    reading::limit,
    sample::{name, purge, sample_batch},
};
use crate::{AppendError, Ledger};

pub(super) async fn run(fixture: &dyn LedgerFixture) {
    answers_contents_by_name_in_the_order_asked_for(&*fixture.open("by-name").await).await;
    keeps_equal_bytes_of_two_positions_apart(&*fixture.open("equal").await).await;
    keeps_one_content_where_a_name_comes_twice(&*fixture.open("twice").await).await;
    purges_by_name_and_again(&*fixture.open("purge").await).await;
    does_not_store_what_the_batch_purges(&*fixture.open("passing").await).await;
    compares_the_head_of_purges_too(&*fixture.open("purge-compare").await).await;
}

async fn answers_contents_by_name_in_the_order_asked_for(ledger: &dyn Ledger) {
    let batch = sample_batch(Head::EMPTY, 1, 40);
    ledger.append(Head::EMPTY, &batch).await.unwrap();
    let mut wanted: Vec<ContentRef> = batch.contents.iter().map(|(content, _)| *content).collect();
    let mut expect: Vec<_> = batch.contents.iter().map(|(_, bytes)| Some(bytes.clone())).collect();
    assert_eq!(ledger.contents(&wanted).await.unwrap(), expect);
    wanted.reverse();
    expect.reverse();
    wanted.push(wanted[0]);
    expect.push(expect[0].clone());
    let own = batch.contents[0].0;
    for absent in [
        ContentRef { digest: Digest::of(b"never stored"), ..own },
        ContentRef { position: Position(2), ..own },
        ContentRef { position: Position(0), ..own },
        ContentRef { position: Position(41), ..own },
        ContentRef { position: Position(1 << 47), ..own },
        ContentRef { position: Position(u64::MAX), ..own },
    ] {
        wanted.insert(7, absent);
        expect.insert(7, None);
    }
    assert_eq!(ledger.contents(&wanted).await.unwrap(), expect);
}

async fn keeps_equal_bytes_of_two_positions_apart(ledger: &dyn Ledger) {
    let head = ledger.append(Head::EMPTY, &sample_batch(Head::EMPTY, 1, 2)).await.unwrap();
    let [one, two] = [1, 2].map(|position| name(Position(position), b"equal"));
    ledger.append(head, &purge(&[one])).await.unwrap();
    let expect = [None, Some(Bytes::from_static(b"equal"))];
    assert_eq!(ledger.contents(&[one, two]).await.unwrap(), expect);
}

async fn keeps_one_content_where_a_name_comes_twice(ledger: &dyn Ledger) {
    let mut batch = sample_batch(Head::EMPTY, 1, 1);
    let (content, bytes) = batch.contents[0].clone();
    batch.contents.push((content, bytes.clone()));
    let head = ledger.append(Head::EMPTY, &batch).await.unwrap();
    assert_eq!(ledger.contents(&[content]).await.unwrap(), [Some(bytes)]);
    ledger.append(head, &purge(&[content])).await.unwrap();
    assert_eq!(ledger.contents(&[content]).await.unwrap(), [None]);
}

async fn purges_by_name_and_again(ledger: &dyn Ledger) {
    let first = sample_batch(Head::EMPTY, 1, 3);
    let head = ledger.append(Head::EMPTY, &first).await.unwrap();
    let wanted: Vec<ContentRef> = first.contents.iter().map(|(content, _)| *content).collect();
    let purges = [
        wanted[0],
        wanted[3],
        ContentRef { position: Position(3), digest: Digest::of(b"never stored") },
        ContentRef { position: Position(0), digest: Digest::of(b"equal") },
        ContentRef { position: Position(99), digest: Digest::of(b"equal") },
        ContentRef { position: Position(u64::MAX), digest: Digest::of(b"equal") },
    ];
    let mut expect: Vec<_> = first.contents.iter().map(|(_, bytes)| Some(bytes.clone())).collect();
    (expect[0], expect[3]) = (None, None);
    for _ in 0..3 {
        let after = ledger.append(head, &purge(&purges)).await.unwrap();
        assert_eq!(after, head, "purges alone leave the head");
        assert_eq!(ledger.contents(&wanted).await.unwrap(), expect);
    }
    let entries = ledger.read(Position::ZERO, limit(1)).await.unwrap();
    assert_eq!(entries, first.entries[..1], "a purge leaves the entry");

    // In one batch with entries, and together with new contents of the same bytes.
    let mut second = sample_batch(head, 2, 1);
    second.purges = vec![wanted[1], wanted[0]];
    let head = ledger.append(head, &second).await.unwrap();
    assert_eq!(head.position, Position(4));
    expect[1] = None;
    assert_eq!(ledger.contents(&wanted).await.unwrap(), expect);
    let fresh = name(Position(4), b"equal");
    assert!(ledger.contents(&[fresh]).await.unwrap()[0].is_some(), "stored by the same batch");
}

async fn does_not_store_what_the_batch_purges(ledger: &dyn Ledger) {
    let mut batch = sample_batch(Head::EMPTY, 1, 2);
    let (passing, kept) = (batch.contents[0].0, batch.contents[2].clone());
    batch.purges = vec![passing];
    ledger.append(Head::EMPTY, &batch).await.unwrap();
    let found = ledger.contents(&[passing, kept.0]).await.unwrap();
    assert_eq!(found, [None, Some(kept.1)]);
}

async fn compares_the_head_of_purges_too(ledger: &dyn Ledger) {
    let batch = sample_batch(Head::EMPTY, 1, 1);
    let head = ledger.append(Head::EMPTY, &batch).await.unwrap();
    let (content, bytes) = batch.contents[0].clone();
    let answer = ledger.append(Head::EMPTY, &purge(&[content])).await;
    assert!(matches!(answer, Err(AppendError::Moved(present)) if present == head), "{answer:?}");
    assert_eq!(ledger.contents(&[content]).await.unwrap(), [Some(bytes)]);
}

use muster_ledger::Head;
use muster_words::Position;

use super::{
    LedgerFixture,
    reading::limit,
    sample::{purge, sample_batch},
};

pub(super) async fn run(fixture: &dyn LedgerFixture) {
    opens_as_it_was_left(fixture).await;
    keeps_ledgers_of_two_names_apart(fixture).await;
}

async fn opens_as_it_was_left(fixture: &dyn LedgerFixture) {
    drop(fixture.open("lasting").await);
    let mut head = Head::EMPTY;
    let (mut entries, mut wanted, mut contents) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..4 {
        let ledger = fixture.open("lasting").await;
        assert_eq!(ledger.head().await.unwrap(), head, "the head in round {round}");
        assert_eq!(ledger.read(Position::ZERO, limit(100)).await.unwrap(), entries);
        assert_eq!(ledger.contents(&wanted).await.unwrap(), contents);
        let batch = sample_batch(head, round, 5);
        head = ledger.append(head, &batch).await.unwrap();
        let (purged, _) = batch.contents[3];
        assert_eq!(ledger.append(head, &purge(&[purged])).await.unwrap(), head);
        for (content, bytes) in batch.contents {
            wanted.push(content);
            contents.push((content != purged).then_some(bytes));
        }
        entries.extend(batch.entries);
    }
}

async fn keeps_ledgers_of_two_names_apart(fixture: &dyn LedgerFixture) {
    let (one, two) = (fixture.open("one").await, fixture.open("two").await);
    let head = one.append(Head::EMPTY, &sample_batch(Head::EMPTY, 1, 1)).await.unwrap();
    assert_eq!(two.head().await.unwrap(), Head::EMPTY);
    two.append(Head::EMPTY, &sample_batch(Head::EMPTY, 2, 2)).await.unwrap();
    assert_eq!(one.head().await.unwrap(), head);
}

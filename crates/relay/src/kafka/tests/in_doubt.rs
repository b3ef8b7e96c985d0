//! What may be stored although nobody said so.

use super::{
    super::{KafkaSender, messages::Call},
    broker::Broker,
    records, says, sent,
};
use crate::decision::{TryFailure, TryOutcome};

#[tokio::test]
async fn what_may_be_stored_together_is_sent_again_together() {
    // A whole try ends without a word of the broker; then it says that it is stored.
    let broker = Broker::start(&[i16::MIN, i16::MIN, i16::MIN, i16::MIN, 46, 0]).await;
    let sender = KafkaSender::default();
    let all = records(&["a", "b", "c"]);
    let broken = TryOutcome::Failed(TryFailure::Broken);
    assert_eq!(sent(&sender, &broker.url(), None, &all).await, vec![broken; 3]);
    // Each is tried again by itself, and the first of them settles it for all.
    for id in ["b", "a", "c"] {
        let one = records(&[id]);
        assert_eq!(sent(&sender, &broker.url(), None, &one).await, [TryOutcome::Taken], "{id}");
    }
    assert_eq!(broker.pieces(), [(0, 0, 3); 5]);
    // Nothing is kept of them, and the producer goes on.
    assert_eq!(sent(&sender, &broker.url(), None, &all).await, vec![TryOutcome::Taken; 3]);
    assert_eq!(broker.pieces()[5..], [(0, 3, 3)]);
    assert_eq!(broker.count(Call::InitProducerId), 1);
}

#[tokio::test]
async fn no_record_gets_the_numbers_of_one_that_a_moved_leader_may_have_stored() {
    let moved = || says("NOT_LEADER_OR_FOLLOWER");
    // The broker led until it had stored the first record. Then another one leads, and knows it.
    let broker = Broker::start(&[6, 6, 6, 6, 0, 46]).await;
    let sender = KafkaSender::default();
    for (id, expect) in [("a", moved()), ("b", TryOutcome::Taken), ("a", TryOutcome::Taken)] {
        assert_eq!(sent(&sender, &broker.url(), None, &records(&[id])).await, [expect], "{id}");
    }
    assert_eq!(broker.producers(), [1, 1, 1, 1, 2, 1]);
    assert_eq!(broker.sequences(), [0; 6]);
    // The same of what nobody knows, and of a topic that is made again.
    for code in [-1, 3, 5, 56] {
        let broker = Broker::start(&[code, code, code, code, 0]).await;
        let sender = KafkaSender::default();
        sent(&sender, &broker.url(), None, &records(&["a"])).await;
        broker.change(|all| all.answer_always(0));
        sent(&sender, &broker.url(), None, &records(&["b"])).await;
        assert_eq!(broker.producers().last(), Some(&2), "{code}");
    }
}

#[tokio::test]
async fn what_is_in_doubt_goes_to_its_partition_also_where_there_are_more_by_now() {
    let broker = Broker::start(&[i16::MIN, i16::MIN, i16::MIN, i16::MIN, 46, 0]).await;
    let sender = KafkaSender::default();
    let one = records(&["a"]);
    sent(&sender, &broker.url(), None, &one).await;
    broker.change(|all| all.partitions = 7);
    sender.clusters.lock().clear();
    let other = (0..7).find(|count| one[0].partition(7) == *count && *count != 0);
    assert!(other.is_some(), "the key must be in another partition now");
    assert_eq!(sent(&sender, &broker.url(), None, &one).await, [TryOutcome::Taken]);
    assert_eq!(broker.pieces(), [(0, 0, 1); 5]);
    // What is new goes to where it belongs now.
    assert_eq!(sent(&sender, &broker.url(), None, &records(&["b"])).await, [TryOutcome::Taken]);
    let other = other.and_then(|other| i32::try_from(other).ok());
    assert_eq!(broker.pieces().pop().map(|(partition, ..)| partition), other);
}

#[tokio::test]
async fn what_was_sent_with_a_delivery_that_ended_is_sent_anew_and_without_it() {
    for (ended, again, expect) in [
        ("a", &["b", "c"][..], (2, 2)),
        ("c", &["b"], (2, 1)),
        // One that ended long ago changes nothing.
        ("x", &["b", "c"], (1, 3)),
    ] {
        let broker = Broker::start(&[i16::MIN, i16::MIN, i16::MIN, i16::MIN, 0]).await;
        let sender = KafkaSender::default();
        sent(&sender, &broker.url(), None, &records(&["a", "b", "c"])).await;
        assert!(sender.keeps_any());
        sender.ended(ended);
        let outcomes = sent(&sender, &broker.url(), None, &records(again)).await;
        assert_eq!(outcomes, vec![TryOutcome::Taken; again.len()], "{ended}");
        let last = broker.pieces().pop().map(|(_, _, count)| count);
        assert_eq!((broker.producers().pop(), last), (Some(expect.0), Some(expect.1)), "{ended}");
    }
}

#[tokio::test]
async fn one_record_that_is_refused_takes_no_other_along_that_is_in_doubt_with_it() {
    let taken = TryOutcome::Taken;
    for (code, refused) in [
        (87, TryFailure::Unacceptable("INVALID_RECORD".to_owned())),
        (10, TryFailure::TooLarge { bytes_max: None }),
    ] {
        let lost = i16::MIN;
        // Nobody answers. Then all are refused, the first one is taken, and the second one refused.
        let codes = [lost, lost, lost, lost, code, 0, code, code, 0];
        let broker = Broker::start(&codes).await;
        let sender = KafkaSender::default();
        let all = records(&["a", "b", "c"]);
        let broken = TryOutcome::Failed(TryFailure::Broken);
        assert_eq!(sent(&sender, &broker.url(), None, &all).await, vec![broken; 3]);
        let outcomes = sent(&sender, &broker.url(), None, &all).await;
        assert_eq!(outcomes, [taken.clone(), TryOutcome::Failed(refused), taken.clone()], "{code}");
        let counts: Vec<i32> = broker.pieces().into_iter().map(|(_, _, count)| count).collect();
        assert_eq!(counts, [3, 3, 3, 3, 3, 1, 2, 1, 1]);
        // No number that may be used up is used again.
        assert_eq!(broker.producers(), [1, 1, 1, 1, 1, 2, 2, 2, 2]);
    }
}

#[tokio::test]
async fn what_is_stored_does_not_come_again_with_what_is_still_in_doubt() {
    let lost = i16::MIN;
    // Nobody answers. Then all are refused, the first one is taken, and nobody answers for the others.
    let broker = Broker::start(&[lost, lost, lost, lost, 87, 0, lost, lost, lost, lost, 0]).await;
    let sender = KafkaSender::default();
    let all = records(&["a", "b", "c"]);
    let broken = TryOutcome::Failed(TryFailure::Broken);
    assert_eq!(sent(&sender, &broker.url(), None, &all).await, vec![broken.clone(); 3]);
    let outcomes = sent(&sender, &broker.url(), None, &all).await;
    assert_eq!(outcomes, [TryOutcome::Taken, broken.clone(), broken]);
    // By now a newer record of the first document may be stored.
    let outcomes = sent(&sender, &broker.url(), None, &records(&["b", "c"])).await;
    assert_eq!(outcomes, [TryOutcome::Taken, TryOutcome::Taken]);
    let sent: Vec<(i32, i32)> =
        broker.pieces().into_iter().map(|(_, number, count)| (number, count)).collect();
    assert_eq!(sent[4..6], [(0, 3), (0, 1)]);
    assert!(sent[6..].iter().all(|piece| *piece == (1, 2)), "{sent:?}");
    assert!(!sender.keeps_any());
}

#[tokio::test]
async fn one_record_that_is_refused_takes_no_other_along_that_comes_behind_it() {
    for (code, refused) in [
        (87, TryFailure::Unacceptable("INVALID_RECORD".to_owned())),
        (10, TryFailure::TooLarge { bytes_max: None }),
    ] {
        for lost in [6, i16::MIN] {
            // All are refused. Nobody knows whether the first one is stored alone, and then it is
            // refused as well.
            let broker = Broker::start(&[code, lost, code, 0]).await;
            let sender = KafkaSender::default();
            let outcomes = sent(&sender, &broker.url(), None, &records(&["a", "b", "c"])).await;
            let expect =
                [TryOutcome::Failed(refused.clone()), TryOutcome::Taken, TryOutcome::Taken];
            assert_eq!(outcomes, expect, "{code} {lost}");
            let counts: Vec<i32> = broker.pieces().into_iter().map(|(_, _, count)| count).collect();
            assert_eq!(counts, [3, 1, 1, 2]);
            // No number that may be used up is used again.
            assert_eq!(broker.producers(), [1, 1, 1, 2]);
            assert!(!sender.keeps_any());
        }
    }
}

#[tokio::test]
async fn records_that_are_in_doubt_together_are_sent_alone_where_one_may_be_at_fault() {
    for (code, text) in [
        (2, "CORRUPT_MESSAGE"),
        (32, "INVALID_TIMESTAMP"),
        (42, "INVALID_REQUEST"),
        (44, "POLICY_VIOLATION"),
    ] {
        let lost = i16::MIN;
        let broker = Broker::start(&[lost, lost, lost, lost, code, 0, code, 0]).await;
        let sender = KafkaSender::default();
        let all = records(&["a", "b", "c"]);
        let broken = TryOutcome::Failed(TryFailure::Broken);
        assert_eq!(sent(&sender, &broker.url(), None, &all).await, vec![broken; 3]);
        let outcomes = sent(&sender, &broker.url(), None, &all).await;
        let refused = TryOutcome::Failed(TryFailure::Content(text.to_owned()));
        assert_eq!(outcomes, [TryOutcome::Taken, refused, TryOutcome::Taken], "{code}");
        let counts: Vec<i32> = broker.pieces().into_iter().map(|(_, _, count)| count).collect();
        assert_eq!(counts, [3, 3, 3, 3, 3, 1, 1, 1]);
        assert_eq!(broker.producers(), [1, 1, 1, 1, 1, 2, 2, 2]);
        // Without doubt each is told, and goes alone the next time.
        let broker = Broker::start(&[code]).await;
        let outcomes = sent(&KafkaSender::default(), &broker.url(), None, &all).await;
        assert!(outcomes.iter().all(TryOutcome::may_be_of_content), "{outcomes:?}");
        assert_eq!(broker.count(Call::Produce), 1);
    }
}

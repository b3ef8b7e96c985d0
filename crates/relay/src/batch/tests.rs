use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::*;

type Numbers = Batches<&'static str, u32>;

/// Records that are sent at once, each with its place and its bytes; the outcome of each is whether it
/// is even. What was sent together, in the order of the requests, and how long all took.
async fn sent(
    batching: Batching,
    records: &[(&'static str, usize)],
) -> (Vec<Vec<u32>>, Vec<bool>, Duration) {
    let batches = Arc::new(Numbers::default());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for (record, (place, bytes)) in (0..).zip(records.iter().copied()) {
        let (batches, requests) = (batches.clone(), requests.clone());
        tasks.spawn(async move {
            let of = |number: &u32| match number % 2 {
                0 => TryOutcome::Taken,
                _ => TryOutcome::Failed(TryFailure::Timeout),
            };
            let send = move |sent: Vec<u32>| async move {
                let outcomes = sent.iter().map(of).collect();
                requests.lock().push(sent);
                outcomes
            };
            let added = BatchRecord { place, record, bytes, bytes_max: 10 };
            let outcome = batches.deliver(batching, added, send).await;
            (record, outcome == TryOutcome::Taken)
        });
        // In this order.
        tokio::task::yield_now().await;
    }
    let mut outcomes = tasks.join_all().await;
    outcomes.sort_unstable();
    let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    let requests = std::mem::take(&mut *requests.lock());
    assert!(batches.open.lock().by_place.is_empty());
    (requests, outcomes, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn what_runs_at_once_is_sent_together_within_the_limits_and_each_has_its_outcome() {
    let seconds = Duration::from_secs;
    // The size; the records; what is sent together; how long it takes.
    for (size, records, expect, took) in [
        (1, &[("a", 1), ("a", 1)][..], vec![vec![0], vec![1]], 0),
        // A batch that is full doesn't wait, and one that isn't waits for its time.
        (2, &[("a", 1), ("a", 1)], vec![vec![0, 1]], 0),
        (3, &[("a", 1), ("a", 1)], vec![vec![0, 1]], 5),
        (2, &[("a", 1), ("a", 1), ("a", 1)], vec![vec![0, 1], vec![2]], 5),
        // Each place has its own, such as each ordering key.
        (2, &[("a", 1), ("b", 1), ("a", 1), ("b", 1)], vec![vec![0, 2], vec![1, 3]], 0),
        // No batch is larger than a request may be; what is too large by itself goes alone.
        (9, &[("a", 6), ("a", 4), ("a", 1)], vec![vec![0, 1], vec![2]], 5),
        (9, &[("a", 6), ("a", 6)], vec![vec![0], vec![1]], 5),
        (9, &[("a", 99), ("a", 1)], vec![vec![0], vec![1]], 5),
        (9, &[("a", 1), ("a", usize::MAX)], vec![vec![0], vec![1]], 5),
    ] {
        let batching = Batching { size, flush_interval: seconds(5) };
        let (requests, outcomes, time) = sent(batching, records).await;
        assert_eq!(requests, expect, "{size} {records:?}");
        let even: Vec<bool> = (0..records.len()).map(|number| number % 2 == 0).collect();
        assert_eq!(outcomes, even, "{size} {records:?}");
        assert_eq!(time.as_secs(), took, "{size} {records:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_goes_on_without_those_of_its_deliveries_that_are_cut_off() {
    let batches = Arc::new(Numbers::default());
    let batching = Batching { size: 9, flush_interval: Duration::from_secs(5) };
    let requests = Arc::new(Mutex::new(Vec::new()));
    let begin = |record| {
        let (batches, requests) = (batches.clone(), requests.clone());
        let added = BatchRecord { place: "a", record, bytes: 1, bytes_max: 10 };
        let send = move |sent: Vec<u32>| async move {
            let outcomes = vec![TryOutcome::Taken; sent.len()];
            requests.lock().push(sent);
            outcomes
        };
        tokio::spawn(async move { batches.deliver(batching, added, send).await })
    };
    let first = begin(1);
    tokio::task::yield_now().await;
    let second = begin(2);
    sleep(Duration::from_secs(1)).await;
    first.abort();
    assert_eq!(second.await.ok(), Some(TryOutcome::Taken));
    assert_eq!(*requests.lock(), [vec![2]]);
    // Where nobody is left, nothing is sent.
    let third = begin(3);
    sleep(Duration::from_secs(1)).await;
    third.abort();
    sleep(Duration::from_secs(9)).await;
    assert_eq!(*requests.lock(), [vec![2]]);
    assert!(batches.open.lock().by_place.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_record_of_which_nothing_is_said_failed() {
    for size in [1, 2] {
        let batching = Batching { size, flush_interval: Duration::ZERO };
        let added = BatchRecord { place: "a", record: 1, bytes: 1, bytes_max: 10 };
        let outcome = Numbers::default().deliver(batching, added, |_| async { Vec::new() }).await;
        assert_eq!(outcome, TryOutcome::Failed(TryFailure::Broken));
    }
}

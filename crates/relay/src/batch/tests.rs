use std::{
    future::{pending, ready},
    time::Duration,
};

use tokio::{
    sync::Notify,
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
            let send = move |sent: Vec<u32>| {
                let outcomes = sent.iter().map(of).collect();
                requests.lock().push(sent);
                ready(outcomes)
            };
            let added = BatchRecord { place, record, bytes, bytes_max: 10 };
            let outcome = batches.deliver(batching, added, pending(), send).await.outcome;
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
        let send = move |sent: Vec<u32>| {
            let outcomes = vec![TryOutcome::Taken; sent.len()];
            requests.lock().push(sent);
            ready(outcomes)
        };
        tokio::spawn(async move { batches.deliver(batching, added, pending(), send).await.outcome })
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
        let outcome = Numbers::default();
        let outcome = outcome.deliver(batching, added, pending(), |_| ready(Vec::new())).await;
        assert_eq!(outcome.outcome, TryOutcome::Failed(TryFailure::Broken));
    }
}

/// Records in one batch, each with what lets it leave, and the requests that are made of them. The
/// first request has no answer.
struct Bench {
    batches: Arc<Numbers>,
    requests: Arc<Mutex<Vec<Vec<u32>>>>,
}

impl Bench {
    fn begin(
        &self,
        size: usize,
        record: u32,
        leave: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<Tried> {
        let (batches, requests) = (self.batches.clone(), self.requests.clone());
        let batching = Batching { size, flush_interval: Duration::from_secs(5) };
        let added = BatchRecord { place: "a", record, bytes: 1, bytes_max: 10 };
        let send = move |sent: Vec<u32>| {
            let requests = requests.clone();
            async move {
                let count = sent.len();
                let is_first = {
                    let mut requests = requests.lock();
                    requests.push(sent);
                    requests.len() == 1
                };
                if is_first {
                    pending::<()>().await;
                }
                vec![TryOutcome::Taken; count]
            }
        };
        tokio::spawn(async move { batches.deliver(batching, added, leave, send).await })
    }
}

fn bench() -> Bench {
    Bench { batches: Arc::default(), requests: Arc::default() }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_cut_off_with_a_delivery_that_ends_and_the_others_go_on_without_it() {
    let bench = bench();
    let begun = [1, 2, 3].map(|record| bench.begin(3, record, pending()));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(*bench.requests.lock(), [vec![1, 2, 3]]);
    let [first, second, third] = begun;
    second.abort();
    for other in [first, third] {
        assert_eq!(other.await.map(|tried| tried.outcome).ok(), Some(TryOutcome::Taken));
    }
    assert_eq!(*bench.requests.lock(), [vec![1, 2, 3], vec![1, 3]]);
}

#[tokio::test(start_paused = true)]
async fn what_leaves_a_batch_that_waits_is_not_sent_with_it() {
    let bench = bench();
    let leave = Arc::new(Notify::new());
    let leaves = leave.clone();
    let begun = Instant::now();
    let first = bench.begin(9, 1, async move { leaves.notified().await });
    let _second = bench.begin(9, 2, pending());
    sleep(Duration::from_secs(1)).await;
    leave.notify_one();
    let withdrawn = TryOutcome::Failed(TryFailure::Withdrawn);
    assert_eq!(first.await.map(|tried| tried.outcome).ok(), Some(withdrawn));
    assert_eq!(begun.elapsed().as_secs(), 1);
    sleep(Duration::from_secs(9)).await;
    assert_eq!(*bench.requests.lock(), [vec![2]]);
    // One whose request is under way stays.
    let third = bench.begin(1, 3, async {});
    assert_eq!(third.await.map(|tried| tried.outcome).ok(), Some(TryOutcome::Taken));
}

#[tokio::test]
async fn a_request_counts_once_for_the_breaker_and_not_at_all_as_a_failure_if_it_took_something() {
    let failed = || TryOutcome::Failed(TryFailure::Timeout);
    let large = || TryOutcome::Failed(TryFailure::TooLarge { bytes_max: None });
    let content = || TryOutcome::Failed(TryFailure::Content("INVALID_TIMESTAMP".to_owned()));
    for (outcomes, expect) in [
        (vec![failed(), failed(), failed()], [Some(true), None, None]),
        (vec![failed(), TryOutcome::Taken, failed()], [Some(false), None, None]),
        (vec![large(), failed(), failed()], [Some(true), None, None]),
        (vec![large(), large(), large()], [Some(false), None, None]),
        (vec![content(), content(), content()], [Some(false), None, None]),
    ] {
        let batches = Arc::new(Numbers::default());
        let batching = Batching { size: 3, flush_interval: Duration::from_secs(5) };
        let mut tasks = Vec::new();
        for record in 0..3 {
            let (batches, outcomes) = (batches.clone(), outcomes.clone());
            let added = BatchRecord { place: "a", record, bytes: 1, bytes_max: 10 };
            let send = move |_: Vec<u32>| ready(outcomes.clone());
            tasks.push(tokio::spawn(async move {
                batches.deliver(batching, added, pending(), send).await
            }));
            tokio::task::yield_now().await;
        }
        let mut told = Vec::new();
        for task in tasks {
            told.extend(task.await.map(|tried| tried.is_failure).ok());
        }
        assert_eq!(told, expect, "{outcomes:?}");
    }
}

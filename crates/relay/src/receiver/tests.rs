#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use serde_json::json;

use super::*;
use crate::decision::TryOutcome;

const REST: Duration = Duration::from_secs(60);

fn receiver() -> Arc<Receiver> {
    let target = json!({"kind": "folder", "path": "a", "retry": {"circuit_breaker_threshold": 1}});
    let target = RelayTarget::read(target).unwrap();
    let name = "/targets/t/entries/a".parse().unwrap();
    Arc::new(Receiver::new(name, "1".to_owned(), target, None))
}

fn failed() -> Tried {
    TryOutcome::of_status(500, None).into()
}

/// A receiver whose breaker is open.
async fn open() -> Arc<Receiver> {
    let receiver = receiver();
    assert!(receiver.admitted().await.settle(&failed(), &receiver.target.retry));
    receiver
}

/// Waits for admission, and tells when it came.
fn waiter(receiver: &Arc<Receiver>) -> tokio::task::JoinHandle<(TryPermit, Instant)> {
    let receiver = receiver.clone();
    tokio::spawn(async move { (receiver.admitted().await, Instant::now()) })
}

// The time is paused: it moves on only when everything waits for it. So a delay that shows is a
// delay that was waited for.

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_trial_goes_on_at_the_moment_it_ends() {
    let (receiver, begun) = (open().await, Instant::now());
    let (trial, at) = waiter(&receiver).await.unwrap();
    assert_eq!(at - begun, REST);
    let others = [waiter(&receiver), waiter(&receiver)];
    tokio::task::yield_now().await;
    trial.settle(&TryOutcome::Taken.into(), &receiver.target.retry);
    for other in others {
        assert_eq!(other.await.unwrap().1 - begun, REST);
    }
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_is_cut_off_lets_another_try_at_once() {
    let (receiver, begun) = (open().await, Instant::now());
    let (trial, _) = waiter(&receiver).await.unwrap();
    let other = waiter(&receiver);
    tokio::task::yield_now().await;
    drop(trial);
    let (second, at) = other.await.unwrap();
    assert_eq!(at - begun, REST);
    // It fails, so the next one waits for another rest.
    second.settle(&failed(), &receiver.target.retry);
    assert_eq!(waiter(&receiver).await.unwrap().1 - begun, 2 * REST);
}

#[tokio::test(start_paused = true)]
async fn a_reset_lets_who_waits_for_the_breaker_go() {
    let (receiver, begun) = (open().await, Instant::now());
    let waiting = waiter(&receiver);
    tokio::task::yield_now().await;
    receiver.reset_breaker();
    assert_eq!(waiting.await.unwrap().1, begun);
}

#[tokio::test(start_paused = true)]
async fn a_success_of_others_doesn_t_shorten_a_schedule_and_a_nudge_does() {
    let (receiver, begun) = (open().await, Instant::now());
    let resting = |nudges| {
        let receiver = receiver.clone();
        tokio::spawn(async move {
            receiver.rest(begun + 10 * REST, nudges).await;
            Instant::now()
        })
    };
    let rests = resting(receiver.nudges());
    let (trial, _) = waiter(&receiver).await.unwrap();
    trial.settle(&TryOutcome::Taken.into(), &receiver.target.retry);
    receiver.hold(Some("paused".to_owned()));
    receiver.hold(None);
    assert_eq!(rests.await.unwrap() - begun, 10 * REST);
    // What comes before the rest begins isn't lost.
    let nudges = receiver.nudges();
    receiver.nudge();
    let now = Instant::now();
    receiver.rest(now + REST, nudges).await;
    assert_eq!(Instant::now(), now);
}

#[tokio::test(start_paused = true)]
async fn who_can_t_wait_is_told_why() {
    let receiver = open().await;
    let refused = receiver.admitted_now().await.err();
    assert_eq!(refused, Some(ReceiverClosed::Open(REST)));
    receiver.reset_breaker();
    receiver.hold(Some("paused".to_owned()));
    let refused = receiver.admitted_now().await.err();
    assert_eq!(refused, Some(ReceiverClosed::Held("paused".to_owned())));
    receiver.hold(None);
    assert!(receiver.admitted_now().await.is_ok());
}

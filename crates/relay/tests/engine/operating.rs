//! What operators do: pause, resume, replay, and what a restart keeps of it.

use std::time::{Duration, Instant};

use muster_relay::{delivery::DeliveryEnd, store::Held};
use muster_words::Xid;

use crate::{
    harness::{Bench, until},
    receiver::{Manner, Receiver},
};

fn target() -> Xid {
    "/targets/t/entries/hook".parse().unwrap()
}

#[tokio::test]
async fn a_paused_target_gets_nothing_and_loses_nothing_also_over_a_restart() {
    let (mut bench, receiver) = (Bench::start().await, Receiver::start().await);
    bench.hook(&receiver.url(), "").await;
    until(|| !bench.engine.targets().is_empty()).await;
    bench.engine.pause(&target()).await.unwrap();
    let end = bench.put("/configs/a/entries/b", "1").await;
    bench.restart().await;
    until(|| bench.engine.targets().first().is_some_and(|one| one.held.is_some())).await;
    assert_eq!(bench.engine.links().await.unwrap()[0].state, "held");
    assert_eq!(receiver.got().len(), 0);
    bench.engine.resume(&target()).await.unwrap();
    bench.reached(end).await;
    assert_eq!(receiver.got().len(), 1);
    assert!(bench.engine.pause(&"/targets/t/entries/none".parse().unwrap()).await.is_err());
}

#[tokio::test]
async fn a_target_that_says_it_is_gone_is_disabled_until_it_is_let_go() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    receiver.next([Manner::Status(410)]);
    bench.hook(&receiver.url(), "").await;
    let end = bench.put("/configs/a/entries/b", "1").await;
    until(|| bench.engine.targets().first().is_some_and(|one| one.held.is_some())).await;
    let held = bench.engine.targets()[0].held.clone().unwrap();
    assert_eq!(held, "disabled: the receiver answered 410");
    bench.engine.resume(&target()).await.unwrap();
    bench.reached(end).await;
    assert_eq!(receiver.got().len(), 2);
}

#[tokio::test]
async fn a_webhook_that_allows_only_others_gets_nothing_until_it_allows_this_registry() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    let allowed = |whom: &str| {
        receiver.at("OPTIONS", Manner::Header(200, "WebHook-Allowed-Origin", whom.to_owned()));
    };
    let held = || bench.engine.targets().first().and_then(|one| one.held.clone());
    allowed("other.example");
    bench.hook(&receiver.url(), "").await;
    // Before there is anything to send.
    until(|| held().is_some()).await;
    let told = held().unwrap();
    assert!(told.contains("WebHook-Allowed-Origin is \"other.example\""), "{told}");
    let end = bench.put("/configs/a/entries/b", "1").await;
    bench.engine.resume(&target()).await.unwrap();
    // It is asked again.
    until(|| held().is_some()).await;
    assert_eq!(receiver.got().len(), 0);
    allowed("*");
    bench.engine.resume(&target()).await.unwrap();
    bench.reached(end).await;
    assert_eq!(receiver.got().len(), 1);
}

#[tokio::test]
async fn a_webhook_is_not_asked_if_its_document_says_so() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    let others = "other.example".to_owned();
    receiver.at("OPTIONS", Manner::Header(200, "WebHook-Allowed-Origin", others));
    bench.hook(&receiver.url(), r#", "check": false"#).await;
    let end = bench.put("/configs/a/entries/b", "1").await;
    bench.reached(end).await;
    assert_eq!(receiver.got().len(), 1);
}

#[tokio::test]
async fn a_webhook_that_does_not_answer_is_asked_once_and_gets_its_events() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    receiver.at("OPTIONS", Manner::Stall);
    bench.hook(&receiver.url(), r#", "timeout_seconds": 1"#).await;
    for number in 0..5 {
        let end = bench.put(&format!("/configs/a/entries/b{number}"), "1").await;
        bench.reached(end).await;
    }
    assert_eq!((receiver.got().len(), receiver.asked()), (5, 1));
}

#[tokio::test]
async fn a_pause_is_not_replaced_by_a_refusal() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    let others = "other.example".to_owned();
    receiver.at("OPTIONS", Manner::Header(200, "WebHook-Allowed-Origin", others));
    bench.hook(&receiver.url(), "").await;
    let held = || bench.engine.targets().first().and_then(|one| one.held.clone());
    until(|| held().is_some()).await;
    bench.engine.pause(&target()).await.unwrap();
    let late = Held { reason: "disabled: late".to_owned(), version: "1".to_owned() };
    bench.engine.depot().store.hold(target().to_string(), Some(late)).await.unwrap();
    let kept = bench.engine.depot().store.held().await.unwrap();
    assert_eq!(kept[&target().to_string()].reason, "paused");
}

#[tokio::test]
async fn a_dead_letter_is_kept_and_can_be_replayed() {
    let (mut bench, receiver) = (Bench::start().await, Receiver::start().await);
    receiver.next([Manner::Status(415), Manner::Status(204), Manner::Status(500)]);
    bench.hook(&receiver.url(), "").await;
    bench.put("/configs/a/entries/b", "1").await;
    let end = bench.put("/configs/a/entries/b", "2").await;
    bench.reached(end).await;
    // The lane went on.
    assert_eq!(receiver.got().len(), 2);
    bench.restart().await;
    bench.reached(end).await;
    let letters = bench.engine.depot().store.dead_letters(0, 10, None, None).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (letters[0].failed, letters[0].resource.to_string()),
        (1, "/configs/a/entries/b".into())
    );
    let again = bench.engine.replay(letters[0].id).await.unwrap();
    assert!(matches!(again, DeliveryEnd::Dead(_)), "{again:?}");
    assert_eq!(bench.engine.replay(letters[0].id).await.unwrap(), DeliveryEnd::Delivered);
    let got = receiver.got();
    assert_eq!(got.len(), 4);
    assert_eq!(got[3].event().get("data"), Some(&1.into()));
    assert_eq!(got[3].headers["webhook-id"], got[0].headers["webhook-id"]);
    assert!(bench.engine.replay(letters[0].id).await.is_err());
}

#[tokio::test]
async fn a_replay_waits_neither_for_a_pause_nor_for_an_open_breaker() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    receiver.next([Manner::Status(415), Manner::Status(500)]);
    bench.hook(&receiver.url(), r#", "retry": {"circuit_breaker_threshold": 1}"#).await;
    let end = bench.put("/configs/a/entries/b", "1").await;
    bench.reached(end).await;
    let letters = bench.engine.depot().store.dead_letters(0, 10, None, None).await.unwrap();
    let replay = || async { bench.engine.replay(letters[0].id).await };
    bench.engine.pause(&target()).await.unwrap();
    assert_eq!(
        replay().await.unwrap_err().to_string(),
        "nothing is sent to /targets/t/entries/hook now (paused): resume it first"
    );
    bench.engine.resume(&target()).await.unwrap();
    assert!(matches!(replay().await.unwrap(), DeliveryEnd::Dead(_)));
    assert_eq!(
        replay().await.unwrap_err().to_string(),
        "the circuit breaker of /targets/t/entries/hook is open for up to 60 s: wait, or reset it first"
    );
    bench.engine.reset_breaker(&target()).unwrap();
    assert_eq!(replay().await.unwrap(), DeliveryEnd::Delivered);
    assert_eq!(receiver.got().len(), 3);
}

#[tokio::test]
async fn a_stop_waits_for_the_requests_that_run_and_for_nothing_else() {
    let (mut bench, receiver) = (Bench::start().await, Receiver::start().await);
    receiver.next([Manner::Status(500)]);
    bench.hook(&receiver.url(), r#", "retry": {"base_delay_seconds": 100}"#).await;
    // One waits for its next try; then one runs.
    bench.put("/configs/a/entries/waits", "1").await;
    until(|| bench.engine.counts().failed == 1).await;
    receiver.takes(Duration::from_millis(300));
    bench.put("/configs/a/entries/runs", "2").await;
    until(|| receiver.got().len() == 2).await;
    let begun = Instant::now();
    assert_eq!(bench.engine.stop().await, 0);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    bench.restart().await;
    let end = bench.put("/configs/a/entries/later", "3").await;
    until(|| !bench.engine.targets().is_empty()).await;
    until(|| bench.engine.counts().unfinished == 2 || receiver.got().len() == 3).await;
    bench.engine.retry(&target()).unwrap();
    bench.reached(end).await;
    let subjects: Vec<_> = receiver.got().iter().map(|got| got.text("subject")).collect();
    let runs = subjects.iter().filter(|name| *name == "/configs/a/entries/runs").count();
    assert_eq!((subjects.len(), runs), (4, 1), "{subjects:?}");
}

#[tokio::test]
async fn a_stop_cuts_off_what_takes_too_long_and_sends_it_again() {
    let (mut bench, receiver) = (Bench::start().await, Receiver::start().await);
    receiver.next([Manner::Stall, Manner::Stall]);
    bench.hook(&receiver.url(), "").await;
    bench.put("/configs/a/entries/a", "1").await;
    let end = bench.put("/configs/a/entries/b", "2").await;
    until(|| receiver.got().len() == 2).await;
    assert_eq!(bench.engine.stop().await, 2);
    bench.restart().await;
    bench.reached(end).await;
    assert_eq!(receiver.got().len(), 4);
}

//! Receivers that misbehave, compared with a table: what is noted, how often it is tried, and
//! whether it becomes a dead letter.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
};
use std::time::{Duration, Instant};

use muster_journal::{
    Ledger, MemoryLedger,
    faulty::{FaultyLedger, ReadFault},
};
use muster_registry::Clock;
use muster_words::{Moment, json::Value};

use crate::{
    harness::{Bench, clock, open, open_at, until},
    receiver::{Manner, Receiver},
};

/// Three tries, quickly, and a deadline of a second.
const QUICKLY: &str = r#", "timeout_seconds": 1, "retry": {"max_retries": 3,
    "base_delay_seconds": 0.01, "circuit_breaker_enabled": false}"#;

#[tokio::test]
async fn each_fault_of_a_receiver_has_its_outcome() {
    let status = Manner::Status;
    // The manner; what is noted; the tries; whether it is dead.
    let cases = [
        (status(200), "delivered", 1, false),
        (status(302), "the receiver redirects (302), which is never followed", 3, true),
        (status(400), "the receiver answered 400", 3, true),
        (status(415), "the receiver answered 415", 1, true),
        (status(500), "the receiver answered 500", 3, true),
        (Manner::Header(429, "Retry-After", "0".to_owned()), "the receiver answered 429", 3, true),
        (
            Manner::Header(503, "Retry-After", "soon".to_owned()),
            "the receiver answered 503",
            3,
            true,
        ),
        (Manner::Stall, "the receiver took too long", 3, true),
        (Manner::Slowly, "the receiver took too long", 3, true),
        (Manner::Endless(200), "delivered", 1, false),
        (Manner::Endless(500), "the receiver answered 500", 3, true),
        (Manner::Garbage, "the connection broke, or the answer isn't of its protocol", 3, true),
        (Manner::CutHead, "the connection broke, or the answer isn't of its protocol", 3, true),
        (Manner::CutBody, "the connection broke, or the answer isn't of its protocol", 3, true),
        (Manner::Close, "the connection broke, or the answer isn't of its protocol", 3, true),
        (Manner::HugeHead, "the connection broke, or the answer isn't of its protocol", 3, true),
    ];
    for (manner, expect, tries, is_dead) in cases {
        let (bench, receiver) = (Bench::start().await, Receiver::start().await);
        receiver.usually(manner.clone());
        bench.hook(&receiver.url(), QUICKLY).await;
        let end = bench.put("/configs/a/entries/b", "1").await;
        bench.reached(end).await;
        let noted = bench.engine.depot().trail.tries_after(0);
        let outcomes: Vec<_> = noted.iter().map(|record| record.outcome.as_str()).collect();
        assert_eq!(outcomes, vec![expect; tries], "{manner:?}");
        assert_eq!(receiver.got().len(), tries, "{manner:?}");
        let ids: Vec<_> =
            receiver.got().iter().map(|got| got.headers["webhook-id"].clone()).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{manner:?}");
        let letters = bench.engine.depot().store.dead_letters(0, 10, None, None).await.unwrap();
        let reasons: Vec<_> = letters.iter().map(|letter| letter.reason.as_str()).collect();
        let expect = if is_dead { vec![expect] } else { vec![] };
        assert_eq!(reasons, expect, "{manner:?}");
    }
}

#[tokio::test]
async fn nothing_is_sent_to_an_address_that_is_refused() {
    let receiver = Receiver::start().await;
    let port = receiver.address.port();
    let network = "its address is in a network that propagation.allow in the settings doesn't hold";
    let clear =
        "what isn't within TLS is only for addresses that propagation.allow in the settings holds";
    for (url, expect) in [
        (format!("http://inside.example:{port}/"), network),
        // One of its addresses would be allowed; which one is used must not be a matter of luck.
        (format!("http://both.example:{port}/"), network),
        (format!("http://10.0.0.1:{port}/"), network),
        (format!("http://0xa9fea9fe:{port}/latest"), network),
        ("https://169.254.169.254/latest/meta-data".to_owned(), network),
        (format!("http://[::1]:{port}/"), network),
        (format!("http://8.8.8.8:{port}/"), clear),
        (format!("http://nowhere.example:{port}/"), "the host has no address"),
        ("http://127.0.0.1:1/".to_owned(), "no connection can be made"),
    ] {
        let bench = Bench::start().await;
        bench.hook(&url, QUICKLY).await;
        let end = bench.put("/configs/a/entries/b", "1").await;
        let noted = || bench.engine.depot().trail.tries_after(0);
        if expect == network || expect == clear {
            // The settings are mended on this side, so it waits for that.
            until(|| noted().len() > 3).await;
            let links = bench.engine.links().await.unwrap();
            assert_eq!((links[0].state, links[0].dead), ("failing", 0), "{url}");
        } else {
            bench.reached(end).await;
            assert_eq!(noted().len(), 3, "{url}");
        }
        let noted = noted();
        assert!(noted.iter().all(|record| record.outcome == expect), "{url}: {noted:?}");
        if expect == network {
            assert!(noted.iter().all(|record| record.milliseconds == 0));
        }
    }
    assert_eq!(receiver.got().len(), 0);
}

#[tokio::test]
async fn what_is_wrong_on_this_side_is_tried_until_somebody_mends_it() {
    let receiver = Receiver::start().await;
    for (name, expect) in [
        ("LISTED", "the settings (secrets.list) don't let env:LISTED be sent to 127.0.0.1"),
        ("NO_KEY", "the secret isn't a key of the form whsec_ and base64"),
        ("LATE", "the variable of env:LATE isn't set in the server's environment"),
    ] {
        let bench = Bench::start().await;
        let secret = format!(r#"{QUICKLY}, "secret": "env:{name}""#);
        bench.hook(&receiver.url(), &secret).await;
        let end = bench.put("/configs/a/entries/b", "1").await;
        let noted = || bench.engine.depot().trail.tries_after(0);
        // One more than the schedule has.
        until(|| noted().len() > 3).await;
        assert!(noted().iter().all(|record| record.outcome == expect), "{:?}", noted());
        let links = bench.engine.links().await.unwrap();
        assert_eq!((links[0].state, links[0].reason.as_deref()), ("failing", Some(expect)));
        assert_eq!((links[0].dead, receiver.got().len()), (0, 0));
        if name == "LATE" {
            std::fs::write(bench.folder.path().join("late"), crate::harness::SECRET).unwrap();
            bench.engine.retry(&"/targets/t/entries/hook".parse().unwrap()).unwrap();
            bench.reached(end).await;
            assert_eq!(receiver.got().len(), 1);
            assert_eq!(bench.engine.links().await.unwrap()[0].state, "running");
        }
    }
}

#[tokio::test]
async fn a_key_that_encrypts_and_is_lost_delays_and_loses_nothing() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    let config = bench.folder.path().join("config");
    std::fs::create_dir(&config).unwrap();
    std::fs::write(config.join("encryption.made"), "").unwrap();
    let target = format!(r#"{{"kind": "webhook", "url": "{}"{QUICKLY}}}"#, receiver.url());
    bench.put("/targets/t/entries/hook", &target).await;
    let route =
        r#"{"mode": "broadcast", "select": {"collections": ["/configs"]}, "encrypt": true}"#;
    bench.put("/routes/r/entries/out", route).await;
    let end = bench.put("/configs/a/entries/b", "1").await;
    until(|| bench.engine.depot().trail.tries_after(0).len() > 3).await;
    assert_eq!(bench.engine.links().await.unwrap()[0].state, "failing");
    std::fs::remove_file(config.join("encryption.made")).unwrap();
    bench.engine.retry(&"/targets/t/entries/hook".parse().unwrap()).unwrap();
    bench.reached(end).await;
    assert_eq!(receiver.got().len(), 1);
}

#[tokio::test]
async fn routes_that_can_t_be_read_now_are_read_again_and_are_not_broken() {
    let receiver = Receiver::start().await;
    let below: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let bench = Bench::over(open(&below).await);
    bench.hook(&receiver.url(), "").await;
    bench.engine.stop().await;
    let (fails, failed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (told, count) = (fails.clone(), failed.clone());
    let faults = std::iter::from_fn(move || {
        let fails = told.load(Ordering::Relaxed);
        count.fetch_add(u64::from(fails), Ordering::Relaxed);
        Some(if fails { ReadFault::Unavailable } else { ReadFault::Pass })
    });
    let ledger = FaultyLedger::new(below, std::iter::empty()).with_reads(faults);
    let ledger: Arc<dyn Ledger> = Arc::new(ledger);
    let registry = open(&ledger).await;
    fails.store(true, Ordering::Relaxed);
    let bench = Bench::over(registry);
    // The target and the route.
    until(|| failed.load(Ordering::Relaxed) >= 2).await;
    assert_eq!(bench.engine.broken(), []);
    fails.store(false, Ordering::Relaxed);
    let end = bench.put("/configs/a/entries/b", "1").await;
    bench.reached(end).await;
}

#[tokio::test]
async fn a_breaker_opens_after_failures_in_a_row_and_loses_nothing() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    receiver.next((0..4).map(|_| Manner::Status(500)));
    let retry = r#", "retry": {"max_retries": 20, "base_delay_seconds": 0.001,
        "circuit_breaker_threshold": 3, "circuit_breaker_timeout_seconds": 0.3}"#;
    bench.hook(&receiver.url(), retry).await;
    let end = bench.put("/configs/a/entries/b", "1").await;
    let is_open = || bench.engine.targets().first().is_some_and(|one| one.breaker.name() == "open");
    until(is_open).await;
    assert_eq!(receiver.got().len(), 3);
    let links = bench.engine.links().await.unwrap();
    assert_eq!(links[0].state, "waiting");
    bench.reached(end).await;
    // The trial failed and opened it again; the second one closed it.
    assert_eq!(receiver.got().len(), 5);
    assert_eq!(bench.engine.targets()[0].breaker.name(), "closed");
    let kinds: Vec<_> =
        bench.engine.depot().trail.events_after(0).iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["link.started", "breaker.opened", "breaker.opened"]);
}

/// The microseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

#[tokio::test]
async fn a_clock_that_jumps_changes_no_delay_and_loses_nothing() {
    let ahead = Arc::new(AtomicI64::new(10 * DAY));
    let (own, jumped) = (clock(), ahead.clone());
    let now = own.now.clone();
    let now = Arc::new(move || {
        let jumped = now().microseconds() + jumped.load(Ordering::Relaxed);
        Moment::from_microseconds(jumped).unwrap()
    });
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let bench = Bench::over(open_at(&ledger, Clock { now, ..own }).await);
    let receiver = Receiver::start().await;
    bench.hook(&receiver.url(), r#", "retry": {"base_delay_seconds": 0.05}"#).await;
    for (number, jump) in [-DAY, 365 * DAY, -3 * DAY].into_iter().enumerate() {
        receiver.next([Manner::Status(500), Manner::Status(500)]);
        let begun = Instant::now();
        let end = bench.put("/configs/a/entries/b", &number.to_string()).await;
        until(|| receiver.got().len() > number * 3).await;
        ahead.fetch_add(jump, Ordering::Relaxed);
        bench.reached(end).await;
        assert!(begun.elapsed() < Duration::from_secs(10), "{jump}: {:?}", begun.elapsed());
        assert_eq!(receiver.got().len(), number * 3 + 3, "{jump}");
    }
    let told: Vec<Value> = receiver.got().iter().map(|got| got.event()["data"].clone()).collect();
    assert_eq!(told, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
}

#[tokio::test]
async fn while_a_target_is_down_what_it_costs_is_lag() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    receiver.usually(Manner::Status(503));
    bench.hook(&receiver.url(), r#", "retry": {"circuit_breaker_threshold": 1}"#).await;
    let mut end = muster_words::Position(0);
    for number in 0..1_600 {
        end = bench.put(&format!("/configs/a/entries/d{}", number % 40), "1").await;
    }
    until(|| bench.engine.targets()[0].breaker.name() == "open").await;
    until(|| bench.engine.counts().unfinished >= 1_000).await;
    // A page of the ledger was read beyond the limit, and no more.
    assert!(bench.engine.counts().unfinished <= 1_512, "{:?}", bench.engine.counts());
    receiver.usually(Manner::Status(204));
    bench.engine.reset_breaker(&"/targets/t/entries/hook".parse().unwrap()).unwrap();
    bench.reached(end).await;
}

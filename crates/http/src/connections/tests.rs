use std::time::Duration;

use super::*;

fn limits() -> ServerLimits {
    ServerLimits {
        connections_max: 4,
        head_time: Duration::from_millis(10),
        idle_time: Duration::from_millis(100),
        stall_time: Duration::from_millis(50),
        ..ServerLimits::default()
    }
}

#[test]
fn orders_by_what_a_connection_does_and_how_long() {
    type Step = fn(&ConnectionWatch);
    let cases: [(&str, Step, u64, ConnectionOrder); 10] = [
        ("silent for a short while", |_| (), 99, ConnectionOrder::None),
        ("silent for long", |_| (), 100, ConnectionOrder::Close),
        ("a head that takes long", ConnectionWatch::received, 10, ConnectionOrder::RefuseSlowHead),
        ("a head that takes a little", ConnectionWatch::received, 9, ConnectionOrder::None),
        (
            "a request in flight",
            |watch| {
                watch.received();
                watch.begin_request();
            },
            10_000,
            ConnectionOrder::None,
        ),
        (
            "idle after a request",
            |watch| {
                watch.begin_request();
                watch.end_request();
            },
            99,
            ConnectionOrder::None,
        ),
        (
            "an answer that nobody reads",
            |watch| {
                watch.begin_request();
                watch.write_waits();
            },
            50,
            ConnectionOrder::Close,
        ),
        (
            "an answer that is read again",
            |watch| {
                watch.begin_request();
                watch.write_waits();
                watch.write_moves(1);
            },
            5_000,
            ConnectionOrder::None,
        ),
        (
            "the next head while an answer is still taken",
            |watch| {
                watch.begin_request();
                watch.write_waits();
                watch.end_request();
                watch.received();
            },
            10,
            ConnectionOrder::None,
        ),
        ("lingering", ConnectionWatch::begin_closing, 10, ConnectionOrder::Close),
    ];
    for (name, step, now, expect) in cases {
        let watch = ConnectionWatch::new(Arc::default());
        step(&watch);
        assert_eq!(watch.due(now, &limits()), expect, "{name}");
    }
}

/// When something happens to a connection, and what.
type Step<'a> = (u64, &'a dyn Fn(&ConnectionWatch));

/// What a connection is told at these times, each before what happens then.
fn told(
    watch: &ConnectionWatch,
    clock: &AtomicU64,
    steps: &[Step<'_>],
) -> Vec<(u64, ConnectionOrder)> {
    let mut told = Vec::new();
    for (now, step) in steps {
        clock.store(*now, Relaxed);
        told.push((*now, watch.due(*now, &limits())));
        step(watch);
    }
    told
}

#[test]
fn keeps_a_connection_whose_client_still_takes_its_last_answer() {
    let takes = |watch: &ConnectionWatch| {
        watch.write_moves(6_000);
        watch.write_waits();
    };
    let clock = Arc::default();
    let watch = ConnectionWatch::new(Arc::clone(&clock));
    watch.begin_request();
    watch.write_waits();
    // The library has the whole answer, and the client is far from having it.
    watch.end_request();
    let mut steps: Vec<Step<'_>> = Vec::new();
    for now in (40..400).step_by(40) {
        steps.push((now, &takes));
    }
    steps.push((400, &|watch| watch.write_moves(6_000)));
    steps.push((499, &|_| ()));
    assert!(told(&watch, &clock, &steps).iter().all(|(_, order)| *order == ConnectionOrder::None));
    assert_eq!(watch.due(500, &limits()), ConnectionOrder::Close);
}

#[test]
fn evicts_no_connection_that_waits_for_its_client_to_take_an_answer() {
    let connections = Connections::new(Arc::new(limits()));
    let slot = connections.enter();
    slot.watch().begin_request();
    slot.watch().write_waits();
    slot.watch().end_request();
    assert!(!connections.evict_idle());
    slot.watch().write_moves(1);
    assert!(connections.evict_idle());
}

#[test]
fn keeps_http2_connections_while_any_answer_of_them_moves() {
    let take: &dyn Fn(&ConnectionWatch) = &|watch| watch.offer(1);
    let write: &dyn Fn(&ConnectionWatch) = &|watch| watch.write_moves(16_384);
    let acknowledge: &dyn Fn(&ConnectionWatch) = &|watch| watch.write_moves(17);
    for (name, step, end) in [
        ("nothing moves", None, 50),
        ("pings alone are answered", Some(acknowledge), 50),
        // The other is passed over all the time.
        ("one of two is taken", Some(take), 400),
        ("what was handed over is still written", Some(write), 400),
    ] {
        let clock = Arc::default();
        let watch = ConnectionWatch::new(Arc::clone(&clock));
        watch.speak_http2();
        for answer in [1, 2] {
            watch.begin_request();
            watch.offer(answer);
        }
        let step = step.unwrap_or(&|_| ());
        let steps: Vec<_> = (10..=500).step_by(10).map(|now| (now, step)).collect();
        let ended = told(&watch, &clock, &steps)
            .into_iter()
            .find(|(_, order)| *order != ConnectionOrder::None);
        assert_eq!(ended, Some((end, ConnectionOrder::Close)), "{name}");
    }
}

#[test]
fn keeps_http2_connections_that_are_written_to_after_the_last_answer_was_handed_over() {
    for (length, end) in [(17, 100), (16_384, 590)] {
        let clock = Arc::default();
        let watch = ConnectionWatch::new(Arc::clone(&clock));
        watch.speak_http2();
        let write: &dyn Fn(&ConnectionWatch) = &|watch| watch.write_moves(length);
        let nothing: &dyn Fn(&ConnectionWatch) = &|_| ();
        let steps: Vec<_> = (10..=800)
            .step_by(10)
            .map(|now| (now, if now < 500 { write } else { nothing }))
            .collect();
        let ended = told(&watch, &clock, &steps)
            .into_iter()
            .find(|(_, order)| *order != ConnectionOrder::None);
        assert_eq!(ended, Some((end, ConnectionOrder::Drain)), "{length} bytes");
    }
}

#[test]
fn evicts_the_longest_idle_and_never_one_with_a_request() {
    let connections = Connections::new(Arc::new(limits()));
    let slot: Vec<_> = (0..4).map(|_| connections.enter()).collect();
    assert!(connections.is_full());
    for (order, one) in slot.iter().enumerate() {
        one.watch().since.store(100 - order as u64, Relaxed);
    }
    slot[3].watch().begin_request();
    assert!(connections.evict_idle());
    let orders: Vec<_> = slot.iter().map(|one| one.watch().order()).collect();
    assert_eq!(
        orders,
        [
            ConnectionOrder::None,
            ConnectionOrder::None,
            ConnectionOrder::Close,
            ConnectionOrder::None
        ]
    );
    for one in &slot {
        one.watch().begin_request();
    }
    assert!(!connections.evict_idle());
    drop(slot);
    assert_eq!(connections.count(), 0);
}

#[test]
fn keeps_the_stronger_of_two_orders_and_forgives_a_slow_head_that_came() {
    let watch = ConnectionWatch::new(Arc::default());
    watch.give(ConnectionOrder::RefuseSlowHead);
    watch.begin_request();
    assert_eq!(watch.order(), ConnectionOrder::None);
    watch.give(ConnectionOrder::Close);
    watch.give(ConnectionOrder::Drain);
    watch.begin_request();
    assert_eq!(watch.order(), ConnectionOrder::Close);
}

#[test]
fn ends_the_slowest_where_too_many_answers_wait() {
    let connections =
        Connections::new(Arc::new(ServerLimits { waiting_answers_max: 10, ..limits() }));
    let slots: Vec<_> = (0..3).map(|_| connections.enter()).collect();
    for (index, slot) in slots.iter().enumerate() {
        slot.watch().speak_http2();
        connections.clock.store(3 - index as u64, Relaxed);
        for answer in 0..6 {
            slot.watch().begin_request();
            slot.watch().offer(answer);
        }
    }
    let ended = || -> Vec<bool> {
        slots.iter().map(|slot| slot.watch().order() == ConnectionOrder::Close).collect()
    };
    assert_eq!(ended(), [false, false, false]);
    connections.sweep();
    // The last one has waited longest; without it and the one before, six wait.
    assert_eq!(ended(), [false, true, true]);
}

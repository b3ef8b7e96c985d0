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
    type Step = fn(&Watch);
    let cases: [(&str, Step, u64, Order); 9] = [
        ("silent for a short while", |_| (), 99, Order::None),
        ("silent for long", |_| (), 100, Order::Close),
        ("a head that takes long", Watch::received, 10, Order::RefuseSlowHead),
        ("a head that takes a little", Watch::received, 9, Order::None),
        (
            "a request in flight",
            |watch| {
                watch.received();
                watch.begin_request();
            },
            10_000,
            Order::None,
        ),
        (
            "idle after a request",
            |watch| {
                watch.begin_request();
                watch.end_request();
            },
            99,
            Order::None,
        ),
        (
            "an answer that nobody reads",
            |watch| {
                watch.begin_request();
                watch.write_waits();
            },
            50,
            Order::Close,
        ),
        (
            "an answer that is read again",
            |watch| {
                watch.begin_request();
                watch.write_waits();
                watch.write_moves();
            },
            5_000,
            Order::None,
        ),
        ("lingering", Watch::begin_closing, 10, Order::Close),
    ];
    for (name, step, now, expect) in cases {
        let watch = Watch::new(Arc::default());
        step(&watch);
        assert_eq!(watch.due(now, &limits()), expect, "{name}");
    }
}

#[test]
fn evicts_the_longest_idle_and_never_one_with_a_request() {
    let connections = Connections::new(Arc::new(limits()));
    let entered: Vec<_> = (0..4).map(|_| connections.enter()).collect();
    assert!(connections.is_full());
    for (order, one) in entered.iter().enumerate() {
        one.watch().since.store(100 - order as u64, Relaxed);
    }
    entered[3].watch().begin_request();
    assert!(connections.evict_idle());
    let orders: Vec<_> = entered.iter().map(|one| one.watch().take_order()).collect();
    assert_eq!(orders, [Order::None, Order::None, Order::Close, Order::None]);
    for one in &entered {
        one.watch().begin_request();
    }
    assert!(!connections.evict_idle());
    drop(entered);
    assert_eq!(connections.count(), 0);
}

#[test]
fn keeps_the_stronger_of_two_orders() {
    let watch = Watch::new(Arc::default());
    watch.give(Order::Close);
    watch.give(Order::Drain);
    assert_eq!(watch.take_order(), Order::Close);
    assert_eq!(watch.take_order(), Order::None);
}

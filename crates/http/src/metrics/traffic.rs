use std::{sync::OnceLock, time::Duration};

use http::Method;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::Route;

const METHODS: [&str; 8] = ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "other"];

/// The statuses with counters of their own.
const STATUSES: [u16; 38] = [
    101, 200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 400, 401, 403, 404, 405, 406, 408, 409,
    410, 412, 413, 414, 415, 416, 421, 422, 426, 428, 429, 431, 499, 500, 501, 502, 503, 504, 507,
];

/// The index of a method's counters.
pub(crate) fn method_index(method: &Method) -> usize {
    match *method {
        Method::GET => 0,
        Method::HEAD => 1,
        Method::PUT => 2,
        Method::PATCH => 3,
        Method::POST => 4,
        Method::DELETE => 5,
        Method::OPTIONS => 6,
        _ => 7,
    }
}

/// The name of the method with these counters.
pub(crate) fn method_name(index: usize) -> &'static str {
    METHODS.get(index).copied().unwrap_or("other")
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Timed {
    method: &'static str,
    route: &'static str,
}

/// The number of requests and their durations.
pub(crate) struct Traffic {
    requests: Family<Answered, Counter>,
    durations: Family<Timed, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    cells: Box<[OnceLock<Box<Cell>>]>,
}

/// The counters of one route and method.
struct Cell {
    seconds: Histogram,
    counts: [OnceLock<Counter>; STATUSES.len() + 1],
}

/// From 25 µs, the time of an answer from memory, doubling up to 13 s.
fn histogram() -> Histogram {
    Histogram::new((0..20).map(|step| 25e-6 * f64::from(1_u32 << step)))
}

impl Traffic {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let requests = Family::default();
        let durations = Family::new_with_constructor(histogram as fn() -> Histogram);
        let in_flight = Gauge::default();
        registry.register("requests", "Requests answered", requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time from a request's head until its answer's",
            Unit::Seconds,
            durations.clone(),
        );
        registry.register("requests_in_flight", "Requests being answered", in_flight.clone());
        let cells = (0..Route::count() * METHODS.len()).map(|_| OnceLock::new()).collect();
        Self { requests, durations, in_flight, cells }
    }

    pub(crate) fn begin(&self) {
        self.in_flight.inc();
    }

    pub(super) fn in_flight(&self) -> i64 {
        self.in_flight.get()
    }

    pub(crate) fn end(&self) {
        self.in_flight.dec();
    }

    pub(crate) fn record(&self, route: Route, method: usize, status: u16, time: Duration) {
        let Some(cell) = self.cells.get(route.index() * METHODS.len() + method) else { return };
        let labels = (METHODS[method], Route::label(route.index()));
        let cell = cell.get_or_init(|| Box::new(self.cell(labels)));
        let place = STATUSES.binary_search(&status).unwrap_or(STATUSES.len());
        cell.counts[place].get_or_init(|| self.counter(labels, place)).inc();
        cell.seconds.observe(time.as_secs_f64());
    }

    fn cell(&self, (method, route): (&'static str, &'static str)) -> Cell {
        Cell {
            seconds: self.durations.get_or_create_owned(&Timed { method, route }),
            counts: [const { OnceLock::new() }; STATUSES.len() + 1],
        }
    }

    fn counter(&self, (method, route): (&'static str, &'static str), place: usize) -> Counter {
        let status = STATUS_LABELS.get(place).copied().unwrap_or("other");
        self.requests.get_or_create_owned(&Answered { method, route, status })
    }
}

const STATUS_LABELS: [&str; STATUSES.len()] = [
    "101", "200", "201", "202", "204", "206", "301", "302", "303", "304", "307", "400", "401",
    "403", "404", "405", "406", "408", "409", "410", "412", "413", "414", "415", "416", "421",
    "422", "426", "428", "429", "431", "499", "500", "501", "502", "503", "504", "507",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_each_status_by_its_number_and_finds_it() {
        assert!(STATUSES.is_sorted());
        for (status, label) in STATUSES.iter().zip(STATUS_LABELS) {
            assert_eq!(status.to_string(), label);
        }
        for code in muster_wire::ErrorCode::all() {
            assert!(STATUSES.contains(&code.status().as_u16()), "{code} would be counted as other");
        }
    }
}

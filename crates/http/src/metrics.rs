//! The server's metrics, for Prometheus. A request neither allocates nor looks up labels: the
//! counters of each route and method are created once.

mod alone;
mod route;
mod traffic;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, Response, header};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, text},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};

pub(crate) use route::Route;
use traffic::Traffic;
pub(crate) use traffic::{method_index, method_name};

use crate::{Body, connections::Connections};

/// All metrics.
pub struct Metrics {
    registry: Mutex<Registry>,
    /// Those under names that other registries of schemas use, too, so that dashboards and alarms for
    /// them work here.
    schemas: Mutex<Registry>,
    traffic: Traffic,
    listeners: Listeners,
}

/// The connections of each listener.
type Listeners = Arc<Mutex<Vec<Weak<Connections>>>>;

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics without any counts.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("muster");
        let traffic = Traffic::new(&mut registry);
        let listeners = Listeners::default();
        let metrics = Self {
            registry: Mutex::new(registry),
            schemas: Mutex::new(Registry::with_prefix("schema_registry")),
            traffic,
            listeners: Arc::clone(&listeners),
        };
        metrics.gauge("connections", "Open connections, of all listeners.", move || {
            let listeners = listeners.lock().unwrap_or_else(PoisonError::into_inner);
            let counts = listeners.iter().filter_map(Weak::upgrade).map(|open| open.count());
            i64::try_from(counts.sum::<usize>()).unwrap_or(i64::MAX)
        });
        metrics
    }

    /// Adds the metrics of another room; their names get the prefix `muster_`.
    pub fn register(&self, register: impl FnOnce(&mut Registry)) {
        register(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Adds a gauge that is read on each scrape, such as `ledger_position`.
    pub fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> i64 + Send + Sync + 'static,
    ) {
        self.register(|registry| {
            registry.register_collector(Box::new(GaugeReader { name, help, read: Box::new(read) }));
        });
    }

    /// Adds a gauge with a label; all its values are read on each scrape.
    pub fn labelled_gauge(
        &self,
        name: &'static str,
        help: &'static str,
        label: &'static str,
        read: impl Fn() -> Vec<(String, i64)> + Send + Sync + 'static,
    ) {
        self.register(|registry| {
            let read = Box::new(read);
            registry.register_collector(Box::new(LabelledGaugeReader { name, help, label, read }));
        });
    }

    /// Adds a histogram of times that is read on each scrape: counts by time, each of what took less
    /// than the time and not less than the one before; and all times together.
    pub fn times(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> (Vec<(Duration, u64)>, Duration) + Send + Sync + 'static,
    ) {
        self.register(|registry| {
            registry.register_collector(Box::new(TimesReader { name, help, read: Box::new(read) }));
        });
    }

    /// Adds a counter with a label, whose name gets the prefix `schema_registry_`; all its values are
    /// read on each scrape.
    pub fn schema_counter(
        &self,
        name: &'static str,
        help: &'static str,
        label: &'static str,
        read: impl Fn() -> Vec<(String, u64)> + Send + Sync + 'static,
    ) {
        let read = Box::new(read);
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        schemas.register_collector(Box::new(LabelledCounterReader { name, help, label, read }));
    }

    /// Adds a histogram of times as [`times`](Self::times) does, with the prefix `schema_registry_`.
    pub fn schema_times(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> (Vec<(Duration, u64)>, Duration) + Send + Sync + 'static,
    ) {
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        schemas.register_collector(Box::new(TimesReader { name, help, read: Box::new(read) }));
    }

    /// Counts the connections of one more listener.
    pub(crate) fn count_connections(&self, connections: &Arc<Connections>) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.push(Arc::downgrade(connections));
    }

    /// How many requests are being answered; a stream of events is one as long as it is open.
    #[must_use]
    pub fn requests_in_flight(&self) -> u64 {
        u64::try_from(self.traffic.in_flight()).unwrap_or_default()
    }

    pub(crate) fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// All metrics as text (OpenMetrics 1.0).
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        let lock = |registry: &Mutex<Registry>, text: &mut String| {
            let registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
            // Writing into a String can't fail.
            let _ = text::encode(text, &registry);
        };
        lock(&self.registry, &mut text);
        // The end mark stands once, at the end.
        let end = text.len().saturating_sub(END_MARK.len());
        if text.ends_with(END_MARK) {
            text.truncate(end);
        }
        lock(&self.schemas, &mut text);
        text
    }

    /// The answer of `GET /metrics`: OpenMetrics if the client accepts it, as Prometheus does,
    /// otherwise Prometheus' older text format.
    #[must_use]
    pub fn respond(&self, headers: &HeaderMap) -> Response<Body> {
        let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        let open = accepts.is_some_and(|accept| accept.contains("application/openmetrics-text"));
        let (kind, text) = if open {
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", self.text())
        } else {
            ("text/plain; version=0.0.4; charset=utf-8", plain(&self.text()))
        };
        let mut response = Response::new(Body::from(text.into_bytes()));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// What stands at the end of the text.
const END_MARK: &str = "# EOF\n";

/// Prometheus' text format 0.0.4: descriptions carry a counter's whole name, and there are no units
/// and no end mark.
fn plain(open: &str) -> String {
    let counters: Vec<_> = open
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(open.len() + 64);
    for line in open.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        let mut parts = line.splitn(4, ' ');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("#"), Some(what), Some(name), Some(rest)) if counters.contains(&name) => {
                text.extend(["# ", what, " ", name, "_total ", rest]);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// A gauge that is read on each scrape.
struct GaugeReader {
    name: &'static str,
    help: &'static str,
    read: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl fmt::Debug for GaugeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GaugeReader").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Collector for GaugeReader {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let gauge = ConstGauge::new((self.read)());
        let encoder = encoder.encode_descriptor(self.name, self.help, None, gauge.metric_type())?;
        gauge.encode(encoder)
    }
}

/// A gauge with a label that is read on each scrape.
struct LabelledGaugeReader {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    read: Box<dyn Fn() -> Vec<(String, i64)> + Send + Sync>,
}

impl fmt::Debug for LabelledGaugeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LabelledGaugeReader").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Collector for LabelledGaugeReader {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let values = (self.read)();
        if values.is_empty() {
            return Ok(());
        }
        let kind = ConstGauge::new(0_i64).metric_type();
        let mut encoder = encoder.encode_descriptor(self.name, self.help, None, kind)?;
        for (value, number) in values {
            let labels = [(self.label, value)];
            ConstGauge::new(number).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// A counter with a label that is read on each scrape.
struct LabelledCounterReader {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    read: Box<dyn Fn() -> Vec<(String, u64)> + Send + Sync>,
}

impl fmt::Debug for LabelledCounterReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LabelledCounterReader").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Collector for LabelledCounterReader {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let kind = MetricType::Counter;
        let mut encoder = encoder.encode_descriptor(self.name, self.help, None, kind)?;
        for (value, number) in (self.read)() {
            let labels = [(self.label, value)];
            ConstCounter::new(number).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// A histogram of times that is read on each scrape.
struct TimesReader {
    name: &'static str,
    help: &'static str,
    read: Box<ReadTimes>,
}

type ReadTimes = dyn Fn() -> (Vec<(Duration, u64)>, Duration) + Send + Sync;

impl fmt::Debug for TimesReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimesReader").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Collector for TimesReader {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (counts, total) = (self.read)();
        let count = counts.iter().map(|(_, count)| count).sum();
        // The last bucket has no end.
        let last = counts.len().saturating_sub(1);
        let bucket = |(index, (time, count)): (usize, &(Duration, u64))| {
            (if index == last { f64::INFINITY } else { time.as_secs_f64() }, *count)
        };
        let buckets: Vec<(f64, u64)> = counts.iter().enumerate().map(bucket).collect();
        let kind = MetricType::Histogram;
        let unit = Some(&Unit::Seconds);
        let mut encoder = encoder.encode_descriptor(self.name, self.help, unit, kind)?;
        encoder.encode_histogram::<NoLabelSet>(total.as_secs_f64(), count, &buckets, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_was_counted() {
        let metrics = Metrics::new();
        metrics.gauge("ledger_position", "Position of the last entry", || 7);
        metrics.labelled_gauge("lag", "How far behind", "follower", || {
            vec![("search".to_owned(), 3), ("mirror".to_owned(), 0)]
        });
        metrics.labelled_gauge("none", "Of nobody", "follower", Vec::new);
        metrics.times("write_duration", "How long", || {
            let counts = vec![(Duration::from_millis(1), 3), (Duration::from_millis(2), 1)];
            (counts, Duration::from_millis(4))
        });
        metrics.schema_counter("validation_requests", "How many", "status", || {
            vec![("success".to_owned(), 2), ("failure".to_owned(), 0)]
        });
        metrics.schema_times("validation_duration", "How long", || {
            (vec![(Duration::from_millis(1), 2), (Duration::MAX, 0)], Duration::from_millis(1))
        });
        let method = method_index(&http::Method::GET);
        let route = Route::of("/api/providers/cms/entries/sanity");
        for status in [200, 200, 304, 999] {
            metrics.traffic().record(route, method, status, Duration::from_micros(80));
        }
        let text = metrics.text();
        let labels = r#"method="GET",route="/api/{groups}/{group}/{resources}/{resource}""#;
        for line in [
            format!(r#"muster_requests_total{{{labels},status="200"}} 2"#),
            format!(r#"muster_requests_total{{{labels},status="304"}} 1"#),
            format!(r#"muster_requests_total{{{labels},status="other"}} 1"#),
            format!("muster_request_duration_seconds_count{{{labels}}} 4"),
            "muster_ledger_position 7".to_owned(),
            r#"muster_write_duration_seconds_bucket{le="0.001"} 3"#.to_owned(),
            r#"muster_write_duration_seconds_bucket{le="+Inf"} 4"#.to_owned(),
            "muster_write_duration_seconds_sum 0.004".to_owned(),
            "muster_write_duration_seconds_count 4".to_owned(),
            "muster_requests_in_flight 0".to_owned(),
            "# TYPE muster_lag gauge".to_owned(),
            r#"muster_lag{follower="search"} 3"#.to_owned(),
            r#"muster_lag{follower="mirror"} 0"#.to_owned(),
            r#"schema_registry_validation_requests_total{status="success"} 2"#.to_owned(),
            r#"schema_registry_validation_requests_total{status="failure"} 0"#.to_owned(),
            "schema_registry_validation_duration_seconds_count 2".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        assert!(!text.contains("muster_none"), "a gauge of nobody isn't named");
        assert_eq!((text.matches("# EOF").count(), text.ends_with("# EOF\n")), (1, true));
        let plain = plain(&text);
        for line in [
            "# HELP muster_requests_total Requests answered.",
            "# TYPE muster_requests_total counter",
            "# TYPE muster_request_duration_seconds histogram",
            "# TYPE muster_requests_in_flight gauge",
            "# TYPE schema_registry_validation_requests_total counter",
        ] {
            assert!(plain.lines().any(|found| found == line), "{line} is missing in\n{plain}");
        }
        assert!(!plain.contains("# EOF") && !plain.contains("# UNIT"));
    }
}

use std::{path::Path, sync::Arc};

use muster_http::{LiveEvents, metrics::Metrics};
use muster_registry::Registry;
use muster_relay::{
    Depot, Engine, KafkaSender, KinesisSender, NatsSender, PubSubSender, RelayStore,
    WebSocketSender,
    event::EventSource,
    http_sender::{HttpSender, SystemResolver},
    live::LiveRoutes,
    trail::Trail,
    trust,
};

use super::{assembly::OpenOptions, clock::random, directory::Directory, events};
use crate::{Failure, OwnCode};

/// The file of marks and dead letters in the data directory.
const FILE: &str = "relay.db";

/// The folder for targets that are folders, in the data directory.
const FOLDER: &str = "propagation";

/// Makes the engine of propagation. Only a server starts it: a command that opens the data directory
/// itself ends before anything could be delivered. A registry without the built-in model has no
/// routes.
///
/// # Errors
/// Its file can't be opened.
pub(super) fn open(
    registry: &Registry,
    directory: Option<&Directory>,
    (open_options, events): (&OpenOptions, &Arc<LiveEvents>),
) -> Result<Option<Arc<Engine>>, Failure> {
    if open_options.bare {
        return Ok(None);
    }
    let folder = directory.map(Directory::path);
    // A command may run as another user than the server, so it makes no file.
    let is_server = open_options.connections_max > 0;
    let file = folder.map(|folder| folder.join(FILE)).filter(|file| is_server || file.exists());
    let store = RelayStore::open(file.as_deref(), registry.view().id()).map_err(|error| {
        let mut what = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            what = format!("{what}: {inner}");
            cause = inner.source();
        }
        Failure::new(OwnCode::System, what).help(
            "check that the data directory can be written; without relay.db in it, routes begin anew",
        )
    })?;
    let outbound = &open_options.outbound;
    let tls = outbound.tls.clone().map_or_else(|| trust(None), Ok);
    let tls = tls.map_err(|error| Failure::new(OwnCode::System, error.to_string()))?;
    let public = open_options.public.as_ref().map(|public| public.as_str().to_owned());
    Ok(Some(Engine::new(Depot {
        registry: registry.clone(),
        store,
        sender: HttpSender::new(outbound.addresses.clone(), tls, Arc::new(SystemResolver)),
        nats: NatsSender::default(),
        kafka: KafkaSender::default(),
        kinesis: KinesisSender::default(),
        pubsub: PubSubSender::default(),
        websocket: WebSocketSender::default(),
        secrets: outbound.secrets.clone(),
        source: EventSource::of(registry, public.as_deref()),
        folder: folder.unwrap_or_else(|| Path::new(".")).join(FOLDER),
        trail: Trail::telling(events::of_propagation(events)),
        live: events.clone(),
        live_routes: LiveRoutes::default(),
        directory: folder.map(Path::to_owned),
        random: Box::new(random),
        chance: Box::new(chance),
    })))
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    f64::from(u32::from_ne_bytes(random())) / f64::from(u32::MAX)
}

/// Registers the metrics of propagation.
pub(super) fn measure(engine: &Arc<Engine>, metrics: &Metrics) {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let count = |name, help, read: fn(&muster_relay::engine::EngineCounts) -> u64| {
        let engine = engine.clone();
        metrics.gauge(name, help, move || number(read(&engine.counts())));
    };
    count("propagation_delivered", "Deliveries since the start.", |counts| counts.delivered);
    count("propagation_failed", "Tries that failed since the start.", |counts| counts.failed);
    count("propagation_retried", "Tries after the first of their delivery.", |counts| {
        counts.retried
    });
    count("propagation_dead", "Dead letters since the start.", |counts| counts.died);
    count("propagation_waiting", "Deliveries that wait or run.", |counts| counts.unfinished);
    count("webhook_delivered", "Deliveries to webhooks since the start.", |counts| {
        counts.webhooks.delivered
    });
    count("webhook_retried", "Tries of webhooks after the first of their delivery.", |counts| {
        counts.webhooks.retried
    });
    count("webhook_dead", "Dead letters of webhooks since the start.", |counts| {
        counts.webhooks.died
    });
    count("webhook_waiting", "Deliveries to webhooks that wait or run.", |counts| {
        counts.webhooks.unfinished
    });
    let lags = engine.clone();
    metrics.labelled_gauge(
        "propagation_behind_entries",
        "Entries that a route hasn't sent to a target.",
        "link",
        move || lags.lags().into_iter().map(|(name, lag)| (name, number(lag))).collect(),
    );
    let targets = engine.clone();
    metrics.labelled_gauge(
        "propagation_breaker_open",
        "Whether nothing is sent to a target after failures in a row.",
        "target",
        move || {
            let open = |breaker: muster_relay::breaker::ReceiverBreakerState| {
                i64::from(breaker != muster_relay::breaker::ReceiverBreakerState::Closed)
            };
            let all = targets.targets().into_iter();
            all.map(|target| (target.name.to_string(), open(target.breaker))).collect()
        },
    );
}

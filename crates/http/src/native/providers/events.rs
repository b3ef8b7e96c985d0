use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{BoxError, Extension, extract::State, response::Response};
use bytes::Bytes;
use muster_providers::ProviderEvent;
use muster_wire::{ErrorKind, Problem, providers::LiveProviderEvent};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::Native;
use crate::{
    Body, Caller, IntoProblem,
    native::{
        gate::AccessGrant,
        stream::{HEARTBEAT, Pieces, Source, event_stream},
    },
};

/// The most streams of events at once.
const WATCHERS_MAX: usize = 256;

/// `GET /providers/events`: what happens to live providers from now on.
pub(in crate::native) async fn events(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, IntoProblem> {
    let providers = native.live().await?;
    let (receiver, count) = providers.events();
    let busy = || Problem::new(ErrorKind::ServerBusy).subject("/providers/events");
    let seat = Seat::take(count).ok_or_else(busy)?;
    let grant = native.gate.grant(&caller)?;
    let body = Pieces::body(EventSource { receiver, grant, _seat: seat, has_begun: false });
    Ok(event_stream(Body::endless(body, caller.phase)))
}

/// One of the streams that there may be.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(count: Arc<AtomicUsize>) -> Option<Self> {
        let taken = Self(count);
        (taken.0.fetch_add(1, Ordering::AcqRel) < WATCHERS_MAX).then_some(taken)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

struct EventSource {
    receiver: Receiver<Arc<ProviderEvent>>,
    grant: AccessGrant,
    _seat: Seat,
    has_begun: bool,
}

impl Source for EventSource {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        if !std::mem::replace(&mut self.has_begun, true) {
            return Some(Ok(Bytes::from_static(b": events of AI providers from here on\n\n")));
        }
        let next = tokio::select! {
            biased;
            () = self.grant.ended() => return None,
            next = tokio::time::timeout(HEARTBEAT, self.receiver.recv()) => next,
        };
        Some(Ok(match next {
            Err(_) => Bytes::from_static(b": still there\n\n"),
            Ok(Err(RecvError::Closed)) => return None,
            Ok(Err(RecvError::Lagged(missed))) => {
                Bytes::from(format!("event: missed\ndata: {{\"count\": {missed}}}\n\n"))
            }
            Ok(Ok(event)) => written(&event),
        }))
    }
}

fn written(event: &ProviderEvent) -> Bytes {
    let facts = event.facts.iter().map(|(name, fact)| ((*name).to_owned(), fact.clone()));
    let told = LiveProviderEvent {
        event: event.kind.name().to_owned(),
        provider: event.provider.clone(),
        time: event.at.to_string(),
        facts: facts.collect(),
    };
    let data = serde_json::to_string(&told).unwrap_or_default();
    Bytes::from(format!("event: {}\ndata: {data}\n\n", told.event))
}

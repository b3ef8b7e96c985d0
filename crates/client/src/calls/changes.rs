use std::time::Duration;

use http::{
    HeaderName, Method,
    header::{ACCEPT, CONTENT_TYPE},
};
use http_body_util::BodyExt;
use muster_wire::changes::ChangeEvent;
use muster_words::{
    Position,
    json::{self, Value},
};
use tokio::time::{sleep, timeout};

use crate::{
    Call, Client, ClientError, EventReader, IncomingBody, Query, TransportError, call::position_of,
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How long a stream may be silent, without even a heartbeat, before it is opened again.
const PAUSE_MAX: Duration = Duration::from_secs(90);

/// The pause between attempts to reconnect, doubled from the first to the last.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));

/// Where a stream of changes begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamStart {
    /// From now on.
    Now,
    /// After this position.
    After(Position),
}

/// One change of an entity, as a CloudEvent.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedChange {
    /// `<position>.<k>`: a stream can resume after it.
    pub id: String,
    /// The event, with the members that this release knows.
    pub event: ChangeEvent,
    /// The whole event.
    pub json: Value,
}

/// The next item of a stream of changes.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamItem {
    /// The stream is open, for the first time or again.
    Connected,
    /// A change.
    Change(Box<ReceivedChange>),
    /// The connection was lost; the next call reconnects at the same place.
    Lost(TransportError),
}

/// A stream of changes, in order and complete: after a lost connection it resumes after the last
/// received change.
pub struct ChangeStream {
    client: Client,
    start: StreamStart,
    last: Option<String>,
    wait: Duration,
    open: Option<(IncomingBody, EventReader)>,
}

impl Client {
    /// A stream of changes from this place on.
    #[must_use]
    pub fn changes(&self, start: StreamStart) -> ChangeStream {
        ChangeStream { client: self.clone(), start, last: None, wait: Duration::ZERO, open: None }
    }
}

impl ChangeStream {
    /// The next change; waits until there is one. Cancelling the call loses nothing.
    ///
    /// # Errors
    /// The server refused the stream, or sent something that isn't a change. A lost connection
    /// isn't an error; see [`StreamItem::Lost`].
    pub async fn next_item(&mut self) -> Result<StreamItem, ClientError> {
        loop {
            let (body, reader) = match &mut self.open {
                Some(open) => open,
                None => match self.connect().await {
                    Ok(body) => {
                        self.open = Some((body, EventReader::default()));
                        return Ok(StreamItem::Connected);
                    }
                    Err(ClientError::Transport(error)) => return Ok(self.lost(error)),
                    Err(error) => return Err(error),
                },
            };
            if let Some(event) = reader.next_event() {
                return self.change(event).map(|change| StreamItem::Change(Box::new(change)));
            }
            match timeout(PAUSE_MAX, body.frame()).await {
                Err(_) => self.open = None,
                Ok(None) => {
                    let place = self.client.place().to_owned();
                    let cause = "the stream ended".to_owned();
                    return Ok(self.lost(TransportError::Broken { place, cause }));
                }
                Ok(Some(Err(error))) => return Ok(self.lost(error)),
                Ok(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        let fed = reader.feed(&bytes);
                        fed.map_err(|error| self.client.unexpected(error.to_string()))?;
                    }
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<IncomingBody, ClientError> {
        sleep(self.wait).await;
        let after = match (self.start, &self.last) {
            (StreamStart::After(position), None) => Some(position),
            _ => None,
        };
        let call = Call::new(Method::GET, "/changes", &Query::new().with_some("after", after))
            .header(ACCEPT, "text/event-stream")
            .header_some(LAST_EVENT_ID, self.last.as_deref());
        let response = self.client.open(call).await?;
        let content_type = response.headers().get(CONTENT_TYPE);
        let kind = content_type.and_then(|kind| kind.to_str().ok()).unwrap_or("nothing");
        if !kind.starts_with("text/event-stream") {
            return Err(self.client.unexpected(format!("{kind} instead of a stream of events")));
        }
        // "From now on" means from the first connection, not from a reconnection.
        if let (StreamStart::Now, Some(position)) = (self.start, position_of(response.headers())) {
            self.start = StreamStart::After(position);
        }
        self.wait = Duration::ZERO;
        Ok(response.into_body())
    }

    fn lost(&mut self, error: TransportError) -> StreamItem {
        self.open = None;
        self.wait = if self.wait.is_zero() { RETRY.0 } else { (self.wait * 2).min(RETRY.1) };
        StreamItem::Lost(error)
    }

    fn change(&mut self, event: crate::Event) -> Result<ReceivedChange, ClientError> {
        let json = json::parse(event.data.as_bytes()).map_err(|error| {
            self.client.unexpected(format!("an event that isn't JSON: {error}"))
        })?;
        let read = serde_json::from_value(json.clone()).map_err(|error| {
            self.client.unexpected(format!("an event that isn't one of a registry: {error}"))
        })?;
        if !event.id.is_empty() {
            self.last = Some(event.id.clone());
        }
        Ok(ReceivedChange { id: event.id, event: read, json })
    }
}

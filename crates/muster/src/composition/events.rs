use std::sync::Arc;

use muster_http::{LiveEvents, LiveProviders};
use muster_relay::trail::{RelayEvent, RelayListener};

use super::{assembly::OpenOptions, directory::Directory};

/// The folder of the newest events, in the data directory.
const FOLDER: &str = "events";

/// The events of what runs beside the ledger. Only a server keeps them: a command that opens the data
/// directory itself may run as another user, so it makes no file. A file that can't be opened stops
/// no server: what it would tell can be seen elsewhere, too.
pub(super) fn open(directory: Option<&Directory>, open_options: &OpenOptions) -> Arc<LiveEvents> {
    let is_server = open_options.connections_max > 0;
    let Some(directory) = directory.filter(|_| is_server) else { return Arc::default() };
    match LiveEvents::open(&directory.path().join(FOLDER)) {
        Ok(events) => Arc::new(events),
        Err(error) => {
            tracing::warn!(%error, "the files of live events can't be opened: until the next start they are only in memory, and their numbers begin anew");
            Arc::default()
        }
    }
}

/// Tells what happens to routes and targets.
pub(super) fn of_propagation(events: &Arc<LiveEvents>) -> RelayListener {
    let events = events.clone();
    Box::new(move |event: &RelayEvent| {
        let subject = if event.target.is_empty() { &event.route } else { &event.target };
        let event_type = format!("propagation.{}", event.kind);
        let data = [("route", event.route.as_str()), ("detail", &event.detail)];
        events.tell(event.time, (&event_type, subject), data);
    })
}

/// Tells what happens to live AI providers.
pub(super) fn tell_of_providers(events: &Arc<LiveEvents>, providers: &LiveProviders) {
    let events = events.clone();
    providers.live().on(None, move |event| {
        let event_type = format!("providers.{}", event.kind.name());
        let facts = event.facts.iter().map(|(name, fact)| (*name, fact.as_str()));
        events.tell(event.at, (&event_type, &event.provider), facts);
    });
}

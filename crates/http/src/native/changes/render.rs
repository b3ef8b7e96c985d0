use std::{collections::HashMap, sync::Arc};

use muster_catalog::Content;
use muster_history::{CommittedCommand, EditSubject, EventKind, PendingEvents, RegistryEvent};
use muster_registry::Registry;
use muster_wire::changes::{ChangeDetail, ChangeEvent, EventId, EventType};
use muster_words::{
    Xid,
    json::{Map, Value},
};

use super::frame::RenderedEvent;

/// Reads the attributes that the events of a command need. Unreadable ones are left out, because a
/// damaged content must not stop the stream.
pub(super) async fn finish(
    registry: &Registry,
    command: &CommittedCommand,
    pending: PendingEvents,
) -> Vec<RegistryEvent> {
    let wanted = pending.contents();
    let mut known: HashMap<Content, Arc<Map<String, Value>>> = HashMap::new();
    if !wanted.is_empty() {
        match registry.attributes(&wanted).await {
            Ok(found) => known.extend(wanted.into_iter().zip(found)),
            Err(error) => {
                let position = command.position();
                tracing::warn!(%error, %position, "attributes can't be read to compare them");
            }
        }
    }
    pending.finish(|content| known.get(content).cloned())
}

/// The events of a command in their final form, numbered from 1.
pub(super) fn render(
    command: &CommittedCommand,
    actor: Option<&str>,
    events: Vec<RegistryEvent>,
) -> Vec<RenderedEvent> {
    let Some(entry) = command.entries.last() else { return Vec::new() };
    let (time, command_id) = (entry.moment.to_string(), entry.command.to_string());
    let events = events.into_iter().filter_map(|event| Some((event_type(&event)?, event)));
    let rendered = events.zip(1..).map(|((event_type, event), k)| {
        let id = EventId { position: command.position(), k };
        let event = ChangeEvent {
            specversion: "1.0".to_owned(),
            event_type: event_type.into(),
            source: String::new(),
            subject: xid(&event.subject),
            id: id.to_string(),
            time: time.clone(),
            xregcorrelationid: command_id.clone(),
            // Not everybody is told; see `RenderedEvent`.
            actorname: None,
            data: ChangeDetail { changed: event.changed, more: Map::new() },
        };
        RenderedEvent::new(id, &event.subject, actor, &event.to_json())
    });
    rendered.collect()
}

fn xid(subject: &EditSubject) -> String {
    match subject {
        EditSubject::Model => "/model".to_owned(),
        EditSubject::ModelSource => "/modelsource".to_owned(),
        EditSubject::Capabilities => "/capabilities".to_owned(),
        EditSubject::Registry | EditSubject::Key(_) | EditSubject::Entity(_) => {
            subject.xid().to_string()
        }
    }
}

/// The specification's type of an event; none if it defines no such event.
const fn event_type(event: &RegistryEvent) -> Option<EventType> {
    Some(match (&event.subject, event.kind) {
        (EditSubject::Registry, EventKind::Updated) => EventType::RegistryUpdated,
        (EditSubject::Model, EventKind::Updated) => EventType::ModelUpdated,
        (EditSubject::ModelSource, EventKind::Updated) => EventType::ModelSourceUpdated,
        (EditSubject::Capabilities, EventKind::Updated) => EventType::CapabilitiesUpdated,
        (EditSubject::Entity(Xid::Group { .. }), kind) => match kind {
            EventKind::Created => EventType::GroupCreated,
            EventKind::Updated => EventType::GroupUpdated,
            EventKind::Deprecation => EventType::GroupDeprecation,
            EventKind::Deleted => EventType::GroupDeleted,
        },
        (EditSubject::Entity(Xid::Version { .. }), kind) => match kind {
            EventKind::Created => EventType::VersionCreated,
            EventKind::Updated => EventType::VersionUpdated,
            EventKind::Deleted => EventType::VersionDeleted,
            EventKind::Deprecation => return None,
        },
        (EditSubject::Entity(_), kind) => match kind {
            EventKind::Created => EventType::ResourceCreated,
            EventKind::Updated => EventType::ResourceUpdated,
            EventKind::Deprecation => EventType::ResourceDeprecation,
            EventKind::Deleted => EventType::ResourceDeleted,
        },
        _ => return None,
    })
}

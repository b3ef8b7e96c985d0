//! Events of the change stream: CloudEvents 1.0 in their structured JSON form, of the types that
//! xRegistry's events specification names (core/events.md, 1.0-rc4).

use std::{fmt, str::FromStr};

use muster_words::{Moment, Position};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// What a line of the stream says has changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeEvent {
    /// CloudEvents' version: `1.0`.
    pub specversion: String,
    /// `io.xregistry.<entity>.<action>`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The absolute URL of the registry's root.
    pub source: String,
    /// The xid of the entity.
    pub subject: String,
    /// `<position>.<k>`: where the change stands, and by what a stream is resumed.
    pub id: String,
    /// When the command was decided: RFC 3339 in UTC, the same in all events of one command.
    pub time: String,
    /// The command's id, in all events of one command.
    pub xregcorrelationid: String,
    /// More about the change.
    #[serde(default, skip_serializing_if = "ChangeDetail::is_empty")]
    pub data: ChangeDetail,
}

/// More about a change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChangeDetail {
    /// Top-level attributes that were added, changed or deleted; only in `updated` and
    /// `deprecation`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// What is ours beyond the specification.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl ChangeDetail {
    fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.more.is_empty()
    }
}

/// The kind of thing that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The registry's own attributes, or that groups came or went.
    Registry,
    /// The model in force.
    Model,
    /// The user's part of the model.
    ModelSource,
    /// The capabilities.
    Capabilities,
    /// A group.
    Group,
    /// A document as a whole, with its Meta and its default version.
    Resource,
    /// One version.
    Version,
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// It is new.
    Created,
    /// Its attributes, document or children are others than before.
    Updated,
    /// `deprecated` was set, changed or taken away.
    Deprecation,
    /// It is gone.
    Deleted,
}

/// The `type` of an event.
#[must_use]
pub const fn type_name(subject: Subject, action: Action) -> Option<&'static str> {
    Some(match (subject, action) {
        (Subject::Registry, Action::Updated) => "io.xregistry.registry.updated",
        (Subject::Model, Action::Updated) => "io.xregistry.model.updated",
        (Subject::ModelSource, Action::Updated) => "io.xregistry.modelsource.updated",
        (Subject::Capabilities, Action::Updated) => "io.xregistry.capabilities.updated",
        (Subject::Group, Action::Created) => "io.xregistry.group.created",
        (Subject::Group, Action::Updated) => "io.xregistry.group.updated",
        (Subject::Group, Action::Deprecation) => "io.xregistry.group.deprecation",
        (Subject::Group, Action::Deleted) => "io.xregistry.group.deleted",
        (Subject::Resource, Action::Created) => "io.xregistry.resource.created",
        (Subject::Resource, Action::Updated) => "io.xregistry.resource.updated",
        (Subject::Resource, Action::Deprecation) => "io.xregistry.resource.deprecation",
        (Subject::Resource, Action::Deleted) => "io.xregistry.resource.deleted",
        (Subject::Version, Action::Created) => "io.xregistry.version.created",
        (Subject::Version, Action::Updated) => "io.xregistry.version.updated",
        (Subject::Version, Action::Deleted) => "io.xregistry.version.deleted",
        // The specification has no such event: a registry is made once, and versions have no
        // deprecation of their own.
        _ => return None,
    })
}

/// Where an event stands in the stream: the k-th of the command whose last entry is at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The position of the command's last entry.
    pub position: Position,
    /// 1 for the command's first event.
    pub k: u32,
}

/// The text is no id of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the id of an event is a position, a dot and a number, such as 1204.1")]
pub struct EventIdError;

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.position, self.k)
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let (position, k) = text.split_once('.').ok_or(EventIdError)?;
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(position) || !digits(k) {
            return Err(EventIdError);
        }
        let position = Position(position.parse().map_err(|_| EventIdError)?);
        Ok(Self { position, k: k.parse().map_err(|_| EventIdError)? })
    }
}

/// What an event is made of.
#[derive(Clone, Debug)]
pub struct Changed<'a> {
    /// The absolute URL of the registry's root.
    pub source: &'a str,
    /// Where it stands.
    pub id: EventId,
    /// What kind of thing changed.
    pub subject: Subject,
    /// What happened to it.
    pub action: Action,
    /// The entity's xid.
    pub xid: &'a str,
    /// When the command was decided.
    pub moment: Moment,
    /// The command's id.
    pub command: &'a str,
    /// Attributes that changed.
    pub changed: Vec<String>,
}

impl ChangeEvent {
    /// The event of a change; None where the specification has none for it.
    #[must_use]
    pub fn new(change: Changed<'_>) -> Option<Self> {
        let type_name = type_name(change.subject, change.action)?;
        // The list says what an update moved; on others it must not appear.
        let listed = matches!(change.action, Action::Updated | Action::Deprecation)
            && !matches!(change.subject, Subject::Model | Subject::ModelSource);
        let changed = if listed { change.changed } else { Vec::new() };
        Some(Self {
            specversion: "1.0".to_owned(),
            type_name: type_name.to_owned(),
            source: change.source.to_owned(),
            subject: change.xid.to_owned(),
            id: change.id.to_string(),
            time: change.moment.to_string(),
            xregcorrelationid: change.command.to_owned(),
            data: ChangeDetail { changed, more: Map::new() },
        })
    }

    /// The event as server-sent events carry it: its id and one line of JSON. It has no `event`
    /// line, because a browser would then deliver it to nobody who didn't list all types.
    #[must_use]
    pub fn to_sse(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("id: {}\ndata: {json}\n\n", self.id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changed(subject: Subject, action: Action) -> Changed<'static> {
        Changed {
            source: "https://registry.example/api",
            id: EventId { position: Position(1204), k: 2 },
            subject,
            action,
            xid: "/dirs/d1",
            moment: Moment::EPOCH,
            command: "0b9282129301",
            changed: vec!["epoch".to_owned(), "name".to_owned()],
        }
    }

    #[test]
    fn writes_an_event_as_the_specification_shows_it() {
        let event = ChangeEvent::new(changed(Subject::Group, Action::Updated));
        let expect = json!({
            "specversion": "1.0",
            "type": "io.xregistry.group.updated",
            "source": "https://registry.example/api",
            "subject": "/dirs/d1",
            "id": "1204.2",
            "time": "1970-01-01T00:00:00Z",
            "xregcorrelationid": "0b9282129301",
            "data": {"changed": ["epoch", "name"]}
        });
        assert_eq!(serde_json::to_value(&event).ok(), Some(expect.clone()));
        assert_eq!(serde_json::from_value(expect).ok(), event);
    }

    #[test]
    fn lists_what_changed_only_where_it_may() {
        for (subject, action, expect) in [
            (Subject::Group, Action::Deprecation, Some(true)),
            (Subject::Capabilities, Action::Updated, Some(true)),
            (Subject::Group, Action::Created, Some(false)),
            (Subject::Version, Action::Deleted, Some(false)),
            (Subject::Model, Action::Updated, Some(false)),
            (Subject::ModelSource, Action::Updated, Some(false)),
            (Subject::Registry, Action::Created, None),
            (Subject::Version, Action::Deprecation, None),
        ] {
            let event = ChangeEvent::new(changed(subject, action));
            let listed = event.map(|event| !event.data.changed.is_empty());
            assert_eq!(listed, expect, "{subject:?} {action:?}");
        }
    }

    #[test]
    fn frames_an_event_with_its_id_for_resuming() {
        let event = ChangeEvent::new(changed(Subject::Version, Action::Created));
        let text = event.map(|event| event.to_sse()).unwrap_or_default();
        assert!(text.starts_with("id: 1204.2\ndata: {"), "{text}");
        assert!(text.ends_with("}\n\n") && text.matches('\n').count() == 3, "{text}");
    }

    #[test]
    fn reads_ids_strictly() {
        for (text, expect) in [
            ("1204.2", Some((1204, 2))),
            ("0.0", Some((0, 0))),
            ("1204", None),
            ("+1.2", None),
            ("1.2.3", None),
            (".2", None),
            ("1.", None),
            ("99999999999999999999.1", None),
        ] {
            let id = text.parse::<EventId>().ok().map(|id| (id.position.0, id.k));
            assert_eq!(id, expect, "{text}");
        }
    }
}

//! Events of the change stream: CloudEvents 1.0 in their structured JSON form, of the types that
//! xRegistry's events specification names (core/events.md, 1.0-rc4).

use std::{fmt, str::FromStr};

use muster_words::Position;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{OrOther, Sample};

/// One event of the change stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeEvent {
    /// CloudEvents' version: `1.0`.
    pub specversion: String,
    /// What happened to what.
    #[serde(rename = "type")]
    pub event_type: OrOther<EventType>,
    /// The absolute URL of the registry's root.
    #[schemars(extend("format" = "uri"))]
    pub source: String,
    /// The xid of the entity.
    pub subject: String,
    /// `<position>.<k>`: the event's place in the stream. A stream resumes after this id.
    pub id: String,
    /// When the command was decided: RFC 3339 in UTC. All events of one command carry the same
    /// time.
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    /// The command's id. All events of one command carry it.
    pub xregcorrelationid: String,
    /// The name of the key that made the change, or its id. Only readers of the log get it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actorname: Option<String>,
    /// Details of the change.
    #[serde(default, skip_serializing_if = "ChangeDetail::is_empty")]
    pub data: ChangeDetail,
}

/// Details of a change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeDetail {
    /// Top-level attributes that were added, changed or deleted; only in `updated` and
    /// `deprecation`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// Members that this registry adds to the specification's.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl ChangeDetail {
    fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.more.is_empty()
    }
}

/// The type of an event: `io.xregistry.<entity>.<action>`. Other combinations don't exist: a
/// registry is created only once, and a version has no deprecation of its own.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum EventType {
    /// The registry's own attributes changed, or groups were added or removed.
    #[serde(rename = "io.xregistry.registry.updated")]
    RegistryUpdated,
    /// The model in force changed.
    #[serde(rename = "io.xregistry.model.updated")]
    ModelUpdated,
    /// The user's part of the model changed.
    #[serde(rename = "io.xregistry.modelsource.updated")]
    ModelSourceUpdated,
    /// The capabilities changed.
    #[serde(rename = "io.xregistry.capabilities.updated")]
    CapabilitiesUpdated,
    /// A group was created or restored.
    #[serde(rename = "io.xregistry.group.created")]
    GroupCreated,
    /// A group's attributes changed, or resources were added to it or removed from it.
    #[serde(rename = "io.xregistry.group.updated")]
    GroupUpdated,
    /// The attribute `deprecated` of a group was set, changed or removed.
    #[serde(rename = "io.xregistry.group.deprecation")]
    GroupDeprecation,
    /// A group was deleted.
    #[serde(rename = "io.xregistry.group.deleted")]
    GroupDeleted,
    /// A resource was created or restored.
    #[serde(rename = "io.xregistry.resource.created")]
    ResourceCreated,
    /// A resource's Meta, its versions or the attributes of its default version changed.
    #[serde(rename = "io.xregistry.resource.updated")]
    ResourceUpdated,
    /// The attribute `deprecated` of a resource was set, changed or removed.
    #[serde(rename = "io.xregistry.resource.deprecation")]
    ResourceDeprecation,
    /// A resource was deleted.
    #[serde(rename = "io.xregistry.resource.deleted")]
    ResourceDeleted,
    /// A version was created or restored.
    #[serde(rename = "io.xregistry.version.created")]
    VersionCreated,
    /// A version's attributes or its document changed.
    #[serde(rename = "io.xregistry.version.updated")]
    VersionUpdated,
    /// A version was deleted.
    #[serde(rename = "io.xregistry.version.deleted")]
    VersionDeleted,
}

/// The place of an event in the stream: the position of its command's last entry, and its number
/// within the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The position of the command's last entry.
    pub position: Position,
    /// The number of the event within its command, from 1.
    pub k: u32,
}

/// The text isn't an event id.
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

impl ChangeEvent {
    /// The event as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Sample for ChangeEvent {
    fn sample() -> Self {
        let changed = ["epoch", "modifiedat", "name"].map(str::to_owned).to_vec();
        Self {
            specversion: "1.0".to_owned(),
            event_type: EventType::VersionUpdated.into(),
            source: "https://registry.example/api".to_owned(),
            subject: "/providers/cms/entries/sanity/versions/2".to_owned(),
            id: "1204.1".to_owned(),
            time: "2026-11-21T10:12:03.000412Z".to_owned(),
            xregcorrelationid: "0b92821293014be1a5c3b7a1f0e2d4c6".to_owned(),
            actorname: Some("deploy".to_owned()),
            data: ChangeDetail { changed, more: Map::new() },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(event_type: EventType) -> ChangeEvent {
        ChangeEvent {
            specversion: "1.0".to_owned(),
            event_type: event_type.into(),
            source: "https://registry.example/api".to_owned(),
            subject: "/dirs/d1".to_owned(),
            id: EventId { position: Position(1204), k: 2 }.to_string(),
            time: "1970-01-01T00:00:00Z".to_owned(),
            xregcorrelationid: "0b9282129301".to_owned(),
            actorname: None,
            data: ChangeDetail {
                changed: vec!["epoch".to_owned(), "name".to_owned()],
                more: Map::new(),
            },
        }
    }

    #[test]
    fn writes_an_event_as_the_specification_shows_it() {
        let event = event(EventType::GroupUpdated);
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
        assert_eq!(serde_json::from_value(expect).ok(), Some(event));
    }

    #[test]
    fn writes_an_event_in_one_line() {
        let text = event(EventType::VersionCreated).to_json();
        assert!(text.starts_with('{') && text.ends_with('}') && !text.contains('\n'), "{text}");
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

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// A word of an answer: one that this release knows, or another one, from a newer server. So an
/// older client reads the answer all the same, and shows the word as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OrOther<T> {
    /// A word that this release knows.
    Known(T),
    /// Another word, as it was written.
    Other(String),
}

impl<T: PartialEq> OrOther<T> {
    /// Whether it is this word.
    #[must_use]
    pub fn is(&self, word: &T) -> bool {
        matches!(self, Self::Known(known) if known == word)
    }
}

impl<T> From<T> for OrOther<T> {
    fn from(known: T) -> Self {
        Self::Known(known)
    }
}

impl<T: Serialize> fmt::Display for OrOther<T> {
    /// As it travels.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(known) => known.serialize(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// The schema says which words this release writes.
impl<T: JsonSchema> JsonSchema for OrOther<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use crate::{
        Sample, Violation,
        changes::ChangeEvent,
        entities::{HiddenKind, HiddenName},
        followers::FollowerReport,
        log::LogChange,
        status::StatusReport,
    };

    use super::*;

    /// A sample in which another word stands, read and written again.
    fn read_and_written<T: Serialize + DeserializeOwned>(sample: &T, name: &str) -> (Value, Value) {
        let mut sent = serde_json::to_value(sample).unwrap_or_default();
        sent[name] = "from tomorrow".into();
        let read: Option<T> = serde_json::from_value(sent.clone()).ok();
        (read.and_then(|read| serde_json::to_value(read).ok()).unwrap_or_default(), sent)
    }

    #[test]
    fn reads_words_of_a_newer_server_and_keeps_them() {
        let hidden =
            HiddenName { xid: "/dirs/d".to_owned(), kind: HiddenKind::Group.into(), position: 3 };
        let change = LogChange::sample();
        for (written, sent) in [
            read_and_written(&ChangeEvent::sample(), "type"),
            read_and_written(&FollowerReport::sample(), "state"),
            read_and_written(&StatusReport::sample(), "clock"),
            read_and_written(&change, "action"),
            read_and_written(&change, "kind"),
            read_and_written(&hidden, "kind"),
        ] {
            assert_eq!(written, sent);
        }
    }

    #[test]
    fn reads_violations_of_a_newer_server() {
        for sent in [
            json!({"pointer": "/a", "rule": "r", "severity": "hint", "message": "m"}),
            json!({"pointer": "/a", "policy": {"id": "p"}, "severity": "error", "message": "m"}),
            json!({"pointer": "/a", "severity": "error", "message": "m"}),
        ] {
            let read: Option<Violation> = serde_json::from_value(sent.clone()).ok();
            assert_eq!(read.and_then(|read| serde_json::to_value(read).ok()), Some(sent));
        }
        let more =
            json!({"pointer": "", "rule": "r", "since": 3, "severity": "error", "message": ""});
        let read: Option<Violation> = serde_json::from_value(more).ok();
        assert_eq!(
            read.map(|read| read.violated),
            Some(crate::ViolationCause::Rule("r".to_owned()))
        );
    }
}

//! What makes two schemas the same for Confluent's registry: its text in canonical form, what it
//! refers to, its metadata and its rules. Their MD5 is the schema's guid.

use std::{fmt, str::FromStr};

use md5::{Digest as _, Md5};
use muster_words::{
    Notation,
    json::{self, Value},
};
use serde::{Deserialize, Serialize};

use crate::{FormattedSchema, SchemaFormat, UnknownName, written_json::written_text};

/// The identity of a schema in every context and subject: an MD5, which Confluent's registry shows
/// as a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaGuid(pub [u8; 16]);

/// A schema that another one refers to, by the name that its text uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferencedVersion {
    /// The name in the text: of a type (Avro), an import (Protobuf) or in a `$ref` (JSON Schema).
    pub name: String,
    /// The subject.
    pub subject: String,
    /// The number of its version.
    pub version: i32,
}

/// What a schema's guid is computed from, beside its text.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdentityParts<'a> {
    /// What it refers to, in the order in which it was sent.
    pub references: &'a [ReferencedVersion],
    /// Its metadata: `{tags, properties, sensitive}`.
    pub metadata: Option<&'a Value>,
    /// Its rules: `{migrationRules, domainRules, encodingRules}`.
    pub rule_set: Option<&'a Value>,
}

impl SchemaGuid {
    /// The guid of a schema with this canonical text.
    ///
    /// ```
    /// use muster_schema::{SchemaGuid, IdentityParts};
    ///
    /// let guid = SchemaGuid::of("\"string\"", IdentityParts::default());
    /// assert_eq!(guid.to_string().len(), 36);
    /// ```
    #[must_use]
    pub fn of(text: &str, beside: IdentityParts<'_>) -> Self {
        HashedText::of(text).guid(beside)
    }
}

/// A schema's canonical text as a part of several guids. The text is hashed once.
#[derive(Clone)]
pub struct HashedText(Md5);

impl fmt::Debug for HashedText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HashedText")
    }
}

impl HashedText {
    /// Hashes a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Md5::new_with_prefix(text))
    }

    /// The guid of the schema with this text and these parts.
    #[must_use]
    pub fn guid(&self, beside: IdentityParts<'_>) -> SchemaGuid {
        let mut hash = self.0.clone();
        for reference in beside.references {
            hash.update(&reference.name);
            hash.update(&reference.subject);
            hash.update(reference.version.to_be_bytes());
        }
        if let Some(metadata) = beside.metadata {
            hash.update([1]);
            update_with(&mut hash, metadata.get("tags"));
            update_with(&mut hash, metadata.get("properties"));
            update_with(&mut hash, metadata.get("sensitive"));
        }
        if let Some(rules) = beside.rule_set {
            hash.update([1]);
            for kind in ["migrationRules", "domainRules", "encodingRules"] {
                for rule in rules.get(kind).and_then(Value::as_array).into_iter().flatten() {
                    update_with_rule(&mut hash, rule);
                }
            }
        }
        SchemaGuid(hash.finalize().into())
    }
}

/// Texts, lists of texts and maps of both, maps by their keys in order.
fn update_with(hash: &mut Md5, value: Option<&Value>) {
    match value {
        Some(Value::String(text)) => hash.update(text),
        Some(Value::Array(items)) => items.iter().for_each(|item| update_with(hash, Some(item))),
        Some(Value::Object(members)) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            for (key, value) in members {
                hash.update(key);
                update_with(hash, Some(value));
            }
        }
        _ => {}
    }
}

fn update_with_rule(hash: &mut Md5, rule: &Value) {
    const MEMBERS: [&str; 10] =
        ["name", "doc", "kind", "mode", "type", "tags", "params", "expr", "onSuccess", "onFailure"];
    MEMBERS.iter().for_each(|member| update_with(hash, rule.get(*member)));
    // The sample of known guids has no disabled rule; this one keeps both apart.
    if rule.get("disabled").and_then(Value::as_bool) == Some(true) {
        hash.update([1]);
    }
}

impl FormattedSchema {
    /// The text by which Confluent's registry identifies and shows a schema: Avro as Java's library
    /// prints it, Protobuf in canonical form, JSON Schema as it was sent but without white space.
    #[must_use]
    pub fn confluent_text(&self, sent: &[u8]) -> String {
        match self {
            Self::JsonSchema(_) => json_schema_text(sent),
            Self::Avro(schema) => schema.text(),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => schema.canonical_text().to_owned(),
        }
    }

    /// The same after normalisation, so that schemas that differ only in what has no meaning have
    /// the same text.
    #[must_use]
    pub fn normalized_text(&self, sent: &[u8]) -> String {
        match self {
            Self::JsonSchema(_) => match crate::notation_of(sent).parse(sent) {
                Ok(value) => String::from_utf8_lossy(&json::to_canonical(&value)).into_owned(),
                Err(_) => json_schema_text(sent),
            },
            Self::Avro(schema) => schema.normalized_text(),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => schema.normalised_text(),
        }
    }
}

/// The text of a JSON Schema as Confluent's registry shows it: without white space, with its members
/// in their order. YAML becomes JSON.
#[must_use]
pub fn json_schema_text(sent: &[u8]) -> String {
    match crate::notation_of(sent) {
        Notation::Json => match json::parse_with_places(sent) {
            Ok((value, places)) => written_text(&value, places.at("")),
            Err(_) => String::from_utf8_lossy(sent).into_owned(),
        },
        notation => match notation.parse(sent) {
            Ok(value) => value.to_string(),
            Err(_) => String::from_utf8_lossy(sent).into_owned(),
        },
    }
}

impl SchemaFormat {
    /// The name in Confluent's API: `AVRO`, `JSON` or `PROTOBUF`.
    #[must_use]
    pub const fn confluent_name(self) -> &'static str {
        match self {
            Self::JsonSchema => "JSON",
            Self::Avro => "AVRO",
            Self::Protobuf => "PROTOBUF",
        }
    }
}

impl fmt::Display for SchemaGuid {
    /// In the form of a UUID.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for SchemaGuid {
    type Err = UnknownName;

    /// Reads a UUID, with or without hyphens.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownName::new(text, "a UUID in hexadecimal digits");
        let digits: Vec<u32> = text
            .chars()
            .filter(|c| *c != '-')
            .map(|c| c.to_digit(16))
            .collect::<Option<_>>()
            .ok_or_else(unknown)?;
        let mut bytes = [0; 16];
        if digits.len() != 2 * bytes.len() {
            return Err(unknown());
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::try_from(pair[0] * 16 + pair[1]).map_err(|_| unknown())?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests;

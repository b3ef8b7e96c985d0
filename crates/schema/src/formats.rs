//! The formats of schemas, and one type for a schema of any of them.

use std::{fmt, str::FromStr, sync::Arc};

use muster_words::{
    Notation, Xid,
    json::{self, Value},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

#[cfg(feature = "protobuf")]
use crate::protobuf::{self, ProtobufFrame, ProtobufSchema};
use crate::{
    Broken, Certainty, ChangeClass, ChangeKind, ChangedPart, CompileError, Direction, Policy,
    Schema, SchemaChange, SchemaSources, Violation,
    avro::{self, AvroSchema, ConfluentFrame},
    compare_json_schemas, json_schema_difference, limits,
};

/// What a schema is written in.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum SchemaFormat {
    /// JSON Schema, drafts 4 to 2020-12. Schemas that say nothing of their format have it.
    #[default]
    JsonSchema,
    /// Apache Avro.
    Avro,
    /// Protocol Buffers.
    Protobuf,
}

/// A text names no format.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} isn't a format of schemas; they are jsonschema, avro and protobuf")]
pub struct UnknownFormat(pub String);

impl SchemaFormat {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::JsonSchema, Self::Avro, Self::Protobuf];

    /// The name: `jsonschema`, `avro` or `protobuf`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::JsonSchema => "jsonschema",
            Self::Avro => "avro",
            Self::Protobuf => "protobuf",
        }
    }

    /// The format of a stored schema: what its attribute `format` says, else what its media type
    /// says, else JSON Schema. None if its attribute names a format that isn't known here.
    #[must_use]
    pub fn of_stored(format: Option<&str>, media_type: Option<&str>) -> Option<Self> {
        if let Some(named) = format {
            return named.parse().ok();
        }
        // Writes ask for this often, so nothing is copied.
        let media_type = media_type.unwrap_or_default().as_bytes();
        let names = |name: &str| {
            media_type.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name.as_bytes()))
        };
        Some(match () {
            () if names("avro") => Self::Avro,
            () if names("protobuf") => Self::Protobuf,
            () => Self::JsonSchema,
        })
    }

    /// The format of a file with this name: `.avsc` and `.avpr` are Avro, `.proto` is Protobuf, and
    /// all others are JSON Schema.
    #[must_use]
    pub fn of_file(name: &str) -> Self {
        match name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).as_deref() {
            Some("avsc") => Self::Avro,
            Some("proto") => Self::Protobuf,
            _ => Self::JsonSchema,
        }
    }
}

impl FromStr for SchemaFormat {
    type Err = UnknownFormat;

    /// Reads a name in any case, with a version behind a slash as in xRegistry
    /// (`JSONSchema/draft-07`, `Avro/1.12.0`, `Protobuf/3`), or as Confluent's registry writes it
    /// (`JSON`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.split('/').next().unwrap_or_default().trim();
        match name.to_ascii_lowercase().as_str() {
            "jsonschema" | "json-schema" | "json" => Ok(Self::JsonSchema),
            "avro" => Ok(Self::Avro),
            "protobuf" | "proto" => Ok(Self::Protobuf),
            _ => Err(UnknownFormat(text.chars().take(100).collect())),
        }
    }
}

impl fmt::Display for SchemaFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a schema may refer to.
#[derive(Clone, Copy)]
pub struct SchemaContext<'a> {
    /// The resource that it is in, where relative references of a JSON Schema are resolved.
    pub home: Option<&'a Xid>,
    /// The schemas that a JSON Schema refers to by xid.
    pub sources: &'a dyn SchemaSources,
    /// The schemas that an Avro schema refers to, in the order of their dependencies, the files that
    /// a Protobuf schema imports, and the schemas that a JSON Schema names in `$ref`: each with its
    /// name and text.
    pub texts: &'a [(&'a str, &'a str)],
    /// How a JSON Schema is written; none if only its text can tell.
    pub notation: Option<Notation>,
}

/// A payload of a schema's data.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// A JSON value; for Avro and Protobuf in their JSON encodings.
    Json(&'a Value),
    /// Avro's or Protobuf's binary encoding. For JSON Schema, the text of a JSON value.
    Binary(&'a [u8]),
    /// The same as Confluent's serializers write it: behind a byte 0 and the id of the schema in
    /// four bytes, and for Protobuf also behind the path to its message.
    Framed(&'a [u8]),
}

/// Why a payload can't be checked at all.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct UncheckablePayload(pub String);

/// A schema of any format, ready to be compared and to check payloads.
#[derive(Debug)]
pub enum FormattedSchema {
    /// A JSON Schema.
    JsonSchema(Box<Schema>),
    /// An Avro schema.
    Avro(Box<AvroSchema>),
    /// A Protobuf schema.
    #[cfg(feature = "protobuf")]
    Protobuf(ProtobufSchema),
}

impl FormattedSchema {
    /// Reads a schema. A JSON Schema may also be YAML.
    ///
    /// # Errors
    /// What is wrong with it, at least one violation of the schema as a document.
    ///
    /// ```
    /// use muster_schema::{FormattedSchema, NoSources, Payload, SchemaContext, SchemaFormat};
    ///
    /// let context = SchemaContext { home: None, sources: &NoSources, texts: &[], notation: None };
    /// let schema = FormattedSchema::parse(SchemaFormat::Avro, br#""int""#, &context).unwrap();
    /// let found = schema.check(Payload::Json(&"five".into()), None).unwrap();
    /// assert_eq!(found[0].pointer, "");
    /// ```
    pub fn parse(
        format: SchemaFormat,
        bytes: &[u8],
        context: &SchemaContext<'_>,
    ) -> Result<Self, Vec<Violation>> {
        match format {
            SchemaFormat::JsonSchema => {
                let notation = context.notation.unwrap_or_else(|| notation_of(bytes));
                let named = NamedTexts { texts: context.texts, sources: context.sources };
                let parsed = match context.home {
                    Some(home) => Schema::parse_as(home, notation, bytes, &named),
                    None => notation
                        .parse(bytes)
                        .map_err(CompileError::from)
                        .and_then(|value| Schema::compile(&value, &named)),
                };
                let parsed = parsed.map_err(|error| error.violations());
                Ok(Self::JsonSchema(Box::new(parsed?)))
            }
            SchemaFormat::Avro => {
                let parsed = AvroSchema::parse(text(bytes)?, context.texts);
                Ok(Self::Avro(Box::new(parsed.map_err(|error| error.violations())?)))
            }
            #[cfg(feature = "protobuf")]
            SchemaFormat::Protobuf => {
                let parsed = ProtobufSchema::parse(text(bytes)?, context.texts);
                Ok(Self::Protobuf(parsed.map_err(|error| of_protobuf(&error))?))
            }
            #[cfg(not(feature = "protobuf"))]
            SchemaFormat::Protobuf => {
                let what = "this build doesn't know Protobuf (the feature protobuf)";
                Err(vec![Violation::keyword("", "format", what)])
            }
        }
    }

    /// The format.
    #[must_use]
    pub const fn format(&self) -> SchemaFormat {
        match self {
            Self::JsonSchema(_) => SchemaFormat::JsonSchema,
            Self::Avro(_) => SchemaFormat::Avro,
            #[cfg(feature = "protobuf")]
            Self::Protobuf(_) => SchemaFormat::Protobuf,
        }
    }

    /// What is dubious in the schema, though it can be used.
    #[must_use]
    pub fn warnings(&self) -> &[Violation] {
        match self {
            Self::Avro(schema) => schema.warnings(),
            _ => &[],
        }
    }

    /// Why readers of one version can't read data of the other; nothing if they can. Schemas of
    /// different formats are never compatible.
    #[must_use]
    pub fn compare(&self, new: &Self, direction: Direction, policy: Policy) -> Vec<Broken> {
        match (self, new) {
            (Self::JsonSchema(old), Self::JsonSchema(new)) => {
                compare_json_schemas(old, new, direction, policy)
            }
            (Self::Avro(old), Self::Avro(new)) => avro::compare(old, new, direction, policy),
            #[cfg(feature = "protobuf")]
            (Self::Protobuf(old), Self::Protobuf(new)) => {
                protobuf::compare(old, new, direction, policy)
            }
            _ => vec![Broken {
                rule: "schema_format_changed".to_owned(),
                path: String::new(),
                direction,
                certainty: Certainty::Broken,
                was: Some(self.format().to_string()),
                is: Some(new.format().to_string()),
                message: "data of one format can't be read with a schema of another".to_owned(),
                suggestion: Some("put it under a name of its own".to_owned()),
            }],
        }
    }

    /// What differs between two versions, as people read it.
    #[must_use]
    pub fn difference(&self, new: &Self) -> Vec<SchemaChange> {
        match (self, new) {
            (Self::JsonSchema(old), Self::JsonSchema(new)) => json_schema_difference(old, new),
            (Self::Avro(old), Self::Avro(new)) => avro::difference(old, new),
            #[cfg(feature = "protobuf")]
            (Self::Protobuf(old), Self::Protobuf(new)) => protobuf::difference(old, new),
            _ => vec![SchemaChange {
                kind: ChangeKind::Modified,
                part: ChangedPart::Type,
                path: String::new(),
                was: Some(self.format().to_string()),
                is: Some(new.format().to_string()),
                class: ChangeClass::Breaking,
            }],
        }
    }

    /// Checks a payload and returns all violations. `message` names the message of a Protobuf
    /// schema; without it, its first message is meant.
    ///
    /// # Errors
    /// The schema has no such message.
    pub fn check(
        &self,
        payload: Payload<'_>,
        message: Option<&str>,
    ) -> Result<Vec<Violation>, UncheckablePayload> {
        match (self, payload) {
            (Self::JsonSchema(schema), Payload::Json(value)) => Ok(schema.validate(value)),
            (Self::JsonSchema(schema), Payload::Binary(bytes)) => Ok(match json::parse(bytes) {
                Ok(value) => schema.validate(&value),
                Err(error) => vec![Violation::keyword("", "json", error.to_string())],
            }),
            (Self::Avro(schema), Payload::Json(value)) => Ok(schema.check_json(value)),
            (Self::Avro(schema), Payload::Binary(bytes)) => Ok(schema.check_binary(bytes)),
            (Self::JsonSchema(_) | Self::Avro(_), Payload::Framed(bytes)) => {
                match ConfluentFrame::split(bytes) {
                    Ok(frame) => self.check(Payload::Binary(frame.payload), message),
                    Err(fault) => Ok(vec![Violation::keyword("", "frame", fault.to_string())]),
                }
            }
            #[cfg(feature = "protobuf")]
            (Self::Protobuf(schema), payload) => check_protobuf(schema, payload, message),
        }
    }
}

impl FormattedSchema {
    /// Checks a document, which is its schema's data in JSON, and returns all violations. With
    /// `asserts_formats`, a JSON Schema asserts every `format`.
    ///
    /// # Errors
    /// The schema has no such message.
    pub fn check_document(
        &self,
        document: &Value,
        asserts_formats: bool,
        message: Option<&str>,
    ) -> Result<Vec<Violation>, UncheckablePayload> {
        match self {
            Self::JsonSchema(schema) if asserts_formats => {
                Ok(schema.validate_asserting_formats(document))
            }
            _ => self.check(Payload::Json(document), message),
        }
    }

    /// Whether it can check data at all: a Protobuf schema must have the message of this name, or
    /// without a name any message. The other formats know no messages.
    ///
    /// # Errors
    /// The schema has no such message.
    pub fn check_message(&self, message: Option<&str>) -> Result<(), UncheckablePayload> {
        match self {
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => match schema.message(message) {
                Ok(_) => Ok(()),
                Err(error) => Err(UncheckablePayload(error.to_string())),
            },
            Self::JsonSchema(_) | Self::Avro(_) => {
                let _ = message;
                Ok(())
            }
        }
    }

    /// Whether checking a document of this size may take more than some milliseconds.
    #[must_use]
    pub fn may_take_long(&self, bytes: usize) -> bool {
        let members = match self {
            Self::JsonSchema(schema) => return schema.may_take_long(bytes),
            Self::Avro(schema) => schema.places.len(),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => schema.canonical_text().len() / MEMBER_BYTES,
        };
        // An empty object may lack all members of the largest record.
        (members as u64).saturating_mul(bytes as u64) > limits::SHORT_MAX
    }
}

/// The bytes of a member in the text of a Protobuf schema, at least.
#[cfg(feature = "protobuf")]
const MEMBER_BYTES: usize = 16;

/// The schemas to which a JSON Schema refers: those that come with it, by their names, before those
/// that are stored.
struct NamedTexts<'a> {
    texts: &'a [(&'a str, &'a str)],
    sources: &'a dyn SchemaSources,
}

impl NamedTexts<'_> {
    /// A place for a text, which no stored schema is expected to have.
    fn place(index: usize) -> Option<Xid> {
        format!("/schemagroups/_/schemas/_~~{index}").parse().ok()
    }

    fn text(&self, name: impl Fn(&str) -> bool) -> Option<usize> {
        self.texts.iter().position(|(own, _)| name(own))
    }
}

impl SchemaSources for NamedTexts<'_> {
    fn identified(&self, home: &Xid, id: &str) -> Vec<Xid> {
        match self.text(|name| name == id).and_then(Self::place) {
            Some(place) => vec![place],
            None => self.sources.identified(home, id),
        }
    }

    fn get(&self, reference: &Xid) -> Option<Arc<Value>> {
        let is_named = |name: &str| {
            let last = name.trim_start_matches("./");
            reference.resource().and_then(|own| Some(own.id()?.as_str() == last)) == Some(true)
        };
        let placed =
            (0..self.texts.len()).find(|index| Self::place(*index).as_ref() == Some(reference));
        match placed.or_else(|| self.text(is_named)) {
            Some(index) => {
                let text = self.texts.get(index)?.1.as_bytes();
                notation_of(text).parse(text).ok().map(Arc::new)
            }
            None => self.sources.get(reference),
        }
    }
}

#[cfg(feature = "protobuf")]
fn check_protobuf(
    schema: &ProtobufSchema,
    payload: Payload<'_>,
    message: Option<&str>,
) -> Result<Vec<Violation>, UncheckablePayload> {
    let checked = match payload {
        Payload::Json(value) => schema.check_json(value, message),
        Payload::Binary(bytes) => schema.check_binary(bytes, message),
        Payload::Framed(bytes) => match ProtobufFrame::read(bytes) {
            Ok(frame) => {
                let named = schema.message_at(&frame.indexes);
                schema.check_binary(frame.payload, named.as_deref().or(message))
            }
            Err(fault) => Ok(vec![Violation::keyword("", "frame", fault.to_string())]),
        },
    };
    checked.map_err(|error| UncheckablePayload(error.to_string()))
}

/// How a JSON Schema without a media type is written: JSON if it begins like that, else YAML.
#[must_use]
pub fn notation_of(schema: &[u8]) -> Notation {
    match schema.trim_ascii() {
        [] | [b'{', ..] | b"true" | b"false" => Notation::Json,
        _ => Notation::Yaml,
    }
}

fn text(bytes: &[u8]) -> Result<&str, Vec<Violation>> {
    std::str::from_utf8(bytes).map_err(|error| {
        let what = format!("it isn't UTF-8 after byte {}", error.valid_up_to());
        vec![Violation::keyword("", "utf-8", what)]
    })
}

/// The problems of a Protobuf schema as violations of its text, each with its place there.
#[cfg(feature = "protobuf")]
fn of_protobuf(error: &protobuf::ProtobufError) -> Vec<Violation> {
    let violation = |problem: &protobuf::ProtobufProblem| {
        let (message, place) = match &problem.file {
            Some(file) => (format!("in {file}: {}", problem.message), None),
            None => (problem.message.clone(), problem.place),
        };
        Violation { place, ..Violation::keyword("", problem.fault.as_str(), message) }.bounded()
    };
    error.problems.iter().map(violation).collect()
}

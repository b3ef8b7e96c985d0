use std::collections::{BTreeMap, BTreeSet};

use muster_wire::confluent::{ConfluentSchema, ModeBody};
use serde_json::{Map, Value, json};
use thiserror::Error;

/// The order in which the members of records are written doesn't matter to anybody; sorted, two dumps
/// of the same are the same bytes.
const SCHEMA: &str = "SCHEMA";
const CONFIG: &str = "CONFIG";
const MODE: &str = "MODE";

/// A record of the topic `_schemas`.
#[derive(Clone, Debug, PartialEq)]
pub enum SchemaRecord {
    /// The settings of a subject or a context; without one, of everything.
    Config {
        /// The subject, or a context such as `:.team:`.
        subject: Option<String>,
        /// The settings by their names.
        settings: Map<String, Value>,
    },
    /// The mode of a subject or a context; without one, of everything.
    Mode {
        /// The subject, or a context such as `:.team:`.
        subject: Option<String>,
        /// The mode.
        mode: String,
    },
    /// A version of a subject.
    Schema(Box<ConfluentSchema>),
}

/// Why a dump can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {what}")]
pub struct RecordFault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// The records of a registry, each name once, in the order in which they can be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SchemaRecords {
    /// Settings.
    pub configs: BTreeMap<Option<String>, Map<String, Value>>,
    /// Modes.
    pub modes: BTreeMap<Option<String>, String>,
    /// Versions, by subject and number.
    pub schemas: BTreeMap<(String, u32), ConfluentSchema>,
}

impl SchemaRecords {
    /// Reads a dump: a line for each record, `{"key": …, "value": …}`, or the key and the value with
    /// a tab between them, as Kafka's console consumer prints them. A later record of a name replaces
    /// an earlier one; one without a value removes it.
    ///
    /// # Errors
    /// A line isn't a record.
    pub fn read(text: &str) -> Result<Self, RecordFault> {
        let mut records = Self::default();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            records.take_line(line).map_err(|what| RecordFault { line: index + 1, what })?;
        }
        Ok(records)
    }

    fn take_line(&mut self, line: &str) -> Result<(), String> {
        let parse = |text: &str| -> Result<Value, String> {
            serde_json::from_str(text).map_err(|error| format!("it isn't JSON: {error}"))
        };
        let (key, value) = match line.split_once('\t') {
            Some((key, value)) => (parse(key)?, parse(value)?),
            None => {
                let mut both = parse(line)?;
                (both["key"].take(), both["value"].take())
            }
        };
        let subject = key["subject"].as_str().map(ToOwned::to_owned);
        match key["keytype"].as_str() {
            Some(CONFIG) => {
                self.configs.remove(&subject);
                if let Value::Object(settings) = value {
                    self.configs.insert(subject, settings);
                }
            }
            Some(MODE) => {
                self.modes.remove(&subject);
                self.modes.extend(value["mode"].as_str().map(|mode| (subject, mode.to_owned())));
            }
            Some(SCHEMA) => self.take_schema(&key, value)?,
            // What only Confluent's own servers need: NOOP, CLEAR_SUBJECT, DELETE_SUBJECT, CONTEXT.
            Some("DELETE_SUBJECT") => self.take_deletion(&value),
            Some("NOOP" | "CLEAR_SUBJECT" | "CONTEXT") => {}
            other => return Err(format!("the keytype {other:?} isn't known")),
        }
        Ok(())
    }

    fn take_schema(&mut self, key: &Value, value: Value) -> Result<(), String> {
        let subject = key["subject"].as_str().ok_or("the key names no subject")?.to_owned();
        let version = key["version"].as_u64().and_then(|version| u32::try_from(version).ok());
        let version = version.ok_or("the key names no version")?;
        if value.is_null() {
            self.schemas.remove(&(subject, version));
            return Ok(());
        }
        let schema: ConfluentSchema =
            serde_json::from_value(value).map_err(|error| error.to_string())?;
        if schema.schema.is_none() || schema.id.is_none() {
            return Err("a version needs a schema and an id".to_owned());
        }
        self.add(ConfluentSchema { subject: Some(subject), version: Some(version), ..schema });
        Ok(())
    }

    /// A subject that was deleted up to a version.
    fn take_deletion(&mut self, value: &Value) {
        let (subject, last) = (value["subject"].as_str(), value["version"].as_u64());
        for ((own, version), schema) in &mut self.schemas {
            if Some(own.as_str()) == subject && Some(u64::from(*version)) <= last {
                schema.deleted = Some(true);
            }
        }
    }

    /// Adds a version.
    pub fn add(&mut self, schema: ConfluentSchema) {
        if let (Some(subject), Some(version)) = (&schema.subject, schema.version) {
            self.schemas.insert((subject.clone(), version), schema);
        }
    }

    /// Whether a registry with these records knows a place: it has versions of the subject, or in the
    /// context.
    #[must_use]
    pub fn knows(&self, place: Option<&str>) -> bool {
        let Some(place) = place else { return true };
        let is_context = place.starts_with(':') && place.ends_with(':');
        self.schemas.keys().any(|(subject, _)| match is_context {
            true => context_of(subject) == place,
            false => subject == place,
        })
    }

    /// All records, settings first, then versions by subject and number.
    pub fn all(&self) -> impl Iterator<Item = SchemaRecord> + '_ {
        let configs = self.configs.iter().map(|(subject, settings)| SchemaRecord::Config {
            subject: subject.clone(),
            settings: settings.clone(),
        });
        let modes = self.modes.iter().map(|(subject, mode)| SchemaRecord::Mode {
            subject: subject.clone(),
            mode: mode.clone(),
        });
        let schemas = self.schemas.values();
        let schemas = schemas.map(|schema| SchemaRecord::Schema(Box::new(schema.clone())));
        configs.chain(modes).chain(schemas)
    }

    /// The versions in an order in which each comes after those that it refers to, and otherwise
    /// after those with lower ids.
    #[must_use]
    pub fn in_order(&self) -> Vec<&ConfluentSchema> {
        let mut waiting: Vec<&ConfluentSchema> = self.schemas.values().collect();
        waiting.sort_by_key(|schema| (schema.id, schema.version));
        let mut done: BTreeSet<(&str, u32)> = BTreeSet::new();
        let mut ordered = Vec::new();
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut left = Vec::new();
            for schema in waiting {
                let context = context_of(schema.subject.as_deref().unwrap_or_default());
                let is_ready = schema.references.iter().all(|reference| {
                    let named = within(context, &reference.subject);
                    let version = u32::try_from(reference.version).unwrap_or_default();
                    let is_known = self.schemas.contains_key(&(named.clone(), version));
                    !is_known || done.contains(&(named.as_str(), version))
                });
                match is_ready {
                    true => {
                        let subject = schema.subject.as_deref().unwrap_or_default();
                        done.insert((subject, schema.version.unwrap_or_default()));
                        ordered.push(schema);
                    }
                    false => left.push(schema),
                }
            }
            if left.len() == before {
                // A circle can't be written; the registry says so.
                ordered.extend(left);
                return ordered;
            }
            waiting = left;
        }
        ordered
    }
}

impl SchemaRecord {
    /// The record as a line of a dump.
    #[must_use]
    pub fn line(&self) -> String {
        let (key, value) = match self {
            Self::Config { subject, settings } => {
                (json!({"keytype": CONFIG, "subject": subject, "magic": 0}), json!(settings))
            }
            Self::Mode { subject, mode } => (
                json!({"keytype": MODE, "subject": subject, "magic": 0}),
                json!(ModeBody { mode: Some(mode.clone()) }),
            ),
            Self::Schema(schema) => (
                json!({"keytype": SCHEMA, "subject": schema.subject, "version": schema.version,
                       "magic": 1}),
                json!(schema),
            ),
        };
        json!({"key": key, "value": value}).to_string()
    }
}

/// The context of a subject, such as `:.team:`; empty for the default one.
pub(super) fn context_of(subject: &str) -> &str {
    let Some(rest) = subject.strip_prefix(':') else { return "" };
    rest.find(':').map_or("", |end| &subject[..end + 2])
}

/// A subject that is named in a context.
fn within(context: &str, subject: &str) -> String {
    if subject.starts_with(':') { subject.to_owned() } else { format!("{context}{subject}") }
}

#[cfg(test)]
mod tests;

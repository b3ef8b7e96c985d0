use std::collections::{BTreeMap, BTreeSet};

use muster_client::Method;
use muster_wire::confluent::ConfluentSchema;
use serde_json::{Map, Value, json};

use super::{
    record::{SchemaRecords, context_of},
    remote::{RemoteRegistry, encoded},
};
use crate::{Failure, OwnCode};

/// The mode in which a registry takes ids.
const IMPORT: &str = "IMPORT";

/// What must be done so that a registry has the records of another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TransferPlan {
    /// The steps, in order.
    pub steps: Vec<TransferStep>,
    /// The number of versions that are there already.
    pub unchanged: usize,
    /// What can't be done: versions that are there with another schema or another id.
    pub conflicts: Vec<String>,
    /// What differs and stays as it is, because only the registry has it.
    pub stays: Vec<String>,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum TransferStep {
    /// Registers a version with its id.
    Register(Box<ConfluentSchema>),
    /// Deletes a version softly.
    Delete(String, u32),
    /// Sets the settings of a place.
    Config(Option<String>, Map<String, Value>),
    /// Sets the mode of a place.
    Mode(Option<String>, String),
    /// Removes the settings of a place.
    NoConfig(Option<String>),
    /// Removes the mode of a place.
    NoMode(Option<String>),
}

impl TransferPlan {
    /// The steps from what a registry has to what it should have. What only the registry has stays,
    /// and is named.
    #[must_use]
    pub fn of(wanted: &SchemaRecords, there: &SchemaRecords) -> Self {
        let mut plan = Self::default();
        let mut deleted = Vec::new();
        for schema in wanted.in_order() {
            let name = (schema.subject.clone().unwrap_or_default(), schema.version.unwrap_or(0));
            match there.schemas.get(&name) {
                None => plan.steps.push(TransferStep::Register(Box::new(schema.clone()))),
                Some(own) => match (difference(own, schema), is_deleted(own), is_deleted(schema)) {
                    (Some(differs), ..) => {
                        let (subject, version) = &name;
                        let there = format!("{subject} version {version} is there with {differs}");
                        plan.conflicts.push(there);
                    }
                    // Registered again as it was, it is there again.
                    (None, true, false) => {
                        plan.steps.push(TransferStep::Register(Box::new(schema.clone())));
                    }
                    (None, false, true) => {}
                    (None, ..) => {
                        plan.unchanged += 1;
                        continue;
                    }
                },
            }
            if is_deleted(schema) {
                deleted.push(TransferStep::Delete(name.0, name.1));
            }
        }
        // What refers to others goes first.
        plan.steps.extend(deleted.into_iter().rev());
        let only_here = there.schemas.keys().filter(|name| !wanted.schemas.contains_key(*name));
        plan.stays
            .extend(only_here.map(|(subject, version)| format!("{subject} version {version}")));
        plan.follow_settings(wanted, there);
        plan
    }

    /// Settings and modes that were set, changed or removed. Those of a place that isn't known there
    /// at all stay.
    fn follow_settings(&mut self, wanted: &SchemaRecords, there: &SchemaRecords) {
        for (place, settings) in &wanted.configs {
            if there.configs.get(place) != Some(settings) {
                self.steps.push(TransferStep::Config(place.clone(), settings.clone()));
            }
        }
        for (place, mode) in &wanted.modes {
            if there.modes.get(place) != Some(mode) {
                self.steps.push(TransferStep::Mode(place.clone(), mode.clone()));
            }
        }
        let is_default = json!({"compatibilityLevel": "BACKWARD"});
        let removed = there.configs.iter().filter(|(place, settings)| {
            // It is what holds where nothing is set.
            let is_unset = place.is_none() && is_default.as_object() == Some(*settings);
            !wanted.configs.contains_key(*place) && !is_unset
        });
        for (place, _) in removed {
            match wanted.knows(place.as_deref()) {
                true => self.steps.push(TransferStep::NoConfig(place.clone())),
                false => self.stays.push(format!("the configuration of {}", named(place))),
            }
        }
        for place in there.modes.keys().filter(|place| !wanted.modes.contains_key(*place)) {
            match wanted.knows(place.as_deref()) {
                true => self.steps.push(TransferStep::NoMode(place.clone())),
                false => self.stays.push(format!("the mode of {}", named(place))),
            }
        }
    }

    /// The number of versions to register.
    #[must_use]
    pub fn registrations(&self) -> usize {
        let is_one = |step: &&TransferStep| matches!(step, TransferStep::Register(_));
        self.steps.iter().filter(is_one).count()
    }

    /// The contexts into which versions are written.
    fn contexts(&self) -> BTreeSet<&str> {
        self.subjects().into_iter().map(context_of).collect()
    }

    /// The subjects of which versions are written.
    fn subjects(&self) -> BTreeSet<&str> {
        let subjects = self.steps.iter().filter_map(|step| match step {
            TransferStep::Register(schema) => schema.subject.as_deref(),
            TransferStep::Delete(subject, _) => Some(subject.as_str()),
            _ => None,
        });
        subjects.collect()
    }

    /// Sets the mode `IMPORT` where versions are written; returns the modes that were set there, by
    /// the path of each.
    async fn open(
        &self,
        registry: &RemoteRegistry,
    ) -> Result<BTreeMap<String, Option<String>>, Failure> {
        let mut modes = BTreeMap::new();
        let contexts = self.contexts().into_iter().map(|context| (mode_path(context), true));
        let subjects = self.subjects().into_iter();
        let subjects = subjects.map(|subject| (format!("/mode/{}", encoded(subject)), false));
        for (path, is_context) in contexts.chain(subjects) {
            let before = registry.get(&path).await?;
            let before = before.and_then(|mode| mode["mode"].as_str().map(ToOwned::to_owned));
            // A subject without a mode of its own has that of its context.
            if is_context || before.is_some() {
                let body = json!({"mode": IMPORT});
                registry.change(Method::PUT, &format!("{path}?force=true"), Some(&body)).await?;
                modes.insert(path, before);
            }
        }
        Ok(modes)
    }

    /// Does the steps. While versions are written, their contexts are in the mode `IMPORT`; then they
    /// get the mode that they had.
    ///
    /// # Errors
    /// A step is refused. What was done stays, and a later run goes on.
    pub async fn run(
        &self,
        registry: &RemoteRegistry,
        mut progress: impl FnMut(usize),
    ) -> Result<(), Failure> {
        let modes = self.open(registry).await?;
        let (mut done, mut outcome) = (0, Ok(()));
        for step in &self.steps {
            if !matches!(step, TransferStep::Register(_) | TransferStep::Delete(..)) {
                break;
            }
            outcome = step.run(registry).await;
            if outcome.is_err() {
                break;
            }
            done += 1;
            progress(done);
        }
        for (path, before) in modes {
            let back = match before.filter(|mode| mode != IMPORT) {
                Some(mode) => {
                    registry.change(Method::PUT, &path, Some(&json!({"mode": mode}))).await
                }
                None if path == "/mode" => {
                    let body = json!({"mode": "READWRITE"});
                    registry.change(Method::PUT, &path, Some(&body)).await
                }
                // It had none of its own.
                None => registry.change(Method::DELETE, &path, None).await,
            };
            outcome = outcome.and(back.map(|_| ()));
        }
        outcome?;
        for step in self.steps.iter().skip(done) {
            step.run(registry).await?;
            done += 1;
            progress(done);
        }
        Ok(())
    }
}

/// Whether two schemas have the same text. White space in JSON counts for nothing, as a registry may
/// have stored a schema as it was sent, and another prints it.
fn is_same_text(one: &ConfluentSchema, other: &ConfluentSchema) -> bool {
    let json = |schema: &ConfluentSchema| {
        let text = schema.schema.as_deref()?;
        serde_json::from_str::<Value>(text).ok()
    };
    one.schema == other.schema || json(one).is_some_and(|one| Some(one) == json(other))
}

fn is_deleted(schema: &ConfluentSchema) -> bool {
    schema.deleted == Some(true)
}

/// How a version that is there differs from what it should be; none if it is the same.
fn difference(own: &ConfluentSchema, wanted: &ConfluentSchema) -> Option<String> {
    let id = |schema: &ConfluentSchema| schema.id.unwrap_or_default();
    if own.id != wanted.id {
        return Some(format!("id {} and not {}", id(own), id(wanted)));
    }
    let of_type =
        |schema: &ConfluentSchema| schema.schema_type.clone().unwrap_or("AVRO".to_owned());
    if !is_same_text(own, wanted) || of_type(own) != of_type(wanted) {
        return Some("another schema".to_owned());
    }
    let references = own.references != wanted.references;
    let others = [
        (references, "other references"),
        (own.metadata != wanted.metadata, "other metadata"),
        (own.rule_set != wanted.rule_set, "other rules"),
        // Old releases don't say when.
        (wanted.ts.is_some() && own.ts != wanted.ts, "another time"),
    ];
    others.into_iter().find(|(differs, _)| *differs).map(|(_, what)| what.to_owned())
}

/// A place for people.
fn named(place: &Option<String>) -> &str {
    place.as_deref().unwrap_or("everything")
}

/// The path of a context's mode; that of the default one is that of everything.
fn mode_path(context: &str) -> String {
    match context {
        "" => "/mode".to_owned(),
        context => format!("/mode/{}", encoded(context)),
    }
}

impl TransferStep {
    async fn run(&self, registry: &RemoteRegistry) -> Result<(), Failure> {
        let below = |what: &str, place: &Option<String>| match place {
            Some(place) => format!("/{what}/{}", encoded(place)),
            None => format!("/{what}"),
        };
        let (method, path, body) = match self {
            Self::Register(schema) => {
                let subject = schema.subject.as_deref().unwrap_or_default();
                let sent = ConfluentSchema {
                    subject: None,
                    guid: None,
                    deleted: None,
                    ..(**schema).clone()
                };
                let path = format!("/subjects/{}/versions", encoded(subject));
                (Method::POST, path, Some(json!(sent)))
            }
            Self::Delete(subject, version) => {
                let path = format!("/subjects/{}/versions/{version}", encoded(subject));
                (Method::DELETE, path, None)
            }
            Self::Config(place, settings) => {
                let mut sent = settings.clone();
                // It is read by one name and written by another.
                if let Some(level) = sent.remove("compatibilityLevel") {
                    sent.insert("compatibility".to_owned(), level);
                }
                (Method::PUT, below("config", place), Some(Value::Object(sent)))
            }
            Self::Mode(place, mode) => {
                let path = format!("{}?force=true", below("mode", place));
                (Method::PUT, path, Some(json!({"mode": mode})))
            }
            Self::NoConfig(place) => (Method::DELETE, below("config", place), None),
            Self::NoMode(place) => (Method::DELETE, below("mode", place), None),
        };
        let done = registry.change(method, &path, body.as_ref()).await;
        done.map(|_| ()).map_err(|failure| {
            Failure::new(OwnCode::PartlyApplied, format!("{}: {}", self.shown(), failure.what()))
                .help(
                    "correct what it names, and run the command again: it goes on where it stopped",
                )
        })
    }

    /// The sign before a step in a plan.
    #[must_use]
    pub const fn sign(&self) -> &'static str {
        match self {
            Self::Register(_) => "+",
            Self::Delete(..) | Self::NoConfig(_) | Self::NoMode(_) => "-",
            Self::Config(..) | Self::Mode(..) => "~",
        }
    }

    /// What a step does, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Register(schema) => format!(
                "register {} version {} with id {}",
                schema.subject.as_deref().unwrap_or_default(),
                schema.version.unwrap_or_default(),
                schema.id.unwrap_or_default()
            ),
            Self::Delete(subject, version) => format!("delete {subject} version {version}"),
            Self::Config(place, _) => format!("set the configuration of {}", named(place)),
            Self::Mode(place, mode) => format!("set the mode of {} to {mode}", named(place)),
            Self::NoConfig(place) => format!("remove the configuration of {}", named(place)),
            Self::NoMode(place) => format!("remove the mode of {}", named(place)),
        }
    }
}

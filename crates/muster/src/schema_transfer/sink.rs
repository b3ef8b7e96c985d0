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
}

impl TransferPlan {
    /// The steps from what a registry has to what it should have. What only the registry has stays.
    #[must_use]
    pub fn of(wanted: &SchemaRecords, there: &SchemaRecords) -> Self {
        let mut plan = Self::default();
        let mut deleted = Vec::new();
        for schema in wanted.in_order() {
            let name = (schema.subject.clone().unwrap_or_default(), schema.version.unwrap_or(0));
            let is_deleted = |schema: &ConfluentSchema| schema.deleted == Some(true);
            match there.schemas.get(&name) {
                None => plan.steps.push(TransferStep::Register(Box::new(schema.clone()))),
                Some(own) if own.id == schema.id && is_same_text(own, schema) => {
                    if is_deleted(own) == is_deleted(schema) {
                        plan.unchanged += 1;
                        continue;
                    }
                }
                Some(own) => {
                    let (subject, version) = &name;
                    let id = |schema: &ConfluentSchema| schema.id.unwrap_or_default();
                    let differs = match own.id == schema.id {
                        true => "another schema".to_owned(),
                        false => format!("id {} and not {}", id(own), id(schema)),
                    };
                    plan.conflicts
                        .push(format!("{subject} version {version} is there with {differs}"));
                }
            }
            if is_deleted(schema) {
                deleted.push(TransferStep::Delete(name.0, name.1));
            }
        }
        // What refers to others goes first.
        plan.steps.extend(deleted.into_iter().rev());
        for (place, settings) in &wanted.configs {
            if there.configs.get(place) != Some(settings) {
                plan.steps.push(TransferStep::Config(place.clone(), settings.clone()));
            }
        }
        for (place, mode) in &wanted.modes {
            if there.modes.get(place) != Some(mode) {
                plan.steps.push(TransferStep::Mode(place.clone(), mode.clone()));
            }
        }
        plan
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
            if matches!(step, TransferStep::Config(..) | TransferStep::Mode(..)) {
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
        };
        let done = registry.change(method, &path, body.as_ref()).await;
        done.map(|_| ()).map_err(|failure| {
            Failure::new(OwnCode::PartlyApplied, format!("{}: {}", self.shown(), failure.what()))
                .help(
                    "correct what it names, and run the command again: it goes on where it stopped",
                )
        })
    }

    /// What a step does, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        let named = |place: &Option<String>| place.clone().unwrap_or("everything".to_owned());
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
        }
    }
}

//! Registering schemas, looking them up, and comparing them.

use std::sync::Arc;

use axum::response::Response;
use muster_catalog::{
    command::{
        Action, Command, Mode, SchemaWrite, SentDocument, Succession, Target, Write, WriteBody,
    },
    decide::AnswerSubject,
    registration::version_number,
    schema_settings::{SchemaMode, SettingsChain, metadata_property},
    state::CompatibilityRule,
};
use muster_registry::stoppable_read;
use muster_schema::{
    FormattedSchema, HashedText, IdentityParts, Level, Policy, SchemaFormat, SchemaGuid,
    check_level,
};
use muster_wire::confluent::{
    CompatibilityCheck, ConfluentReference, ConfluentRequest, ConfluentSchema,
};
use muster_words::{Permission, Xid};
use serde_json::{Map, Value};

use super::{
    Door, Query, answer,
    names::Subject,
    problem::DoorError,
    stored::{Entry, Loaded, Shown, bytes_of, check_version_name, identity_references, shown_type},
    tags,
};
use crate::submit::origin;

/// How schemas are compared at this door where nothing is set.
const DEFAULT_RULE: CompatibilityRule =
    CompatibilityRule { level: Level::Backward, policy: Policy::ConfluentStrict };

/// The most versions that are looked through for one with the same text and other metadata.
const LOOKED_THROUGH_MAX: usize = 100;

/// The most versions with which one schema is compared, and their bytes.
const COMPARED_MAX: usize = 1_000;
const COMPARED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The characters of an earlier schema that a message shows.
const SHOWN_MAX: usize = 10_000;

/// The most references of one schema.
const REFERENCES_MAX: usize = 1_000;

/// The most messages about one schema.
const MESSAGES_MAX: usize = 100;

/// A schema of a request, understood.
struct Sent {
    format: SchemaFormat,
    text: String,
    schema: Arc<FormattedSchema>,
    references: Vec<ConfluentReference>,
    metadata: Option<Value>,
    rule_set: Option<Value>,
    guid: SchemaGuid,
}

impl Door {
    /// `POST /subjects/{subject}/versions`.
    pub(super) async fn register(
        &self,
        subject: &Subject,
        request: ConfluentRequest,
        query: &Query,
    ) -> Result<Response, DoorError> {
        let xid = self.schema_xid(subject)?;
        self.check(Permission::WriteDocuments, &xid.to_string())?;
        let settings = self.settings_of(subject);
        let id = request.id.filter(|id| *id >= 0);
        if id.is_some() {
            self.check_import(subject)?;
        }
        self.check_mode(subject, &settings, id.is_some())?;
        let previous = match self.newest(subject, Shown::Live, 1).pop() {
            Some(entry) => Some(self.load_one(entry).await?),
            None => None,
        };
        let version = request.version.filter(|version| *version > 0);
        let (registered, is_import) = (request.ts, id.is_some());
        let mut sent = self.sent(subject, request, query, &settings, previous.as_ref()).await?;
        if !is_import && let Some(there) = self.there(subject, Shown::Live, &sent).await? {
            return Ok(answer::json(&registered_answer(&there, &sent)));
        }
        let next = self.view.catalog().registrations.last_number(&xid) + 1;
        if i32::try_from(next).is_err() && !is_import {
            return Err(DoorError::invalid_schema(
                "the subject has the highest version there can be",
            ));
        }
        if let Some(version) = version.filter(|_| !is_import)
            && version != i64::from(next)
        {
            return Err(DoorError::invalid_schema(format!(
                "Version is not one more than previous version: {version}, but the next is {next}"
            )));
        }
        if !is_import {
            sent.become_version(next);
        }
        let mut schemas = SchemaWrite {
            default_rule: Some(DEFAULT_RULE),
            is_unchecked: query.flag("force") || is_import,
            is_once: !is_import,
            ..SchemaWrite::default()
        };
        if let Some(id) = id {
            let fits = i32::try_from(id).ok().and_then(|id| u32::try_from(id).ok());
            schemas.id = Some(fits.filter(|id| *id > 0).ok_or_else(|| {
                DoorError::invalid_schema(format!("the id {id} is no number from 1 to 2147483647"))
            })?);
            schemas.registered = registered;
        }
        let number = version.filter(|_| is_import);
        let entry = self.write(subject, &xid, &sent, number, schemas).await?;
        Ok(answer::json(&registered_answer(&entry, &sent)))
    }

    /// Who names ids decides about a whole context, so a scope within it isn't enough.
    fn check_import(&self, subject: &Subject) -> Result<(), DoorError> {
        let group = subject.context.xid().map(|xid| xid.to_string());
        self.check(Permission::WriteDocuments, group.as_deref().unwrap_or("/"))
    }

    /// Writes a new version; returns what became of it.
    async fn write(
        &self,
        subject: &Subject,
        xid: &Xid,
        sent: &Sent,
        number: Option<i64>,
        schemas: SchemaWrite,
    ) -> Result<Entry, DoorError> {
        let mut attributes = Map::new();
        attributes.insert("format".to_owned(), format_attribute(sent.format).into());
        if let Some(number) = number {
            attributes.insert("versionid".to_owned(), number.to_string().into());
        }
        let references = serde_json::to_value(&sent.references).unwrap_or_default();
        let parts = [
            ("references", Some(references).filter(|_| !sent.references.is_empty())),
            ("metadata", sent.metadata.clone()),
            ("ruleset", sent.rule_set.clone()),
            (
                "subject",
                (xid.id().map(|id| id.as_str()) != Some(&subject.name))
                    .then(|| subject.name.clone().into()),
            ),
        ];
        for (name, value) in parts {
            attributes.extend(value.map(|value| (name.to_owned(), value)));
        }
        let content_type = Some(media_type(sent.format).to_owned());
        let document = SentDocument { bytes: sent.text.clone().into(), content_type, attributes };
        let write = Write {
            mode: Mode::Post,
            target: Target::Entity(xid.clone()),
            body: WriteBody::Document(document),
        };
        let command = Command {
            schemas,
            succession: Succession::AsSent,
            ..Command::new(Action::Write(write))
        };
        let done = self.native.registry.submit(command, &origin(&self.caller)).await;
        let done = done.map_err(|error| DoorError::of_submit(error, &subject.qualified()))?;
        let door = self.renewed();
        let made = match &done.shows {
            AnswerSubject::Entity(Xid::Version { version, .. }) => Some(version.clone()),
            _ => None,
        };
        let number = made.as_ref().and_then(version_number);
        let found = match (number, xid.id()) {
            (Some(number), Some(resource)) => {
                door.entry(&subject.context, resource, number, Shown::Live)
            }
            _ => door.with_guid(subject, &sent.guid, Shown::Live),
        };
        found.ok_or_else(|| DoorError::new(50001, "the schema was registered, and then deleted"))
    }

    /// `POST /subjects/{subject}`: the version with this schema.
    pub(super) async fn look_up(
        &self,
        subject: &Subject,
        request: ConfluentRequest,
        query: &Query,
    ) -> Result<Response, DoorError> {
        let shown = query.shown();
        if self.newest(subject, shown, 1).is_empty() {
            return Err(DoorError::no_subject(&subject.qualified()));
        }
        let settings = self.settings_of(subject);
        let sent = self.sent(subject, request, query, &settings, None).await?;
        let found = self.there(subject, shown, &sent).await?.ok_or_else(DoorError::no_schema)?;
        let loaded = self.load_one(found).await?;
        let text = self.shown_text(&loaded, query).await?;
        Ok(answer::json(&loaded.shown_as_version(text)))
    }

    /// The version that a schema is already. What a request doesn't say about metadata and rules may
    /// be anything.
    async fn there(
        &self,
        subject: &Subject,
        shown: Shown,
        sent: &Sent,
    ) -> Result<Option<Entry>, DoorError> {
        let same = self.with_guid(subject, &sent.guid, shown);
        let names_version = sent.metadata.as_ref().is_some_and(tags::has_version);
        if same.is_some() || (names_version && sent.rule_set.is_some()) {
            return Ok(same);
        }
        let agrees = |own: &Option<Value>, sent: &Option<Value>| sent.is_none() || own == sent;
        let agrees_but_for_version = |own: &Option<Value>| {
            let without = own.as_ref().filter(|_| !names_version).map(tags::without_version);
            agrees(own, &sent.metadata) || (without.is_some() && without == sent.metadata)
        };
        let newest = self.newest(subject, shown, LOOKED_THROUGH_MAX);
        let (references, text) =
            (identity_references(&sent.references), HashedText::of(&sent.text));
        let found = self.describe(newest).await?.into_iter().find(|one| {
            let (metadata, rule_set) = (one.metadata.as_ref(), one.rule_set.as_ref());
            one.references == sent.references
                && (metadata.is_some() || rule_set.is_some())
                && agrees_but_for_version(&one.metadata)
                && agrees(&one.rule_set, &sent.rule_set)
                && text.guid(IdentityParts { references: &references, metadata, rule_set })
                    == one.entry.registration.guid
        });
        Ok(found.map(|one| one.entry))
    }

    /// `POST /compatibility/subjects/{subject}/versions` and `…/versions/{version}`.
    pub(super) async fn compare(
        &self,
        subject: &Subject,
        version: Option<&str>,
        request: ConfluentRequest,
        query: &Query,
    ) -> Result<Response, DoorError> {
        let verbose = query.flag("verbose");
        let settings = self.settings_of(subject);
        let rule = settings.rule(Some(DEFAULT_RULE)).unwrap_or(DEFAULT_RULE);
        let against = self.compared_with(subject, version)?;
        let sent = match self.sent(subject, request, query, &settings, None).await {
            Ok(sent) => sent,
            Err(error) if verbose => {
                let messages = Some(vec![error.message().to_owned()]);
                let found = CompatibilityCheck { is_compatible: false, messages };
                return Ok(answer::json(&found));
            }
            Err(error) => return Err(error),
        };
        let mut against = self.of_group(against, &sent, &settings).await?;
        if !rule.level.is_transitive() {
            against = against.split_off(against.len().saturating_sub(1));
        }
        if against.len() > COMPARED_MAX || bytes_of(&against) > COMPARED_BYTES_MAX {
            return Err(DoorError::unprocessable(format!(
                "there are more than {COMPARED_MAX} earlier versions, or more than 64 MiB of them"
            )));
        }
        let mut messages = Vec::new();
        // One version that is named is compared as the only one there is.
        for loaded in self.load(against).await?.into_iter().rev() {
            if messages.len() < MESSAGES_MAX {
                messages.extend(self.differences(&loaded, &sent, rule).await?);
            }
        }
        let is_compatible = messages.is_empty();
        if !is_compatible {
            let level = rule.level;
            messages.push(format!("{{validateFields: 'false', compatibility: '{level}'}}"));
        }
        let messages = verbose.then_some(messages);
        Ok(answer::json(&CompatibilityCheck { is_compatible, messages }))
    }

    /// Those versions that are compared with a schema, because the property that the settings name
    /// has the same value.
    async fn of_group(
        &self,
        all: Vec<Entry>,
        sent: &Sent,
        settings: &SettingsChain,
    ) -> Result<Vec<Entry>, DoorError> {
        let Some(name) = settings.compatibility_group() else { return Ok(all) };
        let mut all = all;
        let all = all.split_off(all.len().saturating_sub(COMPARED_MAX));
        let own = metadata_property(sent.metadata.as_ref(), &name);
        let all = self.describe(all).await?.into_iter();
        let same = all.filter(|one| metadata_property(one.metadata.as_ref(), &name) == own);
        Ok(same.map(|one| one.entry).collect())
    }

    /// The versions with which a schema is compared, oldest first.
    fn compared_with(
        &self,
        subject: &Subject,
        version: Option<&str>,
    ) -> Result<Vec<Entry>, DoorError> {
        let all = self.versions(subject, Shown::Live);
        match version {
            Some(version) => {
                check_version_name(version)?;
                let is_latest = version.eq_ignore_ascii_case("latest") || version == "-1";
                if all.is_empty() {
                    return match is_latest {
                        true => Ok(Vec::new()),
                        false => Err(DoorError::no_version(version)),
                    };
                }
                Ok(vec![self.version(subject, version, Shown::Live)?])
            }
            None => Ok(all),
        }
    }

    /// Why a schema isn't compatible with an earlier version, as Confluent's registry says it.
    async fn differences(
        &self,
        old: &Loaded,
        sent: &Sent,
        rule: CompatibilityRule,
    ) -> Result<Vec<String>, DoorError> {
        let schema = self.schema(old).await?;
        let compare =
            |one: &&FormattedSchema, direction| one.compare(&sent.schema, direction, rule.policy);
        let comparing = async {
            stoppable_read(self.until, || check_level(rule.level, [&*schema], compare))
                .map_err(|_| DoorError::unprocessable("comparing the schemas takes too long"))
        };
        let found = self.long(comparing).await?;
        let findings = found.into_iter().flat_map(|one| one.findings);
        let mut messages: Vec<String> = findings
            .take(MESSAGES_MAX)
            .map(|broken| {
                format!(
                    "{{errorType:'{}', description:\"{}\", additionalInfo:'{}'}}",
                    broken.rule.to_ascii_uppercase(),
                    broken.message,
                    broken.path
                )
            })
            .collect();
        if !messages.is_empty() {
            messages.push(format!("{{oldSchemaVersion: {}}}", old.entry.number));
            let text: String = self.text(old).await?.chars().take(SHOWN_MAX).collect();
            messages.push(format!("{{oldSchema: '{text}'}}"));
        }
        Ok(messages)
    }

    /// Reads the schema of a request.
    async fn sent(
        &self,
        subject: &Subject,
        request: ConfluentRequest,
        query: &Query,
        settings: &SettingsChain,
        previous: Option<&Loaded>,
    ) -> Result<Sent, DoorError> {
        let format = match request.schema_type.as_deref() {
            None => SchemaFormat::Avro,
            Some(name) => SchemaFormat::ALL
                .into_iter()
                .find(|format| format.confluent_name() == name)
                .ok_or_else(|| DoorError::invalid_schema(format!("Invalid schema type {name}")))?,
        };
        check_lists(&request)?;
        let sent_text = request.schema.unwrap_or_default();
        let references = self.resolved(subject, request.references.unwrap_or_default())?;
        let (format, sent_text, references) = match (sent_text.trim().is_empty(), previous) {
            (true, Some(previous)) => {
                (previous.format, self.text(previous).await?, previous.references.clone())
            }
            (true, None) => return Err(DoorError::invalid_schema("Empty schema")),
            (false, _) => (format, sent_text, references),
        };
        let texts = self.texts(&subject.context, &references).await?;
        let schema = self.parse(format, sent_text.as_bytes(), &texts).await?.map_err(|why| {
            let name = format.confluent_name();
            let shown: String = sent_text.chars().take(2_000).collect();
            DoorError::invalid_schema(format!(
                "Invalid schema {{subject={},version=0,id=-1,schemaType={name},schema={shown}}} of \
                 type {name}, details: {why}",
                subject.name
            ))
        })?;
        let normalizes = query.flag("normalize")
            || settings.confluent("normalize").and_then(Value::as_bool) == Some(true);
        let text = match normalizes {
            true => schema.normalized_text(sent_text.as_bytes()),
            false => schema.confluent_text(sent_text.as_bytes()),
        };
        let metadata = merged(
            settings.confluent("defaultMetadata"),
            request.metadata.or_else(|| previous?.metadata.clone()),
            settings.confluent("overrideMetadata"),
        );
        let rule_set = merged_rules(
            settings.confluent("defaultRuleSet"),
            request.rule_set.or_else(|| previous?.rule_set.clone()),
            settings.confluent("overrideRuleSet"),
        );
        if let Some(rules) = &rule_set {
            super::rules::check(rules)?;
        }
        let guid = guid_of(&text, &references, (metadata.as_ref(), rule_set.as_ref()));
        Ok(Sent { format, text, schema, references, metadata, rule_set, guid })
    }

    /// References with the numbers of their versions.
    fn resolved(
        &self,
        subject: &Subject,
        references: Vec<ConfluentReference>,
    ) -> Result<Vec<ConfluentReference>, DoorError> {
        let number = |mut reference: ConfluentReference| {
            let entry = self.referenced(&subject.context, &reference)?;
            reference.version = i32::try_from(entry.number).unwrap_or(i32::MAX);
            Ok(reference)
        };
        references.into_iter().map(number).collect()
    }

    /// Refuses a write that the mode of a subject doesn't take.
    pub(super) fn check_mode(
        &self,
        subject: &Subject,
        settings: &SettingsChain,
        names_id: bool,
    ) -> Result<(), DoorError> {
        let what = match settings.mode() {
            mode if mode.is_read_only() => "in read-only mode",
            SchemaMode::Import if names_id => return Ok(()),
            SchemaMode::Import => "not in read-write mode",
            _ if names_id => "not in import mode",
            _ => return Ok(()),
        };
        let (name, context) = (&subject.name, subject.context.name());
        Err(DoorError::not_permitted(format!("Subject {name} in context {context} is {what}")))
    }

    /// What a subject asks for from new versions.
    pub(super) fn settings_of(&self, subject: &Subject) -> SettingsChain {
        let catalog = self.view.catalog();
        self.settings_chain(subject, catalog)
    }

    /// The schema that a subject is.
    pub(super) fn schema_xid(&self, subject: &Subject) -> Result<Xid, DoorError> {
        let xid = subject.xid(self.view.catalog());
        xid.ok_or_else(|| DoorError::invalid_subject(&subject.name))
    }
}

impl Sent {
    /// Writes the number of the version that it becomes into its metadata, if they name one.
    fn become_version(&mut self, number: u32) {
        let Some(metadata) = self.metadata.as_mut().filter(|metadata| tags::has_version(metadata))
        else {
            return;
        };
        tags::set_version(metadata, i64::from(number));
        let beside = (self.metadata.as_ref(), self.rule_set.as_ref());
        self.guid = guid_of(&self.text, &self.references, beside);
    }
}

/// The guid of a schema with these metadata and rules.
fn guid_of(
    text: &str,
    references: &[ConfluentReference],
    (metadata, rule_set): (Option<&Value>, Option<&Value>),
) -> SchemaGuid {
    let references = identity_references(references);
    SchemaGuid::of(text, IdentityParts { references: &references, metadata, rule_set })
}

/// Refuses rules that clients couldn't execute, and more rules or references than are taken, before
/// anything is done with them.
fn check_lists(request: &ConfluentRequest) -> Result<(), DoorError> {
    if let Some(rules) = &request.rule_set {
        super::rules::check(rules)?;
    }
    match &request.references {
        Some(all) if all.len() > REFERENCES_MAX => Err(DoorError::unprocessable(format!(
            "a schema can have at most {REFERENCES_MAX} references"
        ))),
        _ => Ok(()),
    }
}

/// What a registration is answered with.
fn registered_answer(entry: &Entry, sent: &Sent) -> ConfluentSchema {
    ConfluentSchema {
        id: Some(entry.registration.id),
        version: Some(entry.number),
        guid: Some(entry.registration.guid.to_string()),
        schema_type: shown_type(sent.format),
        references: sent.references.clone(),
        metadata: sent.metadata.clone(),
        rule_set: sent.rule_set.clone(),
        schema: Some(sent.text.clone()),
        ts: Some(entry.registration.registered),
        deleted: Some(false),
        ..ConfluentSchema::default()
    }
}

/// Metadata: defaults, then what was sent, then what overrides it, each member by member.
fn merged(default: Option<&Value>, own: Option<Value>, over: Option<&Value>) -> Option<Value> {
    let layers = [default.cloned(), own, over.cloned()];
    let mut found: Option<Map<String, Value>> = None;
    for layer in layers.into_iter().flatten() {
        let Value::Object(layer) = layer else { continue };
        let whole = found.get_or_insert_default();
        for (name, value) in layer {
            match (whole.get_mut(&name), value) {
                (Some(Value::Object(there)), Value::Object(more)) => there.extend(more),
                (Some(Value::Array(there)), Value::Array(more)) => {
                    there.extend(more);
                    there.sort_by_key(ToString::to_string);
                    there.dedup();
                }
                (_, Value::Null) => {}
                (_, value) => drop(whole.insert(name, value)),
            }
        }
    }
    found.filter(|map| !map.is_empty()).map(Value::Object)
}

/// Rules: those of a later layer replace those with the same name.
pub(super) fn merged_rules(
    default: Option<&Value>,
    own: Option<Value>,
    over: Option<&Value>,
) -> Option<Value> {
    let layers = [default.cloned(), own, over.cloned()];
    let mut found = Map::new();
    for layer in layers.into_iter().flatten() {
        let Value::Object(layer) = layer else { continue };
        for (kind, rules) in layer {
            let Value::Array(rules) = rules else { continue };
            let whole = found.entry(kind).or_insert_with(|| Value::Array(Vec::new()));
            let Value::Array(whole) = whole else { continue };
            for rule in rules {
                whole.retain(|old| old.get("name") != rule.get("name"));
                whole.push(rule);
            }
        }
    }
    found.retain(|_, rules| rules.as_array().is_some_and(|rules| !rules.is_empty()));
    (!found.is_empty()).then_some(Value::Object(found))
}

/// The attribute `format` of a schema that is registered here.
const fn format_attribute(format: SchemaFormat) -> &'static str {
    match format {
        SchemaFormat::JsonSchema => "JsonSchema",
        SchemaFormat::Avro => "Avro",
        SchemaFormat::Protobuf => "Protobuf",
    }
}

const fn media_type(format: SchemaFormat) -> &'static str {
    match format {
        SchemaFormat::JsonSchema => "application/schema+json",
        SchemaFormat::Avro => "application/vnd.apache.avro+json",
        SchemaFormat::Protobuf => "application/x-protobuf",
    }
}

//! Subjects and their versions: lists, reads and deletions.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use axum::response::Response;
use muster_catalog::command::{Action, Command, Delete, Target};
use muster_wire::confluent::ConfluentSchema;
use muster_words::{Permission, Xid};
use serde_json::{Map, Value, json};

use super::{
    Door, Query, answer,
    names::{Context, Place, Subject, qualified},
    problem::DoorError,
    stored::{Described, Entry, Loaded, Shown, bytes_of},
};
use crate::submit::origin;

/// The most versions or schemas of one answer that has their texts, and their bytes.
const TEXTS_MAX: usize = 1_000;
const TEXT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How many versions are read at once to look for rules in them.
const LOOKED_THROUGH_AT_ONCE: usize = 256;

/// The most versions of a subject that are looked through for properties.
const LOOKED_THROUGH_MAX: usize = 1_000;

/// The bytes of texts up to which an answer is made at once: hashing and escaping them takes less
/// than a millisecond.
const SHORT_PAGE_BYTES: u64 = 256 * 1024;

impl Door {
    /// Every registered version that the caller sees, by context and subject.
    pub(super) fn all(&self, prefix: &str, shown: Shown) -> Vec<Entry> {
        let (context, prefix) = prefix_of(prefix, &self.context);
        let mut found = Vec::new();
        for (group, registrations) in self.view.catalog().registrations.groups() {
            let own = Context(group.clone());
            if context.as_ref().is_some_and(|wanted| *wanted != own) {
                continue;
            }
            for resource in registrations.resources() {
                let numbers = registrations.versions(resource).map(|(number, _)| number);
                let entries = numbers.filter_map(|n| self.entry(&own, resource, n, shown));
                found.extend(entries.filter(|entry| entry.subject.starts_with(&prefix)));
            }
        }
        found
    }

    /// `GET /subjects`.
    pub(super) fn list_subjects(&self, query: &Query) -> Result<Response, DoorError> {
        let prefix = query.value("subjectPrefix").unwrap_or_else(|| self.everywhere());
        let all = self.all(&prefix, Shown::All);
        let mut live: BTreeMap<String, bool> = BTreeMap::new();
        for entry in all {
            let is_live = live.entry(entry.qualified()).or_default();
            *is_live |= !entry.is_deleted;
        }
        let shown = query.shown();
        let names = live.into_iter().filter(|(_, is_live)| match shown {
            Shown::Live => *is_live,
            Shown::All => true,
            Shown::Deleted => !*is_live,
        });
        Ok(answer::json(&query.page(names.map(|(name, _)| name), usize::MAX)))
    }

    /// What a list of subjects shows without a prefix: every context or, below one, its own.
    fn everywhere(&self) -> String {
        match self.context.is_default() {
            true => ":*:".to_owned(),
            false => format!(":{}:", self.context.name()),
        }
    }

    /// `GET /contexts`.
    pub(super) fn list_contexts(&self, query: &Query) -> Result<Response, DoorError> {
        let mut names = BTreeSet::from([".".to_owned()]);
        for entry in self.all(":*:", Shown::All) {
            names.insert(entry.context.name());
        }
        let prefix = query.value("contextPrefix").unwrap_or_default();
        let names = names.into_iter().filter(|name| name.starts_with(&prefix));
        Ok(answer::json(&query.page(names, usize::MAX)))
    }

    /// `GET /subjects/{subject}/versions`.
    pub(super) fn list_versions(
        &self,
        subject: &Subject,
        query: &Query,
    ) -> Result<Response, DoorError> {
        let all = self.versions(subject, Shown::All);
        let shown = query.shown();
        let meant = all.iter().filter(|entry| match shown {
            Shown::Live => !entry.is_deleted,
            Shown::All => true,
            Shown::Deleted => entry.is_deleted,
        });
        let negative = query.flag("deletedAsNegative");
        let numbers: Vec<i64> = meant
            .map(|entry| match negative && entry.is_deleted {
                true => -i64::from(entry.number),
                false => i64::from(entry.number),
            })
            .collect();
        if numbers.is_empty() {
            return Err(DoorError::no_subject(&subject.qualified()));
        }
        Ok(answer::json(&query.page(numbers.into_iter(), usize::MAX)))
    }

    /// `GET /subjects/{subject}/versions/{version}`, or only its text.
    pub(super) async fn show_version(
        &self,
        subject: &Subject,
        version: &str,
        (query, only_text): (&Query, bool),
    ) -> Result<Response, DoorError> {
        let entry = self.version(subject, version, query.shown())?;
        let loaded = self.load_one(entry).await?;
        let text = self.shown_text(&loaded, query).await?;
        if only_text {
            return Ok(answer::text(text));
        }
        let schema_tags = self.tags_in(&loaded, &text, query).await?;
        Ok(answer::json(&ConfluentSchema { schema_tags, ..loaded.shown_as_version(text) }))
    }

    /// `GET /subjects/{subject}/metadata`: the newest version with these properties.
    pub(super) async fn show_by_metadata(
        &self,
        subject: &Subject,
        query: &Query,
    ) -> Result<Response, DoorError> {
        let all = self.versions(subject, query.shown());
        if all.is_empty() {
            return Err(DoorError::no_subject(&subject.qualified()));
        }
        let all = all.into_iter().rev().take(LOOKED_THROUGH_MAX).collect();
        let wanted: Vec<(String, String)> =
            query.values("key").into_iter().zip(query.values("value")).collect();
        let found = self.describe(all).await?.into_iter().find(|one| {
            let properties = one.metadata.as_ref().and_then(|all| all.get("properties"));
            let has = |(key, value): &(String, String)| {
                properties.and_then(|all| all.get(key)?.as_str()) == Some(value)
            };
            wanted.iter().all(has)
        });
        let loaded = self.load_one(found.ok_or_else(DoorError::no_schema)?.entry).await?;
        let text = self.shown_text(&loaded, query).await?;
        Ok(answer::json(&loaded.shown_as_version(text)))
    }

    /// `GET /subjects/{subject}/versions/{version}/referencedby`: the ids of the schemas that refer
    /// to a version.
    pub(super) fn referenced_by(
        &self,
        subject: &Subject,
        version: &str,
        query: &Query,
    ) -> Result<Response, DoorError> {
        let entry = self.version(subject, version, Shown::All)?;
        let catalog = self.view.catalog();
        let mut ids = BTreeSet::new();
        for referrer in catalog.referrers_of(&entry.xid) {
            let Some((resource, (_, group))) = referrer.id().zip(referrer.group_ids()) else {
                continue;
            };
            let context = Context(group.clone());
            let Some(registrations) = self.registrations(&context) else { continue };
            for (number, registration) in registrations.versions(resource) {
                let refers = registration.references.contains(&entry.xid);
                if refers && self.entry(&context, resource, number, query.shown()).is_some() {
                    ids.insert(registration.id);
                }
            }
        }
        Ok(answer::json(&query.page(ids.into_iter(), usize::MAX)))
    }

    /// `GET /schemas`.
    pub(super) async fn list_schemas(&self, query: &Query) -> Result<Response, DoorError> {
        let prefix = query.value("subjectPrefix").unwrap_or_else(|| self.everywhere());
        let mut all = self.all(&prefix, query.shown());
        if query.flag("latestOnly") {
            let newest: BTreeMap<String, u32> =
                all.iter().map(|entry| (entry.qualified(), entry.number)).collect();
            all.retain(|entry| newest.get(&entry.qualified()) == Some(&entry.number));
        }
        let types = query.values("ruleType");
        if !types.is_empty() {
            all = self.with_rules(all, &types).await?;
        }
        let page = query.page(all.into_iter(), TEXTS_MAX);
        if bytes_of(&page) > TEXT_BYTES_MAX {
            let what = "these schemas have more than 64 MiB; ask for fewer at once, with limit";
            return Err(DoorError::unprocessable(what));
        }
        let is_long = bytes_of(&page) > SHORT_PAGE_BYTES;
        let answering = async {
            let mut shown = Vec::new();
            for loaded in self.load(page).await? {
                let text = self.shown_text(&loaded, query).await?;
                shown.push(loaded.shown_as_version(text));
            }
            Ok(answer::json(&shown))
        };
        // Many texts take long to hash and to escape.
        if is_long { self.long(answering).await } else { answering.await }
    }

    /// Those versions that have a rule of one of these types.
    async fn with_rules(&self, all: Vec<Entry>, types: &[String]) -> Result<Vec<Entry>, DoorError> {
        let mut found = Vec::new();
        for some in all.chunks(LOOKED_THROUGH_AT_ONCE) {
            if Instant::now() > self.until {
                return Err(DoorError::unprocessable("looking through the rules takes too long"));
            }
            let some = self.describe(some.to_vec()).await?.into_iter();
            let has_one = |one: &Described| {
                let kinds = one.rule_set.as_ref().and_then(Value::as_object).into_iter();
                let mut rules = kinds.flat_map(Map::values).filter_map(Value::as_array).flatten();
                rules.any(|rule| {
                    rule["type"].as_str().is_some_and(|own| types.iter().any(|one| one == own))
                })
            };
            found.extend(some.filter(has_one).map(|one| one.entry));
        }
        Ok(found)
    }

    /// The text of a schema in the form that a request asks for.
    pub(super) async fn shown_text(
        &self,
        loaded: &Loaded,
        query: &Query,
    ) -> Result<String, DoorError> {
        use muster_schema::FormattedSchema as Formatted;
        let form = query.value("format").unwrap_or_default();
        match form.as_str() {
            "resolved" | "serialized" => match &*self.schema(loaded).await? {
                Formatted::Avro(schema) if form == "resolved" => Ok(schema.resolved_text()),
                Formatted::Protobuf(schema) if form == "serialized" => Ok(schema.serialised()),
                _ => self.text(loaded).await,
            },
            _ => self.text(loaded).await,
        }
    }

    /// `DELETE /subjects/{subject}`.
    pub(super) async fn delete_subject(
        &self,
        subject: &Subject,
        query: &Query,
    ) -> Result<Response, DoorError> {
        let all = self.versions(subject, Shown::All);
        let (live, gone): (Vec<Entry>, Vec<Entry>) =
            all.into_iter().partition(|entry| !entry.is_deleted);
        let name = subject.qualified();
        self.check_mode(subject, &self.settings_of(subject), false)
            .or_else(|error| if self.is_importing(subject) { Ok(()) } else { Err(error) })?;
        let is_permanent = query.flag("permanent");
        let deleted = match (is_permanent, live.is_empty(), gone.is_empty()) {
            (_, true, true) => return Err(DoorError::no_subject(&name)),
            (false, true, false) => {
                return Err(DoorError::new(
                    40404,
                    format!(
                        "Subject '{name}' was soft deleted.Set permanent=true to delete permanently"
                    ),
                ));
            }
            (true, false, _) => {
                return Err(DoorError::new(
                    40405,
                    format!(
                        "Subject '{name}' was not deleted first before being permanently deleted"
                    ),
                ));
            }
            (false, false, _) => live,
            (true, true, false) => gone,
        };
        if is_permanent {
            self.erase(&deleted, &name).await?;
            self.forget_settings(subject).await?;
        } else {
            self.hide(&deleted, &name).await?;
        }
        let numbers: Vec<u32> = deleted.iter().map(|entry| entry.number).collect();
        Ok(answer::json(&numbers))
    }

    /// `DELETE /subjects/{subject}/versions/{version}`.
    pub(super) async fn delete_version(
        &self,
        subject: &Subject,
        version: &str,
        query: &Query,
    ) -> Result<Response, DoorError> {
        let is_permanent = query.flag("permanent");
        self.check_mode(subject, &self.settings_of(subject), false)
            .or_else(|error| if self.is_importing(subject) { Ok(()) } else { Err(error) })?;
        let entry = match is_permanent {
            true => self.version(subject, version, Shown::All)?,
            false => match self.version(subject, version, Shown::Live) {
                Ok(entry) => entry,
                Err(error) => {
                    let name = subject.qualified();
                    let gone = self.version(subject, version, Shown::All);
                    return Err(match gone {
                        Ok(entry) if entry.is_deleted => DoorError::new(
                            40406,
                            format!(
                                "Subject '{name}' Version {version} was soft deleted.Set \
                                 permanent=true to delete permanently"
                            ),
                        ),
                        _ => error,
                    });
                }
            },
        };
        let name = subject.qualified();
        if is_permanent && !entry.is_deleted {
            return Err(DoorError::new(
                40407,
                format!(
                    "Subject '{name}' Version {} was not deleted first before being permanently \
                     deleted",
                    entry.number
                ),
            ));
        }
        match is_permanent {
            true => self.remove(&entry.xid, true, &name).await?,
            false => self.hide(std::slice::from_ref(&entry), &name).await?,
        }
        if is_permanent && self.versions(subject, Shown::All).len() == 1 {
            self.forget_settings(subject).await?;
        }
        Ok(answer::json(&entry.number))
    }

    fn is_importing(&self, subject: &Subject) -> bool {
        self.settings_of(subject).mode() == muster_catalog::schema_settings::SchemaMode::Import
    }

    /// Deletes versions of a subject, and the schema with them if it has no other version. Drafts
    /// and other versions that this door doesn't show stay.
    async fn hide(&self, versions: &[Entry], subject: &str) -> Result<(), DoorError> {
        let done = self.hide_together(versions, subject).await;
        done.map_err(|error| match error.is_about_references() {
            true => {
                let catalog = self.view.catalog();
                let is_named = |entry: &&Entry| !catalog.referrers_of(&entry.xid).is_empty();
                let named = versions.iter().find(is_named).or_else(|| versions.first());
                DoorError::references_exist(subject, named.map_or(0, |entry| entry.number))
            }
            false => error,
        })
    }

    async fn hide_together(&self, versions: &[Entry], subject: &str) -> Result<(), DoorError> {
        let resource = versions.first().and_then(|entry| entry.xid.resource());
        let Some(resource) = resource else { return Ok(()) };
        let catalog = self.view.catalog();
        let all = catalog.resource_at(&resource).map_or(0, |own| own.versions.len());
        if all == versions.len() {
            return self.remove(&resource, false, subject).await;
        }
        self.check(Permission::DeleteDocuments, &resource.to_string())?;
        let chosen = versions.iter().map(|entry| (entry.number.to_string(), json!({})));
        let target = Target::Versions(resource);
        let chosen = Some(chosen.collect());
        self.submit_delete(
            Delete { target, chosen, epoch: None, purge: false, force: false },
            subject,
        )
        .await
    }

    /// Erases deleted versions of a subject: the whole schema if it is deleted, or else each one.
    pub(super) async fn erase(&self, versions: &[Entry], subject: &str) -> Result<(), DoorError> {
        let resource = versions.first().and_then(|entry| entry.xid.resource());
        let Some(resource) = resource else { return Ok(()) };
        if !self.renewed().view.catalog().has(&resource) {
            return self.remove(&resource, true, subject).await;
        }
        for entry in versions {
            self.remove(&entry.xid, true, subject).await?;
        }
        Ok(())
    }

    /// Deletes or erases an entity.
    pub(super) async fn remove(
        &self,
        xid: &Xid,
        purge: bool,
        subject: &str,
    ) -> Result<(), DoorError> {
        let permission =
            if purge { Permission::PurgeDocuments } else { Permission::DeleteDocuments };
        self.check(permission, &xid.to_string())?;
        let target = Target::Entity(xid.clone());
        let delete = Delete { target, chosen: None, epoch: None, purge, force: false };
        self.submit_delete(delete, subject).await
    }

    async fn submit_delete(&self, delete: Delete, subject: &str) -> Result<(), DoorError> {
        let command = Command::new(Action::Delete(delete));
        let done = self.native.registry.submit(command, &origin(&self.caller)).await;
        done.map(|_| ()).map_err(|error| DoorError::of_submit(error, subject))
    }

    /// `DELETE /contexts/{context}`: only an empty one can be deleted.
    pub(super) async fn delete_context(&self, name: &str) -> Result<Response, DoorError> {
        let context = Context::named(name)?;
        let prefix = qualified(&context, "");
        let prefix = if prefix.is_empty() { ":.:".to_owned() } else { prefix };
        if !self.all(&prefix, Shown::All).is_empty() {
            return Err(DoorError::new(42211, format!("The context '{name}' is not empty.")));
        }
        if let Some(xid) = context.xid()
            && let Some(group) = self.renewed().view.catalog().group_at(&xid)
        {
            // Others may have schemas there that this door doesn't show.
            if group.resources.values().any(|all| !all.is_empty()) {
                return Err(DoorError::new(42211, format!("The context '{name}' is not empty.")));
            }
            self.remove(&xid, false, name).await?;
        }
        Ok(answer::nothing())
    }
}

/// The context that a prefix names, and the beginning of subjects there; none if it means all.
fn prefix_of(prefix: &str, context: &Context) -> (Option<Context>, String) {
    if let Some(rest) = prefix.strip_prefix(":*:") {
        return (None, rest.to_owned());
    }
    match Place::named(prefix, context) {
        Ok(Place::Subject(subject)) => (Some(subject.context), subject.name),
        Ok(Place::Context(context)) => (Some(context), String::new()),
        Ok(Place::Global) | Err(_) => (Some(context.clone()), String::new()),
    }
}

//! Compatibility and modes, of everything, a context or a subject. They are the attribute `muster`
//! of the registry, a group or a schema's Meta, so that both doors see the same.

use axum::response::Response;
use muster_catalog::{
    Catalog,
    command::{Action, Command, Mode, Target, Write, WriteBody},
    schema_settings::{SchemaMode, SchemaSettings, SettingsChain},
};
use muster_registry::SubmitError;
use muster_schema::{Level, Policy};
use muster_wire::confluent::{ConfigBody, ModeBody};
use muster_words::{Permission, Xid};
use serde_json::{Map, Value};

use super::{
    Door, Query, answer,
    names::{Place, Subject},
    problem::DoorError,
    stored::{Shown, attributes_of},
};
use crate::submit::origin;

/// How often a write of settings is tried again, because something else changed the entity.
const TRIES_MAX: usize = 20;

/// The settings that this API has beside level, policy and mode.
const OTHER_SETTINGS: [&str; 10] = [
    "alias",
    "aliasForDeks",
    "normalize",
    "validateFields",
    "validateNewSchemas",
    "validateRules",
    "compatibilityGroup",
    "defaultMetadata",
    "overrideMetadata",
    "defaultRuleSet",
];

/// The last of them; a list of eleven would say nothing more.
const OVERRIDE_RULES: &str = "overrideRuleSet";

impl Door {
    /// What holds for a subject: its own settings, its context's and the registry's.
    pub(super) fn settings_chain(&self, subject: &Subject, catalog: &Catalog) -> SettingsChain {
        let place = Place::Subject(subject.clone());
        SettingsChain::new([
            self.own_settings(&place, catalog),
            self.own_settings(&Place::Context(subject.context.clone()), catalog),
            self.own_settings(&Place::Global, catalog),
        ])
    }

    /// The settings of a place itself.
    fn own_settings(&self, place: &Place, catalog: &Catalog) -> Option<SchemaSettings> {
        match place {
            Place::Global => catalog.registry.settings.as_deref().cloned(),
            Place::Context(context) => {
                let group = catalog.group_at(&context.xid()?)?;
                group.own.bindings.settings.clone()
            }
            Place::Subject(subject) => {
                let xid = subject.xid(catalog)?;
                let group = subject.context.xid().and_then(|xid| catalog.group_at(&xid));
                let bindings = group.map(|group| &*group.own.bindings);
                catalog.own_schema_settings(&xid, &subject.name, bindings).cloned()
            }
        }
    }

    /// Whether the caller may read a place. What holds for everything is no secret.
    fn check_place(&self, place: &Place) -> Result<(), DoorError> {
        let xid = match place {
            Place::Global => return Ok(()),
            Place::Context(context) => context.xid(),
            Place::Subject(subject) => subject.xid(self.view.catalog()),
        };
        let place = xid.map_or_else(|| "/".to_owned(), |xid| xid.to_string());
        self.check(Permission::ReadDocuments, &place)
    }

    /// `GET /config` and `GET /config/{subject}`.
    pub(super) fn show_config(&self, place: &Place, query: &Query) -> Result<Response, DoorError> {
        self.check_place(place)?;
        let catalog = self.view.catalog();
        let own = self.own_settings(place, catalog);
        let has_config = |own: &SchemaSettings| !config_of(own).is_empty();
        let config = match (own.filter(has_config), place) {
            (Some(own), place) if query.flag("defaultToGlobal") => {
                let mut config = config_of(&own);
                config
                    .entry("compatibilityLevel")
                    .or_insert_with(|| self.level_of(place, catalog).to_string().into());
                config
            }
            (Some(own), Place::Global) => {
                let mut config = config_of(&own);
                config
                    .entry("compatibilityLevel")
                    .or_insert_with(|| Level::Backward.to_string().into());
                config
            }
            (Some(own), _) => config_of(&own),
            (None, place) if *place == Place::Global || query.flag("defaultToGlobal") => {
                level_alone(self.level_of(place, catalog))
            }
            (None, place) => {
                let name = place.name();
                return Err(DoorError::new(
                    40408,
                    format!(
                        "Subject '{name}' does not have subject-level compatibility configured"
                    ),
                ));
            }
        };
        Ok(answer::json(&config))
    }

    fn level_of(&self, place: &Place, catalog: &Catalog) -> Level {
        let rule = self.chain_at(place, catalog).rule(None);
        rule.map_or(Level::Backward, |rule| rule.level)
    }

    /// What holds at a place: its own settings and those of the places around it.
    fn chain_at(&self, place: &Place, catalog: &Catalog) -> SettingsChain {
        match place {
            Place::Subject(subject) => self.settings_chain(subject, catalog),
            Place::Context(_) => SettingsChain::new([
                self.own_settings(place, catalog),
                self.own_settings(&Place::Global, catalog),
            ]),
            Place::Global => SettingsChain::new([self.own_settings(place, catalog)]),
        }
    }

    /// `PUT /config` and `PUT /config/{subject}`.
    pub(super) async fn set_config(
        &self,
        place: &Place,
        request: ConfigBody,
    ) -> Result<Response, DoorError> {
        let invalid = || {
            DoorError::new(
                42203,
                "Invalid compatibility level. Valid values are none, backward, forward, full, \
                 backward_transitive, forward_transitive, and full_transitive",
            )
        };
        let word = |names: &[&str]| names.iter().find_map(|name| request.get(*name)).cloned();
        let level = word(&["compatibility", "compatibilityLevel"]);
        let level = match &level {
            Some(Value::String(text)) => {
                Some(Value::from(text.parse::<Level>().map_err(|_| invalid())?.to_string()))
            }
            Some(Value::Null) => Some(Value::Null),
            Some(_) => return Err(invalid()),
            None => None,
        };
        let policy = match word(&["compatibilityPolicy"]) {
            Some(Value::String(text)) => Some(Value::from(policy_named(&text)?.to_string())),
            Some(Value::Null) => Some(Value::Null),
            Some(_) => return Err(DoorError::unprocessable("compatibilityPolicy must be a text")),
            None => None,
        };
        for name in ["defaultRuleSet", OVERRIDE_RULES] {
            if let Some(rules) = request.get(name).filter(|rules| !rules.is_null()) {
                super::rules::check(rules)?;
            }
        }
        let others: Vec<(String, Value)> = OTHER_SETTINGS
            .iter()
            .chain([&OVERRIDE_RULES])
            .filter_map(|name| Some(((*name).to_owned(), request.get(*name)?.clone())))
            .collect();
        self.write_settings(place, move |own| {
            set(own, "compatibility", level.clone());
            set(own, "compatibility_policy", policy.clone());
            let confluent = own.remove("confluent");
            let mut confluent = match confluent {
                Some(Value::Object(map)) => map,
                _ => Map::new(),
            };
            for (name, value) in &others {
                set(&mut confluent, name, Some(value.clone()));
            }
            let confluent = Value::Object(confluent);
            let is_empty = confluent.as_object().is_some_and(Map::is_empty);
            set(own, "confluent", Some(confluent).filter(|_| !is_empty));
        })
        .await?;
        Ok(answer::json(&request))
    }

    /// `DELETE /config` and `DELETE /config/{subject}`.
    pub(super) async fn delete_config(&self, place: &Place) -> Result<Response, DoorError> {
        let own = self.own_settings(place, self.view.catalog());
        let config = own.as_ref().map(config_of).filter(|config| !config.is_empty());
        let config = match (config, place) {
            (Some(config), _) => config,
            (None, Place::Global) => level_alone(Level::Backward),
            (None, place) => return Err(DoorError::no_subject(&place.name())),
        };
        self.write_settings(place, |own| {
            for name in ["compatibility", "compatibility_policy", "confluent"] {
                own.remove(name);
            }
        })
        .await?;
        Ok(answer::json(&config))
    }

    /// `GET /mode` and `GET /mode/{subject}`.
    pub(super) fn show_mode(&self, place: &Place, query: &Query) -> Result<Response, DoorError> {
        self.check_place(place)?;
        let catalog = self.view.catalog();
        let own = self.own_settings(place, catalog).and_then(|own| own.mode);
        let mode = match (own, place) {
            (Some(mode), _) => mode,
            (None, place) if *place == Place::Global || query.flag("defaultToGlobal") => {
                self.chain_at(place, catalog).mode()
            }
            (None, place) => {
                let name = place.name();
                return Err(DoorError::new(
                    40409,
                    format!("Subject '{name}' does not have subject-level mode configured"),
                ));
            }
        };
        Ok(answer::json(&ModeBody { mode: Some(mode.to_string()) }))
    }

    /// `PUT /mode` and `PUT /mode/{subject}`.
    pub(super) async fn set_mode(
        &self,
        place: &Place,
        request: ModeBody,
        query: &Query,
    ) -> Result<Response, DoorError> {
        let sent = request.mode.clone().unwrap_or_default();
        let mode: SchemaMode = sent.parse().map_err(|_| {
            DoorError::new(
                42204,
                "Invalid mode. Valid values are READWRITE, READONLY, READONLY_OVERRIDE, IMPORT, \
                 and FORWARD",
            )
        })?;
        if mode == SchemaMode::Import {
            self.check_import_mode(place)?;
        }
        if mode == SchemaMode::Import && !query.flag("force") {
            self.make_room_for_import(place).await?;
        }
        self.write_settings(place, move |own| set(own, "mode", Some(mode.to_string().into())))
            .await?;
        Ok(answer::json(&ModeBody { mode: Some(mode.to_string()) }))
    }

    /// What is imported brings ids, which belong to a whole context.
    fn check_import_mode(&self, place: &Place) -> Result<(), DoorError> {
        let context = match place {
            Place::Global => return self.check(Permission::WriteRegistry, "/"),
            Place::Context(context) => context,
            Place::Subject(subject) => &subject.context,
        };
        let group = context.xid().map(|xid| xid.to_string());
        self.check(Permission::WriteDocuments, group.as_deref().unwrap_or("/"))
    }

    /// What is imported brings its own ids, so nothing may be there; what is deleted is erased.
    async fn make_room_for_import(&self, place: &Place) -> Result<(), DoorError> {
        let prefix = match place {
            Place::Global => ":*:".to_owned(),
            Place::Context(context) => format!(":{}:", context.name()),
            Place::Subject(subject) => {
                let all = self.versions(subject, Shown::All);
                return self.erase_leftovers(all, &subject.qualified()).await;
            }
        };
        self.erase_leftovers(self.all(&prefix, Shown::All), &prefix).await
    }

    async fn erase_leftovers(
        &self,
        all: Vec<super::stored::Entry>,
        name: &str,
    ) -> Result<(), DoorError> {
        if all.iter().any(|entry| !entry.is_deleted) {
            return Err(DoorError::not_permitted("Cannot import since found existing subjects"));
        }
        for of_subject in all.chunk_by(|one, next| one.xid.resource() == next.xid.resource()) {
            self.erase(of_subject, name).await?;
        }
        Ok(())
    }

    /// `DELETE /mode/{subject}`.
    pub(super) async fn delete_mode(&self, place: &Place) -> Result<Response, DoorError> {
        let own = self.own_settings(place, self.view.catalog()).and_then(|own| own.mode);
        if own.is_none() && *place != Place::Global {
            return Err(DoorError::no_subject(&place.name()));
        }
        self.write_settings(place, |own| drop(own.remove("mode"))).await?;
        let mode = own.unwrap_or(SchemaMode::ReadWrite).to_string();
        Ok(answer::json(&ModeBody { mode: Some(mode) }))
    }

    /// Removes what a group says about a subject that was erased.
    pub(super) async fn forget_settings(&self, subject: &Subject) -> Result<(), DoorError> {
        let place = Place::Subject(subject.clone());
        let door = self.renewed();
        if door.own_settings(&place, door.view.catalog()).is_some() {
            door.write_settings(&place, Map::clear).await?;
        }
        Ok(())
    }

    /// Changes the settings of a place, in the attribute that holds them.
    async fn write_settings(
        &self,
        place: &Place,
        change: impl Fn(&mut Map<String, Value>) + Send,
    ) -> Result<(), DoorError> {
        for _ in 0..TRIES_MAX {
            let door = self.renewed();
            let catalog = door.view.catalog();
            let (xid, within) = self.holder(place, catalog)?;
            let (content, epoch) = held(catalog, &xid);
            let mut attributes = attributes_of(&self.native.registry, content).await?;
            let mut aspect = match attributes.remove("muster") {
                Some(Value::Object(map)) => map,
                _ => Map::new(),
            };
            match &within {
                None => change(&mut aspect),
                Some(subject) => change_subject(&mut aspect, subject, &change),
            }
            let mut sent = Map::new();
            let is_empty = aspect.is_empty();
            sent.insert(
                "muster".to_owned(),
                if is_empty { Value::Null } else { Value::Object(aspect) },
            );
            sent.extend(epoch.map(|epoch| ("epoch".to_owned(), epoch.into())));
            let body = WriteBody::Tree(sent);
            let write = Write { mode: Mode::Patch, target: Target::Entity(xid.clone()), body };
            let command = Command::new(Action::Write(write));
            match self.native.registry.submit(command, &origin(&self.caller)).await {
                Ok(_) => return Ok(()),
                Err(SubmitError::Refused(refusal))
                    if matches!(
                        &*refusal.reason,
                        muster_catalog::Reason::MismatchedEpoch { .. }
                    ) => {}
                Err(error) => return Err(DoorError::of_submit(error, &xid.to_string())),
            }
        }
        Err(DoorError::new(50003, "the settings are changed by others all the time; try again"))
    }

    /// The entity with the settings of a place and, for a subject that doesn't exist, or that got
    /// settings before it existed, its name in there.
    fn holder(&self, place: &Place, catalog: &Catalog) -> Result<(Xid, Option<String>), DoorError> {
        let group = |context: &super::names::Context| {
            context.xid().ok_or_else(|| DoorError::invalid_subject(&context.name()))
        };
        match place {
            Place::Global => Ok((Xid::Registry, None)),
            Place::Context(context) => Ok((group(context)?, None)),
            Place::Subject(subject) => {
                let group = group(&subject.context)?;
                let xid = subject.xid(catalog).filter(|xid| catalog.has(xid));
                let of_meta = xid.as_ref().and_then(|xid| catalog.resource_at(xid));
                let has_own = of_meta.is_some_and(|own| own.meta.settings.is_some());
                let is_named = catalog
                    .group_at(&group)
                    .is_some_and(|own| own.own.bindings.subjects.contains_key(&subject.name));
                match xid.and_then(|xid| xid.meta()).filter(|_| has_own || !is_named) {
                    Some(meta) => Ok((meta, None)),
                    None => Ok((group, Some(subject.name.clone()))),
                }
            }
        }
    }
}

/// The attributes of an entity and its epoch; none if it doesn't exist.
fn held(catalog: &Catalog, xid: &Xid) -> (Option<muster_catalog::Content>, Option<u64>) {
    match xid {
        Xid::Registry => (catalog.registry.attributes, Some(catalog.registry.epoch)),
        Xid::Group { .. } => match catalog.group_at(xid) {
            Some(group) => (group.own.attributes, Some(group.epoch)),
            None => (None, None),
        },
        _ => match catalog.resource_at(xid) {
            Some(resource) => (resource.meta.attributes, Some(resource.meta.epoch)),
            None => (None, None),
        },
    }
}

/// Changes the settings that a group has for a subject.
fn change_subject(
    aspect: &mut Map<String, Value>,
    subject: &str,
    change: &impl Fn(&mut Map<String, Value>),
) {
    let mut subjects = match aspect.remove("subjects") {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let mut own = match subjects.remove(subject) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    };
    change(&mut own);
    if !own.is_empty() {
        subjects.insert(subject.to_owned(), Value::Object(own));
    }
    if !subjects.is_empty() {
        aspect.insert("subjects".to_owned(), Value::Object(subjects));
    }
}

/// Sets a member, or removes it if it is `null`; nothing changes if it wasn't sent.
fn set(map: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        None => {}
        Some(Value::Null) => drop(map.remove(name)),
        Some(value) => drop(map.insert(name.to_owned(), value)),
    }
}

/// Settings as this API shows them.
fn config_of(own: &SchemaSettings) -> ConfigBody {
    let mut config = own.confluent.as_deref().cloned().unwrap_or_default();
    if let Some(level) = own.level {
        config.insert("compatibilityLevel".to_owned(), level.to_string().into());
    }
    let policy = match own.policy {
        Some(Policy::ConfluentStrict) => "STRICT",
        Some(Policy::ConfluentLenient) => "LENIENT",
        // The other one has no name in this API.
        Some(Policy::Sound) | None => return config,
    };
    config.insert("compatibilityPolicy".to_owned(), policy.into());
    config
}

fn level_alone(level: Level) -> ConfigBody {
    ConfigBody::from_iter([("compatibilityLevel".to_owned(), level.to_string().into())])
}

fn policy_named(text: &str) -> Result<Policy, DoorError> {
    match text.to_ascii_uppercase().as_str() {
        "STRICT" => Ok(Policy::ConfluentStrict),
        "LENIENT" => Ok(Policy::ConfluentLenient),
        _ => Err(DoorError::unprocessable(
            "Invalid compatibility policy. Valid values are STRICT and LENIENT",
        )),
    }
}

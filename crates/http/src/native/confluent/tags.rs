//! Tags in the texts of schemas: which parts have them, and new versions with others.

use std::sync::Arc;

use axum::response::Response;
use muster_registry::stoppable_read;
use muster_schema::{FormattedSchema, TagChanges, TagError, TaggedKind, TaggedPart};
use muster_wire::confluent::{
    ConfluentEntity, ConfluentEntityType, ConfluentRequest, ConfluentTagRequest, ConfluentTags,
};
use muster_words::Permission;
use serde_json::{Map, Value};

use super::{
    Door, Query,
    names::Subject,
    problem::DoorError,
    register::merged_rules,
    rules,
    stored::{Loaded, SHORT_SCHEMA_BYTES, Shown},
};

/// The property of metadata that has the number of its version. Who reads a version of a record's
/// schema by its tags or rules finds it by this.
const VERSION: &str = "confluent:version";

/// The most parts of a schema whose tags one request changes.
const PARTS_MAX: usize = 1_000;

/// The most tags of one request.
const TAGS_MAX: usize = 10_000;

/// The bytes of one tag. Those of people have some twenty.
const TAG_BYTES_MAX: usize = 1_024;

impl Door {
    /// The parts of a schema with one of the tags for which a request looks (`findTags`).
    pub(super) async fn tags_in(
        &self,
        loaded: &Loaded,
        text: &str,
        query: &Query,
    ) -> Result<Vec<ConfluentTags>, DoorError> {
        let wanted = query.values("findTags");
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let schema = self.schema(loaded).await?;
        let find = || schema.tagged_parts(text, &wanted);
        let found = self.measured(loaded, text, find).await?;
        Ok(found.into_iter().map(shown).collect())
    }

    /// `POST /subjects/{subject}/versions/{version}/tags`: a new version with the text of this one
    /// but for its tags, and with other metadata or rules.
    pub(super) async fn change_tags(
        &self,
        subject: &Subject,
        version: &str,
        request: ConfluentTagRequest,
    ) -> Result<Response, DoorError> {
        let xid = self.schema_xid(subject)?;
        self.check(Permission::WriteDocuments, &xid.to_string())?;
        let entry = self.version(subject, version, Shown::Live)?;
        self.check_mode(subject, &self.settings_of(subject), false)?;
        check_request(&request)?;
        let rule_set = self.changed_rules(subject, &request).await?;
        let loaded = self.load_one(entry).await?;
        let text = self.changed_text(&loaded, &request).await?;
        let number = request.new_version.filter(|number| *number > 0);
        let metadata = request.metadata.or_else(|| loaded.metadata.clone());
        let mut metadata = metadata.unwrap_or_else(|| Value::Object(Map::new()));
        set_version(&mut metadata, number.unwrap_or(0));
        let registered = ConfluentRequest {
            version: number,
            schema_type: Some(loaded.format.confluent_name().to_owned()),
            references: Some(loaded.references.clone()),
            metadata: Some(metadata),
            rule_set,
            schema: Some(text),
            ..ConfluentRequest::default()
        };
        self.register(subject, registered, &Query::of(None)).await
    }

    /// The text of a version after the changes of its tags.
    async fn changed_text(
        &self,
        loaded: &Loaded,
        request: &ConfluentTagRequest,
    ) -> Result<String, DoorError> {
        let text = self.text(loaded).await?;
        let changes = changes_of(request);
        let schema: Arc<FormattedSchema> = self.schema(loaded).await?;
        let references = self.texts(&loaded.entry.context, &loaded.references).await?;
        let references: Vec<(&str, &str)> =
            references.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let change = || schema.changed_tags(&text, &references, &changes);
        self.measured(loaded, &text, change).await
    }

    /// Does work whose length depends on a schema, at once only if it is short.
    async fn measured<T>(
        &self,
        loaded: &Loaded,
        text: &str,
        work: impl FnOnce() -> Result<T, TagError>,
    ) -> Result<T, DoorError> {
        let working = async {
            stoppable_read(self.until, work)
                .map_err(|_| DoorError::unprocessable("going through the tags takes too long"))
        };
        let is_short = loaded.references.is_empty() && text.len() <= SHORT_SCHEMA_BYTES;
        let done = if is_short { working.await? } else { self.long(working).await? };
        done.map_err(|error| match error {
            TagError::TooMany => DoorError::unprocessable(error.to_string()),
            _ => DoorError::invalid_schema(error.to_string()),
        })
    }

    /// The rules of the new version; none if it takes over those of the newest one.
    async fn changed_rules(
        &self,
        subject: &Subject,
        request: &ConfluentTagRequest,
    ) -> Result<Option<Value>, DoorError> {
        let (merge, remove) = (&request.rules_to_merge, &request.rules_to_remove);
        if merge.is_none() && remove.is_none() {
            return Ok(request.rule_set.clone());
        }
        let before = match request.new_version {
            Some(number) if number > 1 => (number - 1).to_string(),
            _ => "latest".to_owned(),
        };
        let before = self.version(subject, &before, Shown::Live).ok();
        let before = self.describe(before.into_iter().collect()).await?.pop();
        let own = before.and_then(|before| before.rule_set);
        let mut rules = merged_rules(None, own, merge.as_ref()).unwrap_or_default();
        let removed = |rule: &Value| {
            let name = rule.get("name").and_then(Value::as_str);
            let mut removed = remove.iter().flatten();
            name.is_some_and(|name| removed.any(|removed| removed == name))
        };
        let kinds = rules.as_object_mut().into_iter().flat_map(Map::values_mut);
        for rules in kinds.filter_map(Value::as_array_mut) {
            rules.retain(|rule| !removed(rule));
        }
        // A set without rules isn't none, which would mean those of the newest version.
        Ok(Some(if rules.is_null() { Value::Object(Map::new()) } else { rules }))
    }
}

fn shown(part: TaggedPart) -> ConfluentTags {
    let entity_type = match part.kind {
        TaggedKind::Record => ConfluentEntityType::SrRecord,
        TaggedKind::Field => ConfluentEntityType::SrField,
    };
    let schema_entity = ConfluentEntity { entity_path: part.path, entity_type };
    ConfluentTags { schema_entity, tags: part.tags }
}

fn changes_of(request: &ConfluentTagRequest) -> TagChanges {
    let kind_of = |entity: &ConfluentEntity| match entity.entity_type {
        ConfluentEntityType::SrRecord => TaggedKind::Record,
        ConfluentEntityType::SrField => TaggedKind::Field,
    };
    let mut changes = TagChanges::default();
    for ConfluentTags { schema_entity: entity, tags } in request.tags_to_add.iter().flatten() {
        changes.add(&entity.entity_path, kind_of(entity), tags.clone());
    }
    for ConfluentTags { schema_entity: entity, tags } in request.tags_to_remove.iter().flatten() {
        changes.remove(&entity.entity_path, kind_of(entity), tags.clone());
    }
    changes
}

/// Refuses what can't be done, before anything is done.
fn check_request(request: &ConfluentTagRequest) -> Result<(), DoorError> {
    let changes_rules = request.rules_to_merge.is_some() || request.rules_to_remove.is_some();
    if changes_rules && request.rule_set.is_some() {
        let what = "ruleSet should be omitted if specifying rulesToMerge or rulesToRemove";
        return Err(DoorError::new(42210, what));
    }
    for (name, value) in [
        ("metadata", &request.metadata),
        ("ruleSet", &request.rule_set),
        ("rulesToMerge", &request.rules_to_merge),
    ] {
        if value.as_ref().is_some_and(|value| !value.is_object()) {
            return Err(DoorError::unprocessable(format!("{name} must be an object")));
        }
    }
    for rule_set in [&request.rules_to_merge, &request.rule_set].into_iter().flatten() {
        rules::check(rule_set)?;
    }
    let parts = || request.tags_to_add.iter().chain(&request.tags_to_remove).flatten();
    if parts().count() > PARTS_MAX {
        let what = format!("one request changes the tags of at most {PARTS_MAX} parts");
        return Err(DoorError::unprocessable(what));
    }
    let tags = || parts().flat_map(|part| &part.tags);
    if tags().count() > TAGS_MAX || tags().any(|tag| tag.len() > TAG_BYTES_MAX) {
        return Err(DoorError::unprocessable(format!(
            "one request has at most {TAGS_MAX} tags of at most {TAG_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}

/// Whether metadata name the number of their version.
pub(super) fn has_version(metadata: &Value) -> bool {
    metadata.get("properties").is_some_and(|properties| properties.get(VERSION).is_some())
}

/// Writes the number of their version into metadata.
pub(super) fn set_version(metadata: &mut Value, number: i64) {
    let Value::Object(metadata) = metadata else { return };
    let properties = metadata.entry("properties").or_insert(Value::Null);
    if !properties.is_object() {
        *properties = Value::Object(Map::new());
    }
    if let Value::Object(properties) = properties {
        properties.insert(VERSION.to_owned(), number.to_string().into());
    }
}

/// Metadata without the number of their version.
pub(super) fn without_version(metadata: &Value) -> Value {
    let mut metadata = metadata.clone();
    if let Some(Value::Object(properties)) = metadata.get_mut("properties") {
        properties.remove(VERSION);
        if properties.is_empty()
            && let Value::Object(metadata) = &mut metadata
        {
            metadata.remove("properties");
        }
    }
    metadata
}

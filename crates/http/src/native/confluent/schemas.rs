//! Schemas by their ids.

use axum::response::Response;
use muster_schema::SchemaGuid;
use muster_wire::confluent::{ConfluentSchema, ContextId, SubjectVersion};

use super::{
    Door, Query, answer,
    names::{Context, Place},
    problem::DoorError,
    stored::{Entry, Loaded, Shown},
};

impl Door {
    /// The versions with an id: of the subject that the query names, or of its context.
    fn identified(&self, text: &str, query: &Query) -> Result<Vec<Entry>, DoorError> {
        let id: u32 = text.parse().map_err(|_| match text.parse::<i64>() {
            Ok(_) => DoorError::no_schema_with(text),
            Err(_) => DoorError::no_path(),
        })?;
        let missing = || DoorError::no_schema_with(text);
        let subject = query.value("subject");
        let (context, name) = match subject.as_deref().filter(|name| !name.is_empty()) {
            None => (self.context.clone(), None),
            Some(name) => match Place::named(name, &self.context)? {
                Place::Global => (self.context.clone(), None),
                Place::Context(context) => (context, None),
                Place::Subject(subject) => (subject.context.clone(), Some(subject.name)),
            },
        };
        let mut found = self.with_id(&context, id, Shown::All);
        if found.is_empty() {
            return Err(missing());
        }
        if let Some(name) = name
            && found.iter().any(|entry| *entry.subject == *name)
        {
            found.retain(|entry| *entry.subject == *name);
        }
        // A version that is there comes before one that is deleted.
        found.sort_by_key(|entry| entry.is_deleted);
        Ok(found)
    }

    /// `GET /schemas/ids/{id}`, or only its text.
    pub(super) async fn show_by_id(
        &self,
        id: &str,
        (query, only_text): (&Query, bool),
    ) -> Result<Response, DoorError> {
        let mut found = self.identified(id, query)?;
        let kept_as = found.first().filter(|first| query.is_empty() && !first.is_deleted).cloned();
        let loaded = self.load_one(found.swap_remove(0)).await?;
        let text = self.shown_text(&loaded, query).await?;
        if only_text {
            return Ok(answer::text(text));
        }
        let tags = self.tags_in(&loaded, &text, query).await?;
        let mut shown = self.shown_by_id(&loaded, text, query);
        shown.schema_tags = tags;
        if query.flag("fetchMaxId") {
            let registrations = self.registrations(&loaded.entry.context);
            shown.max_id = registrations.map(|all| all.last_id());
        }
        if let (Some(entry), true) = (kept_as, self.context.is_default()) {
            let body = serde_json::to_vec(&shown).unwrap_or_default();
            self.native.schema_answers.keep(entry.registration.id, &entry, body.into());
        }
        Ok(answer::json(&shown))
    }

    fn shown_by_id(&self, loaded: &Loaded, text: String, query: &Query) -> ConfluentSchema {
        match query.value("subject").filter(|name| !name.is_empty() && !name.ends_with(':')) {
            Some(_) => loaded.shown_as_version(text),
            None => ConfluentSchema { id: None, ..loaded.shown(text) },
        }
    }

    /// `GET /schemas/ids/{id}/subjects`.
    pub(super) fn subjects_of_id(&self, id: &str, query: &Query) -> Result<Response, DoorError> {
        let shown = query.shown();
        let found = self.identified(id, query)?;
        let mut names: Vec<String> = found
            .iter()
            .filter(|entry| shown == Shown::All || !entry.is_deleted)
            .map(Entry::qualified)
            .collect();
        names.sort();
        names.dedup();
        Ok(answer::json(&query.page(names.into_iter(), usize::MAX)))
    }

    /// `GET /schemas/ids/{id}/versions`.
    pub(super) fn versions_of_id(&self, id: &str, query: &Query) -> Result<Response, DoorError> {
        let shown = query.shown();
        let mut found = self.identified(id, query)?;
        found.sort_by_key(|entry| (entry.subject.clone(), entry.number));
        let versions = found
            .iter()
            .filter(|entry| shown == Shown::All || !entry.is_deleted)
            .map(|entry| SubjectVersion { subject: entry.qualified(), version: entry.number });
        Ok(answer::json(&query.page(versions, usize::MAX)))
    }

    /// `GET /schemas/guids/{guid}`.
    pub(super) async fn show_by_guid(
        &self,
        guid: &str,
        query: &Query,
    ) -> Result<Response, DoorError> {
        let (context, id) = self.ids_of(guid)?.swap_remove(0);
        let entry = self.with_id(&context, id, Shown::All).into_iter().next();
        let loaded = self.load_one(entry.ok_or_else(DoorError::no_schema)?).await?;
        let text = self.shown_text(&loaded, query).await?;
        Ok(answer::json(&ConfluentSchema { id: None, ..loaded.shown(text) }))
    }

    /// `GET /schemas/guids/{guid}/ids`.
    pub(super) fn ids_of_guid(&self, guid: &str) -> Result<Response, DoorError> {
        let found = self.ids_of(guid)?.into_iter();
        let ids: Vec<ContextId> =
            found.map(|(context, id)| ContextId { context: context.name(), id }).collect();
        Ok(answer::json(&ids))
    }

    /// The ids of a schema in the contexts that the caller sees, at least one.
    fn ids_of(&self, guid: &str) -> Result<Vec<(Context, u32)>, DoorError> {
        let missing = || DoorError::no_schema_with(guid);
        let parsed: SchemaGuid = guid.parse().map_err(|_| missing())?;
        let all = self.view.catalog().registrations.with_guid(&parsed);
        let seen = all.map(|(group, id)| (Context(group.clone()), id));
        let seen: Vec<_> =
            seen.filter(|(own, id)| !self.with_id(own, *id, Shown::All).is_empty()).collect();
        if seen.is_empty() { Err(missing()) } else { Ok(seen) }
    }
}

use std::{fmt::Display, str::FromStr, sync::Arc, time::Instant};

use bytes::Bytes;
use muster_catalog::{View, judge::EarlierVersion, state::Version};
use muster_guard::Principal;
use muster_registry::{Registry, stoppable_read};
use muster_schema::{FormattedSchema, SchemaContext, SchemaFormat, nearest, notation_of};
use muster_wire::{
    ErrorKind, Problem,
    schemas::{SchemaReference, SchemaSource},
};
use muster_words::{Notation, Permission, Xid, json::Value};

use super::stored::StoredSchemas;
use crate::{
    native::body,
    submit::check,
    xregistry::{problem_of_fetch, violations},
};

/// Reads the schemas of a request.
pub(super) struct Reader {
    pub registry: Registry,
    pub view: View,
    /// Who asks.
    pub principal: Arc<Principal>,
    /// The path of the request.
    pub path: &'static str,
    /// When the request is late.
    pub until: Instant,
}

/// A schema of a request.
pub(super) struct ReadSchema {
    /// The version that is stored, if it is.
    pub xid: Option<Xid>,
    pub schema: FormattedSchema,
}

/// The bytes of a schema, before they are understood.
struct SchemaText {
    xid: Option<Xid>,
    format: SchemaFormat,
    bytes: Bytes,
    /// How it is written, if its media type says it.
    notation: Option<Notation>,
    /// What a stored schema names in its attribute `references`, with the texts.
    named: Vec<(String, String)>,
}

impl Reader {
    /// What can't be read.
    pub(super) fn refused(&self, error_detail: String) -> Problem {
        body::refused(error_detail, self.path)
    }

    /// A word of a request, or what is meant without it.
    pub(super) fn word<T: FromStr<Err: Display>>(
        &self,
        text: Option<&str>,
        name: &str,
        absent: T,
    ) -> Result<T, Problem> {
        let Some(text) = text else { return Ok(absent) };
        text.parse().map_err(|error: T::Err| self.refused(format!("{name}: {error}")))
    }

    /// Runs work that counts its steps, until its caller leaves.
    pub(super) fn work<T>(&self, work: impl FnOnce() -> T) -> Result<T, Problem> {
        stoppable_read(self.until, work).map_err(|_| {
            let error_detail = "it takes more than 30 seconds; ask about fewer or smaller schemas, \
                                versions or payloads at once";
            Problem::new(ErrorKind::BadRequest { error_detail: error_detail.to_owned() })
                .subject(self.path)
        })
    }

    /// The versions of a stored schema, newest first.
    pub(super) fn versions(
        &self,
        text: &str,
        references: &[SchemaReference],
    ) -> Result<Vec<SchemaSource>, Problem> {
        let xid = self.xid(text)?;
        let Xid::Resource { .. } = &xid else {
            return Err(self.refused(format!("against names a schema, and {text} is a version")));
        };
        let resource = xid;
        let found = self.view.resource_at(&resource).filter(|_| self.view.has(&resource));
        let found = found.ok_or_else(|| Problem::new(ErrorKind::NotFound).subject(text))?;
        if found.version_count() == 0 {
            return Ok(Vec::new());
        }
        let earlier = self.view.catalog().earlier_versions(&resource, usize::MAX).into_iter();
        let source = |version: EarlierVersion| SchemaSource {
            xid: Some(version.xid.to_string()),
            references: references.to_vec(),
            ..SchemaSource::default()
        };
        Ok(earlier.map(source).collect())
    }

    /// Reads one schema of the request, which it has as a member of this name. `beside` is where a
    /// schema that isn't stored stands when its relative references are resolved.
    pub(super) async fn read(
        &self,
        source: &SchemaSource,
        member: &str,
        beside: Option<&Xid>,
    ) -> Result<ReadSchema, Problem> {
        let text = self.text(source, member).await?;
        self.parsed(text, source, member, beside).await
    }

    /// Understands the text of a schema, with everything that it refers to.
    async fn parsed(
        &self,
        text: SchemaText,
        source: &SchemaSource,
        member: &str,
        beside: Option<&Xid>,
    ) -> Result<ReadSchema, Problem> {
        if text.format == SchemaFormat::JsonSchema && !source.references.is_empty() {
            let what = "references are for Avro and Protobuf; a JSON Schema names others in $ref, by \
                        their xid or their $id";
            return Err(self.refused(format!("{member}: {what}")));
        }
        let home = text.xid.as_ref().and_then(Xid::resource);
        let home = home.as_ref().or(beside);
        let references: Vec<(&str, String)> = source
            .references
            .iter()
            .map(|reference| (reference.name.as_str(), plain(&reference.schema)))
            .collect();
        // What the request names comes first: it may be meant to stand for what is stored.
        let stored = text.named.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let sent = references.iter().map(|(name, text)| (*name, text.as_str()));
        let others = stored.filter(|(name, _)| sent.clone().all(|(other, _)| other != *name));
        let references: Vec<(&str, &str)> = sent.clone().chain(others).collect();
        let mut stored = StoredSchemas::new(&self.view);
        loop {
            let parsed = {
                let context = SchemaContext {
                    home,
                    sources: &stored,
                    texts: &references,
                    notation: text.notation,
                };
                self.work(|| FormattedSchema::parse(text.format, &text.bytes, &context))?
            };
            let missing = stored.missing();
            if missing.is_empty() {
                let found = parsed.map_err(|found| {
                    let subject = source.xid.clone().unwrap_or_else(|| member.to_owned());
                    let violations = violations(&found);
                    Problem::new(ErrorKind::InvalidDocument { violations }).subject(subject)
                })?;
                return Ok(ReadSchema { xid: text.xid, schema: found });
            }
            let bytes = self.registry.contents(&missing).await;
            let bytes = bytes.map_err(|error| problem_of_fetch(error, self.path))?;
            stored.learn(&missing, bytes);
        }
    }

    /// The JSON of a JSON Schema, which must compile.
    pub(super) async fn json_schema(&self, source: &SchemaSource) -> Result<Value, Problem> {
        let text = self.text(source, "schema").await?;
        if text.format != SchemaFormat::JsonSchema {
            let what =
                format!("this is known of JSON Schema only, and the schema is {}", text.format);
            return Err(self.refused(what));
        }
        let notation = text.notation.unwrap_or_else(|| notation_of(&text.bytes));
        let value = notation.parse(&text.bytes);
        self.parsed(text, source, "schema", None).await?;
        value.map_err(|error| self.refused(error.to_string()))
    }

    async fn text(&self, source: &SchemaSource, member: &str) -> Result<SchemaText, Problem> {
        let format = match &source.format {
            Some(text) => Some(self.format(text)?),
            None => None,
        };
        match (&source.xid, &source.schema) {
            (None, Some(schema)) => {
                let format = format.unwrap_or(SchemaFormat::JsonSchema);
                let is_name = |text: &str| !text.trim_start().starts_with(['{', '[', '"']);
                let text = match schema {
                    // The name of a type alone, such as "int", is Avro's JSON and no text of it.
                    Value::String(text) if format == SchemaFormat::Avro && is_name(text) => {
                        schema.to_string()
                    }
                    schema => plain(schema),
                };
                let (named, notation) = (Vec::new(), None);
                Ok(SchemaText { xid: None, format, bytes: text.into(), notation, named })
            }
            (Some(xid), None) => self.stored(xid, format).await,
            (None, None) | (Some(_), Some(_)) => {
                let what = format!("{member} must have one of xid and schema");
                Err(self.refused(what))
            }
        }
    }

    fn format(&self, text: &str) -> Result<SchemaFormat, Problem> {
        text.parse().map_err(|error| {
            let near = nearest(text, SchemaFormat::ALL.map(SchemaFormat::name));
            let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            self.refused(format!("{error}{near}"))
        })
    }

    async fn stored(
        &self,
        text: &str,
        format: Option<SchemaFormat>,
    ) -> Result<SchemaText, Problem> {
        let xid = self.xid(text)?;
        let missing = || Problem::new(ErrorKind::NotFound).subject(text);
        let version = self.view.version_at(&xid).filter(|_| self.view.has(&xid));
        let version = version.ok_or_else(missing)?.clone();
        let document = version.document.ok_or_else(missing)?;
        let bytes = self.registry.contents(&[document]).await;
        let bytes = bytes.map_err(|error| problem_of_fetch(error, self.path))?.pop().flatten();
        let format = match format {
            Some(format) => format,
            None => self.format_of(&version).await?,
        };
        let resource = xid.resource().unwrap_or_else(|| xid.clone());
        let xid = resource.version(version.id.clone()).unwrap_or(xid);
        let notation = Some(Notation::of(version.content_type.as_deref()));
        let named = self.named_texts(&xid, &version).await?;
        let bytes = bytes.ok_or_else(missing)?;
        Ok(SchemaText { xid: Some(xid), format, bytes, notation, named })
    }

    /// The format of a stored schema: its attribute `format`, else what its media type says.
    async fn format_of(&self, version: &Version) -> Result<SchemaFormat, Problem> {
        let attributes = self.attributes_of(version.attributes).await?;
        let named = attributes.get("format").and_then(Value::as_str);
        SchemaFormat::of_stored(named, version.content_type.as_deref()).ok_or_else(|| {
            let named = named.unwrap_or_default();
            self.refused(format!("the stored schema's format {named:?} isn't known here"))
        })
    }

    /// The xid of a document or a version.
    pub(super) fn xid(&self, text: &str) -> Result<Xid, Problem> {
        match Xid::parse_loosely(text) {
            Ok(xid @ (Xid::Resource { .. } | Xid::Version { .. })) => {
                check(&self.principal, Permission::ReadDocuments, &xid.to_string())?;
                Ok(xid)
            }
            Ok(_) => Err(self.refused(format!("{text} isn't the xid of a schema"))),
            Err(error) => Err(self.refused(format!("{text:?} isn't an xid: {error}"))),
        }
    }
}

/// A schema as text: the text that it is, or its JSON.
fn plain(schema: &Value) -> String {
    match schema {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

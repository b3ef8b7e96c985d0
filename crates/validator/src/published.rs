use async_trait::async_trait;
use muster_client::site::{SiteAnswer, SiteError, SiteReader, Tier};
use muster_schema::{Outline, SCHEMA_TYPES, SchemaFormat};
use muster_words::{Id, Notation, Xid, json::Value};

use crate::{
    GatherError, GroupIds, SchemaClosure, SchemaStore, StoredText, ValidatorSource,
    source::closure_of,
};

/// The schemas of a published site that has the collection `schemagroups`, with the site's tiers,
/// checks and fallbacks.
///
/// A site has the documents without their attributes. So the format of a schema is seen by its form,
/// and what the attribute `references` names isn't known; Protobuf isn't JSON and isn't published.
#[derive(Clone)]
pub struct PublishedSchemas {
    reader: SiteReader,
    place: String,
}

impl PublishedSchemas {
    /// The schemas of the site that is read; `place` is its name in messages.
    #[must_use]
    pub fn new(reader: SiteReader, place: impl Into<String>) -> Self {
        Self { reader, place: place.into() }
    }

    async fn answer(&self, path: &str) -> Result<Option<SiteAnswer>, GatherError> {
        match self.reader.get(path).await {
            Ok(answer) if answer.tier == Tier::Degraded => {
                let why = answer.value.get("reason").and_then(Value::as_str).unwrap_or_default();
                let (path, why) = (path.to_owned(), why.to_owned());
                Err(SiteError::Unreachable { path, why }.into())
            }
            Ok(answer) => Ok(Some(answer)),
            Err(SiteError::Absent { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The schemas by the paths of their files.
    async fn listed(&self) -> Result<Vec<Xid>, GatherError> {
        let Some(manifest) = self.reader.get_manifest().await?.manifest() else {
            return Ok(Vec::new());
        };
        Ok(manifest.files.keys().filter_map(|path| xid_at(path)).collect())
    }
}

/// The paths that a schema's file can have: the type of resources is left out where it is the only
/// one.
fn paths(xid: &Xid) -> Option<[String; 2]> {
    let ((groups, group), (schemas, schema)) = (xid.group_ids()?, xid.resource_ids()?);
    let is_schema = (groups.as_str(), schemas.as_str()) == SCHEMA_TYPES;
    let both = [
        format!("{groups}/{group}/{schema}.json"),
        format!("{groups}/{group}/{schemas}/{schema}.json"),
    ];
    is_schema.then_some(both)
}

/// The schema whose file has this path.
fn xid_at(path: &str) -> Option<Xid> {
    let (groups, schemas) = SCHEMA_TYPES;
    let steps: Vec<&str> = path.strip_suffix(".json")?.split('/').collect();
    match steps.as_slice() {
        [first, group, schema] | [first, group, _, schema] if *first == groups => {
            format!("/{groups}/{group}/{schemas}/{schema}").parse().ok()
        }
        _ => None,
    }
}

#[async_trait]
impl SchemaStore for PublishedSchemas {
    async fn read(&self, xid: &Xid) -> Result<Option<StoredText>, GatherError> {
        for path in paths(xid).unwrap_or_default().iter().filter(|path| !path.is_empty()) {
            let Some(answer) = self.answer(path).await? else { continue };
            let Some(version) = answer.version.parse::<Id>().ok().and_then(|id| xid.version(id))
            else {
                return Err(GatherError::unusable(xid, "the site doesn't say its version"));
            };
            // A site has the default version alone.
            if matches!(xid, Xid::Version { .. }) && version != *xid {
                return Ok(None);
            }
            return Ok(Some(StoredText {
                version,
                format: format_of(&answer.value),
                notation: Notation::Json,
                text: answer.value.to_string(),
                references: Vec::new(),
                is_old: !matches!(answer.tier, Tier::Fresh | Tier::Source),
            }));
        }
        Ok(None)
    }

    async fn has(&self, xid: &Xid) -> Result<bool, GatherError> {
        Ok(self.read(xid).await?.is_some())
    }

    async fn identified(&self, group: &Xid) -> Result<GroupIds, GatherError> {
        let mut ids = GroupIds::new();
        for xid in
            self.listed().await?.into_iter().filter(|xid| xid.group().as_ref() == Some(group))
        {
            let Some(stored) = self.read(&xid).await? else { continue };
            let value = stored.notation.parse(stored.text.as_bytes()).ok();
            if let Some(id) = value.and_then(|value| Outline::of(&value, Some(&xid)).id) {
                ids.entry(id).or_default().push(xid);
            }
        }
        Ok(ids)
    }
}

/// The format of a schema without attributes: only Avro has these types, and lists of types.
fn format_of(value: &Value) -> SchemaFormat {
    let kind = value.get("type").and_then(Value::as_str);
    let is_named = matches!(kind, Some("record" | "enum" | "fixed" | "error" | "map"));
    match value {
        Value::String(_) | Value::Array(_) => SchemaFormat::Avro,
        _ if is_named => SchemaFormat::Avro,
        _ => SchemaFormat::JsonSchema,
    }
}

#[async_trait]
impl ValidatorSource for PublishedSchemas {
    async fn find(&self, schema: &Xid) -> Result<Option<SchemaClosure>, GatherError> {
        closure_of(self, schema).await
    }

    async fn names(&self) -> Result<Vec<Xid>, GatherError> {
        self.listed().await
    }

    fn is_fixed(&self) -> bool {
        false
    }

    fn place(&self) -> &str {
        &self.place
    }
}

//! Fetches schemas from a registry, with everything that they refer to.

use std::collections::{BTreeMap, BTreeSet};

use muster_catalog::judge::named_references;
use muster_client::{Client, ClientError, Query};
use muster_schema::{BundledSchema, Outline, SchemaBundle, SchemaFormat};
use muster_words::{
    Notation, Xid,
    json::{Map, Value},
};

use crate::{Failure, OwnCode, suggest};

/// The most schemas of one bundle.
const SCHEMAS_MAX: usize = 10_000;

/// A bundle that is being filled.
pub(super) struct Gathering<'a> {
    client: &'a Client,
    bundle: SchemaBundle,
    /// The names that were followed.
    seen: BTreeSet<Xid>,
    /// The names that must still be followed. What isn't there stays away: whether that matters is
    /// found out when the bundle is checked.
    next: Vec<Xid>,
    /// The schemas of each group by their `$id`, of groups in which one was looked for.
    ids: BTreeMap<Xid, BTreeMap<String, Vec<Xid>>>,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self {
            client,
            bundle: SchemaBundle::default(),
            seen: BTreeSet::new(),
            next: Vec::new(),
            ids: BTreeMap::new(),
        }
    }

    /// Adds a schema that was asked for, which must be there.
    pub(super) async fn add_chosen(&mut self, xid: &Xid) -> Result<(), Failure> {
        match self.add(xid).await? {
            Ok(()) => Ok(()),
            Err(absent) => Err(absent.into()),
        }
    }

    /// Adds what the schemas refer to.
    pub(super) async fn finish(mut self) -> Result<SchemaBundle, Failure> {
        while let Some(xid) = self.next.pop() {
            // The check of the whole bundle says what it lacks.
            drop(self.add(&xid).await?);
        }
        Ok(self.bundle)
    }

    /// Adds a schema; the inner error says that it isn't there.
    async fn add(&mut self, xid: &Xid) -> Result<Result<(), ClientError>, Failure> {
        if !self.seen.insert(xid.clone()) {
            return Ok(Ok(()));
        }
        if self.seen.len() > SCHEMAS_MAX {
            let what = format!("the schemas and what they refer to are more than {SCHEMAS_MAX}");
            return Err(Failure::new(OwnCode::BadFile, what).help("choose fewer schemas"));
        }
        let details = match self.client.details(xid, &Query::new()).await {
            Ok(details) => details.json()?,
            Err(error) if error.is_absent() => return Ok(Err(error)),
            Err(error) => return Err(error.into()),
        };
        let resource = xid.resource().unwrap_or_else(|| xid.clone());
        let id = details.get("versionid").and_then(Value::as_str).unwrap_or_default();
        let version = id.parse().ok().and_then(|id| resource.version(id));
        let Some(version) = version else { return Err(unusable(xid, "it has no version")) };
        if matches!(xid, Xid::Resource { .. }) {
            self.bundle.name(resource.clone(), version.clone());
            // Its version is the same schema.
            if self.seen.contains(&version) {
                return Ok(Ok(()));
            }
            self.seen.insert(version.clone());
        }
        let schema = self.read(&resource, &version, &details).await?;
        self.bundle.add(version, schema);
        Ok(Ok(()))
    }

    /// Reads the text of a version, and notes to what it refers.
    async fn read(
        &mut self,
        resource: &Xid,
        version: &Xid,
        details: &Value,
    ) -> Result<BundledSchema, Failure> {
        let none = Map::new();
        let attributes = details.as_object().unwrap_or(&none);
        let text = |name: &str| attributes.get(name).and_then(Value::as_str);
        let media_type = text("contenttype");
        let format = SchemaFormat::of_stored(text("format"), media_type).ok_or_else(|| {
            let named = text("format").unwrap_or_default();
            unusable(version, &format!("its format {named:?} isn't known here"))
        })?;
        let document = self.client.document(version).await?;
        let bytes = document.bytes.to_vec();
        let own = String::from_utf8(bytes).map_err(|_| unusable(version, "it isn't text"))?;
        let notation = Notation::of(media_type);
        let mut references = Vec::new();
        for (name, candidates) in named_references(version, attributes.get("references")) {
            let found = self.first_there(&candidates).await?;
            let found = found.ok_or_else(|| {
                unusable(
                    version,
                    &format!("the reference {name:?} names a version that isn't there"),
                )
            })?;
            self.next.push(found.clone());
            references.push((name, found));
        }
        if format == SchemaFormat::JsonSchema
            && let Ok(value) = notation.parse(own.as_bytes())
        {
            self.follow(resource, &value).await?;
        }
        Ok(BundledSchema { format, notation, text: own, references })
    }

    /// Notes what a JSON Schema names in its `$ref`s.
    async fn follow(&mut self, resource: &Xid, value: &Value) -> Result<(), Failure> {
        let outline = Outline::of(value, Some(resource));
        self.next.extend(outline.named.into_keys());
        for address in outline.addressed.into_keys() {
            if let Some(beside) = Outline::xid_of(&address) {
                self.next.push(beside);
            } else if let Some(group) = resource.group() {
                let known = self.identified(&group).await?.get(&address).cloned();
                self.next.extend(known.unwrap_or_default());
            }
        }
        Ok(())
    }

    /// The first of these versions that is there.
    async fn first_there(&self, candidates: &[Xid]) -> Result<Option<Xid>, Failure> {
        for xid in candidates {
            match self.client.details(xid, &Query::new()).await {
                Ok(_) => return Ok(Some(xid.clone())),
                Err(error) if error.is_absent() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// The schemas of a group by their `$id`.
    async fn identified(&mut self, group: &Xid) -> Result<&BTreeMap<String, Vec<Xid>>, Failure> {
        if !self.ids.contains_key(group) {
            let mut ids: BTreeMap<String, Vec<Xid>> = BTreeMap::new();
            let collection = format!("{group}/schemas");
            let page = self.client.all(&collection, &Query::new()).await?;
            for (id, _) in &page.entries {
                let Ok(xid) = format!("{collection}/{id}").parse::<Xid>() else { continue };
                let document = match self.client.document(&xid).await {
                    Ok(document) => document,
                    Err(error) if error.is_absent() => continue,
                    Err(error) => return Err(error.into()),
                };
                let notation = Notation::of(document.content_type.as_deref());
                let value = notation.parse(&document.bytes).ok();
                let id = value.and_then(|value| Outline::of(&value, Some(&xid)).id);
                if let Some(id) = id {
                    ids.entry(id).or_default().push(xid);
                }
            }
            self.ids.insert(group.clone(), ids);
        }
        Ok(self.ids.entry(group.clone()).or_default())
    }
}

fn unusable(xid: &Xid, why: &str) -> Failure {
    let shown = suggest::without_slash(xid);
    Failure::new(OwnCode::BadFile, format!("{shown} can't be put into a bundle: {why}"))
        .help("choose other schemas")
}

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use muster_client::{ClientError, site::SiteError};
use muster_schema::{BundledSchema, Outline, SchemaBundle, SchemaFormat};
use muster_words::{Notation, Xid, json::Value};
use thiserror::Error;

/// The most schemas of one bundle.
const SCHEMAS_MAX: usize = 10_000;

/// The schemas of a group by their `$id`.
pub type GroupIds = BTreeMap<String, Vec<Xid>>;

/// A version of a schema, as it is stored.
#[derive(Clone, Debug)]
pub struct StoredText {
    /// The version.
    pub version: Xid,
    /// What it is written in.
    pub format: SchemaFormat,
    /// How a JSON Schema is written.
    pub notation: Notation,
    /// Its text.
    pub text: String,
    /// The names in its attribute `references`, each with the versions that it can mean, the
    /// likelier one first.
    pub references: Vec<(String, Vec<Xid>)>,
    /// Whether the store can't be asked now, and answers with what it kept.
    pub is_old: bool,
}

/// Where schemas are read one by one.
#[async_trait]
pub trait SchemaStore: Send + Sync {
    /// A schema, by the xid of a version or of a schema, whose default version is meant then; none if
    /// it isn't there.
    ///
    /// # Errors
    /// It can't be read.
    async fn read(&self, xid: &Xid) -> Result<Option<StoredText>, GatherError>;

    /// Whether a version is there.
    ///
    /// # Errors
    /// It can't be found out.
    async fn has(&self, xid: &Xid) -> Result<bool, GatherError>;

    /// The schemas of a group by their `$id`.
    ///
    /// # Errors
    /// They can't be read.
    async fn identified(&self, group: &Xid) -> Result<GroupIds, GatherError>;
}

/// Why schemas weren't gathered.
#[derive(Clone, Debug, Error)]
pub enum GatherError {
    /// The registry has no answer, or refuses.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The site has no answer.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// A schema isn't there.
    #[error("there is no schema {xid}")]
    Absent {
        /// What was asked for.
        xid: Xid,
    },
    /// A schema can't be used.
    #[error("{xid} can't be used: {why}")]
    Unusable {
        /// The schema.
        xid: Xid,
        /// Why.
        why: String,
    },
    /// There are too many.
    #[error("the schemas and what they refer to are more than {SCHEMAS_MAX}")]
    TooMany,
}

impl GatherError {
    pub(crate) fn unusable(xid: &Xid, why: impl Into<String>) -> Self {
        Self::Unusable { xid: xid.clone(), why: why.into() }
    }
}

/// A bundle that is being filled with schemas and everything that they refer to.
pub struct Gathering<'a> {
    store: &'a dyn SchemaStore,
    bundle: SchemaBundle,
    /// The names that were followed.
    seen: BTreeSet<Xid>,
    /// The names that must still be followed. What isn't there stays away: whether that matters is
    /// found out when the schemas are compiled.
    next: Vec<Xid>,
    /// Of groups in which a `$id` was looked for.
    ids: BTreeMap<Xid, GroupIds>,
    is_old: bool,
}

/// Schemas with everything that they refer to.
pub struct GatheredSchemas {
    /// The schemas.
    pub bundle: SchemaBundle,
    /// Whether one of them is what the store kept, because it can't be asked now.
    pub is_old: bool,
}

impl<'a> Gathering<'a> {
    /// An empty bundle that is filled from a store.
    #[must_use]
    pub fn new(store: &'a dyn SchemaStore) -> Self {
        Self {
            store,
            bundle: SchemaBundle::default(),
            seen: BTreeSet::new(),
            next: Vec::new(),
            ids: BTreeMap::new(),
            is_old: false,
        }
    }

    /// Adds a schema or a version, which must be there.
    ///
    /// # Errors
    /// See [`GatherError`].
    pub async fn add_chosen(&mut self, xid: &Xid) -> Result<(), GatherError> {
        match self.add(xid).await? {
            true => Ok(()),
            false => Err(GatherError::Absent { xid: xid.clone() }),
        }
    }

    /// Adds what the schemas refer to, and gives them all.
    ///
    /// # Errors
    /// See [`GatherError`].
    pub async fn finish(mut self) -> Result<GatheredSchemas, GatherError> {
        while let Some(xid) = self.next.pop() {
            self.add(&xid).await?;
        }
        Ok(GatheredSchemas { bundle: self.bundle, is_old: self.is_old })
    }

    /// Adds a schema, and says whether it is there.
    async fn add(&mut self, xid: &Xid) -> Result<bool, GatherError> {
        if !self.seen.insert(xid.clone()) {
            return Ok(true);
        }
        if self.seen.len() > SCHEMAS_MAX {
            return Err(GatherError::TooMany);
        }
        let Some(stored) = self.store.read(xid).await? else { return Ok(false) };
        self.is_old |= stored.is_old;
        let version = stored.version.clone();
        let resource = version.resource().unwrap_or_else(|| version.clone());
        if matches!(xid, Xid::Resource { .. }) {
            self.bundle.name(resource.clone(), version.clone());
            // Its version is the same schema.
            if !self.seen.insert(version.clone()) {
                return Ok(true);
            }
        }
        let mut references = Vec::new();
        for (name, candidates) in stored.references {
            let found = self.first_there(&candidates).await?;
            let why = || format!("the reference {name:?} names a version that isn't there");
            let found = found.ok_or_else(|| GatherError::unusable(&version, why()))?;
            self.next.push(found.clone());
            references.push((name, found));
        }
        if stored.format == SchemaFormat::JsonSchema
            && let Ok(value) = stored.notation.parse(stored.text.as_bytes())
        {
            self.follow(&resource, &value).await?;
        }
        let StoredText { format, notation, text, .. } = stored;
        self.bundle.add(version, BundledSchema { format, notation, text, references });
        Ok(true)
    }

    /// Notes what a JSON Schema names in its `$ref`s.
    async fn follow(&mut self, resource: &Xid, value: &Value) -> Result<(), GatherError> {
        let outline = Outline::of(value, Some(resource));
        self.next.extend(outline.named.into_keys());
        for address in outline.addressed.into_keys() {
            if let Some(beside) = Outline::xid_of(&address) {
                self.next.push(beside);
            } else if let Some(group) = resource.group() {
                if !self.ids.contains_key(&group) {
                    let ids = self.store.identified(&group).await?;
                    self.ids.insert(group.clone(), ids);
                }
                let known = self.ids.get(&group).and_then(|ids| ids.get(&address)).cloned();
                self.next.extend(known.unwrap_or_default());
            }
        }
        Ok(())
    }

    /// The first of these versions that is there.
    async fn first_there(&self, candidates: &[Xid]) -> Result<Option<Xid>, GatherError> {
        for xid in candidates {
            if self.store.has(xid).await? {
                return Ok(Some(xid.clone()));
            }
        }
        Ok(None)
    }
}

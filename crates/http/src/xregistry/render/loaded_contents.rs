use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use muster_catalog::{Content, entity::LoadedAttributes, query::MissingAttributes};
use muster_registry::{FetchError, Registry};
use serde_json::{Map, Value};

/// The contents that an answer needs, loaded in bulk before it is rendered.
#[derive(Debug, Default)]
pub(in crate::xregistry) struct LoadedContents {
    attributes: HashMap<Content, Arc<Map<String, Value>>>,
    documents: HashMap<Content, Option<Bytes>>,
}

/// Contents that are wanted.
#[derive(Debug, Default)]
pub(in crate::xregistry) struct NeededContents {
    pub attributes: Vec<Content>,
    pub documents: Vec<Content>,
    /// How many entities will be written with them.
    pub entities: u64,
    /// Bytes of filters in the URLs of their collections.
    pub queries: u64,
}

impl From<MissingAttributes> for NeededContents {
    fn from(missing: MissingAttributes) -> Self {
        Self { attributes: missing.0, ..Self::default() }
    }
}

/// About what an entity takes in an answer beside its contents: its URLs, ids and times.
const ENTITY_BYTES: u64 = 512;

impl NeededContents {
    /// About how many bytes an answer that is made of this has.
    pub fn bytes(&self) -> u64 {
        let contents = self.attributes.iter().chain(&self.documents);
        let contents: u64 = contents.map(|content| u64::from(content.size)).sum();
        contents + self.entities * ENTITY_BYTES + self.queries
    }
}

impl LoadedContents {
    /// Loads what isn't here yet.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged.
    pub async fn load(
        &mut self,
        registry: &Registry,
        wanted: NeededContents,
    ) -> Result<(), FetchError> {
        let mut attributes = wanted.attributes;
        attributes.retain(|content| !self.attributes.contains_key(content));
        if !attributes.is_empty() {
            let loaded = registry.attributes(&attributes).await?;
            self.attributes.extend(attributes.into_iter().zip(loaded));
        }
        let mut documents = wanted.documents;
        documents.retain(|content| !self.documents.contains_key(content));
        if !documents.is_empty() {
            let loaded = registry.contents(&documents).await?;
            self.documents.extend(documents.into_iter().zip(loaded));
        }
        Ok(())
    }

    /// A document's bytes; none: it was erased.
    pub fn document(&self, content: Content) -> Option<&Bytes> {
        self.documents.get(&content)?.as_ref()
    }
}

impl LoadedAttributes for LoadedContents {
    fn attributes(&self, content: Content) -> Option<&Map<String, Value>> {
        self.attributes.get(&content).map(AsRef::as_ref)
    }
}

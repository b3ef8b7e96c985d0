use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use muster_catalog::{Content, entity::LoadedAttributes, query::MissingAttributes};
use muster_registry::{FetchError, Registry};
use serde_json::{Map, Value};

/// The contents of an answer, loaded in bulk before it is rendered.
#[derive(Debug, Default)]
pub(in crate::xregistry) struct LoadedContents {
    attributes: HashMap<Content, Arc<Map<String, Value>>>,
    documents: HashMap<Content, Option<Bytes>>,
}

/// The contents to load.
#[derive(Debug, Default)]
pub(in crate::xregistry) struct NeededContents {
    pub attributes: Vec<Content>,
    pub documents: Vec<Content>,
    /// The number of entities in the answer.
    pub entities: u64,
    /// The size of filters in the URLs of their collections, in bytes.
    pub queries: u64,
}

impl From<MissingAttributes> for NeededContents {
    fn from(missing: MissingAttributes) -> Self {
        Self { attributes: missing.0, ..Self::default() }
    }
}

/// The approximate size of an entity in an answer besides its contents: its URLs, ids and times.
const ENTITY_BYTES: u64 = 512;

impl NeededContents {
    /// The approximate size of the answer in bytes.
    pub fn bytes(&self) -> u64 {
        let contents = self.attributes.iter().chain(&self.documents);
        let contents: u64 = contents.map(|content| u64::from(content.size)).sum();
        contents + self.entities * ENTITY_BYTES + self.queries
    }
}

impl LoadedContents {
    /// Loads the missing contents.
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

    /// A document's bytes; none if it was purged.
    pub fn document(&self, content: Content) -> Option<&Bytes> {
        self.documents.get(&content)?.as_ref()
    }
}

impl LoadedAttributes for LoadedContents {
    fn attributes(&self, content: Content) -> Option<&Map<String, Value>> {
        self.attributes.get(&content).map(AsRef::as_ref)
    }
}

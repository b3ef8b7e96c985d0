use std::collections::BTreeMap;

use bytes::Bytes;
use muster_catalog::facts::referenced_documents;
use muster_client::{Client, ClientError, Query, digest_of};
use muster_model::Model;
use muster_words::{Digest, Notation, Xid, json::Value};

use super::DesiredState;
use crate::model::{RegistryModel, resource_type};

/// The present state of a registry, as far as a plan needs it.
#[derive(Clone, Debug, Default)]
pub struct CurrentState {
    /// The user's model.
    pub model_source: Value,
    /// Its entity tag.
    pub model_tag: Option<String>,
    /// Groups with their attributes.
    pub groups: BTreeMap<Xid, Value>,
    /// Documents.
    pub documents: BTreeMap<Xid, CurrentDocument>,
}

/// A document in the registry.
#[derive(Clone, Debug, Default)]
pub struct CurrentDocument {
    /// The attributes of the default version, and of the resource.
    pub details: Value,
    /// The digest of the document.
    pub digest: Option<Digest>,
    /// The document, if it differs from the wanted one.
    pub bytes: Option<Bytes>,
    /// The documents that it refers to, if it will be deleted.
    pub refers_to: Vec<Xid>,
}

impl CurrentDocument {
    /// The media type of the document.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.details.get("contenttype").and_then(Value::as_str)
    }

    /// The number of the next version, if versions are numbered.
    #[must_use]
    pub fn next_version(&self) -> Option<u64> {
        let current: u64 = self.details.get("versionid")?.as_str()?.parse().ok()?;
        let count = self.details.get("versionscount").and_then(Value::as_u64).unwrap_or(0);
        Some(current.max(count) + 1)
    }
}

impl CurrentState {
    /// Whether a model was put.
    #[must_use]
    pub fn has_model(&self) -> bool {
        self.model_source.as_object().is_some_and(|model| !model.is_empty())
    }

    /// Reads what the plan compares, according to the registry's own model: the wanted entities
    /// and, with `prune`, all others in the same group types.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(crate) async fn read(
        client: &Client,
        wanted: &DesiredState,
        registry: &RegistryModel,
        prune: bool,
    ) -> Result<Self, ClientError> {
        let (model_source, model_tag) = (registry.source.clone(), registry.tag.clone());
        let mut there = Self { model_source, model_tag, ..Self::default() };
        let model = &registry.model;
        for kind in model.group_types() {
            let groups = &kind.plural;
            if !wanted.group_types.contains(groups) {
                continue;
            }
            let all = client.all(&format!("/{groups}"), &Query::new()).await?;
            for (group, attributes) in all.entries {
                let Ok(xid) = format!("/{groups}/{group}").parse::<Xid>() else { continue };
                if !prune && !wanted.groups.contains_key(&xid) {
                    continue;
                }
                for resources in kind.resources.keys() {
                    there
                        .read_documents(client, wanted, model, &format!("{xid}/{resources}"))
                        .await?;
                }
                there.groups.insert(xid, attributes);
            }
        }
        Ok(there)
    }

    async fn read_documents(
        &mut self,
        client: &Client,
        wanted: &DesiredState,
        model: &Model,
        collection: &str,
    ) -> Result<(), ClientError> {
        let needs_meta =
            wanted.documents.values().any(|document| document.sent.attributes.contains_key("meta"));
        let query = if needs_meta { Query::new().with("inline", "meta") } else { Query::new() };
        for (id, details) in client.all(collection, &query).await?.entries {
            let Ok(xid) = format!("{collection}/{id}").parse::<Xid>() else { continue };
            let present = present(client, wanted, model, &xid, details).await?;
            self.documents.insert(xid, present);
        }
        Ok(())
    }
}

/// Fetches the document unless its digest already equals the wanted one.
async fn present(
    client: &Client,
    wanted: &DesiredState,
    model: &Model,
    xid: &Xid,
    details: Value,
) -> Result<CurrentDocument, ClientError> {
    let mut present = CurrentDocument {
        digest: digest_of(&details),
        details,
        bytes: None,
        refers_to: Vec::new(),
    };
    let of_wanted = wanted.documents.get(xid).map(|one| Digest::of(&one.sent.bytes));
    if of_wanted.is_some() && present.digest == of_wanted {
        return Ok(present);
    }
    let document = match client.document(xid).await {
        // The registry holds only attributes of it.
        Ok(document) if document.elsewhere.is_some() => return Ok(present),
        Ok(document) => document.bytes,
        // It was deleted after the list was made, or its bytes were purged.
        Err(error) if error.refusal().is_some() => return Ok(present),
        Err(error) => return Err(error),
    };
    present.digest = Some(Digest::of(&document));
    if of_wanted.is_none() {
        let kind = resource_type(model, xid);
        let notation = Notation::of(present.content_type());
        let refers_to = kind.map(|kind| referenced_documents(kind, xid, notation, &document));
        present.refers_to = refers_to.into_iter().flatten().collect();
    }
    present.bytes = Some(document);
    Ok(present)
}

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use muster_client::{AddressError, Client, Query, Socket, Timeouts, TrustedRoots};
use muster_schema::{Outline, SCHEMA_TYPES, SchemaFormat, named_references};
use muster_words::{
    Notation, Xid,
    json::{Map, Value},
};

use crate::{
    GatherError, GroupIds, SchemaClosure, SchemaStore, StoredText, ValidatorSource,
    source::closure_of,
};

/// The schemas of a registry, over its API.
#[derive(Clone)]
pub struct RegistrySchemas {
    client: Client,
}

impl RegistrySchemas {
    /// The schemas of the registry that a client speaks with.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self { client }
    }

    /// The schemas of the server at an address such as `https://registry.example`, read with an API
    /// key.
    ///
    /// # Errors
    /// The address isn't one, or whom to trust can't be found out.
    pub fn at(
        address: &str,
        key: Option<&str>,
        timeout: Duration,
        roots: &TrustedRoots,
    ) -> Result<Self, AddressError> {
        let timeouts = Timeouts { connect: timeout, answer: timeout };
        Ok(Self::new(Client::new(Arc::new(Socket::new(address, timeouts, roots)?), key)))
    }

    async fn details(&self, xid: &Xid) -> Result<Option<Value>, GatherError> {
        match self.client.details(xid, &Query::new()).await {
            Ok(details) => Ok(Some(details.json()?)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[async_trait]
impl SchemaStore for RegistrySchemas {
    async fn read(&self, xid: &Xid) -> Result<Option<StoredText>, GatherError> {
        let Some(details) = self.details(xid).await? else { return Ok(None) };
        let none = Map::new();
        let attributes = details.as_object().unwrap_or(&none);
        let text = |name: &str| attributes.get(name).and_then(Value::as_str);
        let id = text("versionid").and_then(|id| id.parse().ok());
        let version = id.and_then(|id| xid.version(id));
        let version = version.ok_or_else(|| GatherError::unusable(xid, "it has no version"))?;
        let media_type = text("contenttype");
        let format = SchemaFormat::of_stored(text("format"), media_type).ok_or_else(|| {
            let named = text("format").unwrap_or_default();
            GatherError::unusable(&version, format!("its format {named:?} isn't known here"))
        })?;
        let document = match self.client.document(&version).await {
            Ok(document) => document,
            // It was deleted meanwhile.
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let own = String::from_utf8(document.bytes.to_vec());
        let own = own.map_err(|_| GatherError::unusable(&version, "it isn't text"))?;
        let references = named_references(&version, attributes.get("references"));
        let notation = Notation::of(media_type);
        let is_old = false;
        Ok(Some(StoredText { version, format, notation, text: own, references, is_old }))
    }

    async fn has(&self, xid: &Xid) -> Result<bool, GatherError> {
        Ok(self.details(xid).await?.is_some())
    }

    async fn identified(&self, group: &Xid) -> Result<GroupIds, GatherError> {
        let mut ids = GroupIds::new();
        let collection = format!("{group}/{}", SCHEMA_TYPES.1);
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
            if let Some(id) = value.and_then(|value| Outline::of(&value, Some(&xid)).id) {
                ids.entry(id).or_default().push(xid);
            }
        }
        Ok(ids)
    }
}

#[async_trait]
impl ValidatorSource for RegistrySchemas {
    async fn find(&self, schema: &Xid) -> Result<Option<SchemaClosure>, GatherError> {
        closure_of(self, schema).await
    }

    async fn names(&self) -> Result<Vec<Xid>, GatherError> {
        let (groups, schemas) = SCHEMA_TYPES;
        let mut names = Vec::new();
        for (group, _) in self.client.all(&format!("/{groups}"), &Query::new()).await?.entries {
            let collection = format!("/{groups}/{group}/{schemas}");
            match self.client.all(&collection, &Query::new()).await {
                Ok(page) => names.extend(
                    page.entries
                        .iter()
                        .filter_map(|(id, _)| format!("{collection}/{id}").parse().ok()),
                ),
                // A group that is deleted meanwhile has no schemas.
                Err(error) if error.is_absent() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(names)
    }

    fn is_fixed(&self) -> bool {
        false
    }

    fn place(&self) -> &str {
        self.client.place()
    }
}

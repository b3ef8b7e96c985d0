use std::sync::Arc;

use async_trait::async_trait;
use muster_schema::{SchemaBundle, SchemaBundleError, Validator};
use muster_words::{Digest, Xid};

use crate::{GatherError, GatheredSchemas, Gathering, SchemaStore};

/// A schema with everything that it refers to.
#[derive(Clone, Debug)]
pub struct SchemaClosure {
    /// The version that was found.
    pub version: Xid,
    /// Where it and everything that it refers to are.
    pub schemas: Arc<Validator>,
    /// The same digest means the same schemas, so that they needn't be compiled again.
    pub digest: Digest,
    /// Whether the source can't be asked now, and gives what it kept.
    pub is_old: bool,
}

/// Where a validator has its schemas from.
#[async_trait]
pub trait ValidatorSource: Send + Sync {
    /// A schema, by the xid of a version or of a schema, whose default version is meant then; none if
    /// the source says that it isn't there.
    ///
    /// # Errors
    /// The source can't be asked, or what it has can't be used.
    async fn find(&self, schema: &Xid) -> Result<Option<SchemaClosure>, GatherError>;

    /// All schemas in it, without versions.
    ///
    /// # Errors
    /// The source can't be asked.
    async fn names(&self) -> Result<Vec<Xid>, GatherError>;

    /// Whether it always has the same schemas, so that it needn't be asked again.
    fn is_fixed(&self) -> bool;

    /// What it is called in messages.
    fn place(&self) -> &str;
}

/// The schemas of a bundle, which never change.
#[derive(Clone, Debug)]
pub struct BundledSchemas {
    schemas: Arc<Validator>,
    digest: Digest,
    place: String,
}

impl BundledSchemas {
    /// The schemas of a bundle; `place` is its name in messages.
    ///
    /// # Errors
    /// A name in it leads to nothing.
    pub fn new(bundle: SchemaBundle, place: impl Into<String>) -> Result<Self, SchemaBundleError> {
        let digest = Digest::of(&bundle.write()?);
        Ok(Self { schemas: Arc::new(Validator::new(bundle)), digest, place: place.into() })
    }

    /// Reads a file of `muster schema bundle`.
    ///
    /// # Errors
    /// See [`SchemaBundleError`].
    pub fn read(bytes: &[u8], place: impl Into<String>) -> Result<Self, SchemaBundleError> {
        Self::new(SchemaBundle::read(bytes)?, place)
    }
}

#[async_trait]
impl ValidatorSource for BundledSchemas {
    async fn find(&self, schema: &Xid) -> Result<Option<SchemaClosure>, GatherError> {
        let found = self.schemas.bundle().find(schema);
        Ok(found.map(|(version, _)| SchemaClosure {
            version: version.clone(),
            schemas: self.schemas.clone(),
            digest: digest_of(&self.digest, version),
            is_old: false,
        }))
    }

    async fn names(&self) -> Result<Vec<Xid>, GatherError> {
        Ok(self.schemas.bundle().names().map(|(name, _)| name.clone()).collect())
    }

    fn is_fixed(&self) -> bool {
        true
    }

    fn place(&self) -> &str {
        &self.place
    }
}

/// A schema from a store, with everything that it refers to.
pub(crate) async fn closure_of(
    store: &dyn SchemaStore,
    schema: &Xid,
) -> Result<Option<SchemaClosure>, GatherError> {
    let mut gathering = Gathering::new(store);
    match gathering.add_chosen(schema).await {
        Ok(()) => {}
        Err(GatherError::Absent { .. }) => return Ok(None),
        Err(error) => return Err(error),
    }
    let GatheredSchemas { bundle, is_old } = gathering.finish().await?;
    let unusable = |error: SchemaBundleError| GatherError::unusable(schema, error.to_string());
    let digest = Digest::of(&bundle.write().map_err(unusable)?);
    let Some((version, _)) = bundle.find(schema) else { return Ok(None) };
    let (version, digest) = (version.clone(), digest_of(&digest, version));
    let schemas = Arc::new(Validator::new(bundle));
    Ok(Some(SchemaClosure { version, schemas, digest, is_old }))
}

/// What identifies a version within a bundle.
fn digest_of(bundle: &Digest, version: &Xid) -> Digest {
    Digest::of(format!("{bundle} {version}").as_bytes())
}

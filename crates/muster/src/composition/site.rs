use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use muster_guard::ledger_key::{self, LedgerKeyError};
use muster_ledger::{
    Signer,
    note::{KeyName, NameError},
};
use muster_publisher::{
    AmazonAccess, AzureAccess, BucketAccess, CachedDestination, FOLLOWER, GoogleAccess,
    PublicationFollower, Publisher, SiteDestination, SiteKeys, SiteRenderer, destination_at,
    later_keys, next_key,
};
use muster_registry::{Follower, MakeFollower, Registry};
use muster_wire::manifest::SiteKey;
use muster_words::Id;

use super::{
    clock::random,
    directory::{Directory, IfMissing},
    purges::purges,
};
use crate::{Context, Failure, OwnCode, bounded_file, settings::SiteArea};

/// The largest list of keys, in bytes: a thousand rotations.
const KEYS_BYTES_MAX: u64 = 1024 * 1024;

/// Renders the site of a registry. A registry in memory has no key, so its site isn't signed.
pub(super) fn renderer(registry: &Registry, directory: Option<&Directory>) -> Arc<SiteRenderer> {
    let paths = directory.map(|directory| (directory.site_key(), directory.site_keys()));
    let id = registry.view().id().to_string();
    let read_keys = move || {
        let read = |(key, later): &(PathBuf, PathBuf)| keys(key, later, &id);
        paths.as_ref().map(read).transpose()
    };
    Arc::new(SiteRenderer::new(registry.clone(), Box::new(read_keys)))
}

/// What the settings say of publishing.
#[derive(Clone, Default)]
pub(super) struct Publishing {
    /// Whether everybody may read the site.
    pub is_public: bool,
    /// Where publications may go.
    pub destinations: BTreeMap<String, Arc<dyn SiteDestination>>,
}

impl fmt::Debug for Publishing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Publishing");
        shown.field("is_public", &self.is_public);
        shown.field("destinations", &self.destinations.keys()).finish()
    }
}

impl Publishing {
    /// Reads the settings.
    ///
    /// # Errors
    /// A destination isn't a name and a place, or a CDN before it can't be told of changes.
    pub(super) fn read(
        area: &SiteArea,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        let access = bucket_access(environment);
        let mut purges = purges(area, environment)?;
        let mut destinations: BTreeMap<String, Arc<dyn SiteDestination>> = BTreeMap::new();
        for text in &area.destinations {
            let (name, place) = text.split_once('=').ok_or_else(|| bad_destination(text))?;
            let (name, place) = (name.trim(), place.trim());
            // A relative path would depend on where the server was started.
            if name.is_empty() || !(Path::new(place).is_absolute() || place.contains("://")) {
                return Err(bad_destination(text));
            }
            let destination = destination_at(place, &access).map_err(|error| {
                Failure::usage(format!("site.destinations: {name}: {error}"))
                    .help("muster config default explains the setting")
            })?;
            let destination = match purges.remove(name) {
                None => destination,
                Some(purge) => Arc::new(CachedDestination::new(destination, purge)),
            };
            destinations.insert(name.to_owned(), destination);
        }
        if let Some(name) = purges.into_keys().next() {
            return Err(Failure::usage(format!("site.purges: {name} isn't in site.destinations"))
                .help("a purge has the name of the destination before which the CDN is"));
        }
        Ok(Self { is_public: area.public, destinations })
    }
}

/// With what buckets are reached: the variables of the environment that other programs use, too.
#[must_use]
pub fn bucket_access(environment: &BTreeMap<String, String>) -> BucketAccess {
    let first = |names: &[&str]| {
        let mut found = names.iter().filter_map(|name| environment.get(*name));
        found.find(|value| !value.is_empty()).cloned().unwrap_or_default()
    };
    BucketAccess {
        amazon: AmazonAccess {
            key_id: first(&["AWS_ACCESS_KEY_ID"]),
            secret: first(&["AWS_SECRET_ACCESS_KEY"]),
            token: first(&["AWS_SESSION_TOKEN"]),
            region: first(&["AWS_REGION", "AWS_DEFAULT_REGION"]),
            endpoint: first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]),
        },
        google: GoogleAccess {
            key_file: first(&["GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT"]),
            token: first(&["GOOGLE_OAUTH_ACCESS_TOKEN"]),
            endpoint: first(&["STORAGE_EMULATOR_HOST"]),
        },
        azure: AzureAccess {
            account: first(&["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"]),
            key: first(&["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"]),
            signature: first(&["AZURE_STORAGE_SAS_TOKEN"]),
            endpoint: first(&["AZURE_STORAGE_SERVICE_ENDPOINT"]),
        },
    }
}

fn bad_destination(text: &str) -> Failure {
    Failure::usage(format!("site.destinations: {text:?} isn't a name and a place"))
        .help("write it as web=/srv/www/site, or cdn=s3://bucket/site, gs://… or az://…")
}

/// The follower that publishes changes. Where nothing can be published there is none.
pub(super) fn follower(
    registry: &Registry,
    publisher: &Arc<Publisher>,
) -> Option<(Id, MakeFollower)> {
    let name: Id = FOLLOWER.parse().ok().filter(|_| publisher.has_destinations())?;
    let (registry, publisher) = (registry.clone(), publisher.clone());
    let make = move || -> Box<dyn Follower> {
        Box::new(PublicationFollower::new(registry.clone(), publisher.clone()))
    };
    Some((name, Box::new(make)))
}

/// Renews manifests until the server stops. What is unchanged and young stays as it is.
pub(super) async fn renew(publisher: Arc<Publisher>) {
    loop {
        tokio::time::sleep(RENEWAL_CHECK).await;
        publisher.renew().await;
    }
}

/// How often manifests are checked for their age.
const RENEWAL_CHECK: Duration = Duration::from_secs(3_600);

/// Replaces the key of a data directory's site by a new one, which the present one signs. Returns
/// the new public key.
///
/// # Errors
/// The directory is in use, or its keys can't be read or written.
pub fn rotate_site_key(context: &Context, path: &Path) -> Result<String, Failure> {
    let directory = Directory::open(path, IfMissing::Refuse, false)
        .map_err(|error| error.failure(&context.shown(path)))?;
    rotate(&directory).map_err(|what| {
        Failure::new(OwnCode::LedgerKey, what).help("correct the key file as the message says")
    })
}

fn rotate(directory: &Directory) -> Result<String, String> {
    let (key, later) = (directory.site_key(), directory.site_keys());
    let ledger = ledger_key::read(&directory.key()).map_err(said)?;
    let registry = ledger.verifier().name().as_str().split('/').next().unwrap_or_default();
    let present = keys(&key, &later, registry)?;
    let name = present.signer.verifier().name().clone();
    let next = key.with_extension("next");
    let signer = ledger_key::make(&next, name, &random()).map_err(said)?;
    let mut all = present.later;
    all.push(next_key(&present.signer, signer.verifier()));
    // The list first: what it holds beyond the present key isn't used.
    let list = serde_json::to_vec_pretty(&all).map_err(|error| error.to_string())?;
    let written = replace(&later, &list).and_then(|()| fs::rename(&next, &key));
    written.map_err(|error| format!("{}: {error}", key.display()))?;
    Ok(signer.verifier().to_string())
}

/// Reads the keys of a site, or makes the first one.
fn keys(path: &Path, later: &Path, registry: &str) -> Result<SiteKeys, String> {
    let signer = match ledger_key::read(path) {
        Err(LedgerKeyError::Missing { .. }) => make(path, registry)?,
        read => read.map_err(said)?,
    };
    let listed: Vec<SiteKey> = match bounded_file::read(later, KEYS_BYTES_MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(format!("{}: {error}", later.display())),
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| format!("{} is no list of keys: {error}", later.display()))?,
    };
    let later = later_keys(listed, signer.verifier());
    Ok(SiteKeys { signer, later })
}

fn make(path: &Path, registry: &str) -> Result<Signer, String> {
    let name: Result<KeyName, NameError> = format!("{registry}/site").parse();
    let name = name.map_err(|error| error.to_string())?;
    ledger_key::make(path, name, &random()).map_err(said)
}

fn said(error: LedgerKeyError) -> String {
    format!("{error}; {}", error.help())
}

/// Replaces a file atomically.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("keys.new");
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

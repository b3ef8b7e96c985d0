use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use muster_catalog::View;
use muster_registry::{FetchError, Registry};
use muster_seal::jws;
use muster_wire::manifest::{CdnUrls, MANIFEST_PATH, MANIFEST_SCHEMA_VERSION, Manifest, tag_of};
use muster_words::{Digest, Moment, Position};
use parking_lot::Mutex;
use thiserror::Error;

use crate::{
    ReadKeys, SiteContents, SiteFile, SiteKeys, UnknownCollection, aliases,
    contents::{DEFAULT_COLLECTIONS, FileBytes},
};

/// The channel of a site, unless another is named.
pub const DEFAULT_CHANNEL: &str = "production";

/// How long a manifest may be believed, in microseconds: 30 days. After that a client that was cut
/// off from its source knows that somebody may be holding news back.
const LIFE_US: i64 = 30 * 24 * 3600 * 1_000_000;

/// How old a manifest becomes before it is renewed, in microseconds: half of its life.
pub const RENEWAL_US: i64 = LIFE_US / 2;

/// How far ahead of the clock a number may be that is asked for, in microseconds: a minute. Two
/// publications of one state follow each other by a microsecond.
const AHEAD_US: i64 = 60 * 1_000_000;

/// How many rendered sites are kept: few channels and addresses are asked for at a time.
const SITES_MAX: usize = 4;

/// How many files of earlier states are still answered by their digests. A reader fetches them
/// within seconds after the manifest.
const FORMER_MAX: usize = 10_000;

/// What is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderRequest {
    /// The channel.
    pub channel: String,
    /// The address under which the files will lie.
    pub base_url: String,
    /// The collections; empty: the default ones.
    pub collections: Vec<String>,
    /// The number of the manifest that is there. The new one is larger, so that readers of a
    /// destination see it as the newer one.
    pub previous: Option<u64>,
}

/// Why a site can't be rendered.
#[derive(Debug, Error)]
pub enum RenderError {
    /// A collection isn't in the model.
    #[error(transparent)]
    Collection(#[from] UnknownCollection),
    /// The ledger can't be read.
    #[error("the ledger can't be read")]
    Fetch(#[from] FetchError),
    /// The key can't be read or made.
    #[error("{0}")]
    Key(String),
}

/// A rendered site: the signed manifest, and where the bytes of its files are.
#[derive(Clone, Debug)]
pub struct RenderedSite {
    /// The manifest.
    pub manifest: Manifest,
    /// Its bytes.
    pub bytes: Bytes,
    /// How many documents aren't in it.
    pub left_out: u64,
    request: RenderRequest,
    position: Position,
    files: BTreeMap<String, SiteFile>,
    aliases: BTreeMap<String, String>,
}

impl RenderedSite {
    /// A named file, by its own name or by another spelling of it.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&SiteFile> {
        self.files.get(path).or_else(|| self.files.get(self.aliases.get(path)?))
    }

    /// Whether it has the usual collections.
    fn is_usual(&self) -> bool {
        self.request.collections.is_empty()
    }

    /// A file by its digest.
    fn object(&self, digest: &Digest) -> Option<&SiteFile> {
        self.files.values().find(|file| file.digest == *digest)
    }
}

/// Renders sites of a registry and keeps the newest ones.
pub struct SiteRenderer {
    registry: Registry,
    read_keys: ReadKeys,
    /// The keys, once they were needed.
    keys: Mutex<Option<Arc<Option<SiteKeys>>>>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    sites: VecDeque<Arc<RenderedSite>>,
    /// Files of sites that aren't kept any more.
    former: VecDeque<SiteFile>,
}

impl SiteRenderer {
    /// A renderer that signs with these keys. They are read when the first site is rendered.
    #[must_use]
    pub fn new(registry: Registry, read_keys: ReadKeys) -> Self {
        Self { registry, read_keys, keys: Mutex::default(), kept: Mutex::default() }
    }

    /// The key that verifies manifests now. None if this registry signs none, or if the key can't be
    /// read.
    #[must_use]
    pub fn public_key(&self) -> Option<String> {
        match self.keys() {
            Ok(keys) => keys.as_ref().as_ref().map(|keys| keys.signer.verifier().to_string()),
            Err(error) => {
                tracing::warn!(%error, "the key of the site can't be used");
                None
            }
        }
    }

    /// The newest state.
    pub(crate) fn view(&self) -> View {
        self.registry.view()
    }

    pub(crate) fn keys(&self) -> Result<Arc<Option<SiteKeys>>, RenderError> {
        let mut keys = self.keys.lock();
        if let Some(keys) = &*keys {
            return Ok(keys.clone());
        }
        let read = Arc::new((self.read_keys)().map_err(RenderError::Key)?);
        *keys = Some(read.clone());
        Ok(read)
    }

    /// The newest state as a site. The same state gives the same bytes.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub async fn render(&self, request: RenderRequest) -> Result<Arc<RenderedSite>, RenderError> {
        let view = self.registry.view();
        let version = version_of(&view, self.registry.now(), request.previous);
        let is_same = |site: &&Arc<RenderedSite>| {
            site.request == request
                && site.position == view.position()
                && site.manifest.version == version
        };
        if let Some(kept) = self.kept.lock().sites.iter().find(is_same) {
            return Ok(kept.clone());
        }
        // It walks over all documents, though only over their names.
        let work = self.registry.long_work().clone();
        let site = Arc::new(work.run(self.render_view(&view, request, version)).await?);
        self.kept.lock().keep(site.clone());
        Ok(site)
    }

    /// The bytes of a file; none if they were purged meanwhile.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn bytes(&self, file: &SiteFile) -> Result<Option<Bytes>, FetchError> {
        match &file.bytes {
            FileBytes::Generated(bytes) => Ok(Some(bytes.clone())),
            FileBytes::Stored(content) => {
                Ok(self.registry.contents(&[*content]).await?.into_iter().flatten().next())
            }
        }
    }

    /// A file of a site or of a recent one, by its digest. Only what was rendered is found, so a
    /// digest leads to nothing else in the ledger. Other collections than the usual ones are for
    /// callers with a key.
    #[must_use]
    pub fn object(&self, site: &RenderedSite, digest: &Digest, has_key: bool) -> Option<SiteFile> {
        let former = || {
            let kept = self.kept.lock();
            let mut sites = kept.sites.iter().filter(|site| has_key || site.is_usual());
            let found = sites.find_map(|site| site.object(digest).cloned());
            found.or_else(|| kept.former.iter().find(|file| file.digest == *digest).cloned())
        };
        site.object(digest).cloned().or_else(former)
    }

    async fn render_view(
        &self,
        view: &View,
        request: RenderRequest,
        version: u64,
    ) -> Result<RenderedSite, RenderError> {
        let named = request.collections.iter().map(String::as_str);
        let contents = match request.collections.is_empty() {
            // A registry of another model may lack them.
            true => SiteContents::of(
                view,
                DEFAULT_COLLECTIONS
                    .into_iter()
                    .filter(|plural| view.model().group_type(plural).is_some()),
            )?,
            false => SiteContents::of(view, named)?,
        };
        let checkpoint = self.registry.checkpoint_at(view.position()).await?;
        let mut manifest = manifest_of(view, &contents, &request, version);
        manifest.checkpoint = checkpoint;
        if let Some(keys) = &*self.keys()? {
            manifest = signed(manifest, keys);
        }
        let paths = contents.files.keys().map(String::as_str);
        Ok(RenderedSite {
            bytes: manifest.to_bytes().into(),
            aliases: aliases(paths, |path| contents.files.contains_key(path)),
            left_out: contents.left_out,
            position: view.position(),
            files: contents.files,
            manifest,
            request,
        })
    }
}

impl Kept {
    fn keep(&mut self, site: Arc<RenderedSite>) {
        self.sites.push_front(site);
        while self.sites.len() > SITES_MAX
            && let Some(old) = self.sites.pop_back()
        {
            if !old.is_usual() {
                continue;
            }
            let still = |file: &&SiteFile| {
                !self.sites.iter().any(|site| site.object(&file.digest).is_some())
            };
            self.former.extend(old.files.values().filter(still).cloned());
            while self.former.len() > FORMER_MAX {
                self.former.pop_front();
            }
        }
    }
}

/// The number of a manifest: the moment of the state, and half a life more for each renewal. So it
/// depends on nothing that a restart would lose, and each state has a larger one than those before.
fn version_of(view: &View, now: Moment, previous: Option<u64>) -> u64 {
    let moment = view.moment().microseconds().max(0);
    let renewals = ((now.microseconds() - moment) / RENEWAL_US).max(0);
    let own = u64::try_from(moment + renewals * RENEWAL_US).unwrap_or(0);
    after(own, previous, now)
}

/// A number, or a larger one if the previous one is as large.
fn after(own: u64, previous: Option<u64>, now: Moment) -> u64 {
    let least = previous.map_or(0, |previous| previous.saturating_add(1));
    // A number far in the future would make readers refuse everything that comes before it.
    let latest = u64::try_from(now.microseconds().saturating_add(AHEAD_US)).unwrap_or(0);
    if least <= latest { own.max(least) } else { own }
}

fn manifest_of(
    view: &View,
    contents: &SiteContents,
    request: &RenderRequest,
    version: u64,
) -> Manifest {
    let mut collections = contents.collections.clone();
    let base = request.base_url.trim_end_matches('/').to_owned();
    let manifest = Manifest {
        schema_version: MANIFEST_SCHEMA_VERSION.to_owned(),
        last_updated: view.moment().to_string(),
        providers: collections.remove("providers").unwrap_or_default(),
        stacks: collections.remove("stacks").unwrap_or_default(),
        collections,
        cdn_urls: CdnUrls { manifest: format!("{base}/{MANIFEST_PATH}"), base },
        files: contents.table(),
        registry: view.id().to_string(),
        channel: request.channel.clone(),
        version,
        previous: request.previous,
        tag: String::new(),
        position: view.position().0,
        issued: String::new(),
        expires: String::new(),
        checkpoint: None,
        keys: Vec::new(),
        signature: None,
    };
    numbered(manifest, version)
}

/// The manifest under this number, with the times that follow from it.
fn numbered(manifest: Manifest, version: u64) -> Manifest {
    let issued = i64::try_from(version).unwrap_or(i64::MAX - LIFE_US);
    let time = |at| Moment::from_microseconds(at).unwrap_or(Moment::EPOCH).to_string();
    Manifest {
        version,
        tag: tag_of(version),
        issued: time(issued),
        expires: time(issued.saturating_add(LIFE_US)),
        ..manifest
    }
}

/// The manifest, signed.
fn signed(mut manifest: Manifest, keys: &SiteKeys) -> Manifest {
    manifest.keys.clone_from(&keys.later);
    manifest.signature = Some(jws::sign_detached(&keys.signer, &manifest.signed_part()));
    manifest
}

/// A manifest of a site that is published again, as it is there: under a new number, for a channel
/// and an address. Without keys it isn't signed.
#[must_use]
pub fn republished(
    manifest: &Manifest,
    (channel, base_url): (&str, &str),
    (previous, now): (Option<u64>, Moment),
    keys: Option<&SiteKeys>,
) -> Manifest {
    let own = u64::try_from(now.microseconds()).unwrap_or(0);
    let base = base_url.trim_end_matches('/').to_owned();
    let next = Manifest {
        channel: channel.to_owned(),
        cdn_urls: CdnUrls { manifest: format!("{base}/{MANIFEST_PATH}"), base },
        previous,
        keys: Vec::new(),
        signature: None,
        ..manifest.clone()
    };
    let next = numbered(next, after(own, previous, now));
    match keys {
        Some(keys) => signed(next, keys),
        None => next,
    }
}

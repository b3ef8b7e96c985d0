use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use muster_catalog::{View, state::Stamp};
use muster_guard::{Principal, authorize};
use muster_registry::Registry;
use muster_wire::etag::{EntityTag, EntityTagCondition, Rendition};
use muster_words::{Permission, Position, Xid};

use super::{PREFIX, document::Representation, place::Place, tags};
use crate::{Body, FastRead, FastRequest, FullResponse, compression};

/// A cache of rendered documents, each for one state of its resource and one base URL: `GET
/// /api/<groups>/<group>/<resources>/<id>[/versions/<v>]` without a query.
///
/// The routes render documents and put them here. Every hit is checked against the newest view, so
/// the cache is never stale.
pub struct DocumentCache {
    registry: Registry,
    shards: [RwLock<HashMap<Box<str>, Arc<CachedDocument>>>; SHARDS],
    bytes: AtomicUsize,
    bytes_max: usize,
}

/// The number of shards, so that a write to one doesn't block reads of the others.
const SHARDS: usize = 16;

/// The memory of a representation besides its body: its headers, also in text form, and the table's
/// own overhead.
const OVERHEAD_BYTES: usize = 4 * 1024;

/// A representation with its dependencies.
struct CachedDocument {
    xid: Xid,
    base: Box<str>,
    /// The last change of anything that it shows, including its headers.
    stamp: Stamp,
    tag: EntityTag,
    plain: Arc<FullResponse>,
    /// The compressed form, created on demand; none if it isn't worthwhile.
    gzip: OnceLock<Option<Arc<FullResponse>>>,
    /// The answer to a client that already has it.
    unchanged: Arc<FullResponse>,
}

impl DocumentCache {
    /// An empty cache with this maximum size.
    #[must_use]
    pub fn new(registry: Registry, bytes_max: usize) -> Arc<Self> {
        let shards = std::array::from_fn(|_| RwLock::default());
        Arc::new(Self { registry, shards, bytes: AtomicUsize::new(0), bytes_max })
    }

    /// The memory that its documents take, in bytes: counted, and not what it believes.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let held = self.shards.iter().map(|shard| {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            shard.values().map(|ready| ready.bytes()).sum::<usize>()
        });
        held.sum()
    }

    /// Adds a document that was rendered from a view.
    pub(super) fn keep(&self, view: &View, rendered: &RenderedDocument<'_>) {
        let Some(stamp) = view.details_stamp(rendered.xid) else { return };
        let Some(tag) = tags::tag(view, rendered.xid, Rendition::Document) else { return };
        let plain = rendered.whole();
        let unchanged = unchanged(&plain);
        let ready = CachedDocument {
            xid: rendered.xid.clone(),
            base: rendered.base.into(),
            stamp,
            tag,
            plain: Arc::new(plain),
            gzip: OnceLock::new(),
            unchanged: Arc::new(unchanged),
        };
        let size = ready.bytes();
        if size > self.bytes_max / SHARDS {
            return;
        }
        let shard = self.shard(rendered.path);
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if self.bytes.load(Ordering::Relaxed) + size > self.bytes_max {
            // Documents that are used often are added again with their next answer.
            let freed: usize = shard.values().map(|ready| ready.bytes()).sum();
            shard.clear();
            self.bytes.fetch_sub(freed, Ordering::Relaxed);
        }
        let before = shard.insert(rendered.path.into(), Arc::new(ready));
        self.bytes.fetch_add(size, Ordering::Relaxed);
        self.bytes.fetch_sub(before.map_or(0, |before| before.bytes()), Ordering::Relaxed);
    }

    /// Drops everything at and below a path, because it was purged.
    pub fn forget(&self, path: &str) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|other, ready| {
                let rest = other.strip_prefix(path);
                let goes = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
                if goes {
                    self.bytes.fetch_sub(ready.bytes(), Ordering::Relaxed);
                }
                !goes
            });
        }
    }

    fn shard(&self, path: &str) -> &RwLock<HashMap<Box<str>, Arc<CachedDocument>>> {
        // FNV-1a: any hash is good enough, and this one is cheap.
        let hash = path.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or_default()]
    }

    /// The representation at a path if the caller may read it and it is current, and the newest
    /// view's position.
    fn fresh(
        &self,
        path: &str,
        base: &str,
        principal: &Principal,
    ) -> Option<(Arc<CachedDocument>, Position)> {
        // The routes refuse other callers. All paths here are canonical paths of entities, so the
        // check sees the real name.
        let place = path.strip_prefix(PREFIX)?;
        authorize(principal, Permission::ReadDocuments, place).ok()?;
        let ready = self.find(path)?;
        let view = self.registry.view();
        let is_fresh = *ready.base == *base && view.details_stamp(&ready.xid) == Some(ready.stamp);
        is_fresh.then(|| (ready, view.position()))
    }

    fn find(&self, path: &str) -> Option<Arc<CachedDocument>> {
        self.shard(path).read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }
}

impl FastRead for DocumentCache {
    fn read(&self, request: &FastRequest<'_>) -> Option<(Arc<FullResponse>, Position)> {
        let (ready, position) = self.fresh(request.path, request.base, request.principal)?;
        if let Some(known) = request.known
            && ready.is_named_by(&EntityTagCondition::parse(known).ok()?)
        {
            return Some((Arc::clone(&ready.unchanged), position));
        }
        Some((Arc::clone(ready.whole(request.accepts_gzip)), position))
    }
}

impl CachedDocument {
    /// The tag of the document, or of its details, because a condition may name either.
    fn tag_in(&self, rendition: Rendition) -> EntityTag {
        if rendition == Rendition::Document {
            return self.tag;
        }
        EntityTag { position: self.stamp.position, tag: self.stamp.tag, rendition, weak: false }
    }

    fn bytes(&self) -> usize {
        // The compressed form may be added later and is smaller; it is counted from the beginning.
        2 * self.plain.body.len() + OVERHEAD_BYTES
    }

    fn is_named_by(&self, condition: &EntityTagCondition) -> bool {
        let now = |which| Some(self.tag_in(which)).filter(|_| which != Rendition::Collection);
        condition.if_none_match_names(now)
    }

    fn whole(&self, gzip: bool) -> &Arc<FullResponse> {
        if !gzip {
            return &self.plain;
        }
        let compressed = self.gzip.get_or_init(|| self.compressed());
        compressed.as_ref().unwrap_or(&self.plain)
    }

    fn compressed(&self) -> Option<Arc<FullResponse>> {
        if !self.plain.headers.contains_key(header::VARY) {
            return None;
        }
        let body = compression::gzip(&self.plain.body)?;
        let mut headers = self.plain.headers.clone();
        compression::mark_compressed(&mut headers);
        Some(Arc::new(FullResponse::new(self.plain.status, headers, body)))
    }
}

/// The 304 instead of a response: no body, and of the headers those that it must repeat (RFC 9110,
/// 15.4.5).
fn unchanged(response: &FullResponse) -> FullResponse {
    let kept = [
        header::ETAG,
        header::LINK,
        header::VARY,
        header::CONTENT_LOCATION,
        header::ACCESS_CONTROL_ALLOW_METHODS,
    ];
    let mut headers = HeaderMap::new();
    for name in kept {
        if let Some(value) = response.headers.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    FullResponse::new(StatusCode::NOT_MODIFIED, headers, Bytes::new())
}

/// A document to be cached.
pub(super) struct RenderedDocument<'a> {
    /// The request's path.
    pub path: &'a str,
    /// The base of absolute URLs, without the API's prefix.
    pub base: &'a str,
    /// What the path names.
    pub place: &'a Place,
    pub xid: &'a Xid,
    pub representation: &'a Representation,
}

impl RenderedDocument<'_> {
    /// Headers and body with everything that answers have.
    fn whole(&self) -> FullResponse {
        let mut headers = self.representation.headers.clone();
        super::answer::common(
            &mut headers,
            self.place.methods(),
            &format!("{}{PREFIX}", self.base),
        );
        let body = self.representation.body.clone();
        let mut probe = Response::new(Body::Full(body.clone()));
        *probe.status_mut() = self.representation.status;
        *probe.headers_mut() = headers;
        if compression::is_worth_it(&probe) {
            compression::vary(probe.headers_mut());
        }
        let status = self.representation.status;
        FullResponse::new(status, probe.into_parts().0.headers, body)
    }
}

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use muster_catalog::{Catalog, registration::Registration, state::Version};
use muster_guard::authorize;
use muster_registry::Registry;
use muster_words::{Permission, Position, Xid};

use super::{
    answer::{MEDIA_TYPES, accepted},
    stored::Entry,
};
use crate::{FastRead, FastRequest, FullResponse};

/// The most bytes of answers that are kept: those of some ten thousand schemas.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// What an answer takes besides its body.
const OVERHEAD_BYTES: usize = 1024;

/// The answers to `GET /schemas/ids/{id}` in the context without a name: consumers ask this of every
/// schema that they meet.
///
/// The routes render an answer and put it here. Every hit is compared with the newest view, so it is
/// never stale.
pub struct SchemaAnswers {
    registry: Registry,
    kept: RwLock<Kept>,
    /// The number of names that were purged when it was last looked whether any of them is here.
    purged: AtomicUsize,
}

#[derive(Default)]
struct Kept {
    by_id: HashMap<u32, Arc<SchemaAnswer>>,
    bytes: usize,
}

/// An answer with what it shows.
struct SchemaAnswer {
    xid: Xid,
    place: Box<str>,
    version: Arc<Version>,
    registration: Arc<Registration>,
    response: Arc<FullResponse>,
}

impl SchemaAnswers {
    /// No answers of a registry.
    #[must_use]
    pub fn new(registry: Registry) -> Arc<Self> {
        Arc::new(Self { registry, kept: RwLock::default(), purged: AtomicUsize::new(0) })
    }

    /// Keeps an answer that shows a version.
    pub(super) fn keep(&self, id: u32, entry: &Entry, body: Bytes) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPES[0]));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        let size = body.len() + OVERHEAD_BYTES;
        let answer = SchemaAnswer {
            xid: entry.xid.clone(),
            place: entry.xid.to_string().into(),
            version: Arc::clone(&entry.version),
            registration: Arc::clone(&entry.registration),
            response: Arc::new(FullResponse::new(StatusCode::OK, headers, body)),
        };
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + size > BYTES_MAX {
            // Those that are used often are kept again with their next answer.
            *kept = Kept::default();
        }
        kept.bytes += size;
        if let Some(before) = kept.by_id.insert(id, Arc::new(answer)) {
            kept.bytes -= before.response.body.len() + OVERHEAD_BYTES;
        }
    }

    /// Drops what shows something else than is there now, because something was purged.
    fn drop_purged(&self, catalog: &Catalog) {
        let purged = catalog.purged.len();
        if self.purged.swap(purged, Ordering::Relaxed) == purged {
            return;
        }
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.by_id.retain(|_, answer| answer.is_of(catalog));
        let sizes = kept.by_id.values().map(|answer| answer.response.body.len() + OVERHEAD_BYTES);
        kept.bytes = sizes.sum();
    }

    /// The same answers, where paths begin like this.
    #[must_use]
    pub fn below(self: &Arc<Self>, prefix: &'static str) -> SchemaReads {
        SchemaReads { answers: Arc::clone(self), prefix }
    }
}

impl SchemaAnswer {
    fn is_of(&self, catalog: &Catalog) -> bool {
        catalog.version_at(&self.xid).is_some_and(|now| Arc::ptr_eq(now, &self.version))
            && catalog
                .registrations
                .of(&self.xid)
                .is_some_and(|now| Arc::ptr_eq(now, &self.registration))
    }
}

/// Answers requests for schemas by their ids from memory.
pub struct SchemaReads {
    answers: Arc<SchemaAnswers>,
    prefix: &'static str,
}

impl FastRead for SchemaReads {
    fn read(&self, asked: &FastRequest<'_>) -> Option<(Arc<FullResponse>, Position)> {
        let id = asked.path.strip_prefix(self.prefix)?.strip_prefix("/schemas/ids/")?;
        let id: u32 = id.parse().ok()?;
        let accept = asked.accept.map(std::str::from_utf8).transpose().ok()?;
        if accepted(accept) != Some(MEDIA_TYPES[0]) || asked.known.is_some() {
            return None;
        }
        let view = self.answers.registry.view();
        self.answers.drop_purged(view.catalog());
        let kept = self.answers.kept.read().unwrap_or_else(PoisonError::into_inner);
        let answer = Arc::clone(kept.by_id.get(&id)?);
        drop(kept);
        authorize(asked.principal, Permission::ReadDocuments, &answer.place).ok()?;
        answer.is_of(view.catalog()).then(|| (Arc::clone(&answer.response), view.position()))
    }
}

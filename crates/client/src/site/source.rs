use std::{
    io,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, StatusCode,
    header::{ETAG, IF_NONE_MATCH, RETRY_AFTER},
};
use muster_wire::manifest::MANIFEST_PATH;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::{AddressError, Socket, Timeouts, Transport, TrustedRoots, read_to_end};

/// The largest file that is read, in bytes: a manifest of 300,000 files.
const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where the files of a site are read from: a server or a cache, a folder, or the application's own.
#[async_trait]
pub trait SiteSource: Send + Sync {
    /// The bytes of a file; none if the source says that there is no such file. Whether the bytes
    /// are right is checked by the caller.
    async fn fetch(&self, path: &str) -> Result<Option<Bytes>, SourceFault>;

    /// What it brought for this path isn't right. It MUST NOT bring the same again without asking
    /// where it comes from.
    fn refuse(&self, path: &str);

    /// What it is called in messages.
    fn place(&self) -> &str;
}

/// Why a source has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct SourceFault {
    /// What happened.
    pub what: String,
    /// How long the source asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl SourceFault {
    /// A fault without a wish.
    #[must_use]
    pub fn new(what: impl ToString) -> Self {
        Self { what: what.to_string(), retry_after: None }
    }
}

/// A site under an address.
pub struct UrlSource {
    socket: Socket,
    pause: Duration,
    /// One for each connection.
    turns: Semaphore,
    /// The newest manifest with its entity tag, so that it isn't sent again while it is the same.
    manifest: Mutex<Option<(HeaderValue, Bytes)>>,
}

/// The most requests at a time, and so the most connections.
const CONNECTIONS_MAX: usize = 100;

impl UrlSource {
    /// The site under an address, such as `https://cdn.example` or `http://127.0.0.1:8080/site`.
    ///
    /// # Errors
    /// The address isn't one, or whom to trust can't be found out.
    pub fn new(
        address: &str,
        timeout: Duration,
        roots: &TrustedRoots,
    ) -> Result<Self, AddressError> {
        let timeouts = Timeouts { connect: timeout, answer: timeout };
        let socket = Socket::new(address, timeouts, roots)?;
        let turns = Semaphore::new(CONNECTIONS_MAX);
        Ok(Self { socket, pause: timeout, turns, manifest: Mutex::default() })
    }

    fn known(&self) -> MutexGuard<'_, Option<(HeaderValue, Bytes)>> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SiteSource for UrlSource {
    async fn fetch(&self, path: &str) -> Result<Option<Bytes>, SourceFault> {
        // It is never closed.
        let _turn = self.turns.acquire().await.map_err(SourceFault::new)?;
        let known = self.known().clone().filter(|_| path == MANIFEST_PATH);
        let mut request = Request::builder().method(Method::GET).uri(format!("/{path}"));
        if let Some((tag, _)) = &known {
            request = request.header(IF_NONE_MATCH, tag);
        }
        let request = request.body(Bytes::new()).map_err(SourceFault::new)?;
        let response = self.socket.send(request).await.map_err(SourceFault::new)?;
        let (head, body) = response.into_parts();
        match head.status {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if known.is_some() => {
                return Ok(known.map(|(_, bytes)| bytes));
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            status => {
                let wish = head.headers.get(RETRY_AFTER);
                let wish = wish.and_then(|wish| wish.to_str().ok()?.trim().parse().ok());
                let what = format!("{} answers {status} for {path}", self.place());
                return Err(SourceFault { what, retry_after: wish.map(Duration::from_secs) });
            }
        }
        let bytes = read_to_end(body, FILE_BYTES_MAX, self.pause, self.place()).await;
        let bytes = bytes.map_err(SourceFault::new)?;
        if path == MANIFEST_PATH {
            *self.known() = head.headers.get(ETAG).map(|tag| (tag.clone(), bytes.clone()));
        }
        Ok(Some(bytes))
    }

    fn refuse(&self, path: &str) {
        if path == MANIFEST_PATH {
            *self.known() = None;
        }
    }

    fn place(&self) -> &str {
        self.socket.place()
    }
}

/// A site in a folder.
#[derive(Clone, Debug)]
pub struct FolderSource {
    root: PathBuf,
    place: String,
}

impl FolderSource {
    /// The site in a folder.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        let place = root.display().to_string();
        Self { root, place }
    }
}

#[async_trait]
impl SiteSource for FolderSource {
    async fn fetch(&self, path: &str) -> Result<Option<Bytes>, SourceFault> {
        match tokio::fs::read(self.root.join(path)).await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.root.is_dir() => Ok(None),
            Err(error) => Err(SourceFault::new(format!("{}/{path}: {error}", self.place))),
        }
    }

    fn refuse(&self, _path: &str) {}

    fn place(&self) -> &str {
        &self.place
    }
}

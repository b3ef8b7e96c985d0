//! A ledger in one SQLite file: the default.
//!
//! | table | columns | what it holds |
//! |---|---|---|
//! | `about` | `name`, `needs` | one row: the ledger's name, and the release that reads this format |
//! | `entries` | `position` (rowid), `leaf`, `bytes` | every entry with its RFC 6962 leaf hash |
//! | `contents` | `key` (rowid: position × 65,536 + ordinal), `digest`, `bytes` | the contents beside the entry that first named them |
//!
//! Both grow at their right edge alone, so that an append touches few pages and a replay reads
//! forwards. There is no index by digest: a lookup scans the few contents of its position. They
//! are rowid tables, because a table without one moves most of a 2 KiB value to overflow pages.
//!
//! The file is in WAL mode with `synchronous=FULL`: a COMMIT returns after its pages are synced.
//! One thread writes; reads run on a few connections of their own and never wait for it. A third
//! kind of connection copies the log back into the file while the writer goes on.
//!
//! Memory-mapped reads stay off: a medium that fails would then end the process by SIGBUS, where
//! now it is an error. Nothing else may open the live file in this process, not even to look at
//! it: closing any descriptor of it would drop SQLite's locks (POSIX `fcntl`). The one descriptor
//! that is opened beside SQLite, to sync the file, is closed after the last connection.

mod checkpointer;
mod error;
mod file;
mod marks;
mod options;
mod reader;
mod reads;
mod store;
mod writer;

use std::{
    num::NonZeroU32,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use async_trait::async_trait;
use bytes::Bytes;
use muster_journal::{AppendError, Batch, Ledger, LedgerReader, ReadError};
use muster_ledger::{EntryBytes, Head};
use muster_words::{ContentRef, Digest, Position};
use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use self::store::SqliteStore;
use self::{
    error::{Closed, cause},
    file::File,
    reads::Reads,
    writer::{AppendRequest, Writer},
};
pub use self::{marks::SqliteMarks, options::Options, reader::SqliteReader};
pub use crate::StoreOpenError;

/// How many orders may wait for the writer's thread: the registry has one append in flight, so a
/// longer queue would only hide a mistake.
const REQUESTS_MAX: usize = 16;

/// How many entries one read answers at most, whatever its limit: some 6 MB.
const READ_ENTRIES_MAX: u32 = 16_384;

/// A ledger in one SQLite file.
#[derive(Debug)]
pub struct SqliteLedger {
    /// Gone once the ledger is being closed.
    requests: Mutex<Option<mpsc::Sender<AppendRequest>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    reads: Arc<Reads>,
    /// Set by the writer after each commit; its sender goes with the writer's thread.
    head: watch::Receiver<Head>,
}

impl SqliteLedger {
    /// Opens the ledger of that name, or makes an empty one where no file is. It blocks the
    /// calling thread while the log of a crash is recovered.
    ///
    /// # Errors
    /// See [`StoreOpenError`].
    pub fn open(path: &Path, name: &str, options: Options) -> Result<Self, StoreOpenError> {
        file::check_engine()?;
        // An absolute path is never taken for a URI, whatever its first directory is called.
        let path =
            std::path::absolute(path).map_err(|error| StoreOpenError::Unavailable(cause(error)))?;
        let file = Arc::new(File::new(path, options));
        let writing = file.open(name)?;
        let head = file::tail(&writing)?;
        let (announce, heard) = watch::channel(head);
        let reads = Arc::new(Reads::new(Arc::clone(&file)));
        let writer = Writer::new(writing, file, Arc::clone(&reads), announce)?;
        let (requests, queue) = mpsc::channel(REQUESTS_MAX);
        let thread = std::thread::Builder::new()
            .name(format!("ledger-{name}"))
            .spawn(move || writer.run(queue))
            .map_err(|error| StoreOpenError::Unavailable(cause(error)))?;
        Ok(Self {
            requests: Mutex::new(Some(requests)),
            thread: Mutex::new(Some(thread)),
            reads,
            head: heard,
        })
    }

    /// Finishes the append in flight and the reads that run, copies the log back into the file and
    /// lets go of it. Afterwards no `-wal` is left, and everything else answers `Unavailable`.
    pub async fn close(&self) {
        drop(self.take_requests());
        let mut head = self.head.clone();
        // The writer drops its end when it has closed the file; a head on the way is no matter.
        while head.changed().await.is_ok() {}
    }

    fn take_requests(&self) -> Option<mpsc::Sender<AppendRequest>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn requests(&self) -> Option<mpsc::Sender<AppendRequest>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The head, while the ledger is open.
    fn present(&self) -> Result<Head, ReadError> {
        match self.head.has_changed() {
            Ok(_) => Ok(*self.head.borrow()),
            Err(_) => Err(ReadError::Unavailable(cause(Closed))),
        }
    }

    /// The positions that a read may answer, or nothing: those up to the head that was announced,
    /// so that nothing is seen before its append has answered.
    fn window(&self, after: Position, limit: NonZeroU32) -> Result<Option<Window>, ReadError> {
        Ok(Window::new(after, limit, self.present()?.position))
    }
}

/// The entries after one position, up to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    after: Position,
    last: Position,
}

impl Window {
    /// What a read may answer of a ledger that ends there, or nothing.
    fn new(after: Position, limit: NonZeroU32, head: Position) -> Option<Self> {
        let limit = u64::from(limit.get().min(READ_ENTRIES_MAX));
        let last = Position(after.0.saturating_add(limit)).min(head);
        (after < last).then_some(Self { after, last })
    }
}

#[async_trait]
impl LedgerReader for SqliteLedger {
    async fn head(&self) -> Result<Head, ReadError> {
        self.present()
    }

    async fn read(&self, after: Position, limit: NonZeroU32) -> Result<Vec<EntryBytes>, ReadError> {
        match self.window(after, limit)? {
            Some(window) => self.reads.run(move |file| reads::entries(file, window)).await,
            None => Ok(Vec::new()),
        }
    }

    async fn leaves(&self, after: Position, limit: NonZeroU32) -> Result<Vec<Digest>, ReadError> {
        match self.window(after, limit)? {
            Some(window) => self.reads.run(move |file| reads::leaves(file, window)).await,
            None => Ok(Vec::new()),
        }
    }

    async fn contents(&self, wanted: &[ContentRef]) -> Result<Vec<Option<Bytes>>, ReadError> {
        let head = self.present()?.position;
        let wanted = wanted.to_vec();
        self.reads.run(move |file| reads::contents(file, &wanted, head)).await
    }

    async fn moved(&self, position: Position) -> Result<(), ReadError> {
        let mut head = self.head.clone();
        match head.wait_for(|head| head.position > position).await {
            Ok(_) => Ok(()),
            Err(_) => Err(ReadError::Unavailable(cause(Closed))),
        }
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn append(&self, head: Head, batch: &Batch) -> Result<Head, AppendError> {
        let closed = || AppendError::Unavailable(cause(Closed));
        let requests = self.requests().ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        let request = AppendRequest { head, batch: batch.clone(), answer };
        requests.send(request).await.map_err(|_| closed())?;
        // Not to hold the queue open while waiting: a close would wait for this append's caller.
        drop(requests);
        answered.await.unwrap_or_else(|lost| Err(AppendError::InDoubt(cause(lost))))
    }
}

impl Drop for SqliteLedger {
    /// Closes the file as [`SqliteLedger::close`] does, blocking until it is closed.
    fn drop(&mut self) {
        drop(self.take_requests());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the ledger's writer ended by a panic");
        }
    }
}

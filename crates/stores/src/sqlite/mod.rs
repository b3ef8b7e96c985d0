//! A ledger in one SQLite file; the default engine.
//!
//! | table | columns | what it holds |
//! |---|---|---|
//! | `about` | `name`, `needs` | one row: the ledger's name, and the release that this format requires |
//! | `entries` | `position` (rowid), `leaf`, `bytes` | every entry with its RFC 6962 leaf hash |
//! | `contents` | `key` (rowid: position × 65,536 + ordinal), `digest`, `bytes` | the contents, at the entry that first named them |
//!
//! Both tables grow only at their end, so an append touches few pages and a replay reads forwards.
//! There is no index by digest: a lookup scans the few contents of its position. They are rowid
//! tables, because a table without rowid moves most of a 2 KiB value to overflow pages.
//!
//! The file is in WAL mode with `synchronous=FULL`: a COMMIT returns after its pages are synced.
//! One thread writes. Reads have their own connections and never wait for the writer. Another
//! connection copies the log back into the file while the writer continues.
//!
//! Memory-mapped reads stay off, because a failing disk would then end the process with SIGBUS
//! instead of giving an error. Nothing else in this process may open the live file, not even to
//! read it: closing any descriptor of it drops SQLite's locks (POSIX `fcntl`). Only the descriptor
//! that syncs the file is opened beside SQLite, and it is closed after the last connection.

mod checkpointer;
mod error;
mod file;
mod log;
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
    log::LogEnd,
    reads::Reads,
    writer::{AppendRequest, Writer},
};
pub use self::{marks::SqliteMarks, options::Options, reader::SqliteReader};
pub use crate::StoreOpenError;

/// The size of the queue to the writer's thread. The registry has one append in flight, so a longer
/// queue would only hide a mistake.
const REQUESTS_MAX: usize = 16;

/// The most entries in the answer to one read, whatever its limit: about 6 MB.
const READ_ENTRIES_MAX: u32 = 16_384;

/// A ledger in one SQLite file.
#[derive(Debug)]
pub struct SqliteLedger {
    /// None as soon as the ledger is being closed.
    requests: Mutex<Option<mpsc::Sender<AppendRequest>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    reads: Arc<Reads>,
    /// Set by the writer after each commit. The writer's thread owns the sender.
    head: watch::Receiver<Head>,
}

impl SqliteLedger {
    /// Opens the ledger with this name, or creates an empty one if there is no file. Blocks the
    /// thread while the log of a crash is recovered.
    ///
    /// # Errors
    /// See [`StoreOpenError`].
    pub fn open(path: &Path, name: &str, options: Options) -> Result<Self, StoreOpenError> {
        file::check_engine()?;
        // SQLite never takes an absolute path for a URI, whatever its first folder is called.
        let path =
            std::path::absolute(path).map_err(|error| StoreOpenError::Unavailable(cause(error)))?;
        let file = Arc::new(File::new(path, options));
        let log = file.inspect_log(name)?;
        let writing = file.open(name)?;
        // What a killed process left in the log goes: purged bytes, and frames of an append that
        // was cut off, which would look like lost ones after the next crash.
        if let Err(error) = writer::empty_log(&writing) {
            match log {
                LogEnd::Whole => tracing::warn!(
                    cause = &error as &dyn std::error::Error,
                    "the ledger's log could not be emptied"
                ),
                _ => return Err(StoreOpenError::from_sqlite(error)),
            }
        }
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

    /// Waits for the current append and the running reads, copies the log back into the file, and
    /// closes it. No `-wal` file is left. Every later call answers `Unavailable`.
    pub async fn close(&self) {
        drop(self.take_requests());
        let mut head = self.head.clone();
        // The writer drops its sender when it has closed the file; new heads before that don't
        // matter.
        while head.changed().await.is_ok() {}
    }

    fn take_requests(&self) -> Option<mpsc::Sender<AppendRequest>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn requests(&self) -> Option<mpsc::Sender<AppendRequest>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The head, if the ledger is open.
    fn present(&self) -> Result<Head, ReadError> {
        match self.head.has_changed() {
            Ok(_) => Ok(*self.head.borrow()),
            Err(_) => Err(ReadError::Unavailable(cause(Closed))),
        }
    }

    /// The range of a read, limited to the announced head, so that no entry is visible before its
    /// append has answered. None if the range is empty.
    fn window(&self, after: Position, limit: NonZeroU32) -> Result<Option<Window>, ReadError> {
        Ok(Window::new(after, limit, self.present()?.position))
    }
}

/// A range of positions: after one, up to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    after: Position,
    last: Position,
}

impl Window {
    /// The range of a read in a ledger that ends at `head`; none if it is empty.
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
        // Holding the sender while waiting would keep the queue open, and a close would wait for
        // this caller.
        drop(requests);
        answered.await.unwrap_or_else(|lost| Err(AppendError::InDoubt(cause(lost))))
    }
}

impl Drop for SqliteLedger {
    /// Closes the file like [`SqliteLedger::close`], and blocks until it is closed.
    fn drop(&mut self) {
        drop(self.take_requests());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the ledger's writer panicked");
        }
    }
}

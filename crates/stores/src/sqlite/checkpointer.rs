use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use rusqlite::Connection;

use super::{
    error::cause,
    file::{File, PAGE_BYTES, Role},
    reads::{GateState, Reads},
};
use crate::StoreOpenError;

/// The most pages that may be left for the writer to copy when it restarts the log: 4 MiB, which
/// take some milliseconds.
const LEFT_PAGES_MAX: u64 = 512;

/// How often a wake-up tries to catch up with the writer.
const ROUNDS_MAX: usize = 8;

/// Copies the log back into the database file while the writer continues, on a thread and a
/// connection of its own.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    work: Arc<Work>,
}

#[derive(Debug)]
struct Work {
    file: Arc<File>,
    reads: Arc<Reads>,
    /// Stays open while any connection is open. So the log's index survives when the writer closes
    /// its connection on a full disk, where the index couldn't be created again.
    connection: Mutex<Option<Connection>>,
    /// The database file, opened only to sync it. Closing it would drop SQLite's locks on the file,
    /// so it stays open until the last connection is closed.
    synced: std::fs::File,
    /// Whether the log is long and nearly all of it is copied.
    caught_up: AtomicBool,
}

impl Checkpointer {
    pub(crate) fn start(file: Arc<File>, reads: Arc<Reads>) -> Result<Self, StoreOpenError> {
        let connection = anchor(&file).map_err(StoreOpenError::from_sqlite)?;
        let synced =
            file.descriptor().map_err(|error| StoreOpenError::Unavailable(cause(error)))?;
        let work = Arc::new(Work {
            file,
            reads,
            connection: Mutex::new(Some(connection)),
            synced,
            caught_up: AtomicBool::new(false),
        });
        // At most one wake-up waits; it stands for all later ones.
        let (wake, woken) = sync_channel(1);
        let worker = Arc::clone(&work);
        let thread = std::thread::Builder::new()
            .name("ledger-checkpoint".to_owned())
            .spawn(move || worker.run(&woken))
            .map_err(|error| StoreOpenError::Unavailable(cause(error)))?;
        Ok(Self { wake: Some(wake), thread: Some(thread), work })
    }

    /// Wakes the thread to copy the log.
    pub(crate) fn wake(&self) {
        if let Some(wake) = &self.wake
            && let Err(TrySendError::Disconnected(())) = wake.try_send(())
        {
            tracing::error!(
                "the ledger's log isn't copied back any more, because its thread has ended"
            );
        }
    }

    /// Whether the log is long and can be restarted quickly. Reading it resets it.
    pub(crate) fn take_caught_up(&self) -> bool {
        self.work.caught_up.swap(false, Ordering::AcqRel)
    }

    /// Closes the connection. The caller must have shut the gate.
    pub(crate) fn disconnect(&self) {
        self.work.connection().take();
    }

    /// Stops the thread.
    pub(crate) fn stop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the ledger's checkpointer panicked");
        }
    }
}

impl Work {
    fn run(&self, woken: &Receiver<()>) {
        while woken.recv().is_ok() {
            if let Err(error) = self.copy() {
                // The log keeps growing; the next wake-up tries again.
                let cause: &dyn std::error::Error = &error;
                tracing::warn!(cause, "the ledger's log could not be copied back");
                self.connection().take();
            }
        }
    }

    fn copy(&self) -> rusqlite::Result<()> {
        for _ in 0..ROUNDS_MAX {
            let gate = self.reads.enter();
            if *gate == GateState::Closed {
                return Ok(());
            }
            let Log { pages, left } = self.copy_once()?;
            drop(gate);
            if pages.saturating_mul(PAGE_BYTES.into()) <= self.file.options.log_bytes_max {
                return Ok(());
            }
            if left <= LEFT_PAGES_MAX {
                self.caught_up.store(true, Ordering::Release);
                return Ok(());
            }
        }
        // The writer is faster than the disk, so it must wait for the rest.
        self.caught_up.store(true, Ordering::Release);
        Ok(())
    }

    /// Copies the pages of the log that no reader needs. Returns the state of the log afterwards,
    /// including what was added meanwhile.
    ///
    /// SQLite syncs the file only if nothing was added meanwhile. Under load something always is,
    /// and the writer would have to sync all copied pages, which takes a tenth of a second.
    fn copy_once(&self) -> rusqlite::Result<Log> {
        let mut connection = self.connection();
        let connection = match &mut *connection {
            Some(connection) => connection,
            none => none.insert(anchor(&self.file)?),
        };
        checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
        if let Err(error) = self.synced.sync_data() {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(cause, "the ledger's file could not be synced");
        }
        checkpoint(connection, "PRAGMA wal_checkpoint(NOOP)")
    }

    fn connection(&self) -> std::sync::MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection with the log open, which requires a first read.
fn anchor(file: &File) -> rusqlite::Result<Connection> {
    let connection = file.connect(Role::Checkpointer)?;
    connection.query_row("SELECT count(*) FROM about", [], |_| Ok(()))?;
    Ok(connection)
}

/// The state of the log.
struct Log {
    /// Pages since the log was last restarted, whatever the size of its file.
    pages: u64,
    /// The pages that aren't copied yet.
    left: u64,
}

fn checkpoint(connection: &Connection, sql: &str) -> rusqlite::Result<Log> {
    connection.query_row(sql, [], |row| {
        // Both are -1 if there is no log.
        let number = |column: usize| -> rusqlite::Result<u64> {
            Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
        };
        let (pages, copied) = (number(1)?, number(2)?);
        Ok(Log { pages, left: pages.saturating_sub(copied) })
    })
}

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

/// Pages of the log that may be left for the writer to copy when it begins the log anew: 4 MiB, some
/// milliseconds.
const LEFT_PAGES_MAX: u64 = 512;

/// How often the log is gone through in the hope of catching up with the writer.
const ROUNDS_MAX: usize = 8;

/// Copies the log back into the file while the writer goes on, on a thread and a connection of
/// its own.
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
    /// Open from the start and while anything is, so that the log's index stays in being when
    /// the writer closes its connection on a full disk, where making it anew would need room.
    connection: Mutex<Option<Connection>>,
    /// The ledger's file, only to sync it. Closing it drops SQLite's locks on the file, so it stays
    /// open until the last connection is closed.
    synced: std::fs::File,
    /// The log is long, and nearly all of it is copied.
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
        // One wake-up waits at most: it stands for all that came since.
        let (wake, woken) = sync_channel(1);
        let worker = Arc::clone(&work);
        let thread = std::thread::Builder::new()
            .name("ledger-checkpoint".to_owned())
            .spawn(move || worker.run(&woken))
            .map_err(|error| StoreOpenError::Unavailable(cause(error)))?;
        Ok(Self { wake: Some(wake), thread: Some(thread), work })
    }

    /// Asks for the log to be copied.
    pub(crate) fn wake(&self) {
        if let Some(wake) = &self.wake
            && let Err(TrySendError::Disconnected(())) = wake.try_send(())
        {
            tracing::error!("the ledger's log is no longer copied back: its thread has ended");
        }
    }

    /// Whether the log is long and beginning it anew would be quick; asked once for each time.
    pub(crate) fn take_caught_up(&self) -> bool {
        self.work.caught_up.swap(false, Ordering::AcqRel)
    }

    /// Closes the connection; the caller has shut the gate.
    pub(crate) fn disconnect(&self) {
        self.work.connection().take();
    }

    /// Ends the thread.
    pub(crate) fn stop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the ledger's checkpointer ended by a panic");
        }
    }
}

impl Work {
    fn run(&self, woken: &Receiver<()>) {
        while woken.recv().is_ok() {
            if let Err(error) = self.copy() {
                // The log grows meanwhile; the next wake-up tries again.
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
        // The writer is faster than the disk: it must wait for what is left.
        self.caught_up.store(true, Ordering::Release);
        Ok(())
    }

    /// Copies what the log holds now and no reader still needs; answers how the log is then, with
    /// what came meanwhile.
    ///
    /// SQLite syncs the file only where nothing came meanwhile. Under load that is never so: all
    /// that was copied would be left for the writer to sync, a tenth of a second of it.
    fn copy_once(&self) -> rusqlite::Result<Log> {
        let mut connection = self.connection();
        let connection = match &mut *connection {
            Some(connection) => connection,
            none => none.insert(anchor(&self.file)?),
        };
        checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
        if let Err(error) = self.synced.sync_data() {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(cause, "the ledger's file could not be synced beside the writer");
        }
        checkpoint(connection, "PRAGMA wal_checkpoint(NOOP)")
    }

    fn connection(&self) -> std::sync::MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that has the log open, which it has only once it has read something.
fn anchor(file: &File) -> rusqlite::Result<Connection> {
    let connection = file.connect(Role::Checkpointer)?;
    connection.query_row("SELECT count(*) FROM about", [], |_| Ok(()))?;
    Ok(connection)
}

/// How long the log is.
struct Log {
    /// Its pages since it was last begun anew, whatever the size of its file.
    pages: u64,
    /// Those of them that are not in the ledger's file.
    left: u64,
}

fn checkpoint(connection: &Connection, sql: &str) -> rusqlite::Result<Log> {
    connection.query_row(sql, [], |row| {
        // Both are -1 where there is no log.
        let number = |column: usize| -> rusqlite::Result<u64> {
            Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
        };
        let (pages, copied) = (number(1)?, number(2)?);
        Ok(Log { pages, left: pages.saturating_sub(copied) })
    })
}

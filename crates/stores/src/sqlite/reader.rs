use std::{num::NonZeroU32, path::Path, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use muster_journal::{LedgerReader, ReadError};
use muster_ledger::{EntryBytes, Head};
use muster_words::{ContentRef, Digest, Position};

use super::{
    Options, Window,
    error::cause,
    file::{self, File},
    reads::{self, Reads},
};
use crate::StoreOpenError;

/// A read-only ledger in an SQLite file, to find the faults of a damaged file. It can be opened
/// when [`super::SqliteLedger`] can't, and leaves the file and its log unchanged.
///
/// It reads the state at the time of opening. Nobody else may write meanwhile.
#[derive(Debug)]
pub struct SqliteReader {
    reads: Arc<Reads>,
    head: Head,
}

impl SqliteReader {
    /// Opens the ledger with this name.
    ///
    /// # Errors
    /// See [`StoreOpenError`]. A damaged end isn't an error here; reading it is. A damaged log is an
    /// error, because nothing of what it holds could be read.
    pub fn open(path: &Path, name: &str, options: Options) -> Result<Self, StoreOpenError> {
        file::check_engine()?;
        let path =
            std::path::absolute(path).map_err(|error| StoreOpenError::Unavailable(cause(error)))?;
        let file = File::new(path, options).without_changes();
        file.inspect_log(name)?;
        let head = file.read_head(name)?;
        Ok(Self { reads: Arc::new(Reads::new(Arc::new(file))), head })
    }

    fn window(&self, after: Position, limit: NonZeroU32) -> Option<Window> {
        Window::new(after, limit, self.head.position)
    }
}

#[async_trait]
impl LedgerReader for SqliteReader {
    async fn head(&self) -> Result<Head, ReadError> {
        Ok(self.head)
    }

    async fn read(&self, after: Position, limit: NonZeroU32) -> Result<Vec<EntryBytes>, ReadError> {
        match self.window(after, limit) {
            Some(window) => self.reads.run(move |file| reads::entries(file, window)).await,
            None => Ok(Vec::new()),
        }
    }

    async fn leaves(&self, after: Position, limit: NonZeroU32) -> Result<Vec<Digest>, ReadError> {
        match self.window(after, limit) {
            Some(window) => self.reads.run(move |file| reads::leaves(file, window)).await,
            None => Ok(Vec::new()),
        }
    }

    async fn contents(&self, wanted: &[ContentRef]) -> Result<Vec<Option<Bytes>>, ReadError> {
        let (wanted, head) = (wanted.to_vec(), self.head.position);
        self.reads.run(move |file| reads::contents(file, &wanted, head)).await
    }

    async fn moved(&self, position: Position) -> Result<(), ReadError> {
        if self.head.position > position {
            return Ok(());
        }
        std::future::pending().await
    }
}

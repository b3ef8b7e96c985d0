use muster_client::{Client, Query};
use muster_wire::log::{LogChange, LogKind, LogPage};
use muster_words::Xid;

use crate::{Failure, commands::get::explain};

/// Commands per page of the log.
const PAGE: usize = 1_000;

/// The changes of a document as the log tells them, newest first: those of its versions and its
/// Meta, and what took it along.
pub(super) struct ChangesOfDocument(pub Vec<LogChange>);

impl ChangesOfDocument {
    /// Reads the log of a document.
    pub(super) async fn read(client: &Client, document: &Xid) -> Result<Self, Failure> {
        let mut changes = Vec::new();
        let mut before = None;
        loop {
            let query = Query::new().with("limit", PAGE).with_some("before", before);
            let page: LogPage = match client.log(document, &query).await {
                Ok(answer) => answer.read()?,
                Err(error) => return Err(explain(client, document, error).await),
            };
            // A page names its next one by the position that it goes on before.
            let next = page.next.as_deref().and_then(|next| {
                let (_, rest) = next.split_once("before=")?;
                rest.split('&').next()?.parse::<u64>().ok()
            });
            for entry in page.entries {
                changes.extend(entry.changes.into_iter().rev());
            }
            // A page that leads back to where it was would be read for ever.
            before = next.filter(|next| before.is_none_or(|before| *next < before));
            if before.is_none() {
                return Ok(Self(changes));
            }
        }
    }

    /// The newest version that the log tells of, where the document itself is gone.
    pub(super) fn newest_version(&self) -> Option<&str> {
        self.0.iter().find_map(|change| change.versionid.as_deref())
    }

    /// The position at which the newest document of a version was recorded first: a later change of
    /// its attributes names it again. Without a document, where the version was recorded.
    pub(super) fn recorded_at(&self, version: &str) -> Option<u64> {
        let of_version = |change: &&LogChange| {
            change.kind.is(&LogKind::Version) && change.versionid.as_deref() == Some(version)
        };
        let mut writes = self.0.iter().filter(of_version);
        let newest = writes.next()?;
        let same = writes.take_while(|change| change.document == newest.document);
        Some(same.last().unwrap_or(newest).position)
    }

    /// The positions after another one at which something about the document changed, oldest first.
    pub(super) fn after(&self, position: u64) -> Vec<u64> {
        let later = self.0.iter().map(|change| change.position).filter(|at| *at > position);
        let mut later: Vec<u64> = later.collect();
        later.sort_unstable();
        later.dedup();
        later
    }
}

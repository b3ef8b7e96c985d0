use std::{collections::BTreeSet, sync::Arc, time::Instant};

use async_trait::async_trait;
use bytes::Bytes;
use muster_catalog::{Content, View, entity::Entity};
use muster_history::CommittedCommand;
use muster_registry::{Follower, FollowerError, Registry};
use muster_words::{Position, Xid};

use crate::{DocumentText, TextIndex, background, pace::Pace, text_of};

/// The follower's name.
pub const FOLLOWER: &str = "search";

/// The most documents that wait to be indexed together.
const PENDING_MAX: usize = 1_000;

/// The most bytes of documents that are read together.
const BYTES_AT_ONCE: u64 = 16 * 1024 * 1024;

/// Keeps an index of words up to date.
///
/// It takes only names from commands, and reads the documents in the newest view. So repeating a
/// command does no harm, and a document that is written often is read once. While writes come it
/// rests between its batches, and falls behind if they never end.
pub struct TextFollower {
    registry: Registry,
    index: Arc<TextIndex>,
    /// Documents and groups that changed.
    pending: BTreeSet<Xid>,
    /// Whether some of them were purged, so that their words must not stay in the file.
    erases: bool,
    pace: Pace,
}

impl TextFollower {
    /// A follower that begins after its mark.
    #[must_use]
    pub fn new(registry: Registry, index: Arc<TextIndex>) -> Self {
        let pace = Pace::new(registry.positions());
        Self { registry, index, pending: BTreeSet::new(), erases: false, pace }
    }

    async fn index(&mut self) -> Result<(), FollowerError> {
        self.pace.rest().await;
        let begun = Instant::now();
        let view = self.registry.view();
        let pending = std::mem::take(&mut self.pending);
        let mut removed = Vec::new();
        // A document may be there by its own name and by its group's.
        let mut documents = BTreeSet::new();
        for xid in pending {
            match &xid {
                Xid::Group { .. } => {
                    removed.push(format!("{xid}/"));
                    documents.extend(members(&view, &xid));
                }
                _ if view.has(&xid) => {
                    documents.insert(xid);
                }
                _ => removed.push(xid.to_string()),
            }
        }
        let documents: Vec<Xid> = documents.into_iter().collect();
        write(&self.registry, &self.index, &view, removed, &documents).await?;
        if self.erases {
            let index = self.index.clone();
            // If it fails, the mark stays where it was and the follower tries again from there.
            background::run(move || index.erase_removed()).await??;
            self.erases = false;
        }
        self.index.set_waiting(Position::ZERO);
        self.pace.worked(begun.elapsed());
        Ok(())
    }
}

#[async_trait]
impl Follower for TextFollower {
    async fn take(&mut self, command: &CommittedCommand) -> Result<(), FollowerError> {
        let was_empty = self.pending.is_empty();
        self.pending.extend(command.touched());
        self.erases |= command.erases();
        if was_empty && !self.pending.is_empty() {
            self.index.set_waiting(command.position());
        }
        if self.pending.len() >= PENDING_MAX {
            self.index().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), FollowerError> {
        self.index().await
    }
}

/// Indexes everything that a view shows, for a registry without a follower.
///
/// # Errors
/// The registry can't be read, or the index can't be written.
pub async fn fill(
    registry: &Registry,
    index: &Arc<TextIndex>,
    view: &View,
) -> Result<(), FollowerError> {
    let model = view.model();
    for kind in model.group_types() {
        for group in view.groups(&kind.plural, None) {
            let xid: Xid = format!("/{}/{}", kind.plural, group.id()).parse()?;
            let documents = members(view, &xid);
            write(registry, index, view, Vec::new(), &documents).await?;
        }
    }
    Ok(())
}

/// The documents in a group.
fn members(view: &View, xid: &Xid) -> Vec<Xid> {
    let mut found = Vec::new();
    let Some(group) = Entity::find(view, xid) else { return found };
    for plural in group.collections(view) {
        let names = group.members(view, plural);
        let names = names.map(|member| format!("{xid}/{plural}/{}", member.id()));
        found.extend(names.filter_map(|name| name.parse::<Xid>().ok()));
    }
    found
}

/// Reads documents and writes their words into the index.
async fn write(
    registry: &Registry,
    index: &Arc<TextIndex>,
    view: &View,
    removed: Vec<String>,
    documents: &[Xid],
) -> Result<(), FollowerError> {
    let mut removed = Some(removed);
    let mut left = documents;
    while !left.is_empty() || removed.is_some() {
        let mut bytes = 0;
        let fits = left.iter().take(PENDING_MAX).take_while(|xid| {
            let content = view.version_at(xid).and_then(|version| version.document);
            bytes += content.map_or(0, |content| u64::from(content.size));
            bytes <= BYTES_AT_ONCE
        });
        let count = fits.count().max(1).min(left.len());
        let (now, rest) = left.split_at(count);
        left = rest;
        let texts = read(registry, view, now).await?;
        let (index, removed) = (index.clone(), removed.take().unwrap_or_default());
        // An index is written by blocking calls.
        background::run(move || index.write(&removed, &texts)).await??;
    }
    Ok(())
}

async fn read(
    registry: &Registry,
    view: &View,
    documents: &[Xid],
) -> Result<Vec<DocumentText>, FollowerError> {
    let versions = documents.iter().filter_map(|xid| Some((xid, view.version_at(xid)?)));
    let versions: Vec<_> = versions.collect();
    let contents: Vec<Content> =
        versions.iter().filter_map(|(_, version)| version.document).collect();
    let attributes: Vec<Content> =
        versions.iter().filter_map(|(_, version)| version.attributes).collect();
    let mut contents = registry.contents(&contents).await?.into_iter();
    let mut attributes = registry.attributes(&attributes).await?.into_iter();
    let texts = versions.iter().map(|(xid, version)| {
        let document: Option<Bytes> = version.document.and_then(|_| contents.next()).flatten();
        let attributes = version.attributes.and_then(|_| attributes.next());
        text_of(xid, version, attributes.as_deref(), document.as_ref())
    });
    Ok(texts.collect())
}

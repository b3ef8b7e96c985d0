use bytes::Bytes;
use muster_ledger::{
    ChainWalk, Checkpoint, EntryBytes, Head, Verifier, checkpoint::CheckpointError, note,
};
use muster_words::{ContentRef, Digest, Moment, Position};

use super::{BackupError, BackupFrame, BackupHeader};
use crate::verify::{MissingContents, NamedContent, erased, stored_beside};

/// Verifies a backup frame by frame: its chain, the digests of its contents, and its signature.
pub struct BackupCheck {
    header: Option<(BackupHeader, Verifier)>,
    walk: ChainWalk,
    /// The contents of the last entry that haven't come yet.
    expected: Vec<NamedContent>,
    missing: MissingContents,
    contents: u64,
    purged: u64,
    end: Option<(Checkpoint, String)>,
}

/// A verified part of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupItem {
    /// The next entry.
    Entry(EntryBytes),
    /// A content of the last entry.
    Content(ContentRef, Bytes),
}

/// A backup that was verified to its end.
#[derive(Clone, Debug)]
pub struct CheckedBackup {
    /// Its header.
    pub header: BackupHeader,
    /// The key that signed it.
    pub key: Verifier,
    /// The number of entries, which is the position of the last one.
    pub entries: u64,
    /// The number of contents.
    pub contents: u64,
    /// The number of contents that were purged.
    pub purged: u64,
    /// The moment of the last command.
    pub moment: Moment,
    /// The head of the ledger.
    pub head: Head,
    /// The signed checkpoint, as a note.
    pub checkpoint: String,
}

impl Default for BackupCheck {
    fn default() -> Self {
        Self {
            header: None,
            walk: ChainWalk::new(Head::EMPTY),
            expected: Vec::new(),
            missing: MissingContents::default(),
            contents: 0,
            purged: 0,
            end: None,
        }
    }
}

impl BackupCheck {
    /// The position of the last entry.
    #[must_use]
    pub fn position(&self) -> Position {
        self.walk.head().position
    }

    /// The header, once it was read.
    #[must_use]
    pub fn header(&self) -> Option<&BackupHeader> {
        self.header.as_ref().map(|(header, _)| header)
    }

    /// Verifies the next frame, and returns what it holds of the ledger.
    ///
    /// # Errors
    /// See [`BackupError`].
    pub fn take(&mut self, frame: BackupFrame) -> Result<Option<BackupItem>, BackupError> {
        if self.end.is_some() {
            return Err(self.damaged("something follows its checkpoint"));
        }
        match (frame, self.header.is_some()) {
            (BackupFrame::Header(note), false) => self.begin(&note).map(|()| None),
            (BackupFrame::Entry(bytes), true) => self.entry(bytes).map(Some),
            (BackupFrame::Content(digest, bytes), true) => self.content(digest, bytes).map(Some),
            (BackupFrame::Failed(why), true) => {
                Err(BackupError::Failed { after: self.position(), why })
            }
            (BackupFrame::End(note), true) => self.finish(note).map(|()| None),
            (_, false) => Err(self.damaged("it has no header")),
            (BackupFrame::Header(_), true) => Err(self.damaged("it has two headers")),
        }
    }

    /// The result, after the last frame. With a key, it must be the one that signed the backup.
    ///
    /// # Errors
    /// The backup isn't complete, lacks a content, or another key signed it.
    pub fn end(self, key: Option<&Verifier>) -> Result<CheckedBackup, BackupError> {
        let after = self.position();
        let (Some((header, found)), Some((_, checkpoint))) = (self.header, self.end) else {
            return Err(BackupError::Truncated { after });
        };
        if let Some(expected) = key.filter(|expected| **expected != found) {
            let (expected, found) = (expected.to_string(), found.to_string());
            return Err(BackupError::OtherKey { expected, found });
        }
        if let Some(gone) = self.missing.first() {
            let ContentRef { position, digest } = gone.content;
            let xid = gone.subject.to_string();
            return Err(BackupError::ContentMissing { position, digest, xid });
        }
        Ok(CheckedBackup {
            header,
            key: found,
            entries: after.0,
            contents: self.contents,
            purged: self.purged,
            moment: self.walk.moment().unwrap_or(Moment::EPOCH),
            head: self.walk.head(),
            checkpoint,
        })
    }

    /// Reads the header, which names the key that must have signed it.
    fn begin(&mut self, note: &str) -> Result<(), BackupError> {
        let unread =
            |_| BackupError::Damaged { after: Position::ZERO, what: "its header can't be read" };
        let line = note.lines().next().unwrap_or_default();
        let header: BackupHeader = serde_json::from_str(line).map_err(unread)?;
        let key: Verifier = header.key.parse().map_err(|_| BackupError::Key(header.key.clone()))?;
        note::open(note.as_bytes(), std::slice::from_ref(&key)).map_err(CheckpointError::from)?;
        self.header = Some((header, key));
        Ok(())
    }

    fn damaged(&self, what: &'static str) -> BackupError {
        BackupError::Damaged { after: self.position(), what }
    }

    /// Notes the contents that the last entry should have brought.
    fn close_entry(&mut self) {
        for gone in self.expected.drain(..) {
            self.missing.insert(gone);
        }
    }

    fn entry(&mut self, bytes: Bytes) -> Result<BackupItem, BackupError> {
        self.close_entry();
        let bytes = EntryBytes { position: self.position().next(), bytes };
        let entry = self.walk.step(&bytes)?;
        for erased in erased(&entry) {
            self.purged += self.missing.explain(&erased);
        }
        self.expected = stored_beside(&entry);
        Ok(BackupItem::Entry(bytes))
    }

    fn content(&mut self, digest: Digest, bytes: Bytes) -> Result<BackupItem, BackupError> {
        let position = self.position();
        let names = |named: &NamedContent| named.content.digest == digest;
        if !self.expected.iter().any(names) || Digest::of(&bytes) != digest {
            return Err(BackupError::Content { position, digest });
        }
        // An entry may name equal bytes twice; they are one content.
        self.expected.retain(|named| !names(named));
        self.contents += 1;
        Ok(BackupItem::Content(ContentRef { position, digest }, bytes))
    }

    fn finish(&mut self, note: String) -> Result<(), BackupError> {
        self.close_entry();
        self.walk.end()?;
        let Some((_, key)) = &self.header else { return Ok(()) };
        let checkpoint = Checkpoint::open(note.as_bytes(), key)?;
        let is_same = self
            .walk
            .tree()
            .is_some_and(|tree| (tree.size(), tree.root()) == (checkpoint.size, checkpoint.root));
        if !is_same {
            return Err(BackupError::Forked);
        }
        self.end = Some((checkpoint, note));
        Ok(())
    }
}

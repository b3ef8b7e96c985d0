//! Splits a command's changes into entries.

use std::collections::BTreeMap;

use bytes::Bytes;
use muster_catalog::{apply::RecordedCommand, changes::Change, decide::Decision};
use muster_ledger::{CommandId, EncodeError, Entry, EntryBytes, Head, Idempotency, Record};
use muster_words::{ContentRef, Digest, Moment, Position, Xid, limits::ENTRY_BYTES_SOFT_MAX};

use crate::CommandOrigin;

/// A command in the form in which it is appended.
pub(crate) struct CommandEntries {
    pub recorded: RecordedCommand,
    pub entries: Vec<EntryBytes>,
    /// The entries, without their changes.
    pub headers: Vec<Entry>,
    pub contents: Vec<(ContentRef, Bytes)>,
    pub head: Head,
}

/// The origin and the id of a command, for its entries.
pub(crate) struct CommandHeader<'a> {
    pub command: CommandId,
    pub moment: Moment,
    pub origin: &'a CommandOrigin,
    pub idempotency: Option<(Digest, Digest)>,
}

/// The changes of one entry.
#[derive(Default)]
struct EntryPart {
    changes: Vec<Change>,
    records: Vec<Record>,
    size: usize,
    /// The entity that owns the content with each new digest. Equal bytes of two entities go into
    /// two entries, so that a purge of one leaves the other.
    owners: BTreeMap<Digest, Xid>,
}

impl EntryPart {
    fn takes(&self, change: &Change, size: usize) -> bool {
        let clashes = change.contents().filter(|named| named.at.is_none()).any(|named| {
            self.owners.get(&named.digest).is_some_and(|own| *own != change.subject())
        });
        !clashes && (self.changes.is_empty() || self.size + size <= ENTRY_BYTES_SOFT_MAX)
    }

    fn push(&mut self, change: Change, record: Record) {
        for named in change.contents().filter(|named| named.at.is_none()) {
            self.owners.insert(named.digest, change.subject());
        }
        self.size += record.body.len() + 8;
        self.changes.push(change);
        self.records.push(record);
    }
}

fn cut(changes: Vec<Change>) -> Vec<EntryPart> {
    let mut parts = vec![EntryPart::default()];
    for change in changes {
        let (kind, body) = change.encode();
        let record = Record { kind, skippable: false, body };
        let is_new = parts.last().is_none_or(|part| !part.takes(&change, record.body.len() + 8));
        if is_new {
            parts.push(EntryPart::default());
        }
        if let Some(part) = parts.last_mut() {
            part.push(change, record);
        }
    }
    parts
}

/// Turns a decision into entries after the head.
pub(crate) fn write(
    stamped: &CommandHeader<'_>,
    decision: &Decision,
    head: Head,
) -> Result<CommandEntries, EncodeError> {
    let parts = cut(decision.changes.clone());
    let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let mut written = CommandEntries {
        recorded: RecordedCommand {
            moment: stamped.moment,
            tag: stamped.command.tag(),
            actor: stamped.origin.principal.id.clone(),
            idempotency: stamped.idempotency,
            parts: Vec::with_capacity(parts.len()),
        },
        entries: Vec::with_capacity(parts.len()),
        headers: Vec::with_capacity(parts.len()),
        contents: Vec::new(),
        head,
    };
    for (index, part) in parts.into_iter().enumerate() {
        let position = written.head.position.next();
        written.contents.extend(new_contents(&part.changes, decision, position));
        let mut entry = Entry {
            position,
            moment: stamped.moment,
            actor: stamped.origin.principal.id.to_string(),
            command: stamped.command,
            part: u32::try_from(index + 1).unwrap_or(u32::MAX),
            parts: count,
            request: stamped.origin.request.clone(),
            trace: stamped.origin.trace.clone(),
            idempotency: stamped.idempotency.map(|(key, request)| Idempotency { key, request }),
            previous: written.head.hash,
            changes: part.records,
        };
        let bytes = entry.encode()?;
        written.head = Head::after(&bytes);
        written.entries.push(bytes);
        entry.changes = Vec::new();
        written.headers.push(entry);
        written.recorded.parts.push((position, part.changes));
    }
    Ok(written)
}

fn new_contents(
    changes: &[Change],
    decision: &Decision,
    position: Position,
) -> Vec<(ContentRef, Bytes)> {
    let digests: std::collections::BTreeSet<Digest> = changes
        .iter()
        .flat_map(Change::contents)
        .filter(|named| named.at.is_none())
        .map(|named| named.digest)
        .collect();
    digests
        .into_iter()
        .filter_map(|digest| {
            let bytes = decision.contents.get(&digest)?.clone();
            Some((ContentRef { position, digest }, bytes))
        })
        .collect()
}

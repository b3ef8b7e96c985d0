use muster_catalog::changes::{Change, ContentName};
use muster_ledger::Entry;
use muster_words::{Digest, Xid};

use crate::changes_in;

/// What a single entry says of an entity, for whoever has only the entry: a proof, for example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryFacts {
    /// What it did, one sentence for each change.
    pub what: Vec<String>,
    /// The contents that it names for the entity itself: `attributes` and `document`.
    pub contents: Vec<(&'static str, NamedDigest)>,
    /// The digest of its document.
    pub document: Option<Digest>,
}

/// The digest of a content, as an entry names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedDigest {
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// The number of bytes.
    pub size: u32,
}

impl EntryFacts {
    /// What an entry says of an entity, of anything in it, and of a parent that took it along. None
    /// if it says nothing of it.
    #[must_use]
    pub fn of(xid: &Xid, entry: &Entry) -> Option<Self> {
        let mut facts = Self { what: Vec::new(), contents: Vec::new(), document: None };
        for change in changes_in(entry).flatten() {
            let subject = change.subject();
            let is_own = subject == *xid || is_within(&subject, xid);
            let moves =
                matches!(change, Change::Hidden(_) | Change::Restored(_) | Change::Purged(_));
            if is_own || moves && is_within(xid, &subject) {
                facts.take(xid, &subject, &change);
            }
        }
        (!facts.what.is_empty()).then_some(facts)
    }

    fn take(&mut self, xid: &Xid, subject: &Xid, change: &Change) {
        let what = match change {
            Change::VersionWritten(written) => {
                if subject == xid {
                    self.name("attributes", written.attributes);
                    self.name("document", written.document);
                    self.document = written.document.map(|named| named.digest);
                }
                let document =
                    written.document.map(|named| format!(" with sha256:{}", named.digest));
                format!("{subject} was written{}", document.unwrap_or_default())
            }
            Change::MetaWritten(written) => {
                format!("version {} is the default of {subject}", written.default)
            }
            Change::GroupWritten(_) => format!("{subject} was written"),
            Change::Hidden(_) => format!("{subject} was deleted"),
            Change::Restored(_) => format!("{subject} was restored"),
            Change::Purged(_) => format!("{subject} was erased"),
            _ => return,
        };
        self.what.push(what);
    }

    fn name(&mut self, part: &'static str, named: Option<ContentName>) {
        let named = named.map(|named| NamedDigest { digest: named.digest, size: named.size });
        self.contents.extend(named.map(|named| (part, named)));
    }
}

/// Whether an entity is in another one.
fn is_within(xid: &Xid, outer: &Xid) -> bool {
    xid.to_string().strip_prefix(&outer.to_string()).is_some_and(|rest| rest.starts_with('/'))
}

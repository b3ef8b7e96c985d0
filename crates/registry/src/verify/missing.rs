use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use muster_catalog::changes::Change;
use muster_history::changes_in;
use muster_journal::{LedgerReader, ReadError};
use muster_ledger::{Entry, EntryBytes};
use muster_words::{Id, Position};

use super::inspection::NamedContent;
use crate::FetchError;

/// Entries per read when looking for purges.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(1_023);

/// The most damaged entries that are skipped; after that, the rest counts as unreadable.
const DAMAGED_MAX: usize = 1_024;

/// The most missing contents that are held (about 32 MB). After that, the following entries are
/// searched for their purges.
const MISSING_MAX: usize = 64 * 1024;

/// Missing contents, until an entry is found that purged them. It holds at most [`MISSING_MAX`] and
/// those of one page.
pub(crate) struct MissingContents {
    /// Sorted by the xid of their name.
    by_name: BTreeMap<(String, Position, usize), NamedContent>,
    /// The total number so far; it makes keys unique.
    count: usize,
    limit: usize,
}

impl Default for MissingContents {
    fn default() -> Self {
        Self::of(MISSING_MAX)
    }
}

impl MissingContents {
    /// A set with this limit.
    pub(crate) const fn of(limit: usize) -> Self {
        Self { by_name: BTreeMap::new(), count: 0, limit }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.by_name.len() >= self.limit
    }

    pub(crate) fn insert(&mut self, owned: NamedContent) {
        let key = (owned.name(), owned.content.position, self.count);
        self.by_name.insert(key, owned);
        self.count += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Removes the contents that a purge explains: earlier ones of that name and below it. Returns
    /// their number.
    pub(crate) fn explain(&mut self, erased: &Erased) -> u64 {
        let own = erased.name.clone();
        let inside = format!("{own}/");
        let least = |name: &str| (name.to_owned(), Position::ZERO, 0);
        let covers = |name: &str| name == own || name.starts_with(&inside);
        // A name such as `/a/b-c` sorts between `/a/b` and `/a/b/c`.
        let of_it = self.by_name.range(least(&own)..).take_while(|((name, ..), _)| *name == own);
        let below = self.by_name.range(least(&inside)..).take_while(|((name, ..), _)| covers(name));
        let earlier = |(_, position, _): &&(String, Position, usize)| *position < erased.at;
        let all = of_it.chain(below).map(|(key, _)| key);
        let explained: Vec<_> = all.filter(earlier).cloned().collect();
        for key in &explained {
            self.by_name.remove(key);
        }
        explained.len() as u64
    }

    /// The first remaining one.
    pub(crate) fn first(self) -> Option<NamedContent> {
        self.by_name.into_values().min_by_key(|owned| owned.content.position)
    }
}

/// A purged name and the position of the purge.
#[derive(Clone, Debug)]
pub(crate) struct Erased {
    pub at: Position,
    pub name: String,
}

/// The purges after a position, as far as entries can be read.
pub(crate) struct Erasures {
    at: Position,
    /// Damaged entries that were skipped.
    passed: usize,
}

impl Erasures {
    pub(crate) const fn after(at: Position) -> Self {
        Self { at, passed: 0 }
    }

    /// The purges in the next entries; none at the end. Entries that can't be decoded or were
    /// changed are skipped: their damage is already known, and later entries may hold further
    /// purges.
    ///
    /// # Errors
    /// The ledger can't be read now, so nothing is known about later entries.
    pub(crate) async fn next(
        &mut self,
        ledger: &Arc<dyn LedgerReader>,
    ) -> Result<Option<Vec<Erased>>, FetchError> {
        let mut limit = PAGE;
        loop {
            match ledger.read(self.at, limit).await {
                Ok(page) if page.is_empty() => return Ok(None),
                Ok(page) => return Ok(Some(self.look_through(page))),
                Err(ReadError::Corrupt(corrupt)) if self.passed < DAMAGED_MAX => {
                    let before = corrupt.position.0.saturating_sub(self.at.next().0);
                    let before = u32::try_from(before).ok().and_then(NonZeroU32::new);
                    if let Some(before) = before.filter(|before| *before < limit) {
                        limit = before;
                        continue;
                    }
                    self.at = self.at.next();
                    self.passed += 1;
                    limit = PAGE;
                }
                Err(ReadError::Corrupt(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The last entry that purges something.
    pub(crate) async fn last(
        mut self,
        ledger: &Arc<dyn LedgerReader>,
    ) -> Result<Option<Position>, FetchError> {
        let mut last = None;
        while let Some(erased) = self.next(ledger).await? {
            last = erased.last().map(|erased| erased.at).or(last);
        }
        Ok(last)
    }

    fn look_through(&mut self, page: Vec<EntryBytes>) -> Vec<Erased> {
        let mut found = Vec::new();
        for bytes in page {
            self.at = bytes.position;
            if let Ok(entry) = bytes.decode() {
                found.extend(erased(&entry));
            }
        }
        found
    }
}

/// The name for the missing record of a key.
pub(crate) fn name_of_key(key: &Id) -> String {
    format!("/keys/{key}")
}

/// What an entry erases.
pub(crate) fn erased(entry: &Entry) -> impl Iterator<Item = Erased> {
    let name = |change| match change {
        Change::Purged(purged) => Some(purged.xid.to_string()),
        Change::KeyForgotten(key) => Some(name_of_key(&key.id)),
        _ => None,
    };
    let names = changes_in(entry).flatten().filter_map(name);
    names.map(|name| Erased { at: entry.position, name })
}

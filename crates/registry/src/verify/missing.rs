use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use muster_catalog::changes::Change;
use muster_journal::{LedgerReader, ReadError};
use muster_ledger::{Entry, EntryBytes};
use muster_words::{Id, Position};

use super::inspection::NamedContent;
use crate::FetchError;

/// Entries that are looked through at once for what they erase.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(1_023);

/// Damaged entries that are passed over before the rest counts as unreadable.
const DAMAGED_MAX: usize = 1_024;

/// Contents that are missing and held (about 32 MB), before what follows is looked through for
/// what erased them.
const MISSING_MAX: usize = 64 * 1024;

/// Contents that aren't there, until an entry comes that erased them. It holds no more than
/// [`MISSING_MAX`] and those of one page.
pub(super) struct MissingContents {
    /// By the xid of the name that they are of.
    by_name: BTreeMap<(String, Position, usize), NamedContent>,
    /// How many were ever held, which tells apart those of one name and position.
    count: usize,
    limit: usize,
}

impl Default for MissingContents {
    fn default() -> Self {
        Self::of(MISSING_MAX)
    }
}

impl MissingContents {
    /// Full as soon as it holds so many.
    pub(super) const fn of(limit: usize) -> Self {
        Self { by_name: BTreeMap::new(), count: 0, limit }
    }

    pub(super) fn is_full(&self) -> bool {
        self.by_name.len() >= self.limit
    }

    pub(super) fn insert(&mut self, owned: NamedContent) {
        let key = (owned.name(), owned.content.position, self.count);
        self.by_name.insert(key, owned);
        self.count += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Takes out what the erasure of a name explains: all of that name and below it that was
    /// written before. Answers how many those were.
    pub(super) fn explain(&mut self, erased: &Erased) -> u64 {
        let own = erased.name.clone();
        let inside = format!("{own}/");
        let least = |name: &str| (name.to_owned(), Position::ZERO, 0);
        let covers = |name: &str| name == own || name.starts_with(&inside);
        // Names such as `/a/b-c` sort between `/a/b` and `/a/b/c`.
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

    /// The first of those that are left.
    pub(super) fn first(self) -> Option<NamedContent> {
        self.by_name.into_values().min_by_key(|owned| owned.content.position)
    }
}

/// A name that was erased, and where.
#[derive(Clone, Debug)]
pub(super) struct Erased {
    pub at: Position,
    pub name: String,
}

/// What entries behind a position erase, as far as they can be read.
pub(super) struct Erasures {
    at: Position,
    /// Damaged entries that were passed over.
    passed: usize,
}

impl Erasures {
    pub(super) const fn after(at: Position) -> Self {
        Self { at, passed: 0 }
    }

    /// What the next entries erase; none: there are no more. What can't be decoded, or was changed,
    /// is passed over: it has been found to be damaged already, and what stands behind it may still
    /// erase something.
    ///
    /// # Errors
    /// The ledger can't be read now, so that nothing is known of what follows.
    pub(super) async fn next(
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

    /// The last entry that erases something.
    pub(super) async fn last(
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

/// The name under which the record of a key is missing.
pub(super) fn name_of_key(key: &Id) -> String {
    format!("/keys/{key}")
}

/// What an entry erases.
pub(super) fn erased(entry: &Entry) -> impl Iterator<Item = Erased> {
    entry.changes.iter().filter_map(|record| match Change::decode(record.kind, &record.body) {
        Ok(Change::Purged(purged)) => {
            Some(Erased { at: entry.position, name: purged.xid.to_string() })
        }
        Ok(Change::KeyForgotten(key)) => {
            Some(Erased { at: entry.position, name: name_of_key(&key.id) })
        }
        _ => None,
    })
}

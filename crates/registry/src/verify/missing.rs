use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use muster_catalog::changes::Change;
use muster_journal::{Ledger, ReadError};
use muster_ledger::{Entry, EntryBytes};
use muster_words::{Position, Xid};

use super::inspection::Owned;

/// Entries that are looked through at once for what they erase.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(1_023);

/// Damaged entries that are passed over before the rest counts as unreadable.
const DAMAGED_MAX: usize = 1_024;

/// Contents that aren't there, until an entry comes that erased them.
#[derive(Default)]
pub(super) struct Missing {
    /// By the xid of the name that they are of.
    by_name: BTreeMap<(String, Position, usize), Owned>,
}

impl Missing {
    pub(super) fn insert(&mut self, owned: Owned) {
        let number = self.by_name.len();
        self.by_name.insert((owned.subject.to_string(), owned.content.position, number), owned);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Takes out what the erasure of a name explains: all of that name and below it. Answers how
    /// many those were.
    pub(super) fn explain(&mut self, erased: &Xid) -> u64 {
        let own = erased.to_string();
        let inside = format!("{own}/");
        let least = |name: &str| (name.to_owned(), Position::ZERO, 0);
        let covers = |name: &str| name == own || name.starts_with(&inside);
        // Names such as `/a/b-c` sort between `/a/b` and `/a/b/c`.
        let of_it = self.by_name.range(least(&own)..).take_while(|((name, ..), _)| *name == own);
        let below = self.by_name.range(least(&inside)..).take_while(|((name, ..), _)| covers(name));
        let explained: Vec<_> = of_it.chain(below).map(|(key, _)| key.clone()).collect();
        for key in &explained {
            self.by_name.remove(key);
        }
        explained.len() as u64
    }

    /// The first of those that are left.
    pub(super) fn first(self) -> Option<Owned> {
        self.by_name.into_values().min_by_key(|owned| owned.content.position)
    }
}

/// The names that entries behind a position erase, as far as they can be read.
pub(super) struct Erasures {
    at: Position,
    /// The last entry that erases something.
    pub last: Option<Position>,
    pub names: Vec<Xid>,
}

impl Erasures {
    pub(super) const fn after(at: Position) -> Self {
        Self { at, last: None, names: Vec::new() }
    }

    /// Looks through what is there now. What can't be read or decoded is passed over: it has been
    /// found to be damaged already, and what stands behind it may still erase something.
    pub(super) async fn read_on(&mut self, ledger: &Arc<dyn Ledger>) {
        let (mut limit, mut passed) = (PAGE, 0);
        loop {
            match ledger.read(self.at, limit).await {
                Ok(page) if page.is_empty() => return,
                Ok(page) => self.look_through(page),
                Err(ReadError::Corrupt(corrupt)) if passed < DAMAGED_MAX => {
                    let before = corrupt.position.0.saturating_sub(self.at.next().0);
                    let before = u32::try_from(before).ok().and_then(NonZeroU32::new);
                    if let Some(before) = before.filter(|before| *before < limit) {
                        limit = before;
                        continue;
                    }
                    self.at = self.at.next();
                    passed += 1;
                }
                Err(_) => return,
            }
            limit = PAGE;
        }
    }

    fn look_through(&mut self, page: Vec<EntryBytes>) {
        for bytes in page {
            self.at = bytes.position;
            let Ok(entry) = bytes.decode() else { continue };
            for name in erased(&entry) {
                self.last = Some(entry.position);
                self.names.push(name);
            }
        }
    }
}

/// The names that an entry erases.
pub(super) fn erased(entry: &Entry) -> impl Iterator<Item = Xid> {
    entry.changes.iter().filter_map(|record| match Change::decode(record.kind, &record.body) {
        Ok(Change::Purged(purged)) => Some(purged.xid),
        _ => None,
    })
}

use std::fmt;

use muster_catalog::query::{Filter, Sort};
use muster_words::Digest;

/// The place of a page in a sorted collection, `<offset>-<mark>`. The mark is that of the order and
/// the filter: at the same place of another list there is something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SortCursor {
    /// The number of members before the page.
    pub offset: usize,
    mark: u32,
}

impl SortCursor {
    /// The cursor of a page that begins after so many members.
    pub fn new(offset: usize, sort: &Sort, filter: &Filter) -> Self {
        Self { offset, mark: mark(sort, filter) }
    }

    /// Reads a cursor.
    pub fn parse(text: &str) -> Option<Self> {
        let (offset, mark) = text.split_once('-')?;
        let mark = u32::from_str_radix(mark, 16).ok().filter(|_| mark.len() == 8)?;
        Some(Self { offset: offset.parse().ok()?, mark })
    }

    /// Whether it was made for this order and this filter.
    pub fn is_of(self, sort: &Sort, filter: &Filter) -> bool {
        self.mark == mark(sort, filter)
    }
}

impl fmt::Display for SortCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.offset, self.mark)
    }
}

fn mark(sort: &Sort, filter: &Filter) -> u32 {
    let order = if sort.descending { "desc" } else { "asc" };
    let filter = filter.texts(ToOwned::to_owned).join("\n");
    let digest = Digest::of(format!("{}\n{order}\n{filter}", sort.path).as_bytes());
    let mut mark = [0; 4];
    mark.copy_from_slice(&digest.0[..4]);
    u32::from_be_bytes(mark)
}

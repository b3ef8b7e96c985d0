use muster_catalog::{entity::Entity, query::count_until};

use crate::xregistry::{filter::UrlText, flags::Flags, sort_cursor::SortCursor};

/// One page of a collection (xRegistry pagination).
#[derive(Debug)]
pub(in crate::xregistry) struct Page<'a> {
    /// Its members.
    pub members: Vec<Entity<'a>>,
    /// The number of members on all pages.
    pub count: usize,
    /// The parameters of the next page, if there is one.
    pub next: Option<String>,
}

/// The maximum number of members that a client can request.
const LIMIT_MAX: usize = 10_000;

/// The maximum number of members on a page.
pub(in crate::xregistry) fn page_limit(limit: Option<usize>) -> usize {
    limit.map_or(usize::MAX, |limit| limit.min(LIMIT_MAX))
}

/// Selects the requested page from all members, which are in order.
///
/// Without a sort order, a page begins after an id, so members that are added or removed meanwhile
/// don't shift the others. With a sort order, it begins at an index.
pub(in crate::xregistry) fn page<'a>(
    all: Vec<Entity<'a>>,
    flags: &Flags,
    limit: Option<usize>,
) -> Page<'a> {
    let count = all.len();
    let limit = page_limit(limit);
    let begin = match (&flags.sort, &flags.after) {
        (Some(_), _) => flags.offset,
        (None, Some(after)) => count_until(&all, after),
        (None, None) => 0,
    };
    let end = begin.saturating_add(limit).min(count);
    let members: Vec<Entity<'a>> = all.into_iter().skip(begin).take(limit).collect();
    let next = match (end < count, &flags.sort, members.last()) {
        (true, Some(sort), _) => {
            Some(format!("offset={}", SortCursor::new(end, sort, &flags.filter)))
        }
        (true, None, Some(last)) => Some(format!("after={}", UrlText(last.id()))),
        _ => None,
    };
    let next = next.map(|next| format!("limit={limit}&{next}"));
    Page { members, count, next }
}

/// Selects the page from members that begin where the page does.
pub(in crate::xregistry) fn first_page<'a>(
    members: impl Iterator<Item = Entity<'a>>,
    count: usize,
    limit: Option<usize>,
) -> Page<'a> {
    let limit = page_limit(limit);
    let mut rest = members;
    let members: Vec<Entity<'a>> = rest.by_ref().take(limit).collect();
    let next = match (rest.next(), members.last()) {
        (Some(_), Some(last)) => Some(format!("limit={limit}&after={}", UrlText(last.id()))),
        _ => None,
    };
    Page { members, count, next }
}

/// A query without the parameters for pages.
pub(in crate::xregistry) fn without_page(query: Option<&str>) -> String {
    let chooses = |parameter: &&str| {
        let name = parameter.split('=').next().unwrap_or_default();
        !matches!(name, "limit" | "after" | "offset" | "")
    };
    let kept: Vec<&str> = query.unwrap_or_default().split('&').filter(chooses).collect();
    kept.join("&")
}

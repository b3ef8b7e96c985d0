use std::collections::{BTreeMap, BTreeSet};

use muster_client::{Client, Query};

use super::{
    NAMES_MAX,
    line::{NameKind, WantedName},
};
use crate::{commands::entities::EntityClass, model};

/// The names of a kind that may begin as it was written; none if the registry can't say.
pub(super) async fn of(client: &Client, wanted: &WantedName) -> Option<Vec<String>> {
    let prefix = wanted.prefix.as_str();
    match wanted.kind {
        NameKind::Place(depth) => places(client, prefix, depth).await,
        NameKind::Type => {
            let model = model::to_show(client).await.ok()?;
            Some(model.group_types().map(|kind| kind.plural.clone()).collect())
        }
        NameKind::GroupOf(groups) => ids(client, &format!("/{groups}"), ("", prefix)).await,
        NameKind::Whole(groups) => documents(client, groups).await,
        NameKind::Last(groups) => {
            let all = documents(client, groups).await?;
            Some(if prefix.contains('/') { all } else { last_parts(&all) })
        }
        NameKind::Class => {
            let all = EntityClass::all(client).await.ok()?;
            let families: BTreeSet<String> =
                all.iter().filter_map(|one| Some(as_word(one.family.as_deref()?))).collect();
            let mut names: Vec<String> = all.into_iter().map(|one| one.name).collect();
            names.sort();
            names.extend(families);
            Some(names)
        }
    }
}

/// A family as one word, which means the same.
fn as_word(family: &str) -> String {
    family.to_lowercase().split_whitespace().collect::<Vec<_>>().join("-")
}

/// The next part of a place. A slash at the end of a name says that more can follow.
async fn places(client: &Client, prefix: &str, depth: usize) -> Option<Vec<String>> {
    let (before, last) = match prefix.rfind('/') {
        Some(at) => prefix.split_at(at + 1),
        None => ("", prefix),
    };
    let plain = before.trim_start_matches('/');
    let parts: Vec<&str> = plain.split('/').filter(|part| !part.is_empty()).collect();
    if parts.len() >= depth {
        return None;
    }
    let model = model::to_show(client).await.ok()?;
    let names = match *parts.as_slice() {
        [] => model.group_types().map(|kind| kind.plural.clone()).collect(),
        [groups] => {
            let kind = model.group_type(groups)?;
            ids(client, &format!("/{groups}"), (&kind.singular, last)).await?
        }
        [groups, _] => model.group_type(groups)?.resources.keys().cloned().collect(),
        [groups, group, resources] => {
            let kind = model.group_type(groups)?.resources.get(resources)?;
            let path = format!("/{groups}/{group}/{resources}");
            ids(client, &path, (&kind.singular, last)).await?
        }
        _ => return None,
    };
    let end = if parts.len() + 1 < depth { "/" } else { "" };
    Some(names.into_iter().map(|name| format!("{before}{name}{end}")).collect())
}

/// The ids in a collection that begin so.
async fn ids(client: &Client, path: &str, (singular, begin): (&str, &str)) -> Option<Vec<String>> {
    let mut query = Query::new().with("limit", NAMES_MAX);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~:@".contains(letter);
    if !singular.is_empty() && !begin.is_empty() && begin.chars().all(is_plain) {
        query = query.with("filter", format!("{singular}id={begin}*"));
    }
    let page = client.first_page(path, &query).await.ok()?;
    Some(page.entries.into_iter().map(|(id, _)| id).collect())
}

/// The documents of a type.
async fn documents(client: &Client, groups: &str) -> Option<Vec<String>> {
    let query = Query::new().with("type", groups).with("show", "").with("facets", "");
    let found = client.search_page(&query.with("limit", NAMES_MAX)).await.ok()?;
    let name = |xid: &str| xid.trim_start_matches('/').to_owned();
    Some(found.documents.iter().map(|one| name(&one.xid)).collect())
}

/// The last parts of names; the whole name where several have the same last part.
fn last_parts(all: &[String]) -> Vec<String> {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in all {
        *counts.entry(last(name)).or_default() += 1;
    }
    let short = |name: &String| {
        let part = last(name);
        if counts.get(&part) == Some(&1) { part } else { name.clone() }
    };
    all.iter().map(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_where_that_is_enough() {
        let all = ["targets/a/entries/hook", "targets/b/entries/hook", "targets/a/entries/file"];
        let short = last_parts(&all.map(str::to_owned));
        assert_eq!(short, ["targets/a/entries/hook", "targets/b/entries/hook", "file"]);
        assert_eq!(as_word("Data and knowledge"), "data-and-knowledge");
    }
}

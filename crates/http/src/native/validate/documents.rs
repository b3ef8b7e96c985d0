use muster_catalog::{View, entity::Entity};
use muster_registry::StoredDocument;
use muster_words::{Id, Xid};

/// The number of documents that are judged between two looks at the clock, and whose contents are
/// read from the ledger at once.
const DOCUMENTS_MAX: usize = 64;

/// The next documents in a place after one of them, in order: the default versions of the visible
/// resources.
pub(super) fn documents_after(
    view: &View,
    below: &Xid,
    after: Option<&Xid>,
) -> Vec<StoredDocument> {
    match Entity::find(view, below) {
        Some(Entity::Registry) => {
            let all = groups_from(view, after);
            all.flat_map(|group| in_group(view, group, after)).take(DOCUMENTS_MAX).collect()
        }
        Some(group @ Entity::Group(..)) => {
            in_group(view, group, after).take(DOCUMENTS_MAX).collect()
        }
        Some(resource) if after.is_none() => stored(below, &resource).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The groups from the one of a document on.
fn groups_from<'a>(view: &'a View, from: Option<&'a Xid>) -> impl Iterator<Item = Entity<'a>> {
    let from = from.and_then(Xid::group_ids);
    let kinds = view.model().group_types();
    let kinds =
        kinds.filter(move |kind| from.is_none_or(|(groups, _)| *kind.plural >= *groups.as_str()));
    kinds.flat_map(move |kind| {
        let own = from.filter(|(groups, _)| *kind.plural == *groups.as_str());
        let first = own.and_then(|(groups, group)| {
            Entity::find(view, &Xid::Group { groups: groups.clone(), group: group.clone() })
        });
        let rest = Entity::Registry.members_after(view, &kind.plural, own.map(|(_, group)| group));
        first.into_iter().chain(rest)
    })
}

/// The documents in a group after one of them. Documents of another group precede all of them.
fn in_group<'a>(
    view: &'a View,
    group: Entity<'a>,
    after: Option<&'a Xid>,
) -> Box<dyn Iterator<Item = StoredDocument> + 'a> {
    let Entity::Group(kind, found) = group else { return Box::new(std::iter::empty()) };
    let (Ok(groups), id) = (kind.plural.parse::<Id>(), found.id()) else {
        return Box::new(std::iter::empty());
    };
    let after = match after {
        Some(Xid::Resource { groups: of, group, resources, resource })
            if *of == groups && group == id =>
        {
            Some((resources, resource))
        }
        _ => None,
    };
    let types = kind.resources.keys();
    let types =
        types.filter(move |plural| after.is_none_or(|(of, _)| plural.as_str() >= of.as_str()));
    Box::new(types.flat_map(move |plural| {
        let own = after.filter(|(of, _)| of.as_str() == plural);
        let parent = format!("/{groups}/{id}/{plural}");
        let members = group.members_after(view, plural, own.map(|(_, resource)| resource));
        members.filter_map(move |member| {
            stored(&format!("{parent}/{}", member.id()).parse().ok()?, &member)
        })
    }))
}

fn stored(xid: &Xid, resource: &Entity<'_>) -> Option<StoredDocument> {
    let version = resource.version()?;
    Some(StoredDocument {
        xid: xid.clone(),
        content_type: version.content_type.as_deref().map(ToOwned::to_owned),
        content: version.document?,
        attributes: version.attributes,
    })
}

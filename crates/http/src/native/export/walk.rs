use std::{collections::VecDeque, sync::Arc};

use muster_catalog::{Content, Lifecycle, View, entity::Entity};
use muster_words::{Id, Xid};

use super::order::ordered_types;

/// The most groups and documents whose contents are read at once.
const ITEMS_MAX: usize = 512;

/// The bytes of documents that are read at once; one document may be larger.
const ITEMS_BYTES: u64 = 1024 * 1024;

/// A group, or the default version of a document.
pub(super) struct ExportedItem {
    pub xid: Xid,
    pub attributes: Option<Content>,
    pub meta: Option<Content>,
    pub document: Option<Content>,
    pub content_type: Option<Arc<str>>,
    /// The lifecycle state, unless it is the usual one.
    pub state: Option<&'static str>,
}

impl ExportedItem {
    /// Its contents, in the order of the fields.
    pub fn contents(&self) -> impl Iterator<Item = Content> + use<> {
        [self.attributes, self.meta, self.document].into_iter().flatten()
    }
}

/// Walks over the groups and documents below an entity.
pub(super) struct ExportWalk {
    view: View,
    /// What is left: collections of groups, collections of documents, and single entities.
    left: VecDeque<Step>,
}

/// A part of the walk.
enum Step {
    /// The groups of a type after one of them.
    Groups(String, Option<Id>),
    /// A group.
    Group(Xid),
    /// The documents of a collection after one of them.
    Documents(Xid, String, Option<Id>),
    /// A document.
    Document(Xid),
}

impl ExportWalk {
    pub fn new(view: View, below: Xid) -> Self {
        let left = match below {
            Xid::Group { .. } => VecDeque::from([Step::Group(below)]),
            Xid::Resource { .. } => VecDeque::from([Step::Document(below)]),
            _ => {
                let types = ordered_types(view.model()).into_iter();
                types.map(|plural| Step::Groups(plural, None)).collect()
            }
        };
        Self { view, left }
    }

    pub const fn view(&self) -> &View {
        &self.view
    }

    /// The next items; none at the end.
    pub fn next_items(&mut self) -> Vec<ExportedItem> {
        let (mut items, mut bytes) = (Vec::new(), 0);
        while items.len() < ITEMS_MAX
            && bytes < ITEMS_BYTES
            && let Some(step) = self.left.pop_front()
        {
            let first = items.len();
            self.take(step, &mut items, ITEMS_BYTES - bytes);
            let added = items.get(first..).unwrap_or_default();
            let contents = added.iter().flat_map(ExportedItem::contents);
            bytes += contents.map(|content| u64::from(content.size)).sum::<u64>();
        }
        items
    }

    fn take(&mut self, step: Step, items: &mut Vec<ExportedItem>, bytes_max: u64) {
        match step {
            Step::Groups(plural, after) => {
                let mut members =
                    Entity::Registry.members_after(&self.view, &plural, after.as_ref());
                let next = members.find_map(|group| {
                    let xid = format!("/{plural}/{}", group.id()).parse::<Xid>().ok()?;
                    Some((xid, group.id().parse::<Id>().ok()?))
                });
                drop(members);
                if let Some((xid, id)) = next {
                    self.left.push_front(Step::Groups(plural, Some(id)));
                    self.left.push_front(Step::Group(xid));
                }
            }
            Step::Group(xid) => {
                let Some(Entity::Group(kind, group)) = Entity::find(&self.view, &xid) else {
                    return;
                };
                items.push(ExportedItem {
                    xid: xid.clone(),
                    attributes: group.attributes(),
                    meta: None,
                    document: None,
                    content_type: None,
                    state: None,
                });
                for plural in kind.resources.keys().rev() {
                    self.left.push_front(Step::Documents(xid.clone(), plural.clone(), None));
                }
            }
            Step::Documents(group, plural, after) => {
                if let Some(last) = self.documents(&group, &plural, after, items, bytes_max) {
                    self.left.push_front(Step::Documents(group, plural, Some(last)));
                }
            }
            Step::Document(xid) => {
                let found = Entity::find(&self.view, &xid);
                items.extend(found.and_then(|entity| exported(xid, &entity)));
            }
        }
    }

    /// Adds documents until there are enough; the last one, if there may be more after it.
    fn documents(
        &self,
        group: &Xid,
        plural: &str,
        after: Option<Id>,
        items: &mut Vec<ExportedItem>,
        bytes_max: u64,
    ) -> Option<Id> {
        let parent = Entity::find(&self.view, group)?;
        let mut bytes = 0;
        for member in parent.members_after(&self.view, plural, after.as_ref()) {
            let Ok(xid) = format!("{group}/{plural}/{}", member.id()).parse() else { continue };
            let Some(item) = exported(xid, &member) else { continue };
            bytes += item.contents().map(|content| u64::from(content.size)).sum::<u64>();
            items.push(item);
            if items.len() >= ITEMS_MAX || bytes >= bytes_max {
                return member.id().parse().ok();
            }
        }
        None
    }
}

fn exported(xid: Xid, entity: &Entity<'_>) -> Option<ExportedItem> {
    let Entity::Resource(_, resource) = entity else { return None };
    let version = resource.default_version()?;
    let state = version.state.as_str();
    Some(ExportedItem {
        xid,
        attributes: version.attributes,
        meta: resource.meta().attributes,
        document: version.document,
        content_type: version.content_type.clone(),
        state: (version.state != Lifecycle::Stable).then_some(state),
    })
}

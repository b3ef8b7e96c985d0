use std::{
    cell::{Cell, OnceCell},
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_model::Model;
use muster_schema::{SchemaGuid, Violation};
use muster_words::{
    ContentRef, Xid,
    json::{Map, Value},
};

use super::{
    ContentBytes, Dependency, Document, DocumentContent, EarlierVersion, Judge, NoVerdict,
    Presence, Resolver, Sources, Verdict,
    bindings::{UnreadContents, bound_messages, bound_through, is_among_schemas},
};
use crate::{
    Catalog,
    command::{Mode, SchemaWrite},
    decide::{Preview, revived},
    state::{Bindings, CompatibilityRule, HiddenEntity, Subtree},
    tree::{DocumentPart, GroupNode, WriteTree},
};

/// The sources for a command's documents: a view together with what the command brings.
pub struct CommandSources<'a> {
    view: &'a Catalog,
    pending: PendingChanges<'a>,
    /// Which documents names lead to after the command; none if the command is assumed to bring
    /// nothing that documents depend on.
    preview: Option<&'a Preview>,
    bytes_of: &'a dyn Fn(&ContentRef) -> ContentBytes,
    /// The bindings of its groups after the command, as far as they are known.
    bindings: OnceCell<BTreeMap<Xid, Option<Arc<Bindings>>>>,
    /// What it creates or rewrites.
    made: OnceCell<BTreeSet<Xid>>,
    depends_on_itself: Cell<bool>,
}

/// What a command brings.
#[derive(Clone, Copy)]
pub enum PendingChanges<'a> {
    /// Nothing relevant.
    Nothing,
    /// The entities that it writes.
    Tree(&'a WriteTree),
    /// The entities that a deletion of this name hid, and resources that the command brings besides.
    Hidden(&'a Xid, &'a HiddenEntity, &'a BTreeSet<Xid>),
}

impl<'a> CommandSources<'a> {
    /// Sources from a view and a command; `bytes_of` reads contents.
    #[must_use]
    pub fn new(
        view: &'a Catalog,
        pending: PendingChanges<'a>,
        preview: Option<&'a Preview>,
        bytes_of: &'a dyn Fn(&ContentRef) -> ContentBytes,
    ) -> Self {
        Self {
            view,
            pending,
            preview,
            bytes_of,
            bindings: OnceCell::new(),
            made: OnceCell::new(),
            depends_on_itself: Cell::new(false),
        }
    }

    /// Whether a name was resolved that the command may change. Then a judgement without a preview
    /// is invalid.
    #[must_use]
    pub fn depends_on_itself(&self) -> bool {
        self.depends_on_itself.get()
    }

    /// Records that a document, or the content of a group, was looked up.
    fn note(&self, xid: &Xid) {
        let PendingChanges::Tree(tree) = self.pending else { return };
        let loses = |gone: &Xid| gone.group().as_ref() == Some(xid);
        let is_removed = tree.removes(xid) || tree.removed.iter().any(loses);
        // Another model may change the default version of any resource.
        if tree.model.is_some() || is_removed || self.made().contains(xid) {
            self.depends_on_itself.set(true);
        }
    }

    /// What the command creates or rewrites, as far as that is known before the decision: versions
    /// that get their number from the server are missing.
    fn made(&self) -> &BTreeSet<Xid> {
        self.made.get_or_init(|| match self.pending {
            PendingChanges::Nothing => BTreeSet::new(),
            PendingChanges::Tree(tree) => written_by(tree),
            PendingChanges::Hidden(xid, hidden, _) => {
                let back = revived(xid, hidden);
                back.iter().filter_map(|(name, _)| name.resource()).collect()
            }
        })
    }

    /// Whether the command brings a name. What comes back besides isn't copied: each of many
    /// restored names asks for the same.
    fn brings(&self, xid: &Xid) -> bool {
        let is_beside = match self.pending {
            PendingChanges::Hidden(_, _, besides) => besides.contains(xid),
            PendingChanges::Nothing | PendingChanges::Tree(_) => false,
        };
        is_beside || self.made().contains(xid)
    }
}

impl Resolver for CommandSources<'_> {
    fn content_at(&self, xid: &Xid) -> Option<DocumentContent> {
        match self.preview {
            Some(preview) => preview.content_at(self.view, xid),
            None => {
                xid.resource().iter().for_each(|resource| self.note(resource));
                self.view.content_at(xid)
            }
        }
    }

    fn members_of(&self, group: &Xid) -> Option<Vec<Xid>> {
        match self.preview {
            Some(preview) => preview.members_of(self.view, group),
            None => {
                self.note(group);
                self.view.members_of(group)
            }
        }
    }

    fn identified(&self, group: &Xid, id: &str) -> Vec<Xid> {
        match self.preview {
            Some(preview) => preview.identified(self.view, group, id),
            None => {
                self.note(group);
                Resolver::identified(self.view, group, id)
            }
        }
    }
}

impl Sources for CommandSources<'_> {
    fn model(&self) -> &Model {
        match self.pending {
            PendingChanges::Tree(WriteTree { model: Some(new), .. }) => &new.model,
            _ => &self.view.model,
        }
    }

    fn bindings_of(&self, group: &Xid) -> Option<Arc<Bindings>> {
        let of_view = || self.view.group_at(group).map(|group| group.own.bindings.clone());
        let found = self.bindings.get_or_init(|| match self.pending {
            PendingChanges::Tree(tree) => {
                let own = |node: &GroupNode| (node.xid.clone(), bindings_of(self.view, tree, node));
                tree.groups.iter().map(own).collect()
            }
            PendingChanges::Hidden(xid, HiddenEntity { what: Subtree::Group(group), .. }, _) => {
                [(xid.clone(), Some(group.own.bindings.clone()))].into()
            }
            _ => BTreeMap::new(),
        });
        found.get(group).cloned().unwrap_or_else(of_view)
    }

    fn bytes_of(&self, content: &ContentRef) -> ContentBytes {
        let brought = self.preview.and_then(|preview| preview.bytes_of(content));
        brought.map_or_else(|| (self.bytes_of)(content), ContentBytes::Bytes)
    }

    fn presence_of(&self, xid: &Xid) -> Presence {
        let is_removed = matches!(self.pending, PendingChanges::Tree(tree) if tree.removes(xid));
        match !is_removed && (self.view.has(xid) || self.brings(xid)) {
            true => Presence::There,
            false => Presence::Absent,
        }
    }

    fn bound_through(&self, xid: &Xid) -> Vec<Xid> {
        bound_through(self.view, xid)
    }

    fn bound_messages(&self, xid: &Xid) -> BTreeSet<Arc<str>> {
        bound_messages(self.view, xid)
    }

    fn earlier_versions(&self, xid: &Xid, at_most: usize) -> Vec<EarlierVersion> {
        self.view.earlier_versions(xid, at_most)
    }

    fn stored_attributes(&self, xid: &Xid) -> Option<ContentRef> {
        Some(self.view.version_at(xid)?.attributes?.reference())
    }

    fn compatibility_group(&self, xid: &Xid) -> Option<String> {
        let own = xid.group().and_then(|group| self.bindings_of(&group));
        self.view.schema_settings(xid, own.as_deref()).compatibility_group()
    }

    fn compatibility_rule(
        &self,
        xid: &Xid,
        write: &SchemaWrite,
        guid: Option<SchemaGuid>,
    ) -> Option<CompatibilityRule> {
        let own = xid.group().and_then(|group| self.bindings_of(&group));
        self.view.compatibility_rule(xid, own.as_deref(), write, guid)
    }
}

/// The bindings of a group that the command may write itself.
fn bindings_of(view: &Catalog, tree: &WriteTree, node: &GroupNode) -> Option<Arc<Bindings>> {
    let xid = &node.xid;
    if let Some(sent) = &node.attributes
        && (sent.contains_key("muster") || tree.mode != Mode::Patch)
    {
        return Bindings::read(xid, &node.kind, sent).ok().map(Arc::new);
    }
    view.group_at(xid).map(|group| group.own.bindings.clone())
}

fn written_by(tree: &WriteTree) -> BTreeSet<Xid> {
    let mut made = BTreeSet::new();
    for group in &tree.groups {
        made.insert(group.xid.clone());
        for node in &group.resources {
            made.insert(node.xid.clone());
            let versions = node.versions.iter().flatten().chain(&node.default);
            let ids = versions.filter_map(|version| version.id.clone());
            made.extend(ids.filter_map(|id| node.xid.version(id)));
        }
    }
    made
}

/// The verdicts on a write.
#[derive(Clone, Debug, Default)]
pub struct WriteVerdicts {
    /// The verdict on each document, in the order of the tree.
    pub documents: Vec<Option<Arc<Verdict>>>,
    /// The dependencies of its new bindings.
    pub bound: Option<Vec<Dependency>>,
}

impl WriteVerdicts {
    /// Stores the verdicts in a tree; returns the warnings.
    pub fn store_in(self, tree: &mut WriteTree) -> Vec<Violation> {
        let mut warnings = Vec::new();
        let documents =
            tree.versions_mut().filter_map(|(_, _, version)| match &mut version.document {
                DocumentPart::Bytes(document) => Some(document),
                _ => None,
            });
        for (document, verdict) in documents.zip(self.documents) {
            let found = verdict.iter().flat_map(|verdict| verdict.warnings.iter().cloned());
            warnings.extend(found);
            document.verdict = verdict;
        }
        tree.bound = self.bound.unwrap_or_default();
        warnings
    }
}

impl Judge<'_> {
    /// Judges the documents of a write. Existing verdicts stay.
    ///
    /// # Errors
    /// See [`NoVerdict`].
    pub fn write(&self, tree: &WriteTree, found: &mut WriteVerdicts) -> Result<(), NoVerdict> {
        let mut missing = UnreadContents::default();
        if found.bound.is_none() {
            found.bound = missing.note_missing(self.newly_bound(tree))?;
        }
        let Some(merged) = missing.note_missing(self.merged_attributes(tree))? else {
            return missing.none();
        };
        let documents = tree.versions().zip(&merged).filter_map(|((xid, version), merged)| {
            let DocumentPart::Bytes(document) = &version.document else { return None };
            let sent = version.content_type();
            let content_type = sent.or_else(|| document.assumed_content_type());
            Some(Document {
                xid,
                content_type,
                bytes: &document.bytes,
                attributes: Some(merged.as_ref().unwrap_or(&version.attributes)),
                new: Some(&tree.schemas),
            })
        });
        missing.note_missing(self.documents(documents, &mut found.documents))?;
        missing.none()
    }

    /// The attributes that the schemas of a write get if it keeps those that it doesn't name: they say
    /// what a new text is. In the order of the tree; none for all others.
    fn merged_attributes(
        &self,
        tree: &WriteTree,
    ) -> Result<Vec<Option<Map<String, Value>>>, NoVerdict> {
        let mut missing = UnreadContents::default();
        let mut all = Vec::new();
        for resource in tree.groups.iter().flat_map(|group| &group.resources) {
            // Without an id, it is the default version, or one that isn't there yet.
            let default = resource.default.iter().map(|version| (version, Some(&resource.xid)));
            let others = resource.versions.iter().flatten().map(|version| (version, None));
            for (version, alone) in default.chain(others) {
                let named = version.id.clone().and_then(|id| resource.xid.version(id));
                let keeps = (tree.mode == Mode::Patch || version.from_headers)
                    && is_among_schemas(&resource.xid)
                    && matches!(version.document, DocumentPart::Bytes(_));
                let stored_of = |name: &Xid| self.sources.stored_attributes(name);
                // What a POST makes begins with the attributes of the default version.
                let succeeds = tree.mode == Mode::Post && version.from_headers;
                let stored = named.as_ref().or(alone).filter(|_| keeps).and_then(stored_of);
                let stored =
                    stored.or_else(|| stored_of(&resource.xid).filter(|_| keeps && succeeds));
                let Some(stored) = stored else {
                    all.push(None);
                    continue;
                };
                let read = missing.note_missing(self.attributes_in(stored))?.flatten();
                all.push(read.map(|mut kept| {
                    kept.extend(version.attributes.clone());
                    kept
                }));
            }
        }
        missing.none()?;
        Ok(all)
    }

    /// Checks that newly bound documents can be used.
    fn newly_bound(&self, tree: &WriteTree) -> Result<Vec<Dependency>, NoVerdict> {
        let model = tree.model.iter().flat_map(|new| new.model.group_types());
        let kinds = model.flat_map(|group| group.resources.values());
        let of_model = kinds.map(|kind| Arc::new(Bindings::of_type(&kind.aspect)));
        let written = tree.groups.iter().filter(|node| node.attributes.is_some());
        let of_groups = written.filter_map(|node| self.sources.bindings_of(&node.xid));
        let all: Vec<Arc<Bindings>> = of_model.chain(of_groups).collect();
        self.bindings(all.iter().map(|bindings| &**bindings))
    }
}

//! The documents of a folder or of a registry, loaded so that the judge can check them here.

mod ask;
mod judgement;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
pub use judgement::Judgement;
use muster_catalog::{
    judge::{
        CompilationCache, CompiledRule, CompiledSchema, ContentBytes, Document, DocumentContent,
        Judge, ParsedKey, Presence, Resolver, SchemaOrigin, SourceKey, Sources, Verdict,
    },
    registration,
    state::Bindings,
};
use muster_model::Model;
use muster_schema::{FormattedSchema, Outline, named_references};
use muster_words::{
    ContentRef, Digest, Id, Notation, Places, Position, Xid,
    json::{self, Map, Value},
};

use crate::{
    folder::{Folder, FolderError, FolderFault},
    output::findings,
};

/// The loaded documents, with the bindings of their groups.
pub struct DocumentSet {
    model: Model,
    documents: BTreeMap<Xid, HeldDocument>,
    /// The documents in each group.
    members: BTreeMap<Xid, BTreeSet<Xid>>,
    bytes: BTreeMap<Digest, Bytes>,
    /// The bindings of each group; None if they aren't known.
    groups: BTreeMap<Xid, Option<Arc<Bindings>>>,
    /// Resources that the model or a group binds.
    bound: BTreeSet<Xid>,
    /// Other entities that are known to exist.
    elsewhere: BTreeSet<Xid>,
    /// Whether everything is loaded: what isn't loaded doesn't exist.
    is_all: bool,
    /// What the judge asked for and wasn't loaded. Holds also what a registry was already asked
    /// for.
    missing: RefCell<BTreeSet<MissingEntity>>,
    asked: BTreeSet<MissingEntity>,
    schemas: RefCell<BTreeMap<SourceKey, Arc<CompiledSchema>>>,
    rules: RefCell<BTreeMap<(Id, SourceKey), CompiledRule>>,
    parsed: RefCell<BTreeMap<ParsedKey, Arc<FormattedSchema>>>,
}

/// Who binds schemas and rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindingOwner {
    /// A group.
    Group(Xid),
    /// A resource type, such as `providers/entries`.
    Type(String),
}

/// A loaded document.
#[derive(Clone, Debug)]
struct HeldDocument {
    digest: Digest,
    content_type: String,
    /// As a schema, its attributes that say how it is read.
    attributes: Option<SchemaAttributes>,
    /// Whether it comes from a folder; its version id isn't known then.
    is_file: bool,
}

/// The attributes of a schema that say how it is read: `format` and `references`.
#[derive(Clone, Debug)]
struct SchemaAttributes {
    members: Map<String, Value>,
    digest: Digest,
}

/// Something that isn't loaded and that a registry can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum MissingEntity {
    /// A document.
    Document(Xid),
    /// The documents in a group.
    Members(Xid),
    /// Whether an entity exists and, for a group, its bindings.
    Entity(Xid),
}

impl DocumentSet {
    /// An empty set of documents under this model.
    #[must_use]
    pub fn new(model: Model, is_all: bool) -> Self {
        let mut holdings = Self {
            model,
            documents: BTreeMap::new(),
            members: BTreeMap::new(),
            bytes: BTreeMap::new(),
            groups: BTreeMap::new(),
            bound: BTreeSet::new(),
            elsewhere: BTreeSet::new(),
            is_all,
            missing: RefCell::default(),
            asked: BTreeSet::new(),
            schemas: RefCell::default(),
            rules: RefCell::default(),
            parsed: RefCell::default(),
        };
        let kinds = holdings.model.group_types().flat_map(|group| group.resources.values());
        let schemas = kinds.filter_map(|kind| kind.aspect.schema.as_ref()?.resource());
        holdings.bound = schemas.collect();
        holdings
    }

    /// Loads a folder.
    ///
    /// # Errors
    /// See [`FolderFault`].
    pub fn of_folder(folder: &Folder, model: Model, is_all: bool) -> Result<Self, FolderError> {
        let documents = folder.documents(&model)?;
        let mut holdings = Self::new(model, is_all);
        for (xid, file) in documents {
            holdings.add_file(&xid, file.bytes.clone(), &file.content_type);
            if let Some(attributes) = &file.attributes {
                holdings.add_schema_attributes(&xid, &attributes.members);
            }
        }
        for (xid, files) in &folder.groups {
            let Some(attributes) = &files.attributes else {
                holdings.groups.entry(xid.clone()).or_insert(None);
                continue;
            };
            let said = holdings.add_group(xid, &attributes.members);
            said.map_err(|_| FolderError::of(&attributes.path, FolderFault::Bindings))?;
        }
        Ok(holdings)
    }

    /// Adds a file as the document with this xid.
    pub fn add_file(&mut self, xid: &Xid, bytes: Bytes, content_type: &str) {
        self.add(xid, bytes, content_type.to_owned(), true);
    }

    fn add(&mut self, xid: &Xid, bytes: Bytes, content_type: String, is_file: bool) {
        let digest = Digest::of(&bytes);
        self.bytes.insert(digest, bytes);
        self.documents
            .insert(xid.clone(), HeldDocument { digest, content_type, attributes: None, is_file });
        if let (Xid::Resource { .. }, Some(group)) = (xid, xid.group()) {
            self.members.entry(group).or_default().insert(xid.clone());
        }
    }

    /// Adds what the attributes of a loaded schema say of how it is read.
    fn add_schema_attributes(&mut self, xid: &Xid, attributes: &Map<String, Value>) {
        let Some(held) = self.documents.get_mut(xid).filter(|_| registration::is_schema(xid))
        else {
            return;
        };
        let members: Map<String, Value> = ["format", "references"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), attributes.get(name)?.clone())))
            .collect();
        if members.is_empty() {
            return;
        }
        let bytes = Bytes::from(json::to_canonical(&Value::Object(members.clone())));
        let digest = Digest::of(&bytes);
        self.bytes.insert(digest, bytes);
        held.attributes = Some(SchemaAttributes { members, digest });
    }

    /// Adds a group with its attributes, unless the group's bindings are already known.
    ///
    /// # Errors
    /// The group's attributes don't hold valid bindings.
    pub fn add_group(
        &mut self,
        xid: &Xid,
        attributes: &Map<String, Value>,
    ) -> Result<(), muster_catalog::Refusal> {
        let said = self.groups.entry(xid.clone()).or_insert(None);
        let kind = xid.collection().and_then(|all| self.model.group_type(all.groups.as_str()));
        let (None, Some(kind), true) = (&said, kind, attributes.contains_key("muster")) else {
            return Ok(());
        };
        let bindings = Bindings::read(xid, kind, attributes)?;
        self.bound.extend(bindings.schema.iter().filter_map(Xid::resource));
        *said = Some(Arc::new(bindings));
        Ok(())
    }

    /// Notes that an entity exists.
    pub fn note_existing(&mut self, xid: &Xid) {
        self.elsewhere.insert(xid.clone());
    }

    /// A document's bytes.
    #[must_use]
    pub fn bytes(&self, xid: &Xid) -> Option<&Bytes> {
        self.bytes.get(&self.documents.get(xid)?.digest)
    }

    /// A document's value, if it is data.
    fn value(&self, xid: &Xid) -> Option<Value> {
        let notation = Notation::of(Some(&self.documents.get(xid)?.content_type));
        notation.parse(self.bytes(xid)?).ok()
    }

    /// The places of a document's values.
    #[must_use]
    pub fn places(&self, xid: &Xid) -> Places {
        let held = self.documents.get(xid).zip(self.bytes(xid));
        let places = held.map(|(held, bytes)| findings::places(Some(&held.content_type), bytes));
        places.unwrap_or_default()
    }

    /// The bindings of loaded groups and, where `types` names them, of resource types; each with the
    /// name of who binds.
    #[must_use]
    pub fn bindings(&self, types: &Value) -> Vec<(BindingOwner, Arc<Bindings>)> {
        let groups = self.groups.iter().filter_map(|(xid, bindings)| {
            Some((BindingOwner::Group(xid.clone()), bindings.clone()?))
        });
        let named = |groups: &str, resources: &str| {
            let kind = types.get("groups").and_then(|kinds| kinds.get(groups));
            kind.and_then(|kind| kind.get("resources")?.get(resources)).is_some()
        };
        let kinds = self.model.group_types().flat_map(|group| {
            let kinds = group.resources.values();
            kinds.filter(move |kind| named(&group.plural, &kind.plural)).map(move |kind| {
                let bindings = Bindings::of_type(&kind.aspect);
                let name = format!("{}/{}", group.plural, kind.plural);
                (BindingOwner::Type(name), Arc::new(bindings))
            })
        });
        groups.chain(kinds).filter(|(_, bindings)| !bindings.is_empty()).collect()
    }

    /// Judges whether what is bound can be used.
    #[must_use]
    pub fn judge_bindings(&self, bindings: &Bindings) -> Judgement {
        let judge = Judge { sources: self, compiled: self, may_take_long: true };
        let missing = bindings
            .rules
            .iter()
            .find(|name| matches!(name, Xid::Group { .. }) && self.members_of(name).is_none());
        if let Some(missing) = missing {
            return Judgement::of_missing(missing, self.is_all);
        }
        let outcome = judge.bindings(std::iter::once(bindings));
        Judgement::of(outcome.map(|_| Verdict::default()), None, self.is_all)
    }

    /// Judges a loaded document with the help of the others.
    #[must_use]
    pub fn judge(&self, xid: &Xid) -> Judgement {
        let (Some(held), Some(bytes)) = (self.documents.get(xid), self.bytes(xid)) else {
            return Judgement::Found(Vec::new());
        };
        let content_type = Some(held.content_type.as_str());
        let judge = Judge { sources: self, compiled: self, may_take_long: true };
        let attributes = held.attributes.as_ref().map(|attributes| &attributes.members);
        let format = attributes.and_then(|members| members.get("format")?.as_str());
        let document = Document { xid, content_type, bytes, attributes, new: None };
        let outcome = judge.document(&document);
        Judgement::of(outcome, format, self.is_all)
    }

    /// Whether a schema is this one, or refers to it, as far as that is known.
    fn leads_to(&self, schema: &Xid, xid: &Xid) -> bool {
        let mut seen = BTreeSet::new();
        let mut next = vec![schema.clone()];
        while let Some(name) = next.pop() {
            let resource = name.resource().unwrap_or(name);
            if resource == *xid {
                return true;
            }
            if !seen.insert(resource.clone()) {
                continue;
            }
            let held = self.documents.get(&resource);
            let attributes = held.and_then(|held| held.attributes.as_ref());
            let named = attributes.and_then(|attributes| attributes.members.get("references"));
            let named = named_references(&resource, named).into_iter();
            next.extend(named.flat_map(|(_, versions)| versions));
            let value = self.value(&resource);
            let Some((value, group)) = value.zip(resource.group()) else { continue };
            let outline = Outline::of(&value, Some(&resource));
            let addresses = outline.addressed.keys();
            next.extend(addresses.flat_map(|address| self.identified(&group, address)));
            next.extend(outline.named.into_keys());
        }
        false
    }

    fn find(&self, xid: &Xid) -> Option<&HeldDocument> {
        if let Some(held) = self.documents.get(xid) {
            return Some(held);
        }
        self.note_missing(MissingEntity::Document(xid.clone()));
        // A file stands for any version of its document.
        self.documents.get(&xid.resource()?).filter(|held| held.is_file)
    }

    fn note_missing(&self, missing: MissingEntity) {
        if !self.asked.contains(&missing) {
            self.missing.borrow_mut().insert(missing);
        }
    }
}

impl Resolver for DocumentSet {
    fn content_at(&self, xid: &Xid) -> Option<DocumentContent> {
        let held = self.find(xid)?;
        let content = ContentRef { position: Position::ZERO, digest: held.digest };
        let content_type = Some(held.content_type.as_str());
        let attributes = held.attributes.as_ref().map(|attributes| attributes.digest);
        let attributes = attributes.map(|digest| ContentRef { position: Position::ZERO, digest });
        let schema = SchemaOrigin::of(xid, content_type, attributes);
        Some(DocumentContent { content, notation: Notation::of(content_type), schema })
    }

    fn members_of(&self, group: &Xid) -> Option<Vec<Xid>> {
        self.note_missing(MissingEntity::Members(group.clone()));
        let members = self.members.get(group);
        (members.is_some() || self.groups.contains_key(group))
            .then(|| members.into_iter().flatten().cloned().collect())
    }

    fn identified(&self, group: &Xid, id: &str) -> Vec<Xid> {
        let has_id = |xid: &&Xid| {
            let value = self.value(xid);
            value.is_some_and(|value| Outline::of(&value, Some(xid)).id.as_deref() == Some(id))
        };
        let members = self.members_of(group).unwrap_or_default();
        let mut found: Vec<Xid> = members.iter().filter(has_id).cloned().collect();
        found.sort();
        found
    }
}

impl Sources for DocumentSet {
    fn model(&self) -> &Model {
        &self.model
    }

    fn bindings_of(&self, group: &Xid) -> Option<Arc<Bindings>> {
        match self.groups.get(group) {
            Some(Some(bindings)) => Some(bindings.clone()),
            _ => {
                self.note_missing(MissingEntity::Entity(group.clone()));
                None
            }
        }
    }

    fn bytes_of(&self, content: &ContentRef) -> ContentBytes {
        self.bytes.get(&content.digest).cloned().map_or(ContentBytes::Erased, ContentBytes::Bytes)
    }

    fn presence_of(&self, xid: &Xid) -> Presence {
        let is_held = self.documents.contains_key(xid)
            || self.groups.contains_key(xid)
            || self.elsewhere.contains(xid);
        if is_held {
            return Presence::There;
        }
        self.note_missing(MissingEntity::Entity(xid.clone()));
        // If a folder has the group, it has all of it. It says nothing about other groups.
        let has_group = xid.group().is_some_and(|group| self.groups.contains_key(&group));
        match self.is_all || has_group {
            true => Presence::Absent,
            false => Presence::Unknown,
        }
    }

    fn bound_through(&self, xid: &Xid) -> Vec<Xid> {
        self.bound.iter().filter(|bound| self.leads_to(bound, xid)).cloned().collect()
    }
}

impl CompilationCache for DocumentSet {
    fn schema(&self, key: &SourceKey) -> Option<Arc<CompiledSchema>> {
        self.schemas.borrow().get(key).cloned()
    }

    fn keep_schema(&self, key: SourceKey, schema: Arc<CompiledSchema>) {
        self.schemas.borrow_mut().insert(key, schema);
    }

    fn rule(&self, id: &Id, key: &SourceKey) -> Option<CompiledRule> {
        self.rules.borrow().get(&(id.clone(), *key)).cloned()
    }

    fn keep_rule(&self, id: Id, key: SourceKey, rule: CompiledRule) {
        self.rules.borrow_mut().insert((id, key), rule);
    }

    fn parsed(&self, key: &ParsedKey) -> Option<Arc<FormattedSchema>> {
        self.parsed.borrow().get(key).cloned()
    }

    fn keep_parsed(&self, key: ParsedKey, schema: Arc<FormattedSchema>, _: usize) {
        self.parsed.borrow_mut().insert(key, schema);
    }
}

#[cfg(test)]
mod tests;

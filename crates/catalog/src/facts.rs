//! The facts that are lifted from documents: a pure function of a document's bytes and its type.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_model::{Aspect, Model, Reference, ResourceType};
use muster_schema::Outline;
use muster_words::{
    Collection, Id, Notation, Position, Xid,
    json::{self, ValuePath},
};
use serde_json::Value;

use crate::{
    Catalog, Content,
    index::{Term, terms_of},
    judge::holds_schemas,
};

/// What the catalog knows about a version's document without reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionFacts {
    /// The documents that it refers to.
    pub references: Arc<[Xid]>,
    /// What it is as a schema; none if it isn't in a collection of schemas, or isn't data.
    pub schema: Option<Arc<SchemaFacts>>,
    /// The values of the fields that its type indexes.
    pub indexed: Arc<[Arc<Term>]>,
}

/// What the catalog knows about a schema without reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaFacts {
    /// The schemas that it names in a `$ref`. They may be missing until something is bound to it.
    pub references: Box<[Xid]>,
    /// Its `$id`, as an absolute URI.
    pub id: Option<Arc<str>>,
    /// The other addresses to which it refers; some may be `$id`s of schemas in its group.
    pub addresses: Box<[Arc<str>]>,
}

impl VersionFacts {
    /// Lifts the facts from a document. Bytes that aren't data in their notation have none.
    ///
    /// Replaying a ledger lifts again, so the result is part of what a fold means: it depends on
    /// nothing but the type, the media type and the bytes, and no release may change it. That binds
    /// the readers of JSON and of YAML, whose parser has a pinned version for this reason.
    #[must_use]
    pub fn of(kind: &ResourceType, xid: &Xid, notation: Notation, document: &[u8]) -> Self {
        if !Self::are_lifted(kind) {
            return Self::default();
        }
        let value = notation.parse(document);
        value.map_or_else(|_| Self::default(), |value| Self::of_value(kind, xid, &value))
    }

    /// Lifts the facts from a parsed document; `xid` names its resource, or a version of it.
    #[must_use]
    pub fn of_value(kind: &ResourceType, xid: &Xid, document: &Value) -> Self {
        let mut targets: BTreeSet<Xid> = BTreeSet::new();
        each_reference(&kind.aspect, document, |_, _, target| targets.extend(target));
        let schema = holds_schemas(kind).then(|| Arc::new(SchemaFacts::of(xid, document)));
        let indexed = terms_of(&kind.aspect, document);
        Self { references: targets.into_iter().collect(), schema, indexed }
    }

    /// Everything that it refers to.
    pub fn targets(&self) -> impl Iterator<Item = &Xid> {
        let schema = self.schema.iter().flat_map(|schema| schema.references.iter());
        self.references.iter().chain(schema)
    }

    /// Whether documents of this type have facts.
    #[must_use]
    pub fn are_lifted(kind: &ResourceType) -> bool {
        !kind.aspect.references.is_empty() || !kind.aspect.indexed.is_empty() || holds_schemas(kind)
    }

    /// Whether both types index the same fields.
    #[must_use]
    pub fn are_indexed_alike(one: &ResourceType, other: &ResourceType) -> bool {
        let fields = |kind: &ResourceType| -> Vec<_> {
            kind.aspect.indexed.iter().map(|one| (one.field.clone(), one.kind)).collect()
        };
        fields(one) == fields(other)
    }

    /// Whether both types lift the same facts from a document.
    #[must_use]
    pub fn are_alike(one: &ResourceType, other: &ResourceType) -> bool {
        one.aspect.references == other.aspect.references
            && Self::are_indexed_alike(one, other)
            && holds_schemas(one) == holds_schemas(other)
    }
}

impl SchemaFacts {
    fn of(xid: &Xid, document: &Value) -> Self {
        let outline = Outline::of(document, xid.resource().as_ref());
        let beside = outline.addressed.keys().filter_map(|address| Outline::xid_of(address));
        let references: BTreeSet<Xid> = beside.chain(outline.named.keys().cloned()).collect();
        Self {
            references: references.into_iter().collect(),
            id: outline.id.map(Arc::from),
            addresses: outline.addressed.into_keys().map(Arc::from).collect(),
        }
    }

    /// Whether it has a `$id` or refers to an address.
    #[must_use]
    pub fn has_addresses(&self) -> bool {
        self.id.is_some() || !self.addresses.is_empty()
    }
}

/// The documents that a document refers to: in the fields that its type declares and, as a schema,
/// in any `$ref`. Bytes that aren't data in their notation refer to none.
#[must_use]
pub fn referenced_documents(
    kind: &ResourceType,
    xid: &Xid,
    notation: Notation,
    document: &[u8],
) -> BTreeSet<Xid> {
    let Ok(value) = notation.parse(document) else { return BTreeSet::new() };
    VersionFacts::of_value(kind, xid, &value).targets().filter_map(Xid::resource).collect()
}

/// The types of a new model that may lift other facts from a document than the old model.
pub fn changed_types<'a>(
    old: &'a Model,
    new: &'a Model,
) -> impl Iterator<Item = Collection> + use<'a> {
    new.collections().filter(move |collection| {
        let Some(resources) = &collection.resources else { return false };
        let find =
            |model: &'a Model| model.resource_type(collection.groups.as_str(), resources.as_str());
        let both = find(old).zip(find(new));
        both.is_none_or(|(old, new)| !VersionFacts::are_alike(old, new))
    })
}

impl Catalog {
    /// The documents of a type that were written before a position, each with its version's name and
    /// its notation.
    #[must_use]
    pub fn documents_before(
        &self,
        collection: &Collection,
        position: Position,
    ) -> Vec<(Xid, Content, Notation)> {
        let mut found = Vec::new();
        let Some(resources) = &collection.resources else { return found };
        let groups = self.groups.get(&collection.groups);
        for group in groups.into_iter().flat_map(|groups| groups.values()) {
            let members = group.resources.get(resources);
            for resource in members.into_iter().flat_map(|members| members.values()) {
                for version in resource.versions.iter() {
                    let Some(content) = version.document else { continue };
                    if version.stamp.position < position {
                        let name = Xid::Version {
                            groups: collection.groups.clone(),
                            group: group.id.clone(),
                            resources: resources.clone(),
                            resource: resource.id.clone(),
                            version: version.id.clone(),
                        };
                        let notation = Notation::of(version.content_type.as_deref());
                        found.push((name, content, notation));
                    }
                }
            }
        }
        found
    }

    /// Sets facts that were lifted again with the model in force. Versions that don't exist any
    /// more are skipped.
    pub fn refresh(&mut self, facts: &BTreeMap<Xid, VersionFacts>) {
        for resource in self.set_facts(facts) {
            self.index_references(&resource);
            self.index_fields(&resource);
        }
    }

    /// Sets the facts of versions, and returns the resources whose references may have changed.
    pub(crate) fn set_facts(&mut self, facts: &BTreeMap<Xid, VersionFacts>) -> BTreeSet<Xid> {
        let mut changed = BTreeSet::new();
        for (xid, facts) in facts {
            let Some(old) = self.version_at(xid).filter(|_| matches!(xid, Xid::Version { .. }))
            else {
                continue;
            };
            let mut new = (**old).clone();
            new.former = self.former_terms(xid, old, facts);
            new.facts = facts.clone();
            new.facts.indexed = self.index.interned(&facts.indexed);
            if let Some(resource) = self.resource_mut(xid) {
                resource.versions.insert(Arc::new(new));
            }
            changed.extend(xid.resource());
        }
        changed
    }
}

/// Shows every field of a document that the model declares as a reference: its place, its value, and
/// the document's xid, none if the value isn't the name of a document. An absent field and `null`
/// refer to nothing.
pub fn each_reference<'a>(
    aspect: &Aspect,
    document: &'a Value,
    mut found: impl FnMut(&ValuePath<'_>, &'a Value, Option<Xid>),
) {
    for reference in &aspect.references {
        json::select_each(document, &reference.field, &mut |path, value| {
            if !value.is_null() {
                found(path, value, value.as_str().and_then(|text| resolve(reference, text)));
            }
        });
    }
}

fn resolve(reference: &Reference, text: &str) -> Option<Xid> {
    let Some(group) = &reference.group else { return Xid::parse_loosely(text).ok() };
    let collection = reference.collection.as_ref()?;
    let resources = collection.resources.clone()?;
    let resource: Id = text.parse().ok()?;
    let groups = collection.groups.clone();
    Some(Xid::Resource { groups, group: group.clone(), resources, resource })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_model::Foundation;
    use serde_json::json;

    use super::*;

    #[test]
    fn takes_an_absent_field_and_null_for_no_reference() {
        let references = json!([{"field": "/see/*", "collection": "/providers/entries"}]);
        let aspect = json!({"singular": "entry", "muster": {"references": references}});
        let providers = json!({"singular": "provider", "resources": {"entries": aspect}});
        let source = json!({"groups": {"providers": providers}});
        let model = Model::compile(&source, Foundation::BuiltIn).unwrap();
        let kind = model.resource_type("providers", "entries").unwrap();
        for (document, expect) in [
            (json!({}), vec![]),
            (json!({"see": null}), vec![]),
            (json!({"see": [null]}), vec![]),
            (json!({"see": [null, "x", 1]}), vec![("/see/1", json!("x")), ("/see/2", json!(1))]),
        ] {
            let mut found = Vec::new();
            each_reference(&kind.aspect, &document, |path, value, _| {
                found.push((path.pointer(), value.clone()));
            });
            let expect: Vec<_> =
                expect.into_iter().map(|(pointer, value)| (pointer.to_owned(), value)).collect();
            assert_eq!(found, expect, "{document}");
        }
    }

    #[test]
    fn lifts_from_a_document_in_the_notation_of_its_media_type() {
        let model = Model::compile(&json!({}), Foundation::BuiltIn).unwrap();
        let kind = model.resource_type("schemagroups", "schemas").unwrap();
        let xid: Xid = "/schemagroups/w/schemas/p".parse().unwrap();
        let yaml = b"$id: https://x.example/p\na: &a {$ref: /schemagroups/w/schemas/q}\nb: *a\n";
        let json = br#"{"$id": "https://x.example/p", "a": {"$ref": "/schemagroups/w/schemas/q"}}"#;
        let lifted = VersionFacts::of(kind, &xid, Notation::Json, json);
        assert!(lifted.schema.as_ref().unwrap().id.is_some());
        assert_eq!(lifted.targets().count(), 1);
        for (content_type, bytes, expect) in [
            ("application/yaml", &yaml[..], lifted.clone()),
            ("text/x-yaml", yaml, lifted.clone()),
            ("application/yaml", json, lifted),
            ("application/json", yaml, VersionFacts::default()),
            ("text/plain", yaml, VersionFacts::default()),
            ("application/yaml", b"a: [1", VersionFacts::default()),
            ("application/yaml", b"a: 1\na: 2", VersionFacts::default()),
        ] {
            let found = VersionFacts::of(kind, &xid, Notation::of(Some(content_type)), bytes);
            assert_eq!(found, expect, "{content_type}");
        }
    }

    #[test]
    fn knows_what_a_document_refers_to() {
        let references = json!([
            {"field": "/engines/*", "collection": "/providers/entries", "group": "ssg"},
            {"field": "/see", "collection": "/providers/entries"}]);
        let entries = json!({"singular": "entry", "muster": {"references": references}});
        let providers = json!({"singular": "provider", "resources": {"entries": entries}});
        let source = json!({"groups": {"providers": providers}});
        let model = Model::compile(&source, Foundation::BuiltIn).unwrap();
        for (xid, document, expect) in [
            (
                "/providers/cms/entries/a",
                json!({"engines": ["hugo", "no/id", 1], "see": "/providers/x/entries/y/versions/2"}),
                vec!["/providers/ssg/entries/hugo", "/providers/x/entries/y"],
            ),
            ("/providers/cms/entries/a", json!({"see": "nothing"}), vec![]),
            (
                "/schemagroups/w/schemas/p",
                json!({"a": [{"$ref": "/schemagroups/w/schemas/q#/$defs/x"}], "b": {"$ref": "#/c"},
                    "const": {"$ref": "/schemagroups/w/schemas/data"}}),
                vec!["/schemagroups/w/schemas/q"],
            ),
        ] {
            let xid: Xid = xid.parse().unwrap();
            let collection = xid.collection().unwrap();
            let resources = collection.resources.unwrap();
            let kind = model.resource_type(collection.groups.as_str(), resources.as_str()).unwrap();
            let found =
                referenced_documents(kind, &xid, Notation::Json, document.to_string().as_bytes());
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, expect, "{document}");
        }
    }
}

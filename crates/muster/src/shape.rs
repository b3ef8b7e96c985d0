//! The collections of a registry and the bindings of their documents, as its model defines them.

use std::collections::{BTreeMap, BTreeSet};

use muster_words::{
    Collection, Xid,
    json::{Value, select},
};

/// Group types by plural name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelShape {
    /// Group types by plural name.
    pub groups: BTreeMap<String, GroupShape>,
}

/// A group type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupShape {
    /// The singular name.
    pub singular: String,
    /// The names of its attributes.
    pub attributes: BTreeSet<String>,
    /// Its resource types by plural name.
    pub resources: BTreeMap<String, ResourceShape>,
}

/// A resource type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceShape {
    /// The singular name.
    pub singular: String,
    /// The names of the attributes of resources and versions.
    pub attributes: BTreeSet<String>,
    /// Whether resources have a document.
    pub has_document: bool,
    /// The schema that documents are bound to.
    pub schema: Option<Xid>,
    /// The rules and groups of rules that documents are bound to.
    pub rules: Vec<Xid>,
    /// The fields that refer to other documents.
    pub references: Vec<ReferenceShape>,
    /// The fields that tables show.
    pub columns: Vec<TableColumn>,
}

/// A field of a document that refers to another document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceShape {
    /// A JSON Pointer in which `*` stands for every item.
    pub field: String,
    /// The type of the target.
    pub collection: Option<Collection>,
    /// The group of the target; if none, the field holds an xid.
    pub group: Option<String>,
}

/// A field of a document that is shown as a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// A JSON Pointer in which `*` stands for every item.
    pub field: String,
    /// The heading.
    pub title: String,
}

impl ModelShape {
    /// Reads a full model, as `GET /api/model` returns it. Missing parts stay empty, because a
    /// server of another release may send more or less.
    #[must_use]
    pub fn read(model: &Value) -> Self {
        let groups = members(model.get("groups")).map(|(plural, group)| {
            let resources = members(group.get("resources"))
                .map(|(plural, resource)| (plural.clone(), ResourceShape::read(resource)))
                .collect();
            let attributes = names(group.get("attributes")).collect();
            (
                plural.clone(),
                GroupShape { singular: text(group, "singular"), attributes, resources },
            )
        });
        Self { groups: groups.collect() }
    }

    /// The resource type of an xid or of its resource.
    #[must_use]
    pub fn resource_type(&self, xid: &Xid) -> Option<&ResourceShape> {
        let collection = xid.collection()?;
        let resources = collection.resources?;
        self.groups.get(collection.groups.as_str())?.resources.get(resources.as_str())
    }

    /// The plural name of a group type's resource type, if it has only one.
    #[must_use]
    pub fn only_resources(&self, groups: &str) -> Option<&str> {
        let resources = &self.groups.get(groups)?.resources;
        let (plural, _) = resources.first_key_value()?;
        (resources.len() == 1).then_some(plural.as_str())
    }

    /// The documents that a document refers to.
    #[must_use]
    pub fn targets(&self, xid: &Xid, document: &Value) -> Vec<Xid> {
        let Some(kind) = self.resource_type(xid) else { return Vec::new() };
        let declared = kind.references.iter().flat_map(|reference| {
            let named = select(document, &reference.field);
            named.into_iter().filter_map(|(_, value)| reference.target(value.as_str()?))
        });
        // A schema may have `$ref` anywhere.
        let mut targets: Vec<Xid> = declared.collect();
        if is_schema(xid) {
            schemas_in(document, &mut targets);
        }
        targets.sort();
        targets.dedup();
        targets
    }
}

/// Whether the type holds schemas or rules, to which other documents are bound.
#[must_use]
pub fn is_bound_to(xid: &Xid) -> bool {
    let groups = xid.collection().map(|collection| collection.groups.to_string());
    matches!(groups.as_deref(), Some("schemagroups" | "rulegroups"))
}

fn is_schema(xid: &Xid) -> bool {
    xid.collection().is_some_and(|collection| collection.groups.as_str() == "schemagroups")
}

fn schemas_in(value: &Value, found: &mut Vec<Xid>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get("$ref") {
                let xid = target.split('#').next().unwrap_or_default().parse::<Xid>();
                found.extend(xid.ok().and_then(|xid| xid.resource()));
            }
            map.values().for_each(|member| schemas_in(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| schemas_in(item, found)),
        _ => {}
    }
}

impl ResourceShape {
    fn read(value: &Value) -> Self {
        let aspect = value.get("muster").unwrap_or(&Value::Null);
        let xid = |value: &Value| value.as_str().and_then(|text| text.parse::<Xid>().ok());
        Self {
            singular: text(value, "singular"),
            attributes: names(value.get("attributes"))
                .chain(names(value.get("resourceattributes")))
                .collect(),
            has_document: value.get("hasdocument") != Some(&Value::Bool(false)),
            schema: aspect.get("schema").and_then(xid),
            rules: items(aspect.get("rules")).filter_map(xid).collect(),
            references: items(aspect.get("references")).map(ReferenceShape::read).collect(),
            columns: items(aspect.get("indexed")).filter_map(TableColumn::read).collect(),
        }
    }
}

impl ReferenceShape {
    fn read(value: &Value) -> Self {
        let group = value.get("group").and_then(Value::as_str);
        Self {
            field: text(value, "field"),
            collection: text(value, "collection").parse().ok(),
            group: group.map(str::to_owned),
        }
    }

    /// The document that a field's value refers to.
    fn target(&self, value: &str) -> Option<Xid> {
        let Some(group) = &self.group else { return Xid::parse_loosely(value).ok()?.resource() };
        let collection = self.collection.as_ref()?;
        let resources = collection.resources.as_ref()?;
        format!("/{}/{group}/{resources}/{value}", collection.groups).parse().ok()
    }
}

impl TableColumn {
    fn read(value: &Value) -> Option<Self> {
        let title = value.get("title").and_then(Value::as_str)?;
        Some(Self { field: text(value, "field"), title: title.to_owned() })
    }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn names(value: Option<&Value>) -> impl Iterator<Item = String> {
    members(value).map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use serde_json::json;

    use super::*;

    fn shape() -> ModelShape {
        ModelShape::read(&json!({"groups": {
            "providers": {"singular": "provider", "resources": {"entries": {
                "singular": "entry", "muster": {
                    "schema": "/schemagroups/w/schemas/p", "rules": ["/rulegroups/w"],
                    "references": [
                        {"field": "/engines/*", "collection": "/providers/entries", "group": "ssg"},
                        {"field": "/see", "collection": "/providers/entries"}],
                    "indexed": [
                        {"field": "/range", "type": "range", "title": "Monthly"},
                        {"field": "/hidden", "type": "string"}]}}}},
            "schemagroups": {"resources": {"schemas": {}, "more": {"hasdocument": false}}}}}))
    }

    #[test]
    fn knows_what_a_document_refers_to() {
        for (xid, document, expect) in [
            (
                "/providers/cms/entries/a",
                json!({"engines": ["hugo", "no/id", 1], "see": "/providers/x/entries/y/versions/2"}),
                vec!["/providers/ssg/entries/hugo", "/providers/x/entries/y"],
            ),
            ("/providers/cms/entries/a", json!({"see": "nothing"}), vec![]),
            (
                "/schemagroups/w/schemas/p",
                json!({"a": [{"$ref": "/schemagroups/w/schemas/q#/$defs/x"}], "b": {"$ref": "#/c"}}),
                vec!["/schemagroups/w/schemas/q"],
            ),
            ("/none/w/schemas/p", json!({}), vec![]),
        ] {
            let targets = shape().targets(&xid.parse().unwrap(), &document);
            let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
            assert_eq!(targets, expect, "{document}");
        }
    }

    #[test]
    fn reads_bindings_columns_and_names() {
        let shape = shape();
        let kind = shape.resource_type(&"/providers/a/entries/b".parse().unwrap()).unwrap();
        assert_eq!((kind.singular.as_str(), kind.has_document), ("entry", true));
        assert_eq!(kind.columns, [TableColumn { field: "/range".into(), title: "Monthly".into() }]);
        assert_eq!(kind.rules, ["/rulegroups/w".parse().unwrap()]);
        assert_eq!(shape.only_resources("providers"), Some("entries"));
        assert_eq!(shape.only_resources("schemagroups"), None);
    }
}

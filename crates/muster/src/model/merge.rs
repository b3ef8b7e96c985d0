//! Merges a folder's model into the model of a registry, which other folders may share.
//!
//! A folder adds and changes the types that it names, and says nothing about others. A type that it
//! adds gets the label [`FOLDER_LABEL`], so that only the same folder can take it away again.

use muster_model::{Foundation, Model};
use muster_words::json::{Map, Value};

/// The label of a type with the name of the folder that brought it. In a `model.json` itself, it is
/// the folder's name.
pub const FOLDER_LABEL: &str = "muster.folder";

/// A type: the plural name of a group type and, for a resource type, its own.
pub type TypeName = (String, Option<String>);

/// What a folder says about the model: the members of its `model.json`, and its name.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderModel {
    /// The name that its types are labelled with.
    pub folder: String,
    /// The members of `model.json`; at least one.
    pub said: Map<String, Value>,
    /// What the registry builds in. No folder brings those types, so they get no label.
    pub foundation: Foundation,
    /// Types that the folder brought and no longer names, to be taken away.
    pub dropped: Vec<TypeName>,
}

impl FolderModel {
    /// The registry's model with what the folder says.
    #[must_use]
    pub fn merged_into(&self, there: &Value) -> Value {
        let mut all = there.as_object().cloned().unwrap_or_default();
        let built_in = Model::compile(&Value::Object(Map::new()), self.foundation).ok();
        let built_in = built_in.as_ref();
        for (name, value) in self.said.iter().filter(|(_, value)| !value.is_null()) {
            match (name.as_str(), value) {
                ("groups", Value::Object(said)) => {
                    let mut groups = taken(&mut all, name);
                    add_types(&mut groups, said, |plural, there, said| {
                        self.group_type(built_in, plural, there, said)
                    });
                    all.insert(name.clone(), Value::Object(groups));
                }
                ("attributes" | "labels", Value::Object(said)) => {
                    let mut members = taken(&mut all, name);
                    let said = said.iter().filter(|(key, _)| key.as_str() != FOLDER_LABEL);
                    members.extend(said.map(|(key, value)| (key.clone(), value.clone())));
                    if !members.is_empty() {
                        all.insert(name.clone(), Value::Object(members));
                    }
                }
                _ => drop(all.insert(name.clone(), value.clone())),
            }
        }
        self.drop_types(&mut all);
        Value::Object(all)
    }

    /// The types of a registry's model that this folder brought and no longer names. A folder
    /// without `groups`, or a group type without `resources`, says nothing about types.
    #[must_use]
    pub fn gone(&self, there: &Value) -> Vec<TypeName> {
        let Some(Value::Object(said)) = self.said.get("groups") else { return Vec::new() };
        let mut gone = Vec::new();
        for (groups, kind) in types_in(there, "groups") {
            let Some(own) = said.get(groups) else {
                gone.extend(self.is_ours(kind).then(|| (groups.clone(), None)));
                continue;
            };
            let Some(Value::Object(own)) = own.get("resources") else { continue };
            let resources = types_in(kind, "resources");
            let left =
                resources.filter(|(name, kind)| !own.contains_key(*name) && self.is_ours(kind));
            gone.extend(left.map(|(name, _)| (groups.clone(), Some(name.clone()))));
        }
        gone
    }

    fn is_ours(&self, kind: &Value) -> bool {
        let label = kind.get("labels").and_then(|labels| labels.get(FOLDER_LABEL));
        label.and_then(Value::as_str) == Some(&self.folder)
    }

    fn drop_types(&self, all: &mut Map<String, Value>) {
        let Some(Value::Object(kinds)) = all.get_mut("groups") else { return };
        for (groups, resources) in &self.dropped {
            match resources {
                None if kinds.get(groups).is_some_and(|kind| self.is_ours(kind)) => {
                    kinds.remove(groups);
                }
                None => {}
                Some(resources) => {
                    let kind = kinds.get_mut(groups).and_then(|kind| kind.get_mut("resources"));
                    if let Some(Value::Object(members)) = kind
                        && members.get(resources).is_some_and(|kind| self.is_ours(kind))
                    {
                        members.remove(resources);
                    }
                }
            }
        }
    }

    /// A group type: its own members are the folder's, and resource types that the folder doesn't
    /// name stay.
    fn group_type(
        &self,
        built_in: Option<&Model>,
        plural: &str,
        there: Option<&Value>,
        said: &Map<String, Value>,
    ) -> Map<String, Value> {
        let built_in = built_in.and_then(|model| model.group_type(plural));
        let mut merged = self.labelled(built_in.is_some(), there, said);
        let mut resources = match there.and_then(|there| there.get("resources")) {
            Some(Value::Object(resources)) => resources.clone(),
            _ => Map::new(),
        };
        match said.get("resources") {
            Some(Value::Object(own)) => {
                add_types(&mut resources, own, |plural, there, said| {
                    let built_in = built_in.is_some_and(|kind| kind.resources.contains_key(plural));
                    self.labelled(built_in, there, said)
                });
            }
            None | Some(Value::Null) => {}
            Some(_) => return merged,
        }
        if !resources.is_empty() || said.contains_key("resources") {
            merged.insert("resources".to_owned(), Value::Object(resources));
        }
        merged
    }

    /// What the folder says about a type, with the label of the folder that brought it. A type that
    /// was there before and has no such label gets none.
    fn labelled(
        &self,
        is_built_in: bool,
        there: Option<&Value>,
        said: &Map<String, Value>,
    ) -> Map<String, Value> {
        let mut merged = said.clone();
        let folder = match there {
            None => (!is_built_in).then(|| Value::from(self.folder.as_str())),
            Some(there) => there.get("labels").and_then(|labels| labels.get(FOLDER_LABEL)).cloned(),
        };
        match merged.get_mut("labels") {
            Some(Value::Object(labels)) => {
                labels.remove(FOLDER_LABEL);
                labels.extend(folder.map(|folder| (FOLDER_LABEL.to_owned(), folder)));
                if labels.is_empty() {
                    merged.remove("labels");
                }
            }
            None | Some(Value::Null) => {
                merged.remove("labels");
                if let Some(folder) = folder {
                    let labels = Map::from_iter([(FOLDER_LABEL.to_owned(), folder)]);
                    merged.insert("labels".to_owned(), Value::Object(labels));
                }
            }
            Some(_) => {}
        }
        merged
    }
}

/// The types in a member of a model or of a group type.
fn types_in<'a>(
    all: &'a Value,
    member: &str,
) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
    all.get(member).and_then(Value::as_object).into_iter().flatten()
}

fn add_types(
    all: &mut Map<String, Value>,
    said: &Map<String, Value>,
    merge: impl Fn(&str, Option<&Value>, &Map<String, Value>) -> Map<String, Value>,
) {
    for (plural, kind) in said {
        let merged = match kind {
            Value::Object(members) => Value::Object(merge(plural, all.get(plural), members)),
            // Whoever compiles the model says what is wrong with it.
            other => other.clone(),
        };
        all.insert(plural.clone(), merged);
    }
}

/// Takes a member that is an object out of a map; empty if there is none.
fn taken(all: &mut Map<String, Value>, name: &str) -> Map<String, Value> {
    match all.remove(name) {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(there: &Value, said: &Value) -> Value {
        let said = said.as_object().cloned().unwrap_or_default();
        let (folder, foundation) = ("ours".to_owned(), Foundation::BuiltIn);
        FolderModel { folder, said, foundation, dropped: Vec::new() }.merged_into(there)
    }

    #[test]
    fn only_types_that_the_folder_brought_and_no_longer_names_are_gone() {
        let ours = json!({"labels": {"muster.folder": "ours"}});
        let theirs = json!({"labels": {"muster.folder": "theirs"}});
        let there = json!({"groups": {
            "as": {"labels": ours["labels"], "resources": {"rs": ours, "ss": theirs, "ts": {}}},
            "bs": theirs, "cs": {}, "ds": ours}});
        let all = there["groups"].as_object().cloned().unwrap_or_default();
        let group = |name: &str| (name.to_owned(), None);
        for (said, expect) in [
            (json!({}), vec![]),
            (json!({"description": "D"}), vec![]),
            (json!({"groups": {}}), vec![group("as"), group("ds")]),
            (json!({"groups": {"ds": {}, "as": {}}}), vec![]),
            (
                json!({"groups": {"as": {"resources": {}}}}),
                vec![("as".to_owned(), Some("rs".to_owned())), group("ds")],
            ),
        ] {
            let (folder, foundation) = ("ours".to_owned(), Foundation::BuiltIn);
            let members = said.as_object().cloned().unwrap_or_default();
            let mut model = FolderModel { folder, said: members, foundation, dropped: Vec::new() };
            model.dropped = model.gone(&there);
            assert_eq!(model.dropped, expect, "{said}");
            model.said.remove("groups");
            let merged = model.merged_into(&there);
            let left = merged["groups"].as_object().map_or(0, Map::len);
            assert_eq!(left, all.len() - expect.iter().filter(|one| one.1.is_none()).count());
            let has_rs = merged["groups"]["as"]["resources"].get("rs").is_some();
            assert_eq!(has_rs, !expect.iter().any(|one| one.0 == "as"), "{merged}");
        }
    }

    #[test]
    fn adds_and_changes_what_the_folder_names_and_nothing_else() {
        let brought = json!({"muster.folder": "ours"});
        let theirs = json!({"muster.folder": "theirs"});
        for (there, said, expect) in [
            (json!({}), json!({}), json!({})),
            (
                json!({"groups": {"as": {"singular": "a"}}}),
                json!({"groups": null}),
                json!({"groups": {"as": {"singular": "a"}}}),
            ),
            // A new type is labelled, and so are its resource types.
            (
                json!({}),
                json!({"groups": {"as": {"singular": "a", "resources": {"rs": {"singular": "r"}}}}}),
                json!({"groups": {"as": {"singular": "a", "labels": brought,
                    "resources": {"rs": {"singular": "r", "labels": brought}}}}}),
            ),
            // Another folder's type stays, and so does who brought a type.
            (
                json!({"groups": {"as": {"singular": "a", "labels": theirs}, "bs": {"singular": "b"}}}),
                json!({"groups": {"as": {"singular": "a", "description": "A"}, "bs": {"singular": "b"}}}),
                json!({"groups": {"as": {"singular": "a", "description": "A", "labels": theirs},
                    "bs": {"singular": "b"}}}),
            ),
            // The members of a type are the folder's; resource types that it doesn't name stay.
            (
                json!({"groups": {"as": {"singular": "a", "icon": "x:y", "resources": {"rs": {"singular": "r"}}}}}),
                json!({"groups": {"as": {"singular": "a", "resources": {"ss": {"singular": "s", "labels": {"k": "v"}}}}}}),
                json!({"groups": {"as": {"singular": "a", "resources": {"rs": {"singular": "r"},
                    "ss": {"singular": "s", "labels": {"k": "v", "muster.folder": "ours"}}}}}}),
            ),
            // A label that was copied from a registry is nobody's word.
            (
                json!({"groups": {"as": {"singular": "a"}}}),
                json!({"groups": {"as": {"singular": "a", "labels": theirs}}}),
                json!({"groups": {"as": {"singular": "a"}}}),
            ),
            // Attributes and labels of the registry are merged by name; the folder's name isn't one.
            (
                json!({"attributes": {"x": {"type": "any"}}, "labels": {"a": "1"}}),
                json!({"attributes": {"y": {"type": "any"}}, "labels": {"muster.folder": "ours", "b": "2"}}),
                json!({"attributes": {"x": {"type": "any"}, "y": {"type": "any"}}, "labels": {"a": "1", "b": "2"}}),
            ),
            (json!({}), json!({"labels": {"muster.folder": "ours"}}), json!({})),
            // Nobody brings a built-in type.
            (
                json!({}),
                json!({"groups": {"configs": {"singular": "config",
                    "resources": {"entries": {"singular": "entry"}, "others": {"singular": "other"}}}}}),
                json!({"groups": {"configs": {"singular": "config",
                    "resources": {"entries": {"singular": "entry"},
                        "others": {"singular": "other", "labels": brought}}}}}),
            ),
            // What is no type is left to the model's own checks.
            (
                json!({}),
                json!({"groups": {"as": 1}, "description": "D"}),
                json!({"groups": {"as": 1}, "description": "D"}),
            ),
        ] {
            let found = merged(&there, &said);
            assert_eq!(found, expect, "{there} {said}");
            assert_eq!(merged(&found, &said), found, "a second time changes nothing: {said}");
        }
    }
}

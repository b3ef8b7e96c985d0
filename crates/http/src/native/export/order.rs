use std::collections::BTreeSet;

use muster_model::{GroupType, Model, Reference};

/// The types to which others are bound.
const BOUND: [&str; 2] = ["schemagroups", "rulegroups"];

/// The group types of a model in the order of an export: schemas and rules first, then each type
/// after those that its documents refer to. Types that refer to each other stay in the order of
/// their names.
pub(super) fn ordered_types(model: &Model) -> Vec<String> {
    let mut left: Vec<&GroupType> =
        model.group_types().map(|kind| &**kind).filter(|kind| !is_bound_to(kind)).collect();
    let bound = BOUND.iter().filter(|plural| model.group_type(plural).is_some());
    let mut ordered: Vec<String> = bound.map(|plural| (*plural).to_owned()).collect();
    while !left.is_empty() {
        let names: BTreeSet<&str> = left.iter().map(|kind| kind.plural.as_str()).collect();
        let is_free = |kind: &&GroupType| {
            !targets(kind).any(|target| target != kind.plural && names.contains(target.as_str()))
        };
        let is_next = |kind: &&GroupType| is_free(kind) && !refers_to_any(kind);
        let next = left.iter().position(is_next).or_else(|| left.iter().position(is_free));
        let next = next.unwrap_or(0);
        ordered.push(left.remove(next).plural.clone());
    }
    ordered
}

fn is_bound_to(kind: &GroupType) -> bool {
    BOUND.contains(&kind.plural.as_str())
}

fn references(kind: &GroupType) -> impl Iterator<Item = &Reference> {
    kind.resources.values().flat_map(|resource| &resource.aspect.references)
}

/// Whether the documents of a type refer to documents of any type.
fn refers_to_any(kind: &GroupType) -> bool {
    references(kind).any(|reference| reference.collection.is_none())
}

/// The group types that the documents of a type refer to.
fn targets(kind: &GroupType) -> impl Iterator<Item = String> + '_ {
    let collections = references(kind).filter_map(|reference| reference.collection.as_ref());
    collections.map(|collection| collection.groups.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_model::Foundation;

    use super::*;

    #[test]
    fn a_type_comes_after_those_that_it_refers_to() {
        let reference = |to: &str| serde_json::json!({"muster": {"references": [{"field": "/of", "collection": to}]}});
        let of = |singular: &str, to: Option<&str>| {
            let mut resource = serde_json::json!({"singular": "item"});
            if let Some(to) = to {
                resource["labels"] = serde_json::json!({});
                resource
                    .as_object_mut()
                    .unwrap()
                    .extend(reference(to).as_object().unwrap().clone());
            }
            serde_json::json!({"singular": singular, "resources": {"items": resource}})
        };
        let source = serde_json::json!({"groups": {
            "as": of("a", Some("/bs/items")),
            "bs": of("b", Some("/cs/items")),
            "cs": of("c", None),
            "any": of("one", Some("*")),
            "ps": of("p", Some("/qs/items")),
            "qs": of("q", Some("/ps/items")),
        }});
        let model = Model::compile(&source, Foundation::BuiltIn).unwrap();
        let ordered = ordered_types(&model);
        let place = |name: &str| ordered.iter().position(|one| one == name).unwrap();
        assert!(place("cs") < place("bs") && place("bs") < place("as"), "{ordered:?}");
        assert!(place("ps") < place("qs"), "a circle has the order of names: {ordered:?}");
        assert_eq!(ordered[..2], ["schemagroups", "rulegroups"]);
        let all: BTreeSet<String> = model.group_types().map(|kind| kind.plural.clone()).collect();
        assert_eq!(ordered.iter().cloned().collect::<BTreeSet<_>>(), all);
    }
}

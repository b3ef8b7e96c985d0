//! Properties of any source and any entity.

use proptest::prelude::*;

use super::*;

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[1-9][0-9]{0,2}\\.[0-9]{1,2}".prop_map(|text| serde_json::from_str(&text).unwrap()),
        "2026-0[1-9]-0[1-9]T00:00:00(Z|\\+02:00)?".prop_map(Value::from),
        "/(dirs/d1)?(/files/f1)?".prop_map(Value::from),
        "[a-cA-C]{0,2}".prop_map(Value::from),
    ]
}

/// Any JSON whose members have these names.
fn tree(names: &'static [&'static str], depth: u32) -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        8 => prop::sample::select(names).prop_map(str::to_owned),
        1 => "[a-c$*A_-]{0,2}",
    ];
    scalar().prop_recursive(depth, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

const ENTITY: &[&str] = &["a", "b", "c", "d", "e", "f", "g", "h", "i", "name", "labels"];
const MODEL: &[&str] = &[
    "attributes",
    "groups",
    "resources",
    "singular",
    "type",
    "item",
    "enum",
    "default",
    "required",
    "ifvalues",
    "siblingattributes",
    "dirs",
    "files",
    "labels",
    "$include",
    "ximportresources",
    "metaattributes",
    "target",
    "name",
];

fn kinds() -> Model {
    let attributes: Map<String, Value> = Kind::ALL
        .into_iter()
        .zip('a'..)
        .map(|(kind, name)| {
            let mut attribute = json!({ "type": kind });
            let members = attribute.as_object_mut().unwrap();
            if matches!(kind, Kind::Map | Kind::Array) {
                members.insert("item".to_owned(), json!({ "type": "integer" }));
            }
            if kind == Kind::Object {
                let within = json!({ "a": { "type": "timestamp" }, "*": { "type": "string" } });
                members.insert("attributes".to_owned(), within);
            }
            (name.to_string(), attribute)
        })
        .collect();
    let mut source = dirs(json!({}));
    source.as_object_mut().unwrap().insert("attributes".to_owned(), attributes.into());
    bare(source).unwrap()
}

/// Attributes that are often valid: a type, its required members, and some aspects.
fn attributes() -> impl Strategy<Value = Value> {
    let aspect = prop_oneof![
        Just(("required", json!(true))),
        Just(("readonly", json!(false))),
        Just(("strict", json!(false))),
        Just(("description", json!("d"))),
        Just(("matchversions", json!(true))),
        scalar().prop_map(|value| ("default", value)),
        prop::collection::vec(scalar(), 0..3).prop_map(|values| ("enum", values.into())),
    ];
    let kind = prop::sample::select(Kind::ALL.to_vec());
    let plain = (kind, prop::collection::vec(aspect, 0..3)).prop_map(|(kind, aspects)| {
        let mut attribute = json!({ "type": kind });
        let members = attribute.as_object_mut().unwrap();
        if matches!(kind, Kind::Map | Kind::Array) {
            members.insert("item".to_owned(), json!({ "type": "string" }));
        }
        members.extend(aspects.into_iter().map(|(name, value)| (name.to_owned(), value)));
        attribute
    });
    let attribute = plain.prop_recursive(3, 20, 3, |inner| {
        let several = prop::collection::btree_map("[a-e]", inner, 0..3);
        prop_oneof![
            several.clone().prop_map(|members| json!({ "type": "object", "attributes": members })),
            several.prop_map(|siblings| json!({ "type": "string", "ifvalues":
                { "x": { "siblingattributes": siblings } } })),
        ]
    });
    prop::collection::btree_map("[a-e]|name|\\*", attribute, 0..4)
        .prop_map(|all| Value::Object(all.into_iter().collect()))
}

proptest! {
    #[test]
    fn what_was_checked_stays_as_it_is(sent in tree(ENTITY, 3)) {
        let model = kinds();
        if let Value::Object(mut entity) = sent
            && model.registry().check(&mut entity, Readonly::Drop).is_ok()
        {
            let mut again = entity.clone();
            prop_assert_eq!(model.registry().check(&mut again, Readonly::Keep), Ok(()));
            prop_assert_eq!(again, entity);
        }
    }

    #[test]
    fn any_source_is_compiled_or_refused(
        source in prop_oneof![
            tree(MODEL, 6),
            attributes().prop_map(|all| dirs(json!({ "attributes": all }))),
        ]
    ) {
        for foundation in [Foundation::Bare, Foundation::BuiltIn] {
            if let Ok(model) = Model::compile(&source, foundation) {
                let full = model.to_json();
                let again = Model::compile(&full, foundation).map(|model| model.to_json());
                prop_assert_eq!(again, Ok(full));
            }
        }
    }
}

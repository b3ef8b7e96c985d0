//! Schemas that refer to others.

use serde_json::json;

use super::{Case, PART, Put, SCHEMA_A, SCHEMA_B, SCHEMA_C, SCHEMA_D, bind, case, refers};

fn missing(name: &str) -> &'static str {
    match name {
        "a" => "error /a required a is missing",
        "b" => "error /b required b is missing",
        "c" => "error /c required c is missing",
        _ => "error /d required d is missing",
    }
}

pub(super) fn schemas_that_refer_to_others() -> Vec<Case> {
    let cases = vec![
        case(
            "two ways lead to one schema",
            vec![
                Put(SCHEMA_D, refers("d", &[])),
                Put(SCHEMA_C, refers("c", &["d"])),
                Put(SCHEMA_B, refers("b", &["d"])),
                Put(SCHEMA_A, refers("a", &["b", "c"])),
                bind(SCHEMA_A),
            ],
            vec![
                (PART, r#"{"a":1,"b":1,"c":1,"d":1}"#, vec![]),
                (PART, r#"{"a":1,"b":1,"c":1}"#, vec![missing("d")]),
            ],
        ),
        case(
            "schemas that lead back to themselves",
            vec![
                Put(SCHEMA_C, json!({})),
                Put(SCHEMA_B, refers("b", &["c"])),
                Put(SCHEMA_A, refers("a", &["b"])),
                bind(SCHEMA_A),
            ],
            vec![(
                SCHEMA_C,
                r#"{"allOf":[{"$ref":"/schemagroups/s/schemas/a"}]}"#,
                vec![
                    "error  $ref schemas refer to each other in a circle: /schemagroups/s/schemas/a → /schemagroups/s/schemas/b → /schemagroups/s/schemas/c → /schemagroups/s/schemas/a",
                ],
            )],
        ),
        case(
            "a new version of a schema in the middle leads on",
            vec![
                Put(SCHEMA_C, refers("c", &[])),
                Put(SCHEMA_B, refers("b", &[])),
                Put(SCHEMA_A, refers("a", &["b"])),
                bind(SCHEMA_A),
                Put(SCHEMA_B, refers("b", &["c"])),
            ],
            vec![
                (PART, r#"{"a":1,"b":1,"c":1}"#, vec![]),
                (PART, r#"{"a":1,"b":1}"#, vec![missing("c")]),
            ],
        ),
        case(
            "a schema is found by its id, in its group",
            vec![
                Put(SCHEMA_C, json!({"$id": "https://x.example/c", "required": ["c"]})),
                Put(SCHEMA_B, json!({"$id": "Entity", "$ref": "https://x.example/c"})),
                Put(SCHEMA_A, json!({"$id": "Component", "$ref": "Entity"})),
                Put("/schemagroups/t/schemas/c", json!({"$id": "https://x.example/c"})),
                bind(SCHEMA_A),
            ],
            vec![(PART, r#"{"c":1}"#, vec![]), (PART, "{}", vec![missing("c")])],
        ),
    ];
    cases.into_iter().chain(chains()).collect()
}

/// A chain of three schemas, in every order of their names.
fn chains() -> Vec<Case> {
    let mut cases = Vec::new();
    for order in ["abc", "acb", "bac", "bca", "cab", "cba"] {
        let [first, second, third] = [0, 1, 2].map(|at| &order[at..=at]);
        let at = |name: &str| match name {
            "a" => SCHEMA_A,
            "b" => SCHEMA_B,
            _ => SCHEMA_C,
        };
        cases.push(case(
            "a chain",
            vec![
                Put(at(third), refers(third, &[])),
                Put(at(second), refers(second, &[third])),
                Put(at(first), refers(first, &[second])),
                bind(at(first)),
            ],
            vec![
                (PART, r#"{"a":1,"b":1,"c":1}"#, vec![]),
                (PART, "{}", vec![missing("a"), missing("b"), missing("c")]),
            ],
        ));
    }
    cases
}

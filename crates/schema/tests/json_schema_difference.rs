//! The difference of two versions of a JSON Schema, as people read it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use muster_schema::{NoSources, Schema, json_schema_difference};

fn told(old: &str, new: &str) -> Vec<String> {
    let parse = |text: &str| Schema::parse(text.as_bytes(), &NoSources).unwrap();
    let changes = json_schema_difference(&parse(old), &parse(new));
    let word = |value: serde_json::Value| value.as_str().unwrap().to_owned();
    let line = |change: &muster_schema::SchemaChange| {
        let [kind, part, class] = [
            serde_json::to_value(change.kind),
            serde_json::to_value(change.part),
            serde_json::to_value(change.class),
        ]
        .map(|value| word(value.unwrap()));
        let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".into());
        format!(
            "{kind} {part} {class} {} {} → {}",
            change.path,
            side(&change.was),
            side(&change.is)
        )
    };
    changes.iter().map(line).collect()
}

#[test]
fn tells_members_types_constraints_requirements_and_texts_apart() {
    for (old, new, expect) in [
        ("{}", "{}", &[][..]),
        (
            r#"{"type":"integer"}"#,
            r#"{"type":"number"}"#,
            &[r#"modified type breaking /type "integer" → "number""#],
        ),
        (
            r#"{"title":"a"}"#,
            r#"{"title":"b","description":"c"}"#,
            &[
                r#"modified documentation patch /title "a" → "b""#,
                r#"added documentation patch /description nothing → "c""#,
            ],
        ),
        (
            r#"{"properties":{"a":{"default":1}}}"#,
            r#"{"properties":{"a":{"default":2,"deprecated":true}}}"#,
            &[
                "modified default non-breaking /properties/a/default 1 → 2",
                "deprecated documentation patch /properties/a/deprecated nothing → true",
            ],
        ),
        (
            r#"{"properties":{"a":true}}"#,
            r#"{"properties":{"b":true}}"#,
            &[
                "removed member non-breaking /properties/a true → nothing",
                "added member non-breaking /properties/b nothing → true",
            ],
        ),
        (
            r#"{"properties":{"a":{"type":"string"}}}"#,
            r#"{"properties":{"a":{"type":"string"}},"required":["a"]}"#,
            &[r#"modified required breaking /properties/a "optional" → "required""#],
        ),
        (
            r#"{"maxLength":5}"#,
            r#"{"maxLength":4,"minimum":3}"#,
            &[
                "modified constraint breaking /maxLength 5 → 4",
                "added constraint breaking /minimum nothing → 3",
            ],
        ),
        (
            r#"{"anyOf":[{"const":1}]}"#,
            r#"{"anyOf":[{"const":1},{"const":2}]}"#,
            &[r#"added member breaking /anyOf/1 nothing → {"const":2}"#],
        ),
        (
            r#"{"minLength":1}"#,
            r##"{"$ref":"#/$defs/a","$defs":{"a":{"minLength":1}}}"##,
            &[
                "removed constraint non-breaking /minLength 1 → nothing",
                r#"added member non-breaking /$defs/a nothing → {"minLength":1}"#,
                r##"added type non-breaking /$ref nothing → "#/$defs/a""##,
            ],
        ),
    ] {
        assert_eq!(told(old, new), expect, "{old} {new}");
    }
}

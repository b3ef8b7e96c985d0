//! The meaning of the keywords in each draft: a table of what matters here, with formats and
//! numbers. All cases of the official suite are in tests/suite.rs.

use super::*;

const DRAFTS: [(&str, &str); 5] = [
    ("4", "http://json-schema.org/draft-04/schema#"),
    ("6", "http://json-schema.org/draft-06/schema#"),
    ("7", "http://json-schema.org/draft-07/schema#"),
    ("9", "https://json-schema.org/draft/2019-09/schema"),
    ("0", "https://json-schema.org/draft/2020-12/schema"),
];

/// Drafts (4, 6, 7, 2019-0`9`, 2020-12 as `0`), schema, valid values, invalid values.
const TABLE: &[(&str, &str, &[&str], &[&str])] = &[
    ("46790", r#"{}"#, &["1", "null", "{}"], &[]),
    ("46790", r#"{"type":"string"}"#, &[r#""a""#], &["1", "null", "[]"]),
    ("46790", r#"{"type":["integer","null"]}"#, &["1", "null"], &["1.5", r#""1""#]),
    ("6790", r#"{"type":"integer"}"#, &["1", "1.0", "1e2", "-0"], &["1.5", "true"]),
    ("46790", r#"{"enum":["a",1,null,[1]]}"#, &[r#""a""#, "1", "null", "[1]"], &["2", "[2]"]),
    ("6790", r#"{"const":{"a":1}}"#, &[r#"{"a":1}"#, r#"{"a":1.0}"#], &[r#"{"a":2}"#]),
    ("46790", r#"{"minimum":3,"maximum":5}"#, &["3", "5", r#""x""#], &["2.9", "5.1"]),
    ("6790", r#"{"exclusiveMinimum":3}"#, &["3.1"], &["3", "2"]),
    ("4", r#"{"minimum":3,"exclusiveMinimum":true}"#, &["3.1"], &["3"]),
    ("4", r#"{"maximum":3,"exclusiveMaximum":true}"#, &["2"], &["3"]),
    ("6790", r#"{"exclusiveMaximum":3}"#, &["2"], &["3"]),
    ("46790", r#"{"multipleOf":0.01}"#, &["4.35", "0.07"], &["4.355"]),
    (
        "46790",
        r#"{"minLength":2,"maxLength":3}"#,
        &[r#""ab""#, r#""äöü""#],
        &[r#""a""#, r#""abcd""#],
    ),
    ("46790", r#"{"pattern":"^[a-z]+$"}"#, &[r#""abc""#, "1"], &[r#""Abc""#]),
    ("46790", r#"{"pattern":"b"}"#, &[r#""abc""#], &[r#""ac""#]),
    ("46790", r#"{"minItems":1,"maxItems":2}"#, &["[1]", "[1,2]"], &["[]", "[1,2,3]"]),
    (
        "46790",
        r#"{"uniqueItems":true}"#,
        &["[1,2]", "[]"],
        &["[1,1]", "[1,1.0]", r#"[{"a":1},{"a":1}]"#],
    ),
    ("46790", r#"{"required":["a"]}"#, &[r#"{"a":null}"#, "1"], &["{}"]),
    (
        "46790",
        r#"{"minProperties":1,"maxProperties":2}"#,
        &[r#"{"a":1}"#],
        &["{}", r#"{"a":1,"b":1,"c":1}"#],
    ),
    (
        "46790",
        r#"{"properties":{"a":{"type":"integer"}}}"#,
        &[r#"{"a":1}"#, "{}"],
        &[r#"{"a":"1"}"#],
    ),
    (
        "46790",
        r#"{"patternProperties":{"^x-":{"type":"integer"}}}"#,
        &[r#"{"x-a":1}"#, r#"{"a":"s"}"#],
        &[r#"{"x-a":"s"}"#],
    ),
    (
        "46790",
        r#"{"properties":{"a":{}},"additionalProperties":false}"#,
        &[r#"{"a":1}"#],
        &[r#"{"b":1}"#],
    ),
    ("46790", r#"{"additionalProperties":{"type":"integer"}}"#, &[r#"{"b":1}"#], &[r#"{"b":"s"}"#]),
    ("6790", r#"{"propertyNames":{"pattern":"^[a-z]$"}}"#, &[r#"{"a":1}"#], &[r#"{"A":1}"#]),
    ("467", r#"{"dependencies":{"a":["b"]}}"#, &[r#"{"a":1,"b":1}"#, "{}"], &[r#"{"a":1}"#]),
    ("467", r#"{"dependencies":{"a":{"required":["b"]}}}"#, &[r#"{"a":1,"b":1}"#], &[r#"{"a":1}"#]),
    ("90", r#"{"dependentRequired":{"a":["b"]}}"#, &[r#"{"a":1,"b":1}"#], &[r#"{"a":1}"#]),
    (
        "90",
        r#"{"dependentSchemas":{"a":{"required":["b"]}}}"#,
        &[r#"{"a":1,"b":1}"#],
        &[r#"{"a":1}"#],
    ),
    ("46790", r#"{"items":{"type":"integer"}}"#, &["[1,2]", "[]"], &[r#"[1,"2"]"#]),
    (
        "4679",
        r#"{"items":[{"type":"integer"}],"additionalItems":false}"#,
        &["[1]"],
        &["[1,2]", r#"["a"]"#],
    ),
    (
        "0",
        r#"{"prefixItems":[{"type":"integer"}],"items":false}"#,
        &["[1]", "[]"],
        &["[1,2]", r#"["a"]"#],
    ),
    ("6790", r#"{"contains":{"const":1}}"#, &["[2,1]"], &["[2]", "[]"]),
    ("90", r#"{"contains":{"const":1},"minContains":2}"#, &["[1,1]"], &["[1]"]),
    ("90", r#"{"contains":{"const":1},"maxContains":1}"#, &["[1]"], &["[1,1]"]),
    ("46790", r#"{"allOf":[{"minimum":1},{"maximum":2}]}"#, &["1.5"], &["0", "3"]),
    ("46790", r#"{"anyOf":[{"type":"null"},{"minimum":2}]}"#, &["null", "2"], &["1"]),
    ("46790", r#"{"oneOf":[{"multipleOf":2},{"multipleOf":3}]}"#, &["2", "3"], &["6", "1"]),
    ("46790", r#"{"not":{"type":"null"}}"#, &["1"], &["null"]),
    (
        "790",
        r#"{"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}"#,
        &[r#"{"a":1,"b":1}"#, r#"{"c":1}"#],
        &[r#"{"a":1}"#, "{}"],
    ),
    (
        "90",
        r#"{"properties":{"a":{}},"unevaluatedProperties":false}"#,
        &[r#"{"a":1}"#],
        &[r#"{"b":1}"#],
    ),
    (
        "90",
        r#"{"allOf":[{"properties":{"a":{}}}],"unevaluatedProperties":false}"#,
        &[r#"{"a":1}"#],
        &[r#"{"b":1}"#],
    ),
    ("0", r#"{"prefixItems":[{}],"unevaluatedItems":false}"#, &["[1]"], &["[1,2]"]),
    ("6790", r#"{"properties":{"a":true,"b":false}}"#, &[r#"{"a":1}"#], &[r#"{"b":1}"#]),
    (
        "467",
        r##"{"definitions":{"n":{"type":"integer"}},"properties":{"a":{"$ref":"#/definitions/n"}}}"##,
        &[r#"{"a":1}"#],
        &[r#"{"a":"1"}"#],
    ),
    (
        "90",
        r##"{"$defs":{"n":{"type":"integer"}},"$ref":"#/$defs/n","minimum":2}"##,
        &["2"],
        &["1", r#""a""#],
    ),
    (
        "467",
        r##"{"definitions":{"n":{"type":"integer"}},"properties":{"a":{"$ref":"#/definitions/n","minimum":2}}}"##,
        &[r#"{"a":1}"#],
        &[r#"{"a":"x"}"#],
    ),
    (
        "90",
        r##"{"$defs":{"n":{"$anchor":"num","type":"integer"}},"$ref":"#num"}"##,
        &["2"],
        &[r#""a""#],
    ),
    (
        "46790",
        r##"{"properties":{"next":{"$ref":"#"}},"additionalProperties":false}"##,
        &[r#"{"next":{"next":{}}}"#],
        &[r#"{"next":{"nxt":{}}}"#],
    ),
    (
        "90",
        r#"{"$id":"https://example.com/a","$defs":{"b":{"$id":"b","type":"integer"}},"$ref":"b"}"#,
        &["1"],
        &[r#""a""#],
    ),
    (
        "0",
        r##"{"$id":"https://example.com/tree","$dynamicAnchor":"node","properties":{"children":{"items":{"$dynamicRef":"#node"}}},"type":"object"}"##,
        &[r#"{"children":[{}]}"#],
        &[r#"{"children":[1]}"#],
    ),
    (
        "9",
        r##"{"$recursiveAnchor":true,"properties":{"child":{"$recursiveRef":"#"}},"type":"object"}"##,
        &[r#"{"child":{}}"#],
        &[r#"{"child":1}"#],
    ),
    (
        "790",
        r#"{"format":"date"}"#,
        &[r#""2026-11-21""#, "1"],
        &[r#""2026-13-45""#, r#""21.11.2026""#],
    ),
    ("46790", r#"{"format":"date-time"}"#, &[r#""2026-11-21T10:12:03Z""#], &[r#""2026-11-21""#]),
    (
        "46790",
        r#"{"format":"uri"}"#,
        &[r#""https://example.com/a""#],
        &[r#""example.com""#, r#""/a""#],
    ),
    ("46790", r#"{"format":"email"}"#, &[r#""a@example.com""#], &[r#""a.example.com""#]),
    ("46790", r#"{"format":"ipv4"}"#, &[r#""127.0.0.1""#], &[r#""300.0.0.1""#]),
    ("90", r#"{"format":"uuid"}"#, &[r#""f81d4fae-7dec-11d0-a765-00a0c91e6bf6""#], &[r#""f81d""#]),
    ("46790", r#"{"format":"of-our-own"}"#, &[r#""anything""#], &[]),
    ("46790", r#"{"maximum":9007199254740992}"#, &["9007199254740992"], &["9007199254740993"]),
    ("46790", r#"{"enum":[9007199254740993]}"#, &["9007199254740993"], &["9007199254740992"]),
    (
        "6790",
        r#"{"const":123456789012345678901234567890}"#,
        &["123456789012345678901234567890"],
        &["123456789012345678901234567891"],
    ),
    ("46790", r#"{"maximum":1e400}"#, &["1e399", "1"], &["1e401"]),
];

#[test]
fn every_draft_means_what_its_specification_says() {
    let mut cases = 0;
    for (drafts, schema, passing, failing) in TABLE {
        for (_, uri) in DRAFTS.iter().filter(|(draft, _)| drafts.contains(draft)) {
            let mut with_draft = parse(schema);
            with_draft["$schema"] = json!(uri);
            let schema = compile(&with_draft.to_string());
            for value in *passing {
                let found = schema.validate_asserting_formats(&parse(value));
                assert_eq!(found, [], "{with_draft} takes {value}");
            }
            for value in *failing {
                let found = schema.validate_asserting_formats(&parse(value));
                assert_ne!(found, [], "{with_draft} refuses {value}");
            }
            cases += passing.len() + failing.len();
        }
    }
    assert!(cases > 500, "{cases}");
}

#[test]
fn a_format_is_an_annotation_from_2019_on() {
    for (draft, uri) in DRAFTS {
        let schema = json!({"$schema": uri, "format": "ipv4"}).to_string();
        let schema = compile(&schema);
        let value = parse(r#""300.0.0.1""#);
        assert_eq!(schema.validate(&value).is_empty(), matches!(draft, "9" | "0"), "{uri}");
        assert!(!schema.validate_asserting_formats(&value).is_empty(), "{uri}");
    }
    // Each document of a family does as its own draft says.
    let old = r#"{"$schema":"http://json-schema.org/draft-07/schema#","format":"ipv4"}"#;
    let sources = family(&[("/schemagroups/g/schemas/old", old)]);
    let schema = parse(
        r#"{"properties":{"a":{"$ref":"/schemagroups/g/schemas/old"},"b":{"format":"ipv4"}}}"#,
    );
    let schema = Schema::compile(&schema, &sources).unwrap();
    let found = lines(&schema, r#"{"a":"x","b":"x"}"#);
    assert_eq!(found, [r#"/a format "x" is not of the format ipv4"#]);
}

#[test]
fn a_schema_without_a_draft_is_2020_12_and_another_dialect_is_refused() {
    assert_eq!(compile("{}").dialect(), Dialect::Draft202012);
    assert_eq!(compile("true").dialect(), Dialect::Draft202012);
    for text in ["http://json-schema.org/draft-03/schema#", "https://example.com/mine", ""] {
        let error = refused(&json!({"$schema": text}).to_string());
        assert!(matches!(&error, CompileError::Dialect { found } if found == text), "{error}");
        assert_eq!(error.violations()[0].pointer, "/$schema");
    }
    assert!(matches!(refused(r#"{"$schema": 7}"#), CompileError::Dialect { .. }));
}

#[test]
fn a_draft_is_named_with_or_without_its_last_sign_and_over_either_scheme() {
    for text in [
        "http://json-schema.org/draft-07/schema",
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft-07/schema#",
    ] {
        let schema = compile(&json!({"$schema": text, "type": "string"}).to_string());
        assert_eq!(schema.dialect(), Dialect::Draft7);
        assert_eq!(lines(&schema, "1").len(), 1);
    }
}

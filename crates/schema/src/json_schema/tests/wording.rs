use super::*;

#[test]
fn says_what_is_wrong_where_and_what_was_likely_meant() {
    for (schema, value, expect) in [
        (
            r#"{"enum":["git_based","api_based","hybrid","headless"]}"#,
            r#""git""#,
            r#" enum "git" is none of git_based, api_based, hybrid, headless; did you mean git_based?"#,
        ),
        (r#"{"enum":["a"]}"#, r#""zzz""#, r#" enum "zzz" must be a"#),
        (
            r#"{"enum":[1,2,3,4,5,6,7,8,9,10,11,12,13,14]}"#,
            "0",
            " enum 0 is none of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 2 more",
        ),
        (r#"{"const":"x"}"#, r#""y""#, r#" const "y" must be "x""#),
        (
            r#"{"required":["last_updated"]}"#,
            "{}",
            "/last_updated required last_updated is missing",
        ),
        (
            r#"{"properties":{"last_updated":{"description":"when the document was last updated"}},"required":["last_updated"]}"#,
            "{}",
            "/last_updated required last_updated is missing: when the document was last updated",
        ),
        (r#"{"properties":{"a/b":{}},"required":["a/b"]}"#, "{}", "/a~1b required a/b is missing"),
        (
            r#"{"properties":{"title":{}},"additionalProperties":false}"#,
            r#"{"titel":1}"#,
            r#"/titel additionalProperties "titel" is not an allowed name; did you mean title?"#,
        ),
        (
            r#"{"properties":{"title":{}},"unevaluatedProperties":false}"#,
            r#"{"titel":1}"#,
            r#"/titel unevaluatedProperties "titel" is not an allowed name; did you mean title?"#,
        ),
        (
            r##"{"$defs":{"d":{"properties":{"title":{}},"additionalProperties":false}},"properties":{"a":{"$ref":"#/$defs/d"}}}"##,
            r#"{"a":{"titel":1}}"#,
            r#"/a/titel additionalProperties "titel" is not an allowed name; did you mean title?"#,
        ),
        (
            r#"{"properties":{"title":{}},"additionalProperties":false}"#,
            r#"{"a/b~c":1}"#,
            r#"/a~1b~0c additionalProperties "a/b~c" is not an allowed name"#,
        ),
        (
            r#"{"items":{"properties":{"title":{}},"unevaluatedProperties":false}}"#,
            r#"[{"~1":1}]"#,
            r#"/0/~01 unevaluatedProperties "~1" is not an allowed name"#,
        ),
        (
            r#"{"properties":{"title":{}},"additionalProperties":false}"#,
            r#"{"title":1,"titel":1}"#,
            r#"/titel additionalProperties "titel" is not an allowed name"#,
        ),
        (r#"{"type":"integer"}"#, r#""git""#, r#" type "git" is text; a whole number is needed"#),
        (
            r#"{"type":["integer","null"]}"#,
            "[]",
            " type [] is a list; null or a whole number is needed",
        ),
        (r#"{"minimum":0}"#, "-5", " minimum -5 is below the minimum of 0"),
        (r#"{"maximum":1000}"#, "1000.50", " maximum 1000.50 is above the maximum of 1000"),
        (
            r#"{"maxLength":120}"#,
            &json!("x".repeat(1400)).to_string(),
            " maxLength 1,400 characters; at most 120 are allowed",
        ),
        (r#"{"minItems":1}"#, "[]", " minItems 0 values; at least 1 is needed"),
        (
            r#"{"uniqueItems":true}"#,
            r#"["cms","ssg","cms"]"#,
            r#" uniqueItems "cms" occurs twice, as numbers 1 and 3"#,
        ),
        (
            r#"{"$schema":"http://json-schema.org/draft-07/schema#","format":"date"}"#,
            r#""21.11.2026""#,
            r#" format "21.11.2026" is not a date such as 2026-11-21"#,
        ),
        (r#"{"pattern":"^[a-z]+$"}"#, r#""A b""#, r#" pattern "A b" doesn't match ^[a-z]+$"#),
        (
            r#"{"anyOf":[{"type":"null"},{"type":"object","properties":{"a":{"type":"string"}}}]}"#,
            r#"{"a":1}"#,
            " anyOf matches none of the 2 alternatives; in the closest one: /a: 1 is a number; text is needed",
        ),
        (
            r#"{"oneOf":[{"type":"null"},{"type":"integer"}]}"#,
            r#""a""#,
            " oneOf matches none of the 2 alternatives",
        ),
        (r#"{"properties":{"a":false}}"#, r#"{"a":1}"#, "/a falseSchema no value is allowed here"),
        (
            r#"{"propertyNames":{"maxLength":2}}"#,
            r#"{"abc":1}"#,
            " propertyNames this name is not allowed: 3 characters; at most 2 are allowed",
        ),
    ] {
        assert_eq!(lines(&compile(schema), value), [expect], "{schema}");
    }
}

#[test]
fn names_violations_in_the_order_of_the_document_and_each_once() {
    let schema = compile(
        r#"{"allOf":[{"properties":{"c":{"type":"string"}}},{"properties":{"c":{"type":"string"}}}],
            "properties":{"a":{"items":{"type":"string"}}},"required":["b"]}"#,
    );
    let pointers: Vec<_> = schema
        .validate(&parse(r#"{"c":1,"a":["x",2,3,4,5,6,7,8,9,10,11,12]}"#))
        .into_iter()
        .map(|violation| violation.pointer)
        .collect();
    let list: Vec<String> = (1..12).map(|index| format!("/a/{index}")).collect();
    assert_eq!(pointers[..11], list);
    assert_eq!(pointers[11..], ["/c", "/b"]);
}

#[test]
fn cuts_long_values_and_long_lists() {
    let schema = compile(r#"{"items":{"type":"integer"}}"#);
    let long = format!("[\"{}\"]", "ä".repeat(100_000));
    let message = &lines(&schema, &long)[0];
    assert!(message.chars().count() < 200, "{message}");

    let many = format!("[{}]", vec!["null"; 1_000].join(","));
    let found = lines(&schema, &many);
    assert_eq!(found.len(), 100);
    assert_eq!(found[99], " $schema and 901 more violations");
    assert_eq!(found[98], "/98 type null is null; a whole number is needed");
}

//! What a `$ref`, a `$id` and an anchor mean.

use super::*;

const HOME: &str = "/schemagroups/g/schemas/root";

fn at_home(schema: &str, members: &[(&str, &str)]) -> Result<Schema, CompileError> {
    Schema::parse_at(&HOME.parse().unwrap(), schema.as_bytes(), &family(members))
}

/// Compiles a schema beside these members of its group; answers whether it takes the values.
fn takes(schema: &str, members: &[(&str, &str)], values: &[(&str, bool)]) {
    let members: Vec<(String, &str)> = members
        .iter()
        .map(|(id, schema)| (format!("/schemagroups/g/schemas/{id}"), *schema))
        .collect();
    let members: Vec<(&str, &str)> =
        members.iter().map(|(xid, schema)| (xid.as_str(), *schema)).collect();
    let compiled = at_home(schema, &members)
        .unwrap_or_else(|error| unreachable!("{error}: {:?}: {schema}", error.violations()));
    for (value, expect) in values {
        let found = lines(&compiled, value);
        assert_eq!(found.is_empty(), *expect, "{schema} {value}: {found:?}");
        assert_eq!(
            compiled.metered_for_tests().is_valid(&parse(value)),
            *expect,
            "{schema} {value}"
        );
    }
}

#[test]
fn an_id_is_its_whole_address() {
    for (first, second) in [
        ("https://x.example/a/base", "https://x.example/b/base"),
        ("https://x.example/order/schema.json", "https://x.example/common/schema.json"),
        ("urn:example:a:v1", "urn:example:b:v1"),
    ] {
        // Embedded in one document, and in two documents of one group.
        let inner = format!(r#"{{"$id":"{second}","type":"integer"}}"#);
        let outer = |defs: &str| format!(r#"{{"$id":"{first}",{defs}"$ref":"{second}"}}"#);
        let values = [("1", true), ("\"x\"", false)];
        takes(&outer(&format!(r#""$defs":{{"b":{inner}}},"#)), &[], &values);
        takes(&outer(""), &[("other", &inner)], &values);
    }
}

#[test]
fn an_anchor_belongs_to_its_resource() {
    // Each document names its own place "item", and the outer one refers to the inner's.
    let inner = r##"{"$id":"https://x.example/inner","$ref":"#item",
        "$defs":{"i":{"$anchor":"item","type":"integer"}}}"##;
    let outer = |more: &str| {
        format!(
            r##"{{"$id":"https://x.example/outer","$ref":"#item","$defs":{{{more}
                "o":{{"$anchor":"item","$ref":"https://x.example/inner#item"}}}}}}"##
        )
    };
    let values = [("1", true), ("\"x\"", false)];
    takes(&outer(&format!(r#""e":{inner},"#)), &[], &values);
    takes(&outer(""), &[("inner", inner)], &values);
    // In draft 7 an anchor is an id that is only a fragment.
    let old = r##"{"$schema":"http://json-schema.org/draft-07/schema#","$id":"https://x.example/o",
        "allOf":[{"$ref":"#item"}],"definitions":{"a":{"$id":"#item","type":"integer"},
        "b":{"$id":"other","definitions":{"c":{"$id":"#item","$ref":"o#item"}}}}}"##;
    takes(old, &[], &values);
}

#[test]
fn a_name_leads_to_a_xid_then_to_an_address_then_to_the_group_then_to_a_metaschema() {
    let integer = r#"{"type":"integer"}"#;
    let values = [("1", true), ("\"x\"", false)];
    for (schema, members) in [
        (r#"{"$ref":"/schemagroups/g/schemas/n"}"#, vec![("n", integer)]),
        // A xid is a schema whatever the base is.
        (r#"{"$id":"urn:example:a","$ref":"/schemagroups/g/schemas/n"}"#, vec![("n", integer)]),
        // Without a $id, a relative reference leads beside the schema.
        (r#"{"$ref":"n"}"#, vec![("n", integer)]),
        (r#"{"$ref":"../schemas/n"}"#, vec![("n", integer)]),
        (
            r#"{"$id":"https://x.example/a/root","$ref":"n"}"#,
            vec![("m", r#"{"$id":"https://x.example/a/n","type":"integer"}"#), ("n", "false")],
        ),
        (
            r#"{"$id":"Component","$ref":"Entity"}"#,
            vec![("entity", r#"{"$id":"Entity","type":"integer"}"#)],
        ),
        // What a member refers to is looked for in the same way.
        (
            r#"{"$ref":"n"}"#,
            vec![
                ("n", r#"{"$id":"https://x.example/n","$ref":"m"}"#),
                ("other", r#"{"$id":"https://x.example/m","type":"integer"}"#),
            ],
        ),
        // A duplicate that nobody refers to is fine.
        (
            r#"{"$ref":"n"}"#,
            vec![("n", integer), ("x", r#"{"$id":"urn:x"}"#), ("y", r#"{"$id":"urn:x"}"#)],
        ),
    ] {
        takes(schema, &members, &values);
    }
    let metaschema = [
        "http://json-schema.org/draft-04/schema#",
        "http://json-schema.org/draft-06/schema",
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2019-09/schema",
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2020-12/meta/validation",
    ];
    for address in metaschema {
        let schema = format!(r#"{{"properties":{{"a":{{"$ref":"{address}"}}}}}}"#);
        takes(
            &schema,
            &[],
            &[(r#"{"a":{"minLength":1}}"#, true), (r#"{"a":{"minLength":-1}}"#, false)],
        );
    }
}

#[test]
fn says_in_its_own_words_where_a_name_leads_nowhere() {
    let nowhere = "leads nowhere: it is neither the xid of a schema, nor a place in this document, \
                   nor the $id of a schema in the same group, nor a draft of JSON Schema";
    let twice = [
        ("/schemagroups/g/schemas/x", r#"{"$id":"urn:x"}"#),
        ("/schemagroups/g/schemas/y", r#"{"$id":"urn:x"}"#),
    ];
    for (schema, pointer, expect) in [
        (r#"{"$ref":"https://x.example/none"}"#, "/$ref", format!("\"https://x.example/none\" {nowhere}")),
        (
            r#"{"$ref":"none"}"#,
            "/$ref",
            "there is no /schemagroups/g/schemas/none".to_owned(),
        ),
        (
            r##"{"properties":{"a":{"$ref":"#/$defs/none"}}}"##,
            "/properties/a/$ref",
            "\"#/$defs/none\" leads to no place in the schema that it names".to_owned(),
        ),
        (
            r##"{"items":{"$ref":"#none"}}"##,
            "/items/$ref",
            "\"#none\" leads to no place in the schema that it names".to_owned(),
        ),
        (
            r#"{"$ref":"urn:x"}"#,
            "/$ref",
            "\"urn:x\" is the $id of several schemas: /schemagroups/g/schemas/x, \
             /schemagroups/g/schemas/y; refer to one by its xid"
                .to_owned(),
        ),
        (r#"{"$id":"a b"}"#, "/$id", "\"a b\" is no URI reference (RFC 3986)".to_owned()),
        (
            r#"{"$ref":"/schemagroups/g/schemas/x#/$defs/none"}"#,
            "/$ref",
            "\"/schemagroups/g/schemas/x#/$defs/none\" leads to no place in the schema that it names"
                .to_owned(),
        ),
    ] {
        let error = at_home(schema, &twice).unwrap_err();
        let violation = &error.violations()[0];
        assert_eq!((error.to_string(), violation.pointer.as_str()), (expect, pointer), "{schema}");
    }
}

#[test]
fn what_refers_to_itself_without_an_end_is_refused_across_documents() {
    let other = r#"{"$id":"https://x.example/b","allOf":[{"$ref":"https://x.example/b"}]}"#;
    let error =
        at_home(r#"{"$ref":"https://x.example/b"}"#, &[("/schemagroups/g/schemas/b", other)]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "in /schemagroups/g/schemas/b, which it refers to: the schema as a whole refers to itself"
    );
}

#[test]
fn a_dialect_may_extend_a_metaschema() {
    // As the dialect of OpenAPI 3.1 does.
    let dialect = r##"{"$id":"https://spec.example/dialect","$schema":"https://json-schema.org/draft/2020-12/schema",
        "$dynamicAnchor":"meta","allOf":[{"$ref":"https://json-schema.org/draft/2020-12/schema"},
        {"$ref":"https://spec.example/base"}]}"##;
    let base = r##"{"$id":"https://spec.example/base","$dynamicAnchor":"meta","type":["object","boolean"],
        "properties":{"discriminator":{"$ref":"#/$defs/discriminator"}},
        "$defs":{"discriminator":{"type":"object","required":["propertyName"]}}}"##;
    let whole = r##"{"$id":"https://spec.example/whole","type":"object","properties":{"components":{
        "additionalProperties":{"$dynamicRef":"#meta"}}},"$defs":{"schema":{"$dynamicAnchor":"meta",
        "$ref":"https://spec.example/dialect"}}}"##;
    let members = [("dialect", dialect), ("base", base)];
    takes(
        whole,
        &members,
        &[
            (
                r#"{"components":{"a":{"type":"object","discriminator":{"propertyName":"p"}}}}"#,
                true,
            ),
            (r#"{"components":{"a":{"discriminator":{}}}}"#, false),
            (r#"{"components":{"a":{"properties":{"b":{"discriminator":{}}}}}}"#, false),
            (r#"{"components":{"a":{"properties":{"b":{"type":"no"}}}}}"#, false),
        ],
    );
}

#[test]
fn an_outline_names_what_a_schema_refers_to() {
    let home: Xid = HOME.parse().unwrap();
    for (schema, id, named, addressed) in [
        ("true", None, vec![], vec![]),
        (
            r##"{"$id":"https://x.example/a#","$ref":"b#/c","properties":{"default":{"$ref":"/schemagroups/g/schemas/p"},
                "$ref":{"$ref":"#x"}},"default":{"$ref":"/schemagroups/g/schemas/q"},"x":[{"$ref":"/schemagroups/g/schemas/r"}],
                "const":{"$ref":"d"},"$defs":{"e":{"$id":"https://y.example/e","$ref":"f"},"g":{"$ref":"https://y.example/e"}}}"##,
            Some("https://x.example/a"),
            vec!["/schemagroups/g/schemas/p", "/schemagroups/g/schemas/r"],
            vec!["https://x.example/b", "https://y.example/f"],
        ),
        (r#"{"$ref":"b"}"#, None, vec![], vec!["muster:/schemagroups/g/schemas/b"]),
        (r#"{"$ref":"/configs/g/entries/b"}"#, None, vec![], vec!["muster:/configs/g/entries/b"]),
    ] {
        let outline = Outline::of(&parse(schema), Some(&home));
        assert_eq!(outline.id.as_deref(), id, "{schema}");
        let found: Vec<String> = outline.named.keys().map(ToString::to_string).collect();
        assert_eq!(found, named, "{schema}");
        assert_eq!(outline.addressed.keys().collect::<Vec<_>>(), addressed, "{schema}");
    }
}

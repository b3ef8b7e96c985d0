use super::*;

const PROVIDER: &str = "/schemagroups/webstack/schemas/provider";

#[test]
fn refers_to_another_schema_by_its_xid() {
    let sources = family(&[
        (
            PROVIDER,
            r##"{"properties":{"name":{"$ref":"#/$defs/name"}},"$defs":{"name":{"type":"string","maxLength":3}}}"##,
        ),
        ("/schemagroups/webstack/schemas/provider/versions/1", r#"{"required":["name"]}"#),
    ]);
    for (schema, value, expect) in [
        (
            r#"{"$ref":"/schemagroups/webstack/schemas/provider"}"#,
            r#"{"name":1}"#,
            vec!["/name type 1 is a number; text is needed"],
        ),
        (
            r#"{"items":{"$ref":"/schemagroups/webstack/schemas/provider"}}"#,
            r#"[{},{"name":"long"}]"#,
            vec!["/1/name maxLength 4 characters; at most 3 are allowed"],
        ),
        (
            r##"{"$ref":"/schemagroups/webstack/schemas/provider#/$defs/name"}"##,
            "1",
            vec![" type 1 is a number; text is needed"],
        ),
        (
            r#"{"$ref":"/schemagroups/webstack/schemas/provider/versions/1"}"#,
            "{}",
            vec!["/name required name is missing"],
        ),
        (
            r#"{"$id":"https://example.com/mine","$ref":"/schemagroups/webstack/schemas/provider"}"#,
            r#"{"name":1}"#,
            vec!["/name type 1 is a number; text is needed"],
        ),
        (
            r#"{"$schema":"http://json-schema.org/draft-07/schema#","$ref":"/schemagroups/webstack/schemas/provider"}"#,
            r#"{"name":1}"#,
            vec!["/name type 1 is a number; text is needed"],
        ),
    ] {
        let schema = Schema::compile(&parse(schema), &sources).unwrap();
        assert_eq!(lines(&schema, value), expect);
        assert_eq!(schema.references().len(), 1);
    }
}

#[test]
fn lists_what_it_names_and_what_its_verdicts_stand_on() {
    let sources = family(&[
        ("/schemagroups/g/schemas/a", r#"{"$ref":"/schemagroups/g/schemas/b"}"#),
        ("/schemagroups/g/schemas/b", r#"{"$ref":"/schemagroups/g/schemas/c"}"#),
        ("/schemagroups/g/schemas/c", r#"{"type":"integer"}"#),
    ]);
    let schema = parse(
        r#"{"allOf":[{"$ref":"/schemagroups/g/schemas/a"},{"$ref":"/schemagroups/g/schemas/c"}]}"#,
    );
    let schema = Schema::compile(&schema, &sources).unwrap();
    let names = |set: &std::collections::BTreeSet<Xid>| -> Vec<String> {
        set.iter().map(|xid| xid.to_string().replace("/schemagroups/g/schemas/", "")).collect()
    };
    assert_eq!(names(schema.references()), ["a", "b", "c"]);
    assert_eq!(lines(&schema, r#""x""#), [r#" type "x" is text; a whole number is needed"#]);
}

#[test]
fn names_a_reference_to_nothing_and_where_it_stands() {
    let error = refused(r#"{"properties":{"a":{"$ref":"/schemagroups/g/schemas/none"}}}"#);
    assert!(
        matches!(&error, CompileError::Missing { pointer, .. } if pointer == "/properties/a/$ref")
    );
    assert_eq!(error.to_string(), "there is no /schemagroups/g/schemas/none");
    let violation = &error.violations()[0];
    assert_eq!((violation.pointer.as_str(), violation.is_error()), ("/properties/a/$ref", true));
}

#[test]
fn never_fetches_what_is_no_xid() {
    for reference in [
        "https://example.com/schema.json",
        "http://127.0.0.1:9/schema",
        "file:///etc/passwd",
        "other.json",
        "/etc/passwd",
        "#/$defs/none",
        "#nowhere",
    ] {
        let error = refused(&json!({"properties": {"a": {"$ref": reference}}}).to_string());
        assert!(matches!(error, CompileError::Unresolvable { .. }), "{reference}: {error:?}");
    }
}

#[test]
fn a_draft_may_be_referred_to_by_its_own_name() {
    let schema = compile(r#"{"$ref":"https://json-schema.org/draft/2020-12/schema"}"#);
    assert_eq!(lines(&schema, r#"{"type":"integer"}"#), [""; 0]);
    assert_ne!(lines(&schema, r#"{"type":"number of things"}"#), [""; 0]);
}

#[test]
fn refuses_a_circle_of_schemas_and_names_it() {
    for (members, expect) in [
        (vec![("/schemagroups/g/schemas/a", r#"{"$ref":"/schemagroups/g/schemas/a"}"#)], "a → a"),
        (
            vec![
                ("/schemagroups/g/schemas/a", r#"{"items":{"$ref":"/schemagroups/g/schemas/b"}}"#),
                ("/schemagroups/g/schemas/b", r#"{"items":{"$ref":"/schemagroups/g/schemas/a"}}"#),
            ],
            "a → b → a",
        ),
    ] {
        let sources = family(&members);
        let error = Schema::compile(&parse(r#"{"$ref":"/schemagroups/g/schemas/a"}"#), &sources);
        let text = error.unwrap_err().to_string().replace("/schemagroups/g/schemas/", "");
        assert_eq!(text, format!("schemas refer to each other in a circle: {expect}"));
    }
}

#[test]
fn two_ways_to_one_schema_are_no_circle() {
    let sources = family(&[
        ("/schemagroups/g/schemas/a", r#"{"$ref":"/schemagroups/g/schemas/c"}"#),
        ("/schemagroups/g/schemas/b", r#"{"$ref":"/schemagroups/g/schemas/c"}"#),
        ("/schemagroups/g/schemas/c", "true"),
    ]);
    let schema = parse(
        r#"{"allOf":[{"$ref":"/schemagroups/g/schemas/a"},{"$ref":"/schemagroups/g/schemas/b"}]}"#,
    );
    assert_eq!(Schema::compile(&schema, &sources).unwrap().references().len(), 3);
}

#[test]
fn names_the_schema_that_is_broken_behind_a_reference() {
    let sources = family(&[("/schemagroups/g/schemas/a", r#"{"type":"strin"}"#)]);
    let error = Schema::compile(&parse(r#"{"$ref":"/schemagroups/g/schemas/a"}"#), &sources);
    let error = error.unwrap_err();
    assert!(
        matches!(&error, CompileError::Broken { reference, .. } if reference.to_string().ends_with("/a"))
    );
}

#[test]
fn locates_what_is_wrong_in_a_schema() {
    for (schema, expect) in [
        (r#"{"type":"strin"}"#, vec!["/type"]),
        (r#"{"properties":{"a":{"minLength":-1}}}"#, vec!["/properties/a/minLength"]),
        (r#"{"required":"a"}"#, vec!["/required"]),
        (r#"[1]"#, vec![""]),
        (r#"{"properties":{"a":{"pattern":"("}}}"#, vec!["/properties/a/pattern"]),
        (r#"{"properties":{"a":{"pattern":"(?=a)b"}}}"#, vec!["/properties/a/pattern"]),
        (r#"{"pattern":"(a)\\1"}"#, vec!["/pattern"]),
    ] {
        let error = refused(schema);
        assert!(matches!(error, CompileError::Invalid { .. }), "{schema}: {error:?}");
        let found: Vec<_> = error.violations().into_iter().map(|v| v.pointer).collect();
        assert_eq!(found, expect, "{schema}");
    }
}

#[test]
fn bytes_that_are_no_json_are_refused_with_line_and_column() {
    let error = Schema::parse(b"{\n \"type\": }", &NoSources).unwrap_err();
    assert_eq!(error.to_string(), "line 2, column 10: expected a JSON value");
    assert!(Schema::parse(b"{\"type\": \"string\"}", &NoSources).is_ok());
}

#[test]
fn can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Schema>();
    shared::<Violation>();
}

#[test]
fn asks_for_all_that_is_missing_and_names_the_first() {
    struct Noting(BTreeMap<Xid, Arc<Value>>, RefCell<Vec<String>>);
    impl SchemaSources for Noting {
        fn get(&self, reference: &Xid) -> Option<Arc<Value>> {
            let found = self.0.get(reference).cloned();
            if found.is_none() {
                self.1.borrow_mut().push(reference.to_string().split_off("/schemagroups/g".len()));
            }
            found
        }

        fn identified(&self, _: &Xid, _: &str) -> Vec<Xid> {
            Vec::new()
        }
    }
    let refer = |name: &str| format!(r#"{{"$ref":"/schemagroups/g/schemas/{name}"}}"#);
    let (to_c, to_d) = (refer("c"), refer("d"));
    let sources =
        family(&[("/schemagroups/g/schemas/a", &to_c), ("/schemagroups/g/schemas/b", &to_d)]);
    let noting = Noting(sources, RefCell::default());
    let all = ["a", "b", "c", "e"].map(refer).join(",");
    let error = Schema::compile(&parse(&format!(r#"{{"allOf":[{all}]}}"#)), &noting).unwrap_err();
    assert_eq!(noting.1.into_inner(), ["/schemas/c", "/schemas/d", "/schemas/e"]);
    assert_eq!(error.missing().unwrap().to_string(), "/schemagroups/g/schemas/c");
    assert!(
        matches!(&error, CompileError::Broken { reference, .. } if reference.to_string().ends_with("/a"))
    );
}

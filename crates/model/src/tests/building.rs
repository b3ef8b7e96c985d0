//! The meaning of sources, and invalid sources.

use super::*;

#[test]
fn writes_members_in_the_order_of_the_specification() {
    let model = bare(dirs(json!({ "attributes": { "size": { "type": "integer" } } }))).unwrap();
    let names = |attributes: &Attributes| {
        attributes.iter().map(|attribute| attribute.name.clone()).collect::<Vec<_>>().join(" ")
    };
    let dirs = model.group_type("dirs").unwrap();
    let files = dirs.resource_type("files").unwrap();
    for (found, expect) in [
        (
            names(model.registry()),
            "specversion registryid self shortself xid epoch name description documentation icon \
             labels createdat modifiedat capabilities model modelsource dirsurl dirscount dirs",
        ),
        (
            names(&dirs.attributes),
            "dirid self shortself xid epoch name description documentation icon labels createdat \
             modifiedat deprecated constraints filesurl filescount files",
        ),
        (
            names(&files.attributes),
            "fileid versionid self shortself xid epoch name isdefault description documentation \
             icon labels createdat modifiedat ancestorid contenttype format formatvalidated \
             formatvalidatedreason compatibilityvalidated compatibilityvalidatedreason size \
             fileurl fileproxyurl file filebase64",
        ),
        (
            names(&files.resource_attributes),
            "fileid self shortself xid metaurl meta versionsurl versionscount versions",
        ),
        (
            names(&files.meta_attributes),
            "fileid self shortself xid xref epoch labels createdat modifiedat readonly \
             compatibility deprecated defaultversionid defaultversionurl defaultversionsticky",
        ),
    ] {
        assert_eq!(found, expect);
    }
    let only: Vec<&str> = files.resource_only().collect();
    assert_eq!(only, ["metaurl", "meta", "versionsurl", "versionscount", "versions"]);
    let printed = serde_json::to_string(&model).unwrap();
    assert!(printed.starts_with(r#"{"attributes":{"specversion":{"name":"specversion","type""#));
}

#[test]
fn a_full_model_is_a_source_of_itself() {
    for (source, foundation) in [
        (json!({}), Foundation::Bare),
        (dirs(json!({ "typemap": { "a/*": "json" } })), Foundation::Bare),
        (json!({}), Foundation::BuiltIn),
        (dirs(json!({ "versionmode": "Lifecycle" })), Foundation::BuiltIn),
    ] {
        let full = Model::compile(&source, foundation).unwrap().to_json();
        assert_eq!(Model::compile(&full, foundation).unwrap().to_json(), full);
    }
}

#[test]
fn keeps_the_source_as_it_was_sent() {
    let source =
        json!({ "$schema": "x", "groups": { "dirs": { "plural": "", "singular": "dir" } } });
    let model = bare(source.clone()).unwrap();
    assert_eq!(model.source(), &source);
    assert_eq!(model.group_type("dirs").unwrap().plural, "dirs");
}

#[test]
fn refuses_attributes_that_the_language_has_not() {
    for (attribute, code) in [
        (json!({ "type": "text" }), "model_error"),
        (json!({}), "model_error"),
        (json!(null), "model_error"),
        (json!({ "type": "string", "name": "b" }), "model_error"),
        (json!({ "type": "string", "matchcase": true }), "model_error"),
        (json!({ "type": "string", "readonly": "yes" }), "model_error"),
        (json!({ "type": "string", "immutable": true }), "model_error"),
        (json!({ "type": "string", "target": "/dirs" }), "model_error"),
        (json!({ "type": "xid", "target": "/docs" }), "model_error"),
        (json!({ "type": "xid", "target": "dirs" }), "model_error"),
        (json!({ "type": "string", "namecharset": "strict" }), "model_error"),
        (json!({ "type": "object", "namecharset": "utf-8" }), "model_error"),
        (json!({ "type": "string", "attributes": { "b": { "type": "any" } } }), "model_error"),
        (json!({ "type": "object", "attributes": { "B": { "type": "any" } } }), "model_error"),
        (json!({ "type": "object", "item": { "type": "any" } }), "model_error"),
        (json!({ "type": "map" }), "model_error"),
        (json!({ "type": "array", "item": {} }), "model_error"),
        (json!({ "type": "array", "item": { "type": "map" } }), "model_error"),
        (json!({ "type": "integer", "enum": [1, "2"] }), "model_error"),
        (json!({ "type": "array", "item": { "type": "string" }, "enum": [1] }), "model_error"),
        (json!({ "type": "map", "item": { "type": "object" }, "enum": [1] }), "model_error"),
        (json!({ "type": "object", "enum": ["a"] }), "model_error"),
        (json!({ "type": "string", "default": "a" }), "model_required_true"),
        (json!({ "type": "object", "default": {}, "required": true }), "model_scalar_default"),
        (json!({ "type": "any", "default": 1, "required": true }), "model_scalar_default"),
        (json!({ "type": "integer", "default": "1", "required": true }), "model_error"),
        (
            json!({ "type": "string", "enum": ["a"], "default": "b", "required": true }),
            "model_error",
        ),
        (json!({ "type": "any", "ifvalues": { "1": {} } }), "model_error"),
        (json!({ "type": "string", "ifvalues": { "": {} } }), "model_error"),
        (json!({ "type": "string", "ifvalues": { "^a": {} } }), "model_error"),
        (json!({ "type": "string", "ifvalues": { "a": {}, "A": {} } }), "model_error"),
        (json!({ "type": "string", "enum": ["a"], "ifvalues": { "b": {} } }), "model_error"),
        (
            json!({ "type": "string", "ifvalues": { "b": { "siblingattributes":
                { "name": { "type": "string" } } } } }),
            "model_error",
        ),
        (json!({ "type": "object", "matchversions": true }), "model_error"),
    ] {
        let fault = of_versions(json!({ "a": attribute })).map(|model| model.to_json());
        assert_eq!(fault.as_ref().map_err(super::code), Err(code), "{attribute}");
    }
}

#[test]
fn takes_attributes_that_the_language_has() {
    for attribute in [
        json!({ "type": "xid", "target": "/dirs/files[/versions]" }),
        json!({ "type": "url", "target": "/dirs/files/versions" }),
        json!({ "type": "object", "namecharset": "Extended",
                "attributes": { "b-c": { "type": "any" }, "*": { "type": "string" } } }),
        json!({ "type": "string", "enum": [], "default": "b", "required": true }),
        json!({ "type": "array", "item": { "type": "string" }, "enum": ["a"] }),
        json!({ "type": "map", "item": { "type": "integer" }, "enum": [1, 2], "strict": false }),
        json!({ "type": "string", "enum": ["A"], "default": "a", "required": true }),
        json!({ "type": "string", "enum": ["a"], "strict": false, "ifvalues": { "b": {} } }),
        json!({ "type": "string", "ifvalues": { "b": { "siblingattributes":
                { "*": { "type": "any" } } } } }),
        json!({ "type": "string", "matchversions": true }),
        json!({ "type": "object", "attributes":
                { "b": { "type": "string", "matchversions": true } } }),
    ] {
        let model = of_versions(json!({ "a": attribute }));
        assert!(model.is_ok(), "{attribute}: {model:?}");
    }
}

#[test]
fn refuses_names_that_would_clash() {
    let of_group = |group: Value| json!({ "groups": group });
    for source in [
        of_group(json!({ "Dirs": { "singular": "dir" } })),
        of_group(json!({ "dirs": { "singular": "Dir" } })),
        of_group(json!({ "dirs": {} })),
        of_group(json!({ "dirs": null })),
        of_group(json!({ "dirs": { "singular": "dirs" } })),
        of_group(json!({ "dirs": { "plural": "dir", "singular": "d" } })),
        of_group(json!({ "dirs": { "singular": "dir" }, "dir": { "singular": "d" } })),
        of_group(json!({ "dirs": { "singular": "d" }, "docs": { "singular": "d" } })),
        of_group(json!({ "model": { "singular": "mode" } })),
        of_group(json!({ "x".repeat(58): { "singular": "x" } })),
        dirs(json!({ "singular": "version" })),
        dirs(json!({ "singular": "name" })),
        dirs(json!({ "attributes": { "meta": { "type": "any" } } })),
        dirs(json!({ "attributes": { "file": { "type": "string" } } })),
        dirs(json!({ "attributes": { "A": { "type": "any" } } })),
        dirs(json!({ "resourceattributes": { "a": { "type": "any" } } })),
        dirs(json!({ "maxversions": -1 })),
        dirs(json!({ "versionmode": "semver" })),
        dirs(json!({ "versionmode": "lifecycle" })),
        dirs(json!({ "typemap": { "a": "xml" } })),
        dirs(json!({ "muster": { "frozen": true } })),
        dirs(json!({ "setdefaultversionsticky": true })),
        json!({ "attributes": { "*": { "type": "any", "required": true } } }),
        json!({ "attributes": { "labels": { "type": "string" } } }),
        json!({ "attributes": { "epoch": { "type": "uinteger" } } }),
        json!({ "attributes": { "xid": { "type": "xid", "required": true } } }),
        json!({ "labels": { "a": 1 } }),
        json!({ "labels": { "": "b" } }),
        json!({ "unknown": 1 }),
        json!([]),
    ] {
        let fault = bare(source.clone()).map(|model| model.to_json());
        assert_eq!(fault.as_ref().map_err(code), Err("model_error"), "{source}");
    }
    let source = dirs(json!({ "validatecompatibility": true }));
    assert_eq!(bare(source).map_err(|fault| code(&fault)).err(), Some("bad_request"));
}

#[test]
fn a_document_s_names_are_free_where_there_is_no_document() {
    let own = json!({ "hasdocument": false, "attributes": { "file": { "type": "integer" } } });
    assert!(bare(dirs(own)).is_ok());
}

#[test]
fn imports_resource_types() {
    let groups = |imports: [&str; 3]| {
        let [a, b, c] = imports.map(|one| match one {
            "" => json!([]),
            one => json!([one]),
        });
        json!({ "groups": {
            "as": { "singular": "a", "ximportresources": a, "resources": { "xs": { "singular": "one" } } },
            "bs": { "singular": "b", "ximportresources": b },
            "cs": { "singular": "c", "ximportresources": c },
        } })
    };
    let model = bare(groups(["", "/as/xs", "/bs/xs"])).unwrap();
    let (own, imported) = (model.resource_type("as", "xs"), model.resource_type("cs", "xs"));
    assert!(Arc::ptr_eq(own.unwrap(), imported.unwrap()));
    let printed = model.to_json();
    assert_eq!(printed.pointer("/groups/cs/ximportresources"), None);
    assert!(printed.pointer("/groups/cs/resources/xs/attributes/xid").is_some());
    for imports in [
        ["/as/xs", "", ""],
        ["/bs/ys", "", ""],
        ["", "/ds/xs", ""],
        ["", "/as/ys", ""],
        ["", "as/xs", ""],
        ["", "/as", ""],
        ["", "/as/xs/versions", ""],
        ["", "/cs/ys", "/bs/ys"],
    ] {
        assert!(matches!(bare(groups(imports)), Err(ModelFault::Import { .. })), "{imports:?}");
    }
}

#[test]
fn includes_parts_of_the_same_source() {
    let source = json!({
        "attributes": {
            "a": { "type": "string", "description": "first" },
            "b": { "$include": "#/attributes/a", "description": "own" },
        },
        "groups": {
            "dirs": { "singular": "dir", "attributes": { "$includes": ["#/attributes"], "a": { "type": "integer" } } },
        },
    });
    let model = bare(source).unwrap().to_json();
    for (pointer, expect) in [
        ("/attributes/b/type", "string"),
        ("/attributes/b/description", "own"),
        ("/groups/dirs/attributes/a/type", "integer"),
        ("/groups/dirs/attributes/b/description", "own"),
    ] {
        assert_eq!(model.pointer(pointer), Some(&json!(expect)), "{pointer}");
    }
}

#[test]
fn a_newer_model_keeps_singular_names_and_says_what_it_drops() {
    let older = bare(dirs(json!({}))).unwrap();
    for (source, expect) in [
        (dirs(json!({})), Ok(vec![])),
        (json!({}), Ok(vec!["/dirs", "/dirs/files"])),
        (json!({ "groups": { "dirs": { "singular": "dir" } } }), Ok(vec!["/dirs/files"])),
        (dirs(json!({ "singular": "f" })), Err("model_error")),
        (json!({ "groups": { "dirs": { "singular": "d" } } }), Err("model_error")),
    ] {
        let newer = bare(source).unwrap();
        let found = newer.check_successor_of(&older).map_err(|fault| code(&fault));
        let dropped = older.dropped_by(&newer);
        let dropped: Vec<String> = dropped.iter().map(ToString::to_string).collect();
        let found = found.map(|()| dropped.iter().map(String::as_str).collect());
        assert_eq!(found, expect);
    }
}

#[test]
fn the_built_in_model_lies_under_the_user_s() {
    let over = |groups: Value| Model::compile(&json!({ "groups": groups }), Foundation::BuiltIn);
    let entries = |members: Value| json!({ "providers": { "singular": "provider", "resources": { "entries": members } } });
    let model = over(entries(json!({
        "singular": "entry",
        "attributes": { "owner": { "type": "string" } },
        "muster": { "schema": "/schemagroups/webstack/schemas/provider" },
    })))
    .unwrap();
    let names: Vec<&str> = model.group_types().map(|group| group.plural.as_str()).collect();
    assert_eq!(
        names,
        [
            "aiproviders",
            "aliases",
            "configs",
            "conflicts",
            "entities",
            "providers",
            "publications",
            "routes",
            "rulegroups",
            "schemagroups",
            "stacks",
            "targets",
            "visuals"
        ]
    );
    let entries_type = model.resource_type("providers", "entries").unwrap();
    assert!(entries_type.built_in && entries_type.versionmode == VersionMode::Lifecycle);
    assert_eq!(entries_type.attributes.get("owner").unwrap().origin, AttributeOrigin::User);
    assert_eq!(entries_type.attributes.get("state").unwrap().origin, AttributeOrigin::BuiltIn);
    assert!(entries_type.aspect.schema.is_some() && !entries_type.aspect.indexed.is_empty());
    for groups in [
        json!({ "providers": { "singular": "p" } }),
        json!({ "providers": { "singular": "provider", "description": "Others." } }),
        json!({ "providers": { "singular": "provider", "ximportresources": ["/stacks/entries"] } }),
        json!({ "providers": { "singular": "provider", "resources": { "xs": { "singular": "x" } } } }),
        entries(json!({ "singular": "entry", "versionmode": "manual" })),
        entries(json!({ "singular": "entry", "maxversions": 1 })),
        entries(json!({ "singular": "entry", "attributes": { "state": { "type": "integer" } } })),
        json!({ "schemagroups": { "singular": "schemagroup", "resources": { "schemas":
            { "singular": "schema", "muster": { "frozen": false } } } } }),
        json!({ "dirs": { "singular": "dir", "attributes": { "muster": { "type": "string" } } } }),
        json!({ "aliases": { "singular": "alias", "resources": { "entries":
            { "singular": "entry", "muster": { "references":
                [{ "field": "/target", "collection": "/aliases/entries" }] } } } } }),
    ] {
        let fault = over(groups.clone()).map(|_| ());
        assert!(matches!(fault, Err(ModelFault::BuiltIn { .. })), "{groups}: {fault:?}");
    }
}

#[test]
fn the_aspect_is_read_strictly() {
    let with = |aspect: Value| {
        let labels: Map<String, Value> = aspect
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (format!("muster.{name}"), in_a_label(value)))
            .collect();
        let model = Model::compile(&dirs(json!({ "labels": labels })), Foundation::BuiltIn)?;
        model.check_labels(Foundation::BuiltIn).map(|()| model)
    };
    let whole = json!({
        "frozen": true,
        "schema": "/schemagroups/g/schemas/s/versions/1",
        "rules": ["/rulegroups/g", "/rulegroups/g/rules/r"],
        "references": [{ "field": "/a/*", "collection": "/dirs/files", "group": "g" },
                       { "field": "/b", "collection": "/dirs" }],
        "indexed": [{ "field": "/c~1d", "type": "range", "title": "C" },
                    { "field": "/e", "type": "string" }],
    });
    let model = with(whole.clone()).unwrap();
    let aspect = &model.resource_type("dirs", "files").unwrap().aspect;
    assert_eq!(Value::Object(aspect.to_json()), whole);
    for aspect in [
        json!({ "unknown": 1 }),
        json!({ "schema": "/" }),
        json!({ "schema": "/schemagroups/g" }),
        json!({ "schema": "/nowhere/g/schemas/s" }),
        json!({ "rules": ["/rulegroups/g/rules/r/versions/1"] }),
        json!({ "rules": "{}" }),
        json!({ "rules": "[1]" }),
        json!({ "references": [{ "field": "a", "collection": "/dirs/files" }] }),
        json!({ "references": [{ "field": "/a~2", "collection": "/dirs/files" }] }),
        json!({ "references": [{ "field": "/a", "collection": "/dirs/others" }] }),
        json!({ "references": [{ "field": "/a", "collection": "/dirs/files", "group": ".." }] }),
        json!({ "indexed": [{ "field": "/a", "type": "object" }] }),
        json!({ "indexed": [{ "field": "/a" }] }),
        json!({ "indexed": vec![json!({ "field": "/a", "type": "string" }); 101] }),
    ] {
        let fault = with(aspect.clone()).map(|_| ());
        assert_eq!(fault.map_err(|fault| code(&fault)), Err("model_error"), "{aspect}");
    }
}

fn in_a_label(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned).into()
}

/// xRegistry's own client refuses members of a model that the specification doesn't know. Labels it
/// keeps.
#[test]
fn an_aspect_is_shown_as_labels_however_it_was_written() {
    let labels = json!({
        "owner": "us",
        "muster.folder": "ours",
        "muster.frozen": "true",
        "muster.schema": "/schemagroups/g/schemas/s",
        "muster.rules": "[\"/rulegroups/g\"]",
        "muster.indexed": "[{\"field\":\"/a\",\"type\":\"string\"}]",
    });
    let former = json!({
        "labels": { "owner": "us", "muster.folder": "ours" },
        "muster": { "frozen": true, "schema": "/schemagroups/g/schemas/s", "references": null,
            "rules": ["/rulegroups/g"], "indexed": [{ "field": "/a", "type": "string" }] },
    });
    let expect = dirs(json!({ "labels": labels.clone() }));
    for source in [expect.clone(), dirs(former)] {
        let model = Model::compile(&source, Foundation::BuiltIn).unwrap();
        model.check_labels(Foundation::BuiltIn).unwrap();
        assert_eq!(model.source(), &expect, "{source}");
        let shown = model.to_json();
        assert_eq!(shown.pointer("/groups/dirs/resources/files/labels"), Some(&labels), "{source}");
        assert_eq!(shown.pointer("/groups/dirs/resources/files/muster"), None, "{source}");
        let aspect = &model.resource_type("dirs", "files").unwrap().aspect;
        assert!(aspect.frozen && aspect.schema.is_some() && aspect.indexed.len() == 1);
    }
    // Without Muster's foundation the labels mean nothing.
    let model = bare(expect.clone()).unwrap();
    model.check_labels(Foundation::Bare).unwrap();
    assert_eq!(model.source(), &expect);
    for labels in [json!({ "A": "x" }), json!({ "a b": "x" }), json!({ "a".repeat(64): "x" })] {
        let model = bare(dirs(json!({ "labels": labels }))).unwrap();
        assert!(matches!(model.check_labels(Foundation::Bare), Err(ModelFault::Name { .. })));
    }
    assert_eq!(model.resource_type("dirs", "files").unwrap().aspect, Aspect::default());
}

#[test]
fn a_label_of_ours_is_spelt_correctly_and_says_something_once() {
    let on_type = |labels: Value| dirs(json!({ "labels": labels }));
    let rules = json!({ "labels": { "muster.rules": "[]" }, "muster": { "rules": [] } });
    for (source, expect) in [
        (on_type(json!({ "muster.rules": "/rulegroups/g" })), None),
        (on_type(json!({ "mustering": "x", "folder": "x" })), None),
        (json!({ "labels": { "muster.folder": "ours" } }), None),
        (on_type(json!({ "muster.shema": "/schemagroups/g/schemas/s" })), Some("muster.schema, ")),
        (json!({ "labels": { "muster.schema": "x" } }), Some("can be muster.folder here")),
        (
            json!({ "groups": { "dirs": { "singular": "dir", "labels": { "muster.rules": "[]" } } } }),
            Some("can be muster.folder here"),
        ),
        (on_type(json!({ "muster.rules": "[" })), Some("labels.muster.rules")),
        (on_type(json!({ "muster.frozen": "yes" })), Some("labels.muster.frozen")),
        (dirs(rules), Some("a label of the type says the same")),
    ] {
        let model = Model::compile(&source, Foundation::BuiltIn);
        let checked = model.and_then(|model| model.check_labels(Foundation::BuiltIn));
        let said = checked.err().map(|fault| fault.to_string());
        match (expect, said) {
            (None, None) => {}
            (Some(expect), Some(said)) if said.contains(expect) => {}
            (expect, said) => panic!("{source}: {said:?}, not {expect:?}"),
        }
    }
}

#[test]
fn the_example_s_model_lies_over_the_built_in_one() {
    let source = include_str!("../../../../catalogs/webstack/model.json");
    let source: Value = serde_json::from_str(source).unwrap();
    let model = Model::compile(&source, Foundation::BuiltIn).unwrap();
    for plural in ["providers", "stacks"] {
        let aspect = &model.resource_type(plural, "entries").unwrap().aspect;
        assert!(aspect.schema.is_some() && !aspect.rules.is_empty());
        let titles: Vec<_> = aspect.indexed.iter().filter_map(|one| one.title.clone()).collect();
        assert_eq!(titles, ["MONTHLY", "COMPLEXITY"]);
    }
}

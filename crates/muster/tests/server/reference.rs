//! What the client of xRegistry's reference implementation needs, transcribed from its command
//! `conform` and from how it reads models, capabilities and errors. The client itself is a program
//! in Go that can't be had here: its module isn't at the module proxy.

use serde_json::{Map, Value, json};

use crate::harness::Server;

/// The members of each part of a model. The client refuses every other.
const MODEL: &[&str] = &["description", "documentation", "labels", "attributes", "groups"];
const TYPE: &[&str] = &[
    "plural",
    "singular",
    "description",
    "documentation",
    "icon",
    "labels",
    "modelversion",
    "modelcompatiblewith",
    "attributes",
];
const GROUP: &[&str] = &["ximportresources", "constraints", "resources"];
const RESOURCE: &[&str] = &[
    "maxversions",
    "setversionid",
    "hasdocument",
    "versionmode",
    "singleversionroot",
    "validateformat",
    "validatecompatibility",
    "strictvalidation",
    "typemap",
    "resourceattributes",
    "metaattributes",
];
const ATTRIBUTE: &[&str] = &[
    "name",
    "type",
    "target",
    "namecharset",
    "description",
    "enum",
    "strict",
    "matchversions",
    "readonly",
    "immutable",
    "required",
    "default",
    "attributes",
    "item",
    "ifvalues",
];
const CAPABILITIES: &[&str] = &[
    "available",
    "compatibilities",
    "flags",
    "formats",
    "ignores",
    "pagination",
    "shortself",
    "specversions",
    "versionmodes",
];

fn members(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}"))
}

#[track_caller]
fn has_only(value: &Value, known: &[&[&str]]) {
    for name in members(value).keys() {
        assert!(known.iter().any(|known| known.contains(&name.as_str())), "{name} in {value}");
    }
    if let Some(labels) = value.get("labels") {
        assert!(members(labels).values().all(Value::is_string), "{labels}");
    }
}

/// Reads a model as the client does.
fn read_model(model: &Value) {
    has_only(model, &[MODEL]);
    read_attributes(model.get("attributes"));
    for group in model.get("groups").into_iter().flat_map(|all| members(all).values()) {
        has_only(group, &[TYPE, GROUP]);
        read_attributes(group.get("attributes"));
        for resource in group.get("resources").into_iter().flat_map(|all| members(all).values()) {
            has_only(resource, &[TYPE, RESOURCE]);
            for level in ["attributes", "resourceattributes", "metaattributes"] {
                read_attributes(resource.get(level));
            }
        }
    }
}

fn read_attributes(attributes: Option<&Value>) {
    for attribute in attributes.into_iter().flat_map(|all| members(all).values()) {
        has_only(attribute, &[ATTRIBUTE]);
        read_attributes(attribute.get("attributes"));
        let mut item = attribute.get("item");
        while let Some(within) = item {
            has_only(within, &[&["type", "target", "namecharset", "attributes", "item"]]);
            read_attributes(within.get("attributes"));
            item = within.get("item");
        }
        for case in attribute.get("ifvalues").into_iter().flat_map(|all| members(all).values()) {
            has_only(case, &[&["siblingattributes"]]);
            read_attributes(case.get("siblingattributes"));
        }
    }
}

/// The attributes that the command asks of every registry, group and resource.
fn check_entity(entity: &Value, self_url: &str, xid: &str) {
    assert!(entity["self"].as_str().unwrap().starts_with(self_url), "{entity}");
    assert_eq!(entity["xid"], xid, "{entity}");
    assert!(entity["epoch"].is_u64(), "{entity}");
    for time in ["createdat", "modifiedat"] {
        let time = entity[time].as_str().unwrap();
        assert!(muster_words::Moment::parse(time).is_ok(), "{time} in {entity}");
    }
    assert_ne!(entity["icon"], "", "{entity}");
    assert_eq!(entity.get("shortself"), None, "{entity}");
}

/// The steps of `conform`: the model, the capabilities, the registry, a group and a resource of
/// each type.
fn conform(server: &Server) {
    let get = |path: &str| server.get(&format!("/api{path}")).expect(200).json();
    let model = get("/model");
    read_model(&model);
    read_model(&get("/modelsource"));

    let capabilities = get("/capabilities");
    has_only(&capabilities, &[CAPABILITIES]);
    for name in ["capabilities", "entities", "model"] {
        assert!(capabilities["available"].get(name).is_some(), "{capabilities}");
    }
    assert_eq!(capabilities["available"]["model"]["mutable"], json!(false));
    assert_eq!(get("/?inline=capabilities")["capabilities"], capabilities);

    let registry = get("/");
    assert!(registry["specversion"].as_str().unwrap() >= "1.0", "{registry}");
    assert_ne!(registry["registryid"], "");
    let root = registry["self"].as_str().unwrap().trim_end_matches('/').to_owned();
    check_entity(&registry, &root, "/");
    for name in ["capabilities", "model", "modelsource"] {
        assert_eq!(registry.get(name), None, "{registry}");
    }
    for (groups, kind) in model.get("groups").into_iter().flat_map(members) {
        assert!(registry[format!("{groups}count")].is_u64(), "{registry}");
        assert_eq!(registry[format!("{groups}url")], format!("{root}/{groups}"));
        let all = get(&format!("/{groups}"));
        let Some((group, _)) = members(&all).iter().next() else { continue };
        let xid = format!("/{groups}/{group}");
        let shown = get(&xid);
        assert_eq!(&shown[format!("{}id", kind["singular"].as_str().unwrap())], group);
        check_entity(&shown, &format!("{root}{xid}"), &xid);
        for (resources, kind) in members(&kind["resources"]) {
            let all = get(&format!("{xid}/{resources}"));
            let Some((resource, _)) = members(&all).iter().next() else { continue };
            let xid = format!("{xid}/{resources}/{resource}");
            let shown = get(&format!("{xid}$details"));
            assert_eq!(&shown[format!("{}id", kind["singular"].as_str().unwrap())], resource);
            check_entity(&shown, &format!("{root}{xid}"), &xid);
        }
    }
}

#[test]
fn conforms_as_its_client_asks() {
    for flags in [&["--demo"][..], &[], &["--bare"]] {
        conform(&Server::in_memory(flags));
    }
}

/// The client reads the model's source, changes it and writes it back.
#[test]
fn a_model_that_its_client_wrote_back_still_binds() {
    let server = Server::in_memory(&["--demo"]);
    let mut source = server.get("/api/modelsource").expect(200).json();
    let (entries, broken) = ("/api/providers/cms/entries", r#"{"name": 1}"#);
    server.put(&format!("{entries}/x"), broken).refused(422, "invalid_document");
    source["groups"]["teams"] = json!({"plural": "teams", "singular": "team"});
    let stored = server.put("/api/modelsource", source.to_string()).expect(200).json();
    assert_eq!(stored, source);
    server.put(&format!("{entries}/x"), broken).refused(422, "invalid_document");
    conform(&server);
}

/// The client reads an error into a structure: a number, texts, and a map of texts.
#[test]
fn its_client_reads_every_refusal() {
    let server = Server::in_memory(&["--demo"]);
    let hugo = "/api/providers/ssg/entries/hugo";
    for (answer, status) in [
        (server.get("/api/nowhere"), 404),
        (server.get("/api/providers/cms/entries/nobody"), 404),
        (server.put("/api/providers/cms/entries/x", "{}"), 422),
        (server.put("/api/providers/cms/entries/x$details", r#"{"epoch":"x"}"#), 400),
        (server.delete(hugo), 409),
        (server.post("/api/model", "{}"), 405),
        (server.get("/nowhere"), 404),
        (server.ask(&crate::client::Ask::new("POST", "/restore/x")), 400),
    ] {
        let answer = answer.expect(status);
        let error = answer.json();
        assert_eq!(error["code"], status, "{error}");
        for name in ["type", "title", "subject", "detail", "instance", "source"] {
            assert!(error.get(name).is_none_or(Value::is_string), "{name} in {error}");
        }
        let args = error.get("args").map(members);
        assert!(args.is_none_or(|args| args.values().all(Value::is_string)), "{error}");
    }
}

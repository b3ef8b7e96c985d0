#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use muster_model::Foundation;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn model() -> Model {
    let files = json!({"singular": "file"});
    let facts = json!({"singular": "fact", "hasdocument": false});
    let source = json!({"groups": {
        "dirs": {"singular": "dir", "resources": {"files": files, "facts": facts}},
    }});
    Model::compile(&source, Foundation::Bare).unwrap()
}

fn name(place: &Place) -> String {
    match place {
        Place::Registry => "registry".to_owned(),
        Place::Export => "export".to_owned(),
        Place::Model => "model".to_owned(),
        Place::ModelSource => "modelsource".to_owned(),
        Place::Capabilities => "capabilities".to_owned(),
        Place::CapabilitiesOffered => "capabilitiesoffered".to_owned(),
        Place::Registries => "registries".to_owned(),
        Place::Groups(kind) => format!("groups {}", kind.plural),
        Place::Group(_, xid) => format!("group {xid}"),
        Place::Resources(kind, group) => format!("resources {} in {group}", kind.plural),
        Place::Resource(_, xid) => format!("resource {xid}"),
        Place::Meta(xid) => format!("meta {xid}"),
        Place::Versions(_, xid) => format!("versions of {xid}"),
        Place::Version(_, xid) => format!("version {xid}"),
    }
}

#[test]
fn finds_what_a_path_names() {
    let model = model();
    for (path, expect) in [
        ("", "registry"),
        ("/", "registry"),
        ("/export", "export"),
        ("/model/", "model"),
        ("/modelsource", "modelsource"),
        ("/capabilities", "capabilities"),
        ("/capabilitiesoffered", "capabilitiesoffered"),
        ("/.xregistry", "registries"),
        ("/dirs", "groups dirs"),
        ("/dirs/", "groups dirs"),
        ("/dirs/d1", "group /dirs/d1"),
        ("/dirs/d%31", "group /dirs/d1"),
        ("/dirs/d1/files", "resources files in /dirs/d1"),
        ("/dirs/d1/files/f1", "resource /dirs/d1/files/f1"),
        ("/dirs/d1/files/f1/meta", "meta /dirs/d1/files/f1/meta"),
        ("/dirs/d1/files/f1/versions/", "versions of /dirs/d1/files/f1"),
        ("/dirs/d1/files/f1/versions/v1", "version /dirs/d1/files/f1/versions/v1"),
    ] {
        let address = Address::parse(path, &model, false).unwrap();
        assert_eq!(name(&address.place), expect, "{path}");
        assert!(!address.details);
    }
}

#[test]
fn tells_documents_from_attributes() {
    let model = model();
    for (path, document, details) in [
        ("/dirs/d1/files/f1", true, false),
        ("/dirs/d1/files/f1$details", false, true),
        ("/dirs/d1/files/f1$details/", false, true),
        ("/dirs/d1/files/f1/versions/v1", true, false),
        ("/dirs/d1/files/f1/versions/v1$details", false, true),
        ("/dirs/d1/files/f1/meta", false, false),
        ("/dirs/d1/facts/f1", false, false),
        ("/dirs/d1/facts/f1$details", false, true),
    ] {
        let address = Address::parse(path, &model, false).unwrap();
        assert_eq!((address.is_document(), address.details), (document, details), "{path}");
        assert_eq!(address.path, path.trim_end_matches('/'));
    }
}

#[test]
fn names_the_first_part_that_is_unknown() {
    let model = model();
    for (path, writes, code, subject) in [
        ("/dirsx", false, "not_found", "/dirsx"),
        ("/dirsx/d1/files/f1$details", false, "not_found", "/dirsx"),
        ("/dirs/d1/filesx/f1", false, "not_found", "/dirs/d1/filesx"),
        ("/dirs/d%20x", false, "not_found", "/dirs/d x"),
        ("/dirs/d%20x", true, "invalid_attribute", "/dirs/d x"),
        (
            "/dirs/d1/files/f1/versions/null",
            true,
            "invalid_attribute",
            "/dirs/d1/files/f1/versions/null",
        ),
        ("/dirs/d1/files/f1/other", false, "not_found", "/dirs/d1/files/f1/other"),
        ("/dirs/d1/files/f1/meta/x", true, "not_found", "/dirs/d1/files/f1/meta/x"),
        ("/dirs/d1/files/f1/versions/v1/x", false, "not_found", "/dirs/d1/files/f1/versions/v1/x"),
        ("/model/x", false, "api_not_found", "/model/x"),
        ("/dirs/d1/files/f1/meta$details", false, "bad_details", "/dirs/d1/files/f1/meta$details"),
        ("/dirs/d1$details", false, "bad_details", "/dirs/d1$details"),
        ("/dirs/d1/files/f1$details/meta", false, "bad_details", "/dirs/d1/files/f1$details/meta"),
        ("/dirs/a%2Fb", false, "api_not_found", "/dirs/a%2Fb"),
        ("/dirs/%zz", false, "api_not_found", "/dirs/%zz"),
    ] {
        let problem = Address::parse(path, &model, writes).err().unwrap();
        assert_eq!(
            (problem.code().name(), problem.subject_text()),
            (code, Some(subject)),
            "{path}"
        );
    }
}

proptest! {
    #[test]
    fn takes_any_path(path: String, writes: bool) {
        let _ = Address::parse(&path, &model(), writes);
        let _ = Address::parse(&format!("/dirs/{path}/files/{path}"), &model(), writes);
    }
}

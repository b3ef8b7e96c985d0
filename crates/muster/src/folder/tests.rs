#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;

use muster_model::Foundation;
use serde_json::json;
use tempfile::TempDir;

use super::*;

fn model() -> Model {
    let source = json!({"groups": {
        "providers": {"singular": "provider", "resources": {"entries": {"singular": "entry"}}},
        "endpoints": {"singular": "endpoint", "resources": {
            "messages": {"singular": "message"}, "routes": {"singular": "route"}}}}});
    Model::compile(&source, Foundation::Bare).unwrap()
}

fn lay(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn read(files: &[(&str, &str)]) -> Result<Vec<String>, FolderError> {
    let folder = Folder::read(lay(files).path())?;
    Ok(folder.documents(&model())?.keys().map(ToString::to_string).collect())
}

#[test]
fn gives_each_document_its_xid() {
    let xids = read(&[
        ("model.json", "{}"),
        ("README.md", "left alone"),
        (".git/config", "left alone"),
        ("providers/cms.attributes.json", "{\"name\": \"CMS\"}"),
        ("providers/cms/sanity.json", "{}"),
        ("providers/cms/.hidden", ""),
        ("providers/README.md", "left alone"),
        ("providers/cms/README.md", "left alone"),
        (".musterignore", "*.bak\n/providers/old/\n"),
        ("providers/cms/sanity.bak", "left alone"),
        ("providers/old/x.json", "left alone"),
        ("providers/cms/a.b.schema.json", "{}"),
        ("endpoints/x/messages/m.avsc", "{}"),
        ("endpoints/x/routes/m.txt", "text"),
    ]);
    let expect = [
        "/endpoints/x/messages/m",
        "/endpoints/x/routes/m",
        "/providers/cms/entries/a.b",
        "/providers/cms/entries/sanity",
    ];
    assert_eq!(xids.unwrap(), expect);
}

#[test]
fn lays_attributes_beside_documents_and_groups() {
    let folder = lay(&[
        ("providers/cms/sanity.json", "{}"),
        ("providers/cms/sanity.attributes.json", r#"{"name": "S", "contenttype": "text/x"}"#),
        ("providers/ssg.attributes.json", r#"{"name": "SSG"}"#),
    ]);
    let folder = Folder::read(folder.path()).unwrap();
    assert_eq!(folder.documents[0].content_type, "text/x");
    assert_eq!(Value::Object(folder.documents[0].set()), json!({"name": "S"}));
    let named: Vec<(String, bool)> = folder
        .groups
        .iter()
        .map(|(xid, files)| (xid.to_string(), files.attributes.is_some()))
        .collect();
    assert_eq!(named, [("/providers/cms".into(), false), ("/providers/ssg".into(), true)]);
}

#[test]
fn refuses_what_does_not_fit_and_says_where() {
    for (files, path, expect) in [
        (
            &[("providers/cms/a b.json", "")] as &[_],
            "providers/cms/a b.json",
            "its name isn't an id",
        ),
        (&[("pro viders/cms/a.json", "")], "pro viders", "its name isn't an id"),
        (&[("providers/notes.md", "")], "providers/notes.md", "has nothing at this place"),
        (
            &[("providers/cms/entries/deep/a.json", "")],
            "providers/cms/entries/deep",
            "has nothing at",
        ),
        (
            &[("providers/cms/b.attributes.json", "{}")],
            "providers/cms/b.attributes.json",
            "no document beside",
        ),
        (
            &[("providers/cms/a.json", ""), ("providers/cms/a.yaml", "")],
            "providers/cms/a.yaml",
            "same document",
        ),
        (
            &[("providers/cms/a.yaml", ""), ("providers/cms/a.yml", "")],
            "providers/cms/a.yml",
            "same document",
        ),
        (
            &[
                ("providers/cms/a.yaml", ""),
                ("providers/cms/a.attributes.json", "{}"),
                ("providers/cms/a.attributes.yaml", "a: b"),
            ],
            "providers/cms/a.attributes.yaml",
            "a.attributes.json is the same",
        ),
        (
            &[("providers/cms.attributes.json", "{}"), ("providers/cms.attributes.yml", "a: b")],
            "providers/cms.attributes.yml",
            "cms.attributes.json is the same",
        ),
        (&[("model.yaml", "groups: {}")], "model.yaml", "a folder's model is model.json"),
        (&[("providers/cms.attributes.yaml", "- a")], "providers/cms.attributes.yaml", "be a map"),
        (
            &[("providers/cms.attributes.yaml", "a: 1\na: 2")],
            "providers/cms.attributes.yaml",
            "isn't acceptable YAML: line 2, column 1",
        ),
        (
            &[("providers/cms/a.json", ""), ("providers/cms/entries/a.json", "")],
            "providers/cms/a.json",
            "same document",
        ),
        (&[("provider/cms/a.json", "")], "provider/cms/a.json", "no type provider"),
        (&[("providers/cms/entry/a.json", "")], "providers/cms/entry/a.json", "no type entry"),
        (&[("endpoints/x/a.json", "")], "endpoints/x/a.json", "one of messages, routes"),
        (&[("model.json", "[]")], "model.json", "must be a JSON object"),
        (&[("model.json", "{\"a\": 1, \"a\": 2}")], "model.json", "JSON: line 1"),
        (&[("providers/cms.attributes.json", "1")], "providers/cms.attributes.json", "must be a"),
    ] {
        let error = read(files).unwrap_err();
        assert_eq!(error.path, path);
        assert!(error.fault.to_string().contains(expect), "{error}");
    }
}

#[test]
fn names_the_type_that_was_likely_meant() {
    let error = read(&[("provider/cms/a.json", "")]).unwrap_err();
    let nearest = Some("providers".to_owned());
    assert_eq!(error.fault, FolderFault::UnknownType { name: "provider".into(), nearest });
}

#[cfg(unix)]
#[test]
fn follows_links_within_the_folder_alone() {
    use std::os::unix::fs::symlink;

    let outside = lay(&[("secret.json", "{}")]);
    let folder = lay(&[("providers/cms/sanity.json", "{}")]);
    let link = folder.path().join("providers/cms/twin.json");
    symlink(folder.path().join("providers/cms/sanity.json"), &link).unwrap();
    assert_eq!(Folder::read(folder.path()).unwrap().documents.len(), 2);
    fs::remove_file(&link).unwrap();
    for target in [outside.path().join("secret.json"), "../../../../etc/hostname".into()] {
        symlink(&target, &link).unwrap();
        let error = Folder::read(folder.path()).unwrap_err();
        assert_eq!(error.path, "providers/cms/twin.json");
        let refused = matches!(error.fault, FolderFault::Outside(_) | FolderFault::Unreadable(_));
        assert!(refused, "{error}");
        fs::remove_file(&link).unwrap();
    }
    symlink(folder.path(), folder.path().join("providers/loop")).unwrap();
    assert!(Folder::read(folder.path()).is_err());
}

#[test]
fn refuses_a_file_that_is_too_large_without_reading_it() {
    let folder = lay(&[("providers/cms/a.json", "")]);
    let file = fs::File::create(folder.path().join("providers/cms/a.json")).unwrap();
    file.set_len(1 << 40).unwrap();
    let error = Folder::read(folder.path()).unwrap_err();
    assert_eq!(error.fault, FolderFault::TooLarge { size: 1 << 40 });
}

#[test]
fn finds_the_root_by_looking_upwards() {
    let folder = lay(&[("model.json", "{}"), ("providers/cms/a.json", "{}")]);
    let root = fs::canonicalize(folder.path()).unwrap();
    for path in ["", "model.json", "providers", "providers/cms/a.json"] {
        assert_eq!(root_above(&folder.path().join(path)), Some(root.clone()), "{path}");
    }
    assert_eq!(root_above(&folder.path().join("none")), None);
}

//! `muster apply`, `validate` and the like against a server, with their exit codes.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    example,
    harness::{CommandOutput, Server, run},
};

const SANITY: &str = "/api/providers/cms/entries/sanity";

/// A copy of the example that a test may change.
struct Copy {
    scratch: TempDir,
}

impl Copy {
    fn make() -> Self {
        let copy = Self { scratch: TempDir::new().unwrap() };
        copy_folder(&example::folder(), &copy.root());
        copy
    }

    fn root(&self) -> PathBuf {
        self.scratch.path().join("catalog")
    }

    /// Changes one document.
    fn edit(&self, file: &str, change: impl FnOnce(&mut Value)) {
        let path = self.root().join(file);
        let mut document = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut document);
        std::fs::write(path, serde_json::to_string_pretty(&document).unwrap()).unwrap();
    }

    fn apply(&self, server: &Server, flags: &[&str]) -> CommandOutput {
        let url = format!("http://{}", server.address);
        let root = self.root();
        let arguments = ["apply", root.to_str().unwrap(), "--server", &url];
        run(self.scratch.path(), &[&arguments, flags].concat())
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn applies_the_example_and_changes_nothing_the_second_time() {
    let server = Server::in_memory(&[]);
    let copy = Copy::make();
    let start = server.position();
    let dry = copy.apply(&server, &["--dry-run"]).expect(0);
    assert!(dry.out.contains("providers/cms/entries/sanity"), "{dry:#?}");
    assert_eq!(server.position(), start);
    copy.apply(&server, &["--yes"]).expect(0);
    for (xid, document) in example::documents() {
        assert_eq!(server.get(&format!("/api{xid}")).expect(200).json(), document, "{xid}");
    }
    let position = server.position();
    let etag = server.get(SANITY).etag();
    for flags in [&["--yes"] as &[_], &["--yes", "--prune"], &["--dry-run", "--prune"], &[]] {
        copy.apply(&server, flags).expect(0);
        assert_eq!((server.position(), server.get(SANITY).etag()), (position, etag.clone()));
    }
}

#[test]
fn changes_what_was_changed_and_prunes_what_is_gone() {
    let server = Server::in_memory(&["--demo"]);
    let copy = Copy::make();
    let position = server.position();
    copy.apply(&server, &["--yes"]).expect(0);
    assert_eq!(server.position(), position, "the example is what its folder is");
    copy.edit("providers/cms/sanity.json", |document| document["best_for"] = "Others".into());
    let gone = "stacks/templates/nuxt_template.json";
    std::fs::remove_file(copy.root().join(gone)).unwrap();
    copy.apply(&server, &["--yes"]).expect(0);
    let now = server.get(SANITY).expect(200);
    assert_eq!(
        (now.header("xregistry-versionid"), now.json()["best_for"].as_str()),
        (Some("2"), Some("Others"))
    );
    let stack = "/api/stacks/templates/entries/nuxt_template";
    server.get(stack).expect(200);
    // Nothing is deleted without a yes where nobody can be asked.
    let refused = copy.apply(&server, &["--prune"]);
    assert!(matches!(refused.code, Some(1 | 2)), "{refused:#?}");
    server.get(stack).expect(200);
    let plan = copy.apply(&server, &["--prune", "--dry-run"]).expect(0);
    assert!(plan.out.contains("- stacks/templates/entries/nuxt_template"), "{plan:#?}");
    copy.apply(&server, &["--prune", "--yes"]).expect(0);
    server.get(stack).refused(404, "not_found");
}

#[test]
fn changes_nothing_where_something_is_refused() {
    let server = Server::in_memory(&["--demo"]);
    let copy = Copy::make();
    copy.edit("providers/cms/sanity.json", |document| {
        document["monthly_cost_range"] = serde_json::json!([280, 65]);
    });
    copy.edit("providers/cms/tina.json", |document| document["best_for"] = "Others".into());
    let position = server.position();
    for flags in [&["--yes"] as &[_], &["--dry-run"]] {
        let refused = copy.apply(&server, flags).expect(1);
        let said = format!("{}{}", refused.out, refused.err);
        assert!(said.contains("the lower end, 280, is above the upper end, 65"), "{said}");
        assert_eq!(server.position(), position);
    }
    copy.apply(&server, &["--yes", "--keep-going"]).expect(1);
    let tina = server.get("/api/providers/cms/entries/tina").json();
    assert_eq!((&tina["best_for"], server.position() > position), (&Value::from("Others"), true));
    assert_eq!(server.get(SANITY).header("xregistry-versionid"), Some("1"));
}

#[test]
fn validates_without_a_server() {
    let copy = Copy::make();
    let validate = |flags: &[&str]| run(copy.scratch.path(), &[&["validate"], flags].concat());
    let root = copy.root();
    let root = root.to_str().unwrap();
    validate(&[root]).expect(0);
    let file = format!("{root}/stacks/templates/hugo_template.json");
    validate(&[&file]).expect(0);
    copy.edit("stacks/templates/hugo_template.json", |document| {
        document["ssg_engine"] = "nobody".into();
    });
    for target in [root, &file] {
        let refused = validate(&[target]).expect(1);
        let said = format!("{}{}", refused.out, refused.err);
        assert!(said.contains("/ssg_engine") && said.contains("hugo_template.json"), "{said}");
    }
    let xid = "stacks/templates/entries/hugo_template";
    validate(&["--catalog", root, "--as", xid, &file]).expect(1);
    validate(&["--nonsense"]).expect(2);
    validate(&[&format!("{root}/nothing.json")]).expect(1);
}

#[test]
fn says_by_its_exit_code_what_happened() {
    let server = Server::in_memory(&["--demo"]);
    let scratch = TempDir::new().unwrap();
    let url = format!("http://{}", server.address);
    let sanity = "providers/cms/entries/sanity";
    std::fs::write(scratch.path().join("bad.json"), "{\"a\":1,\"a\":2}").unwrap();
    for (arguments, code) in [
        (&["get", sanity] as &[&str], 0),
        (&["get", &format!("/{sanity}")], 0),
        (&["get", "providers/cms/entries/santy"], 1),
        (&["list", "providers"], 0),
        (&["list", "providers/cms"], 0),
        (&["list", "nothing"], 1),
        (&["put", sanity, "bad.json"], 1),
        (&["put", sanity, "none.json"], 1),
        (&["delete", sanity, "--yes"], 1),
        (&["model", "get"], 0),
        (&["get"], 2),
        (&["get", "no/such/xid/at/all/here/now"], 2),
    ] {
        let ran = run(scratch.path(), &[arguments, &["--server", &url]].concat());
        assert_eq!(ran.code, Some(code), "{arguments:?} {ran:#?}");
        assert_eq!(code == 0, !ran.err.contains("error"), "{arguments:?} {ran:#?}");
    }
    let ran = run(scratch.path(), &["get", sanity, "--server", &url]);
    assert_eq!(ran.out, server.get(SANITY).text(), "a document is written as it is");
    let said = run(scratch.path(), &["get", "providers/cms/entries/santy", "--server", &url]).err;
    assert!(said.contains("did you mean providers/cms/entries/sanity?"), "{said}");
    // Nobody answers at the reserved port.
    run(scratch.path(), &["get", sanity, "--server", "http://127.0.0.1:1"]).expect(1);
    run(scratch.path(), &["nonsense"]).expect(2);
    for arguments in [&["--help"] as &[&str], &["errors"], &["config", "default"], &["--version"]] {
        let ran = run(scratch.path(), arguments).expect(0);
        assert!(!ran.out.is_empty() && ran.err.is_empty(), "{arguments:?}");
    }
}

/// Lays a folder that brings one group type and one document of it.
fn lay_type(root: &Path, plural: &str) {
    std::fs::create_dir_all(root.join(plural).join("g")).unwrap();
    let singular = plural.trim_end_matches('s');
    let model = format!(
        r#"{{"groups": {{"{plural}": {{"singular": "{singular}",
            "resources": {{"entries": {{"singular": "entry"}}}}}}}}}}"#
    );
    std::fs::write(root.join("model.json"), model).unwrap();
    std::fs::write(root.join(plural).join("g/one.json"), "{}").unwrap();
}

#[test]
fn two_folders_share_a_model_and_an_empty_one_says_nothing() {
    let server = Server::in_memory(&[]);
    let scratch = TempDir::new().unwrap();
    let url = format!("http://{}", server.address);
    let apply = |folder: &str| run(scratch.path(), &["apply", folder, "--yes", "--server", &url]);
    lay_type(&scratch.path().join("books"), "books");
    lay_type(&scratch.path().join("games"), "games");
    std::fs::create_dir_all(scratch.path().join("empty/configs/app")).unwrap();
    std::fs::write(scratch.path().join("empty/model.json"), "{}").unwrap();
    std::fs::write(scratch.path().join("empty/configs/app/a.json"), "{}").unwrap();
    for folder in ["books", "games", "books", "empty", "games"] {
        apply(folder).expect(0);
    }
    let source = server.get("/api/modelsource").expect(200).json();
    for plural in ["books", "games"] {
        let kind = &source["groups"][plural];
        assert_eq!(kind["labels"]["muster.folder"], plural, "{source}");
        assert_eq!(kind["resources"]["entries"]["labels"]["muster.folder"], plural, "{source}");
        server.get(&format!("/api/{plural}/g/entries/one")).expect(200);
    }
    let position = server.position();
    for folder in ["books", "games", "empty"] {
        let again = apply(folder).expect(0);
        assert!(again.out.contains("nothing to change"), "{again:#?}");
    }
    assert_eq!(server.position(), position);
}

#[test]
fn folders_that_are_applied_at_once_all_bring_their_types() {
    let server = Server::in_memory(&[]);
    let scratch = TempDir::new().unwrap();
    let url = format!("http://{}", server.address);
    let names: Vec<String> = ('a'..='f').map(|letter| format!("{letter}{letter}s")).collect();
    names.iter().for_each(|name| lay_type(&scratch.path().join(name), name));
    std::thread::scope(|scope| {
        for name in &names {
            let (folder, url) = (scratch.path(), &url);
            scope.spawn(move || run(folder, &["apply", name, "--yes", "--server", url]).expect(0));
        }
    });
    let source = server.get("/api/modelsource").expect(200).json();
    for name in &names {
        assert!(source["groups"].get(name).is_some(), "{name}: {source}");
    }
}

#[test]
fn a_type_goes_with_prune_only_if_its_own_folder_brought_it_and_nothing_uses_it() {
    let server = Server::in_memory(&[]);
    let scratch = TempDir::new().unwrap();
    let url = format!("http://{}", server.address);
    let apply = |folder: &str, flags: &[&str]| {
        let words = ["apply", folder, "--yes", "--server", &url];
        run(scratch.path(), &[&words, flags].concat())
    };
    for name in ["books", "games"] {
        lay_type(&scratch.path().join(name), name);
        apply(name, &[]).expect(0);
    }
    let books = scratch.path().join("books");
    std::fs::remove_dir_all(books.join("books")).unwrap();
    let has = |plural: &str| server.get("/api/modelsource").json()["groups"].get(plural).is_some();
    // An empty model says nothing, and without --prune nothing goes.
    for (model, flags) in [("{}", &["--prune"] as &[_]), ("{\"groups\": {}}", &[])] {
        std::fs::write(books.join("model.json"), model).unwrap();
        std::fs::create_dir_all(books.join("configs/app")).unwrap();
        apply("books", flags).expect(0);
        assert!(has("books") && has("games"), "{model}");
    }
    let kept = apply("books", &["--prune"]).expect(0);
    assert!(kept.out.contains("the type books stays: it has 1 document"), "{kept:#?}");
    server.delete("/api/books/g/entries/one").expect(204);
    let plan = apply("books", &["--prune", "--dry-run"]).expect(0);
    assert!(plan.out.contains("- books/g") && plan.out.contains("groups.books  -"), "{plan:#?}");
    apply("books", &["--prune"]).expect(0);
    assert!(!has("books") && has("games"));
    let position = server.position();
    apply("books", &["--prune"]).expect(0);
    assert_eq!(server.position(), position);
}

#[test]
fn the_plan_shows_what_the_registry_refuses_and_what_stops_passing() {
    let server = Server::in_memory(&[]);
    let scratch = TempDir::new().unwrap();
    let url = format!("http://{}", server.address);
    let apply = |flags: &[&str]| {
        run(scratch.path(), &[&["apply", "cat", "--server", &url], flags].concat())
    };
    let lay = |path: &str, text: &str| {
        let path = scratch.path().join("cat").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    lay("model.json", "{}");
    for index in 0..34 {
        let text = if index < 5 { "{\"owner\": 1}" } else { "{}" };
        lay(&format!("configs/shop/e{index}.json"), text);
    }
    let bound = "{\"muster\": {\"schema\": \"/schemagroups/own/schemas/config\"}}";
    lay("configs/shop.attributes.json", bound);
    // What is bound isn't there: the group is refused, and so nothing is done.
    let refused = apply(&["--yes"]).expect(1);
    assert!(refused.out.contains("! configs/shop  "), "{refused:#?}");
    let told = "\"/configs/shop\" is bound to \"/schemagroups/own/schemas/config\"";
    assert!(
        refused.out.contains("[binding_missing]") && refused.out.contains(told),
        "{refused:#?}"
    );
    assert_eq!(server.position(), 1);
    lay("schemagroups/own/config.json", "{\"type\": \"object\"}");
    apply(&["--yes"]).expect(0);
    lay("schemagroups/own/config.json", "{\"required\": [\"owner\"]}");
    let position = server.position();
    let plan = apply(&["--dry-run"]).expect(0);
    assert!(plan.out.contains("29 of 34 documents in the registry stop passing:"), "{plan:#?}");
    assert!(plan.out.contains("  configs/shop/entries/e10  /owner"), "{plan:#?}");
    assert_eq!(server.position(), position);
    let judged = run(scratch.path(), &["validate", "cat"]).expect(1);
    assert!(judged.err.contains("29 violations in 29 of 35 documents"), "{judged:#?}");
    let json = apply(&["--dry-run", "--output", "json"]).expect(0);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["failing"]["failing"], &json["requests"]), (&29.into(), &1.into()), "{json}");
    let done = apply(&["--yes"]).expect(0);
    let told = "applied 1 change\n29 of 34 documents in the registry stop passing\n";
    assert!(done.out.ends_with(told), "{done:#?}");
    // A name that differs in case is refused by the registry alone; the rest can be applied.
    lay("configs/shop/E1.json", "{\"owner\": 1}");
    lay("configs/shop/f.json", "{\"owner\": 1}");
    let position = server.position();
    let refused = apply(&["--yes"]).expect(1);
    assert!(refused.out.contains("! configs/shop/entries/E1"), "{refused:#?}");
    assert!(
        refused.out.contains("    refused: ") && refused.out.contains("    help: "),
        "{refused:#?}"
    );
    assert_eq!(server.position(), position);
    apply(&["--yes", "--keep-going"]).expect(1);
    server.get("/api/configs/shop/entries/f").expect(200);
}

#[test]
fn a_large_folder_is_applied_in_steps_and_the_plan_says_so() {
    let server = Server::in_memory(&[]);
    let scratch = TempDir::new().unwrap();
    let url = format!("http://{}", server.address);
    let group = scratch.path().join("cat/configs/app");
    std::fs::create_dir_all(&group).unwrap();
    let text = format!("\"{}\"", "x".repeat(3_000_000));
    ["a", "b", "c"].iter().for_each(|name| {
        std::fs::write(group.join(format!("{name}.json")), &text).unwrap();
    });
    let dry = run(scratch.path(), &["apply", "cat", "--dry-run", "--server", &url]).expect(0);
    assert!(dry.out.contains("the registry has judged the first step"), "{dry:#?}");
    let json = ["apply", "cat", "--dry-run", "--output", "json", "--server", &url];
    let json: Value = serde_json::from_str(&run(scratch.path(), &json).expect(0).out).unwrap();
    assert_eq!((&json["requests"], &json["judged_requests"]), (&json!(2), &json!(1)));
    let applied = run(scratch.path(), &["apply", "cat", "--yes", "--server", &url]).expect(0);
    let told = "in 2 steps, each as a whole or not at all";
    assert!(
        applied.out.contains(told) && applied.out.contains("applied 3 changes"),
        "{applied:#?}"
    );
    assert_eq!(server.get("/log").json()["entries"].as_array().unwrap().len(), 3);
}

/// Each step is judged right before it is done, so a later one may be refused.
#[test]
fn a_step_that_is_refused_is_the_last_unless_the_rest_is_wanted() {
    let scratch = TempDir::new().unwrap();
    let group = scratch.path().join("cat/configs/app");
    std::fs::create_dir_all(&group).unwrap();
    let text = format!("\"{}\"", "x".repeat(3_000_000));
    ["a", "b", "c", "d", "e"].iter().for_each(|name| {
        std::fs::write(group.join(format!("{name}.json")), &text).unwrap();
    });
    for (flags, there) in [(&["--yes"] as &[_], "ab"), (&["--yes", "--keep-going"], "abde")] {
        let server = Server::in_memory(&[]);
        // Only the registry knows that names may not differ in case alone.
        server.put("/api/configs/app/entries/C", "{}").expect(201);
        let url = format!("http://{}", server.address);
        let apply = [&["apply", "cat", "--server", &url], flags].concat();
        run(scratch.path(), &apply).expect(1);
        let names = ["a", "b", "c", "d", "e"].into_iter();
        let found: String = names
            .filter(|name| {
                let found = server.get(&format!("/api/configs/app/entries/{name}/versions/1"));
                found.status == 200
            })
            .collect();
        assert_eq!(found, there, "{flags:?}");
    }
}

#[test]
fn a_binding_to_nothing_does_not_pass() {
    let scratch = TempDir::new().unwrap();
    let lay = |path: &str, text: &str| {
        let path = scratch.path().join("cat").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let validate = |flags: &[&str]| run(scratch.path(), &[&["validate", "cat"], flags].concat());
    lay("model.json", "{}");
    lay("schemagroups/own/config.json", "{\"type\": \"object\"}");
    let server = Server::in_memory(&[]);
    let against = format!("http://{}", server.address);
    for (members, name) in [
        ("\"schema\": \"/schemagroups/own/schemas/none\"", "schemas/none"),
        ("\"schema\": \"/schemagroups/far/schemas/config\"", "far/schemas/config"),
        ("\"rules\": [\"/rulegroups/none\"]", "rulegroups/none"),
        ("\"rules\": [\"/rulegroups/own/rules/none\"]", "rules/none"),
    ] {
        lay("configs/shop.attributes.json", &format!("{{\"muster\": {{{members}}}}}"));
        for flags in [&[] as &[_], &["--against", &against]] {
            let told = validate(flags).expect(1);
            assert!(told.out.contains("cat/configs/shop.attributes.json"), "{told:#?}");
            assert!(told.out.contains(name), "{told:#?}");
        }
    }
    lay(
        "configs/shop.attributes.json",
        "{\"muster\": {\"schema\": \"/schemagroups/own/schemas/config\"}}",
    );
    validate(&[]).expect(0);
    // What the registry has may be bound as well, if it is asked.
    lay(
        "configs/shop.attributes.json",
        "{\"muster\": {\"schema\": \"/schemagroups/far/schemas/config\"}}",
    );
    server.put("/api/schemagroups/far/schemas/config", "{}").expect(201);
    validate(&[]).expect(1);
    validate(&["--against", &against]).expect(0);
}

/// A document of which the registry has the URL alone hinders nobody.
#[test]
fn a_document_that_lies_elsewhere_is_told_and_applied_around() {
    // It came before the schema that the folder binds; later it would be refused.
    let server = Server::in_memory(&[]);
    let far = "/api/providers/cms/entries/far$details";
    let url = "https://example.com/far.json";
    server.put(far, format!(r#"{{"entryurl":"{url}"}}"#)).expect(201);
    let copy = Copy::make();
    let address = format!("http://{}", server.address);
    let told =
        run(copy.scratch.path(), &["get", "providers/cms/entries/far", "--server", &address]);
    let told = told.expect(1);
    assert!(told.err.contains(url) && told.err.contains("[document_elsewhere]"), "{told:#?}");
    copy.apply(&server, &["--yes"]).expect(0);
    run(copy.scratch.path(), &["validate", "--server", &address]).expect(0);
    std::fs::write(copy.root().join("providers/cms/far.json"), "{}").unwrap();
    let refused = copy.apply(&server, &["--yes"]).expect(1);
    assert!(refused.err.contains("[invalid_document]"), "{refused:#?}");
}

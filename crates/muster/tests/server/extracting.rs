//! Tables of metadata that become documents, from the file to the registry.

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Server, run};

const TABLE: &str = r#"
from datetime import date

# The providers of the old program.
PROVIDERS: dict[str, dict] = {
    "sanity": {
        "provider_type": "cms",
        "monthly_cost_range": (65, 280),
        "target_market": ["agencies", 'developers',],
        "best_for": "Teams that model content once "
                    "and show it everywhere",
    },
    "hugo": {"provider_type": "ssg", "monthly_cost_range": (0, 0), "is_free": True},
    "dated": {"provider_type": "cms", "last_updated": date.today()},
    "none": None,
}

DEFAULTS = {"a": 1}
"#;

#[test]
fn a_table_becomes_documents_that_a_registry_takes() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    std::fs::write(folder.join("table.py"), TABLE).unwrap();
    let pattern = "providers/{provider_type}/entries/{key}";
    let table = ["extract", "table.py", "--as", pattern];
    let many = run(folder, &[&table[..], &["--to", "out"]].concat()).expect(2);
    assert!(many.err.contains("--variable: PROVIDERS, DEFAULTS"), "{}", many.err);
    let table = [&table[..], &["--variable", "PROVIDERS", "--add", "provider_name={key}"]].concat();
    let dry = run(folder, &[&table[..], &["--dry-run"]].concat()).expect(1);
    for part in ["+ providers/cms/entries/sanity  table.py:6:15", "2 documents to extract"] {
        assert!(dry.out.contains(part), "{}", dry.out);
    }
    for part in [
        "error: 2 things don't fit; the rest is 2 documents  [partly_extracted]",
        "table.py:14:55  /dated/last_updated  it is no literal: date.today()",
        "table.py:15:13  /none  it isn't an object",
        "help: ",
    ] {
        assert!(dry.err.contains(part), "{}", dry.err);
    }
    assert!(!folder.join("out").exists());
    let nothing = run(folder, &[&table[..], &["--select", "/nope/*", "--dry-run"]].concat());
    let nothing = nothing.expect(1);
    assert!(nothing.err.contains("was selected  [no_documents]"), "{}", nothing.err);
    let json = [&table[..], &["--to", "out", "--output", "json"]].concat();
    let made = run(folder, &json).expect(1);
    let report: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!(report["documents"][1]["xid"], "/providers/ssg/entries/hugo");
    assert_eq!(report["documents"][1]["place"], "table.py:13:13");
    assert_eq!(report["unfit"][0]["reason"], "no_literal");
    assert_eq!(report["unfit"][1]["entry"], "/none");
    let text = std::fs::read_to_string(folder.join("out/providers/cms/sanity.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["monthly_cost_range"], serde_json::json!([65, 280]));
    assert_eq!(document["best_for"], "Teams that model content once and show it everywhere");
    assert_eq!(document["provider_name"], "sanity");
    // The registry takes the folder as it is.
    let server = Server::in_memory(&[]);
    let url = format!("http://{}", server.address);
    run(folder, &["apply", "out", "--yes", "--server", &url]).expect(0);
    assert_eq!(server.get("/api/providers/cms/entries/sanity").expect(200).text(), text);
    // A folder that is there isn't written over.
    let again = run(folder, &json).expect(1);
    assert!(again.err.contains("file_exists"), "{}", again.err);
}

#[test]
fn a_catalog_says_which_documents_pass() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalogs/webstack");
    let good = std::fs::read_to_string(format!("{catalog}/providers/cms/sanity.json")).unwrap();
    let decap = std::fs::read_to_string(format!("{catalog}/providers/cms/decap.json")).unwrap();
    let bad = decap.replace("\"monthly_cost_range\": [", "\"monthly_cost_range\": [\n    9000,");
    assert_ne!(bad, decap);
    let module = format!(
        "import type {{ Provider }} from './provider'\n\nexport const PROVIDERS: Record<string, Provider> = {{\n  sanity: {good} as const,\n  decap: {bad},\n  odd: {{}},\n}} satisfies Table;\n"
    );
    std::fs::write(folder.join("table.ts"), module).unwrap();
    let words = ["extract", "table.ts", "--as", "providers/cms/entries/{key}"];
    let words = [&words[..], &["--catalog", catalog, "--to", "out", "--output", "json"]].concat();
    let made = run(folder, &words).expect(1);
    let report: Value = serde_json::from_str(&made.out).unwrap();
    let documents = report["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 1, "{report:#}");
    assert_eq!(documents[0]["xid"], "/providers/cms/entries/sanity");
    let unfit = report["unfit"].as_array().unwrap();
    let is = |entry: &str, field: &str| {
        unfit.iter().any(|one| one["entry"] == entry && one["field"] == field)
    };
    assert!(is("/decap", "/monthly_cost_range") && is("/odd", "/provider_name"), "{unfit:#?}");
    assert!(unfit.iter().all(|one| one["reason"] == "violation"), "{unfit:#?}");
    let written = std::fs::read_to_string(folder.join("out/providers/cms/sanity.json")).unwrap();
    let same = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(same(&written), same(&good));
}

#[test]
fn says_where_a_file_is_broken_and_what_it_lacks() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    for (name, text, words, code, expect) in [
        ("a.json", "{\"a\": {\"b\": [1}}", &[][..], 1, "a.json:1:15: '}' isn't expected here"),
        ("b.py", "X = load()\n", &[], 1, "b.py has no table"),
        ("c.txt", "{}", &[], 2, "add --language"),
        ("d.py", "TABLE = {}\n", &["--variable", "TABEL"], 1, "did you mean TABLE?"),
        ("e.json", "{\"a\": 1}", &[], 1, "nothing was extracted  [no_documents]"),
        ("f.json", "{\"a\": {}}", &["--select", "a"], 2, "a selection begins with a slash"),
        ("g.json", "{\"a\": {}}", &["--add", "x"], 2, "it is a field, = and a text"),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
        let all = ["extract", name, "--as", "configs/app/entries/{key}", "--to", "out"];
        let said = run(folder, &[&all[..], words].concat()).expect(code);
        assert!(said.err.contains(expect), "{name}: {}", said.err);
        assert!(!folder.join("out").exists(), "{name}");
    }
    std::fs::write(folder.join("ok.txt"), "{\"a\": {}}").unwrap();
    let words = ["extract", "ok.txt", "--language", "json", "--as", "configs/app/entries/{key}"];
    run(folder, &[&words[..], &["--to", "out"]].concat()).expect(0);
    assert!(
        folder.join("out/configs/app/entries/a.json").is_file()
            || folder.join("out/configs/app/a.json").is_file()
    );
}

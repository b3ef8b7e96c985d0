use super::*;

const METADATA: &str = r#"{
  "packages": [
    {"name": "muster", "version": "0.1.0", "id": "m", "source": null, "license": "Apache-2.0",
     "dependencies": [{"name": "rusqlite", "kind": null}, {"name": "proptest", "kind": "dev"}]},
    {"name": "rusqlite", "version": "1.0.0", "id": "r1", "source": "registry", "license": "MIT",
     "dependencies": []},
    {"name": "rusqlite", "version": "0.9.0", "id": "r0", "source": "registry", "license": "GPL-3.0",
     "dependencies": []},
    {"name": "proptest", "version": "1.0.0", "id": "p", "source": "registry",
     "license": "MIT OR Apache-2.0", "dependencies": []}
  ],
  "resolve": {"nodes": [
    {"id": "m", "deps": [{"pkg": "r1", "dep_kinds": [{"kind": null}]},
                         {"pkg": "p", "dep_kinds": [{"kind": "dev"}]}]},
    {"id": "r1", "deps": [{"pkg": "r0", "dep_kinds": [{"kind": "build"}]}]},
    {"id": "r0", "deps": []}, {"id": "p", "deps": []}
  ]}
}"#;

const DENY: &str = r#"
    licenses.allow = ["MIT", "Apache-2.0"]
    bans.deny = [
        { crate = "rusqlite", wrappers = ["muster-stores"] },
        { crate = "proptest", wrappers = [] },
    ]
"#;

fn said(findings: Vec<Finding>) -> Vec<String> {
    findings.into_iter().map(|finding| finding.what).collect()
}

#[test]
fn names_other_licences_and_uses_in_the_wrong_room() {
    let (graph, rules) = (Graph::parse(METADATA), Rules::parse(DENY));
    let (Some(graph), Some(rules)) = (graph, rules) else { unreachable!("both are well formed") };
    assert_eq!(said(rules.licences(&graph)), ["rusqlite 0.9.0 is under \"GPL-3.0\""]);
    assert_eq!(said(rules.wrappers(&graph)), ["`muster` may not use rusqlite"]);
}

#[test]
fn counts_what_ships_apart_from_what_tests_need() {
    let graph = Graph::parse(METADATA).unwrap_or_default();
    let least = "crates_built = 3\ncrates_shipped = 2\ncrates_shipped_twice = 1";
    assert_eq!(budget(least, &graph), []);
    let less = "crates_built = 2\ncrates_shipped = 1\ncrates_shipped_twice = 0";
    assert_eq!(said(budget(less, &graph)).len(), 3);
    assert_eq!(said(budget("", &graph)).len(), 3, "no number is no room");
}

#[test]
fn wants_a_reason_for_each_direct_dependency_and_no_other() {
    let graph = Graph::parse(METADATA).unwrap_or_default();
    assert_eq!(explained("| `rusqlite` | SQLite |\n| `proptest` | laws |", &graph), []);
    assert_eq!(
        said(explained("| `proptest`, `serde` | laws |", &graph)),
        ["doesn't say why `rusqlite` is there", "explains `serde`, which isn't there"]
    );
}

#[test]
fn reads_licence_expressions() {
    let allowed = ["MIT", "Apache-2.0", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"];
    let allowed: Vec<String> = allowed.map(str::to_owned).to_vec();
    for (expression, expect) in [
        ("MIT", true),
        ("MIT OR GPL-3.0", true),
        ("MIT/Apache-2.0", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("(GPL-2.0 OR GPL-3.0) AND MIT", false),
        ("GPL-3.0 OR (MIT AND (GPL-3.0 OR Apache-2.0))", true),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
        ("MIT+", true),
        ("GPL-3.0+", false),
        ("", false),
    ] {
        assert_eq!(permits(expression, &allowed), expect, "{expression}");
    }
}

//! The commands that put, read and list schemas, and what they say to a CI system.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{CommandOutput, Server, run};

const ORDER: &str = "schemagroups/shop/schemas/order";

/// Old and new versions of a schema in each format: the second reads data of the first, the third
/// doesn't. With the format and the media type that they are stored with.
const FORMATS: [(&str, [&str; 3], &str, &str); 3] = [
    (
        "json",
        [
            "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\n\"properties\":{\"n\":{\"minimum\":5}}}",
            "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\n\"properties\":{\"n\":{\"minimum\":1}}}",
            "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\n\"properties\":{\"n\":{\"minimum\":9}}}",
        ],
        "JsonSchema/draft-07",
        "application/schema+json",
    ),
    (
        "avsc",
        [
            r#"{"type":"record","name":"R","fields":[{"name":"n","type":"int"}]}"#,
            r#"{"type":"record","name":"R","fields":[{"name":"n","type":"long"}]}"#,
            r#"{"type":"record","name":"R","fields":[{"name":"n","type":"string"}]}"#,
        ],
        "Avro/1.12.0",
        "application/vnd.apache.avro+json",
    ),
    (
        "proto",
        [
            "syntax = \"proto3\";\nmessage R { int32 n = 1; }\n",
            "syntax = \"proto3\";\nmessage R { int32 n = 1; string m = 2; }\n",
            "syntax = \"proto3\";\nmessage R { string n = 1; string m = 2; }\n",
        ],
        "Protobuf/3",
        "application/x-protobuf",
    ),
];

fn write_versions(folder: &Path, extension: &str, texts: [&str; 3]) -> [String; 3] {
    let mut names = ["old", "good", "bad"].map(|stem| format!("{stem}.{extension}"));
    for (name, text) in names.iter_mut().zip(texts) {
        fs::write(folder.join(&*name), text).unwrap();
    }
    names
}

/// Runs `muster schema` with these words and the flags of a registry.
fn schema(folder: &Path, words: &[&str], registry: &[&str]) -> CommandOutput {
    run(folder, &[&["schema"], words, registry].concat())
}

fn json_of(output: &CommandOutput) -> Value {
    serde_json::from_str(&output.out).unwrap()
}

#[test]
fn a_schema_is_registered_listed_and_read_in_each_format() {
    let (scratch, server) = (TempDir::new().unwrap(), Server::in_memory(&[]));
    let url = server.url("127.0.0.1");
    let registry = ["--server", url.as_str()];
    let folder = scratch.path();
    for (extension, texts, format, content_type) in FORMATS {
        let [old, good, bad] = write_versions(folder, extension, texts);
        let xid = format!("schemagroups/shop/schemas/{extension}");
        let register = |file: &str, flags: &[&str]| {
            schema(folder, &[&["register", &xid, file], flags].concat(), &registry)
        };
        let told = register(&old, &["--dry-run"]).expect(0);
        assert!(told.out.contains("would be created"), "{}", told.out);
        assert_eq!(server.get(&format!("/api/{xid}")).status, 404);
        let told = register(&old, &["--level", "FULL", "--message", "the first"]).expect(0);
        assert!(told.out.contains("version 1"), "{}", told.out);
        let details = server.get(&format!("/api/{xid}$details")).expect(200).json();
        assert_eq!(
            (&details["format"], &details["contenttype"]),
            (&format.into(), &content_type.into())
        );
        let told = register(&old, &[]).expect(0);
        assert!(told.out.contains("unchanged, still version 1"), "{}", told.out);
        let told = register(&old, &["--dry-run", "--output", "json"]).expect(0);
        assert_eq!(json_of(&told)["unchanged"], true, "{}", told.out);
        let told = register(&good, &["--dry-run"]).expect(0);
        assert!(told.out.contains("would get a version after 1"), "{}", told.out);
        let told = register(&good, &["--level", "BACKWARD", "--output", "json"]).expect(0);
        assert_eq!(json_of(&told)["versionid"], "2", "{}", told.out);
        let position = server.position();
        for flags in [&["--level", "BACKWARD"][..], &["--level", "BACKWARD", "--dry-run"]] {
            let told = register(&bad, flags).expect(1);
            assert!(told.out.contains("not compatible with"), "{}", told.out);
            assert!(told.err.contains("nothing was registered"), "{}", told.err);
        }
        assert_eq!(server.position(), position);
        let told = schema(folder, &["get", &xid], &registry).expect(0);
        assert_eq!(told.out, texts[1]);
        let told = schema(folder, &["get", &xid, "--version", "1"], &registry).expect(0);
        assert_eq!(told.out, texts[0]);
        schema(folder, &["references", &xid], &registry).expect(0);
    }
    let listed = schema(folder, &["list"], &registry).expect(0);
    for (extension, _, format, _) in FORMATS {
        let start = format!("schemagroups/shop/schemas/{extension}");
        let line = listed.out.lines().find(|line| line.starts_with(&start)).unwrap();
        let words: Vec<&str> = line.split_whitespace().take(4).collect();
        assert_eq!(words, [start.as_str(), format, "2", "2"], "{}", listed.out);
    }
    for group in ["shop", "schemagroups/shop", "/schemagroups/shop/schemas"] {
        let told = schema(folder, &["list", group, "--output", "json"], &registry).expect(0);
        assert_eq!(json_of(&told).as_array().unwrap().len(), 3, "{}", told.out);
    }
    schema(folder, &["list", "none"], &registry).expect(1);
    schema(folder, &["list", "a/b/c/d"], &registry).expect(2);
    schema(folder, &["get", "schemagroups/shop"], &registry).expect(2);
    schema(folder, &["register", "schemagroups/shop", "old.json"], &registry).expect(2);
    schema(folder, &["register", ORDER, "none.json"], &registry).expect(1);
    let words = ["register", ORDER, "old.json", "--reference", "a=old.json"];
    schema(folder, &words, &registry).expect(2);
}

#[test]
fn the_levels_of_a_group_are_told_where_a_schema_is_registered() {
    let (scratch, server) = (TempDir::new().unwrap(), Server::in_memory(&[]));
    let url = server.url("127.0.0.1");
    let registry = ["--server", url.as_str()];
    server.put("/api/schemagroups/shop", r#"{"muster":{"compatibility":"BACKWARD"}}"#).expect(201);
    for (extension, texts, ..) in FORMATS {
        let [old, _, bad] = write_versions(scratch.path(), extension, texts);
        let xid = format!("schemagroups/shop/schemas/{extension}");
        schema(scratch.path(), &["register", &xid, &old], &registry).expect(0);
        for flags in [&[][..], &["--dry-run"]] {
            let words = [&["register", &xid, &bad], flags].concat();
            let told = schema(scratch.path(), &words, &registry).expect(1);
            assert!(
                told.err.contains("it isn't BACKWARD compatible with version 1"),
                "{}",
                told.err
            );
            assert!(told.err.contains(&format!("muster schema diff {xid} {bad}")), "{}", told.err);
        }
    }
}

#[test]
fn a_data_directory_takes_schemas_without_a_server() {
    let scratch = TempDir::new().unwrap();
    let registry = ["--data", "registry"];
    run(scratch.path(), &["init", "--data", "registry"]).expect(0);
    for (extension, texts, format, _) in FORMATS {
        let [old, ..] = write_versions(scratch.path(), extension, texts);
        let xid = format!("schemagroups/shop/schemas/{extension}");
        schema(scratch.path(), &["register", &xid, &old], &registry).expect(0);
        let told = schema(scratch.path(), &["list", "shop"], &registry).expect(0);
        assert!(told.out.contains(format), "{}", told.out);
    }
}

#[test]
fn findings_are_written_for_ci_systems() {
    let scratch = TempDir::new().unwrap();
    let [old, good, bad] = write_versions(scratch.path(), FORMATS[0].0, FORMATS[0].1);
    fs::write(scratch.path().join("lines"), "{\"n\":7}\n\n{\"n\":3}\n").unwrap();
    fs::write(scratch.path().join("one.json"), "{\n\n\"n\":3}").unwrap();
    let check = |new: &str, form: &str| {
        run(scratch.path(), &["schema", "check", new, "--old", &old, "--report", form])
    };
    let lines = |form: &str| {
        let words = ["schema", "validate", &old, "lines", "--lines", "--report", form];
        run(scratch.path(), &words)
    };
    let one = run(scratch.path(), &["schema", "validate", &old, "one.json", "--report", "github"]);
    for (told, code, expect) in [
        (
            check(&bad, "github"),
            1,
            "::error file=bad.json,line=2,title=minimum_increased::bad.json: ",
        ),
        (check(&bad, "junit"), 1, "tests=\"1\" failures=\"1\""),
        (check(&bad, "junit"), 1, "name=\"bad.json\">\n    <failure type=\"minimum_increased\""),
        (check(&good, "junit"), 0, "tests=\"1\" failures=\"0\""),
        (lines("github"), 1, "::error file=lines,line=3,title="),
        (lines("junit"), 1, "tests=\"2\" failures=\"1\""),
        (lines("junit"), 1, "<testcase classname=\"old.json\" name=\"lines:1\"/>"),
        (one, 1, "::error file=one.json,line=3,title="),
    ] {
        let told = told.expect(code);
        assert!(told.out.contains(expect), "{expect}: {}", told.out);
    }
    assert_eq!(check(&good, "github").expect(0).out, "");
}

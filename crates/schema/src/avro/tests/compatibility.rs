use std::path::PathBuf;

use muster_words::json;

use super::parse;
use crate::{
    Certainty, Direction, Policy,
    avro::{AvroSchema, compare},
};

/// The findings as `rule@path`, with a question mark where they are undecided.
fn found(old: &AvroSchema, new: &AvroSchema, direction: Direction, policy: Policy) -> String {
    let found = compare(old, new, direction, policy);
    let shown = found.iter().map(|broken| {
        assert_eq!(broken.direction, direction);
        assert!(!broken.message.is_empty());
        let undecided = if broken.certainty == Certainty::Undecided { "?" } else { "" };
        format!("{}{undecided}@{}", broken.rule, broken.path)
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn field(field: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{{"name":"f","type":{field}}}]}}"#)
}

/// An old schema, a new one, and the findings backward and forward: first as Confluent, then
/// soundly, where that differs.
#[test]
fn each_rule_of_schema_resolution_answers_in_each_direction() {
    for (old, new, confluent, sound) in rows() {
        let (old_schema, new_schema) = (parse(&old), parse(&new));
        let [sound_backward, sound_forward] = sound.unwrap_or(confluent);
        for (policy, expect) in [
            (Policy::ConfluentStrict, confluent),
            (Policy::ConfluentLenient, confluent),
            (Policy::Sound, [sound_backward, sound_forward]),
        ] {
            for (direction, expect) in
                [(Direction::Backward, expect[0]), (Direction::Forward, expect[1])]
            {
                let found = found(&old_schema, &new_schema, direction, policy);
                assert_eq!(found, expect, "{old} → {new}, {direction:?}, {policy:?}");
            }
            // A schema is compatible with itself, unless a field has the alias of another field.
            if sound_backward.contains("alias_taken") {
                continue;
            }
            let itself = found(&new_schema, &parse(&new), Direction::Backward, policy);
            assert_eq!(itself, "", "{new}");
        }
    }
}

type Row = (String, String, [&'static str; 2], Option<[&'static str; 2]>);

fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut row = |old: &str, new: &str, backward, forward| {
        rows.push((old.to_owned(), new.to_owned(), [backward, forward], None));
    };
    primitives(&mut row);
    named_types(&mut row);
    unions(&mut row);
    fields(&mut row);
    rows.extend(where_confluent_is_unsound());
    rows
}

/// Where types contain themselves, the finding is told once, where the types differ.
const LONG_LIST: &str = "type_mismatch@/fields/0/type";

fn primitives(row: &mut impl FnMut(&str, &str, &'static str, &'static str)) {
    let mismatch = "type_mismatch@";
    for primitive in ["null", "boolean", "int", "long", "float", "double", "bytes", "string"] {
        let text = format!("{primitive:?}");
        row(&text, &text, "", "");
        row(&text, &format!(r#"{{"type":{text},"x":1}}"#), "", "");
    }
    for (old, new) in [
        ("int", "long"),
        ("int", "float"),
        ("int", "double"),
        ("long", "float"),
        ("long", "double"),
        ("float", "double"),
    ] {
        row(&format!("{old:?}"), &format!("{new:?}"), "", mismatch);
        row(&format!("{new:?}"), &format!("{old:?}"), mismatch, "");
    }
    for (old, new) in [("null", "int"), ("boolean", "int"), ("string", "int"), ("bytes", "double")]
    {
        row(&format!("{old:?}"), &format!("{new:?}"), mismatch, mismatch);
    }
    let (array, map) = (r#"{"type":"array","items":"int"}"#, r#"{"type":"map","values":"int"}"#);
    row(array, map, mismatch, mismatch);
    row(array, r#""int""#, mismatch, mismatch);
    row(array, r#"{"type":"array","items":"long"}"#, "", "type_mismatch@/items");
    row(r#"{"type":"map","values":"long"}"#, map, "type_mismatch@/values", "");
}

fn named_types(row: &mut impl FnMut(&str, &str, &'static str, &'static str)) {
    let fixed = |name: &str, size: u32, aliases: &str| {
        format!(r#"{{"type":"fixed","name":"{name}","size":{size},"aliases":[{aliases}]}}"#)
    };
    row(
        &fixed("F", 4, ""),
        &fixed("F", 5, ""),
        "fixed_size_mismatch@/size",
        "fixed_size_mismatch@/size",
    );
    row(&fixed("F", 4, ""), &fixed("G", 4, ""), "name_mismatch@/name", "name_mismatch@/name");
    row(&fixed("F", 4, ""), &fixed("G", 4, r#""F""#), "", "name_mismatch@/name");
    row(&fixed("F", 4, ""), r#""string""#, "type_mismatch@", "type_mismatch@");
    let of = |name: &str, symbols: &str, more: &str| {
        format!(r#"{{"type":"enum","name":"{name}","symbols":[{symbols}]{more}}}"#)
    };
    let (ab, a) = (of("E", r#""A","B""#, ""), of("E", r#""A""#, ""));
    row(&a, &ab, "", "missing_enum_symbols@/symbols");
    row(&ab, &a, "missing_enum_symbols@/symbols", "");
    row(&ab, &of("E", r#""A""#, r#","default":"A""#), "", "");
    row(&of("E", r#""A""#, r#","default":"A""#), &ab, "", "");
    row(&ab, &of("E", r#""B","A""#, ""), "", "");
    row(&a, &of("D", r#""A""#, ""), "name_mismatch@/name", "name_mismatch@/name");
    row(&a, &of("D", r#""A""#, r#","aliases":["E"]"#), "", "name_mismatch@/name");
    let record = |name: &str, aliases: &str| {
        format!(r#"{{"type":"record","name":"{name}","aliases":[{aliases}],"fields":[]}}"#)
    };
    row(&record("R", ""), &record("S", ""), "name_mismatch@/name", "name_mismatch@/name");
    row(&record("R", ""), &record("S", r#""R""#), "", "name_mismatch@/name");
    // Names are compared without their namespaces, aliases with them.
    row(&record("a.R", ""), &record("b.R", ""), "", "");
    row(&record("a.R", ""), &record("b.S", r#""R""#), "name_mismatch@/name", "name_mismatch@/name");
    row(&record("a.R", ""), &record("b.S", r#""a.R""#), "", "name_mismatch@/name");
    row(&record("R", ""), r#"{"type":"map","values":"int"}"#, "type_mismatch@", "type_mismatch@");
}

fn unions(row: &mut impl FnMut(&str, &str, &'static str, &'static str)) {
    let missing = "missing_union_branch@";
    row("[]", "[]", "", "");
    row(r#"["int"]"#, r#"["int","string"]"#, "", "missing_union_branch@/1");
    row(r#"["int","string"]"#, r#"["string"]"#, missing, "");
    row(r#"["int","string"]"#, r#"["string","int"]"#, "", "");
    row(r#"["int"]"#, r#"["long"]"#, "", "missing_union_branch@/0");
    row(
        r#"["int"]"#,
        r#"["double","string"]"#,
        "",
        "missing_union_branch@/0 missing_union_branch@/1",
    );
    row(r#""int""#, r#"["null","int"]"#, "", "type_mismatch@/0");
    row(r#"["null","int"]"#, r#""int""#, "type_mismatch@", "");
    row(r#"["int"]"#, r#""long""#, "", "missing_union_branch@");
    row(r#"["int","float"]"#, r#""double""#, "", missing);
    row(r#""string""#, r#"["int"]"#, missing, "type_mismatch@/0");
    row("[]", r#"["int"]"#, "", "missing_union_branch@/0");
    row(
        r#"["null",{"type":"fixed","name":"F","size":1}]"#,
        r#"["null",{"type":"fixed","name":"G","size":1,"aliases":["F"]}]"#,
        "",
        "missing_union_branch@/1",
    );
}

fn fields(row: &mut impl FnMut(&str, &str, &'static str, &'static str)) {
    let of = |fields: &str| format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
    let a = r#"{"name":"a","type":"int"}"#;
    let b = r#"{"name":"b","type":"int"}"#;
    let b_default = r#"{"name":"b","type":"int","default":0}"#;
    let b_for_a = r#"{"name":"b","type":"int","aliases":["a"]}"#;
    let needs = "reader_field_missing_default_value@/fields/1";
    row(&of(a), &of(&format!("{a},{b}")), needs, "");
    row(&of(a), &of(&format!("{a},{b_default}")), "", "");
    row(&of(&format!("{a},{b}")), &of(a), "", needs);
    row(&of(&format!("{a},{b_default}")), &of(a), "", "");
    row(&of(&format!("{a},{b}")), &of(&format!("{b},{a}")), "", "");
    row(&of(a), &of(b_for_a), "", "reader_field_missing_default_value@/fields/0");
    let ambiguous = "ambiguous_field_alias@/fields/0";
    row(
        &of(&format!("{a},{b}")),
        &of(b_for_a),
        ambiguous,
        "reader_field_missing_default_value@/fields/0",
    );
    row(&field(r#""int""#), &field(r#""long""#), "", "type_mismatch@/fields/0/type");
    // An enum with a default is no field with a default.
    row(
        &of(""),
        &of(r#"{"name":"e","type":{"type":"enum","name":"E","symbols":["A"],"default":"A"}}"#),
        "reader_field_missing_default_value@/fields/0",
        "",
    );
    let list = |of: &str| {
        format!(
            r#"{{"type":"record","name":"L","fields":[{{"name":"head","type":"{of}"}},{{"name":"tail","type":["null","L"]}}]}}"#
        )
    };
    row(&list("int"), &list("int"), "", "");
    row(&list("int"), &list("long"), "", LONG_LIST);
}

/// What Confluent accepts and a reader may fail at, with both answers.
fn where_confluent_is_unsound() -> Vec<Row> {
    let fixed = |name: &str| format!(r#"{{"type":"fixed","name":"{name}","size":4}}"#);
    let decimal = |precision: u32| {
        format!(r#"{{"type":"bytes","logicalType":"decimal","precision":{precision}}}"#)
    };
    let text = |text: &str| text.to_owned();
    let of = |fields: &str| format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
    let a = r#"{"name":"a","type":"int"}"#;
    let b_for_a = r#"{"name":"b","type":"int","aliases":["a"]}"#;
    let millis = text(r#"{"type":"long","logicalType":"timestamp-millis"}"#);
    let micros = text(r#"{"type":"long","logicalType":"timestamp-micros"}"#);
    vec![
        (text(r#""bytes""#), text(r#""string""#), ["", ""], Some(["bytes_read_as_string@", ""])),
        (text(r#""string""#), text(r#""bytes""#), ["", ""], Some(["", "bytes_read_as_string@"])),
        (
            text(r#""bytes""#),
            text(r#"["null","string"]"#),
            ["", "type_mismatch@/0"],
            Some(["bytes_read_as_string@/1", "type_mismatch@/0"]),
        ),
        (fixed("a.F"), fixed("b.F"), ["", ""], Some(["namespace_mismatch?@/name"; 2])),
        (
            text(r#"{"type":"enum","name":"a.E","symbols":["A"]}"#),
            text(r#"{"type":"enum","name":"b.E","symbols":["A"],"aliases":["a.E"]}"#),
            ["", ""],
            Some(["", "namespace_mismatch?@/name"]),
        ),
        (decimal(4), decimal(5), ["", ""], Some(["decimal_mismatch@"; 2])),
        (millis.clone(), micros, ["", ""], Some(["logical_type_mismatch@"; 2])),
        (
            millis.clone(),
            text(r#""double""#),
            ["", "type_mismatch@"],
            Some(["logical_type_promoted?@", "type_mismatch@"]),
        ),
        (text(r#""long""#), millis, ["", ""], None),
        (text(r#""bytes""#), decimal(4), ["", ""], Some(["logical_type_added?@", ""])),
        (
            text(r#""string""#),
            text(r#"{"type":"string","logicalType":"uuid"}"#),
            ["", ""],
            Some(["logical_type_added?@", ""]),
        ),
        (of(a), of(&format!("{a},{b_for_a}")), ["", ""], Some(["alias_taken?@/fields/1", ""])),
        // The old type's name is the alias of another type.
        (
            text(r#"["null",{"type":"record","name":"A","fields":[]}]"#),
            text(
                r#"["null",{"type":"record","name":"A","fields":[]},{"type":"record","name":"B","aliases":["A"],"fields":[]}]"#,
            ),
            ["", "missing_union_branch@/2"],
            Some(["alias_taken?@/1/name", "missing_union_branch@/2"]),
        ),
    ]
}

/// The changes that docs/reference/compatibility/avro.md says are never refused: an old schema, a new
/// one, and whether it passes backward and forward.
#[test]
fn never_refuses_the_changes_that_are_said_to_pass() {
    let of = |fields: &str| format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
    let (a, b) = (r#"{"name":"a","type":"int"}"#, r#"{"name":"b","type":"string"}"#);
    let b_default =
        r#"{"name":"b","type":["null","string"],"default":null,"doc":"d","order":"ignore"}"#;
    let symbols = |symbols: &str, more: &str| {
        format!(r#"{{"type":"enum","name":"E","symbols":[{symbols}]{more}}}"#)
    };
    let default = r#","default":"A""#;
    let text = |text: &str| text.to_owned();
    for (old, new, backward, forward) in [
        (of(a), of(&format!("{a},{b_default}")), true, true),
        (of(&format!("{a},{b_default}")), of(a), true, true),
        (of(&format!("{a},{b}")), of(a), true, false),
        (of(a), of(&format!("{a},{b}")), false, true),
        (of(&format!("{a},{b}")), of(&format!("{b},{a}")), true, true),
        (symbols(r#""A""#, default), symbols(r#""A","B""#, default), true, true),
        (symbols(r#""A""#, ""), symbols(r#""A","B""#, ""), true, false),
        (of(a), of(r#"{"name":"a","type":"double","x":[1]}"#), true, false),
        (of(a), of(r#"{"name":"a","type":["null","int"]}"#), true, false),
        (text(r#"["null","int"]"#), text(r#"["string","null","int"]"#), true, false),
        (
            text(r#"{"type":"fixed","name":"n.F","size":2}"#),
            text(r#"{"type":"fixed","name":"n.G","size":2,"aliases":["F"]}"#),
            true,
            false,
        ),
        (of(a), text(r#"{"type":"record","name":"S","aliases":["R"],"fields":[]}"#), true, false),
        (text(r#""int""#), text(r#"{"type":"int","logicalType":"date"}"#), true, true),
        (text(r#"{"type":"long","logicalType":"time-micros"}"#), text(r#""long""#), true, true),
    ] {
        let (old_schema, new_schema) = (parse(&old), parse(&new));
        for policy in [Policy::ConfluentStrict, Policy::Sound] {
            for (direction, passes) in
                [(Direction::Backward, backward), (Direction::Forward, forward)]
            {
                let found = found(&old_schema, &new_schema, direction, policy);
                assert_eq!(found.is_empty(), passes, "{old} → {new}, {direction:?}: {found}");
            }
        }
    }
}

/// A type is met first where libraries differ in what meets, and then where they don't.
#[test]
fn is_certain_where_a_finding_is_certain_in_one_place() {
    let old = r#"{"type":"record","name":"R","fields":[
        {"name":"u","type":["null",{"type":"record","name":"z.A","fields":[{"name":"f","type":"long"}]}]},
        {"name":"a","type":{"type":"array","items":{"type":"array","items":{"type":"map","values":{"type":"array","items":"z.A"}}}}}]}"#;
    let new = r#"{"type":"record","name":"R","fields":[
        {"name":"u","type":["null",{"type":"record","name":"x.A","fields":[{"name":"f","type":"int"}]},{"type":"record","name":"y.A","fields":[{"name":"f","type":"long"}]}]},
        {"name":"a","type":{"type":"array","items":{"type":"array","items":{"type":"map","values":{"type":"array","items":"x.A"}}}}}]}"#;
    let found = compare(&parse(old), &parse(new), Direction::Backward, Policy::Sound);
    let shown: Vec<_> = found.iter().map(|found| (found.rule.as_str(), found.certainty)).collect();
    assert_eq!(shown, [("type_mismatch", Certainty::Broken)], "{found:#?}");
}

#[test]
fn says_for_whom_it_breaks_and_what_would_pass() {
    let old = parse(r#"{"type":"enum","name":"E","symbols":["A","B"]}"#);
    let new = parse(r#"{"type":"enum","name":"E","symbols":["A"]}"#);
    let broken = &compare(&old, &new, Direction::Backward, Policy::Sound)[0];
    let expect =
        "readers with the new schema don't know B of the enum E, and it has no default for them";
    assert_eq!(broken.message, expect);
    assert_eq!((broken.was.as_deref(), broken.is.as_deref()), (Some("A, B"), Some("A")));
    let suggestion = broken.suggestion.as_deref();
    assert_eq!(suggestion, Some("Keep B, or give the enum a default."));
}

#[test]
fn names_a_place_of_the_new_schema_where_a_reference_has_the_difference() {
    let id = |size: u32| format!(r#"{{"type":"fixed","name":"Id","size":{size}}}"#);
    let text = r#"{"type":"record","name":"R","fields":[{"name":"id","type":"Id"}]}"#;
    let old = AvroSchema::parse(text, &[("id", &id(4))]).unwrap();
    let new = AvroSchema::parse(text, &[("id", &id(8))]).unwrap();
    for policy in [Policy::ConfluentStrict, Policy::Sound] {
        let found = found(&old, &new, Direction::Backward, policy);
        assert_eq!(found, "fixed_size_mismatch@/fields/0/type");
    }
}

/// Pairs whose verdict here isn't that of the tool from which they come: the beginning of its name,
/// the test, and why.
const DEVIATIONS: [(&str, &str, &str); 0] = [];

#[test]
fn answers_a_sample_of_other_tools_verdicts_as_they_do() {
    let sample = std::env::var_os("MUSTER_COMPATIBILITY_SAMPLE").map(PathBuf::from);
    let Some(text) = sample.and_then(|path| std::fs::read_to_string(path).ok()) else {
        // Past cargo's capture of what a test prints, so that `./test` counts and names it.
        let left_out = b"\nleft out: verdicts on Avro schemas of other tools, because MUSTER_COMPATIBILITY_SAMPLE names no file\n";
        std::io::Write::write_all(&mut std::io::stderr(), left_out).unwrap();
        return;
    };
    let (mut count, mut wrong) = (0, Vec::new());
    for line in text.lines() {
        let case = json::parse(line.as_bytes()).unwrap();
        if case["format"] != "AVRO" {
            continue;
        }
        count += 1;
        assert_eq!(case["mode"], "BACKWARD");
        let schema = |key: &str| parse(case[key].as_str().unwrap());
        let (reader, writer) = (schema("reader"), schema("writer"));
        let broken = compare(&writer, &reader, Direction::Backward, Policy::ConfluentStrict);
        let source = case["source"].as_str().unwrap();
        let known =
            DEVIATIONS.iter().any(|(of, id, _)| source.starts_with(of) && case["id"] == *id);
        if (broken.is_empty() != case["compatible"].as_bool().unwrap()) != known {
            wrong.push(format!("{source}: {} → {}: {broken:?}", case["writer"], case["reader"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 86, "only {count} pairs were found");
}

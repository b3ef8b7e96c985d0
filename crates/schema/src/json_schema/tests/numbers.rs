//! Numbers keep their digits in bounds.

use super::*;

#[test]
fn bounds_are_compared_by_digits() {
    let draft_4 =
        |rest: &str| format!(r#"{{"$schema":"http://json-schema.org/draft-04/schema#",{rest}}}"#);
    for (schema, value, expect) in [
        (
            r#"{"exclusiveMaximum":9007199254740993}"#,
            "9007199254740993.0",
            " exclusiveMaximum 9007199254740993.0 is not below 9007199254740993",
        ),
        (r#"{"exclusiveMaximum":9007199254740993}"#, "9007199254740992.9", ""),
        (
            r#"{"minimum":9007199254740993}"#,
            "9007199254740992.0",
            " minimum 9007199254740992.0 is below the minimum of 9007199254740993",
        ),
        (r#"{"minimum":9007199254740993}"#, "9007199254740993.0", ""),
        (
            r#"{"multipleOf":1}"#,
            "1.00000000000000000001",
            " multipleOf 1.00000000000000000001 is not a multiple of 1",
        ),
        (r#"{"multipleOf":1}"#, "1.0", ""),
        (
            r#"{"maximum":0.1}"#,
            "0.10000000000000000001",
            " maximum 0.10000000000000000001 is above the maximum of 0.1",
        ),
        (r#"{"minimum":1e900}"#, "1e901", ""),
        (r#"{"minimum":1e900}"#, "1e899", " minimum 1e899 is below the minimum of 1e900"),
        (r#"{"maximum":1}"#, "1e400000000", " maximum 1e400000000 is above the maximum of 1"),
        (r#"{"maximum":1}"#, "-1e400000000", ""),
        (r#"{"multipleOf":7}"#, "7e400000000", ""),
        (r#"{"multipleOf":7}"#, "1e400000000", " multipleOf 1e400000000 is not a multiple of 7"),
        (r#"{"multipleOf":1e-900}"#, "1", ""),
        (r#"{"type":"integer","minimum":1}"#, "1e400000000", ""),
        (r#"{"type":"integer"}"#, "1.50e1", ""),
        (r#"{"type":"integer"}"#, "1e-1", " type 1e-1 is a number; a whole number is needed"),
        (r#"{"type":["integer","null"]}"#, "0.0e-7", ""),
        (r#"{"const":1}"#, "10e-1", ""),
        (r#"{"const":{"a":[1.50]}}"#, r#"{"a":[15e-1]}"#, ""),
        (
            r#"{"const":9007199254740993}"#,
            "9007199254740992",
            " const 9007199254740992 must be 9007199254740993",
        ),
        (r#"{"enum":[1,0.1,"1"]}"#, "1e-1", ""),
        (
            r#"{"enum":[1,0.1]}"#,
            "0.10000000000000000001",
            " enum 0.10000000000000000001 is none of 1, 0.1",
        ),
        (r#"{"uniqueItems":true}"#, "[9007199254740993,9007199254740992]", ""),
        (r#"{"uniqueItems":true}"#, "[1,[1],1.0]", " uniqueItems a value occurs twice"),
        (r#"{"uniqueItems":false}"#, "[1,1]", ""),
    ] {
        assert_eq!(lines(&compile(schema), value).join("; "), expect, "{schema} {value}");
    }
    for (rest, value, expect) in [
        // Draft 4 asks how a whole number is written, and has no const.
        (r#""type":"integer""#, "1.0", false),
        (r#""type":"integer""#, "10", true),
        (r#""properties":{"a":{"type":["integer","null"]}}"#, r#"{"a":1e2}"#, false),
        (r#""const":1"#, "2", true),
        (r#""maximum":9007199254740993,"exclusiveMaximum":true"#, "9007199254740993.0", false),
        (r#""maximum":9007199254740993,"exclusiveMaximum":false"#, "9007199254740993.0", true),
    ] {
        assert_eq!(lines(&compile(&draft_4(rest)), value).is_empty(), expect, "{rest} {value}");
    }
}

#[test]
fn a_divisor_with_too_many_digits_is_refused() {
    let error = refused(&format!(r#"{{"items":{{"multipleOf":1{}1}}}}"#, "0".repeat(36)));
    assert_eq!(error.to_string(), "the schema has more than 37 digits in a multipleOf");
    compile(&format!(r#"{{"multipleOf":1{}}}"#, "0".repeat(300)));
}

#[test]
fn a_number_that_fills_pages_is_refused_in_schemas() {
    for (number, expect) in [
        ("1e999", None),
        (
            "1e1000",
            Some(
                "1e1000 is too large a number: its digits and its exponent together may be at most 1000",
            ),
        ),
        (
            "1.5e-9000",
            Some(
                "1.5e-9000 is too large a number: its digits and its exponent together may be at most 1000",
            ),
        ),
    ] {
        let schema = parse(&format!(r#"{{"properties":{{"a":{{"enum":[0,{number}]}}}}}}"#));
        let found = Schema::compile(&schema, &NoSources).map(|_| ()).map_err(|e| e.violations());
        match expect {
            None => assert!(found.is_ok(), "{number}"),
            Some(message) => {
                let expect = Violation::keyword("/properties/a/enum/1", "number", message);
                assert_eq!(found.unwrap_err(), [expect]);
            }
        }
    }
    let digits = format!("[{},{}]", "1".repeat(1_000), "1".repeat(1_001));
    let found: Vec<String> =
        oversized_numbers(&parse(&digits)).into_iter().map(|found| found.pointer).collect();
    assert_eq!(found, ["/1"]);
    let many = format!("[{}]", vec!["1e9000"; 5_000].join(","));
    assert_eq!(oversized_numbers(&parse(&many)).len(), limits::VIOLATIONS_MAX);
}

/// The steps that a validation takes.
fn steps_of(schema: &Schema, value: &Value) -> u64 {
    let (mut few, mut enough) = (0, limits::STEPS_MAX);
    while few + 1 < enough {
        let middle = few.midpoint(enough);
        let result = crate::steps::metered(middle, || schema.metered_for_tests().is_valid(value));
        if result.is_ok() { enough = middle } else { few = middle }
    }
    enough
}

/// Six bytes must not cost what a thousand digits do: each attack stays within a few steps a byte.
#[test]
fn what_a_number_costs_is_linear_in_its_text() {
    let many = |number: &str| parse(&format!("[{}]", vec![number; 6_000].join(",")));
    let rows = |number: &str| {
        let row = format!("[{}]", vec![number; 100].join(","));
        parse(&format!("[{}]", vec![row.as_str(); 100].join(",")))
    };
    let row = vec!["1e-900"; 100].join(",");
    let enumerated = format!(r#"{{"items":{{"enum":[[{row}],[0]]}}}}"#);
    for (schema, value) in [
        (r#"{"items":{"minimum":0.5}}"#, many("1.5e-9000")),
        (r#"{"items":{"exclusiveMinimum":0.5}}"#, many("1.5e-9000")),
        (r#"{"items":{"maximum":1e-900}}"#, many("1.5e-9000")),
        (r#"{"items":{"multipleOf":0.01}}"#, many("1.5e9000")),
        (r#"{"items":{"type":"integer"}}"#, many("1.5e-9000")),
        (r#"{"items":{"const":0.5}}"#, many("1.5e-9000")),
        (r#"{"items":{"enum":[0.5,1.5e-900]}}"#, many("1.5e-9000")),
        (r#"{"uniqueItems":true}"#, many("1.5e-9000")),
        (r#"{"items":{"uniqueItems":true}}"#, rows("1e5000")),
        (&enumerated, rows("1e-900")),
        (r#"{"items":{"items":{"enum":[1e900]}}}"#, rows("1e5000")),
    ] {
        let schema_text = schema;
        let schema = compile(schema);
        let bytes = value.to_string().len() as u64;
        let steps = steps_of(&schema, &value);
        assert!(steps <= 4 * bytes, "{schema_text:.60}: {steps} steps for {bytes} bytes");
    }
    // Divisors of more than 64 bits cost more, and say so in advance.
    let long = compile(&format!(r#"{{"items":{{"multipleOf":{}}}}}"#, "7".repeat(37)));
    assert!(long.may_take_long(6_000));
    let multiple = format!("{}e900", "7".repeat(37));
    let values = format!("[{}]", vec![multiple.as_str(); 10_000].join(","));
    let found = lines(&long, &values);
    assert!(found[0].contains("takes more than a second"), "{:?}", found[0]);
}

#[test]
fn a_validation_stops_when_its_sign_says_so() {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    let schema = compile(r#"{"items":{"uniqueItems":true,"items":{"enum":[1,2,3]}}}"#);
    let value = parse(&format!("[{}]", vec!["[1,2,3]"; 100_000].join(",")));
    // As deep as what is validated on a thread of its own.
    let deep = compile(
        r##"{"items":{"$ref":"#"},"uniqueItems":true,"allOf":[{"allOf":[{"allOf":[{}]}]}]}"##,
    );
    let nested = (0..120).fold(value.clone(), |value, _| Value::Array(vec![value]));
    for (schema, value) in [(&schema, &value), (&deep, &nested)] {
        let asked = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&asked);
        let sign: StopSign = Arc::new(move || counting.fetch_add(1, Ordering::Relaxed) >= 3);
        assert_eq!(stoppable(&sign, || schema.validate(value)), Err(Stopped));
        assert_eq!(asked.load(Ordering::Relaxed), 4, "nothing went on afterwards");
    }
}

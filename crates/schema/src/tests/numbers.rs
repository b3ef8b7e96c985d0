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
        (r#"{"minimum":1e400000000}"#, "1e400000001", ""),
        (
            r#"{"minimum":1e400000000}"#,
            "1e399999999",
            " minimum 1e399999999 is below the minimum of 1e400000000",
        ),
        (r#"{"maximum":1}"#, "1e400000000", " maximum 1e400000000 is above the maximum of 1"),
        (r#"{"maximum":1}"#, "-1e400000000", ""),
        (r#"{"multipleOf":7}"#, "7e400000000", ""),
        (r#"{"multipleOf":7}"#, "1e400000000", " multipleOf 1e400000000 is not a multiple of 7"),
        (r#"{"multipleOf":1e-400000000}"#, "1", ""),
        (r#"{"type":"integer","minimum":1}"#, "1e400000000", ""),
    ] {
        assert_eq!(lines(&compile(schema), value).join("; "), expect, "{schema} {value}");
    }
    for (rest, value, expect) in [
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

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

#[test]
fn has_the_66_types_of_the_specification_and_two_of_its_reference() {
    let count = |origin| ErrorCode::all().filter(|code| code.0.origin == origin).count();
    assert_eq!(count(Origin::Specification), 60 + 2);
    assert_eq!(count(Origin::HttpBinding), 6);
    let of_status = |status| {
        ErrorCode::all()
            .filter(|code| code.0.origin != Origin::Muster && code.0.status == status)
            .count()
    };
    let statuses = [(400, 58 + 2), (404, 2), (405, 2), (406, 1), (500, 2), (503, 1)];
    for (status, expect) in statuses {
        assert_eq!(of_status(status), expect, "{status}");
    }
}

#[test]
fn names_each_code_once_and_finds_it_by_name() {
    let names: BTreeSet<_> = ErrorCode::all().map(ErrorCode::name).collect();
    assert_eq!(names.len(), ErrorCode::all().count());
    for code in ErrorCode::all() {
        assert_eq!(ErrorCode::find(code.name()), Some(code));
        assert!(code.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        assert_eq!(u16::from(code.status()), code.0.status);
        for sentence in [code.0.title, code.0.meaning, code.0.help] {
            assert!(sentence.ends_with('.'), "{code}: {sentence}");
        }
    }
}

#[test]
fn builds_the_types_uri_by_who_defined_the_code() {
    for (code, expect) in [
        (
            ErrorCode::NOT_FOUND,
            "https://github.com/xregistry/spec/blob/main/core/spec.md#not_found",
        ),
        (
            ErrorCode::MISSING_BODY,
            "https://github.com/xregistry/spec/blob/main/core/http.md#missing_body",
        ),
        (ErrorCode::INVALID_DOCUMENT, "urn:muster:error:invalid_document"),
    ] {
        assert_eq!(code.type_uri(), expect);
        assert_eq!(Problem::new(code).body().name(), code.name());
    }
}

#[test]
fn puts_arguments_into_titles() {
    let bare = |code| Problem::new(code).subject("/dirs/d1");
    for (problem, expect) in [
        (bare(ErrorCode::NOT_FOUND), "The targeted entity (/dirs/d1) cannot be found."),
        (
            bare(ErrorCode::MISMATCHED_ID)
                .arg("singular", "dir")
                .arg("invalid_id", "d2")
                .arg("expected_id", "d1"),
            r#"The specified "dirid" value (d2) for "/dirs/d1" needs to be "d1"."#,
        ),
        (bare(ErrorCode::BAD_REQUEST).arg("error_detail", "no such thing"), "no such thing."),
        (bare(ErrorCode::BAD_REQUEST).arg("error_detail", "It ends."), "It ends."),
        (bare(ErrorCode::BAD_REQUEST).arg("error_detail", "<flag>"), "<flag>."),
        (
            bare(ErrorCode::BAD_FLAG),
            "The specified flag (<flag>) is not allowed in this context: /dirs/d1.",
        ),
        (bare(ErrorCode::INVALID_DOCUMENT), "The document was refused: 0 violations."),
        (
            bare(ErrorCode::REFERENCED).member("references", vec!["/stacks/a/entries/b"]),
            r#""/dirs/d1" can't be deleted: 1 reference would lead nowhere."#,
        ),
    ] {
        assert_eq!(problem.title(), expect);
    }
}

#[test]
fn writes_a_body_in_the_order_of_the_specification_with_ours_behind() {
    let violation = Violation {
        subject: None,
        pointer: "/monthly_cost_range".to_owned(),
        violated: Violated::Rule("cost-range-ordered".to_owned()),
        severity: Severity::Error,
        message: "the lower end, 280, is above the upper end, 65".to_owned(),
    };
    let problem = Problem::new(ErrorCode::INVALID_DOCUMENT)
        .subject("/providers/cms/entries/sanity")
        .detail("More.")
        .instance("r1")
        .violations(vec![violation]);
    let json = String::from_utf8(problem.to_json()).unwrap();
    let places: Vec<_> =
        ["type", "title", "code", "detail", "subject", "args", "instance", "violations"]
            .map(|name| json.find(&format!("\n  \"{name}\":")).unwrap())
            .to_vec();
    assert!(places.is_sorted(), "{json}");
    let expect = json!({
        "type": "urn:muster:error:invalid_document",
        "title": "The document was refused: 1 violation.",
        "code": "invalid_document",
        "detail": "More.",
        "subject": "/providers/cms/entries/sanity",
        "args": {"count": "1 violation"},
        "instance": "r1",
        "violations": [{
            "pointer": "/monthly_cost_range",
            "rule": "cost-range-ordered",
            "severity": "error",
            "message": "the lower end, 280, is above the upper end, 65"
        }]
    });
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), expect);
    assert_eq!(serde_json::from_str::<ErrorBody>(&json).unwrap(), problem.body());
}

#[test]
fn reads_the_bodies_of_servers_that_send_no_code() {
    let body: ErrorBody = serde_json::from_value(json!({
        "type": "https://github.com/xregistry/spec/blob/main/core/spec.md#not_found",
        "title": "The targeted entity (/) cannot be found.",
        "subject": "/",
        "extra": 1
    }))
    .unwrap();
    assert_eq!(body.name(), "not_found");
    assert_eq!(body.more.get("extra"), Some(&json!(1)));
}

#[test]
fn says_which_refusals_may_be_repeated_and_which_may_have_left_something() {
    for (code, retryable, no_side_effects) in [
        (ErrorCode::OUTCOME_UNKNOWN, true, false),
        (ErrorCode::BUSY, true, true),
        (ErrorCode::CONTENDED, true, true),
        (ErrorCode::DISK_FULL, true, true),
        (ErrorCode::SERVER_ERROR, false, false),
        (ErrorCode::NOT_FOUND, false, true),
        (ErrorCode::INVALID_DOCUMENT, false, true),
    ] {
        assert_eq!(code.is_retryable(), retryable, "{code}");
        assert_eq!(code.has_no_side_effects(), no_side_effects, "{code}");
    }
}

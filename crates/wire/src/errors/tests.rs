#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

#[test]
fn has_the_66_types_of_the_specification_and_two_of_its_reference() {
    let used = ErrorCode::all().map(|code| (code.name(), code.facts().origin, code.facts().status));
    let theirs: Vec<_> =
        used.filter(|(_, origin, _)| *origin != CodeOrigin::Muster).chain(table::UNUSED).collect();
    let count = |origin| theirs.iter().filter(|row| row.1 == origin).count();
    assert_eq!(count(CodeOrigin::Specification), 60 + 2);
    assert_eq!(count(CodeOrigin::HttpBinding), 6);
    let names: BTreeSet<_> = theirs.iter().map(|row| row.0).collect();
    assert_eq!(names.len(), theirs.len());
    let of_status = |status| theirs.iter().filter(|row| row.2 == status).count();
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
        assert_eq!(u16::from(code.status()), code.facts().status);
        for sentence in [code.facts().title, code.facts().meaning, code.facts().help] {
            assert!(sentence.ends_with('.'), "{code}: {sentence}");
        }
    }
}

#[test]
fn builds_the_types_uri_by_who_defined_the_code() {
    for (kind, expect) in [
        (ErrorKind::NotFound, "https://github.com/xregistry/spec/blob/main/core/spec.md#not_found"),
        (
            ErrorKind::MissingBody,
            "https://github.com/xregistry/spec/blob/main/core/http.md#missing_body",
        ),
        (
            ErrorKind::InvalidDocument { violations: Vec::new() },
            "urn:muster:error:invalid_document",
        ),
    ] {
        let code = kind.code();
        assert_eq!(code.type_uri(), expect);
        assert_eq!(Problem::new(kind).body().name(), code.name());
    }
}

#[test]
fn puts_arguments_into_titles() {
    let bad = |detail: &str| ErrorKind::BadRequest { error_detail: detail.to_owned() };
    for (kind, expect) in [
        (ErrorKind::NotFound, "The targeted entity (/dirs/d1) cannot be found."),
        (
            ErrorKind::MismatchedId {
                singular: "dir".to_owned(),
                invalid_id: "d2".to_owned(),
                expected_id: "d1".to_owned(),
            },
            r#"The specified "dirid" value (d2) for "/dirs/d1" needs to be "d1"."#,
        ),
        (bad("no such thing"), "no such thing."),
        (bad("It ends."), "It ends."),
        (bad("<flag>"), "<flag>."),
        (
            ErrorKind::InvalidDocument { violations: Vec::new() },
            "The document was refused: 0 violations.",
        ),
        (
            ErrorKind::Referenced { references: vec!["/stacks/a/entries/b".parse().unwrap()] },
            r#""/dirs/d1" can't be deleted: it would break 1 reference."#,
        ),
    ] {
        assert_eq!(Problem::new(kind).subject("/dirs/d1").title(), expect);
    }
}

#[test]
fn writes_a_body_in_the_order_of_the_specification_with_ours_behind() {
    let violation = Violation {
        line: None,
        column: None,
        subject: None,
        pointer: "/monthly_cost_range".to_owned(),
        violated: ViolationCause::Rule("cost-range-ordered".to_owned()),
        severity: Severity::Error.into(),
        message: "the lower end, 280, is above the upper end, 65".to_owned(),
    };
    let problem = Problem::new(ErrorKind::InvalidDocument { violations: vec![violation] })
        .subject("/providers/cms/entries/sanity")
        .detail("More.")
        .instance("r1");
    let json = String::from_utf8(problem.to_json()).unwrap();
    let places: Vec<_> =
        ["type", "title", "code", "reason", "detail", "subject", "args", "instance", "violations"]
            .map(|name| json.find(&format!("\n  \"{name}\":")).unwrap())
            .to_vec();
    assert!(places.is_sorted(), "{json}");
    let expect = json!({
        "type": "urn:muster:error:invalid_document",
        "title": "The document was refused: 1 violation.",
        "code": 422,
        "reason": "invalid_document",
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
fn reads_the_bodies_of_servers_that_send_no_reason() {
    let mut sent = json!({
        "type": "https://github.com/xregistry/spec/blob/main/core/spec.md#not_found",
        "title": "The targeted entity (/) cannot be found.",
        "subject": "/",
        "extra": 1
    });
    let none = Value::Null;
    for (code, expect) in [
        (none, None),
        (json!(404), Some(404)),
        (json!("not_found"), None),
        (json!(-1), None),
        (json!(70_000), None),
        (json!({}), None),
    ] {
        sent["code"] = code;
        let body: ErrorBody = serde_json::from_str(&sent.to_string()).unwrap();
        assert_eq!(body.name(), "not_found");
        assert_eq!(body.code, expect, "{sent}");
        assert_eq!(body.more.get("extra"), Some(&json!(1)));
    }
}

/// xRegistry's own client reads an error into a structure whose member `code` is a whole number; a
/// text there makes every refusal unreadable to it.
#[test]
fn each_body_has_its_status_as_code_and_its_name_as_reason_and_in_its_type() {
    for code in ErrorCode::all() {
        let body = Problem::new(code.sample()).subject("/").body();
        let json = serde_json::to_value(&body).unwrap();
        assert_eq!(json["code"], json!(code.status().as_u16()), "{code}");
        assert_eq!(json["reason"], json!(code.name()), "{code}");
        assert_eq!(json["type"], json!(code.type_uri()), "{code}");
    }
}

#[test]
fn says_which_refusals_may_be_repeated_and_which_may_have_left_something() {
    for (code, retryable, no_side_effects) in [
        (ErrorCode::OutcomeUnknown, true, false),
        (ErrorCode::Busy, true, true),
        (ErrorCode::Contended, true, true),
        (ErrorCode::DiskFull, true, true),
        (ErrorCode::ServerError, false, false),
        (ErrorCode::NotFound, false, true),
        (ErrorCode::InvalidDocument, false, true),
    ] {
        assert_eq!(code.is_retryable(), retryable, "{code}");
        assert_eq!(code.has_no_side_effects(), no_side_effects, "{code}");
    }
}

#[test]
fn a_title_names_only_what_its_error_has() {
    use code::names_only;
    for (title, arguments, expect) in [
        ("The <name> of <subject>.", &["name"][..], true),
        ("The <name> of <subject>.", &["names", "nam"], false),
        ("<count> of <subject>", &[], true),
        ("an open <name", &["name"], false),
    ] {
        assert_eq!(names_only(title, arguments), expect, "{title}");
    }
}

#[test]
fn an_argument_that_is_not_known_is_left_out_and_a_list_is_a_member_of_its_own() {
    let purged = |digest| Problem::new(ErrorKind::Purged { digest }).body().args;
    let digest = muster_words::Digest::of(b"gone");
    assert_eq!(purged(Some(digest)).into_values().collect::<Vec<_>>(), [digest.to_string()]);
    assert!(purged(None).is_empty());
    let references = vec!["/stacks/a/entries/b".parse().unwrap()];
    let body = Problem::new(ErrorKind::Referenced { references }).body();
    assert_eq!(body.args.keys().collect::<Vec<_>>(), ["count"]);
    assert_eq!(body.more["references"], json!(["/stacks/a/entries/b"]));
}

use super::*;

fn cost_range() -> Value {
    json!({
        "expression": "document.monthly_cost_range[0] <= document.monthly_cost_range[1]",
        "severity": "error",
        "message": "the lower end, ${document.monthly_cost_range[0]}, is above the upper end, ${document.monthly_cost_range[1]}",
        "pointer": "/monthly_cost_range",
        "description": "A range is ordered."
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut document = cost_range();
    document[field] = value;
    document
}

#[test]
fn a_rule_is_what_its_document_says() {
    let rule =
        Rule::compile(&id("cost-range-ordered"), cost_range().to_string().as_bytes()).unwrap();
    assert_eq!(rule.id(), "cost-range-ordered");
    assert_eq!(rule.severity(), Severity::Error);
    assert_eq!(rule.pointer(), "/monthly_cost_range");
    assert_eq!(rule.description(), Some("A range is ordered."));
    let violations =
        check(&[Arc::new(rule)], &json!({"monthly_cost_range": [280, 65]}), &sanity(), &[]);
    assert_eq!(
        violations,
        [Violation {
            place: None,
            pointer: "/monthly_cost_range".into(),
            source: ViolationSource::Rule("cost-range-ordered".into()),
            severity: Severity::Error,
            message: "the lower end, 280, is above the upper end, 65".into(),
        }]
    );
}

#[test]
fn refuses_what_is_no_rule_and_says_where() {
    let mut without = cost_range();
    without.as_object_mut().unwrap().remove("message");
    for (document, pointer, expect) in [
        (json!([]), "", "a rule has the form {expression, severity, message, pointer}"),
        (
            without,
            "/message",
            "message is missing: every rule has expression, severity, message and pointer",
        ),
        (
            with("severty", json!("error")),
            "/severty",
            "\"severty\" isn't a member of a rule; did you mean severity?",
        ),
        (with("severity", json!("fatal")), "/severity", "\"fatal\" is neither error nor warning"),
        (with("severity", json!(1)), "/severity", "severity is not text"),
        (with("expression", json!(true)), "/expression", "expression is not text"),
        (with("description", json!(null)), "/description", "description is not text"),
        (
            with("pointer", json!("monthly")),
            "/pointer",
            "\"monthly\" isn't a JSON Pointer: a pointer is empty or begins with /, and has ~ only as ~0 or ~1",
        ),
        (
            with("pointer", json!("/a~2")),
            "/pointer",
            "\"/a~2\" isn't a JSON Pointer: a pointer is empty or begins with /, and has ~ only as ~0 or ~1",
        ),
        (
            with("expression", json!("documnet.a")),
            "/expression",
            "column 1: there is no documnet; the variables are document, xid, group and id",
        ),
        (with("description", json!("x".repeat(40_000))), "", "a rule has at most 32768 bytes"),
    ] {
        let error = compile(&document).unwrap_err();
        assert_eq!(error.to_string(), expect);
        let violation = error.violation();
        assert_eq!((violation.pointer.as_str(), violation.message.as_str()), (pointer, expect));
    }
    let error = Rule::compile(&id("x"), b"{\"expression\": \"true\",}").unwrap_err();
    assert!(matches!(error, RuleError::Notation(_)), "{error}");
    let twice = br#"{"expression":"true","expression":"false","severity":"error","message":"","pointer":""}"#;
    assert!(matches!(Rule::compile(&id("x"), twice), Err(RuleError::Notation(_))));
}

#[test]
fn what_can_not_be_evaluated_is_broken_unless_the_schema_said_so_already() {
    let rules = [Arc::new(compile(&cost_range()).unwrap())];
    let document = json!({"monthly_cost_range": ["a", 1]});
    let reason = "can't be checked: <= isn't defined for string and int";
    for (at, expect) in [
        (None, Some(reason)),
        (Some("/name"), Some(reason)),
        (Some("/monthly_cost_range_note"), Some(reason)),
        (Some("/monthly_cost_range/0"), None),
        (Some("/monthly_cost_range"), None),
        (Some(""), None),
    ] {
        let schema: Vec<_> = at.map(|at| Violation::keyword(at, "type", "")).into_iter().collect();
        let found = check(&rules, &document, &sanity(), &schema);
        let found = found.first().map(|violation| violation.message.as_str());
        assert_eq!(found, expect, "{at:?}");
    }
    // A rule that is clearly violated is still reported.
    let schema = [Violation::keyword("/monthly_cost_range", "maxItems", "")];
    let found = check(&rules, &json!({"monthly_cost_range": [3, 1, 1]}), &sanity(), &schema);
    assert_eq!(found.len(), 1);
}

#[test]
fn checks_rules_in_their_order_and_keeps_their_severity() {
    let rules: Vec<_> = [
        ("a", "false", "warning"),
        ("b", "true", "error"),
        ("c", "id == 'x'", "error"),
    ]
    .into_iter()
    .map(|(name, expression, severity)| {
        let document =
            json!({"expression": expression, "severity": severity, "message": name, "pointer": ""});
        Arc::new(Rule::compile(&id(name), document.to_string().as_bytes()).unwrap())
    })
    .collect();
    let found: Vec<_> = check(&rules, &json!({}), &sanity(), &[])
        .into_iter()
        .map(|violation| (violation.message, violation.severity))
        .collect();
    assert_eq!(found, [("a".into(), Severity::Warning), ("c".into(), Severity::Error)]);
}

#[test]
fn a_version_is_seen_by_its_resource() {
    let of = |xid: &str| RuleContext::of(&xid.parse::<Xid>().unwrap());
    assert_eq!(of("/providers/cms/entries/sanity/versions/3"), Some(sanity()));
    assert_eq!(of("/providers/cms/entries/sanity"), Some(sanity()));
    assert_eq!(of("/providers/cms"), None);
    assert_eq!(of("/"), None);
}

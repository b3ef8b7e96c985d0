use super::*;

fn say(template: &str, document: &Value) -> String {
    let rule = compile(
        &json!({"expression": "false", "severity": "error", "message": template, "pointer": "/a"}),
    );
    let rules = [Arc::new(rule.unwrap())];
    check(&rules, document, &sanity(), &[]).remove(0).message
}

#[test]
fn a_message_holds_expressions() {
    let document = parse(
        r#"{"monthly_cost_range":[280,65.5],"name":"Sanity","tags":["a","b"],"deep":{"k":{"x":null}}}"#,
    );
    for (template, expect) in [
        ("plain", "plain"),
        ("", ""),
        (
            "the lower end, ${document.monthly_cost_range[0]}, is above the upper end, ${document.monthly_cost_range[1]}",
            "the lower end, 280, is above the upper end, 65.5",
        ),
        (
            "${document.name} in ${group}: ${xid} (${id})",
            "Sanity in cms: /providers/cms/entries/sanity (sanity)",
        ),
        ("costs $5, ${'$' + '6'} and $", "costs $5, $6 and $"),
        ("${document.tags} ${document.deep} ${true}", r#"["a", "b"] {"k": {"x": null}} true"#),
        ("${{'a': '}'}['a']} ${\"}\"} ${'\\'}'}", "} } '}"),
        ("${size(document.name)} characters", "6 characters"),
        ("${document.none} is gone", "? is gone"),
        ("${1 / 0} ${document.name}", "? Sanity"),
        ("${document.tags.map(t, t + '!')}", r#"["a!", "b!"]"#),
    ] {
        assert_eq!(say(template, &document), expect, "{template}");
    }
}

#[test]
fn a_message_stays_short_and_cheap() {
    let document = json!({"text": "ä".repeat(100_000), "list": vec![vec![7; 100]; 1_000]});
    for template in ["${document.text}", "${document.list}", "${document}", "${[document.text]}"] {
        let message = say(template, &document);
        assert!(message.chars().count() <= 121 && message.ends_with('…'), "{message}");
    }
    assert_eq!(say(&"${document.text}".repeat(8), &document).chars().count(), 501);
    let burning = "${document.list.all(a, document.list.all(b, a == b || true))}";
    assert_eq!(say(&format!("{burning} ${{id}}"), &document), "? ?");
}

#[test]
fn a_message_that_can_not_be_read_is_refused() {
    let refused = |message: &str| {
        compile(
            &json!({"expression": "true", "severity": "error", "message": message, "pointer": ""}),
        )
        .unwrap_err()
        .to_string()
    };
    for (message, expect) in [
        ("ab ${document.name", "column 4: the closing } of ${ is missing"),
        ("${'}", "column 1: the closing } of ${ is missing"),
        (
            "${nothing}",
            "column 1: there is no nothing; the variables are document, xid, group and id",
        ),
        ("${}", "line 1, column 1: "),
        (&"${id}".repeat(17), "it has more than 16 expressions"),
        (&"x".repeat(3_000), "it has more than 2048 bytes"),
    ] {
        assert!(refused(message).starts_with(expect), "{message}: {}", refused(message));
    }
}

//! Rules that are written to waste time or memory. Each stops at a number of steps or bytes, so
//! these tests need no clock.

use super::{limits::*, *};

/// A document with many values: 100,000 numbers, and a text of one mebibyte.
fn large() -> Value {
    json!({"numbers": (0..100_000).collect::<Vec<_>>(), "text": "a".repeat(1 << 20)})
}

#[test]
fn stops_after_a_number_of_steps() {
    let document = large();
    let digits = "[0,1,2,3,4,5,6,7,8,9]";
    for expression in [
        // Nested loops.
        format!(
            "{digits}.map(a, {digits}.map(b, {digits}.map(c, {digits}.map(d, {digits}.map(e, {digits}.map(f, {digits})))))) == []"
        ),
        format!(
            "{digits}.all(a, {digits}.all(b, {digits}.all(c, {digits}.all(d, {digits}.all(e, {digits}.all(f, {digits}.all(g, true)))))))"
        ),
        "document.numbers.all(a, document.numbers.all(b, a + b >= 0))".to_owned(),
        "document.numbers.exists_one(a, document.numbers.exists(b, b < 0))".to_owned(),
        // Work without a visible loop: searching, comparing, reading.
        "document.numbers.all(a, a in document.numbers)".to_owned(),
        "document.numbers.all(a, document == document)".to_owned(),
        "document.numbers.all(a, size(document.text) > 0)".to_owned(),
        "document.numbers.all(a, document.text == document.text)".to_owned(),
        "document.numbers.all(a, document.text <= document.text)".to_owned(),
        "document.numbers.all(a, !document.text.contains('b'))".to_owned(),
        "document.numbers.all(a, document.text.split('').size() > 0)".to_owned(),
        "document.numbers.map(a, document.numbers + document.numbers) == []".to_owned(),
        "document.numbers.all(a, document.text.matches('(a+)+$'))".to_owned(),
        "document.numbers.all(a, !document.text.matches(string(a)))".to_owned(),
        // An error on the way doesn't hide that the steps are used up.
        "document.numbers.all(a, document.numbers.all(b, b >= 0)) || true".to_owned(),
        "document.numbers.exists(a, document.numbers.all(b, b >= 0) && false)".to_owned(),
    ] {
        let rule = rule(&expression);
        let (result, steps) = rule.holds(PacedDocument::of(&document), &sanity());
        assert_eq!(result, Err(EvaluationFault::TooManySteps), "{expression}");
        assert_eq!(steps, STEPS_MAX, "{expression}");
    }
}

#[test]
fn large_documents_may_be_looked_through() {
    let document = large();
    for expression in [
        "document.numbers.all(a, a >= 0)",
        "99999 in document.numbers",
        "document.numbers.exists(a, a == 99999)",
        "document == document",
        "document.text.matches('^a+$')",
        "size(document.text) == 1048576 && document.text.endsWith('aaa')",
    ] {
        assert_eq!(holds(expression, &document), Ok(true), "{expression}");
    }
}

#[test]
fn texts_that_double_stop_growing() {
    let doubled =
        (0..20).fold("'0123456789'".to_owned(), |text, _| format!("[{text}].map(t, t + t)[0]"));
    let loops = "[1,2,3,4,5,6,7].map(a, '0123456789').join().split('').map(b, '0123456789').join().split('')";
    for expression in [
        format!(
            "{loops}.map(c, '0123456789').join().split('').map(d, '0123456789').join().split('').map(e, '0123456789').join() == ''"
        ),
        format!("{doubled} == ''"),
        "(document.text + document.text) == ''".to_owned(),
        "document.text.lowerAscii() == ''".to_owned(),
    ] {
        assert_eq!(holds(&expression, &large()), Err(EvaluationFault::TextTooLong), "{expression}");
    }
}

#[test]
fn patterns_that_grow_or_never_end_are_refused_or_charged() {
    for pattern in ["((a{100}){100}){100}", "(a{1000}){1000}", "[^a]{60000}", r"\\w{500}"] {
        let error = refused(&format!("document.text.matches('{pattern}')"));
        assert!(matches!(&error, ExpressionError::Pattern { .. }), "{pattern}: {error}");
        let made = format!("document.text.matches('{pattern}' + '')");
        assert!(
            matches!(holds(&made, &large()), Err(EvaluationFault::Pattern { .. })),
            "{pattern}"
        );
    }
    for pattern in ["^(a+)+$", "^(a|aa)+$", "(x+x+)+y", "(.*)(.*)(.*)(.*)[^a]"] {
        let rule = rule(&format!("document.text.matches('{pattern}') || true"));
        let (_, steps) =
            rule.holds(PacedDocument::of(&json!({"text": "a".repeat(10_000)})), &sanity());
        assert!(steps > 500 && steps < 20_000, "{pattern}: {steps}");
    }
}

#[test]
fn patterns_are_charged_for_the_positions_that_move() {
    let text: String = (0..10_000_u32)
        .map(|n| if n.wrapping_mul(2_654_435_761) >> 31 == 0 { 'a' } else { 'b' })
        .collect();
    let document = json!({"text": text});
    // Every letter can start a match, so a thousand positions move with each.
    let matches = |pattern: &str| holds(&format!("document.text.matches('{pattern}')"), &document);
    assert_eq!(matches("a[ab]{1000}c"), Err(EvaluationFault::TooManySteps));
    // As long, but one position moves.
    for pattern in ["^[ab]{1000}c$", "^.{1,255}$", "^[ab]{1,64}(-[ab]{1,64}){0,20}$"] {
        let rule = rule(&format!("document.text.matches('{pattern}')"));
        let (result, steps) = rule.holds(PacedDocument::of(&document), &sanity());
        assert_eq!(result, Ok(false), "{pattern}");
        assert!(steps < 6_000, "{pattern}: {steps}");
    }
}

#[test]
fn expressions_that_are_too_long_or_too_deep_are_refused() {
    let nested = |open: &str, middle: &str, close: &str, times: usize| {
        format!("{}{middle}{}", open.repeat(times), close.repeat(times))
    };
    for expression in [
        nested("(", "true", ")", 5_000),
        nested("(", "true", ")", 100),
        nested("[", "1", "]", 100),
        nested("{1:", "1", "}", 100),
        nested("document[", "1", "]", 100),
        nested("!", "true", "", 8_000),
        nested("-", "1", "", 8_000),
        nested("! ", "true", "", 4_000),
        nested("true ? ", "true", " : false", 500),
        nested("size(", "''", ")", 100),
        nested("document", "", ".a", 1)
            .replace("document", &format!("document{}", ".a".repeat(3_000))),
        vec!["1"; 400].join(" + "),
        vec!["1"; 3_000].join("+"),
        vec!["true"; 2_000].join("&&"),
        vec!["true"; 600].join(" && "),
        format!("[{}] == []", vec!["1"; 1_000].join(",")),
        (0..12).fold("true".to_owned(), |inner, _| format!("[1].all(x, {inner})")),
        "a".repeat(9_000),
        format!("'{}' == ''", "x".repeat(9_000)),
        nested("true ||", "true", "", 900),
        "true ? ".repeat(1_100),
    ] {
        let start: String = expression.chars().take(40).collect();
        let error = refused(&expression);
        let expected =
            matches!(error, ExpressionError::TooMuch { .. } | ExpressionError::Syntax { .. });
        assert!(expected, "{start}: {error}");
    }
    rule(&vec!["true"; 200].join(" && "));
    rule(&vec!["1"; 60].join(" + ").replace("1 + 1 + 1 +", "true || 1 + 1 + 1 == 1 + "));
}

#[test]
fn documents_that_are_as_deep_as_they_may_be_are_compared() {
    let deep = parse(&format!("{}1{}", "[".repeat(127), "]".repeat(127)));
    let document = json!({"a": deep, "b": deep});
    assert_eq!(holds("document.a == document.b", &document), Ok(true));
}

#[test]
fn an_ordinary_rule_takes_few_steps() {
    let document = parse(r#"{"monthly_cost_range":[75,280],"key_features":["a","b","c"]}"#);
    for (expression, expect) in [
        ("document.monthly_cost_range[0] <= document.monthly_cost_range[1]", 9),
        ("document.key_features.all(f, f.matches('^[a-z_]+$'))", 15),
    ] {
        let (result, steps) = rule(expression).holds(PacedDocument::of(&document), &sanity());
        assert_eq!((result, steps), (Ok(true), expect), "{expression}");
    }
}

#[test]
fn numbers_of_a_thousand_digits_are_read_within_the_steps() {
    // Halfway between two doubles but for its last digit, so reading it takes all digits.
    let long = format!("9007199254740993.{}1", "0".repeat(980));
    for number in [long.as_str(), "1.5e-900", "1e999", "-1e-999"] {
        let document = parse(&format!("{{\"all\":[{}]}}", vec![number; 6_000].join(",")));
        let rule = rule("document.all.all(a, document.all.all(b, a == b))");
        let (result, steps) = rule.holds(PacedDocument::of(&document), &sanity());
        assert_eq!((result, steps), (Err(EvaluationFault::TooManySteps), STEPS_MAX), "{number}");
    }
    let read = parse(&format!("{{\"a\":{long}}}"));
    assert_eq!(holds("document.a > 9007199254740992.0", &read), Ok(true));
    let (_, short) =
        rule("document.a > 1").holds(PacedDocument::of(&parse("{\"a\":2}")), &sanity());
    let (_, paced) = rule("document.a > 1").holds(PacedDocument::of(&read), &sanity());
    assert!(paced >= 30 * short, "{paced} {short}");
}

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::query::FilterError;

fn holds(expression: &str, attributes: &Value) -> bool {
    let Value::Object(attributes) = attributes else { return false };
    FilterExpression::parse(expression).unwrap().matches(attributes)
}

#[test]
fn tests_attributes_as_the_specification_says() {
    let bob = json!({"name": "bob", "count": 3, "on": true, "labels": {"a.b": "x"}, "empty": {}});
    for (expression, expect) in [
        ("name", true),
        ("other", false),
        ("empty", true),
        ("empty=null", false),
        ("empty=x", false),
        ("empty!=x", true),
        ("name=bob", true),
        ("name=BOB", true),
        ("name=bo", false),
        ("name=", false),
        ("name!=bob", false),
        ("name<>alice", true),
        ("other!=bob", true),
        ("other=null", true),
        ("name=null", false),
        ("name!=null", true),
        ("other<>null", false),
        ("name<boc", true),
        ("name<=Bob", true),
        ("name>BOB", false),
        ("name>", true),
        ("name>=bob", true),
        ("other<x", false),
        ("count>2", true),
        ("count>10", false),
        ("count<10", true),
        ("count=3.0", true),
        ("count<>3", false),
        ("on=true", true),
        ("on=TRUE", false),
        ("on>false", true),
        ("labels['a.b']=X", true),
        ("labels.*=x", true),
        ("labels.c!=x", true),
        ("name=*", true),
        ("other=*", false),
        ("name=b*", true),
        ("name=*O*", true),
        ("name=*x*", false),
        ("name!=b*", false),
        ("name=b*b*b", false),
        ("name=b\\*", false),
    ] {
        assert_eq!(holds(expression, &bob), expect, "{expression}");
    }
    assert!(holds(r"name=b\*b", &json!({"name": "b*b"})));
    assert!(!holds(r"name=b\*b", &json!({"name": "bxb"})));
}

#[test]
fn refuses_what_is_no_filter_and_says_why() {
    for (value, expect) in [
        ("name", None),
        ("", None),
        ("excludeall", None),
        ("dirs..dirid=d2", Some("dirs..dirid")),
        ("count<null", Some("count<null")),
        ("count>=2*", Some("count>=2*")),
        ("excludeall,name", Some("excludeall")),
        ("=x", Some("")),
    ] {
        let error = Filter::parse([value].into_iter()).err();
        assert_eq!(error.as_ref().map(FilterError::value), expect, "{value}");
    }
}

#[test]
fn knows_what_is_left_within_a_collection() {
    for (values, collection, expect) in [
        (&["dirs.files.name=bob"][..], "dirs", Some(&["files.name=bob"][..])),
        (&["name=x,dirs.name=y"], "dirs", Some(&["name=y"])),
        (&["dirs.name=a,dirs.x", "dirs.name=b"], "dirs", Some(&["name=a,x", "name=b"])),
        (&["name=x"], "dirs", None),
        (&["dirs.name=x"], "others", None),
    ] {
        let filter = Filter::parse(values.iter().copied()).unwrap();
        let expect = expect.map(|left| Filter::parse(left.iter().copied()).unwrap());
        assert_eq!(filter.below(collection), expect, "{filter:?}");
    }
}

#[test]
fn asks_an_entity_and_keeps_what_its_collections_must_answer() {
    let Value::Object(registry) = json!({"name": "x", "labels": {"a": "1"}}) else { return };
    let collections = ["dirs", "others"];
    let below = |text: &str| FilterMatch::Below(Filter::parse([text].into_iter()).unwrap());
    for (values, expect) in [
        (&[][..], FilterMatch::Whole),
        (&["name=x"], FilterMatch::Whole),
        (&["labels.a=1"], FilterMatch::Whole),
        (&["name=y"], FilterMatch::Nothing),
        (&["name=y", "labels.a"], FilterMatch::Whole),
        (&["dirs.name=y"], below("dirs.name=y")),
        (&["name=x,dirs.name=y"], below("dirs.name=y")),
        (&["name=y,dirs.name=y"], FilterMatch::Nothing),
        (&["name=y", "dirs.name=z"], below("dirs.name=z")),
        (&["dirs.name=y,others.name=z"], FilterMatch::Nothing),
        (&["excludeall"], FilterMatch::Nothing),
    ] {
        let filter = Filter::parse(values.iter().copied()).unwrap();
        let answer = filter.ask(|e| e.matches(&registry), |name| collections.contains(&name));
        assert_eq!(answer, expect, "{values:?}");
    }
}

#[test]
fn refuses_more_expressions_than_anybody_needs() {
    let many = vec!["a"; 101].join(",");
    assert_eq!(Filter::parse([many.as_str()].into_iter()), Err(FilterError::TooMany));
}

proptest! {
    #[test]
    fn takes_any_text_and_says_it_again(text: String, value: String) {
        if let Ok(filter) = Filter::parse([text.as_str()].into_iter()) {
            let Value::Object(attributes) = json!({"a": value, "b": {"c": [1, value]}}) else {
                return Ok(());
            };
            for expression in filter.branches.iter().flatten() {
                let _ = expression.matches(&attributes);
            }
        }
    }
}

#[test]
fn takes_a_filter_of_some_length_and_no_longer_one() {
    let long = format!("name={}", "a".repeat(2_000));
    let sized = |bytes: usize| format!("name={}", "a".repeat(bytes - 5));
    let (longest, too_long) = (sized(4 * 1024), sized(4 * 1024 + 1));
    for (values, expect) in [
        (vec![longest.as_str()], None),
        (vec![too_long.as_str()], Some(FilterError::TooLong)),
        (vec![long.as_str(); 2], None),
        (vec![long.as_str(); 3], Some(FilterError::TooLong)),
        (vec!["a"; 100], None),
        (vec!["a"; 101], Some(FilterError::TooMany)),
    ] {
        let parsed = Filter::parse(values.into_iter());
        assert_eq!(parsed.err(), expect);
    }
}

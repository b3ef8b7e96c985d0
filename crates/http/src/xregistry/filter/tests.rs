#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn holds(expression: &str, attributes: &Value) -> bool {
    let Value::Object(attributes) = attributes else { return false };
    Expression::parse(expression).unwrap().matches(attributes)
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
        let problem = Filter::parse([value].into_iter()).err();
        let named = problem.map(|problem| problem.body().args["value"].clone());
        assert_eq!(named.as_deref(), expect, "{value}");
    }
}

#[test]
fn knows_what_is_left_within_a_collection() {
    for (values, collection, expect) in [
        (&["dirs.files.name=bob"][..], "dirs", Some("?filter=files.name=bob")),
        (&["dirs.files.name!=null"], "dirs", Some("?filter=files.name")),
        (&["dirs.name<>x"], "dirs", Some("?filter=name!=x")),
        (&["dirs.name<=BOB"], "dirs", Some("?filter=name<=BOB")),
        (&["dirs.name=a b&c"], "dirs", Some("?filter=name=a%20b%26c")),
        (&["name=x,dirs.name=y"], "dirs", Some("?filter=name=y")),
        (&["dirs.name=a,dirs.x", "dirs.name=b"], "dirs", Some("?filter=name=a,x&filter=name=b")),
        (&["name=x"], "dirs", None),
        (&["dirs.name=x"], "others", None),
    ] {
        let filter = Filter::parse(values.iter().copied()).unwrap();
        let left = filter.below(collection).map(|left| left.to_query());
        assert_eq!(left.as_deref(), expect, "{filter:?}");
    }
}

#[test]
fn asks_an_entity_and_keeps_what_its_collections_must_answer() {
    let Value::Object(registry) = json!({"name": "x", "labels": {"a": "1"}}) else { return };
    let collections = ["dirs", "others"];
    for (values, expect) in [
        (&[][..], "whole"),
        (&["name=x"], "whole"),
        (&["labels.a=1"], "whole"),
        (&["name=y"], "nothing"),
        (&["name=y", "labels.a"], "whole"),
        (&["dirs.name=y"], "below ?filter=dirs.name=y"),
        (&["name=x,dirs.name=y"], "below ?filter=dirs.name=y"),
        (&["name=y,dirs.name=y"], "nothing"),
        (&["name=y", "dirs.name=z"], "below ?filter=dirs.name=z"),
        (&["dirs.name=y,others.name=z"], "nothing"),
        (&["excludeall"], "nothing"),
    ] {
        let filter = Filter::parse(values.iter().copied()).unwrap();
        let answer = filter.ask(|e| e.matches(&registry), |name| collections.contains(&name));
        let answer = match answer {
            Answer::Whole => "whole".to_owned(),
            Answer::Nothing => "nothing".to_owned(),
            Answer::Below(left) => format!("below {}", left.to_query()),
        };
        assert_eq!(answer, expect, "{values:?}");
    }
}

#[test]
fn refuses_more_expressions_than_anybody_needs() {
    let many = vec!["a"; 101].join(",");
    let problem = Filter::parse([many.as_str()].into_iter()).err().unwrap();
    assert_eq!(problem.code(), ErrorCode::BAD_FILTER);
}

proptest! {
    #[test]
    fn takes_any_text_and_says_it_again(text: String, value: String) {
        if let Ok(filter) = Filter::parse([text.as_str()].into_iter()) {
            let Value::Object(attributes) = json!({"a": value, "b": {"c": [1, value]}}) else {
                return Ok(());
            };
            for expression in filter.branches.iter().flatten() {
                expression.matches(&attributes);
            }
        }
    }

    /// What a URL says of a filter is the filter again.
    #[test]
    fn reads_what_it_wrote(
        names in prop::collection::vec("[a-z][a-z0-9_]{0,5}", 1..4),
        sign in prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]),
        value in "[ -+./-Z^-~]{0,8}",
    ) {
        let text = format!("{}{sign}{value}", names.join("."));
        let Ok(filter) = Filter::parse([text.as_str()].into_iter()) else { return Ok(()) };
        let query = filter.to_query();
        let written = crate::xregistry::query::Query::parse(query.strip_prefix('?'));
        let again = Filter::parse(written.values("filter")).unwrap();
        prop_assert_eq!(again, filter);
    }
}

#[test]
fn says_comparisons_so_that_they_are_read_as_they_were() {
    for (text, expect) in [
        ("a<5", "?filter=a<5"),
        ("a< =5", "?filter=a<%20=5"),
        ("a> =5", "?filter=a>%20=5"),
        ("a< >5", "?filter=a<%20%3E5"),
        ("a<= =5", "?filter=a<=%20=5"),
        ("a<x\\*y", "?filter=a<x%5C*y"),
    ] {
        let filter = Filter::parse([text].into_iter()).unwrap();
        let query = filter.to_query();
        assert_eq!(query, expect, "{text}");
        let written = crate::xregistry::query::Query::parse(query.strip_prefix('?'));
        assert_eq!(Filter::parse(written.values("filter")).unwrap(), filter, "{text}");
    }
}

#[test]
fn takes_a_filter_of_some_length_and_no_longer_one() {
    let long = format!("name={}", "a".repeat(2_000));
    for (values, expect) in [
        (vec![long.as_str(); 2], None),
        (vec![long.as_str(); 3], Some("bad_filter")),
        (vec!["a"; 100], None),
        (vec!["a"; 101], Some("bad_filter")),
    ] {
        let parsed = Filter::parse(values.into_iter());
        assert_eq!(parsed.err().map(|problem| problem.code().name()), expect);
    }
}

//! Places as RFC 9535 writes them, and what mappings make of documents.

use proptest::prelude::*;

use super::*;

#[test]
fn a_place_is_read_as_rfc_9535_says() {
    // What it is as a normalized path (section 2.7); none: it isn't a singular query.
    for (text, expect) in [
        ("$", Some("$")),
        ("$.a", Some("$['a']")),
        ("$.a.b", Some("$['a']['b']")),
        ("$['a']", Some("$['a']")),
        (r#"$["a"]"#, Some("$['a']")),
        ("$[1]", Some("$[1]")),
        ("$[-3]", Some("$[-3]")),
        ("$.a.b[1]", Some("$['a']['b'][1]")),
        (r#"$["\u000B"]"#, Some(r"$['\u000b']")),
        (r#"$["\u0061"]"#, Some("$['a']")),
        (r#"$["\uD834\uDD1E"]"#, Some("$['𝄞']")),
        (r#"$["a'b"]"#, Some(r"$['a\'b']")),
        (r"$['a\'b']", Some(r"$['a\'b']")),
        (r#"$["\b\f\n\r\t\/\\\""]"#, Some(r#"$['\b\f\n\r\t/\\"']"#)),
        ("$['']", Some("$['']")),
        ("$.é", Some("$['é']")),
        ("$._a1", Some("$['_a1']")),
        ("$ .a", Some("$['a']")),
        ("$ [0]\t.b", Some("$[0]['b']")),
        ("", None),
        ("a", None),
        ("$.", None),
        ("$a", None),
        ("$.1a", None),
        ("$.a ", None),
        ("$[01]", None),
        ("$[-0]", None),
        ("$[1.0]", None),
        ("$[+1]", None),
        ("$[9007199254740992]", None),
        ("$[-9007199254740991]", Some("$[-9007199254740991]")),
        ("$['a'", None),
        ("$['a\"]", None),
        (r"$['\x']", None),
        (r#"$['\"']"#, None),
        (r"$['\uD834']", None),
        (r"$['\uDD1E']", None),
        (r"$['\uD834\u0061']", None),
        ("$['a\nb']", None),
        ("$.*", None),
        ("$[*]", None),
        ("$..a", None),
        ("$[0:2]", None),
        ("$[0,1]", None),
        ("$[?@.a]", None),
    ] {
        let place = SingularPath::parse(text).ok().map(|place| place.to_string());
        assert_eq!(place.as_deref(), expect, "{text}");
    }
    let long = format!("${}", ".a".repeat(17));
    assert_eq!(SingularPath::parse(&long), Err(SingularPathError::TooLong));
    assert_eq!(SingularPath::parse("$.a[*]"), Err(SingularPathError::Step { column: 4 }));
}

#[test]
fn a_value_is_put_where_a_place_says() {
    // The document, the place, and what it is with 9 put there; and then without it.
    for (document, place, expect, removed) in [
        ("{}", "$.a", Some(r#"{"a":9}"#), "{}"),
        (r#"{"a":1,"b":2}"#, "$.a", Some(r#"{"a":9,"b":2}"#), r#"{"b":2}"#),
        ("{}", "$.a.b", Some(r#"{"a":{"b":9}}"#), r#"{"a":{}}"#),
        ("null", "$.a[0]", Some(r#"{"a":[9]}"#), r#"{"a":[]}"#),
        ("[1,2]", "$[1]", Some("[1,9]"), "[1]"),
        ("[1,2]", "$[-1]", Some("[1,9]"), "[1]"),
        ("[1,2]", "$[2]", Some("[1,2,9]"), "[1,2]"),
        ("[1,2]", "$[3]", None, "[1,2]"),
        ("[1,2]", "$[-3]", None, "[1,2]"),
        ("[1,2]", "$.a", None, "[1,2]"),
        (r#"{"a":1}"#, "$[0]", None, r#"{"a":1}"#),
        (r#"{"a":1}"#, "$.a.b", None, r#"{"a":1}"#),
        (r#"{"a":1}"#, "$", Some("9"), "9"),
    ] {
        let place = SingularPath::parse(place).unwrap();
        let mut found = parse(document);
        let put = place.set(&mut found, json!(9));
        assert_eq!(put.is_ok(), expect.is_some(), "{document} {place}");
        if let Some(expect) = expect {
            assert_eq!(found, parse(expect), "{document} {place}");
            assert_eq!(place.get(&found), Some(&json!(9)), "{document} {place}");
        }
        place.remove(&mut found);
        assert_eq!(found, parse(removed), "{document} {place}");
    }
}

fn mapping(written: &Value) -> Mapping {
    Mapping::read(written).unwrap_or_else(|error| unreachable!("{written}: {error}"))
}

/// Limits per minute here are limits per second there, in a larger document.
fn limits() -> Mapping {
    mapping(&json!({
        "configPath": "$.limits",
        "outbound": [
            {"from": "$.per_minute", "to": "$.rate.per_second", "value": "value / 60"},
            {"from": "$.hosts", "to": "$.names", "value": "value.map(host, host.name)"},
            {"to": "$.source", "value": "xid"}
        ],
        "inbound": [
            {"from": "$.rate.per_second", "to": "$.per_minute", "value": "value * 60"}
        ]
    }))
}

#[test]
fn what_is_mapped_goes_out_and_the_rest_stays() {
    let ours =
        json!({"limits": {"per_minute": 120, "hosts": [{"name": "a"}, {"name": "b"}]}, "own": 1});
    let theirs = json!({"rate": {"burst": 5, "per_second": 1}, "other": true});
    let source = "/providers/cms/entries/sanity";
    let expect = json!({"rate": {"burst": 5, "per_second": 2}, "names": ["a", "b"], "other": true, "source": source});
    assert_eq!(limits().outbound(&ours, Some(&theirs), &sanity()), Ok(Some(expect)));
    let expect = json!({"rate": {"per_second": 2}, "names": ["a", "b"], "source": source});
    assert_eq!(limits().outbound(&ours, None, &sanity()), Ok(Some(expect)));
    // What isn't there goes there as well.
    let expect = json!({"rate": {"burst": 5}, "source": source, "other": true});
    let ours = json!({"limits": {}});
    assert_eq!(limits().outbound(&ours, Some(&theirs), &sanity()), Ok(Some(expect)));
    assert_eq!(limits().outbound(&json!({"own": 1}), Some(&theirs), &sanity()), Ok(None));
}

#[test]
fn what_comes_is_put_into_what_is_here() {
    let theirs = json!({"rate": {"per_second": 3}, "other": true});
    let ours = json!({"limits": {"per_minute": 120, "hosts": []}, "own": 1});
    let expect = json!({"limits": {"per_minute": 180, "hosts": []}, "own": 1});
    assert_eq!(limits().inbound(&theirs, Some(&ours), &sanity()), Ok(expect));
    let expect = json!({"limits": {"per_minute": 180}});
    assert_eq!(limits().inbound(&theirs, None, &sanity()), Ok(expect));
    // Without steps, the whole document lies at the place.
    let whole = mapping(&json!({"configPath": "$.limits"}));
    assert_eq!(whole.inbound(&json!([1]), None, &sanity()), Ok(json!({"limits": [1]})));
    assert_eq!(whole.outbound(&json!({"limits": 7}), None, &sanity()), Ok(Some(json!(7))));
}

#[test]
fn what_follows_already_from_the_other_side_stays_whatever_steps_lose() {
    // 90 a minute is 1 a second there, and 1 a second would be 60 a minute here.
    let ours = json!({"limits": {"per_minute": 90}});
    let theirs = json!({"rate": {"per_second": 1}, "hint": "only this is new"});
    assert_eq!(limits().inbound(&theirs, Some(&ours), &sanity()), Ok(ours.clone()));
    let theirs = json!({"rate": {"per_second": 2}});
    let expect = json!({"limits": {"per_minute": 120}});
    assert_eq!(limits().inbound(&theirs, Some(&ours), &sanity()), Ok(expect));
    // And the other way.
    let whole = mapping(&json!({
        "outbound": [{"from": "$.n", "to": "$.m"}],
        "inbound": [{"from": "$.m", "to": "$.n", "value": "int(value)"}],
    }));
    let theirs = json!({"m": 1.75});
    let ours = json!({"n": 1, "own": 2});
    assert_eq!(whole.outbound(&ours, Some(&theirs), &sanity()), Ok(Some(theirs.clone())));
    assert_eq!(
        whole.outbound(&json!({"n": 2}), Some(&theirs), &sanity()),
        Ok(Some(json!({"m": 2})))
    );
    // What only goes out follows from nothing.
    let names = json!({"limits": {"hosts": [{"name": "a"}]}});
    let found = limits().outbound(&names, Some(&json!({"names": ["b"]})), &sanity());
    assert_eq!(found.unwrap().unwrap()["names"], json!(["a"]));
}

#[test]
fn numbers_keep_all_their_digits() {
    let text = r#"{"a":123456789012345678901234567890.10,"b":[1e400]}"#;
    let copied = mapping(&json!({"outbound": [
        {"from": "$.a", "to": "$.x"}, {"from": "$.b", "to": "$.y", "value": "value"}]}));
    let found = copied.outbound(&parse(text), None, &sanity()).unwrap().unwrap();
    assert_eq!(found.to_string(), r#"{"x":123456789012345678901234567890.10,"y":[1e400]}"#);
}

#[test]
fn a_mapping_that_cannot_be_used_says_where_and_why() {
    for (written, pointer, message) in [
        (json!([]), "", "a mapping is an object"),
        (json!({"configPath": "limits"}), "/configPath", "it must begin with $"),
        (json!({"outbound": [{"to": "$.a"}]}), "/outbound/0", "has to, and from or value"),
        (json!({"outbound": [{"from": "$.a"}]}), "/outbound/0", "has to, and from or value"),
        (json!({"inbound": [{"from": "$[*]", "to": "$"}]}), "/inbound/0/from", "name the list"),
        (
            json!({"inbound": [{"to": "$.a", "value": "1"}, {"to": "$.b", "value": "now()"}]}),
            "/inbound/1/value",
            "there is no function now",
        ),
        (
            json!({"outbound": [{"to": "$.a", "value": "vaule"}]}),
            "/outbound/0/value",
            "the variables are value, document, xid, group and id",
        ),
        (json!({"schema": {"type": 1}}), "/schema", "the schema can't be used"),
        (json!({"validateOnSync": 1}), "/validateOnSync", "a mapping is an object"),
    ] {
        let error = Mapping::read(&written).unwrap_err();
        assert_eq!(error.pointer, pointer, "{written}");
        assert!(error.to_string().contains(message), "{written}: {error}");
    }
}

#[test]
fn a_step_that_cannot_be_done_says_which_and_why() {
    let fault = |written: Value, ours: Value| {
        mapping(&written)
            .outbound(&ours, Some(&json!({"a": 1})), &sanity())
            .unwrap_err()
            .to_string()
    };
    for (step, ours, message) in [
        (
            json!({"from": "$.a", "to": "$.b", "value": "value / 0"}),
            json!({"a": 1}),
            "divides by zero",
        ),
        (json!({"to": "$.b", "value": "document.none"}), json!({}), "there is no none"),
        (
            json!({"to": "$.a.b", "value": "1"}),
            json!({}),
            "a member of what isn't an object can't be put at $['a']['b']",
        ),
        (json!({"to": "$.b", "value": "type(1)"}), json!({}), "a type, which JSON doesn't have"),
        (json!({"to": "$.b", "value": "1e300 * 1e300"}), json!({}), "which JSON doesn't have"),
    ] {
        let found = fault(json!({"outbound": [{"to": "$.z", "value": "1"}, step]}), ours);
        assert!(found.starts_with("step 2 of outbound: "), "{found}");
        assert!(found.contains(message), "{found}");
    }
}

#[test]
fn what_never_ends_or_grows_without_bound_is_stopped() {
    let all = json!({"a": (0..1000).collect::<Vec<_>>()});
    for value in [
        "value.map(a, value.map(b, value.map(c, a + b + c)))",
        // Cheap to evaluate, because all parts are shared, and huge as JSON.
        "value.map(a, value).map(b, value.map(c, value))",
    ] {
        let written = json!({"outbound": [{"from": "$.a", "to": "$.b", "value": value}]});
        let fault = mapping(&written).outbound(&all, None, &sanity()).unwrap_err();
        let reason = MappingFaultReason::Evaluation(EvaluationFault::TooManySteps);
        assert_eq!(fault.reason, reason, "{value}");
    }
    // A hundred copies of a large document aren't made either.
    let large = json!({"a": "x".repeat(1 << 20)});
    let steps: Vec<Value> =
        (0..100).map(|number| json!({"from": "$.a", "to": format!("$.b{number}")})).collect();
    let fault = mapping(&json!({"outbound": steps})).outbound(&large, None, &sanity()).unwrap_err();
    assert_eq!(fault.reason, MappingFaultReason::Evaluation(EvaluationFault::TooManySteps));
}

#[test]
fn the_schema_of_the_other_side_is_asked_unless_it_must_not() {
    let schema = json!({"type": "object", "required": ["rate"]});
    for (validates, document, expect) in [
        (json!(true), json!({}), 1),
        (json!(true), json!({"rate": 1}), 0),
        (json!(false), json!({}), 0),
    ] {
        let mapping = mapping(&json!({"schema": schema, "validateOnSync": validates}));
        assert_eq!(mapping.violations(&document).len(), expect, "{document}");
    }
}

#[test]
fn bytes_that_say_the_same_stay() {
    let value = json!({"a": 1});
    assert_eq!(mapped_bytes(&value, Some(b"{ \"a\": 1 }")), b"{ \"a\": 1 }");
    assert_eq!(mapped_bytes(&value, Some(b"{ \"a\": 2 }")), b"{\"a\":1}");
    assert_eq!(mapped_bytes(&value, Some(b"?")), b"{\"a\":1}");
    assert_eq!(mapped_bytes(&value, None), b"{\"a\":1}");
}

fn any_step() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>().prop_map(|name| format!("[{}]", Value::String(name))),
        (-9i64..9).prop_map(|index| format!("[{index}]")),
        "\\.[a-z_][a-z0-9_]{0,3}",
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// A place that is shown is the same place.
    #[test]
    fn a_place_is_shown_as_it_can_be_read(steps in prop::collection::vec(any_step(), 0..5)) {
        let text = format!("${}", steps.concat());
        if let Ok(place) = SingularPath::parse(&text) {
            prop_assert_eq!(SingularPath::parse(&place.to_string()), Ok(place));
        }
    }

    /// What was put is there, and nothing beside it changed.
    #[test]
    fn what_was_put_is_there(
        document in any_json(),
        steps in prop::collection::vec(prop_oneof!["\\.[a-c]", "\\[[0-3]\\]"], 0..4),
        other in prop::collection::vec(prop_oneof!["\\.[a-c]", "\\[[0-3]\\]"], 0..4),
    ) {
        let place = SingularPath::parse(&format!("${}", steps.concat())).unwrap();
        let beside = SingularPath::parse(&format!("${}", other.concat())).unwrap();
        let mut changed = document.clone();
        if place.set(&mut changed, json!("new")).is_ok() {
            prop_assert_eq!(place.get(&changed), Some(&json!("new")));
            let is_apart = !steps.iter().zip(&other).all(|(one, two)| one == two);
            if is_apart {
                prop_assert_eq!(beside.get(&changed), beside.get(&document));
            }
        }
    }

    /// No text and no document makes a mapping panic.
    #[test]
    fn nothing_panics(text in ".{0,40}", document in any_json(), theirs in any_json()) {
        let written = json!({"configPath": "$.a", "outbound": [{"from": "$.b", "to": "$.c", "value": text}],
            "inbound": [{"from": "$.c", "to": "$.b"}]});
        if let Ok(mapping) = Mapping::read(&written) {
            let _ = mapping.outbound(&document, Some(&theirs), &sanity());
            let _ = mapping.inbound(&theirs, Some(&document), &sanity());
        }
    }
}

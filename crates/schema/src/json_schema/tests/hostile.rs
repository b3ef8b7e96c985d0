//! Hostile schemas and documents: each gets an answer, and what would run too long is refused by a
//! count of steps or places, never by a clock.

use proptest::prelude::*;

use super::*;

/// `a0` leads twice to `a1`, and so on: two to the power of the depth.
fn doubling(keyword: &str, depth: usize, end: &str) -> String {
    let definitions: Vec<String> = (0..depth)
        .map(|level| {
            let next = format!(r##"{{"$ref":"#/$defs/a{}"}}"##, level + 1);
            format!(r#""a{level}":{{"{keyword}":[{next},{next}]}}"#)
        })
        .collect();
    format!(r##"{{"$ref":"#/$defs/a0","$defs":{{{},"a{depth}":{end}}}}}"##, definitions.join(","))
}

#[test]
fn refuses_places_that_multiply() {
    for keyword in ["anyOf", "allOf", "oneOf"] {
        for end in ["false", r#"{"type":"string"}"#] {
            let error = refused(&doubling(keyword, 20, end));
            assert!(matches!(error, CompileError::TooComplex { .. }), "{keyword}: {error:?}");
        }
    }
    compile(&doubling("anyOf", 8, r#"{"type":"string"}"#));
}

#[test]
fn places_that_multiply_hide_nowhere() {
    let outside = doubling("anyOf", 20, "false").replace("$defs", "own");
    assert!(matches!(refused(&outside), CompileError::TooComplex { .. }));
    let anchored: Vec<String> = (0..20)
        .map(|n| {
            format!(
                r##""a{n}":{{"$anchor":"a{n}","anyOf":[{{"$ref":"#a{m}"}},{{"$ref":"#a{m}"}}]}}"##,
                m = n + 1
            )
        })
        .collect();
    let anchored = format!(
        r##"{{"$ref":"#a0","$defs":{{{},"a20":{{"$anchor":"a20"}}}}}}"##,
        anchored.join(",")
    );
    assert!(matches!(refused(&anchored), CompileError::TooComplex { .. }));
}

#[test]
fn refuses_places_that_lead_back_to_themselves() {
    for schema in [
        r##"{"$ref":"#"}"##,
        r##"{"allOf":[{"$ref":"#"}]}"##,
        r##"{"not":{"$ref":"#"}}"##,
        r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}"##,
        r##"{"$dynamicAnchor":"x","$dynamicRef":"#x"}"##,
        r##"{"$schema":"https://json-schema.org/draft/2019-09/schema","$recursiveRef":"#"}"##,
    ] {
        let error = refused(schema);
        assert!(matches!(error, CompileError::Endless { .. }), "{schema}: {error:?}");
    }
}

#[test]
fn compiles_long_chains_and_refuses_endless_ones() {
    let chain = |length: usize| {
        let links: Vec<String> = (0..length)
            .map(|n| format!(r##""a{n}":{{"items":{{"$ref":"#/$defs/a{}"}}}}"##, n + 1))
            .collect();
        format!(r##"{{"$ref":"#/$defs/a0","$defs":{{{},"a{length}":{{}}}}}}"##, links.join(","))
    };
    compile(&chain(200));
    // The longest chain that is accepted: built, used, and dropped on a test's stack of 2 MiB.
    let longest = compile(&chain(limits::PLACES_DEPTH_MAX / 2 - 2));
    assert_eq!(lines(&longest, "[[[]]]"), [""; 0]);
    drop(longest);
    assert!(matches!(refused(&chain(50_000)), CompileError::TooLarge { .. }));
    let same = chain(200).replace(r#""items":{"#, r#""allOf":[{"#).replace("}}", "}]}");
    assert!(Schema::parse(same.as_bytes(), &NoSources).is_err());
}

#[test]
fn deep_values_and_deep_schemas_end() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let recursive = compile(r##"{"type":"array","items":{"allOf":[{"anyOf":[{"$ref":"#"}]}]}}"##);
    assert_eq!(lines(&recursive, &deep(128)), [""; 0]);
    assert_eq!(lines(&recursive, &deep(127).replace("[]", "[1]")).len(), 1);

    let nested = format!("{}{{}}{}", r#"{"not":"#.repeat(60), "}".repeat(60));
    compile(&nested);
    let mut too_deep = json!({});
    for _ in 0..300 {
        too_deep = json!({"items": too_deep});
    }
    assert!(matches!(Schema::compile(&too_deep, &NoSources), Err(CompileError::TooDeep)));
}

#[test]
fn a_union_of_recursions_ends_for_a_deep_value() {
    let schema = compile(
        r##"{"anyOf":[{"type":"integer"},{"type":"array","items":{"$ref":"#"}},
            {"type":"array","contains":{"$ref":"#"}},{"type":"array","minItems":1,"items":{"$ref":"#"}}]}"##,
    );
    let deep = format!("{}\"x\"{}", "[".repeat(100), "]".repeat(100));
    assert!(!schema.validate(&parse(&deep)).is_empty());
}

#[test]
fn catastrophic_patterns_are_matched_in_linear_time() {
    for pattern in ["^(a+)+$", "^(a|aa)+$", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$"] {
        let schema = compile(&json!({"pattern": pattern}).to_string());
        assert_eq!(lines(&schema, &format!("\"{}!\"", "a".repeat(100_000))).len(), 1, "{pattern}");
    }
}

#[test]
fn patterns_that_grow_when_compiled_are_refused() {
    for pattern in ["(((a{100}){100}){100}){100}", r"\w{1000}{100}", "[^a]{50000}"] {
        let error = refused(&json!({"pattern": pattern}).to_string());
        assert!(matches!(error, CompileError::Invalid { .. }), "{pattern}: {error:?}");
    }
    compile(r#"{"pattern":"^\\w{1,64}$"}"#);
    let many: Vec<String> = (0..2_000).map(|n| format!(r#"{{"pattern":"a{n}"}}"#)).collect();
    let many = format!(r#"{{"prefixItems":[{}]}}"#, many.join(","));
    assert!(matches!(refused(&many), CompileError::TooLarge { what: "patterns", .. }));
}

/// Measuring patterns must not cost more than matching them. Expanded, each of these has tens of
/// thousands of parts, or edges that need no letter.
#[test]
fn patterns_are_measured_within_a_budget() {
    let letters = |n: usize| format!(r"\\p{{L}}{{{}}}", 50_000 - n);
    let ways = |n: usize| format!("^(?:(?:{}|x)a)*b|^a{{{}}}b", "|".repeat(5_000), 4_000 - n);
    for (pattern, count) in [(&letters as &dyn Fn(usize) -> String, 1_000), (&ways, 20)] {
        let patterns: Vec<String> =
            (0..count).map(|n| format!(r#"{{"pattern":"{}"}}"#, pattern(n))).collect();
        let schema = format!(r#"{{"prefixItems":[{}]}}"#, patterns.join(","));
        let began = std::time::Instant::now();
        drop(Schema::compile(&parse(&schema), &NoSources));
        let took = began.elapsed();
        assert!(took.as_secs() < 30, "{count} patterns took {took:?}");
    }
}

#[test]
fn a_large_enum_costs_no_more_than_the_values() {
    let choices: Vec<String> = (0..100_000).map(|n| format!("[{n}]")).collect();
    let schema = compile(&format!(r#"{{"items":{{"enum":[{}]}}}}"#, choices.join(",")));
    assert_eq!(lines(&schema, "[[99999],[1]]"), [""; 0]);
    assert_eq!(lines(&schema, "[[100000]]").len(), 1);
    let values = format!("[{}]", vec!["[99999]"; 5_000].join(","));
    assert_eq!(lines(&schema, &values), [""; 0]);
}

#[test]
fn violations_are_bounded_in_number_and_bytes() {
    let unknown = compile(r#"{"properties":{"known":true},"additionalProperties":false}"#);
    let members: Vec<String> = (0..150_000).map(|n| format!(r#""m{n}":1"#)).collect();
    let found = unknown.validate(&parse(&format!("{{{}}}", members.join(","))));
    assert_eq!(found.len(), limits::VIOLATIONS_MAX);
    assert_eq!(found.last().unwrap().message, "and 149901 more violations");
    // Every error would hold its path, which is a megabyte long.
    let texts = compile(r#"{"additionalProperties":{"items":{"type":"string"}}}"#);
    let name = "n".repeat(1 << 20);
    let found =
        texts.validate(&parse(&format!(r#"{{"{name}":[{}]}}"#, vec!["1"; 100_000].join(","))));
    assert!(found[1].message.contains("too large to report all"), "{:?}", found.len());
    assert_eq!(found[0].pointer, "");
    // A choice that was probably meant is searched for within the steps.
    let names: Vec<String> =
        (0..4_000).map(|n| format!("a-choice-with-a-long-name-{n:030}")).collect();
    let choices = Schema::compile(&json!({"items": {"enum": names}}), &NoSources).unwrap();
    let wrong: Value = (0..500).map(|n| format!("a choice with another name {n:030}")).collect();
    let found = choices.validate(&wrong);
    assert!(found[1].message.contains("too large to report all"), "{found:?}");
}

/// Whether the result says that validation takes too long.
fn takes_too_long(schema: &Value, value: &Value) -> bool {
    let found = Schema::compile(schema, &NoSources).unwrap().validate(value);
    found.len() == 1 && found[0].message.contains("takes more than a second")
}

#[test]
fn what_keywords_look_at_by_themselves_costs_steps() {
    let many = |shared: Value| json!({"allOf": vec![json!({"$ref": "#/$defs/a"}); 990], "$defs": {"a": shared}});
    let names: Vec<String> = (0..20_000).map(|n| format!("k{n}")).collect();
    let map = |with: Value| -> Value {
        names.iter().map(|name| (name.clone(), with.clone())).collect::<json::Map<_, _>>().into()
    };
    let numbers: Value = (0..50_000).collect();
    for (shared, value) in [
        (json!({"required": names}), map(json!(1))),
        (json!({"dependentRequired": {"k1": names}}), map(json!(1))),
        (json!({"uniqueItems": true}), numbers.clone()),
        (json!({"enum": [numbers]}), numbers.clone()),
        (json!({"minLength": 1, "format": "uri"}), json!("a:".repeat(500_000))),
    ] {
        assert!(takes_too_long(&many(shared.clone()), &value), "{:.80}", shared.to_string());
        // Once is harmless.
        let once = Schema::compile(&shared, &NoSources).unwrap();
        assert!(once.validate(&value).is_empty(), "{:.80}", shared.to_string());
    }
    let left = json!({"unevaluatedProperties": false,
        "anyOf": names[..900].iter().map(|n| json!({"properties": {n: true}})).collect::<Value>()});
    assert!(takes_too_long(&left, &map(json!(1))));
}

#[test]
fn alternatives_that_fail_cost_steps_too() {
    let each: Value = (0..1_900).map(|n| json!({"minimum": n, "maximum": n})).collect();
    let values: Value = (0..100_000).map(|n| n % 1_900).collect();
    assert!(takes_too_long(&json!({"items": {"oneOf": each}}), &values));
    let few: Value = (0..2_000).map(|n| n % 1_900).collect();
    assert!(compile(&json!({"items": {"oneOf": each}}).to_string()).validate(&few).is_empty());
}

#[test]
fn patterns_of_many_positions_cost_steps() {
    // Every letter can start a match, so as many positions move with each letter.
    let bomb = "[ab]*a[ab]{5000}[^ab]";
    let text: String = (0..100_000_u32)
        .map(|n| if n.wrapping_mul(2_654_435_761) >> 31 == 0 { 'a' } else { 'b' })
        .collect();
    assert!(takes_too_long(&json!({"pattern": bomb}), &json!(text)));
    assert!(takes_too_long(&json!({"patternProperties": {bomb: {}}}), &json!({text.clone(): 1})));
    assert!(takes_too_long(
        &json!({"propertyNames": {"pattern": bomb}}),
        &json!({text.clone(): 1})
    ));
    // Many short patterns have the same effect: each has more states than fit into its share of the
    // memory.
    let short = |n: u32| json!({"pattern": format!("a[ab]{{9}}[^ab{}]", char::from_u32(0x400 + n).unwrap())});
    let short = json!({"anyOf": (0..900).map(short).collect::<Value>()});
    assert!(takes_too_long(&short, &json!(text)));
    // Ordinary patterns pass in any number.
    let name = compile(r#"{"items":{"pattern":"^\\w{1,64}$"}}"#);
    let names: Value = (0..20_000).map(|n| format!("a_name_of_some_length_{n}")).collect();
    assert!(name.validate(&names).is_empty());
    let found = lines(&name, &json!([vec!["ok"; 20_000], "no!"]).to_string());
    assert_eq!(found, ["/1 pattern \"no!\" doesn't match ^\\w{1,64}$"]);
}

#[test]
fn a_million_mistakes_are_not_collected() {
    let schema = compile(r#"{"items":{"type":"string"}}"#);
    let values = format!("[{}]", vec!["1"; 1_000_000].join(","));
    let found = lines(&schema, &values);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0], "/0 type 1 is a number; text is needed");
    assert!(found[1].contains("too large to report all"), "{}", found[1]);
}

#[test]
fn a_schema_of_four_mebibytes_compiles_or_is_refused() {
    let properties: Vec<String> = (0..60_000)
        .map(|n| format!(r#""property_{n}":{{"type":"string","minLength":{n}}}"#))
        .collect();
    let schema =
        format!(r#"{{"properties":{{{}}},"additionalProperties":false}}"#, properties.join(","));
    assert!(schema.len() > 2 * 1024 * 1024);
    let schema = compile(&schema);
    assert_eq!(
        lines(&schema, r#"{"property_7":"x"}"#),
        ["/property_7 minLength 1 character; at least 7 are needed"]
    );

    let wide = format!(r#"{{"anyOf":[{}]}}"#, vec![r#"{"type":"string"}"#; 100_000].join(","));
    assert!(matches!(refused(&wide), CompileError::TooComplex { .. }));
}

#[test]
fn too_many_schemas_behind_a_schema_are_refused() {
    let members: Vec<(String, String)> = (0..200)
        .map(|n| {
            let next = format!(r#"{{"items":{{"$ref":"/schemagroups/g/schemas/s{}"}}}}"#, n + 1);
            (format!("/schemagroups/g/schemas/s{n}"), next)
        })
        .collect();
    let members: Vec<(&str, &str)> =
        members.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let error =
        Schema::compile(&parse(r#"{"$ref":"/schemagroups/g/schemas/s0"}"#), &family(&members));
    assert!(matches!(
        error.unwrap_err(),
        CompileError::TooLarge { limit: limits::REFERENCES_MAX, .. }
    ));
}

#[test]
fn the_meter_changes_no_verdict() {
    for (schema, value) in [
        (r#"{"properties":{"a":{"type":"integer"}},"unevaluatedProperties":false}"#, r#"{"a":1}"#),
        (r#"{"items":{"const":1},"minItems":1}"#, "[1,1,1]"),
        (r##"{"own":{"x":{"type":"integer"}},"items":{"$ref":"#/own/x"}}"##, "[1]"),
        (r#"{"enum":[{"properties":{"a":1}}],"default":{"not":{}}}"#, r#"{"properties":{"a":1}}"#),
    ] {
        let schema = compile(schema);
        let large = json!({"steps": vec![0; 10]});
        assert_eq!(lines(&schema, value), [""; 0]);
        let metered = schema.metered_for_tests();
        assert!(metered.is_valid(&parse(value)));
        assert_eq!(metered.is_valid(&large), lines(&schema, &large.to_string()).is_empty());
    }
}

/// Random schemas, valid and invalid ones, with references in all directions.
fn any_schema() -> impl Strategy<Value = Value> {
    let references = [
        "#",
        "#/$defs/a",
        "#/$defs/b",
        "#/properties/a",
        "#/allOf/0",
        "#x",
        "b",
        "/schemagroups/g/schemas/s",
        "",
    ];
    let leaf = prop_oneof![
        Just(json!(true)),
        Just(json!(false)),
        Just(json!({})),
        proptest::sample::select(vec!["string", "integer", "array", "object", "nothing"])
            .prop_map(|kind| json!({"type": kind})),
        proptest::sample::select(references.to_vec()).prop_map(|to| json!({"$ref": to})),
        proptest::sample::select(references.to_vec()).prop_map(|to| json!({"$dynamicRef": to})),
        (0..3_u64)
            .prop_map(|limit| json!({"minItems": limit, "minLength": limit, "enum": [limit, "a"]})),
        Just(json!({"$anchor": "x", "pattern": "^a"})),
        Just(json!({"$id": "b", "required": ["a"], "uniqueItems": true})),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let one = (
            proptest::sample::select(vec![
                "not",
                "if",
                "then",
                "items",
                "contains",
                "additionalProperties",
                "propertyNames",
                "unevaluatedProperties",
                "unevaluatedItems",
            ]),
            inner.clone(),
        )
            .prop_map(|(keyword, schema)| json!({keyword: schema}));
        let several = (
            proptest::sample::select(vec!["allOf", "anyOf", "oneOf", "prefixItems"]),
            proptest::collection::vec(inner.clone(), 1..3),
        )
            .prop_map(|(keyword, schemas)| json!({keyword: schemas}));
        let named = (
            proptest::sample::select(vec![
                "properties",
                "$defs",
                "patternProperties",
                "dependentSchemas",
            ]),
            inner.clone(),
            inner.clone(),
        )
            .prop_map(|(keyword, a, b)| json!({keyword: {"a": a, "b": b}}));
        let both = (inner.clone(), inner).prop_map(|(left, right)| match (left, right) {
            (Value::Object(mut left), Value::Object(right)) => {
                left.extend(right);
                Value::Object(left)
            }
            (left, _) => left,
        });
        prop_oneof![one, several, named, both]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_schema_compiles_or_is_refused_and_the_meter_agrees(schema in any_schema()) {
        let sources = family(&[("/schemagroups/g/schemas/s", r#"{"items":{"type":"string"}}"#)]);
        if let Ok(schema) = Schema::compile(&schema, &sources) {
            for value in [
                json!(null), json!("a"), json!(1), json!([]), json!({}), json!({"a": 1, "b": "a"}),
                json!([["a"], {"a": [1, 1]}, "b"]), json!({"a": {"a": {"b": []}}}),
            ] {
                let valid = schema.validate(&value).is_empty();
                prop_assert_eq!(schema.metered_for_tests().is_valid(&value), valid);
            }
        }
    }
}

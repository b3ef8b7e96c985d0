//! The quality of JSON Schemas, and whether language models take them: one row per rule.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;

use muster_schema::{
    ModelProvider, PROFILE_RULES, QUALITY_RULES, QualityLimits, json_schema_quality,
    profile_obstacles,
};
use serde_json::{Value, json};

const GOOD: &str = r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Order",
    "description": "An order.", "type": "object", "required": ["id"], "additionalProperties": false,
    "properties": {"id": {"type": "string", "description": "Its number."}}}"#;

/// A good schema with some members put in its place.
fn with(members: Value) -> Value {
    let mut schema: Value = serde_json::from_str(GOOD).unwrap();
    let all = members.as_object().unwrap().clone();
    schema.as_object_mut().unwrap().extend(all.into_iter().filter(|(_, value)| !value.is_null()));
    for (name, _) in members.as_object().unwrap().iter().filter(|(_, value)| value.is_null()) {
        schema.as_object_mut().unwrap().remove(name);
    }
    schema
}

#[test]
fn a_good_schema_has_a_hundred_points() {
    let quality = json_schema_quality(&with(json!({})), &QualityLimits::default());
    assert_eq!((quality.quality_score, quality.issues.len()), (100, 0), "{quality:?}");
    let written = serde_json::to_value(&quality).unwrap();
    assert_eq!(written["qualityScore"], 100);
}

#[test]
fn each_rule_of_quality_names_the_place_that_breaks_it() {
    let many: serde_json::Map<String, Value> =
        (0..101).map(|one| (format!("p{one}"), json!({"type": "string", "title": "t"}))).collect();
    let deep = (0..6).fold(
        json!({"type": "string", "title": "t"}),
        |inner, _| json!({"title": "t", "type": "object", "properties": {"a": inner}}),
    );
    let twin = json!({"title": "t", "properties": {"x": {"type": "string", "title": "t"}, "y": {"type": "string", "title": "t"}}});
    let property = |schema: Value| with(json!({"properties": {"id": schema}}));
    let mut seen = BTreeSet::new();
    for (rule, schema, path) in [
        ("root_title", with(json!({"title": null})), ""),
        ("root_description", with(json!({"description": null})), ""),
        ("draft_named", with(json!({"$schema": null})), ""),
        ("property_described", property(json!({"type": "string"})), "/properties/id"),
        ("property_typed", property(json!({"title": "t"})), "/properties/id"),
        (
            "names_alike",
            with(json!({"properties": {
            "id": {"type": "string", "title": "t"}, "first_name": {"type": "string", "title": "t"},
            "last_name": {"type": "string", "title": "t"}, "birthDay": {"type": "string", "title": "t"}}})),
            "/properties/birthDay",
        ),
        ("required_listed", with(json!({"required": ["id", "other"]})), "/required"),
        (
            "known_keyword",
            property(json!({"type": "string", "title": "t", "maxLenght": 3})),
            "/properties/id/maxLenght",
        ),
        (
            "bounds_ordered",
            property(json!({"title": "t", "minimum": 5, "maximum": 3})),
            "/properties/id",
        ),
        (
            "choices_distinct",
            property(json!({"title": "t", "enum": [1, 1]})),
            "/properties/id/enum",
        ),
        (
            "default_among_choices",
            property(json!({"title": "t", "enum": [1], "default": 2})),
            "/properties/id/default",
        ),
        ("few_properties", with(json!({"properties": many, "required": null})), "/properties"),
        (
            "shallow",
            with(json!({"properties": {"id": deep}})),
            "/properties/id/properties/a/properties/a/properties/a/properties/a/properties/a",
        ),
        (
            "short_arrays",
            property(json!({"title": "t", "type": "array", "maxItems": 1001})),
            "/properties/id/maxItems",
        ),
        (
            "said_once",
            with(json!({"properties": {"id": twin, "other": twin}})),
            "/properties/other",
        ),
        ("definition_used", with(json!({"$defs": {"a": {"type": "string"}}})), "/$defs/a"),
    ] {
        let quality = json_schema_quality(&schema, &QualityLimits::default());
        let message = QUALITY_RULES.iter().find(|one| one.id == rule).unwrap().message;
        let found = quality.issues.iter().find(|issue| issue.message == message);
        assert_eq!(found.map(|issue| issue.path.as_str()), Some(path), "{rule}: {quality:?}");
        assert!(quality.quality_score < 100, "{rule}");
        seen.insert(rule);
    }
    let missing: Vec<_> = QUALITY_RULES.iter().filter(|rule| !seen.contains(rule.id)).collect();
    assert!(missing.is_empty(), "these rules have no row: {missing:?}");
}

#[test]
fn each_rule_of_a_provider_names_the_place_and_its_source() {
    let property = |schema: Value| with(json!({"properties": {"id": schema}}));
    let deep = (0..12).fold(json!({"type": "string"}), |inner, _| {
        json!({"type": "object", "additionalProperties": false, "required": ["a"], "properties": {"a": inner}})
    });
    let many = |count: usize, make: fn(usize) -> (String, Value)| {
        Value::Object((0..count).map(make).collect())
    };
    let mut seen = BTreeSet::new();
    for (rule, schema, path) in [
        ("openai_root_object", json!({"anyOf": [{"type": "string"}]}), ""),
        ("openai_closed_objects", with(json!({"additionalProperties": null})), ""),
        ("openai_all_required", with(json!({"required": null})), ""),
        ("openai_keywords", property(json!({"not": {"type": "string"}})), "/properties/id/not"),
        (
            "openai_properties",
            with(json!({"properties": many(5_001, |one| (format!("p{one}"), json!(true)))})),
            "",
        ),
        (
            "openai_nesting",
            with(json!({"properties": {"id": deep}})),
            "/properties/id/properties/a/properties/a/properties/a/properties/a/properties/a/properties/a/properties/a/properties/a/properties/a/properties/a",
        ),
        ("openai_enum_values", property(json!({"enum": (0..1_001).collect::<Vec<_>>()})), ""),
        ("anthropic_closed_objects", with(json!({"additionalProperties": true})), ""),
        ("anthropic_recursion", property(json!({"$ref": "#"})), "/properties/id/$ref"),
        (
            "anthropic_external_references",
            property(json!({"$ref": "https://example.com/a"})),
            "/properties/id/$ref",
        ),
        ("anthropic_number_limits", property(json!({"minimum": 3})), "/properties/id/minimum"),
        ("anthropic_text_limits", property(json!({"maxLength": 3})), "/properties/id/maxLength"),
        ("anthropic_array_limits", property(json!({"minItems": 2})), "/properties/id/minItems"),
        ("anthropic_enum_values", property(json!({"enum": [{}]})), "/properties/id/enum"),
        (
            "gemini_choices",
            property(json!({"oneOf": [{"type": "string"}]})),
            "/properties/id/oneOf",
        ),
        ("gemini_keywords", property(json!({"not": {"type": "string"}})), "/properties/id/not"),
    ] {
        let own = PROFILE_RULES.iter().find(|one| one.id == rule).unwrap();
        let found = profile_obstacles(&schema, own.provider);
        let place = found.iter().find(|one| one.rule == rule);
        assert_eq!(place.map(|one| one.path.as_str()), Some(path), "{rule}: {found:?}");
        assert!(place.unwrap().source.starts_with("https://"));
        seen.insert(rule);
    }
    let missing: Vec<_> = PROFILE_RULES.iter().filter(|rule| !seen.contains(rule.id)).collect();
    assert!(missing.is_empty(), "these rules have no row: {missing:?}");
    for provider in ModelProvider::ALL {
        let found = profile_obstacles(&with(json!({})), provider);
        assert!(found.is_empty(), "{provider:?}: {found:?}");
    }
}

use std::collections::BTreeSet;

use muster_words::json::{Value, escape_pointer};

use super::{ModelProvider as Provider, ObstacleEffect as Effect};
use crate::quality::Site;

/// Where a rule comes from.
#[derive(Clone, Copy, Debug)]
pub struct ProfileSource {
    /// The provider's page.
    pub url: &'static str,
    /// When it said so, as year and month.
    pub date: &'static str,
}

/// A rule of a provider.
#[derive(Clone, Copy, Debug)]
pub struct ProfileRule {
    /// The stable id.
    pub id: &'static str,
    /// Whose rule it is.
    pub provider: Provider,
    /// What happens if it isn't met.
    pub effect: Effect,
    /// What is wrong then.
    pub message: &'static str,
    /// What removes the obstacle.
    pub change: &'static str,
    /// Where it stands.
    pub source: ProfileSource,
    /// The places that don't meet it.
    pub(super) check: fn(&Value, &[Site<'_>]) -> Vec<String>,
}

/// Supported schemas of structured outputs.
const OPENAI: ProfileSource = ProfileSource {
    url: "https://platform.openai.com/docs/guides/structured-outputs",
    date: "2026-02",
};

/// JSON Schema limitations of structured outputs and strict tools.
const ANTHROPIC: ProfileSource = ProfileSource {
    url: "https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations",
    date: "2025-11",
};

/// JSON Schema support of structured output.
const GEMINI: ProfileSource = ProfileSource {
    url: "https://ai.google.dev/gemini-api/docs/structured-output",
    date: "2025-11",
};

/// All rules.
pub const PROFILE_RULES: &[ProfileRule] = &[
    rule(
        "openai_root_object",
        Provider::OpenAi,
        Effect::Refused,
        OPENAI,
        ["the whole must be an object, and no anyOf", "put the value into a property of an object"],
        |schema, _| {
            unless(
                schema.get("type") == Some(&Value::from("object")) && schema.get("anyOf").is_none(),
            )
        },
    ),
    rule(
        "openai_closed_objects",
        Provider::OpenAi,
        Effect::Refused,
        OPENAI,
        ["an object must allow no other properties", "add \"additionalProperties\": false"],
        |_, sites| objects(sites, |site| !is_closed(site)),
    ),
    rule(
        "openai_all_required",
        Provider::OpenAi,
        Effect::Refused,
        OPENAI,
        [
            "every property must be required",
            "list all properties in required, and let optional ones be null",
        ],
        |_, sites| objects(sites, |site| !requires_all(site)),
    ),
    rule(
        "openai_keywords",
        Provider::OpenAi,
        Effect::Refused,
        OPENAI,
        [
            "the keyword isn't supported",
            "leave it out: inline allOf, and check the rest after the answer",
        ],
        |_, sites| {
            with_keyword(
                sites,
                &["allOf", "not", "dependentRequired", "dependentSchemas", "if", "then", "else"],
            )
        },
    ),
    rule(
        "openai_properties",
        Provider::OpenAi,
        Effect::Refused,
        OPENAI,
        ["the schema has more than 5,000 properties in all", "split it into several requests"],
        |_, sites| unless(properties(sites) <= 5_000),
    ),
    rule(
        "openai_nesting",
        Provider::OpenAi,
        Effect::Refused,
        OPENAI,
        ["objects are nested more than 10 levels deep", "nest less deeply"],
        |_, sites| deeper(sites, 10),
    ),
    rule(
        "openai_enum_values",
        Provider::OpenAi,
        Effect::Refused,
        OPENAI,
        [
            "the schema has more than 1,000 enum values in all",
            "use a string with a description, and check it after the answer",
        ],
        |_, sites| unless(enum_values(sites) <= 1_000),
    ),
    rule(
        "anthropic_closed_objects",
        Provider::Anthropic,
        Effect::Refused,
        ANTHROPIC,
        ["an object must allow no other properties", "add \"additionalProperties\": false"],
        |_, sites| objects(sites, |site| !is_closed(site)),
    ),
    rule(
        "anthropic_recursion",
        Provider::Anthropic,
        Effect::Refused,
        ANTHROPIC,
        ["a recursive schema isn't supported", "write out as many levels as are needed"],
        recursive,
    ),
    rule(
        "anthropic_external_references",
        Provider::Anthropic,
        Effect::Refused,
        ANTHROPIC,
        [
            "a reference out of the schema isn't supported",
            "copy what it refers to into $defs; a bundle does that",
        ],
        |_, sites| external(sites),
    ),
    rule(
        "anthropic_number_limits",
        Provider::Anthropic,
        Effect::Refused,
        ANTHROPIC,
        [
            "limits of numbers aren't supported",
            "leave it out, say it in the description, and check it after the answer",
        ],
        |_, sites| {
            with_keyword(
                sites,
                &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
            )
        },
    ),
    rule(
        "anthropic_text_limits",
        Provider::Anthropic,
        Effect::Refused,
        ANTHROPIC,
        [
            "limits of a text's length aren't supported",
            "leave it out, say it in the description, and check it after the answer",
        ],
        |_, sites| with_keyword(sites, &["minLength", "maxLength"]),
    ),
    rule(
        "anthropic_array_limits",
        Provider::Anthropic,
        Effect::Refused,
        ANTHROPIC,
        [
            "an array may only have minItems, of 0 or 1",
            "leave it out, say it in the description, and check it after the answer",
        ],
        |_, sites| array_limits(sites),
    ),
    rule(
        "anthropic_enum_values",
        Provider::Anthropic,
        Effect::Refused,
        ANTHROPIC,
        [
            "an enum may only have texts, numbers, booleans and null",
            "use anyOf with an object for each alternative",
        ],
        |_, sites| complex_enums(sites),
    ),
    rule(
        "gemini_choices",
        Provider::Gemini,
        Effect::Ignored,
        GEMINI,
        ["unions are taken from anyOf alone", "use anyOf, and inline allOf"],
        |_, sites| with_keyword(sites, &["oneOf", "allOf"]),
    ),
    rule(
        "gemini_keywords",
        Provider::Gemini,
        Effect::Ignored,
        GEMINI,
        [
            "the keyword isn't among those that are supported",
            "leave it out, say it in the description, and check it after the answer",
        ],
        |_, sites| {
            with_keyword(
                sites,
                &[
                    "not",
                    "if",
                    "then",
                    "else",
                    "dependentRequired",
                    "dependentSchemas",
                    "dependencies",
                    "patternProperties",
                    "propertyNames",
                    "contains",
                    "uniqueItems",
                    "multipleOf",
                    "unevaluatedProperties",
                    "unevaluatedItems",
                ],
            )
        },
    ),
];

const fn rule(
    id: &'static str,
    provider: Provider,
    effect: Effect,
    source: ProfileSource,
    [message, change]: [&'static str; 2],
    check: fn(&Value, &[Site<'_>]) -> Vec<String>,
) -> ProfileRule {
    ProfileRule { id, provider, effect, message, change, source, check }
}

/// The whole schema, unless something holds.
fn unless(holds: bool) -> Vec<String> {
    if holds { Vec::new() } else { vec![String::new()] }
}

fn is_object(site: &Site<'_>) -> bool {
    let types = site.schema.get("type");
    let named = types.is_some_and(|types| {
        types == "object"
            || types.as_array().is_some_and(|all| all.iter().any(|one| one == "object"))
    });
    named || site.schema.contains_key("properties")
}

fn is_closed(site: &Site<'_>) -> bool {
    site.schema.get("additionalProperties") == Some(&Value::Bool(false))
}

fn requires_all(site: &Site<'_>) -> bool {
    let required = site.schema.get("required").and_then(Value::as_array);
    let listed = site.schema.get("properties").and_then(Value::as_object);
    listed.into_iter().flatten().all(|(name, _)| {
        required.is_some_and(|all| all.iter().any(|one| one.as_str() == Some(name)))
    })
}

/// The objects for which something holds.
fn objects(sites: &[Site<'_>], holds: impl Fn(&Site<'_>) -> bool) -> Vec<String> {
    let found = sites.iter().filter(|site| is_object(site) && holds(site));
    found.map(|site| site.pointer.clone()).collect()
}

fn with_keyword(sites: &[Site<'_>], keywords: &[&str]) -> Vec<String> {
    let found = sites.iter().flat_map(|site| {
        let present = keywords.iter().filter(|keyword| site.schema.contains_key(**keyword));
        present.map(|keyword| format!("{}/{}", site.pointer, escape_pointer(keyword)))
    });
    found.collect()
}

fn properties(sites: &[Site<'_>]) -> usize {
    let counts =
        sites.iter().filter_map(|site| Some(site.schema.get("properties")?.as_object()?.len()));
    counts.sum()
}

fn enum_values(sites: &[Site<'_>]) -> usize {
    let counts = sites.iter().filter_map(|site| Some(site.schema.get("enum")?.as_array()?.len()));
    counts.sum()
}

fn deeper(sites: &[Site<'_>], most: usize) -> Vec<String> {
    let first = sites.iter().find(|site| site.nesting > most);
    first.map(|site| site.pointer.clone()).into_iter().collect()
}

fn array_limits(sites: &[Site<'_>]) -> Vec<String> {
    let mut found = with_keyword(sites, &["maxItems", "uniqueItems", "contains"]);
    let small = [Value::from(0), Value::from(1)];
    let large = sites
        .iter()
        .filter(|site| site.schema.get("minItems").is_some_and(|least| !small.contains(least)));
    found.extend(large.map(|site| format!("{}/minItems", site.pointer)));
    found
}

fn complex_enums(sites: &[Site<'_>]) -> Vec<String> {
    let is_complex = |site: &&Site<'_>| {
        let all = site.schema.get("enum").and_then(Value::as_array);
        all.is_some_and(|all| all.iter().any(|one| one.is_object() || one.is_array()))
    };
    sites.iter().filter(is_complex).map(|site| format!("{}/enum", site.pointer)).collect()
}

fn references<'a>(sites: &'a [Site<'a>]) -> impl Iterator<Item = (&'a Site<'a>, &'a str)> {
    sites.iter().filter_map(|site| Some((site, site.schema.get("$ref")?.as_str()?)))
}

fn external(sites: &[Site<'_>]) -> Vec<String> {
    let found = references(sites).filter(|(_, target)| !target.starts_with('#'));
    found.map(|(site, _)| format!("{}/$ref", site.pointer)).collect()
}

/// The references in the document that lead back to a place around them, directly or not.
fn recursive(schema: &Value, sites: &[Site<'_>]) -> Vec<String> {
    let targets: Vec<(&str, &str)> = references(sites)
        .filter_map(|(site, target)| Some((site.pointer.as_str(), target.strip_prefix('#')?)))
        .filter(|(_, target)| schema.pointer(target).is_some())
        .collect();
    let is_within = |pointer: &str, place: &str| {
        pointer.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let leads_back = |(from, target): &(&str, &str)| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![*target]);
        while let Some(place) = next.pop() {
            if is_within(from, place) {
                return true;
            }
            if seen.len() < PLACES_MAX && seen.insert(place) {
                let below = targets.iter().filter(|(inner, _)| is_within(inner, place));
                next.extend(below.map(|(_, target)| *target));
            }
        }
        false
    };
    let few = targets.iter().take(PLACES_MAX);
    few.filter(|pair| leads_back(pair)).map(|(from, _)| format!("{from}/$ref")).collect()
}

/// The references that are followed to find recursion.
const PLACES_MAX: usize = 200;

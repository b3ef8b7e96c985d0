use std::{cmp::Ordering, collections::BTreeMap};

use muster_words::json::{Value, escape_pointer, to_canonical};

use super::{QualityDimension as Dimension, QualityLimits, QualitySeverity as Severity, Site};
use crate::{compare_numbers, json_schema::is_deciding, nearest};

/// A rule of a schema's quality.
#[derive(Clone, Copy, Debug)]
pub struct QualityRule {
    /// The stable id.
    pub id: &'static str,
    /// The score that it belongs to.
    pub dimension: Dimension,
    /// How serious it is if it isn't met.
    pub severity: Severity,
    /// How much one place counts.
    pub weight: u64,
    /// What to do, in one sentence.
    pub message: &'static str,
    /// Looks at a schema: a result for each place that the rule is about, with the pointer of
    /// those that don't meet it.
    pub(super) check: Check,
}

type Check = fn(&[Site<'_>], &QualityLimits) -> Vec<Result<(), String>>;

/// All rules.
pub const QUALITY_RULES: &[QualityRule] = &[
    rule(
        "root_title",
        Dimension::Completeness,
        Severity::Warning,
        5,
        "give the schema a title",
        |sites, _| root_has(sites, "title"),
    ),
    rule(
        "root_description",
        Dimension::Completeness,
        Severity::Warning,
        5,
        "say in a description what the schema is for",
        |sites, _| root_has(sites, "description"),
    ),
    rule(
        "draft_named",
        Dimension::Completeness,
        Severity::Warning,
        5,
        "name the draft in $schema, so that every reader takes the same",
        |sites, _| root_has(sites, "$schema"),
    ),
    rule(
        "property_described",
        Dimension::Completeness,
        Severity::Info,
        2,
        "say in a description what the property means",
        described,
    ),
    rule(
        "property_typed",
        Dimension::Completeness,
        Severity::Warning,
        3,
        "say which values the property has: a type, an enum, or a reference",
        typed,
    ),
    rule(
        "names_alike",
        Dimension::Consistency,
        Severity::Warning,
        2,
        "write the names of all properties in one style, as most of them here",
        alike,
    ),
    rule(
        "required_listed",
        Dimension::Consistency,
        Severity::Warning,
        3,
        "describe each required property in properties",
        required_listed,
    ),
    rule(
        "known_keyword",
        Dimension::Validity,
        Severity::Warning,
        3,
        "check the spelling: a keyword that isn't known is ignored",
        known_keywords,
    ),
    rule(
        "bounds_ordered",
        Dimension::Validity,
        Severity::Error,
        10,
        "put the lower limit below the upper one: no value is between them",
        ordered,
    ),
    rule(
        "choices_distinct",
        Dimension::Validity,
        Severity::Warning,
        3,
        "list each value of an enum once",
        distinct,
    ),
    rule(
        "default_among_choices",
        Dimension::Validity,
        Severity::Error,
        5,
        "take the default from the values of the enum",
        default_among_choices,
    ),
    rule(
        "few_properties",
        Dimension::Complexity,
        Severity::Warning,
        10,
        "group the properties in objects of their own: there are more than the limit",
        few_properties,
    ),
    rule(
        "shallow",
        Dimension::Complexity,
        Severity::Warning,
        10,
        "nest less deeply: it is deeper than the limit",
        shallow,
    ),
    rule(
        "short_arrays",
        Dimension::Complexity,
        Severity::Warning,
        3,
        "let the array have fewer items: maxItems is above the limit",
        short_arrays,
    ),
    rule(
        "said_once",
        Dimension::Reusability,
        Severity::Warning,
        5,
        "move this object to $defs and refer to it: the same stands at another place",
        said_once,
    ),
    rule(
        "definition_used",
        Dimension::Reusability,
        Severity::Info,
        2,
        "use the definition or remove it: nothing refers to it",
        used,
    ),
];

const fn rule(
    id: &'static str,
    dimension: Dimension,
    severity: Severity,
    weight: u64,
    message: &'static str,
    check: Check,
) -> QualityRule {
    QualityRule { id, dimension, severity, weight, message, check }
}

type Checks = Vec<Result<(), String>>;

fn judge(passes: bool, pointer: impl FnOnce() -> String) -> Result<(), String> {
    if passes { Ok(()) } else { Err(pointer()) }
}

fn root_has(sites: &[Site<'_>], keyword: &str) -> Checks {
    sites
        .first()
        .map(|root| judge(root.schema.contains_key(keyword), String::new))
        .into_iter()
        .collect()
}

/// The properties of all objects, each with its pointer.
fn properties<'a>(sites: &'a [Site<'a>]) -> impl Iterator<Item = (String, &'a str, &'a Value)> {
    sites.iter().flat_map(|site| {
        let all = site.schema.get("properties").and_then(Value::as_object);
        all.into_iter().flatten().map(|(name, schema)| {
            let pointer = format!("{}/properties/{}", site.pointer, escape_pointer(name));
            (pointer, name.as_str(), schema)
        })
    })
}

fn described(sites: &[Site<'_>], _: &QualityLimits) -> Checks {
    let says = |schema: &Value| {
        ["description", "title", "$ref"].iter().any(|keyword| schema.get(keyword).is_some())
    };
    properties(sites).map(|(pointer, _, schema)| judge(says(schema), || pointer)).collect()
}

fn typed(sites: &[Site<'_>], _: &QualityLimits) -> Checks {
    let says = |schema: &Value| match schema {
        Value::Object(members) => members.keys().any(|keyword| is_deciding(keyword)),
        other => other == &Value::Bool(false),
    };
    properties(sites).map(|(pointer, _, schema)| judge(says(schema), || pointer)).collect()
}

/// The style of a name; none if it fits several.
fn style_of(name: &str) -> Option<&'static str> {
    let upper = name.contains(|letter: char| letter.is_ascii_uppercase());
    match (name.contains('_'), name.contains('-'), upper) {
        (true, false, false) => Some("snake_case"),
        (false, true, false) => Some("kebab-case"),
        (false, false, true) if name.starts_with(|one: char| one.is_ascii_uppercase()) => {
            Some("PascalCase")
        }
        (false, false, true) => Some("camelCase"),
        (false, false, false) => None,
        _ => Some("mixed"),
    }
}

fn alike(sites: &[Site<'_>], _: &QualityLimits) -> Checks {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, name, _) in properties(sites) {
        if let Some(style) = style_of(name) {
            *counts.entry(style).or_default() += 1;
        }
    }
    let most = counts.iter().max_by_key(|(_, count)| **count).map(|(style, _)| *style);
    let of_style = properties(sites).filter_map(|(pointer, name, _)| {
        let style = style_of(name)?;
        Some(judge(Some(style) == most, || pointer))
    });
    of_style.collect()
}

fn required_listed(sites: &[Site<'_>], _: &QualityLimits) -> Checks {
    let mut checks = Vec::new();
    for site in sites {
        let Some(listed) = site.schema.get("properties").and_then(Value::as_object) else {
            continue;
        };
        let required = site.schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            checks.push(judge(listed.contains_key(name), || format!("{}/required", site.pointer)));
        }
    }
    checks
}

/// A keyword that isn't known, but is written almost like one that is.
fn known_keywords(sites: &[Site<'_>], _: &QualityLimits) -> Checks {
    let known = crate::json_schema::KEYWORDS;
    let mut checks = Vec::new();
    for site in sites {
        for keyword in site.schema.keys() {
            let is_known = is_deciding(keyword) || known.contains(&keyword.as_str());
            let is_near = || {
                let all = crate::json_schema::deciding_keywords().chain(known.iter().copied());
                nearest(keyword, all).is_some()
            };
            let pointer = || format!("{}/{}", site.pointer, escape_pointer(keyword));
            checks.push(judge(is_known || !is_near(), pointer));
        }
    }
    checks
}

fn ordered(sites: &[Site<'_>], _: &QualityLimits) -> Checks {
    const PAIRS: [(&str, &str); 5] = [
        ("minimum", "maximum"),
        ("minLength", "maxLength"),
        ("minItems", "maxItems"),
        ("minProperties", "maxProperties"),
        ("minContains", "maxContains"),
    ];
    let mut checks = Vec::new();
    for site in sites {
        for (least, most) in PAIRS {
            let number = |keyword: &str| Some(site.schema.get(keyword)?.as_number()?.as_str());
            let (Some(least), Some(most)) = (number(least), number(most)) else { continue };
            let passes = compare_numbers(least, most) != Ordering::Greater;
            checks.push(judge(passes, || site.pointer.clone()));
        }
    }
    checks
}

/// The lists of `enum`.
fn choices<'a>(sites: &'a [Site<'a>]) -> impl Iterator<Item = (&'a Site<'a>, &'a Vec<Value>)> {
    sites.iter().filter_map(|site| Some((site, site.schema.get("enum")?.as_array()?)))
}

fn distinct(sites: &[Site<'_>], _: &QualityLimits) -> Checks {
    let is_distinct = |list: &[Value]| {
        let mut texts: Vec<Vec<u8>> = list.iter().map(to_canonical).collect();
        texts.sort_unstable();
        texts.windows(2).all(|pair| pair[0] != pair[1])
    };
    let checks = choices(sites)
        .map(|(site, list)| judge(is_distinct(list), || format!("{}/enum", site.pointer)));
    checks.collect()
}

fn default_among_choices(sites: &[Site<'_>], _: &QualityLimits) -> Checks {
    let checks = choices(sites).filter_map(|(site, list)| {
        let default = site.schema.get("default")?;
        Some(judge(list.contains(default), || format!("{}/default", site.pointer)))
    });
    checks.collect()
}

fn few_properties(sites: &[Site<'_>], limits: &QualityLimits) -> Checks {
    let checks = sites.iter().filter_map(|site| {
        let all = site.schema.get("properties")?.as_object()?;
        let pointer = || format!("{}/properties", site.pointer);
        Some(judge(all.len() <= limits.properties_max, pointer))
    });
    checks.collect()
}

fn shallow(sites: &[Site<'_>], limits: &QualityLimits) -> Checks {
    // The first place that is too deep stands for all of them.
    let deep = sites.iter().find(|site| site.nesting > limits.nesting_max);
    vec![deep.map_or(Ok(()), |site| Err(site.pointer.clone()))]
}

fn short_arrays(sites: &[Site<'_>], limits: &QualityLimits) -> Checks {
    let limit = limits.array_items_max.to_string();
    let checks = sites.iter().filter_map(|site| {
        let most = site.schema.get("maxItems")?.as_number()?.as_str();
        let passes = compare_numbers(most, &limit) != Ordering::Greater;
        Some(judge(passes, || format!("{}/maxItems", site.pointer)))
    });
    checks.collect()
}

fn said_once(sites: &[Site<'_>], _: &QualityLimits) -> Checks {
    let objects = sites.iter().filter(|site| {
        !site.pointer.is_empty()
            && site
                .schema
                .get("properties")
                .and_then(Value::as_object)
                .is_some_and(|all| all.len() > 1)
    });
    let mut seen: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut checks = Vec::new();
    for site in objects {
        let properties = site.schema.get("properties").map(to_canonical).unwrap_or_default();
        let count = seen.entry(properties).or_default();
        *count += 1;
        checks.push(judge(*count == 1, || site.pointer.clone()));
    }
    checks
}

fn used(sites: &[Site<'_>], _: &QualityLimits) -> Checks {
    let mut targets: Vec<&str> = Vec::new();
    for site in sites {
        for keyword in ["$ref", "$dynamicRef"] {
            targets.extend(site.schema.get(keyword).and_then(Value::as_str));
        }
    }
    let Some(root) = sites.first() else { return Vec::new() };
    let mut checks = Vec::new();
    for keyword in ["$defs", "definitions"] {
        let all = root.schema.get(keyword).and_then(Value::as_object);
        for (name, schema) in all.into_iter().flatten() {
            let pointer = format!("/{keyword}/{}", escape_pointer(name));
            let named = ["$id", "$anchor", "$dynamicAnchor"];
            let is_used = named.iter().any(|keyword| schema.get(keyword).is_some())
                || targets.iter().any(|target| {
                    let place = target.strip_prefix('#').unwrap_or_default();
                    place == pointer || place.starts_with(&format!("{pointer}/"))
                });
            checks.push(judge(is_used, || pointer));
        }
    }
    checks
}

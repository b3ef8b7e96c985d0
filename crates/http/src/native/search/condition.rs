use muster_catalog::{
    Lifecycle,
    index::{DeclaredFields, FieldTest, GROUP, LABEL, STATE, SearchCondition, SearchOrder, TYPE},
};
use muster_schema::nearest;
use muster_wire::{ErrorKind, Problem, search::ProviderQuery};

use super::shown;
use crate::xregistry::DecodedQuery;

/// The operators of the parameter `field`. An operator comes before its own prefixes.
const OPERATORS: [&str; 7] = ["!=", "<=", ">=", "==", "<", ">", "="];

/// The conditions of a query, all of which must hold.
pub(super) fn of_query(
    query: &DecodedQuery,
    declared: &DeclaredFields,
) -> Result<Vec<SearchCondition>, Problem> {
    let mut conditions = of_providers(&provider_query(query)?);
    for name in query.values("type") {
        conditions.push(of_type(name, declared)?);
    }
    conditions.extend(query.values("group").map(|name| of_group(name, declared)));
    conditions.extend(query.values("label").map(|label| match label.split_once('=') {
        Some((key, value)) => is(&format!("{LABEL}{key}"), value),
        None => SearchCondition::field(&format!("{LABEL}{label}"), FieldTest::Present),
    }));
    for state in query.values("state") {
        let parsed: Result<Lifecycle, _> = state.parse();
        parsed.map_err(|error| refused(state, &error.to_string()))?;
        conditions.push(is(STATE, state));
    }
    conditions.extend(query.values("field").map(of_field));
    for text in query.values("where") {
        let condition = SearchCondition::parse(text);
        conditions.push(condition.map_err(|error| refused(text, &error.to_string()))?);
    }
    Ok(conditions)
}

/// The order of a query.
pub(super) fn order(query: &DecodedQuery) -> Result<SearchOrder, Problem> {
    let Some(text) = query.value("sort") else { return Ok(SearchOrder::Name) };
    let (name, descending) = match text.split_once('=') {
        None | Some((_, "asc")) => (text.split('=').next().unwrap_or(text), false),
        Some((name, "desc")) => (name, true),
        Some(_) => return Err(refused(text, "an order is a field, or a field with =asc or =desc")),
    };
    if name == "xid" && !descending {
        return Ok(SearchOrder::Name);
    }
    Ok(SearchOrder::Field { name: name.to_owned(), descending })
}

/// What a query asks of providers.
pub(super) fn provider_query(query: &DecodedQuery) -> Result<ProviderQuery, Problem> {
    let text = |name| query.value(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let max_cost = text("max_cost").map(|text| {
        let number = serde_json::from_str(&text);
        number.map_err(|_| refused(&text, "max_cost must be a number, such as 100"))
    });
    Ok(ProviderQuery {
        provider_type: text("provider_type"),
        feature: text("feature"),
        max_cost: max_cost.transpose()?,
        complexity: text("complexity"),
        ssg_engine: text("ssg_engine"),
    })
}

/// The conditions on providers, all of which must hold.
pub(super) fn of_providers(query: &ProviderQuery) -> Vec<SearchCondition> {
    let field = |name: &str, value: &Option<String>| Some(is(name, value.as_deref()?));
    let max_cost = query.max_cost.as_ref().map(|max| {
        SearchCondition::field("monthly_cost_range", FieldTest::AtMost(max.to_string()))
    });
    let engine = query.ssg_engine.as_deref().map(|engine| {
        SearchCondition::Any(vec![is("ssg_engine_options", engine), is("ssg_engine", engine)])
    });
    let plain = [
        field("provider_type", &query.provider_type),
        field("key_features", &query.feature),
        field("complexity_level", &query.complexity),
    ];
    plain.into_iter().chain([max_cost, engine]).flatten().collect()
}

/// A type: `providers/entries`, or `providers` for all types of its resources.
pub(super) fn of_type(name: &str, declared: &DeclaredFields) -> Result<SearchCondition, Problem> {
    let plain = name.trim_matches('/');
    let is_meant = |kind: &&str| *kind == plain || kind.split('/').next() == Some(plain);
    let kinds: Vec<SearchCondition> =
        declared.types().filter(is_meant).map(|kind| is(TYPE, kind)).collect();
    if !kinds.is_empty() {
        return Ok(SearchCondition::Any(kinds));
    }
    let near = nearest(
        plain,
        declared.types().flat_map(|kind| [kind.split('/').next(), Some(kind)]).flatten(),
    );
    Err(refused(
        name,
        &match near {
            Some(near) => format!("the model has no such type; did you mean {near:?}"),
            None => "the model has no such type".to_owned(),
        },
    ))
}

/// A group: `providers/cms`, or `cms` for the groups of all types with that id.
fn of_group(name: &str, declared: &DeclaredFields) -> SearchCondition {
    let plain = name.trim_matches('/');
    if plain.contains('/') {
        return is(GROUP, plain);
    }
    let mut types: Vec<&str> = declared.types().filter_map(|kind| kind.split('/').next()).collect();
    types.dedup();
    let any = types.into_iter().map(|groups| is(GROUP, &format!("{groups}/{plain}")));
    SearchCondition::Any(any.collect())
}

/// A test of a field: `name=value`, with another operator, or the name alone.
fn of_field(text: &str) -> SearchCondition {
    let operators = OPERATORS.into_iter().filter_map(|sign| Some((text.find(sign)?, sign)));
    let first = operators.min_by_key(|(at, sign)| (*at, std::cmp::Reverse(sign.len())));
    let Some((at, sign)) = first else {
        return SearchCondition::field(text.trim(), FieldTest::Present);
    };
    let (name, value) = (text[..at].trim(), text[at + sign.len()..].trim().to_owned());
    let test = |test: fn(String) -> FieldTest| SearchCondition::field(name, test(value.clone()));
    match sign {
        "<=" => test(FieldTest::AtMost),
        ">=" => test(FieldTest::AtLeast),
        "<" => test(FieldTest::Less),
        ">" => test(FieldTest::More),
        "!=" => SearchCondition::Not(Box::new(test(FieldTest::Is))),
        _ => test(FieldTest::Is),
    }
}

fn is(name: &str, value: &str) -> SearchCondition {
    SearchCondition::field(name, FieldTest::Is(value.to_owned()))
}

pub(super) fn refused(value: &str, error_detail: &str) -> Problem {
    let error_detail = error_detail.to_owned();
    Problem::new(ErrorKind::BadSearch { value: shown(value), error_detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_tests_of_fields() {
        let field = |test| SearchCondition::field("cost", test);
        let text = || "1".to_owned();
        for (given, expect) in [
            ("cost=1", field(FieldTest::Is(text()))),
            ("cost == 1", field(FieldTest::Is(text()))),
            ("cost<1", field(FieldTest::Less(text()))),
            ("cost <= 1", field(FieldTest::AtMost(text()))),
            ("cost>1", field(FieldTest::More(text()))),
            ("cost>=1", field(FieldTest::AtLeast(text()))),
            ("cost!=1", SearchCondition::Not(Box::new(field(FieldTest::Is(text()))))),
            ("cost", field(FieldTest::Present)),
            ("cost=a=b", field(FieldTest::Is("a=b".to_owned()))),
        ] {
            assert_eq!(of_field(given), expect, "{given}");
        }
    }
}

use muster_catalog::{
    Content,
    classes::ClassQuery,
    index::{FieldTest, GROUP, SearchCondition, TYPE},
};
use muster_wire::{ErrorKind, Problem};
use muster_words::json::Value;

use super::SearchRequest;
use crate::xregistry::problem_of_fetch;

/// The type of entities.
const ENTITIES: &str = "entities";

/// The field in which an entity may name its class or its family itself.
const CLASSIFICATION: &str = "classification";

/// The most classes in one search. Each is compared with the names of all groups of entities.
const ASKED_MAX: usize = 4;

/// The most classes whose families are read for one search. Beyond that, families have only the
/// known classes.
const FAMILIES_READ_MAX: usize = 10_000;

/// The most different names of classes in documents that are compared in all spellings. Beyond that,
/// only the given spelling is found.
const NAMED_MAX: usize = 10_000;

/// The conditions of the parameters `classification`, all of which must hold.
///
/// # Errors
/// The ledger can't be read.
pub(super) async fn of_query(request: &SearchRequest<'_>) -> Result<Vec<SearchCondition>, Problem> {
    let asked: Vec<&str> = request.query.values(CLASSIFICATION).collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    if asked.len() > ASKED_MAX {
        let what =
            format!("classification is there {} times, and at most {ASKED_MAX}", asked.len());
        return Err(
            Problem::new(ErrorKind::BadRequest { error_detail: what }).subject(request.path)
        );
    }
    let groups = groups(request).await?;
    Ok(asked.into_iter().map(|name| of_class(request, &groups, name)).collect())
}

/// The groups of entities, each with the family that it names.
async fn groups(request: &SearchRequest<'_>) -> Result<Vec<(String, Option<String>)>, Problem> {
    let all: Vec<(String, Option<Content>)> = request
        .view
        .groups(ENTITIES, None)
        .map(|group| (group.id().to_string(), group.attributes()))
        .collect();
    let read: Vec<Content> =
        all.iter().filter_map(|(_, content)| *content).take(FAMILIES_READ_MAX).collect();
    let maps = request.native.registry.attributes(&read).await;
    let mut maps = maps.map_err(|error| problem_of_fetch(error, request.path))?.into_iter();
    let mut family = |content: Option<Content>| {
        let map = content.and_then(|_| maps.next())?;
        map.get(CLASSIFICATION).and_then(Value::as_str).map(str::to_owned)
    };
    Ok(all.into_iter().map(|(id, content)| (id, family(content))).collect())
}

/// The entities of a class, or of all classes of a family.
fn of_class(
    request: &SearchRequest<'_>,
    groups: &[(String, Option<String>)],
    name: &str,
) -> SearchCondition {
    let query = ClassQuery::new(name);
    let mut any = Vec::new();
    let of_groups: Vec<String> = groups
        .iter()
        .filter(|(id, family)| query.has_group(id, family.as_deref()))
        .map(|(id, _)| format!("{ENTITIES}/{id}"))
        .collect();
    if !of_groups.is_empty() {
        any.push(SearchCondition::field(GROUP, FieldTest::OneOf(of_groups)));
    }
    let named = named(request, &query, name);
    if !named.is_empty() {
        any.push(SearchCondition::field(CLASSIFICATION, FieldTest::OneOf(named)));
    }
    let kind = FieldTest::Is(format!("{ENTITIES}/entries"));
    SearchCondition::All(vec![SearchCondition::field(TYPE, kind), SearchCondition::Any(any)])
}

/// The values of the field that mean the class.
fn named(request: &SearchRequest<'_>, query: &ClassQuery, name: &str) -> Vec<String> {
    // A model may index no such field.
    let Ok(keys) = request.declared.keys(CLASSIFICATION) else { return Vec::new() };
    match request.view.catalog().index.texts(&keys, NAMED_MAX) {
        Some(all) => all.into_iter().filter(|one| query.has_named(one)).map(Into::into).collect(),
        None => vec![name.to_owned()],
    }
}

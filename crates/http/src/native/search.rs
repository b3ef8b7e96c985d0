//! `GET /search` and `GET /search/providers`: finds documents by their fields and their words.

mod classes;
mod condition;
mod cursor;
mod documents;
mod shown;
mod words;

use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use http::{HeaderValue, StatusCode, header};
use muster_catalog::{
    View,
    index::{DeclaredFields, Facet, FieldFault, Search, SearchCondition, SearchOrder, SearchPage},
};
use muster_wire::{
    ErrorKind, Problem, headers,
    search::{FacetCounts, FacetValue, ProviderAnswer, SearchAnswer},
};

use self::{cursor::SearchCursor, documents::FoundDocuments, shown::ShownParts};
use super::{Native, answer};
use crate::{
    Caller, IntoProblem,
    xregistry::{DecodedQuery, requested},
};

/// The default number of documents on a page.
const PAGE_USUAL: usize = 50;

/// The maximum number of documents on a page; they are in the answer as a whole.
const PAGE_MAX: usize = 1_000;

/// The most fields whose values are counted at once; each may have thousands of values.
const FACETS_MAX: usize = 10;

/// The number of documents up to which a search is so short that it needs no turn.
const SHORT_MAX: usize = 1_000;

/// The bytes of documents up to which reading them needs no turn.
const SHORT_BYTES_MAX: u64 = 256 * 1024;

/// `GET /search`.
pub(super) async fn search(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    RawQuery(raw): RawQuery,
) -> Result<Response, IntoProblem> {
    let request = SearchRequest::new("/search", &native, &caller, raw).await?;
    let (query, declared) = (&request.query, &request.declared);
    let refused = |problem: Problem| problem.subject(request.path);
    let facets = match query.value("facets") {
        None => "type,group,state".to_owned(),
        Some(text) => text.to_owned(),
    };
    let facets: Vec<String> =
        facets.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Into::into).collect();
    if facets.len() > FACETS_MAX {
        let error_detail = format!("there are more than {FACETS_MAX} facets");
        let value = query.value("facets").unwrap_or_default().to_owned();
        return Err(request.refused(ErrorKind::BadSearch { value, error_detail }).into());
    }
    let Some(parts) = ShownParts::parse(query.value("show")) else {
        let error_detail = "it names too many fields".to_owned();
        let value = query.value("show").map(shown).unwrap_or_default();
        return Err(request.refused(ErrorKind::BadSearch { value, error_detail }).into());
    };
    let conditions = condition::of_query(query, declared).map_err(refused)?;
    let order = condition::order(query).map_err(refused)?;
    let answering = async {
        let mut conditions = conditions;
        conditions.extend(classes::of_query(&request).await?);
        let condition = SearchCondition::All(conditions);
        let words = words::find(&request, &condition).await?;
        let search = Search {
            condition,
            order: match (&words, query.has("sort")) {
                (Some(_), false) => SearchOrder::Given,
                _ => order,
            },
            limit: request.limit(PAGE_USUAL)?,
            facets,
            among: words.as_ref().map(|words| words.xids.clone()),
            after: None,
        };
        let build = |page: SearchPage, found: FoundDocuments| {
            let answer = SearchAnswer {
                documents: found.documents,
                count: page.count,
                facets: page.facets.into_iter().map(counts).collect(),
                next: found.next.map(|cursor| request.url_of(&cursor)),
                count_is_least: words.as_ref().is_some_and(|words| words.is_cut),
                text_behind: words.as_ref().map(|words| words.behind),
            };
            answer::json(StatusCode::OK, &answer)
        };
        request.run(search, &parts, build).await
    };
    request.answered(answering).await
}

/// `GET /search/providers`.
pub(super) async fn providers(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    RawQuery(raw): RawQuery,
) -> Result<Response, IntoProblem> {
    let request = SearchRequest::new("/search/providers", &native, &caller, raw).await?;
    let refused = |problem: Problem| problem.subject(request.path);
    let query = condition::provider_query(&request.query).map_err(refused)?;
    let mut conditions = condition::of_providers(&query);
    conditions.push(condition::of_type("providers/entries", &request.declared).map_err(refused)?);
    let answering = async {
        let search = Search {
            condition: SearchCondition::All(conditions),
            among: None,
            order: SearchOrder::Name,
            limit: request.limit(PAGE_MAX)?,
            after: None,
            facets: Vec::new(),
        };
        let build = |page: SearchPage, found: FoundDocuments| {
            let providers = found.documents.into_iter().map(|found| found.document);
            let providers = providers.filter(|document| !document.is_null()).collect();
            let answer = ProviderAnswer { providers, count: page.count, query };
            let mut response = answer::json(StatusCode::OK, &answer);
            let next = found.next.map(|cursor| request.url_of(&cursor));
            let link = next.map(|next| headers::next_page(&next, Some(page.count)));
            if let Some(Ok(link)) = link.map(HeaderValue::try_from) {
                response.headers_mut().insert(header::LINK, link);
            }
            response
        };
        request.run(search, &ShownParts::Document, build).await
    };
    request.answered(answering).await
}

/// A search with what it needs.
struct SearchRequest<'a> {
    path: &'static str,
    native: &'a Native,
    caller: &'a Caller,
    raw: String,
    query: DecodedQuery,
    view: View,
    declared: DeclaredFields,
}

impl<'a> SearchRequest<'a> {
    async fn new(
        path: &'static str,
        native: &'a Native,
        caller: &'a Caller,
        raw: Option<String>,
    ) -> Result<Self, Problem> {
        let raw = raw.unwrap_or_default();
        let query = DecodedQuery::parse(Some(&raw));
        let view = requested(&native.registry, &raw, path).await?;
        let view = view.seen_within(caller.principal.scope.clone());
        let declared = DeclaredFields::of(view.model());
        Ok(Self { path, native, caller, raw, query, view, declared })
    }

    fn refused(&self, kind: ErrorKind) -> Problem {
        Problem::new(kind).subject(self.path)
    }

    /// Runs a short search at once, and a long one when it gets a turn.
    async fn answered(
        &self,
        answering: impl Future<Output = Result<Response, Problem>>,
    ) -> Result<Response, IntoProblem> {
        let is_short = self.view.is_newest() && self.view.catalog().index.size() <= SHORT_MAX;
        let answered =
            if is_short { answering.await } else { self.native.searches.run(answering).await };
        let mut response = answered?;
        let position = self.view.position().0;
        response.headers_mut().insert(headers::MUSTER_POSITION, position.into());
        Ok(response)
    }

    fn limit(&self, usual: usize) -> Result<usize, Problem> {
        let Some(text) = self.query.value("limit") else { return Ok(usual) };
        match text.parse::<usize>() {
            Ok(limit) if limit > 0 => Ok(limit.min(PAGE_MAX)),
            _ => Err(self.refused(ErrorKind::BadRequest {
                error_detail: "limit must be a number above 0".to_owned(),
            })),
        }
    }

    /// Finds a page of documents and makes the answer of it. Where many bytes are read for it, that
    /// waits for a turn.
    async fn run(
        &self,
        mut search: Search,
        parts: &ShownParts,
        build: impl FnOnce(SearchPage, FoundDocuments) -> Response,
    ) -> Result<Response, Problem> {
        let cursor = SearchCursor::new(&self.query, self.path);
        let after = self
            .query
            .value("cursor")
            .map(|text| cursor.parse(text).ok_or_else(|| self.refused(ErrorKind::BadCursor)));
        search.after = after.transpose()?;
        let page = self.view.search(&search, &self.declared);
        let page = page.map_err(|fault| self.refused(problem_of(fault, &self.declared)))?;
        let is_light = documents::weight(&self.view, &page, parts) <= SHORT_BYTES_MAX;
        let words = shown::words(self.query.value("q").unwrap_or_default());
        let building = async {
            let (registry, view) = (&self.native.registry, &self.view);
            let shown = (parts, words.as_slice());
            let found = documents::load(registry, view, &page, &cursor, shown, self.path).await?;
            Ok(build(page, found))
        };
        if is_light { building.await } else { self.native.searches.run(building).await }
    }

    /// The URL of the next page.
    fn url_of(&self, cursor: &str) -> String {
        let parts = self.raw.split('&').filter(|part| !part.is_empty());
        let kept = parts.filter(|part| part.split('=').next() != Some("cursor"));
        let kept: String = kept.map(|part| format!("{part}&")).collect();
        format!("{}{}?{kept}cursor={cursor}", self.caller.base, self.path)
    }
}

fn counts(facet: Facet) -> (String, FacetCounts) {
    let values = facet.values.into_iter();
    let values = values.map(|one| FacetValue { value: one.value.to_json(), count: one.count });
    let counts =
        FacetCounts { values: values.collect(), others: facet.others, left_out: facet.is_left_out };
    (facet.name, counts)
}

/// The error for what can't be searched.
pub(super) fn problem_of(fault: FieldFault, declared: &DeclaredFields) -> ErrorKind {
    let said = fault.to_string();
    match fault {
        FieldFault::NotIndexed { name, near } => {
            let all: Vec<&str> = declared.fields().map(|(name, _)| name).take(20).collect();
            let error_detail = match near {
                Some(near) => format!("did you mean {near:?}"),
                None if all.is_empty() => "the model indexes no field".to_owned(),
                None => format!("the indexed fields are {}", all.join(", ")),
            };
            ErrorKind::NotIndexed { field: shown(&name), error_detail }
        }
        FieldFault::Value { value, .. } => {
            ErrorKind::BadSearch { value: shown(&value), error_detail: said }
        }
        FieldFault::TooMany { .. } | FieldFault::TooDeep { .. } => {
            ErrorKind::BadSearch { value: "…".to_owned(), error_detail: said }
        }
    }
}

/// As much of a text as people need to find it.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

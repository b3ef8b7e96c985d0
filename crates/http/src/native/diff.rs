//! `GET /diff[/<xid>]`: what differs between two states of a document, of a group, of a collection
//! or of everything.

mod entity;

use axum::{
    Extension,
    extract::{Path, RawQuery, State},
    response::Response,
};
use http::StatusCode;
use muster_catalog::{View, command::RegistryPart, state::Stamp};
use muster_history::{ChangedEntity, ResourceState, changed_entity, entity_order};
use muster_registry::attended_read;
use muster_wire::{
    ErrorKind, Problem,
    diff::{DiffPage, DiffSide},
    headers,
};
use muster_words::{Id, Moment, Position, Xid};

use self::entity::{ComparedEntity, Page};
use super::{Native, answer, place, query::Parameters};
use crate::{
    Caller, IntoProblem,
    xregistry::{percent_decoded, problem_of_fetch, view_named},
};

/// The maximum number of differing entities on a page: a few seconds of reading at most.
const PAGE_MAX: usize = 1_000;

/// How many states of a document are looked at to find the last one that said something else.
const STEPS_MAX: usize = 100;

/// `GET /diff`: of everything.
pub(super) async fn diff_of_all(
    native: State<Native>,
    caller: Extension<Caller>,
    query: RawQuery,
) -> Result<Response, IntoProblem> {
    diff(native, caller, Path(String::new()), query).await
}

/// `GET /diff/<xid>`: of a document, a group or a collection.
pub(super) async fn diff(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let place = place::parse(&format!("/{path}"), "/diff")?;
    let subject = format!(
        "/diff{}",
        if place == RegistryPart::All { String::new() } else { place.to_string() }
    );
    let asked = Asked::parse(query.as_deref(), &place, &subject)?;
    let head = native.registry.view().position();
    let base = caller.base.to_string();
    let found = attended_read(async move {
        let finding = find(&native, &caller, (&place, &subject), &asked, &base);
        native.logs.run(finding).await
    });
    let page = found.await.unwrap_or(Err(ErrorKind::ServerError.into()))?;
    let mut response = answer::json(StatusCode::OK, &page);
    response.headers_mut().insert(headers::MUSTER_POSITION, head.0.into());
    Ok(response)
}

/// What a request asks for.
struct Asked {
    from: Option<String>,
    to: Option<String>,
    /// Two versions of one document.
    from_version: Option<Id>,
    to_version: Option<Id>,
    behind: Option<Xid>,
    limit: usize,
}

impl Asked {
    fn parse(query: Option<&str>, place: &RegistryPart, subject: &str) -> Result<Self, Problem> {
        let known = &["from", "to", "from_version", "to_version", "after", "limit"];
        let parameters = Parameters::parse(query, known, subject)?;
        let text = |name: &str| parameters.value(name).map(decoded);
        let version = |name: &str| {
            let Some(text) = text(name) else { return Ok(None) };
            let is_document = matches!(place, RegistryPart::Entity(Xid::Resource { .. }));
            let id = text.parse().ok().filter(|_| is_document);
            id.map(Some).ok_or_else(|| {
                bad(format!("{name} needs a document, and the id of a version of it"), subject)
            })
        };
        let behind = text("after").map(|text| {
            text.parse().map_err(|_| bad(format!("after={text} isn't an xid"), subject))
        });
        Ok(Self {
            from: text("from"),
            to: text("to"),
            from_version: version("from_version")?,
            to_version: version("to_version")?,
            behind: behind.transpose()?,
            limit: parameters.limit(PAGE_MAX, PAGE_MAX)?,
        })
    }

    /// The same parameters, without those of paging.
    fn sides(&self) -> String {
        let versions = [("from_version", &self.from_version), ("to_version", &self.to_version)];
        let versions =
            versions.into_iter().filter_map(|(name, id)| Some((name, id.as_ref()?.to_string())));
        versions.map(|(name, value)| format!("&{name}={value}")).collect()
    }
}

fn bad(error_detail: String, subject: &str) -> Problem {
    Problem::new(ErrorKind::BadRequest { error_detail }).subject(subject)
}

fn decoded(text: &str) -> String {
    percent_decoded(text).unwrap_or_else(|| text.to_owned())
}

async fn find(
    native: &Native,
    caller: &Caller,
    (place, subject): (&RegistryPart, &str),
    asked: &Asked,
    base: &str,
) -> Result<DiffPage, Problem> {
    let registry = &native.registry;
    let after = match &asked.to {
        Some(text) => view_named(registry, text, subject).await?,
        None => registry.view(),
    };
    let before = match (&asked.from, &asked.from_version) {
        (Some(text), _) => view_named(registry, text, subject).await?,
        (None, Some(_)) => after.clone(),
        (None, None) => view_before(native, &after, place, subject).await?,
    };
    if before.position() > after.position() {
        return Err(bad("from is later than to; exchange them".to_owned(), subject));
    }
    check_place(&before, &after, place, subject)?;
    let mut page = DiffPage {
        from: side(&before, asked.from_version.as_ref()),
        to: side(&after, asked.to_version.as_ref()),
        ..DiffPage::default()
    };
    let views = (&before, &after);
    if asked.from_version.is_some() || asked.to_version.is_some() {
        let compared = of_versions(views, place, asked, subject)?;
        page.changes =
            Page::of(views, compared.into_iter().collect()).read(registry, subject).await?.0;
        return Ok(page);
    }
    let scope = caller.principal.scope.clone();
    let is_wanted = |xid: &Xid| {
        asked.behind.as_ref().is_none_or(|behind| entity_order(xid, behind).is_gt())
            && scope.as_ref().is_none_or(|scope| scope.holds(xid))
    };
    // One more than the page shows whether there is a next one.
    let found = registry.changed_between(views, place, &is_wanted, asked.limit + 1).await;
    let mut found = found.map_err(|error| problem_of_fetch(error, subject))?;
    let has_more = found.len() > asked.limit;
    found.truncate(asked.limit);
    let count = found.len();
    let compared = found.into_iter().map(|one| ComparedEntity::of(views, one)).collect();
    let (changes, read) = Page::of(views, compared).read(registry, subject).await?;
    page.changes = changes;
    if has_more || read < count {
        let last = page.changes.last().map(|one| one.xid.as_str()).unwrap_or_default();
        let (from, to) = (page.from.position, page.to.position);
        let (limit, sides) = (asked.limit, asked.sides());
        page.next =
            Some(format!("{base}{subject}?from={from}&to={to}{sides}&after={last}&limit={limit}"));
    }
    Ok(page)
}

/// The last state that said something else about a document; else the one before the last command.
async fn view_before(
    native: &Native,
    after: &View,
    place: &RegistryPart,
    subject: &str,
) -> Result<View, Problem> {
    // Before the first command there was nothing either.
    if after.position() == Position::ZERO {
        return Ok(after.clone());
    }
    let before = async |position: Position| {
        let bounds = native.registry.bounds_at(position).await;
        let before = bounds.map_err(|error| problem_of_fetch(error, subject))?.before;
        view_named(&native.registry, &before.to_string(), subject).await
    };
    let RegistryPart::Entity(xid) = place else { return before(after.position()).await };
    let mut at = after.clone();
    for _ in 0..STEPS_MAX {
        let Some(change) = at.last_change(xid).filter(|change| change.position > Position::ZERO)
        else {
            break;
        };
        at = before(change.position).await?;
        if changed_entity(&at, after, xid).is_some() {
            return Ok(at);
        }
    }
    Ok(after.back_to(Stamp::default(), Moment::EPOCH))
}

/// A name that exists in neither state is a mistake.
fn check_place(
    before: &View,
    after: &View,
    place: &RegistryPart,
    subject: &str,
) -> Result<(), Problem> {
    let is_there = |view: &&View| match place {
        RegistryPart::All => true,
        RegistryPart::Groups(groups) => view.model().group_type(groups.as_str()).is_some(),
        RegistryPart::Entity(xid) | RegistryPart::Resources { group: xid, .. } => view.has(xid),
    };
    match [before, after].iter().any(is_there) {
        true => Ok(()),
        false => {
            Err(Problem::new(ErrorKind::NotFound).subject(subject.trim_start_matches("/diff")))
        }
    }
}

/// Two versions of a document, each as its view shows it.
fn of_versions(
    (before, after): (&View, &View),
    place: &RegistryPart,
    asked: &Asked,
    subject: &str,
) -> Result<Option<ComparedEntity>, Problem> {
    let RegistryPart::Entity(xid) = place else { return Ok(None) };
    let state = |view: &View, version: &Option<Id>| {
        let resource = view.resource_at(xid);
        let found = resource.and_then(|resource| match version {
            Some(id) => Some(ResourceState::of_version(resource.version(id)?, resource.meta())),
            None => ResourceState::of(&resource),
        });
        let name = version.clone().and_then(|id| xid.version(id));
        let name = name.map_or_else(|| subject.to_owned(), |name| name.to_string());
        found.ok_or_else(|| Problem::new(ErrorKind::NotFound).subject(name))
    };
    let (old, new) = (state(before, &asked.from_version)?, state(after, &asked.to_version)?);
    Ok((!old.is_like(&new)).then(|| ComparedEntity::of_states(xid.clone(), old, new)))
}

fn side(view: &View, version: Option<&Id>) -> DiffSide {
    let position = view.position();
    let time = (position > Position::ZERO).then(|| view.moment().to_string());
    DiffSide { position: position.0, time, version: version.map(ToString::to_string) }
}

impl ComparedEntity {
    fn of((before, after): (&View, &View), changed: ChangedEntity) -> Self {
        let ChangedEntity { xid, difference } = changed;
        let of = |view: &View| view.resource_at(&xid).and_then(|one| ResourceState::of(&one));
        let group = |view: &View| view.group_at(&xid).and_then(|group| group.attributes());
        let is_group = matches!(xid, Xid::Group { .. });
        let groups = is_group.then(|| (group(before), group(after)));
        let states = if is_group { (None, None) } else { (of(before), of(after)) };
        Self { difference, states, groups, xid }
    }
}

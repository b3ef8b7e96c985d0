//! A route, read from its document.

use std::{collections::BTreeMap, sync::Arc};

use muster_catalog::{
    alias::{ALIASES, UNSENT_TYPES, is_alias},
    sync::ConflictPolicy,
};
use muster_rules::Mapping;
use muster_words::{Coverage, Moment, Xid, XidPattern, XidPatterns};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::{
    changes::{DocumentChange, DocumentChangeKind, ReferringDocuments},
    live::LiveSelector,
};

/// What is sent where.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// How it spreads.
    pub mode: RouteMode,
    /// Which changes of documents it sends.
    pub selector: Selector,
    /// Which live events it sends, instead of documents.
    pub live: Option<LiveSelector>,
    /// Its targets; those of a broadcast are all that aren't excluded.
    pub targets: Vec<Xid>,
    /// The targets that a broadcast leaves out.
    pub exclude: Vec<Xid>,
    /// Where it begins.
    pub from: Beginning,
    /// Whether it sends the documents that there are now, once, instead of every change.
    pub once: bool,
    /// Whether it also sends a document anew when one changes to which it refers.
    pub dependents: bool,
    /// What its events have in them.
    pub form: EventForm,
    /// Whether documents are encrypted in its events.
    pub encrypt: bool,
    /// Whether it is on.
    pub enabled: bool,
    /// How its deliveries are tried again; none: as the target says.
    pub retry: Option<crate::retry::RetryPolicy>,
    /// What documents look like on the other side, if not as they do here.
    pub mapping: Option<Arc<Mapping>>,
    /// What decides between changes of two registries. What only sends wins, unless it says
    /// otherwise; in both directions somebody decides.
    pub conflict: ConflictPolicy,
}

/// What the events of a route have in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventForm {
    /// The document after the change.
    #[default]
    Documents,
    /// How the document changed.
    Differences,
}

/// How a route spreads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteMode {
    /// To one target.
    Unidirectional,
    /// To one other registry, and from it.
    Bidirectional,
    /// To the listed targets.
    Multicast,
    /// To all targets but the excluded ones.
    Broadcast,
}

impl RouteMode {
    /// Whether documents come back as well.
    const fn is_both_ways(self) -> bool {
        matches!(self, Self::Bidirectional)
    }

    /// Its name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unidirectional => "unidirectional",
            Self::Bidirectional => "bidirectional",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
        }
    }
}

/// Where a route begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// With the first change after it was put.
    Now,
    /// With the first change of the ledger.
    First,
    /// After a position.
    Position(u64),
    /// With the first change at or after a moment.
    Time(Moment),
}

/// Which changes a route sends. Every condition that is there must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// Places; none means everything but routes and targets.
    collections: Option<XidPatterns>,
    groups: Vec<String>,
    names: Vec<String>,
    /// Labels with their values.
    pub labels: BTreeMap<String, String>,
    /// Classes: the id of the group, or its attribute `classification`.
    pub classes: Vec<String>,
    /// States of the default version.
    pub states: Vec<String>,
    events: Vec<DocumentChangeKind>,
    /// Whether only schemas are selected: the category `schemaLifecycle`.
    only_schemas: bool,
}

/// Why a document can't be read as what it should be.
#[derive(Debug, Error)]
pub enum UnusableDocument {
    /// It isn't JSON or YAML.
    #[error("it isn't data")]
    NoData,
    /// It has other members than it should.
    #[error("{0}")]
    Shape(#[from] serde_json::Error),
    /// A value isn't what it should be.
    #[error("{0} can't be used")]
    Value(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentRoute {
    mode: RouteMode,
    #[serde(default)]
    select: SentSelector,
    #[serde(default)]
    targets: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    from: Option<Value>,
    #[serde(default)]
    once: bool,
    #[serde(default)]
    dependents: bool,
    #[serde(default)]
    send: EventForm,
    #[serde(default)]
    encrypt: bool,
    #[serde(default)]
    retry: Option<crate::retry::RetrySetting>,
    conflict: Option<String>,
    mapping: Option<Value>,
    #[serde(default = "on")]
    enabled: bool,
    #[serde(default, rename = "description")]
    _description: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SentSelector {
    collections: Option<Vec<String>>,
    groups: Vec<String>,
    names: Vec<String>,
    labels: BTreeMap<String, String>,
    classes: Vec<String>,
    states: Vec<String>,
    events: Vec<DocumentChangeKind>,
    live: Option<Vec<String>>,
    categories: Vec<EventCategory>,
}

/// What is selected by what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum EventCategory {
    /// Changes of schemas.
    SchemaLifecycle,
    /// Live events that say that something needs somebody.
    ErrorEvents,
}

const fn on() -> bool {
    true
}

impl Route {
    /// Reads a route's document.
    ///
    /// # Errors
    /// See [`UnusableDocument`].
    pub fn read(value: Value) -> Result<Self, UnusableDocument> {
        let sent: SentRoute = serde_json::from_value(value)?;
        let xids = |texts: Vec<String>, what| {
            let xids = texts.iter().map(|text| text.parse::<Xid>());
            xids.collect::<Result<Vec<_>, _>>().map_err(|_| UnusableDocument::Value(what))
        };
        let retry = sent.retry.as_ref().map(|setting| {
            crate::retry::RetryPolicy::of(setting).ok_or(UnusableDocument::Value("retry"))
        });
        let conflict = match sent.conflict.as_deref() {
            Some(name) => name.parse().map_err(|_| UnusableDocument::Value("conflict"))?,
            None if sent.mode == RouteMode::Bidirectional => ConflictPolicy::Manual,
            None => ConflictPolicy::SourceWins,
        };
        let mapping = sent.mapping.as_ref().map(Mapping::read).transpose();
        let mapping = mapping.map_err(|_| UnusableDocument::Value("mapping"))?;
        let live = live(&sent)?;
        Ok(Self {
            mode: sent.mode,
            mapping: mapping.map(Arc::new),
            selector: Selector::read(sent.select)?,
            live,
            targets: xids(sent.targets, "targets")?,
            exclude: xids(sent.exclude, "exclude")?,
            from: beginning(sent.from.as_ref())?,
            once: sent.once,
            dependents: sent.dependents,
            form: sent.send,
            encrypt: sent.encrypt,
            enabled: sent.enabled,
            retry: retry.transpose()?,
            conflict,
        })
    }

    /// Whether it sends a change, as far as can be said without reading the document.
    #[must_use]
    pub fn takes(&self, change: &DocumentChange) -> bool {
        let is_wanted = match &change.cause {
            None => true,
            // What an alias says is what its target says.
            Some(_) => self.dependents || is_alias(&change.resource),
        };
        is_wanted && self.selector.takes(&change.resource, change.kind)
    }

    /// The documents that it may send because of others that they refer to.
    #[must_use]
    pub fn referring(&self) -> ReferringDocuments {
        match (self.dependents, self.selector.may_hold(ALIASES)) {
            (true, _) => ReferringDocuments::All,
            (false, true) => ReferringDocuments::Aliases,
            (false, false) => ReferringDocuments::None,
        }
    }

    /// The mapping, if documents look different on the other side.
    #[must_use]
    pub fn transforms(&self) -> Option<&Mapping> {
        self.mapping.as_deref().filter(|mapping| !mapping.changes_nothing())
    }

    /// Whether a document that another registry or the mapping refuses waits, so that nothing is left
    /// out; else that is only told.
    #[must_use]
    pub fn blocks_on_failure(&self) -> bool {
        self.mapping.as_ref().is_none_or(|mapping| mapping.blocks_on_failure)
    }

    /// Whether warnings about documents are told.
    #[must_use]
    pub fn notifies_on_warning(&self) -> bool {
        self.mapping.as_ref().is_some_and(|mapping| mapping.notifies_on_warning)
    }
}

/// The live events that a route sends, if it sends some. It sends nothing else then, because they
/// have numbers of their own.
fn live(sent: &SentRoute) -> Result<Option<LiveSelector>, UnusableDocument> {
    let select = &sent.select;
    let errors = select.categories.contains(&EventCategory::ErrorEvents);
    let selectors = select.live.clone().map(LiveSelector::new).into_iter();
    let found = selectors.chain(errors.then(LiveSelector::errors)).reduce(LiveSelector::with);
    let selects_documents = select.collections.is_some()
        || !select.labels.is_empty()
        || ![&select.groups, &select.names, &select.classes, &select.states]
            .into_iter()
            .all(Vec::is_empty)
        || !select.events.is_empty()
        || select.categories.contains(&EventCategory::SchemaLifecycle);
    let is_for_documents =
        selects_documents || sent.once || sent.mapping.is_some() || sent.mode.is_both_ways();
    match found {
        Some(_) if is_for_documents => Err(UnusableDocument::Value("select.live")),
        found => Ok(found),
    }
}

fn beginning(value: Option<&Value>) -> Result<Beginning, UnusableDocument> {
    let refused = || UnusableDocument::Value("from");
    match value {
        None => Ok(Beginning::Now),
        Some(Value::String(text)) if text == "now" => Ok(Beginning::Now),
        Some(Value::String(text)) if text == "beginning" => Ok(Beginning::First),
        Some(Value::String(text)) => {
            Moment::parse(text).map(Beginning::Time).map_err(|_| refused())
        }
        Some(Value::Number(number)) => number.as_u64().map(Beginning::Position).ok_or_else(refused),
        Some(_) => Err(refused()),
    }
}

/// The type of the groups of schemas.
const SCHEMAS: &str = "schemagroups";

impl Selector {
    fn read(sent: SentSelector) -> Result<Self, UnusableDocument> {
        let patterns = |texts: Vec<String>| {
            let patterns = texts.iter().map(|text| text.parse::<XidPattern>());
            patterns.collect::<Result<Vec<_>, _>>().map(XidPatterns::new)
        };
        let collections = sent.collections.map(patterns).transpose();
        Ok(Self {
            collections: collections.map_err(|_| UnusableDocument::Value("select.collections"))?,
            groups: sent.groups,
            names: sent.names,
            labels: sent.labels,
            classes: sent.classes,
            states: sent.states,
            events: sent.events,
            only_schemas: sent.categories.contains(&EventCategory::SchemaLifecycle),
        })
    }

    /// Whether a change of this kind at this place can be selected. Labels, classes and states are
    /// compared afterwards, because they must be read.
    #[must_use]
    pub fn takes(&self, resource: &Xid, kind: DocumentChangeKind) -> bool {
        self.has_place(resource) && (self.events.is_empty() || self.events.contains(&kind))
    }

    /// Whether documents in groups of this type can be selected.
    fn may_hold(&self, groups: &str) -> bool {
        let place = format!("/{groups}");
        let may_hold = |all: &XidPatterns| all.coverage(&place) != Coverage::Outside;
        self.collections.as_ref().is_none_or(may_hold) && !self.only_schemas
    }

    /// Whether changes at this place can be selected at all.
    #[must_use]
    pub fn has_place(&self, resource: &Xid) -> bool {
        let Some((groups, group)) = resource.group_ids() else { return false };
        let Some((_, name)) = resource.resource_ids() else { return false };
        let is_place = match &self.collections {
            Some(patterns) => patterns.holds(resource),
            None => !UNSENT_TYPES.contains(&groups.as_str()),
        };
        let matches = |patterns: &[String], text: &str| {
            patterns.is_empty()
                || patterns.iter().any(|pattern| XidPattern::step_matches(pattern, text))
        };
        let is_place = is_place && (!self.only_schemas || groups.as_str() == SCHEMAS);
        is_place && matches(&self.groups, group.as_str()) && matches(&self.names, name.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use serde_json::json;

    use super::*;

    #[test]
    fn selects_by_place_group_name_and_event() {
        let (created, deleted) = (DocumentChangeKind::Created, DocumentChangeKind::Deleted);
        for (select, resource, kind, expect) in [
            (json!({}), "/configs/a/entries/b", created, true),
            (json!({}), "/routes/a/entries/b", created, false),
            (json!({}), "/targets/a/entries/b", created, false),
            (json!({"collections": ["/targets"]}), "/targets/a/entries/b", created, true),
            (json!({"collections": ["/configs"]}), "/configs/a/entries/b", created, true),
            (json!({"collections": ["/configs/a/entries"]}), "/configs/a/entries/b", created, true),
            (json!({"collections": ["/configs/a"]}), "/configs/b/entries/b", created, false),
            (json!({"collections": ["/*/a"]}), "/stacks/a/entries/b", deleted, true),
            (json!({"groups": ["a*"]}), "/configs/ab/entries/b", created, true),
            (json!({"groups": ["a*"]}), "/configs/b/entries/b", created, false),
            (json!({"names": ["x", "b"]}), "/configs/a/entries/b", created, true),
            (json!({"names": ["x"]}), "/configs/a/entries/b", created, false),
            (json!({"categories": ["schemaLifecycle"]}), "/configs/a/entries/b", created, false),
            (
                json!({"categories": ["schemaLifecycle"]}),
                "/schemagroups/a/schemas/b",
                created,
                true,
            ),
            (json!({"events": ["deleted"]}), "/configs/a/entries/b", created, false),
            (json!({"events": ["deleted"]}), "/configs/a/entries/b", deleted, true),
        ] {
            let selector = Selector::read(serde_json::from_value(select.clone()).unwrap()).unwrap();
            let taken = selector.takes(&resource.parse().unwrap(), kind);
            assert_eq!(taken, expect, "{select} {resource}");
        }
    }

    #[test]
    fn sends_documents_or_live_events() {
        for (select, expect) in [
            (json!({}), Some(false)),
            (json!({"live": ["propagation.*"]}), Some(true)),
            (json!({"categories": ["errorEvents"]}), Some(true)),
            (json!({"categories": ["errorEvents"], "live": ["*"]}), Some(true)),
            (json!({"categories": ["schemaLifecycle"]}), Some(false)),
            (json!({"categories": ["schemaLifecycle", "errorEvents"]}), None),
            (json!({"live": ["*"], "names": ["a"]}), None),
            (json!({"categories": ["usageAnalytics"]}), None),
        ] {
            let route = Route::read(json!({"mode": "broadcast", "select": select}));
            assert_eq!(route.ok().map(|route| route.live.is_some()), expect, "{select}");
        }
        for other in [json!({"once": true}), json!({"mode": "bidirectional"})] {
            let mut route = json!({"mode": "broadcast", "select": {"live": ["*"]}});
            route.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
            assert!(Route::read(route).is_err(), "{other}");
        }
    }

    #[test]
    fn begins_where_it_says() {
        for (from, expect) in [
            (json!("now"), Some(Beginning::Now)),
            (json!("beginning"), Some(Beginning::First)),
            (json!(7), Some(Beginning::Position(7))),
            (
                json!("2026-11-30T10:00:00Z"),
                Some(Beginning::Time(Moment::parse("2026-11-30T10:00:00Z").unwrap())),
            ),
            (json!("soon"), None),
            (json!(-1), None),
            (json!(1.5), None),
            (json!(true), None),
        ] {
            let document = json!({"mode": "broadcast", "from": from});
            assert_eq!(Route::read(document).ok().map(|route| route.from), expect, "{from}");
        }
        let route = Route::read(json!({"mode": "broadcast"})).unwrap();
        assert_eq!((route.from, route.once, route.enabled), (Beginning::Now, false, true));
    }
}

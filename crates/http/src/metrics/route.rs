use std::sync::LazyLock;

use muster_wire::operations::{Endpoint, OPERATIONS, Operation};

use crate::{CONSOLE, xregistry::PREFIX};

/// The metrics label of a request: its path without names, so that there are few labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route(u8);

/// The labels of all routes, from the table of operations, and the mapping from paths to labels.
struct Labels {
    all: Vec<&'static str>,
    /// The first segments of paths outside `/api`.
    doors: Vec<(&'static str, Route)>,
    /// Fixed segments below `/api`, such as `model`.
    own: Vec<(&'static str, Route)>,
    /// Entities and collections below `/api`.
    shapes: [Route; SHAPES],
}

/// The label of paths that don't exist.
const OTHER: Route = Route(0);
const API_OTHER: Route = Route(1);
const ROOT: Route = Route(2);

/// The first segments of what isn't in the table of operations: rooms that stand beside the API.
const BESIDE: [&str; 2] = [CONSOLE, "/mcp"];

/// The number of shapes of paths below `/api`: the registry, groups of a type, a group, resources
/// of a type, a resource, its Meta, its versions and a version.
const SHAPES: usize = 8;

static LABELS: LazyLock<Labels> = LazyLock::new(|| {
    let mut labels = Labels {
        all: vec!["other", "/api/other", "/"],
        doors: Vec::new(),
        own: Vec::new(),
        shapes: [API_OTHER; SHAPES],
    };
    OPERATIONS.iter().for_each(|operation| labels.add(operation));
    BESIDE.iter().for_each(|label| labels.add_door(label));
    labels
});

impl Labels {
    fn add(&mut self, operation: &Operation) {
        let label = operation.label();
        if self.all.contains(&label) {
            return;
        }
        if operation.endpoint != Endpoint::XRegistry {
            self.add_door(label);
            return;
        }
        let route = self.add_label(label);
        let below = label.strip_prefix(PREFIX).unwrap_or_default().trim_start_matches('/');
        if !below.is_empty() && !below.starts_with('{') {
            self.own.push((below, route));
        } else if let Some(shape) = shape(below.split('/')) {
            self.shapes[shape] = route;
        }
    }

    /// Adds a label that is the first segment of its paths.
    fn add_door(&mut self, label: &'static str) {
        let route = self.add_label(label);
        self.doors.push((&label[1..], route));
    }

    fn add_label(&mut self, label: &'static str) -> Route {
        let route = Route(u8::try_from(self.all.len()).unwrap_or(OTHER.0));
        self.all.push(label);
        route
    }
}

impl Route {
    /// The number of labels.
    pub(crate) fn count() -> usize {
        LABELS.all.len()
    }

    /// The label of a path. A path that doesn't exist is `other`, so that callers can't create
    /// labels.
    pub(crate) fn of(path: &str) -> Self {
        let mut steps = path.strip_prefix('/').unwrap_or(path).split('/');
        let first = steps.next().unwrap_or_default();
        let labels = &*LABELS;
        if first == &PREFIX[1..] {
            return labels.below_api(steps);
        }
        if first.is_empty() {
            return ROOT;
        }
        find(&labels.doors, first).unwrap_or(OTHER)
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn label(index: usize) -> &'static str {
        LABELS.all.get(index).copied().unwrap_or("other")
    }
}

impl Labels {
    fn below_api<'a>(&self, steps: impl Iterator<Item = &'a str> + Clone) -> Route {
        let mut ahead = steps.clone();
        let (first, second) = (ahead.next().unwrap_or_default(), ahead.next().unwrap_or_default());
        if second.is_empty()
            && let Some(own) = find(&self.own, first)
        {
            return own;
        }
        shape(steps).map_or(API_OTHER, |shape| self.shapes[shape])
    }
}

fn find(known: &[(&str, Route)], step: &str) -> Option<Route> {
    known.iter().find(|(name, _)| *name == step).map(|(_, route)| *route)
}

/// The shape of a path below `/api`, if it may be an entity or a collection. Anything after an
/// empty segment is ignored.
fn shape<'a>(steps: impl Iterator<Item = &'a str>) -> Option<usize> {
    let mut depth = 0;
    let mut fifth = "";
    for step in steps.take(7).take_while(|step| !step.is_empty()) {
        depth += 1;
        if depth == 5 {
            fifth = step;
        }
    }
    match (depth, fifth) {
        (0..=4, _) => Some(depth),
        (5, "meta") => Some(5),
        (5, "versions") => Some(6),
        (6, "versions") => Some(7),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_names_out_of_paths() {
        for (path, expect) in [
            ("/", "/"),
            ("", "/"),
            ("/api", "/api"),
            ("/api/", "/api"),
            ("/api/model", "/api/model"),
            ("/api/modelsource", "/api/modelsource"),
            ("/api/.xregistry", "/api/.xregistry"),
            ("/api/providers", "/api/{groups}"),
            ("/api/providers/", "/api/{groups}"),
            ("/api/model/x", "/api/{groups}/{group}"),
            ("/api/providers/cms/entries", "/api/{groups}/{group}/{resources}"),
            (
                "/api/providers/cms/entries/sanity$details",
                "/api/{groups}/{group}/{resources}/{resource}",
            ),
            (
                "/api/providers/cms/entries/sanity/meta",
                "/api/{groups}/{group}/{resources}/{resource}/meta",
            ),
            (
                "/api/providers/cms/entries/sanity/versions",
                "/api/{groups}/{group}/{resources}/{resource}/versions",
            ),
            (
                "/api/providers/cms/entries/sanity/versions/2",
                "/api/{groups}/{group}/{resources}/{resource}/versions/{version}",
            ),
            ("/api/a/b/c/d/e", "/api/other"),
            ("/api/a/b/c/d/versions/1/2/3/4", "/api/other"),
            ("/health/live", "/health"),
            ("/changes", "/changes"),
            ("/status", "/status"),
            ("/validate", "/validate"),
            ("/mcp", "/mcp"),
            ("/mcp/below", "/mcp"),
            ("/nowhere", "other"),
            ("/apiary", "other"),
        ] {
            assert_eq!(Route::label(Route::of(path).index()), expect, "{path}");
        }
    }

    #[test]
    fn finds_the_label_of_each_operation_by_its_path() {
        for operation in OPERATIONS {
            for path in [operation.sample_path(), format!("{}/", operation.sample_path())] {
                assert_eq!(Route::label(Route::of(&path).index()), operation.label(), "{path}");
            }
        }
        let labels = &LABELS.all;
        for (index, label) in labels.iter().enumerate() {
            assert!(!labels[..index].contains(label), "{label} is there twice");
        }
        assert_eq!(Route::count(), labels.len());
    }
}

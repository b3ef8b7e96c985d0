/// What a request is counted under: its path with names left out, so that there are few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route(u8);

/// First steps outside of `/api` that are counted by themselves.
const DOORS: [&str; 15] = [
    "changes",
    "confluent",
    "health",
    "keys",
    "ledger",
    "log",
    "mcp",
    "metrics",
    "openapi.json",
    "restore",
    "search",
    "site",
    "status",
    "tlog",
    "validate",
];

const DOOR_LABELS: [&str; 15] = [
    "/changes",
    "/confluent",
    "/health",
    "/keys",
    "/ledger",
    "/log",
    "/mcp",
    "/metrics",
    "/openapi.json",
    "/restore",
    "/search",
    "/site",
    "/status",
    "/tlog",
    "/validate",
];

/// Below `/api`: what stands there by itself, then entities by depth.
const API: [&str; 6] =
    [".xregistry", "capabilities", "capabilitiesoffered", "export", "model", "modelsource"];

const API_LABELS: [&str; 15] = [
    "/api/.xregistry",
    "/api/capabilities",
    "/api/capabilitiesoffered",
    "/api/export",
    "/api/model",
    "/api/modelsource",
    "/api",
    "/api/{groups}",
    "/api/{groups}/{group}",
    "/api/{groups}/{group}/{resources}",
    "/api/{groups}/{group}/{resources}/{resource}",
    "/api/{groups}/{group}/{resources}/{resource}/meta",
    "/api/{groups}/{group}/{resources}/{resource}/versions",
    "/api/{groups}/{group}/{resources}/{resource}/versions/{version}",
    "/api/other",
];

const API_BEGIN: u8 = DOORS.len() as u8;
const ROOT: u8 = API_BEGIN + API_LABELS.len() as u8;
const OTHER: u8 = ROOT + 1;

impl Route {
    /// How many there are.
    pub(crate) const COUNT: usize = OTHER as usize + 1;

    /// The route of a path. A path that leads nowhere is `other`: callers can't make labels.
    pub(crate) fn of(path: &str) -> Self {
        let mut steps = path.strip_prefix('/').unwrap_or(path).split('/');
        let first = steps.next().unwrap_or_default();
        if first == "api" {
            return Self(API_BEGIN + below_api(steps));
        }
        if first.is_empty() {
            return Self(ROOT);
        }
        let door = DOORS.iter().position(|door| *door == first);
        Self(door.map_or(OTHER, |door| door as u8))
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn label(index: usize) -> &'static str {
        let api = index.checked_sub(DOORS.len()).and_then(|api| API_LABELS.get(api));
        match DOOR_LABELS.get(index).or(api) {
            Some(label) => label,
            None if index == ROOT as usize => "/",
            None => "other",
        }
    }
}

fn below_api<'a>(mut steps: impl Iterator<Item = &'a str>) -> u8 {
    let entities = API.len() as u8;
    let Some(first) = steps.next().filter(|step| !step.is_empty()) else { return entities };
    let rest = steps.by_ref().take(6);
    let mut depth = 1_u8;
    let mut fifth = "";
    for step in rest {
        if step.is_empty() {
            break;
        }
        depth += 1;
        if depth == 5 {
            fifth = step;
        }
    }
    if depth == 1
        && let Some(own) = API.iter().position(|own| *own == first)
    {
        return own as u8;
    }
    match (depth, fifth) {
        (1..=4, _) => entities + depth,
        (5, "meta") => entities + 5,
        (5, "versions") => entities + 6,
        (6, "versions") => entities + 7,
        _ => API_LABELS.len() as u8 - 1,
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
            ("/validate", "/validate"),
            ("/nowhere", "other"),
            ("/apiary", "other"),
        ] {
            assert_eq!(Route::label(Route::of(path).index()), expect, "{path}");
        }
    }

    #[test]
    fn labels_each_door_as_it_is_called() {
        for (door, label) in DOORS.iter().zip(DOOR_LABELS) {
            assert_eq!(label.strip_prefix('/'), Some(*door));
        }
        for (own, label) in API.iter().zip(API_LABELS) {
            assert_eq!(label.strip_prefix("/api/"), Some(*own));
        }
    }
}

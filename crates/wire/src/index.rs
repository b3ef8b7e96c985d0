//! `GET /`: what this server offers, with links.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Sample,
    operations::{OPERATIONS, Operation},
};

/// The endpoints of the server. Those below `/api` are xRegistry's; `/openapi.json` describes all of
/// them in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Index {
    /// What answers: `muster`.
    pub server: String,
    /// The version of the server.
    pub version: String,
    /// The URL of the description of all endpoints (OpenAPI).
    pub description: String,
    /// The endpoints, in the order of the description.
    pub doors: Vec<Door>,
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Door {
    /// Its URL; names in braces stand for ids.
    pub url: String,
    /// Its methods.
    pub methods: Vec<String>,
    /// What the first of them does, in one line.
    pub summary: String,
}

impl Index {
    /// The index of a server whose URLs begin with this base.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let mut doors: Vec<(&'static str, Door)> = Vec::new();
        for operation in OPERATIONS.iter().filter(|operation| is_listed(operation)) {
            let method = operation.verb.name().to_owned();
            match doors.iter_mut().find(|(path, _)| *path == operation.path) {
                Some((_, door)) => door.methods.push(method),
                None => {
                    let url = format!("{base}{}", operation.path);
                    let summary = operation.summary.to_owned();
                    doors.push((operation.path, Door { url, methods: vec![method], summary }));
                }
            }
        }
        Self {
            server: "muster".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            description: format!("{base}/openapi.json"),
            doors: doors.into_iter().map(|(_, door)| door).collect(),
        }
    }
}

/// What lies below `/api` depends on the model, which is shown there.
fn is_listed(operation: &Operation) -> bool {
    operation.path != "/" && !operation.path.starts_with("/api/")
}

impl Sample for Index {
    fn sample() -> Self {
        Self::new("https://registry.example")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_each_door_once_with_all_its_methods() {
        let index = Index::sample();
        let door = |path: &str| {
            let url = format!("https://registry.example{path}");
            let mut found = index.doors.iter().filter(move |door| door.url == url);
            (found.next().map(|door| door.methods.join(" ")), found.count())
        };
        for (path, methods) in [
            ("/api", Some("GET PUT PATCH POST")),
            ("/keys", Some("GET POST")),
            ("/changes", Some("GET")),
            ("/openapi.json", Some("GET")),
            ("/restore/{groups}/{group}", Some("POST")),
            ("/health/ready", Some("GET")),
            ("/", None),
            ("/api/model", None),
        ] {
            assert_eq!(door(path), (methods.map(str::to_owned), 0), "{path}");
        }
        assert_eq!(index.description, "https://registry.example/openapi.json");
    }
}

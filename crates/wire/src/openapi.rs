//! The API as OpenAPI 3.1, made from one table of operations ([`OPERATIONS`]). It is served at
//! `/openapi.json` and committed as `docs/reference/openapi.json`; a test holds both together.

mod operations;
mod parameters;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

pub use self::{
    operations::OPERATIONS,
    parameters::{PARAMETERS, Parameter, Place},
};
use crate::ErrorCode;

/// One method on one path.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// In upper case.
    pub method: &'static str,
    /// With `{names}` in the place of what varies.
    pub path: &'static str,
    /// What programs that are made from the description call it.
    pub id: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Whom it serves.
    pub kind: Kind,
    /// Names of parameters beside those in the path; see [`PARAMETERS`].
    pub parameters: &'static [&'static str],
    /// What is sent.
    pub body: Shape,
    /// Status and what is answered.
    pub answers: &'static [(u16, Shape)],
}

impl Operation {
    /// The path with names of the example in the place of what varies, for tests that ask whether
    /// every operation of the table has a route.
    #[must_use]
    pub fn sample_path(&self) -> String {
        let samples = [
            ("{groups}", "providers"),
            ("{group}", "cms"),
            ("{resources}", "entries"),
            ("{resource}", "sanity"),
            ("{version}", "1"),
            ("{key}", "none"),
        ];
        samples.iter().fold(self.path.to_owned(), |path, (name, sample)| path.replace(name, sample))
    }
}

/// What an operation may be refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Asks only.
    Read,
    /// May change something.
    Write,
    /// Asks how the server is; never needs a key.
    Probe,
}

/// What travels in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Nothing.
    None,
    /// Any JSON object; the model says which.
    Entity,
    /// A map from ids to entities.
    Entities,
    /// A document: any bytes.
    Document,
    /// Any JSON.
    Json,
    /// Server-sent events, each a CloudEvent.
    Events,
    /// Lines of JSON.
    Lines,
    /// Text.
    Text,
}

impl Shape {
    fn content(self) -> Option<Value> {
        let of = |kind: &str, schema: Value| Some(json!({kind: {"schema": schema}}));
        match self {
            Self::None => None,
            Self::Entity => of("application/json", json!({"$ref": "#/components/schemas/Entity"})),
            Self::Entities => {
                of("application/json", json!({"$ref": "#/components/schemas/Entities"}))
            }
            Self::Document => of("*/*", json!({})),
            Self::Json => of("application/json", json!({})),
            Self::Events => {
                of("text/event-stream", json!({"$ref": "#/components/schemas/ChangeEvent"}))
            }
            Self::Lines => of("application/jsonl", json!({"type": "object"})),
            Self::Text => of("text/plain", json!({"type": "string"})),
        }
    }
}

/// The whole description, for a release of this version.
#[must_use]
pub fn document(version: &str) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in OPERATIONS {
        let methods = paths.entry(operation.path).or_default();
        methods.insert(operation.method.to_lowercase(), describe(operation));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Muster",
            "version": version,
            "summary": "A registry of documents on an append-only ledger.",
            "description": "`/api` is xRegistry 1.0-rc4. Answers carry `Muster-Position`, the \
                            position of the ledger that they show. Collections of groups and \
                            resources are named by the model.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}
        },
        "paths": paths,
        "components": {
            "parameters": PARAMETERS
                .iter()
                .map(|parameter| (parameter.name.to_owned(), parameter.describe()))
                .collect::<Map<_, _>>(),
            "responses": refusals(),
            "schemas": schemas(),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, `muster_<id>_<secret>`. While there is none, \
                                    a registry on loopback asks for none."
                }
            }
        },
        "security": [{}, {"key": []}]
    })
}

fn describe(operation: &Operation) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [tag(operation.path)],
        "responses": responses(operation),
    });
    let parameters: Vec<_> = names_in(operation.path)
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .chain(
            operation
                .parameters
                .iter()
                .map(|name| json!({"$ref": format!("#/components/parameters/{name}")})),
        )
        .collect();
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if let Some(content) = operation.body.content() {
        described["requestBody"] = json!({"content": content});
    }
    if operation.kind == Kind::Probe {
        described["security"] = json!([{}]);
    }
    described
}

/// The first step of a path names the door that it belongs to.
fn tag(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

/// The `{names}` in a path.
fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|step| {
        let step = step.strip_suffix("$details").unwrap_or(step);
        step.strip_prefix('{')?.strip_suffix('}')
    })
}

fn responses(operation: &Operation) -> Value {
    let mut responses = Map::new();
    for (status, shape) in operation.answers {
        let reason = http::StatusCode::from_u16(*status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default();
        let mut answer = json!({"description": reason});
        if let Some(content) = shape.content() {
            answer["content"] = content;
        }
        responses.insert(status.to_string(), answer);
    }
    for status in operation.kind.refusals() {
        let refused = format!("#/components/responses/Refused{status}");
        responses.entry(status.to_string()).or_insert_with(|| json!({"$ref": refused}));
    }
    responses.into()
}

/// One answer for each status that refuses, with the codes that it may carry.
fn refusals() -> Map<String, Value> {
    let mut refusals = Map::new();
    let statuses: BTreeSet<_> =
        Kind::Read.refusals().iter().chain(Kind::Write.refusals()).collect();
    for status in statuses {
        let codes: Vec<_> = ErrorCode::all()
            .filter(|code| code.status().as_u16() == *status)
            .map(|code| format!("`{code}`"))
            .collect();
        let refused = json!({
            "description": format!("Refused: {}.", codes.join(", ")),
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
        });
        refusals.insert(format!("Refused{status}"), refused);
    }
    refusals
}

impl Kind {
    /// Statuses with which such an operation may be refused.
    const fn refusals(self) -> &'static [u16] {
        match self {
            Self::Probe => &[],
            Self::Read => &[400, 401, 403, 404, 405, 406, 410, 421, 431, 500, 503],
            Self::Write => &[
                400, 401, 403, 404, 405, 408, 409, 410, 412, 413, 415, 421, 422, 431, 500, 503, 507,
            ],
        }
    }
}

fn schemas() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    json!({
        "Entity": {
            "type": "object",
            "description": "Attributes, as the model defines them.",
            "additionalProperties": true
        },
        "Entities": {
            "type": "object",
            "description": "Entities by their ids.",
            "additionalProperties": {"$ref": "#/components/schemas/Entity"}
        },
        "Error": {
            "type": "object",
            "required": ["type", "title", "code"],
            "properties": {
                "type": {"type": "string", "format": "uri"},
                "title": text,
                "code": {
                    "type": "string",
                    "enum": ErrorCode::all().map(ErrorCode::name).collect::<Vec<_>>()
                },
                "detail": text,
                "subject": {"type": "string", "description": "An xid, or the request's path."},
                "args": texts,
                "instance": {"type": "string", "description": "The request's id."},
                "source": text,
                "violations": {
                    "type": "array",
                    "items": {"$ref": "#/components/schemas/Violation"}
                }
            }
        },
        "Violation": {
            "type": "object",
            "required": ["pointer", "severity", "message"],
            "properties": {
                "subject": {"type": "string", "description": "The document, where several were sent."},
                "pointer": {"type": "string", "format": "json-pointer"},
                "keyword": {"type": "string", "description": "The JSON Schema keyword that is broken."},
                "rule": {"type": "string", "description": "The id of the rule that is broken."},
                "reference": {"const": true, "description": "A declared reference leads nowhere; the message says where."},
                "severity": {"type": "string", "enum": ["error", "warning"]},
                "message": text
            }
        },
        "ChangeEvent": {
            "type": "object",
            "required": ["specversion", "type", "source", "subject", "id", "time", "xregcorrelationid"],
            "properties": {
                "specversion": {"type": "string", "const": "1.0"},
                "type": {"type": "string", "examples": ["io.xregistry.version.created"]},
                "source": {"type": "string", "format": "uri"},
                "subject": {"type": "string", "description": "The xid of what changed."},
                "id": {"type": "string", "examples": ["1204.1"]},
                "time": {"type": "string", "format": "date-time"},
                "xregcorrelationid": text,
                "data": {
                    "type": "object",
                    "properties": {"changed": {"type": "array", "items": text}}
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_each_operation_once_and_every_parameter_that_it_uses() {
        let mut ids = BTreeSet::new();
        let mut routes = BTreeSet::new();
        let mut used = BTreeSet::new();
        for operation in OPERATIONS {
            assert!(ids.insert(operation.id), "{} is there twice", operation.id);
            assert!(routes.insert((operation.path, operation.method)), "{operation:?}");
            assert!(operation.summary.ends_with('.'), "{operation:?}");
            assert!(!operation.sample_path().contains('{'), "{operation:?}");
            for name in operation.parameters {
                assert!(PARAMETERS.iter().any(|known| known.name == *name), "{name} is unknown");
                used.insert(*name);
            }
        }
        for parameter in PARAMETERS {
            assert!(used.contains(parameter.name), "nothing uses {}", parameter.name);
        }
    }

    #[test]
    fn refers_only_to_what_is_there() {
        let document = document("0.0.0");
        let mut open = vec![&document];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(target)) = members.get("$ref") {
                        let pointer = target.trim_start_matches('#');
                        assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
                    }
                    open.extend(members.values());
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
    }
}

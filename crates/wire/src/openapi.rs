//! The OpenAPI 3.1 document, generated from the table of operations ([`OPERATIONS`]) and from the
//! wire types. The server serves it at `/openapi.json`. It is committed as
//! `docs/reference/openapi.json`; a test keeps both equal.

mod description;
mod schemas;

use std::collections::{BTreeMap, BTreeSet};

use muster_words::Permission;
use serde_json::{Map, Value, json};

pub use self::description::ApiDescription;
use self::schemas::Schemas;
use crate::{
    ErrorBody, ErrorCode, Problem,
    operations::{
        BodyContent, BodyType, HEADERS, HEADERS_OF_ALL, OPERATIONS, Operation, PARAMETERS,
        Parameter, ParameterPlace, Verb,
    },
};

/// The tags of the operations, with their descriptions.
const TAGS: &[(&str, &str)] = &[
    ("api", "xRegistry 1.0-rc4: the registry, its groups, resources and versions."),
    ("apply", "Changes the model, puts entities and deletes others, all together."),
    ("backup", "The whole ledger, as one file that proves itself."),
    ("changes", "A stream of changes as they are made."),
    ("confluent", "Confluent's Schema Registry API, for the clients that use it."),
    ("deleted", "Deleted names, which can be restored."),
    ("diff", "The difference of two states."),
    ("events", "A stream of what happens beside the ledger."),
    ("export", "Everything, a group or a document, as lines that an import takes."),
    ("followers", "Tasks that process every change and derive something from it."),
    ("health", "Whether the server is alive, is ready, and can read its store."),
    ("index", "What this server offers, with links."),
    ("keys", "The API keys of the registry."),
    ("ledger", "The state of the ledger, its verification, and proofs of it."),
    ("log", "Who changed what and when."),
    ("metrics", "Metrics, for Prometheus."),
    ("openapi.json", "This OpenAPI document."),
    ("propagation", "What is sent where, how far it is, and what couldn't be delivered."),
    ("providers", "Live AI providers: shown, controlled, selected and called."),
    ("publish", "What is published as static files."),
    ("references", "What refers to an entity, and to what it refers."),
    ("restore", "Undoes deletions."),
    ("rollback", "Gives a place an earlier state again."),
    ("schemas", "Questions about schemas: are versions compatible, and what differs?"),
    ("search", "Documents by their fields and their words."),
    ("site", "The registry as static files, for caches and clients."),
    ("status", "The state of the registry."),
    ("sync", "Documents that several registries write: their states, and conflicts between them."),
    ("tlog", "The ledger as others' verifiers read it (C2SP tlog-tiles)."),
    ("validate", "Which payloads pass a schema, and which stored documents no longer pass."),
];

/// The whole document, for a release of this version.
#[must_use]
pub fn document(version: &str) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in OPERATIONS {
        let methods = paths.entry(operation.path).or_default();
        let described = describe(operation, &mut schemas);
        methods.insert(operation.verb.name().to_lowercase(), described);
    }
    let responses = refusals(&mut schemas);
    let named = |all: &[Parameter], describe: fn(&Parameter) -> Value| -> Map<String, Value> {
        all.iter().map(|one| (one.name.to_owned(), describe(one))).collect()
    };
    let tags = TAGS.iter().map(|(name, text)| json!({"name": name, "description": text}));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Muster",
            "version": version,
            "summary": "A registry of documents on an append-only ledger.",
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}
        },
        "servers": [{"url": "/", "description": "The server that answers with this description."}],
        "tags": tags.collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "parameters": named(PARAMETERS, parameter),
            "headers": named(HEADERS, header),
            "responses": responses,
            "schemas": schemas.finish(),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, `muster_<id>_<secret>`; also taken as the \
                                    password of HTTP Basic. While there is none, a registry on \
                                    loopback asks for none."
                }
            }
        },
        "security": [{}, {"key": []}]
    })
}

const INTRODUCTION: &str = "`/api` is xRegistry 1.0-rc4. Collections of groups and resources are \
    named by the model, and so are most attributes; the schemas of entities hold what every model \
    has.\n\nAnswers carry `Muster-Position`, the ledger position that they show. An error \
    is one JSON object in the format of xRegistry's errors (`ErrorBody`). Programs should decide \
    by its member `reason`; `code` is the HTTP status. `If-Match` makes a write only to the state that an `ETag` names, and \
    `Idempotency-Key` makes a write safe to repeat for 24 hours.\n\n`x-permission` is the \
    permission that an operation needs; the roles of keys are sets of permissions. With `anyone` \
    no key is required. A write may need further permissions: `purge` needs `document:purge`, and a \
    body with a model or capabilities the permissions to change those.";

fn describe(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [tag(operation.path)],
        "x-permission": operation.permission.map_or("anyone", Permission::name),
        "responses": responses(operation, schemas),
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
    if let Some(content) = schemas.content(operation.body) {
        described["requestBody"] = json!({"content": content});
    }
    if operation.permission.is_none() {
        described["security"] = json!([{}]);
    }
    described
}

fn parameter(parameter: &Parameter) -> Value {
    let place = match parameter.place {
        ParameterPlace::Query => "query",
        ParameterPlace::Header => "header",
    };
    let mut described = header(parameter);
    described["name"] = parameter.name.into();
    described["in"] = place.into();
    if parameter.kind == "boolean" {
        described["allowEmptyValue"] = true.into();
    }
    described
}

fn header(header: &Parameter) -> Value {
    json!({"description": header.meaning, "schema": {"type": header.kind}})
}

/// References to these headers and to the headers of every answer.
fn headers(names: &[&str]) -> Map<String, Value> {
    let all = names.iter().chain(HEADERS_OF_ALL);
    all.map(|name| ((*name).to_owned(), json!({"$ref": format!("#/components/headers/{name}")})))
        .collect()
}

/// The tag of an operation: the first segment of its path.
fn tag(path: &str) -> &str {
    path.split('/').nth(1).filter(|step| !step.is_empty()).unwrap_or("index")
}

/// The `{names}` in a path.
fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|step| {
        let step = step.strip_suffix("$details").unwrap_or(step);
        step.strip_prefix('{')?.strip_suffix('}')
    })
}

fn responses(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut responses = Map::new();
    for outcome in operation.answers {
        let reason = http::StatusCode::from_u16(outcome.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default();
        let description = match outcome.content {
            BodyContent::JsonLines(_) => format!("{reason}: one object per line."),
            BodyContent::Events(_) => format!(
                "{reason}: server-sent events. The `data` of each is such an object, and its `id` \
                 names the place to resume from."
            ),
            _ => reason.to_owned(),
        };
        let mut answer = json!({"description": description, "headers": headers(outcome.headers)});
        if let Some(content) = schemas.content(outcome.content) {
            answer["content"] = content.into();
        }
        responses.insert(outcome.status.to_string(), answer);
    }
    for status in refused_with(operation) {
        let refused = format!("#/components/responses/Refused{status}");
        responses.entry(status.to_string()).or_insert_with(|| json!({"$ref": refused}));
    }
    responses.into()
}

/// One answer for each refusing status, with the codes that it may carry.
fn refusals(schemas: &mut Schemas) -> Map<String, Value> {
    let error = schemas.schema(BodyType::of::<ErrorBody>());
    let statuses: BTreeSet<_> = OPERATIONS.iter().flat_map(refused_with).collect();
    let mut refusals = Map::new();
    for status in statuses {
        let codes: Vec<_> =
            ErrorCode::all().filter(|code| code.status().as_u16() == *status).collect();
        let names: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
        let examples: Map<_, _> = codes
            .iter()
            .map(|code| (code.name().to_owned(), json!({"value": example(*code)})))
            .collect();
        let carried: &[&str] = match status {
            401 => &["WWW-Authenticate"],
            405 => &["Allow"],
            408 | 503 => &["Retry-After"],
            _ => &[],
        };
        let refused = json!({
            "description": format!("Refused: {}.", names.join(", ")),
            "headers": headers(carried),
            "content": {"application/json": {"schema": error, "examples": examples}}
        });
        refusals.insert(format!("Refused{status}"), refused);
    }
    refusals
}

/// The example of an error with this code.
fn example(code: ErrorCode) -> Value {
    let body = Problem::new(code.sample()).subject("/providers/cms").body();
    serde_json::to_value(body).unwrap_or_default()
}

/// Statuses with which an operation may be refused.
fn refused_with(operation: &Operation) -> &'static [u16] {
    match (operation.permission, operation.verb) {
        (None, _) => &[400, 405, 431],
        (_, Verb::Get) => &[400, 401, 403, 404, 405, 406, 410, 421, 431, 500, 503],
        _ => &[400, 401, 403, 404, 405, 408, 409, 410, 412, 413, 415, 421, 422, 431, 500, 503, 507],
    }
}

#[cfg(test)]
mod tests;

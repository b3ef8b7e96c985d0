//! `/keys`: who may talk to the registry.

use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use muster_catalog::command::{Action, Command};
use muster_guard::{ApiKey, KeyRecord, Role, keys_in_force};
use muster_wire::{
    ErrorKind, Problem,
    keys::{KeyEntry, KeyList, KeyRequest, NewKey},
};
use muster_words::{
    Id, Moment,
    json::{self, Map, Value},
};

use super::{Native, answer};
use crate::{Caller, IntoProblem, read_body, submit::submit};

/// Keys in force at once: a key a program is many for one registry, and every start reads them.
const KEYS_MAX: usize = 1_000;

/// How often another id is drawn where a key of that id is there already.
const DRAWS_MAX: usize = 8;

/// `GET /keys`: the keys in force, without what is secret in them.
pub(super) async fn list(State(native): State<Native>) -> Response {
    let view = native.registry.catalog();
    let keys = keys_in_force(&view)
        .map(|(id, key)| shown(id, key.created, native.gate.record(&view, id).as_ref()))
        .collect();
    answer::json(StatusCode::OK, &KeyList { keys })
}

fn shown(id: &Id, created: Moment, record: Option<&KeyRecord>) -> KeyEntry {
    KeyEntry {
        id: id.to_string(),
        createdat: created.to_string(),
        role: record.map(|record| record.role.name().to_owned()),
        name: record.and_then(|record| record.name.clone()),
    }
}

/// `POST /keys`: makes a key. The answer is the only place where it is ever shown.
pub(super) async fn create(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    body: axum::body::Body,
) -> Result<Response, IntoProblem> {
    let (role, name) = asked_for(&read_body(body).await?)?;
    let view = native.registry.catalog();
    if keys_in_force(&view).count() >= KEYS_MAX {
        let detail = format!("There are {KEYS_MAX} keys already; revoke one that isn't used");
        return Err(Problem::new(ErrorKind::BadRequest { error_detail: detail }).into());
    }
    for _ in 0..DRAWS_MAX {
        let key = draw()?;
        if native.registry.catalog().keys.contains_key(key.id()) {
            continue;
        }
        let record = key.record(random()?, role, name.clone());
        return make(&native, &caller, &key, record).await;
    }
    Err(ErrorKind::ServerError.into())
}

async fn make(
    native: &Native,
    caller: &Caller,
    key: &ApiKey,
    record: KeyRecord,
) -> Result<Response, IntoProblem> {
    let id = key.id().clone();
    let action = Action::CreateKey { id: id.clone(), record: record.to_bytes() };
    let done = submit(&native.registry, caller, Command::new(action), "/keys").await?;
    let Some(made) = done.view.catalog().keys.get(&id) else {
        return Err(ErrorKind::ServerError.into());
    };
    native.gate.keep(key, made.record, record.clone());
    let entry = shown(&id, made.created, Some(&record));
    let key = key.text().as_str().to_owned();
    Ok(answer::json(StatusCode::CREATED, &NewKey { entry, key }))
}

/// `DELETE /keys/<id>`: revokes a key; the very next request with it is refused.
pub(super) async fn revoke(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, IntoProblem> {
    let subject: String = format!("/keys/{id}").chars().take(200).collect();
    let missing = || Problem::new(ErrorKind::NotFound).subject(&subject);
    let id: Id = id.parse().map_err(|_| missing())?;
    // One after the other: two that revoke the last two keys at once would each leave one.
    let _turn = native.gate.turn().await;
    let view = native.registry.catalog();
    if view.keys.get(&id).is_none_or(|key| key.revoked.is_some()) {
        return Err(missing().into());
    }
    if native.gate.depends_on(&view, &id) {
        return Err(Problem::new(ErrorKind::LastKey).subject(&subject).into());
    }
    let command = Command::new(Action::RevokeKey { id });
    let done = submit(&native.registry, &caller, command, &subject).await?;
    native.gate.forget_revoked(done.view.catalog());
    Ok(answer::done())
}

/// Reads which role and which name a key is to have: an object of both, or nothing.
fn asked_for(body: &[u8]) -> Result<(Role, Option<String>), Problem> {
    let refused = |detail: String| {
        Problem::new(ErrorKind::ParsingData { error_detail: detail }).subject("/keys")
    };
    let map = match body.trim_ascii() {
        [] => Map::new(),
        body => match json::parse(body) {
            Ok(Value::Object(map)) => map,
            Ok(_) => return Err(refused("it must be an object".to_owned())),
            Err(error) => return Err(refused(error.to_string())),
        },
    };
    let request: KeyRequest =
        serde_json::from_value(Value::Object(map)).map_err(|error| refused(error.to_string()))?;
    let role = match request.role {
        None => Role::Admin,
        Some(role) => role.parse().map_err(|_| {
            let shown: String = role.chars().take(64).collect();
            Problem::new(ErrorKind::RoleUnknown { role: shown }).subject("/keys")
        })?,
    };
    if let Some(name) = &request.name {
        KeyRecord::check_name(name).map_err(|error| refused(error.to_string()))?;
    }
    Ok((role, request.name))
}

fn draw() -> Result<ApiKey, Problem> {
    ApiKey::new(random()?, random()?).ok_or_else(|| ErrorKind::ServerError.into())
}

/// Random bytes that are fit for keys.
fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => {
            tracing::error!(%error, "the system gives no random bytes");
            Err(ErrorKind::ServerError.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_key_is_asked_to_be() {
        for (body, expect) in [
            ("", Ok(None)),
            ("{}", Ok(None)),
            (r#"{"role": "admin"}"#, Ok(None)),
            (r#"{"role": null, "name": "deploy"}"#, Ok(Some("deploy"))),
            (r#"{"role": "reader"}"#, Err("role_unknown")),
            (r#"{"role": 1}"#, Err("parsing_data")),
            (r#"{"name": ""}"#, Err("parsing_data")),
            (r#"{"nmae": "x"}"#, Err("parsing_data")),
            (r#"{"name": "a", "name": "b"}"#, Err("parsing_data")),
            ("[]", Err("parsing_data")),
            ("{", Err("parsing_data")),
        ] {
            let read = asked_for(body.as_bytes());
            let read = read.as_ref().map(|(_, name)| name.as_deref());
            assert_eq!(read.map_err(|problem| problem.code().name()), expect, "{body}");
        }
    }
}

//! `/keys`: the API keys of the registry.

mod request;
mod scope;

use axum::{
    Extension,
    extract::{Path, RawQuery, State},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use muster_catalog::{
    command::{Action, Command},
    state::RegisteredKey,
};
use muster_guard::{ApiKey, KeyRecord, Role};
use muster_registry::{CommandOrigin, SubmitError};
use muster_wire::{
    ErrorKind, OrOther, Problem,
    keys::{AccessReason, KeyEntry, KeyList, NewKey, OwnAccess},
};
use muster_words::Id;

use self::request::NewKeyRequest;
use super::{Native, answer, query::Parameters};
use crate::{
    Caller, IntoProblem, read_body,
    submit::{message, submit},
};

/// How often another id is drawn where a key of that id is there already.
const DRAWS_MAX: usize = 8;

/// `GET /keys`: the keys that aren't revoked, without their secrets; `?all` includes revoked ones.
pub(super) async fn list(
    State(native): State<Native>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let parameters = Parameters::parse(query.as_deref(), &["all"], "/keys")?;
    let all = parameters.flag("all")?;
    let view = native.registry.catalog();
    let keys = view
        .keys
        .iter()
        .filter(|(_, key)| all || key.revoked.is_none())
        .map(|(id, key)| shown(id, key, native.gate.record(&view, id).as_ref()))
        .collect();
    Ok(answer::json(StatusCode::OK, &KeyList { keys, given: native.gate.has_given_key() }))
}

fn shown(id: &Id, key: &RegisteredKey, record: Option<&KeyRecord>) -> KeyEntry {
    let scope = record.and_then(|record| record.scope.as_ref());
    KeyEntry {
        id: id.to_string(),
        createdat: key.created.to_string(),
        role: record.map(|record| record.role.name().to_owned()),
        name: record.and_then(|record| record.name.clone()),
        scope: scope.map(|scope| scope.iter().map(ToString::to_string).collect()),
        expiresat: key.expires.map(|expires| expires.to_string()),
        revokedat: key.revoked.map(|revoked| revoked.to_string()),
    }
}

/// `GET /keys/self`: as whom the request is answered, and what that allows.
pub(super) async fn own(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
) -> Response {
    let principal = &caller.principal;
    let view = native.registry.catalog();
    let id = principal.id.parse::<Id>().ok();
    let known = id.as_ref().and_then(|id| Some((id, view.keys.get(id)?)));
    let entry = known.map(|(id, key)| shown(id, key, native.gate.record(&view, id).as_ref()));
    let by = match &entry {
        Some(_) => AccessReason::Key,
        None if principal.is_anonymous() => AccessReason::Anonymous,
        None if native.gate.needs_key() => AccessReason::GivenKey,
        None => AccessReason::Open,
    };
    let own = OwnAccess {
        by: OrOther::Known(by),
        role: principal.role.name().to_owned(),
        id: entry.as_ref().map(|entry| entry.id.clone()),
        name: entry.as_ref().and_then(|entry| entry.name.clone()),
        scope: entry.as_ref().and_then(|entry| entry.scope.clone()),
        createdat: entry.as_ref().map(|entry| entry.createdat.clone()),
        expiresat: entry.and_then(|entry| entry.expiresat),
    };
    answer::json(StatusCode::OK, &own)
}

/// `POST /keys`: creates a key. Only this answer ever shows it.
pub(super) async fn create(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    sent: HeaderMap,
    sent_body: axum::body::Body,
) -> Result<Response, IntoProblem> {
    let message = message(&sent, "/keys")?;
    let wanted = NewKeyRequest::read(&read_body(sent_body).await?, native.gate.now())?;
    if let Some(scope) = &wanted.scope
        && let Some(fault) = scope::unusable(scope, native.registry.view().model())
    {
        let kind = ErrorKind::BadRequest { error_detail: fault };
        return Err(Problem::new(kind).subject("/keys").into());
    }
    for _ in 0..DRAWS_MAX {
        let key = generate_key()?;
        if native.registry.catalog().keys.contains_key(key.id()) {
            continue;
        }
        let record = KeyRecord {
            scope: wanted.scope.clone(),
            expires: wanted.expires,
            ..key.record(random()?, wanted.role, wanted.name.clone())
        };
        return make(&native, (&caller, message), &key, record).await;
    }
    Err(ErrorKind::ServerError.into())
}

impl Native {
    /// Makes this key the registry's first one, with the role admin. Returns whether it did: a
    /// registry that has keys keeps them, and a revoked key isn't made again.
    ///
    /// # Errors
    /// The key can't be recorded.
    pub async fn make_first_key(&self, key: &ApiKey, name: &str) -> Result<bool, SubmitError> {
        let is_known = self.registry.catalog().keys.contains_key(key.id());
        if self.gate.needs_key() || is_known {
            return Ok(false);
        }
        let salt = random().map_err(|_| SubmitError::Fault)?;
        let record = key.record(salt, Role::Admin, Some(name.to_owned()));
        let (bytes, grant) = (record.to_bytes(), record.grant());
        let (id, rule) = (key.id().clone(), self.gate.key_manager_rule());
        let action = Action::CreateKey { id, record: bytes, grant, rule };
        let done = self.registry.submit(Command::new(action), &CommandOrigin::of_owner()).await?;
        if let Some(made) = done.view.catalog().keys.get(key.id()) {
            self.gate.keep(key, made.record, record);
        }
        Ok(true)
    }
}

async fn make(
    native: &Native,
    (caller, message): (&Caller, Option<Bytes>),
    key: &ApiKey,
    record: KeyRecord,
) -> Result<Response, IntoProblem> {
    let id = key.id().clone();
    let (bytes, grant) = (record.to_bytes(), record.grant());
    let rule = native.gate.key_manager_rule();
    let action = Action::CreateKey { id: id.clone(), record: bytes, grant, rule };
    let command = Command { message, ..Command::new(action) };
    let done = submit(&native.registry, caller, command, "/keys").await?;
    let Some(made) = done.view.catalog().keys.get(&id) else {
        return Err(ErrorKind::ServerError.into());
    };
    native.gate.keep(key, made.record, record.clone());
    let (by, role) = (&*caller.principal.id, record.role.name());
    tracing::info!(key = %id, role, by, "a key was created");
    let entry = shown(&id, made, Some(&record));
    let key = key.text().as_str().to_owned();
    Ok(answer::json(StatusCode::CREATED, &NewKey { entry, key }))
}

/// `DELETE /keys/<id>`: revokes a key; the next request with it is refused.
pub(super) async fn revoke(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    sent: HeaderMap,
) -> Result<Response, IntoProblem> {
    let (id, subject) = named(&id)?;
    let message = message(&sent, &subject)?;
    let rule = native.gate.key_manager_rule();
    let action = Action::RevokeKey { id: id.clone(), rule };
    let command = Command { message, ..Command::new(action) };
    submit(&native.registry, &caller, command, &subject).await?;
    tracing::info!(key = %id, by = &*caller.principal.id, "a key was revoked");
    Ok(answer::done())
}

/// `DELETE /keys/<id>/record`: erases the record of an invalid key.
pub(super) async fn forget(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    sent: HeaderMap,
) -> Result<Response, IntoProblem> {
    let (id, subject) = named(&id)?;
    let message = message(&sent, &subject)?;
    let command = Command { message, ..Command::new(Action::ForgetKey { id: id.clone() }) };
    let done = submit(&native.registry, &caller, command, &subject).await?;
    tracing::info!(key = %id, by = &*caller.principal.id, "a key was forgotten");
    native.gate.drop_forgotten(done.view.catalog());
    Ok(answer::done())
}

/// The id of a key in a path, and the subject of errors about it.
fn named(id: &str) -> Result<(Id, String), Problem> {
    let subject: String = format!("/keys/{id}").chars().take(200).collect();
    match id.parse() {
        Ok(id) => Ok((id, subject)),
        Err(_) => Err(Problem::new(ErrorKind::NotFound).subject(&subject)),
    }
}

fn generate_key() -> Result<ApiKey, Problem> {
    ApiKey::new(random()?, random()?).ok_or_else(|| ErrorKind::ServerError.into())
}

/// Random bytes from a cryptographically secure source.
fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => {
            tracing::error!(%error, "the system has no source of random bytes");
            Err(ErrorKind::ServerError.into())
        }
    }
}

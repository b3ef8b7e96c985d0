//! `POST /restore/<xid>`: undoes the last deletion of a name.

use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, StatusCode};
use muster_catalog::command::{Action, Command};
use muster_wire::{ErrorKind, Problem, headers, restore::Restoration};
use muster_words::{Digest, Xid};

use super::{Native, answer};
use crate::{
    Caller, IntoProblem,
    submit::{correlation, idempotency_key, message, submit},
};

pub(super) async fn restore(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(path): Path<String>,
    sent: HeaderMap,
) -> Result<Response, IntoProblem> {
    let xid = xid(&path)?;
    let subject = xid.to_string();
    let mut command = Command::new(Action::Restore(xid.clone()));
    let key = idempotency_key(&caller, &sent, &subject)?;
    let request = Digest::of_parts(&[b"POST /restore", subject.as_bytes()]);
    command.idempotency = key.map(|key| (key, request));
    command.message = message(&sent, &subject)?;
    let done = submit(&native.registry, &caller, command, &subject).await?;
    let view = &done.view;
    let epoch = match &xid {
        Xid::Version { .. } => view.version_at(&xid).map(|version| version.epoch),
        Xid::Group { .. } => view.group_at(&xid).map(|group| group.epoch()),
        _ => view.resource_at(&xid).map(|resource| resource.meta().epoch),
    };
    let url = format!("{}/api{xid}", caller.base);
    let restored = Restoration { xid: subject, url, position: done.position.0, epoch };
    let mut response = answer::json(StatusCode::OK, &restored);
    response.headers_mut().insert(headers::MUSTER_POSITION, done.position.0.into());
    if let Some(id) = correlation(&native.registry, &done).await {
        response.headers_mut().insert(headers::XREGISTRY_CORRELATION_ID, id);
    }
    Ok(response)
}

/// The xid of a group, a document or a version; nothing else can be deleted and restored.
fn xid(path: &str) -> Result<Xid, Problem> {
    let text = format!("/{}", path.trim_matches('/'));
    let shown: String = text.chars().take(400).collect();
    match text.parse() {
        Ok(xid @ (Xid::Group { .. } | Xid::Resource { .. } | Xid::Version { .. })) => Ok(xid),
        Ok(_) => Err(Problem::new(ErrorKind::ActionNotSupported { action: "restore".to_owned() })
            .subject(&shown)),
        Err(error) => Err(Problem::new(ErrorKind::MalformedXid {
            xid: shown,
            error_detail: error.to_string(),
        })
        .subject("/restore")),
    }
}

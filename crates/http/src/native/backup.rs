//! `GET /backup`: the whole ledger as one stream that proves itself.

use axum::{BoxError, Extension, extract::State, response::Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use muster_wire::{ErrorKind, Problem, headers};
use tokio::{runtime::Handle, sync::mpsc};

use super::{
    Native,
    gate::AccessGrant,
    stream::{Pieces, Source},
};
use crate::{Body, Caller, IntoProblem};

const PLACE: &str = "/backup";

/// How many pieces, of about a mebibyte each, may wait for a slow client.
const PIECES_MAX: usize = 4;

pub(super) async fn backup(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, IntoProblem> {
    let grant = native.gate.grant(&caller)?;
    let Some(running) = native.backups.begin() else {
        return Err(Problem::new(ErrorKind::BackupRunning).subject(PLACE).into());
    };
    let position = native.registry.view().position();
    let Some(mut stream) = native.registry.backup() else {
        return Err(Problem::new(ErrorKind::NotFound)
            .subject(PLACE)
            .detail("This registry is in memory only and has no key that signs a backup.")
            .into());
    };
    let (pieces, read) = mpsc::channel(PIECES_MAX);
    let runtime = Handle::current();
    // Reading and hashing keep a processor busy, so they get a thread of their own.
    tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            while let Some(piece) = stream.next().await {
                if pieces.send(piece).await.is_err() {
                    tracing::info!("the client of a backup has left");
                    break;
                }
            }
        });
        drop(running);
    });
    let body = Body::endless(Pieces::body(BackupPieces(read, grant)), caller.phase);
    let mut response = http::Response::new(body);
    let sent = response.headers_mut();
    let kind = HeaderValue::from_static("application/octet-stream");
    sent.insert(header::CONTENT_TYPE, kind);
    sent.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    sent.insert(headers::MUSTER_POSITION, position.0.into());
    Ok(response.map(Into::into))
}

/// The pieces of a backup, as long as its key is valid.
struct BackupPieces(mpsc::Receiver<Bytes>, AccessGrant);

impl Source for BackupPieces {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        let piece = self.0.recv().await?;
        // Broken off rather than ended, so that no client takes a part for the whole.
        Some(if self.1.holds() { Ok(piece) } else { Err("the key isn't valid any more".into()) })
    }
}

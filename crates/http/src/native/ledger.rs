//! `/ledger`: the state of the ledger, and its verification.

use axum::{BoxError, Extension, extract::State, response::Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use muster_ledger::Checkpoint;
use muster_registry::{FoundContent, Registry, Verification, VerifyError, VerifyProgress};
use muster_wire::{
    ErrorKind, Problem,
    ledger::{
        BrokenLedger, CheckedCheckpoint, LedgerFault, LedgerReport, SoundLedger, VerificationLine,
        VerificationProgress,
    },
};
use tokio::{runtime::Handle, sync::mpsc};

use super::{
    Native, answer,
    gate::AccessGrant,
    stream::{Pieces, Source},
};
use crate::{Body, Caller, IntoProblem};

/// How many lines may wait for a slow client. Beyond it progress lines are dropped, and the
/// verification goes on.
const LINES_MAX: usize = 16;

/// `GET /ledger`: the name and the size of the ledger.
pub(super) async fn show(State(native): State<Native>) -> Response {
    let view = native.registry.view();
    let checkpoint = native.registry.checkpoint();
    let report = LedgerReport {
        position: view.position().0,
        moment: view.moment().to_string(),
        origin: Some(view.catalog().origin()),
        key: checkpoint.map(|file| file.verifier().to_string()),
        checkpoint: checkpoint.map(|file| file.position().0),
        sitekey: native.site.public_key(),
    };
    answer::json(StatusCode::OK, &report)
}

/// `GET /ledger/checkpoint`: the newest signed checkpoint, as a note that others can verify (C2SP
/// tlog-checkpoint).
pub(super) async fn checkpoint(State(native): State<Native>) -> Result<Response, IntoProblem> {
    let (_, note) = newest_checkpoint(&native.registry, "/ledger/checkpoint").await?;
    Ok(as_text(note))
}

/// A signed note as an answer. It is replaced about once a second, so nobody may keep it.
pub(super) fn as_text(note: String) -> Response {
    let mut response = http::Response::new(Body::from(note.into_bytes()));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.map(Into::into)
}

/// The newest signed checkpoint, with its note.
///
/// # Errors
/// `not_found`: nothing is signed; `server_error`: it can't be read.
pub(super) async fn newest_checkpoint(
    registry: &Registry,
    subject: &str,
) -> Result<(Checkpoint, String), Problem> {
    let missing = || Problem::new(ErrorKind::NotFound).subject(subject);
    let Some(file) = registry.checkpoint().cloned() else {
        return Err(missing().detail("This registry is in memory only and signs no checkpoints."));
    };
    match tokio::task::spawn_blocking(move || file.read()).await {
        Ok(Ok(Some(signed))) => Ok(signed),
        Ok(Ok(None)) => Err(missing().detail("No checkpoint has been signed yet.")),
        Ok(Err(error)) => {
            tracing::error!(%error, "the checkpoint can't be read");
            Err(ErrorKind::ServerError.into())
        }
        Err(_) => Err(ErrorKind::ServerError.into()),
    }
}

/// `POST /ledger/verify`: verifies the whole ledger. Answers with lines of progress and the result.
pub(super) async fn verify(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, IntoProblem> {
    let grant = native.gate.grant(&caller)?;
    let Some(running) = native.verifications.begin() else {
        return Err(Problem::new(ErrorKind::VerificationRunning).subject("/ledger").into());
    };
    let (lines, read) = mpsc::channel(LINES_MAX);
    let registry = native.registry.clone();
    let runtime = Handle::current();
    // Folding keeps a processor busy for the whole ledger, so it gets its own thread.
    tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            tokio::select! {
                () = walk(&registry, &lines) => {}
                () = lines.closed() => tracing::info!("the client of a verification has left"),
            }
        });
        drop(running);
    });
    let body = Body::endless(Pieces::body(Lines(read, grant)), caller.phase);
    let mut response = http::Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response.map(Into::into))
}

async fn walk(registry: &Registry, lines: &mpsc::Sender<Bytes>) {
    // Sent before the first page is read, so that the client sees the start.
    let of = registry.view().position().0;
    let begun = VerificationLine::Progress(VerificationProgress { checked: 0, of });
    let _ = lines.try_send(line_bytes(&begun));
    let progress = |progress: VerifyProgress| {
        // If the queue is full, the line in it says nearly the same.
        let _ = lines.try_send(line_bytes(&progress_line(progress)));
    };
    let outcome = registry.verify(progress).await;
    if let Err(error) = &outcome {
        tracing::error!(%error, "the ledger does not verify");
    }
    let last = last_line(&outcome);
    // The client may be gone; the log has the result.
    let _ = lines.send(line_bytes(&last)).await;
}

fn line_bytes(line: &VerificationLine) -> Bytes {
    let value = serde_json::to_value(line).unwrap_or_default();
    format!("{value}\n").into()
}

/// The progress of a verification, as a line.
#[must_use]
pub fn progress_line(progress: VerifyProgress) -> VerificationLine {
    let VerifyProgress { entries, of } = progress;
    VerificationLine::Progress(VerificationProgress { checked: entries, of })
}

/// The result of a verification, as its last line.
#[must_use]
pub fn last_line(outcome: &Result<Verification, VerifyError>) -> VerificationLine {
    match outcome {
        Ok(verification) => VerificationLine::Sound(sound(verification)),
        Err(error) => {
            VerificationLine::Broken(BrokenLedger { verified: false, fault: fault(error) })
        }
    }
}

fn sound(verification: &Verification) -> SoundLedger {
    let signed = verification.checkpoint.zip(verification.signer.as_ref());
    let checkpoint = signed.map(|(position, signer)| CheckedCheckpoint {
        size: position.0,
        // The short form of the key: name and id, which hold no `+`. The key's base64 may hold one.
        key: signer.splitn(3, '+').take(2).collect::<Vec<_>>().join("+"),
        verifier: signer.to_string(),
    });
    SoundLedger {
        verified: true,
        entries: verification.entries,
        contents: verification.contents,
        purged: verification.purged,
        checkpoint,
    }
}

fn fault(error: &VerifyError) -> LedgerFault {
    let content = error.content();
    LedgerFault {
        reason: error.kind().code().to_owned(),
        what: error.to_string(),
        position: error.position().map(|position| position.0),
        moment: content.map(|content| content.moment.to_string()),
        xid: content.map(|content| content.xid.to_string()),
        expected: content.map(|content| content.expected.to_string()),
        found: content.and_then(|content| match content.found {
            FoundContent::Other(found) => Some(found.to_string()),
            _ => None,
        }),
    }
}

/// The lines of a verification as a stream.
struct Lines(mpsc::Receiver<Bytes>, AccessGrant);

impl Source for Lines {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        // Lines come many times a second.
        self.0.recv().await.filter(|_| self.1.holds()).map(Ok)
    }
}

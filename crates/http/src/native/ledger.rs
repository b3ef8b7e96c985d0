//! `/ledger`: what the registry stands on, and whether it still holds.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{BoxError, Extension, extract::State, response::Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use muster_ledger::checkpoint::origin;
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

/// Lines that wait for a client to read them. A client that reads more slowly misses some of the
/// progress, and the walk goes on.
const LINES_MAX: usize = 16;

/// `GET /ledger`: which ledger it is and how far it goes.
pub(super) async fn show(State(native): State<Native>) -> Response {
    let view = native.registry.view();
    let checkpoint = native.registry.checkpoint();
    let report = LedgerReport {
        position: view.position().0,
        moment: view.moment().to_string(),
        origin: origin(view.id(), "changes").map(|name| name.to_string()).ok(),
        key: checkpoint.map(|file| file.verifier().to_string()),
        checkpoint: checkpoint.map(|file| file.position().0),
    };
    answer::json(StatusCode::OK, &report)
}

/// `GET /ledger/checkpoint`: the newest signed checkpoint, as the note that others can check (C2SP
/// tlog-checkpoint).
pub(super) async fn checkpoint(State(native): State<Native>) -> Result<Response, IntoProblem> {
    let missing = || Problem::new(ErrorKind::NotFound).subject("/ledger/checkpoint");
    let Some(file) = native.registry.checkpoint().cloned() else {
        return Err(missing()
            .detail("This registry keeps nothing on disk and signs nothing.")
            .into());
    };
    let read = tokio::task::spawn_blocking(move || file.read()).await;
    let note = match read {
        Ok(Ok(Some((_, note)))) => note,
        Ok(Ok(None)) => return Err(missing().detail("None has been signed yet.").into()),
        Ok(Err(error)) => {
            tracing::error!(%error, "the checkpoint can't be read");
            return Err(ErrorKind::ServerError.into());
        }
        Err(_) => return Err(ErrorKind::ServerError.into()),
    };
    let mut response = http::Response::new(Body::from(note.into_bytes()));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response.map(Into::into))
}

/// Whether a verification runs: one reads as fast as it can, two would only take turns.
#[derive(Default)]
pub(super) struct Verifications {
    running: AtomicBool,
}

/// The verification that runs; another may begin when this is dropped.
struct Running(Arc<Verifications>);

impl Running {
    fn begin(all: &Arc<Verifications>) -> Option<Self> {
        let begun = !all.running.swap(true, Ordering::AcqRel);
        begun.then(|| Self(Arc::clone(all)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.store(false, Ordering::Release);
    }
}

/// `POST /ledger/verify`: walks the whole ledger. Lines of progress, then one that says what was
/// found.
pub(super) async fn verify(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, IntoProblem> {
    let Some(running) = Running::begin(&native.verifications) else {
        return Err(Problem::new(ErrorKind::VerificationRunning).subject("/ledger").into());
    };
    let (lines, read) = mpsc::channel(LINES_MAX);
    let registry = native.registry.clone();
    let runtime = Handle::current();
    // Folding takes a processor for as long as the ledger is long, so it gets a thread of its own.
    tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            tokio::select! {
                () = walk(&registry, &lines) => {}
                () = lines.closed() => tracing::info!("who asked for a verification has left"),
            }
        });
        drop(running);
    });
    let grant = native.gate.grant(&caller.principal);
    let body = Body::endless(Pieces::body(Lines(read, grant)), caller.phase);
    let mut response = http::Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response.map(Into::into))
}

async fn walk(registry: &Registry, lines: &mpsc::Sender<Bytes>) {
    // Said before the first page is read, so that who asked sees that it runs.
    let of = registry.view().position().0;
    let begun = VerificationLine::Progress(VerificationProgress { checked: 0, of });
    let _ = lines.try_send(line_bytes(&begun));
    let progress = |progress: VerifyProgress| {
        // A line that nobody has read yet says nearly the same.
        let _ = lines.try_send(line_bytes(&progress_line(progress)));
    };
    let outcome = registry.verify(progress).await;
    if let Err(error) = &outcome {
        tracing::error!(%error, "the ledger does not verify");
    }
    let last = last_line(&outcome);
    // Whoever asked may have left; the log has it.
    let _ = lines.send(line_bytes(&last)).await;
}

fn line_bytes(line: &VerificationLine) -> Bytes {
    let value = serde_json::to_value(line).unwrap_or_default();
    format!("{value}\n").into()
}

/// How far a verification has come, as a line says it.
#[must_use]
pub fn progress_line(progress: VerifyProgress) -> VerificationLine {
    let VerifyProgress { entries, of } = progress;
    VerificationLine::Progress(VerificationProgress { checked: entries, of })
}

/// What a verification found, as its last line says it.
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
        // The part of a verifier's text that people compare: name and key id. They have no `+`;
        // the key's base64 may.
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
        code: error.kind().code().to_owned(),
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

/// The lines of a verification as they come.
struct Lines(mpsc::Receiver<Bytes>, AccessGrant);

impl Source for Lines {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        // Lines come many times a second.
        self.0.recv().await.filter(|_| self.1.holds()).map(Ok)
    }
}

use muster_http::Phase;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// SIGXFSZ, by the number that Linux and macOS give it.
const FILE_SIZE_EXCEEDED: i32 = 25;

/// Lets the first SIGTERM or SIGINT drain the server and the second stop it at once.
pub(super) fn follow() -> std::io::Result<watch::Receiver<Phase>> {
    let (phase, watched) = watch::channel(Phase::Running);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Once caught it stays so for good, and a write past the limit fails as on a full disk; else
    // it would end the process.
    drop(signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED))?);
    tokio::spawn(async move {
        for next in [Phase::Draining, Phase::Stopping] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!(?next, "told to stop");
            phase.send_replace(next);
        }
        // The sender stays, so that who watches isn't told that nobody is left to say anything.
        std::future::pending::<()>().await;
    });
    Ok(watched)
}

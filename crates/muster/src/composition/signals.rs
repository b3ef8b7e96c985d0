use muster_http::Phase;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// SIGXFSZ, by the number that Linux and macOS give it.
const FILE_SIZE_EXCEEDED: i32 = 25;

/// Lets the first SIGTERM or SIGINT drain the server and the second stop it at once. A fault that
/// only a new start mends is as good as a signal.
pub(super) fn follow(
    fault: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<watch::Receiver<Phase>> {
    let (phase, watched) = watch::channel(Phase::Running);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Once caught it stays so for good, and a write past the limit fails as on a full disk; else
    // it would end the process.
    drop(signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED))?);
    tokio::spawn(async move {
        let mut fault = std::pin::pin!(fault);
        for next in [Phase::Draining, Phase::Stopping] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = &mut fault, if next == Phase::Draining => {}
            }
            tracing::info!(?next, "told to stop");
            phase.send_replace(next);
        }
        // The sender stays, so that who watches isn't told that nobody is left to say anything.
        std::future::pending::<()>().await;
    });
    Ok(watched)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[tokio::test]
    async fn a_fault_drains_the_server_once() {
        let mut phase = follow(std::future::ready(())).unwrap();
        phase.wait_for(|phase| *phase == Phase::Draining).await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(*phase.borrow(), Phase::Draining);
    }
}

use muster_http::Phase;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// SIGXFSZ; Linux and macOS use the same number.
const FILE_SIZE_EXCEEDED: i32 = 25;

/// Keeps SIGHUP from ending the process, for as long as it lives: the signal asks a server to look
/// at its files again, and a server that has none to look at goes on.
pub(super) fn survive_hang_up() -> std::io::Result<()> {
    // Once a handler is set, the signal stays caught.
    drop(signal(SignalKind::hangup())?);
    Ok(())
}

/// The first SIGTERM or SIGINT drains the server, the second stops it at once. A fault that needs a
/// restart counts as a signal. `note` is called before anybody knows of the first one.
pub(super) fn follow(
    fault: impl Future<Output = ()> + Send + 'static,
    note: impl Fn() + Send + 'static,
) -> std::io::Result<watch::Receiver<Phase>> {
    let (phase, watched) = watch::channel(Phase::Running);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Once a handler is set, the signal stays caught, and a write beyond the limit fails as on a
    // full disk. Without it the signal would end the process.
    drop(signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED))?);
    tokio::spawn(async move {
        let mut fault = std::pin::pin!(fault);
        for next in [Phase::Draining, Phase::Stopping] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = &mut fault, if next == Phase::Draining => {}
            }
            tracing::info!(?next, "stopping after a signal");
            note();
            phase.send_replace(next);
        }
        // Keep the sender: if it were dropped, watchers would see a closed channel.
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
        let mut phase = follow(std::future::ready(()), || {}).unwrap();
        phase.wait_for(|phase| *phase == Phase::Draining).await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(*phase.borrow(), Phase::Draining);
    }
}

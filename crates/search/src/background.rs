use std::{io, thread};

use tokio::sync::oneshot;

/// How much nicer a thread is than others: the most that there is.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 19;

/// Runs work that keeps a processor busy on a thread of its own, which yields to all others: words
/// are found a little later while many documents are written, but no write waits for them.
///
/// # Errors
/// The thread can't be started, or the work panicked.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    thread::Builder::new().name("words".to_owned()).spawn(move || {
        yield_to_others();
        // Whoever waits may be gone.
        let _ = done.send(work());
    })?;
    result.await.map_err(io::Error::other)
}

/// On Linux the niceness is that of a thread. Elsewhere it would be that of the whole server.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "the thread of words can't yield to others");
    }
}

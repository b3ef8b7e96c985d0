use std::sync::{Mutex, PoisonError};

use pyo3::{exceptions::PyOSError, prelude::*};
use tokio::runtime::{Builder, Runtime};

/// The threads that read sites. They only wait for the network, so two are enough.
const THREADS: usize = 2;

/// The runtime of this process. It is never dropped: whoever waits for it may be any thread.
static RUNTIME: Mutex<Option<&'static Runtime>> = Mutex::new(None);

/// The runtime, which begins when it is first needed. Only callers that are attached to the
/// interpreter take the lock, so it is free when the process forks.
pub fn runtime(_: Python<'_>) -> PyResult<&'static Runtime> {
    let mut running = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = *running {
        return Ok(runtime);
    }
    let began = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("muster-registry")
        .enable_all()
        .build();
    let runtime = began.map_err(|error| PyOSError::new_err(error.to_string()))?;
    Ok(running.insert(Box::leak(Box::new(runtime))))
}

/// Forgets the runtime after a fork: its threads are in the other process.
#[pyfunction]
pub fn begin_anew() {
    *RUNTIME.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

use std::{
    sync::{
        Mutex, PoisonError,
        mpsc::{RecvTimeoutError, channel},
    },
    time::Duration,
};

use pyo3::{exceptions::PyOSError, prelude::*};
use tokio::runtime::{Builder, Runtime};

use crate::failure;

/// The threads that read sites. They only wait for the network, so two are enough.
const THREADS: usize = 2;

/// How long a waiting thread doesn't look whether somebody pressed Ctrl-C.
const SIGNAL_PAUSE: Duration = Duration::from_millis(50);

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

/// Runs work and waits for it. Other threads of Python go on, and Ctrl-C ends the waiting.
pub fn waited<T: Send + 'static>(
    py: Python<'_>,
    work: impl Future<Output = T> + Send + 'static,
) -> PyResult<T> {
    let (sender, receiver) = channel();
    runtime(py)?.spawn(async move {
        // Nobody may be waiting any more.
        let _ = sender.send(work.await);
    });
    // Only one thread has it, and it moves with every wait.
    let receiver = std::sync::Mutex::new(receiver);
    loop {
        let wait = || match receiver.lock() {
            Ok(receiver) => receiver.recv_timeout(SIGNAL_PAUSE),
            Err(_) => Err(RecvTimeoutError::Disconnected),
        };
        match py.detach(wait) {
            Ok(found) => return Ok(found),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => return Err(failure::lost()),
        }
    }
}

/// Calls `done(answer, error)` from a thread of the runtime.
pub fn call_back(done: &Py<PyAny>, answer: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>>) {
    // Without an interpreter nobody waits.
    let _ = Python::try_attach(|py| {
        let (answer, error) = match answer(py) {
            Ok(answer) => (answer, py.None()),
            Err(error) => (py.None(), error.into_value(py).into_any()),
        };
        // The loop that waited may be closed.
        let _ = done.call1(py, (answer, error));
    });
}

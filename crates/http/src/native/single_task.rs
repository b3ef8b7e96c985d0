use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A task of which one runs at a time: it already reads as fast as it can, so two would only
/// compete.
#[derive(Clone, Default)]
pub(super) struct SingleTask {
    running: Arc<AtomicBool>,
}

/// The running task; another one may start when this is dropped.
pub(super) struct Running(Arc<AtomicBool>);

impl SingleTask {
    /// Begins the task; none if it runs already.
    pub(super) fn begin(&self) -> Option<Running> {
        let begun = !self.running.swap(true, Ordering::AcqRel);
        begun.then(|| Running(self.running.clone()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

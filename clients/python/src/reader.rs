use std::sync::Arc;

use muster_client::site::{SiteError, SiteReader};
use pyo3::prelude::*;
use tokio::sync::Mutex;

use crate::{
    answer, failure,
    options::ReaderOptions,
    question::{Question, Told, Watch},
    runtime::{call_back, runtime, waited},
};

/// A reader of a published site.
#[pyclass(frozen)]
pub struct Reader {
    reader: SiteReader,
}

#[pymethods]
impl Reader {
    /// A reader of these sources, which are asked in their order.
    #[new]
    fn new(
        py: Python<'_>,
        sources: Vec<Bound<'_, PyAny>>,
        options: ReaderOptions,
    ) -> PyResult<Self> {
        Ok(Self { reader: options.reader(py, &sources)? })
    }

    /// A file that is fresh and in memory, at once; None where it isn't.
    fn fresh(&self, py: Python<'_>, path: &str) -> PyResult<Option<Py<PyAny>>> {
        let found = self.reader.fresh(path);
        found.map(|document| answer::kept_object_of(py, &document)).transpose()
    }

    /// As `fresh`, for a stack by its type.
    fn fresh_stack(&self, py: Python<'_>, stack_type: &str) -> PyResult<Option<Py<PyAny>>> {
        let found = self.reader.fresh_stack(stack_type);
        found.map(|document| answer::kept_object_of(py, &document)).transpose()
    }

    /// Asks, and waits for the answer. Other threads of Python go on, and Ctrl-C ends it.
    fn ask(&self, py: Python<'_>, name: &str, argument: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let question = Question::new(name, argument)?;
        let told = waited(py, question.ask(self.reader.clone()))?;
        object_of(py, told)
    }

    /// Asks, and calls `done(answer, error)` on another thread when the answer is there.
    fn begin(
        &self,
        py: Python<'_>,
        name: &str,
        argument: &Bound<'_, PyAny>,
        done: Py<PyAny>,
    ) -> PyResult<()> {
        let question = Question::new(name, argument)?;
        let reader = self.reader.clone();
        runtime(py)?.spawn(async move {
            let told = question.ask(reader).await;
            call_back(&done, |py| object_of(py, told));
        });
        Ok(())
    }

    /// How the source is doing.
    fn health<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        answer::told(py, &self.reader.get_health_status())
    }

    /// What is in memory.
    fn statistics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        answer::told(py, &self.reader.get_cache_stats())
    }

    /// Follows the site from when it is first asked.
    fn watch(&self) -> Watch {
        Watch { watch: Arc::new(Mutex::new(self.reader.watch())) }
    }

    /// Forgets what is in memory; the disk stays.
    fn clear(&self) {
        self.reader.clear_cache();
    }

    /// Keeps what a forked process must not close: its connections are the other process's.
    #[expect(
        clippy::disallowed_methods,
        reason = "closing a connection would end it in the other process, too"
    )]
    fn leave_to_parent(&self) {
        std::mem::forget(self.reader.clone());
    }
}

fn object_of(py: Python<'_>, told: Result<Told, SiteError>) -> PyResult<Py<PyAny>> {
    told.map_err(|error| failure::of_site(py, &error))?.object(py)
}

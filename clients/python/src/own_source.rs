use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use muster_client::site::{SiteSource, SourceFault};
use pyo3::prelude::*;

/// A source that the application wrote in Python: an object with `fetch(path)`, which returns bytes,
/// or None where there is no such file. It may be a coroutine.
pub struct OwnSource {
    object: Arc<Py<PyAny>>,
    place: String,
}

impl OwnSource {
    pub fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let place = match object.getattr_opt("place")? {
            Some(place) => place.str()?.to_string(),
            None => object.get_type().name()?.to_string(),
        };
        Ok(Self { object: Arc::new(object.clone().unbind()), place })
    }
}

#[async_trait]
impl SiteSource for OwnSource {
    async fn fetch(&self, path: &str) -> Result<Option<Bytes>, SourceFault> {
        let (object, path) = (self.object.clone(), path.to_owned());
        // Python may take its time, and must not hold up other documents.
        let fetched = tokio::task::spawn_blocking(move || {
            Python::try_attach(|py| {
                called(object.bind(py), &path).map_err(|error| fault(py, &error))
            })
        });
        let ended = || SourceFault::new("the interpreter ends");
        fetched.await.map_err(SourceFault::new)?.unwrap_or_else(|| Err(ended()))
    }

    fn refuse(&self, _path: &str) {}

    fn place(&self) -> &str {
        &self.place
    }
}

fn called(object: &Bound<'_, PyAny>, path: &str) -> PyResult<Option<Bytes>> {
    let py = object.py();
    let mut found = object.call_method1("fetch", (path,))?;
    if found.hasattr("__await__")? {
        found = py.import("muster_registry._sources")?.getattr("awaited")?.call1((found,))?;
    }
    let bytes: Option<Vec<u8>> = found.extract()?;
    Ok(bytes.map(Bytes::from))
}

fn fault(py: Python<'_>, error: &PyErr) -> SourceFault {
    let wish = error.value(py).getattr("retry_after").and_then(|wish| wish.extract::<f64>());
    let wish = wish.ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    SourceFault { what: error.to_string(), retry_after: wish }
}

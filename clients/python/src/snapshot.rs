use std::sync::Arc;

use muster_client::site::Snapshot;
use pyo3::prelude::*;

use crate::failure;

/// A whole site in one file, which a program brings.
#[pyclass(name = "SiteSnapshot", frozen, subclass)]
pub struct SiteSnapshot {
    pub(crate) snapshot: Arc<Snapshot>,
}

#[pymethods]
impl SiteSnapshot {
    /// Reads the bytes of a snapshot and checks every digest in it.
    #[new]
    fn new(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        let snapshot = Snapshot::read(bytes).map_err(|error| failure::of_data(py, &error))?;
        Ok(Self { snapshot: Arc::new(snapshot) })
    }

    /// The number of its manifest.
    #[getter]
    fn version(&self) -> u64 {
        self.snapshot.version()
    }
}

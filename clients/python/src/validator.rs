use muster_schema::{Payload, SchemaBundle, Validator};
use muster_words::{Xid, json};
use pyo3::{prelude::*, types::PyBytes};

use crate::{answer, failure};

/// Checks payloads against the schemas of a bundle, without a registry.
#[pyclass(name = "BundleValidator", frozen)]
pub struct BundleValidator {
    validator: Validator,
}

#[pymethods]
impl BundleValidator {
    /// Reads a bundle, and checks that it is whole and unchanged.
    #[new]
    fn new(py: Python<'_>, bundle: &[u8]) -> PyResult<Self> {
        let bundle = SchemaBundle::read(bundle).map_err(|error| failure::of_data(py, &error))?;
        Ok(Self { validator: Validator::new(bundle) })
    }

    /// The schemas' names without versions.
    fn names(&self) -> Vec<String> {
        self.validator.bundle().names().map(|(name, _)| name.to_string()).collect()
    }

    /// The version that a schema's name means, if it is in the bundle.
    fn version(&self, py: Python<'_>, schema: &str) -> PyResult<Option<String>> {
        let found = self.validator.bundle().find(&xid(py, schema)?);
        Ok(found.map(|(version, _)| version.to_string()))
    }

    /// Compiles a schema, or all of them, before it is needed.
    fn prepare(&self, py: Python<'_>, schema: &str) -> PyResult<()> {
        let prepared = self.validator.schema(&xid(py, schema)?);
        prepared.map(|_| ()).map_err(|error| failure::of_data(py, &error))
    }

    /// Checks a payload, JSON as text or another format's bytes, and returns all violations.
    #[pyo3(signature = (schema, payload, message=None))]
    fn check<'py>(
        &self,
        py: Python<'py>,
        schema: &str,
        payload: &Bound<'py, PyAny>,
        message: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let schema = xid(py, schema)?;
        let checked = match payload.cast::<PyBytes>() {
            Ok(bytes) => {
                let bytes = bytes.as_bytes();
                py.detach(|| self.validator.check(&schema, Payload::Binary(bytes), message))
            }
            Err(_) => {
                let text: String = payload.extract()?;
                let value = json::parse(text.as_bytes());
                let value = value.map_err(|error| failure::of_data(py, &error))?;
                py.detach(|| self.validator.check(&schema, Payload::Json(&value), message))
            }
        };
        answer::told(py, &checked.map_err(|error| failure::of_data(py, &error))?)
    }
}

/// A schema's name, which may be written as at a command line, without its first `/`.
fn xid(py: Python<'_>, text: &str) -> PyResult<Xid> {
    format!("/{}", text.trim_start_matches('/'))
        .parse()
        .map_err(|_| failure::of_option(py, &format!("{text:?} isn't the name of a schema")))
}

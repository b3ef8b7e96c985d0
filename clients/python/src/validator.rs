use muster_validator::{
    CheckedPayload, OwnedPayload, PayloadValidator, Precompile, UncheckedPayload, ValidatorSettings,
};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict},
};

use crate::{
    answer, failure,
    runtime::{call_back, runtime, waited},
};

/// Checks payloads against schemas from a registry, a site, a folder or a bundle.
#[pyclass(name = "SchemaValidator", frozen)]
pub struct SchemaValidator {
    validator: PayloadValidator,
    precompile: Precompile,
}

/// A payload: JSON as text, or bytes, which Confluent's serializers may have framed.
fn own_payload(
    py: Python<'_>,
    payload: &Bound<'_, PyAny>,
    is_framed: bool,
) -> PyResult<OwnedPayload> {
    if let Ok(bytes) = payload.cast::<PyBytes>() {
        return Ok(OwnedPayload::bytes(bytes.as_bytes(), is_framed));
    }
    let text: String = payload.extract()?;
    py.detach(|| OwnedPayload::json(&text)).map_err(|error| failure::of_data(py, &error))
}

#[pymethods]
impl SchemaValidator {
    /// A validator as the options say, which are JSON, with the bytes of a bundle.
    #[new]
    #[pyo3(signature = (options, bundle=None))]
    fn new(py: Python<'_>, options: &str, bundle: Option<&[u8]>) -> PyResult<Self> {
        let settings: Result<ValidatorSettings, _> = serde_json::from_str(options);
        let settings = settings.map_err(|error| failure::of_option(py, &error))?;
        let runtime = runtime(py)?.handle().clone();
        let built = py.detach(|| settings.build(bundle, Some(runtime)));
        let (validator, precompile) = built.map_err(|error| match error.is_of_data() {
            true => failure::of_data(py, &error),
            false => failure::of_option(py, &error),
        })?;
        Ok(Self { validator, precompile })
    }

    /// The names of all schemas, without versions.
    fn names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let validator = self.validator.clone();
        let names = waited(py, async move { validator.names().await })?;
        Ok(names.iter().map(ToString::to_string).collect())
    }

    /// Compiles a schema before it is needed.
    fn prepare(&self, py: Python<'_>, schema: String) -> PyResult<()> {
        let validator = self.validator.clone();
        let prepared = waited(py, async move { validator.prepare(&schema).await })?;
        prepared.map_err(|error| failure::of_unchecked(py, &error))
    }

    /// Compiles what the options name, and says how many schemas those are.
    fn precompile(&self, py: Python<'_>) -> PyResult<usize> {
        let (validator, which) = (self.validator.clone(), self.precompile.clone());
        let count = waited(py, async move { validator.precompile(&which).await })?;
        count.map_err(|error| failure::of_unchecked(py, &error))
    }

    /// Checks a payload, JSON as text or another format's bytes, and waits for its schema.
    #[pyo3(signature = (schema, payload, message=None, is_framed=false))]
    fn check<'py>(
        &self,
        py: Python<'py>,
        schema: String,
        payload: &Bound<'py, PyAny>,
        message: Option<String>,
        is_framed: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let own = own_payload(py, payload, is_framed)?;
        if self.validator.is_ready(&schema) {
            let check =
                || self.validator.check_in_memory(&schema, own.payload(), message.as_deref());
            let checked = py.detach(check);
            // It may have gone meanwhile.
            if !matches!(checked, Err(UncheckedPayload::NotReady { .. })) {
                return told(py, checked);
            }
        }
        let validator = self.validator.clone();
        let checked = waited(py, async move {
            validator.check(&schema, own.payload(), message.as_deref()).await
        })?;
        told(py, checked)
    }

    /// Checks a payload, and calls `done(answer, error)` on another thread.
    fn begin_check(
        &self,
        py: Python<'_>,
        schema: String,
        payload: &Bound<'_, PyAny>,
        message: Option<String>,
        is_framed: bool,
        done: Py<PyAny>,
    ) -> PyResult<()> {
        let own = own_payload(py, payload, is_framed)?;
        let validator = self.validator.clone();
        runtime(py)?.spawn(async move {
            let checked = validator.check(&schema, own.payload(), message.as_deref()).await;
            call_back(&done, |py| told(py, checked).map(Bound::unbind));
        });
        Ok(())
    }

    /// How it is doing.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        answer::told(py, &self.validator.status())
    }

    /// Forgets what is in memory.
    fn clear(&self) {
        self.validator.clear();
    }
}

fn told(
    py: Python<'_>,
    checked: Result<CheckedPayload, UncheckedPayload>,
) -> PyResult<Bound<'_, PyAny>> {
    let checked = checked.map_err(|error| failure::of_unchecked(py, &error))?;
    let found = PyDict::new(py);
    found.set_item("valid", checked.valid)?;
    found.set_item("errors", answer::told(py, &checked.violations)?)?;
    found.set_item("schemaId", checked.schema.to_string())?;
    found.set_item("version", checked.version)?;
    Ok(found.into_any())
}

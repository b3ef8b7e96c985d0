use muster_client::site::SiteError;
use muster_validator::UncheckedPayload;
use pyo3::{exceptions::PyRuntimeError, prelude::*};

/// The module with the exceptions.
const ERRORS: &str = "muster_registry._errors";

/// The exception for a failure of the reader.
pub fn of_site(py: Python<'_>, error: &SiteError) -> PyErr {
    let (class, path) = match error {
        SiteError::Absent { path } => ("RegistryNotFoundError", path),
        SiteError::Unreachable { path, .. } => ("RegistryConnectionError", path),
        SiteError::Data { path, .. } => ("RegistryDataError", path),
    };
    raised(py, class, &error.to_string(), Some(path))
}

/// The exception for a payload that wasn't checked.
pub fn of_unchecked(py: Python<'_>, error: &UncheckedPayload) -> PyErr {
    let class = match error {
        UncheckedPayload::Name { .. } => "RegistryOptionError",
        UncheckedPayload::Unknown { .. } => "RegistryNotFoundError",
        UncheckedPayload::Unreachable { .. } | UncheckedPayload::NotReady { .. } => {
            "RegistryConnectionError"
        }
        UncheckedPayload::Schema { .. } | UncheckedPayload::Payload(_) => "RegistryDataError",
    };
    raised(py, class, &error.to_string(), None)
}

/// The exception for an option that can't be used.
pub fn of_option(py: Python<'_>, what: &dyn std::fmt::Display) -> PyErr {
    raised(py, "RegistryOptionError", &what.to_string(), None)
}

/// The exception for data in another form.
pub fn of_data(py: Python<'_>, what: &dyn std::fmt::Display) -> PyErr {
    raised(py, "RegistryDataError", &what.to_string(), None)
}

/// The exception for keys that can't be used.
pub fn of_keys(py: Python<'_>, what: &dyn std::fmt::Display) -> PyErr {
    raised(py, "RegistryEncryptionError", &what.to_string(), None)
}

fn raised(py: Python<'_>, class: &str, what: &str, path: Option<&str>) -> PyErr {
    let made = py.import(ERRORS).and_then(|module| module.getattr(class)?.call1((what, path)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// What can't happen, as an error all the same.
pub fn lost() -> PyErr {
    PyRuntimeError::new_err("the reader ended without an answer")
}

use std::time::Duration;

use muster_client::site::{FreshDocument, SiteAnswer, Tier};
use pyo3::{
    prelude::*,
    sync::PyOnceLock,
    types::{PyDict, PyInt, PyList, PyString},
};
use serde::Serialize;
use serde_json::{Number, Value};

/// The module with the classes of answers.
const CLASSES: &str = "muster_registry._answer";

/// The classes of Python that answers are made of.
struct Classes {
    answer: Py<PyAny>,
    object: Py<PyAny>,
    array: Py<PyAny>,
}

static FOUND: PyOnceLock<Classes> = PyOnceLock::new();

fn classes(py: Python<'_>) -> PyResult<&Classes> {
    FOUND.get_or_try_init(py, || {
        let module = py.import(CLASSES)?;
        let class = |name: &str| module.getattr(name).map(Bound::unbind);
        let (answer, object) = (class("Answer")?, class("ReadOnlyDict")?);
        Ok(Classes { answer, object, array: class("ReadOnlyList")? })
    })
}

/// An answer as Python's object, which nobody can change.
pub fn object_of(py: Python<'_>, answer: &SiteAnswer) -> PyResult<Py<PyAny>> {
    made(py, &answer.value, answer.tier, answer.age, &answer.version)
}

/// The object of a fresh document. It is made once and kept beside the document.
pub fn kept_object_of(py: Python<'_>, document: &FreshDocument) -> PyResult<Py<PyAny>> {
    if let Some(kept) = document.attached::<Py<PyAny>>() {
        return Ok(kept.clone_ref(py));
    }
    let age = Some(document.age());
    let object = made(py, &document.value, Tier::Fresh, age, &document.version)?;
    document.attach(object.clone_ref(py));
    Ok(object)
}

fn made(
    py: Python<'_>,
    value: &Value,
    tier: Tier,
    age: Option<Duration>,
    version: &str,
) -> PyResult<Py<PyAny>> {
    let members = PyDict::new(py);
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                members.set_item(name, read_only(py, value)?)?;
            }
        }
        // A document that isn't an object has no names of its own.
        other => members.set_item("value", read_only(py, other)?)?,
    }
    let age = age.map(|age| age.as_secs_f64());
    classes(py)?.answer.call1(py, (members, tier.name(), age, version))
}

fn read_only<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Object(object) => {
            let members = PyDict::new(py);
            for (name, value) in object {
                members.set_item(name, read_only(py, value)?)?;
            }
            classes(py)?.object.bind(py).call1((members,))
        }
        Value::Array(array) => {
            let items: PyResult<Vec<_>> = array.iter().map(|item| read_only(py, item)).collect();
            classes(py)?.array.bind(py).call1((PyList::new(py, items?)?,))
        }
        other => plain(py, other),
    }
}

/// A value as Python's own objects.
pub fn plain<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Bool(value) => Ok(value.into_pyobject(py)?.to_owned().into_any()),
        Value::Number(number) => number_of(py, number),
        Value::String(text) => Ok(PyString::new(py, text).into_any()),
        Value::Array(array) => {
            let items: PyResult<Vec<_>> = array.iter().map(|item| plain(py, item)).collect();
            Ok(PyList::new(py, items?)?.into_any())
        }
        Value::Object(object) => {
            let members = PyDict::new(py);
            for (name, value) in object {
                members.set_item(name, plain(py, value)?)?;
            }
            Ok(members.into_any())
        }
    }
}

/// A number as Python's own reader of JSON reads it: whole ones keep all their digits.
fn number_of<'py>(py: Python<'py>, number: &Number) -> PyResult<Bound<'py, PyAny>> {
    if let Some(whole) = number.as_i64() {
        return Ok(whole.into_pyobject(py)?.into_any());
    }
    let text = number.to_string();
    if text.contains(['.', 'e', 'E']) {
        let read: f64 = text.parse().unwrap_or(f64::NAN);
        return Ok(read.into_pyobject(py)?.into_any());
    }
    py.get_type::<PyInt>().call1((text,))
}

/// What serde writes, as Python's own objects.
pub fn told<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    plain(py, &serde_json::to_value(value).unwrap_or_default())
}

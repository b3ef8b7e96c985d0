//! The Python package `muster-registry`, in so far as it is Rust: the reader of published sites, the
//! validator of payloads and the keys of encrypted ones, as objects of CPython.
//!
//! It has no rules of its own: what an answer is, the client decides, and what Python's habits ask
//! for (names, exceptions, logging, asyncio) is written in Python beside it. No room of the server
//! is in it.

mod answer;
mod encryption;
mod failure;
mod options;
mod own_source;
mod question;
mod reader;
mod runtime;
mod snapshot;
mod validator;

use pyo3::prelude::*;

/// The module that Python's part of the package stands on.
#[pymodule]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("VERSION", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<reader::Reader>()?;
    module.add_class::<question::Watch>()?;
    module.add_class::<snapshot::SiteSnapshot>()?;
    module.add_class::<validator::SchemaValidator>()?;
    module.add_class::<encryption::EncryptionKeys>()?;
    module.add_function(wrap_pyfunction!(runtime::begin_anew, module)?)
}

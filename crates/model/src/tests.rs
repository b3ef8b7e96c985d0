#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what must hold")]

mod building;
mod checking;
mod golden;
mod hostile;
mod laws;
mod reference;

use serde_json::{Map, Value, json};

use super::*;

/// Compiles a model without the built-in one.
fn bare(source: Value) -> Result<Model, ModelFault> {
    Model::compile(&source, Foundation::Bare)
}

/// A model with one group type and one resource type, whose versions have these attributes.
fn of_versions(attributes: Value) -> Result<Model, ModelFault> {
    bare(dirs(json!({ "attributes": attributes })))
}

/// `dirs` with `files` that have these additional members.
fn dirs(resource: Value) -> Value {
    let mut files = json!({ "singular": "file" });
    files.as_object_mut().unwrap().extend(resource.as_object().unwrap().clone());
    json!({ "groups": { "dirs": { "singular": "dir", "resources": { "files": files } } } })
}

/// The xRegistry error for a fault.
fn code(fault: &ModelFault) -> &'static str {
    match fault {
        ModelFault::DefaultNotScalar { .. } => "model_scalar_default",
        ModelFault::DefaultNotRequired { .. } => "model_required_true",
        ModelFault::NeedsFormat { .. } => "bad_request",
        _ => "model_error",
    }
}

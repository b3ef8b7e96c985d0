use thiserror::Error;

/// Why a model can't be taken.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ModelFault {
    /// Under construction.
    #[error("{0}")]
    Text(String),
}

impl ModelFault {
    /// The xRegistry error, such as `model_error`. Its subject is `/model`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "model_error"
    }
    /// What the error's title names, as (argument, value): `error_detail`, `name`, ….
    #[must_use]
    pub fn args(&self) -> Vec<(&'static str, String)> {
        vec![("error_detail", self.to_string())]
    }
}

/// Why an entity's attributes can't be taken.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum AttributeFault {
    /// Under construction.
    #[error("{0}")]
    Text(String),
}

impl AttributeFault {
    /// The xRegistry error: `invalid_attribute`, `unknown_attribute`,
    /// `required_attribute_missing`. Its subject is the entity's xid, which the caller knows.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "invalid_attribute"
    }
    /// What the error's title names, as (argument, value): `name`, `error_detail`, `list`.
    #[must_use]
    pub fn args(&self) -> Vec<(&'static str, String)> {
        vec![("error_detail", self.to_string())]
    }
}

use serde_json::Value;
use thiserror::Error;

use crate::{Kind, limits};

/// Why an entity's attributes can't be taken. Paths are in xRegistry's dot notation
/// (`labels.owner`, `tags[2]`). The text of each is the `error_detail` of its error.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum AttributeFault {
    /// The model has no such attribute.
    #[error("{path:?} is unknown")]
    Unknown {
        /// Its path.
        path: String,
    },
    /// Required attributes have no value.
    #[error("{} must have a value", paths.join(", "))]
    Missing {
        /// All of them.
        paths: Vec<String>,
    },
    /// A value is not of its type.
    #[error("must be {}{}", article(*kind), .kind)]
    Type {
        /// Its path.
        path: String,
        /// The type.
        kind: Kind,
    },
    /// A value is not one of those that the model lists.
    #[error("value ({}) must be one of the enum values: {}", plain(value), list(choices))]
    NotAChoice {
        /// Its path.
        path: String,
        /// The value.
        value: Value,
        /// Those that the model lists.
        choices: Vec<Value>,
    },
    /// The name of an attribute, or a key of a map, has other characters than it may have.
    #[error("the name {name:?} must match {rule}")]
    Name {
        /// The path of what holds it.
        path: String,
        /// The name, or its beginning.
        name: String,
        /// What it must look like.
        rule: &'static str,
    },
    /// Name and value are together too long for a header.
    #[error("its name and value have {length} bytes, more than {}", limits::SCALAR_BYTES_MAX)]
    TooLong {
        /// Its path.
        path: String,
        /// The bytes that they have.
        length: usize,
    },
    /// A xid, an xid type or a target names a type that the model hasn't, or another than it
    /// must.
    #[error("value ({value}) names no {target}")]
    Target {
        /// Its path.
        path: String,
        /// The value, or its beginning.
        value: String,
        /// What it must name.
        target: String,
    },
    /// Something is announced to go before it is announced to be deprecated.
    #[error("must not be sooner than deprecated.effective")]
    TooSoon {
        /// Its path.
        path: String,
    },
    /// Two values bring an attribute of the same name, or one that is there anyway.
    #[error("has an \"ifvalues\" that defines {sibling:?}, which is already defined")]
    Sibling {
        /// The attribute with the `ifvalues`.
        path: String,
        /// The attribute that it brings.
        sibling: String,
    },
}

impl AttributeFault {
    /// The path of the attribute that it is about; of several, the first.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Missing { paths } => paths.first().map_or("", String::as_str),
            Self::Unknown { path }
            | Self::Type { path, .. }
            | Self::NotAChoice { path, .. }
            | Self::Name { path, .. }
            | Self::TooLong { path, .. }
            | Self::TooSoon { path }
            | Self::Target { path, .. }
            | Self::Sibling { path, .. } => path,
        }
    }
}

const fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::Any | Kind::Array | Kind::Integer | Kind::Object => "an ",
        Kind::Xid | Kind::XidType => "an ",
        _ => "a ",
    }
}

/// A value as people write it: a string without its quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => limits::beginning(text),
        other => limits::beginning(&other.to_string()),
    }
}

fn list(choices: &[Value]) -> String {
    choices.iter().map(plain).collect::<Vec<_>>().join(", ")
}

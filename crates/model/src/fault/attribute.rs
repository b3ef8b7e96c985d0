use serde_json::Value;
use thiserror::Error;

use crate::{Kind, limits};

/// Why an entity's attributes are invalid. Paths are in xRegistry's dot notation (`labels.owner`,
/// `tags[2]`). The text of a fault is the `error_detail` of its error.
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
    /// A value has the wrong type.
    #[error("must be {}{}", article(*kind), .kind)]
    Type {
        /// Its path.
        path: String,
        /// The type.
        kind: Kind,
    },
    /// A value isn't one of the allowed ones.
    #[error("value ({}) must be one of the enum values: {}", plain(value), list(choices))]
    NotAChoice {
        /// Its path.
        path: String,
        /// The value.
        value: Value,
        /// The allowed values.
        choices: Vec<Value>,
    },
    /// The name of an attribute or the key of a map has invalid characters, or too many.
    #[error("the name {name:?} must match {rule}")]
    Name {
        /// The path of its parent.
        path: String,
        /// The name, or its beginning.
        name: String,
        /// The pattern for names.
        rule: &'static str,
    },
    /// The name and the value are together too long for a header.
    #[error("its name and value have {length} bytes, more than {}", limits::SCALAR_BYTES_MAX)]
    TooLong {
        /// Its path.
        path: String,
        /// Their length in bytes.
        length: usize,
    },
    /// An xid, an xid type or a target names a type that the model doesn't have, or one that isn't
    /// allowed here.
    #[error("value ({value}) isn't the name of any {target}")]
    Target {
        /// Its path.
        path: String,
        /// The value, or its beginning.
        value: String,
        /// What it must name.
        target: String,
    },
    /// The specification demands a value with at least one character.
    #[error("must not be empty; null removes it")]
    Empty {
        /// Its path.
        path: String,
    },
    /// `removal` is earlier than `effective` of a deprecation.
    #[error("must not be sooner than deprecated.effective")]
    TooSoon {
        /// Its path.
        path: String,
    },
    /// An `ifvalues` adds an attribute whose name already exists.
    #[error("has an \"ifvalues\" that defines {sibling:?}, which is already defined")]
    Sibling {
        /// The attribute with the `ifvalues`.
        path: String,
        /// The attribute that it adds.
        sibling: String,
    },
}

impl AttributeFault {
    /// The path of the attribute; of several, the first.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Missing { paths } => paths.first().map_or("", String::as_str),
            Self::Unknown { path }
            | Self::Type { path, .. }
            | Self::NotAChoice { path, .. }
            | Self::Name { path, .. }
            | Self::TooLong { path, .. }
            | Self::Empty { path }
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

/// A value for people; a string without its quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => limits::beginning(text),
        other => limits::beginning(&other.to_string()),
    }
}

fn list(choices: &[Value]) -> String {
    choices.iter().map(plain).collect::<Vec<_>>().join(", ")
}

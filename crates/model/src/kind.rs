use std::fmt;

use serde::{Serialize, Serializer};

/// The data types of xRegistry (core, "Data Types").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Any other type; nested values aren't checked.
    Any,
    /// A list of values of one type.
    Array,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Decimal,
    /// A whole number.
    Integer,
    /// Values of one type under arbitrary keys.
    Map,
    /// A nested set of attributes.
    Object,
    /// Text.
    String,
    /// A timestamp (RFC 3339), stored in UTC.
    Timestamp,
    /// A whole number that isn't negative.
    Uinteger,
    /// An absolute or a relative URI.
    Uri,
    /// An absolute URI (RFC 3986, 4.3).
    UriAbsolute,
    /// A relative URI (RFC 3986, 4.2).
    UriRelative,
    /// A URI template (RFC 6570).
    UriTemplate,
    /// An absolute or a relative URL.
    Url,
    /// An absolute URL.
    UrlAbsolute,
    /// A relative URL.
    UrlRelative,
    /// The xid of an entity in this registry.
    Xid,
    /// A type of this registry: `/`, `/<GROUPS>`, `/<GROUPS>/<RESOURCES>` or
    /// `/<GROUPS>/<RESOURCES>/versions`.
    XidType,
}

impl Kind {
    /// All types, in the order of the specification.
    pub const ALL: [Self; 19] = [
        Self::Any,
        Self::Array,
        Self::Boolean,
        Self::Decimal,
        Self::Integer,
        Self::Map,
        Self::Object,
        Self::String,
        Self::Timestamp,
        Self::Uinteger,
        Self::Uri,
        Self::UriAbsolute,
        Self::UriRelative,
        Self::UriTemplate,
        Self::Url,
        Self::UrlAbsolute,
        Self::UrlRelative,
        Self::Xid,
        Self::XidType,
    ];

    /// The type's name in the model language.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::Map => "map",
            Self::Object => "object",
            Self::String => "string",
            Self::Timestamp => "timestamp",
            Self::Uinteger => "uinteger",
            Self::Uri => "uri",
            Self::UriAbsolute => "uriabsolute",
            Self::UriRelative => "urirelative",
            Self::UriTemplate => "uritemplate",
            Self::Url => "url",
            Self::UrlAbsolute => "urlabsolute",
            Self::UrlRelative => "urlrelative",
            Self::Xid => "xid",
            Self::XidType => "xidtype",
        }
    }

    /// Finds a type by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether values of this type are always a text, a number or a boolean (not for `any`).
    #[must_use]
    pub const fn is_scalar(self) -> bool {
        !matches!(self, Self::Any | Self::Array | Self::Map | Self::Object)
    }

    /// Whether values of this type are strings in JSON.
    #[must_use]
    pub const fn is_text(self) -> bool {
        self.is_scalar()
            && !matches!(self, Self::Boolean | Self::Decimal | Self::Integer | Self::Uinteger)
    }

    /// Whether `target` is allowed with this type (model, `attributes.<STRING>.target`).
    #[must_use]
    pub const fn takes_target(self) -> bool {
        matches!(
            self,
            Self::Xid
                | Self::Uri
                | Self::UriAbsolute
                | Self::UriRelative
                | Self::Url
                | Self::UrlAbsolute
                | Self::UrlRelative
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

use std::fmt;

use http::StatusCode;

use super::{ours::OURS, specification::SPECIFICATION};

/// One way in which a request is refused. The constants (`ErrorCode::NOT_FOUND`) are the whole
/// table; a code never changes its name or meaning once released.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode(pub &'static ErrorFacts);

/// What is known of a code before anything goes wrong. `muster errors`, the reference page and
/// every error body are made from it.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorFacts {
    /// The code, in lower case with underscores.
    pub name: &'static str,
    /// Who defined it, and thereby its `type`.
    pub origin: Origin,
    /// The HTTP status.
    pub status: u16,
    /// The title, in which `<name>` stands for an argument and `<subject>` for the subject.
    pub title: &'static str,
    /// What has happened, in one sentence.
    pub meaning: &'static str,
    /// What the caller does next, in one sentence.
    pub help: &'static str,
    /// The very same request may succeed later, without anybody changing what it asks.
    pub retryable: bool,
    /// Nothing that the request asked for was done, or will be.
    pub no_side_effects: bool,
}

/// Who defined a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// xRegistry's core specification, 1.0-rc4, "Error Processing".
    Specification,
    /// xRegistry's HTTP binding, 1.0-rc4, "Error Processing".
    HttpBinding,
    /// This registry: what the specification has no type for.
    Muster,
}

impl Origin {
    /// What stands before the code's name in `type`.
    #[must_use]
    pub const fn type_prefix(self) -> &'static str {
        match self {
            Self::Specification => "https://github.com/xregistry/spec/blob/main/core/spec.md#",
            Self::HttpBinding => "https://github.com/xregistry/spec/blob/main/core/http.md#",
            Self::Muster => "urn:muster:error:",
        }
    }
}

impl ErrorCode {
    /// Every code: xRegistry's in its order, then ours.
    pub fn all() -> impl Iterator<Item = Self> {
        SPECIFICATION.iter().chain(OURS).copied()
    }

    /// The code of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::all().find(|code| code.name() == name)
    }

    /// The name, such as `not_found`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// The URI that `type` carries.
    #[must_use]
    pub fn type_uri(self) -> String {
        [self.0.origin.type_prefix(), self.0.name].concat()
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether the same request may succeed later, unchanged.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        self.0.retryable
    }

    /// Whether nothing of the request was done, or ever will be.
    #[must_use]
    pub const fn has_no_side_effects(self) -> bool {
        self.0.no_side_effects
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

/// A constant's name in lower case, computed while compiling, so that each code is spelt once.
pub(super) const fn lower<const N: usize>(name: &str) -> [u8; N] {
    let mut lowered = [0; N];
    let mut index = 0;
    while index < N {
        lowered[index] = name.as_bytes()[index].to_ascii_lowercase();
        index += 1;
    }
    lowered
}

/// The text of what [`lower`] gave.
pub(super) const fn text(bytes: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// Makes the constants of [`ErrorCode`] from rows `NAME: origin status, title, meaning, help;`
/// and a list of them. After the status may stand `retry` (the same request may succeed later)
/// and `unsure` (something of the request may have been done).
macro_rules! codes {
    ($list:ident $(
        $name:ident: $origin:ident $status:literal $(retry $retry:literal)? $(unsure $unsure:literal)?,
        $title:literal, $meaning:literal, $help:literal;
    )+) => {
        impl ErrorCode {
            $(
                #[doc = $meaning]
                pub const $name: Self = {
                    const NAME: [u8; stringify!($name).len()] =
                        $crate::errors::code::lower(stringify!($name));
                    Self(&ErrorFacts {
                        name: $crate::errors::code::text(&NAME),
                        origin: Origin::$origin,
                        status: $status,
                        title: $title,
                        meaning: $meaning,
                        help: $help,
                        retryable: codes!(@flag false $($retry)?),
                        no_side_effects: !codes!(@flag false $($unsure)?),
                    })
                };
            )+
        }
        pub(super) const $list: &[ErrorCode] = &[$(ErrorCode::$name),+];
    };
    (@flag $default:literal) => { $default };
    (@flag $default:literal $given:literal) => { $given };
}
pub(super) use codes;

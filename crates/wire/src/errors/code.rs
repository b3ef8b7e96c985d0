use std::fmt;

use http::StatusCode;

pub use super::table::{ErrorCode, ErrorKind};

/// What is fixed for a code. `muster errors`, the reference page and every error body are generated
/// from it.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorFacts {
    /// The code's name, in lower case with underscores: the member `reason` of an error.
    pub name: &'static str,
    /// Who defined the code. Its `type` begins accordingly.
    pub origin: CodeOrigin,
    /// The HTTP status.
    pub status: u16,
    /// The title. `<name>` stands for an argument and `<subject>` for the subject.
    pub title: &'static str,
    /// What happened, in one sentence.
    pub meaning: &'static str,
    /// What the caller should do next, in one sentence.
    pub help: &'static str,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// Whether nothing of the request was done, now or later.
    pub no_side_effects: bool,
}

/// Who defined a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOrigin {
    /// xRegistry's core specification, 1.0-rc4, "Error Processing".
    Specification,
    /// xRegistry's HTTP binding, 1.0-rc4, "Error Processing".
    HttpBinding,
    /// This registry. The specification has no type for the error.
    Muster,
}

impl CodeOrigin {
    /// The prefix of `type`, before the code's name.
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
    /// Every code: first xRegistry's in the specification's order, then ours.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied()
    }

    /// Finds a code by its name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::all().find(|code| code.name() == name)
    }

    /// The name, such as `not_found`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The URI that `type` carries.
    #[must_use]
    pub fn type_uri(self) -> String {
        [self.facts().origin.type_prefix(), self.name()].concat()
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.facts().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether the same request may succeed later, unchanged.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        self.facts().retryable
    }

    /// Whether nothing of the request was done, now or later.
    #[must_use]
    pub const fn has_no_side_effects(self) -> bool {
        self.facts().no_side_effects
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Makes [`ErrorCode`], [`ErrorKind`] and the facts of each code from rows `Name { argument: Type
/// }: origin status, title, meaning, help;`. Two marks may follow the status: `retry` (the same
/// request may succeed later) and `unsure` (a part of the request may have been done).
macro_rules! codes {
    ($code:ident, $kind:ident; $(
        $name:ident $({ $($field:ident: $type:ty),+ })?: $origin:ident $status:literal $($mark:ident)*,
        $title:literal, $meaning:literal, $help:literal;
    )+) => {
        /// One way in which a request is refused. A released code keeps its name and its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $code {
            $(#[doc = $meaning] $name,)+
        }

        /// A code with its arguments. The same code always has the same arguments.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $kind {
            $(#[doc = $meaning]
            $name $({
                $(#[doc = concat!("The argument `", stringify!($field), "`.")] $field: $type,)+
            })?,)+
        }

        impl $code {
            pub(super) const ALL: &[Self] = &[$(Self::$name),+];

            /// What is fixed for the code.
            #[must_use]
            pub const fn facts(self) -> &'static ErrorFacts {
                match self {
                    $(Self::$name => {
                        const FACTS: ErrorFacts = ErrorFacts {
                            name: $crate::snake_case!($name),
                            origin: CodeOrigin::$origin,
                            status: $status,
                            title: $title,
                            meaning: $meaning,
                            help: $help,
                            retryable: codes!(@retry $($mark)*),
                            no_side_effects: !codes!(@unsure $($mark)*),
                        };
                        &FACTS
                    })+
                }
            }
        }

        impl $code {
            /// An error with this code, as an example for the OpenAPI document.
            pub(crate) fn sample(self) -> $kind {
                match self {
                    $(Self::$name => $kind::$name $({
                        $($field: Argument::sample(stringify!($field))),+
                    })?,)+
                }
            }
        }

        impl $kind {
            /// The code.
            #[must_use]
            pub const fn code(&self) -> $code {
                match self {
                    $(Self::$name { .. } => $code::$name,)+
                }
            }

            /// The arguments by name, as text.
            pub(super) fn arguments(&self) -> Vec<(&'static str, Option<String>)> {
                match self {
                    $(Self::$name $({ $($field),+ })? => {
                        vec![$($((stringify!($field), $field.text())),+)?]
                    })+
                }
            }
        }

        $(const _: () = assert!(
            $crate::errors::code::names_only($title, &[$($(stringify!($field)),+)?]),
            concat!("the title of ", stringify!($name), " names an argument that it hasn't"),
        );)+
    };
    (@retry) => { false };
    (@retry unsure) => { false };
    (@retry retry $($mark:ident)*) => { true };
    (@unsure) => { false };
    (@unsure retry) => { false };
    (@unsure $($mark:ident)+) => { true };
}
pub(super) use codes;

/// Whether each `<name>` in a title is the subject, an argument, or the count of a list.
pub(super) const fn names_only(title: &str, arguments: &[&str]) -> bool {
    let title = title.as_bytes();
    let mut at = 0;
    while at < title.len() {
        if title[at] == b'<' && !is_named(title, at + 1, arguments) {
            return false;
        }
        at += 1;
    }
    true
}

const fn is_named(title: &[u8], start: usize, arguments: &[&str]) -> bool {
    if stands(title, start, b"subject>") || stands(title, start, b"count>") {
        return true;
    }
    let mut index = 0;
    while index < arguments.len() {
        let name = arguments[index].as_bytes();
        let end = start + name.len();
        if stands(title, start, name) && end < title.len() && title[end] == b'>' {
            return true;
        }
        index += 1;
    }
    false
}

const fn stands(text: &[u8], start: usize, part: &[u8]) -> bool {
    let mut index = 0;
    while index < part.len() {
        if start + index >= text.len() || text[start + index] != part[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// The name of a type or a variant in snake case: `snake_case!(NotFound)` is `"not_found"`. It is
/// made at compile time, so that each code is spelt only once.
#[macro_export]
macro_rules! snake_case {
    ($name:ident) => {{
        const NAME: &str = stringify!($name);
        const SNAKE: [u8; $crate::errors::snake_length(NAME)] = $crate::errors::snake(NAME);
        match ::std::str::from_utf8(&SNAKE) {
            Ok(text) => text,
            Err(_) => "",
        }
    }};
}

/// The length of a name in snake case; for [`snake_case!`](crate::snake_case).
#[must_use]
pub const fn snake_length(name: &str) -> usize {
    let mut length = name.len();
    let mut index = 1;
    while index < name.len() {
        if name.as_bytes()[index].is_ascii_uppercase() {
            length += 1;
        }
        index += 1;
    }
    length
}

/// A name in snake case; for [`snake_case!`](crate::snake_case).
#[must_use]
pub const fn snake<const N: usize>(name: &str) -> [u8; N] {
    let mut snake = [b'_'; N];
    let (mut from, mut to) = (0, 0);
    while from < name.len() {
        let letter = name.as_bytes()[from];
        if from > 0 && letter.is_ascii_uppercase() {
            to += 1;
        }
        snake[to] = letter.to_ascii_lowercase();
        from += 1;
        to += 1;
    }
    snake
}

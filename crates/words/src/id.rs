use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::limits::ID_LENGTH_MAX;

/// The id of a group, a resource or a version (xRegistry core, "`<SINGULAR>id`"): 1 to 128
/// characters, RFC 3986's unreserved ones, `:` and `@`, beginning with a letter, a digit or `_`.
/// Ids in one parent must differ in more than case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Arc<str>);

/// Why a text isn't an id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdError {
    /// It is empty.
    #[error("an id can't be empty")]
    Empty,
    /// It has more than 128 characters.
    #[error("an id has at most {ID_LENGTH_MAX} characters; this one has {length}")]
    TooLong {
        /// Its length in characters.
        length: usize,
    },
    /// It has an invalid character.
    #[error("an id can't have {character:?} at character {at}")]
    Character {
        /// The character.
        character: char,
        /// The number of the character, from 1.
        at: usize,
    },
}

impl Id {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The case-folded form, in which ids of one parent must differ.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        let length = text.chars().count();
        if length > ID_LENGTH_MAX {
            return Err(IdError::TooLong { length });
        }
        for (index, character) in text.chars().enumerate() {
            let first = character.is_ascii_alphanumeric() || character == '_';
            let later = matches!(character, '-' | '.' | '~' | ':' | '@');
            if !(first || index > 0 && later) {
                return Err(IdError::Character { character, at: index + 1 });
            }
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<&str> for Id {
    type Error = IdError;

    fn try_from(text: &str) -> Result<Self, IdError> {
        text.parse()
    }
}

impl Borrow<str> for Id {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Id {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_xregistry_takes() {
        for text in ["a", "1", "_", "a-b.c~d:e@f", "A", &"x".repeat(128)] {
            assert!(text.parse::<Id>().is_ok(), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_and_says_where() {
        let at = |character, at| Err(IdError::Character { character, at });
        for (text, expect) in [
            ("", Err(IdError::Empty)),
            ("a/b", at('/', 2)),
            ("..", at('.', 1)),
            ("-a", at('-', 1)),
            ("a\0", at('\0', 2)),
            ("a b", at(' ', 2)),
            ("é", at('é', 1)),
        ] {
            assert_eq!(text.parse::<Id>(), expect, "{text:?}");
        }
        let long = "x".repeat(10_000);
        assert_eq!(long.parse::<Id>(), Err(IdError::TooLong { length: 10_000 }));
    }
}

use thiserror::Error;

use super::limits::{PATTERN_WEIGHT_MAX, TEXT_BYTES_MAX};

/// Why an expression can't be evaluated for a document, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EvaluationFault {
    /// A member that isn't there.
    #[error("there is no {name}")]
    NoMember {
        /// The member.
        name: String,
    },
    /// A place in a list that isn't there.
    #[error("there is no value at place {index} of a list of {length}")]
    NoPlace {
        /// The place, from 0, or what stands for it.
        index: String,
        /// How many there are.
        length: usize,
    },
    /// An operator or function that isn't made for these types.
    #[error("{operation} can't take {types}")]
    Types {
        /// The operator or function.
        operation: &'static str,
        /// The types that it got.
        types: String,
    },
    /// A number that fits no more.
    #[error("{operation} gives a number that is too large")]
    Overflow {
        /// The operator or function.
        operation: &'static str,
    },
    /// A division by zero.
    #[error("it divides by zero")]
    DivisionByZero,
    /// A text that isn't what it is read as.
    #[error("{text:?} can't be read as {wanted}")]
    NotReadable {
        /// The text, cut.
        text: String,
        /// The type that it should be.
        wanted: &'static str,
    },
    /// A map with the same key twice.
    #[error("a map has the same key twice")]
    DuplicateKey,
    /// A pattern that isn't one, or that is too large.
    #[error("the pattern {pattern:?} can't be used: {reason}")]
    Pattern {
        /// The pattern, cut.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A text that grows too long.
    #[error("it makes a text of more than {TEXT_BYTES_MAX} bytes")]
    TextTooLong,
    /// Too many steps.
    #[error("it takes too many steps")]
    TooManySteps,
    /// Something else than true or false.
    #[error("it gives {found}, not true or false")]
    NotBool {
        /// What it gives.
        found: &'static str,
    },
}

/// Why a pattern is refused for its size.
pub(super) fn pattern_too_large() -> String {
    format!("it is larger than {PATTERN_WEIGHT_MAX} places")
}

use thiserror::Error;

use super::limits::{PATTERN_COST_MAX, TEXT_BYTES_MAX};

/// Why an expression can't be evaluated for a document, for people.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EvaluationFault {
    /// A member is missing.
    #[error("there is no {name}")]
    NoMember {
        /// The member.
        name: String,
    },
    /// An index is out of range.
    #[error("there is no value at index {index} in a list of {length}")]
    NoPlace {
        /// The index, from 0, as text.
        index: String,
        /// The length of the list.
        length: usize,
    },
    /// An operator or a function isn't defined for these types.
    #[error("{operation} isn't defined for {types}")]
    Types {
        /// The operator or function.
        operation: &'static str,
        /// The types of its operands.
        types: String,
    },
    /// A number is too large.
    #[error("{operation} gives a number that is too large")]
    Overflow {
        /// The operator or function.
        operation: &'static str,
    },
    /// It divides by zero.
    #[error("it divides by zero")]
    DivisionByZero,
    /// A text can't be converted to another type.
    #[error("{text:?} can't be converted to {wanted}")]
    NotReadable {
        /// The text, shortened.
        text: String,
        /// The type.
        wanted: &'static str,
    },
    /// A map has the same key twice.
    #[error("a map has the same key twice")]
    DuplicateKey,
    /// A pattern is invalid or too large.
    #[error("the pattern {pattern:?} can't be used: {reason}")]
    Pattern {
        /// The pattern, shortened.
        pattern: String,
        /// The reason.
        reason: String,
    },
    /// A text grows too long.
    #[error("it builds a text of more than {TEXT_BYTES_MAX} bytes")]
    TextTooLong,
    /// Too many steps.
    #[error("it needs too many steps")]
    TooManySteps,
    /// The result has no form in JSON.
    #[error("its result is {found}, which JSON doesn't have")]
    NotJson {
        /// What it is.
        found: &'static str,
    },
    /// The result isn't a boolean.
    #[error("its result is {found}, not true or false")]
    NotBool {
        /// The type of the result.
        found: &'static str,
    },
}

/// The reason for refusing a large pattern.
pub(super) fn pattern_too_large() -> String {
    format!("it has more than {PATTERN_COST_MAX} positions")
}

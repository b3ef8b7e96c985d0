//! Business rules: requirements on documents beyond their schema, written in CEL, the Common
//! Expression Language, and stored as documents themselves.
//!
//! A rule is `{expression, severity, message, pointer}`, with an optional `description`. Its
//! expression sees only `document`, `xid`, `group` and `id`: no clock and no other document. Any
//! result except true is a violation.
//!
//! A mapping of a route uses the same expressions to calculate what documents say on its other side.
//!
//! The `cel` crate parses the expression, and this crate evaluates it. Rules come from users, and
//! the interpreter of that crate has no limits: one line of nested `map` takes seconds and
//! gigabytes. Here every evaluated node, every visited value and every 16 bytes that are read or
//! written cost a step, and steps are limited (see [`limits`]). Documents are read in place,
//! without conversion.

mod evaluate;
mod expression;
mod fault;
mod functions;
mod lower;
mod mapping;
mod message;
mod numbers;
mod operators;
mod patterns;
mod rule;
mod singular_path;
mod value;

pub mod limits;

pub use expression::ExpressionVariables;
pub use fault::EvaluationFault;
pub use mapping::{
    Mapping, MappingDirection, MappingError, MappingErrorReason, MappingFault, MappingFaultReason,
    mapped_bytes,
};
pub use rule::{ExpressionError, Rule, RuleContext, RuleError, check};
pub use singular_path::{NoSuchPlace, SingularPath, SingularPathError};

#[cfg(test)]
mod tests;

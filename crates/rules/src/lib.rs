//! Business rules: what a document must fulfil beyond its schema, said in CEL, the Common
//! Expression Language, and kept as documents of their own.
//!
//! A rule is `{expression, severity, message, pointer}`, with an optional `description`. Its
//! expression sees `document`, `xid`, `group` and `id`, and nothing else: no clock, no other
//! document. Whatever isn't true breaks the rule.
//!
//! The expression is parsed by the `cel` crate and evaluated here, because rules come from users
//! and that crate's interpreter knows no limit: one line of nested `map` takes seconds and
//! gigabytes in it. Here every node that is evaluated, every value that is looked at and every 16
//! bytes that are read or written cost a step, and steps are counted (see [`limits`]). Documents
//! are read where they lie; nothing is converted first.

mod evaluate;
mod expression;
mod fault;
mod functions;
mod lower;
mod message;
mod numbers;
mod operators;
mod patterns;
mod rule;
mod value;

pub mod limits;

pub use fault::EvaluationFault;
pub use rule::{ExpressionError, Rule, RuleContext, RuleError, check};

#[cfg(test)]
mod tests;

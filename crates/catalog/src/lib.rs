//! The meaning: the compiled model, changes, the one fold, decisions, rules and queries.

pub mod model;

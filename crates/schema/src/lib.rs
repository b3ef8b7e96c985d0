//! What a schema means: compile, validate, locate every violation.

//! Limits on the cost of a rule, so that a rule that is written to waste time or memory is answered
//! like any other.

/// The size of a rule document, in bytes.
pub const RULE_BYTES_MAX: usize = 32 * 1024;

/// The size of an expression, in bytes: more than 500 nodes need.
pub const EXPRESSION_BYTES_MAX: usize = 8 * 1024;

/// The size of a message's template, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 2 * 1024;

/// The number of expressions in a message.
pub const MESSAGE_EXPRESSIONS_MAX: usize = 16;

/// The number of nodes of an expression.
pub const NODES_MAX: usize = 500;

/// The nesting depth of brackets in an expression. Each level takes several frames of the parser's
/// stack.
pub const BRACKETS_DEPTH_MAX: usize = 24;

/// The nesting depth of nodes. Each level takes a frame of the evaluation's stack. (`a + b + c` is
/// as deep as it is long.)
pub const NODES_DEPTH_MAX: usize = 64;

/// The nesting depth of `all`, `map` and the other loops.
pub const LOOPS_DEPTH_MAX: usize = 8;

/// The steps of one evaluation of a rule, without its message: tens of milliseconds.
pub const STEPS_MAX: u32 = 1_000_000;

/// The steps of all expressions in a message.
pub const MESSAGE_STEPS_MAX: u32 = 100_000;

/// The size of a text that an expression builds, in bytes.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// The cost of a pattern: the number of its positions that may be active together, if the engine's
/// memory can't hold all states of its automaton.
pub const PATTERN_COST_MAX: usize = 2_000;

/// The size of a compiled pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 1024 * 1024;

/// The steps for compiling a pattern that isn't a literal.
pub const PATTERN_STEPS: u32 = 20_000;

/// The length of an expression's value in a message, in characters.
pub const MESSAGE_VALUE_CHARACTERS_MAX: usize = 120;

/// The length of a message, in characters.
pub const MESSAGE_CHARACTERS_MAX: usize = 500;

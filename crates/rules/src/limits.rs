//! How much a rule may cost, so that a rule written to burn time or memory is answered like any
//! other.

/// Bytes of a rule document.
pub const RULE_BYTES_MAX: usize = 32 * 1024;

/// Bytes of an expression: more than 500 nodes need.
pub const EXPRESSION_BYTES_MAX: usize = 8 * 1024;

/// Bytes of a message's template.
pub const MESSAGE_BYTES_MAX: usize = 2 * 1024;

/// Expressions in one message.
pub const MESSAGE_EXPRESSIONS_MAX: usize = 16;

/// Nodes of an expression's tree.
pub const NODES_MAX: usize = 500;

/// How deep brackets may lie in each other in an expression's text: each is several frames of the
/// parser's stack.
pub const BRACKETS_DEPTH_MAX: usize = 24;

/// How deep nodes may lie in each other: each is a frame of the evaluation's stack. (`a + b + c`
/// is as deep as it is long.)
pub const NODES_DEPTH_MAX: usize = 64;

/// How deep `all`, `map` and their like may lie in each other.
pub const LOOPS_DEPTH_MAX: usize = 8;

/// Steps of one evaluation of one rule, its message apart: tens of milliseconds.
pub const STEPS_MAX: u32 = 1_000_000;

/// Steps of all expressions of one message.
pub const MESSAGE_STEPS_MAX: u32 = 100_000;

/// Bytes of a text that an expression puts together.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// What a pattern may weigh: about the places in which a match can be at once.
pub const PATTERN_WEIGHT_MAX: u32 = 2_000;

/// Bytes of a compiled pattern.
pub const PATTERN_BYTES_MAX: usize = 1024 * 1024;

/// Steps for compiling a pattern that isn't written out in the rule.
pub const PATTERN_STEPS: u32 = 20_000;

/// Characters that one expression adds to a message.
pub const MESSAGE_VALUE_CHARACTERS_MAX: usize = 120;

/// Characters of a message.
pub const MESSAGE_CHARACTERS_MAX: usize = 500;

/// Violations that one validation names. Who has more has one mistake made often; the last one
/// says that there are more.
pub const VIOLATIONS_MAX: usize = 100;

/// Other schemas that one schema may refer to, directly or not: each is a part of
/// what every verdict stands on.
pub const REFERENCES_MAX: usize = 64;

/// Bytes of canonical JSON in a schema and all that it refers to: as much as one command brings.
pub const SCHEMA_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Places of a schema that one place may lead to without going into a child of the value
/// (`allOf`, `$ref`, …, counted as often as they are reached): what doubles thirty times would
/// otherwise check a value a billion times.
pub const ALTERNATIVES_MAX: u64 = 2_000;

/// How deep such places may lie in each other: each is a frame of the validator's stack for each
/// level of the document.
pub const ALTERNATIVES_DEPTH_MAX: usize = 64;

/// How many places may lie behind each other from the schema's top, references followed: each is
/// a frame of the compiler's stack.
pub const PLACES_DEPTH_MAX: usize = 10_000;

/// Schemas with an id of their own inside of one document.
pub const EMBEDDED_MAX: usize = 256;

/// Bytes that the compiled patterns of one schema may take, shared evenly among them.
pub const PATTERN_BYTES_TOTAL: usize = 64 * 1024 * 1024;

/// Bytes that one compiled pattern may take at most. `^\w{1,64}$` takes about half of it.
pub const PATTERN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Patterns in a schema: so that each may take at least 64 KiB.
pub const PATTERNS_MAX: usize = 1_024;

/// Places of the schema times values of the document, below which a validation isn't metered: it
/// can't take long.
pub const UNMETERED_MAX: u64 = 4_000_000;

/// Places of the schema that one value may meet, and what those look at by themselves, times bytes
/// of a document, below which a validation takes no more than some milliseconds: few values have
/// less than eight bytes, and a place takes less than a tenth of a microsecond.
pub const SHORT_MAX: u64 = 500_000;

/// Steps of one metered validation: one place of the schema meeting one value, and more where its
/// keywords look at much by themselves (names, choices, texts, and patterns whose automaton doesn't
/// fit into the engine's memory), about a second in all. While violations are collected an error
/// costs as many as its value has parts, because they are kept in memory at once: about 200 MiB in
/// all.
pub const STEPS_MAX: u64 = 10_000_000;

/// Characters of a value that a message quotes.
pub const QUOTE_MAX: usize = 60;

/// Choices that a message names.
pub const CHOICES_MAX: usize = 12;

/// Characters of a message.
pub const MESSAGE_MAX: usize = 500;

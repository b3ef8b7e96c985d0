//! Limits, with units and reasons.

/// The length of an id, in characters (xRegistry core).
pub const ID_LENGTH_MAX: usize = 128;

/// The size of a request body, in bytes: what one command may bring. It is twice a document, so
/// that two documents that refer to each other fit into one request.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The size of a document, in bytes. Larger content belongs in object storage, with its digest in
/// the registry.
pub const DOCUMENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The nesting depth of arrays and objects: what other parsers also accept (serde_json's own
/// limit), and far from the end of a thread's stack.
pub const JSON_DEPTH_MAX: usize = 128;

/// The size of what all aliases in a YAML document stand for, written as JSON, in bytes: as much as a
/// document may have itself. Aliases of aliases would otherwise turn a hundred bytes into any size.
pub const YAML_ALIAS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The size of a YAML document that is read in some milliseconds, in bytes. The parser takes ten
/// times as long as that of JSON, so a larger document waits for its turn.
pub const YAML_BYTES_SHORT: usize = 32 * 1024;

/// How often the characters `,:[]{}` may occur in a YAML document that isn't JSON. The parser holds
/// everything between the outermost brackets at once, some 400 bytes for each of these characters.
pub const YAML_INDICATORS_MAX: usize = 500_000;

/// The size of an entry's canonical form at which a command is split into parts, in bytes. An entry
/// must fit into a tile's uint16 length (64 KiB), including its header.
pub const ENTRY_BYTES_SOFT_MAX: usize = 48 * 1024;

/// The maximum size of an entry's canonical form, in bytes: C2SP tlog-tiles writes its length as a
/// uint16.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// The number of commands in one append.
pub const BATCH_COMMANDS_MAX: usize = 1_024;

/// The size of entries and contents in one append, in bytes; a larger command is a batch of its
/// own.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The number of entities that one command may write. They take about a second of the writer's
/// time, in which nobody else can write.
pub const COMMAND_ENTITIES_MAX: usize = 20_000;

/// The number of keys that aren't revoked: enough for one key per program. Every start reads their
/// records, and those of revoked keys until they are forgotten.
pub const KEYS_MAX: usize = 1_000;

/// The length of the reason for a command, in characters: a sentence or two.
pub const MESSAGE_LENGTH_MAX: usize = 500;

/// Commands that may wait for one target's turn.
pub const TURN_WAITERS_MAX: usize = 1_024;

/// The size of all bodies that wait for turns and for the writer, in bytes.
pub const WAITING_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How often a command is prepared again because what it depends on changed.
pub const PREPARE_ROUNDS_MAX: usize = 8;

/// The number of remembered idempotency keys.
pub const IDEMPOTENCY_KEYS_MAX: usize = 1_000_000;

/// How long an idempotency key is remembered, in microseconds of ledger time: 24 hours.
pub const IDEMPOTENCY_MICROSECONDS: i64 = 24 * 60 * 60 * 1_000_000;

/// The number of entries on a page, if the request gives no limit.
pub const PAGE_ENTRIES_DEFAULT: usize = 1_000;

/// The size of a request's headers, in bytes.
pub const HEADER_BYTES_MAX: usize = 64 * 1024;

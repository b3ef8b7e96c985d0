//! What never grows past a number, each with its unit and its reason.

/// Characters in an id (xRegistry core).
pub const ID_LENGTH_MAX: usize = 128;

/// Bytes of a request body: what one command may bring. Twice a document, so that two documents
/// that refer to each other fit one request.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of a document: larger things belong in a bucket, with their digest in the registry.
pub const DOCUMENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How deep arrays and objects may lie in each other: what parsers everywhere take (serde_json's
/// own limit), and far from the end of a thread's stack.
pub const JSON_DEPTH_MAX: usize = 128;

/// Bytes of one entry's canonical form before a command is cut into parts: an entry must fit a
/// tile's uint16 length (64 KiB), with room for the header.
pub const ENTRY_BYTES_SOFT_MAX: usize = 48 * 1024;

/// Bytes of one entry's canonical form, at all: C2SP tlog-tiles writes its length as a uint16.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// Commands in one append.
pub const BATCH_COMMANDS_MAX: usize = 1_024;

/// Bytes of entries and contents in one append; a larger command is a batch of its own.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Entities that one command may write: they take about a second of the writer's turn, in which
/// nobody else can write.
pub const COMMAND_ENTITIES_MAX: usize = 20_000;

/// Keys that aren't revoked: a key a program is many for one registry, and every start reads them.
pub const KEYS_MAX: usize = 1_000;

/// Characters of what somebody says about a command: a sentence or two.
pub const MESSAGE_LENGTH_MAX: usize = 500;

/// Commands that may wait for one target's turn.
pub const TURN_WAITERS_MAX: usize = 1_024;

/// Bytes of bodies that may wait for turns and for the writer, in all.
pub const WAITING_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How often a command goes back to be prepared because what it depends on changed.
pub const PREPARE_ROUNDS_MAX: usize = 8;

/// Idempotency keys that are remembered.
pub const IDEMPOTENCY_KEYS_MAX: usize = 1_000_000;

/// How long an idempotency key is remembered, in microseconds of ledger time: 24 hours.
pub const IDEMPOTENCY_MICROSECONDS: i64 = 24 * 60 * 60 * 1_000_000;

/// Entries in a page of a collection where the request names no limit.
pub const PAGE_ENTRIES_DEFAULT: usize = 1_000;

/// Bytes of a request's headers.
pub const HEADER_BYTES_MAX: usize = 64 * 1024;

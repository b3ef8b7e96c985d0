//! The limits of the assistant's door, each with its reason.

/// The size of an answer, in bytes of JSON: about 16,000 tokens, which any model has room for beside
/// a conversation.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The part of a document that one answer of a tool shows, in bytes. It is escaped in JSON, which
/// seldom makes it more than a third longer.
pub const ANSWER_TEXT_BYTES_MAX: usize = 40 * 1024;

/// The size of a resource, in bytes. People choose resources, and tools show longer ones in parts.
pub const RESOURCE_BYTES_MAX: usize = 256 * 1024;

/// The size of a request, in bytes: the largest document, 4 MiB, as a text within JSON.
pub const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a confirmation is valid, in seconds: time for a person to read a plan, and too short for
/// a plan to be forgotten.
pub const CONFIRMATION_SECONDS_MAX: u64 = 300;

/// The number of used confirmations of one key that are remembered, each as long as it would be
/// valid. Three changes a second are more than an assistant makes.
pub const CONFIRMATIONS_USED_OF_KEY_MAX: usize = 1_000;

/// The number of used confirmations of all keys that are remembered: those of a hundred busy keys,
/// in about 5 MB.
pub const CONFIRMATIONS_USED_MAX: usize = 100_000;

/// The number of resources that one client subscribes to. A group stands for all of its documents.
pub const SUBSCRIPTIONS_MAX: usize = 64;

/// The number of connections that are kept for clients of earlier versions of the protocol. Each
/// holds a task and some kilobytes.
pub const CONNECTIONS_MAX: usize = 1_000;

/// The number of kept connections that were opened with one key; with one more, the first one ends.
pub const CONNECTIONS_OF_KEY_MAX: usize = 100;

/// How long a connection is kept that nobody uses, in seconds. Its client opens another one then.
pub const CONNECTION_IDLE_SECONDS_MAX: u64 = 30 * 60;

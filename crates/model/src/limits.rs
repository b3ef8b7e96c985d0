//! The limits of a model, with units and reasons.

/// The depth of a model's JSON, after includes are resolved: the limit of Muster's parser, which is
/// far from the end of a thread's stack.
pub(super) const DEPTH_MAX: usize = muster_words::limits::JSON_DEPTH_MAX;

/// The number of values in a model, after includes are resolved. Without it, nested includes grow
/// exponentially. The largest known models have a few thousand.
pub(super) const VALUES_MAX: usize = 200_000;

/// The number of group types and resource types in a model, including imported ones. Each adds some
/// kilobytes to the answer of `GET /model`, and imports could multiply them.
pub(super) const TYPES_MAX: usize = 1_000;

/// The number of entries in each list of an aspect of Muster's. Every put reads all of them.
pub(super) const LIST_LENGTH_MAX: usize = 100;

/// The size of a scalar attribute's name and value together (core, "Attributes"), in bytes. They
/// must fit into an HTTP header.
pub(super) const SCALAR_BYTES_MAX: usize = 4_096;

/// The length of an attribute's name and of a map's key, in characters (core, "Attributes").
pub(super) const NAME_LENGTH_MAX: usize = 63;

/// The length of a type's plural name, in characters; leaves room for `count` (model,
/// `groups.<STRING>.plural`).
pub(super) const TYPE_LENGTH_MAX: usize = 57;

/// How many characters of a user's text a message repeats.
const BEGINNING_LENGTH_MAX: usize = 100;

/// The text, or as much of it as a message may repeat.
pub(super) fn beginning(text: &str) -> String {
    let mut cut: String = text.chars().take(BEGINNING_LENGTH_MAX).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

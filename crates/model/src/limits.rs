//! What a model never passes, each with its unit and its reason.

/// Levels of JSON in a model, includes resolved: what Muster's parser takes, and far from the end
/// of a thread's stack.
pub(super) const DEPTH_MAX: usize = muster_words::limits::JSON_DEPTH_MAX;

/// Values in a model, includes resolved: includes of includes grow without this like powers of
/// two. The largest models known have some thousands.
pub(super) const VALUES_MAX: usize = 200_000;

/// Group types and resource types in one model, imported ones too: each is some kilobytes in what
/// `GET /model` answers, and imports could multiply them.
pub(super) const TYPES_MAX: usize = 1_000;

/// Entries in each list of the aspect `muster`: every put looks at all of them.
pub(super) const LIST_LENGTH_MAX: usize = 100;

/// Bytes of a scalar attribute's name and value together (core, "Attributes"): they must fit an
/// HTTP header.
pub(super) const SCALAR_BYTES_MAX: usize = 4_096;

/// Characters of an attribute's name and of a map's key (core, "Attributes").
pub(super) const NAME_LENGTH_MAX: usize = 63;

/// Characters of a type's plural name: room for `count` (model, `groups.<STRING>.plural`).
pub(super) const TYPE_LENGTH_MAX: usize = 57;

/// Characters of somebody's text that a message repeats.
const BEGINNING_LENGTH_MAX: usize = 100;

/// The text, or as much of it as a message may repeat.
pub(super) fn beginning(text: &str) -> String {
    let mut cut: String = text.chars().take(BEGINNING_LENGTH_MAX).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

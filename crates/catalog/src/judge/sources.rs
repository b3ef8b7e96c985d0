use std::sync::Arc;

use bytes::Bytes;
use muster_model::Model;
use muster_words::{ContentRef, Xid};

use crate::state::Bindings;

/// Where the names of documents lead: in a view, once a command is done, or in a folder.
pub trait Resolver {
    /// The content that a document's name leads to. One that isn't stored lies at position 0.
    fn content_at(&self, xid: &Xid) -> Option<ContentRef>;

    /// The names of all resources in the group of that name; none where it isn't there.
    fn members_of(&self, group: &Xid) -> Option<Vec<Xid>>;
}

/// What documents are judged by: the caller's view, or a folder.
///
/// All answers MUST be of one moment. An answer MAY change between two calls of the judge only in
/// that bytes come to hand.
pub trait Sources: Resolver {
    /// The model that says which types there are.
    fn model(&self) -> &Model;

    /// What the group of that name binds; none where it isn't there.
    fn bindings_of(&self, group: &Xid) -> Option<Arc<Bindings>>;

    /// The bytes of a content that a name led to.
    fn bytes_of(&self, content: &ContentRef) -> ContentBytes;

    /// Whether an entity is there, as far as that is known.
    fn presence_of(&self, xid: &Xid) -> Presence;

    /// Whether the model or a group binds the document of that name, or a version of it.
    fn is_bound(&self, xid: &Xid) -> bool;
}

/// The bytes of a content, as far as they are at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentBytes {
    /// These.
    Bytes(Bytes),
    /// They were erased.
    Erased,
    /// They have to be fetched.
    Unread,
}

/// Whether an entity is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is, or it comes with the same command.
    There,
    /// It is not: a reference to it is an error.
    Absent,
    /// Nobody here can say: a reference to it is worth a warning.
    Unknown,
}

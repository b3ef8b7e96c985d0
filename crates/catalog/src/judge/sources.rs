use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use muster_model::Model;
use muster_schema::{SchemaFormat, SchemaGuid};
use muster_words::{ContentRef, Notation, Xid};

use super::{EarlierVersion, is_among_schemas};
use crate::{
    command::SchemaWrite,
    schema_settings::SettingsChain,
    state::{Bindings, CompatibilityRule},
};

/// The content of a document, and how its data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentContent {
    /// The bytes.
    pub content: ContentRef,
    /// Their notation, by the document's media type.
    pub notation: Notation,
    /// What else a schema depends on; none for other documents.
    pub schema: Option<SchemaOrigin>,
}

/// What a schema's meaning depends on beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaOrigin {
    /// Its attributes, which may say its format and what it refers to.
    pub attributes: Option<ContentRef>,
    /// Its format if its attributes say none: the one that its media type names.
    pub assumed: SchemaFormat,
}

impl SchemaOrigin {
    /// The origin of the document with this name; none if it isn't among the schemas.
    #[must_use]
    pub fn of(
        xid: &Xid,
        content_type: Option<&str>,
        attributes: Option<ContentRef>,
    ) -> Option<Self> {
        let assumed = SchemaFormat::of_stored(None, content_type).unwrap_or_default();
        is_among_schemas(xid).then_some(Self { attributes, assumed })
    }
}

/// Resolves the names of documents: in a view, after a command, or in a folder.
pub trait Resolver {
    /// The content that a document's name leads to. A content that isn't stored has position 0.
    fn content_at(&self, xid: &Xid) -> Option<DocumentContent>;

    /// The names of all resources in a group; none if it doesn't exist.
    fn members_of(&self, group: &Xid) -> Option<Vec<Xid>>;

    /// The schemas of a group whose default version has this `$id`, in order.
    fn identified(&self, group: &Xid, id: &str) -> Vec<Xid>;
}

/// What the judge needs to know: from the caller's view, or from a folder.
///
/// All answers MUST belong to one moment. Between two calls of the judge, an answer MAY only change
/// in that bytes become available.
pub trait Sources: Resolver {
    /// The model.
    fn model(&self) -> &Model;

    /// The bindings of a group; none if it doesn't exist.
    fn bindings_of(&self, group: &Xid) -> Option<Arc<Bindings>>;

    /// The bytes of a content.
    fn bytes_of(&self, content: &ContentRef) -> ContentBytes;

    /// Whether an entity exists, as far as that is known.
    fn presence_of(&self, xid: &Xid) -> Presence;

    /// The versions of a resource before the command, newest first and at most so many, as far as
    /// they have documents.
    fn earlier_versions(&self, _xid: &Xid, _at_most: usize) -> Vec<EarlierVersion> {
        Vec::new()
    }

    /// The stored attributes of a version, before the command; none if it has none. A write may keep
    /// those that it doesn't name.
    fn stored_attributes(&self, _xid: &Xid) -> Option<ContentRef> {
        None
    }

    /// How a new version of a schema must be compatible with earlier ones; none if nothing is asked
    /// for. `guid` is what identifies the new version.
    fn compatibility_rule(
        &self,
        xid: &Xid,
        write: &SchemaWrite,
        _guid: Option<SchemaGuid>,
    ) -> Option<CompatibilityRule> {
        let own = self.bindings_of(&xid.group()?)?;
        SettingsChain::new([own.settings.clone()]).rule(write.default_rule)
    }

    /// The property of a schema's metadata whose value says which versions are compared with each
    /// other; none if all are.
    fn compatibility_group(&self, _xid: &Xid) -> Option<String> {
        None
    }

    /// The messages that the model or a group names where it binds this schema.
    fn bound_messages(&self, _xid: &Xid) -> BTreeSet<Arc<str>> {
        BTreeSet::new()
    }

    /// The schemas that the model or a group binds and that lead to this one: itself, a version of
    /// it, or schemas that refer to it, directly or not.
    fn bound_through(&self, xid: &Xid) -> Vec<Xid>;
}

/// The bytes of a content, if they are available.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentBytes {
    /// They are available.
    Bytes(Bytes),
    /// They were purged.
    Erased,
    /// They have to be fetched.
    Unread,
}

/// Whether an entity exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It exists, or the same command creates it.
    There,
    /// It doesn't exist, so a reference to it is an error.
    Absent,
    /// That isn't known, so a reference to it is a warning.
    Unknown,
}

use std::fmt;

use muster_schema::Violation;
use muster_words::{Id, IdError, Xid, XidError, XidPatterns};
use thiserror::Error;

use muster_model::{AttributeFault, Kind, ModelFault};

use crate::{Lifecycle, LifecycleError};

/// Why a command is refused, and what it is about. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{reason:?} ({subject})")]
pub struct Refusal {
    /// The xid or the path that the refusal is about.
    pub subject: String,
    /// What stands in the way; boxed, so that a `Result` with a refusal stays small.
    pub reason: Box<Reason>,
}

/// What stands in a command's way: one variant for each fact, with the values that its error
/// names. Sentences for people are made where the error is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// Something isn't there.
    NotFound(Absence),
    /// An id has characters, or a length, that no id may have.
    MalformedId {
        /// The id, or its beginning.
        id: String,
        /// What is wrong with it.
        fault: IdFault,
    },
    /// A body names a version that won't be there.
    UnknownVersion {
        /// The version's id, as it was sent.
        version: String,
    },
    /// The id in a body isn't the one that the path or the map says.
    MismatchedId {
        /// The type's singular name, which begins the attribute's name.
        singular: String,
        /// The id that was sent.
        sent: String,
        /// The id that belongs there.
        expected: String,
    },
    /// An attribute has a value that it can't have, whatever the model says.
    InvalidAttribute {
        /// The attribute's name.
        name: String,
        /// What is wrong with it.
        fault: ValueFault,
    },
    /// The attributes break the model.
    Attribute(AttributeFault),
    /// A member of a collection is no object.
    MemberNotObject {
        /// The member's key.
        key: String,
    },
    /// A document was sent where no document belongs.
    DocumentMisplaced,
    /// A document was sent to an entity that has none.
    TakesNoDocument,
    /// The document was given in more than one way.
    OneResource {
        /// The attributes of which one may be sent.
        names: [String; 3],
    },
    /// A POST to the registry names what is no type of groups.
    GroupsOnly {
        /// The member's name.
        name: String,
    },
    /// A POST to a group names what is no type of its resources.
    ResourcesOnly {
        /// The member's name.
        name: String,
    },
    /// The command names more entities than one command may.
    CommandTooLarge {
        /// The entities that it names.
        entities: usize,
    },
    /// The idempotency key was used for another command.
    IdempotencyMismatch,
    /// A condition of the request doesn't hold.
    PreconditionFailed {
        /// The header that states the condition.
        header: &'static str,
    },
    /// The epoch that was sent isn't the current one.
    MismatchedEpoch {
        /// The epoch that was sent.
        sent: u64,
        /// The current one.
        current: u64,
    },
    /// The epoch of a resource was sent outside of its meta.
    MisplacedEpoch,
    /// The name is taken by another, which may differ in case only.
    NameTaken {
        /// The name as it is written there.
        existing: Id,
    },
    /// A document, or the attributes of one entity, are larger than what is stored.
    DocumentTooLarge {
        /// Bytes that were sent.
        size: usize,
        /// Bytes that are stored at most.
        limit: usize,
    },
    /// The document breaks its schema, its rules or its references.
    InvalidDocument {
        /// What is wrong: at least one violation of severity `error`.
        violations: Vec<Violation>,
    },
    /// A schema or rule that binds isn't there.
    BindingMissing {
        /// The schema or rule.
        binding: Xid,
    },
    /// A schema or rule that binds can't be used.
    BindingBroken {
        /// The schema or rule.
        binding: Xid,
        /// Why it can't be used.
        error: String,
        /// Where it is wrong.
        violations: Vec<Violation>,
    },
    /// Others refer to what is to be deleted.
    Referenced {
        /// Those that refer to it.
        by: XidList,
    },
    /// The versions of a resource, or one of them, can't become what they would.
    Version(VersionRefusal),
    /// A new model takes their documents away from entities that have one.
    HasDocuments {
        /// The type's plural name.
        plural: String,
        /// Those that have a document, or the first of them.
        documents: Vec<Xid>,
    },
    /// The flag `purge` was sent with a collection.
    PurgeOfMany,
    /// The entity can't be deleted.
    NotDeletable,
    /// Cross references (`xref`) aren't there yet.
    CrossReference,
    /// It was purged, and can't come back.
    Purged,
    /// Nothing that can be restored was deleted there.
    NothingHidden,
    /// What was deleted doesn't fit what is there now.
    RestoreRefused(Unrestorable),
    /// The model can't be taken.
    Model(ModelRefusal),
    /// It lies outside the scope of whoever asks.
    OutOfScope,
    /// Somebody else made it.
    NotOwn,
    /// It isn't in review.
    NotInReview,
    /// The capabilities over which others were laid are no longer those in force.
    CapabilitiesMoved,
    /// There are as many keys as there may be.
    TooManyKeys {
        /// How many that is.
        limit: usize,
    },
    /// Without the key nobody could make another, or everybody could do everything.
    LastKey,
    /// The key opens something.
    KeyInForce,
}

/// Why an id can't be one. The text of each is the `error_detail` of its error.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdFault {
    /// The word means something else where ids of versions stand.
    #[error("it is a reserved word")]
    Reserved,
    /// It has characters, or a length, that no id may have.
    #[error(transparent)]
    Form(#[from] IdError),
}

/// Why an attribute can't have its value. The text of each is the `error_detail` of its error.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ValueFault {
    /// A document's bytes aren't in base64.
    #[error("must be base64")]
    Base64,
    /// A media type has characters that no header can carry.
    #[error("must be printable ASCII")]
    MediaType,
    /// It is no lifecycle state.
    #[error(transparent)]
    State(#[from] LifecycleError),
    /// A binding is something else than a text.
    #[error("must hold xids")]
    Binding,
    /// A binding's text is no xid.
    #[error(transparent)]
    Xid(#[from] XidError),
    /// The rules that bind aren't in an array.
    #[error("rules must be an array of xids")]
    Rules,
}

/// What isn't there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The entity itself.
    Entity,
    /// The type of groups.
    GroupType(Id),
    /// The type of resources.
    ResourceType(Id),
    /// The parent of what is to be restored.
    Parent,
    /// What is to be restored: nothing of that name was deleted.
    Deleted,
}

/// Why what was deleted can't come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unrestorable {
    /// The version would be the first to go again.
    Oldest {
        /// Versions that are kept.
        max: u64,
    },
    /// The resource has more versions than its type keeps now.
    TooManyVersions {
        /// Versions that it has.
        count: u64,
        /// Versions that are kept.
        max: u64,
    },
}

/// Why versions can't become what they would.
#[derive(Clone, Debug, PartialEq)]
pub enum VersionRefusal {
    /// Versions in this collection keep their documents.
    Frozen,
    /// The version is retired.
    StateFinal,
    /// The lifecycle has no such step.
    StateUnreachable {
        /// The version's state.
        from: Lifecycle,
        /// The state that was sent.
        to: Lifecycle,
    },
    /// The type chooses the ids of its versions itself.
    VersionIdNotAllowed {
        /// The type's plural name.
        plural: String,
    },
    /// Versions would have more than one root.
    MultipleRoots {
        /// The type's plural name.
        plural: String,
    },
    /// A version would be its own ancestor.
    CircularAncestors {
        /// The versions of the circle, or the first of them.
        circle: Vec<Id>,
    },
    /// A resource would have no version.
    MissingVersions,
    /// With a single version there is none to pin.
    NothingToPin {
        /// The resources whose pinned version a new model would not allow.
        pinned: XidList,
    },
    /// The flag asks for the version of a request that has none.
    NoVersionToPin,
    /// The flag asks for the version of a request that has several.
    TooManyVersions,
    /// Documents of that format can't be validated.
    FormatUnknown {
        /// The format.
        format: String,
    },
    /// Versions would differ in an attribute in which they must agree.
    VersionsDiffer {
        /// The attribute's path.
        name: String,
    },
}

/// Why a model can't be taken.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelRefusal {
    /// The model itself is wrong.
    Fault(ModelFault),
    /// It leaves out a type of which there are entities.
    TypeInUse {
        /// The type of groups.
        groups: Id,
        /// The type of resources that goes; all of the group type without it.
        resources: Option<Id>,
        /// Entities that are there.
        count: usize,
    },
    /// Entities don't comply with it.
    Broken {
        /// Each with the reason.
        entities: Vec<(Xid, String)>,
        /// How many there are besides.
        more: usize,
    },
    /// It allows one root, and resources have several.
    SeveralRoots(XidList),
}

/// The first of many entities, and how many there are besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XidList {
    /// Those that are named.
    pub shown: Vec<Xid>,
    /// How many there are besides.
    pub more: usize,
}

impl XidList {
    /// Entities that a refusal names: enough to go on with, and an answer of bounded size.
    pub const SHOWN_MAX: usize = 100;

    /// The first of these, and the number of the others.
    #[must_use]
    pub fn of<'a>(xids: impl IntoIterator<Item = &'a Xid>) -> Self {
        let mut xids = xids.into_iter();
        let shown = xids.by_ref().take(Self::SHOWN_MAX).cloned().collect();
        Self { shown, more: xids.count() }
    }
}

impl Refusal {
    /// A refusal about that entity or path.
    #[must_use]
    pub fn new(subject: impl fmt::Display, reason: impl Into<Reason>) -> Self {
        Self { subject: subject.to_string(), reason: Box::new(reason.into()) }
    }

    /// The entity isn't there.
    #[must_use]
    pub fn not_found(xid: impl fmt::Display) -> Self {
        Self::new(xid, Reason::NotFound(Absence::Entity))
    }

    /// An id that can't be one.
    #[must_use]
    pub fn malformed_id(subject: impl fmt::Display, id: &str, fault: impl Into<IdFault>) -> Self {
        let id = id.chars().take(200).collect();
        Self::new(subject, Reason::MalformedId { id, fault: fault.into() })
    }

    /// A body names a version that won't be there.
    #[must_use]
    pub fn unknown_version(subject: impl fmt::Display, version: impl fmt::Display) -> Self {
        Self::new(subject, Reason::UnknownVersion { version: version.to_string() })
    }

    /// An attribute has a value that can't be.
    #[must_use]
    pub fn invalid_attribute(
        subject: impl fmt::Display,
        name: impl fmt::Display,
        fault: impl Into<ValueFault>,
    ) -> Self {
        let (name, fault) = (name.to_string(), fault.into());
        Self::new(subject, Reason::InvalidAttribute { name, fault })
    }

    /// An attribute has a value of another type than it must.
    #[must_use]
    pub fn wrong_type(subject: impl fmt::Display, path: impl fmt::Display, kind: Kind) -> Self {
        Self::attribute(subject, AttributeFault::Type { path: path.to_string(), kind })
    }

    /// An id in a body isn't the one that the path or the map says.
    #[must_use]
    pub fn mismatched_id(subject: &Xid, singular: &str, sent: &str, expected: &str) -> Self {
        let [singular, sent, expected] = [singular, sent, expected].map(str::to_owned);
        Self::new(subject, Reason::MismatchedId { singular, sent, expected })
    }

    /// The attributes break the model.
    #[must_use]
    pub fn attribute(subject: impl fmt::Display, fault: AttributeFault) -> Self {
        Self::new(subject, Reason::Attribute(fault))
    }

    /// The model can't be taken.
    #[must_use]
    pub fn model(refusal: ModelRefusal) -> Self {
        Self::new("/model", Reason::Model(refusal))
    }

    /// The document was refused: it has violations of severity `error`.
    #[must_use]
    pub fn invalid_document(xid: &Xid, violations: Vec<Violation>) -> Self {
        Self::new(xid, Reason::InvalidDocument { violations })
    }

    /// What binds there is gone.
    #[must_use]
    pub fn binding_missing(subject: impl fmt::Display, binding: &Xid) -> Self {
        Self::new(subject, Reason::BindingMissing { binding: binding.clone() })
    }
}

impl Refusal {
    /// The same refusal as somebody sees it who may not know what lies elsewhere: what refers to
    /// something from there is counted and not named.
    #[must_use]
    pub fn seen_within(mut self, within: &XidPatterns) -> Self {
        if let Reason::Referenced { by } = &mut *self.reason {
            let count = by.shown.len();
            by.shown.retain(|xid| within.holds(xid));
            by.more += count - by.shown.len();
        }
        self
    }
}

impl From<ModelFault> for Refusal {
    fn from(fault: ModelFault) -> Self {
        Self::model(ModelRefusal::Fault(fault))
    }
}

impl From<VersionRefusal> for Reason {
    fn from(refusal: VersionRefusal) -> Self {
        Self::Version(refusal)
    }
}

mod words;

use std::fmt;

use muster_schema::Violation;
use muster_words::{
    Coverage, Id, IdError, Position, Xid, XidError, XidPatterns, limits::ID_LENGTH_MAX,
};
use thiserror::Error;

use muster_model::{AttributeFault, Kind, ModelFault};

use crate::{
    Lifecycle, LifecycleError, capabilities::CapabilityFault, schema_settings::SchemaMode,
};

/// Why a command is refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The xid or the path of the refused part.
    pub subject: String,
    /// The reason. It is boxed to keep a `Result` with a refusal small.
    pub reason: Box<Reason>,
}

/// The reason for a refusal: one variant for each fact, with the values that the error names. The
/// errors of the API are made where they are sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// Something doesn't exist.
    NotFound(Absence),
    /// A body names a version that won't exist.
    UnknownVersion {
        /// The version's id, as it was sent.
        version: String,
    },
    /// The id in a body differs from the id in the path or the map.
    MismatchedId {
        /// The type's singular name, with which the attribute's name begins.
        singular: String,
        /// The id that was sent.
        sent: String,
        /// The expected id.
        expected: String,
    },
    /// The name of a new entity differs only in case from the name of another one.
    CaseClash {
        /// The type's singular name.
        singular: String,
        /// The id of the new entity.
        id: Id,
        /// The id of the other one.
        existing: Id,
    },
    /// An attribute has an invalid value.
    InvalidAttribute {
        /// The attribute's name.
        name: String,
        /// The fault.
        fault: ValueFault,
    },
    /// The attributes violate the model.
    Attribute(AttributeFault),
    /// A member of a collection isn't an object.
    MemberNotObject {
        /// The member's key.
        key: String,
    },
    /// A document was sent to a place that accepts none.
    DocumentMisplaced,
    /// A document was sent to an entity that has none.
    TakesNoDocument,
    /// The document was given in more than one way.
    OneResource {
        /// The attributes, of which only one may be sent.
        names: [String; 3],
    },
    /// A POST to the registry names something that isn't a group type.
    GroupsOnly {
        /// The member's name.
        name: String,
    },
    /// A POST to a group names something that isn't one of its resource types.
    ResourcesOnly {
        /// The member's name.
        name: String,
    },
    /// A plan names an entity twice, or writes what it deletes.
    NamedTwice,
    /// The command names too many entities.
    CommandTooLarge {
        /// The number of entities.
        entities: usize,
    },
    /// The idempotency key was already used for another command.
    IdempotencyMismatch,
    /// A condition of the request isn't met.
    PreconditionFailed {
        /// The header with the condition.
        header: &'static str,
    },
    /// A document changed after its states were compared for a sync.
    ChangedSince {
        /// The change with which they were compared.
        since: Position,
        /// The newest one.
        now: Position,
    },
    /// More registries wrote a document than its vector may name.
    VectorTooLong,
    /// The sent epoch isn't the current one.
    MismatchedEpoch {
        /// The epoch that was sent.
        sent: u64,
        /// The current one.
        current: u64,
    },
    /// The epoch of a resource was sent outside its Meta.
    MisplacedEpoch,
    /// The name is taken by another entity, which may differ in case.
    NameTaken {
        /// The existing name.
        existing: Id,
    },
    /// A document, or the attributes of an entity, are too large.
    DocumentTooLarge {
        /// The size in bytes.
        size: usize,
        /// The maximum size in bytes.
        limit: usize,
    },
    /// The document violates its schema, its rules or its references.
    InvalidDocument {
        /// The violations; at least one is an error.
        violations: Vec<Violation>,
    },
    /// A bound schema or rule doesn't exist.
    BindingMissing {
        /// The schema or rule.
        binding: Xid,
    },
    /// A bound schema or rule can't be used.
    BindingBroken {
        /// The schema or rule.
        binding: Xid,
        /// Why it can't be used.
        error: String,
        /// Its violations.
        violations: Vec<Violation>,
    },
    /// Other entities refer to the one to be deleted.
    Referenced {
        /// The referring entities.
        by: XidList,
    },
    /// Other schemas refer to a `$id` that the command would take away.
    IdInUse {
        /// The `$id`, as an absolute URI.
        id: String,
        /// The referring schemas.
        by: XidList,
    },
    /// Other schemas refer to a `$id` that a second schema would get.
    IdAmbiguous {
        /// The `$id`, as an absolute URI.
        id: String,
        /// The other schemas with this `$id`.
        others: XidList,
        /// The referring schemas.
        by: XidList,
    },
    /// A change of a resource's versions isn't allowed.
    Version(VersionRefusal),
    /// A new model removes the documents of entities that have one.
    HasDocuments {
        /// The type's plural name.
        plural: String,
        /// The entities with documents, or the first of them.
        documents: Vec<Xid>,
    },
    /// A new model gives a version a document, but it has an attribute with one of its names.
    DocumentNameTaken {
        /// The attribute's name.
        name: String,
    },
    /// The flag `purge` was sent for a collection.
    PurgeOfMany,
    /// The entity can't be deleted.
    NotDeletable,
    /// It holds a conflict that nobody has decided.
    Undecided,
    /// Cross references (`xref`) aren't supported yet.
    CrossReference,
    /// It was purged and can't be restored.
    Purged,
    /// No deleted entity has this name.
    NothingHidden,
    /// The deleted entity can't be restored now.
    RestoreRefused(Unrestorable),
    /// The model is invalid or can't be applied.
    Model(ModelRefusal),
    /// It is outside the scope of the caller.
    OutOfScope,
    /// Somebody else made it.
    NotOwn,
    /// It isn't in review.
    NotInReview,
    /// The capabilities don't let clients change this.
    NotMutable,
    /// The capabilities can't be set like this.
    Capabilities(CapabilityFault),
    /// There are too many keys.
    TooManyKeys {
        /// The maximum number.
        limit: usize,
    },
    /// Without the key nobody could create another, or everybody would have all permissions.
    LastKey,
    /// With the key, and none that can manage keys, everybody would be locked out.
    NoKeyManager,
    /// The key is still valid.
    KeyInForce,
}

/// Why a value isn't valid for its attribute. The text of each is the `error_detail` of its error.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ValueFault {
    /// A mode of schemas isn't one of those that there are.
    #[error("mode must be READWRITE, READONLY, READONLY_OVERRIDE, IMPORT or FORWARD")]
    SchemaMode,
    /// An id has characters or a length that isn't allowed.
    #[error(
        "{0}; an id has 1 to {ID_LENGTH_MAX} of the characters A-Z a-z 0-9 - . _ ~ : @ and begins with \
         a letter, a digit or _"
    )]
    Id(#[from] IdError),
    /// The word has another meaning in the place of a version's id.
    #[error(
        "an id of a version can't be \"null\" or \"request\", which have another meaning there"
    )]
    Reserved,
    /// A document's bytes aren't in base64.
    #[error("must be base64")]
    Base64,
    /// A media type has characters that no header can carry.
    #[error("must be printable ASCII")]
    MediaType,
    /// The value isn't a lifecycle state.
    #[error(transparent)]
    State(#[from] LifecycleError),
    /// A binding isn't a string.
    #[error("must hold xids")]
    Binding,
    /// A binding isn't an xid.
    #[error(transparent)]
    Xid(#[from] XidError),
    /// The bound rules aren't in an array.
    #[error("rules must be an array of xids")]
    Rules,
    /// The compatibility isn't one of those that there are.
    #[error(
        "compatibility must be a level such as BACKWARD, and compatibility_policy a policy such as sound"
    )]
    Compatibility,
}

/// What doesn't exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The entity itself.
    Entity,
    /// The group type.
    GroupType(Id),
    /// The resource type.
    ResourceType(Id),
    /// The parent of the entity to restore.
    Parent,
    /// A deleted entity with this name.
    Deleted,
    /// A sync that wrote something there.
    Sync(Id),
}

/// Why a deleted entity can't be restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unrestorable {
    /// The version would be pruned at once.
    Oldest {
        /// The number of versions to keep.
        max: u64,
    },
    /// The resource has more versions than its type allows now.
    TooManyVersions {
        /// Its number of versions.
        count: u64,
        /// The number of versions to keep.
        max: u64,
    },
}

/// Why a change of versions isn't allowed.
#[derive(Clone, Debug, PartialEq)]
pub enum VersionRefusal {
    /// Documents of existing versions in this collection can't be replaced.
    Frozen,
    /// An attribute for which the guid of a registered version stands can't be changed.
    FrozenAttribute {
        /// Its name.
        name: &'static str,
    },
    /// The version is retired.
    StateFinal,
    /// The lifecycle doesn't allow this transition.
    StateUnreachable {
        /// The version's state.
        from: Lifecycle,
        /// The requested state.
        to: Lifecycle,
    },
    /// The server chooses the version ids of this type.
    VersionIdNotAllowed {
        /// The type's plural name.
        plural: String,
    },
    /// There would be more than one root.
    MultipleRoots {
        /// The type's plural name.
        plural: String,
    },
    /// A version would become its own ancestor.
    CircularAncestors {
        /// The versions in the circle, or the first of them.
        circle: Vec<Id>,
    },
    /// A resource would have no version.
    MissingVersions,
    /// A resource with a single version can't be pinned.
    NothingToPin {
        /// The resources with a pinned version that a new model forbids.
        pinned: XidList,
    },
    /// The flag names the version of the request, but the request has none.
    NoVersionToPin,
    /// The flag names the version of the request, but the request has several.
    TooManyVersions,
    /// Documents of this format can't be validated.
    FormatUnknown {
        /// The format.
        format: String,
    },
    /// Schemas there take no writes, or none of this kind.
    SchemaMode {
        /// The mode.
        mode: SchemaMode,
    },
    /// The id of a schema that is imported belongs to another schema.
    SchemaIdTaken {
        /// The id.
        id: u32,
    },
    /// Versions would differ in an attribute that must be the same.
    VersionsDiffer {
        /// The attribute's path.
        name: String,
    },
}

/// Why a model is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelRefusal {
    /// The model itself is invalid.
    Fault(ModelFault),
    /// It removes a type that has entities.
    TypeInUse {
        /// The group type.
        groups: Id,
        /// The removed resource type; none if the whole group type is removed.
        resources: Option<Id>,
        /// The number of entities.
        count: usize,
    },
    /// Entities don't comply with it.
    Broken {
        /// The entities, each with its reason.
        entities: Vec<(Xid, String)>,
        /// The number of further entities.
        more: usize,
    },
    /// It allows only one root, but resources have several.
    SeveralRoots(XidList),
}

/// The first of many entities, and the number of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XidList {
    /// The listed entities.
    pub shown: Vec<Xid>,
    /// The number of the others.
    pub more: usize,
}

impl XidList {
    /// How many entities a refusal lists, to bound the size of the answer.
    pub const SHOWN_MAX: usize = 100;

    /// The first of these, and the number of the others.
    #[must_use]
    pub fn of<'a>(xids: impl IntoIterator<Item = &'a Xid>) -> Self {
        let mut xids = xids.into_iter();
        let shown = xids.by_ref().take(Self::SHOWN_MAX).cloned().collect();
        Self { shown, more: xids.count() }
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// A refusal about this entity or path.
    #[must_use]
    pub fn new(subject: impl fmt::Display, reason: impl Into<Reason>) -> Self {
        Self { subject: subject.to_string(), reason: Box::new(reason.into()) }
    }

    /// The entity doesn't exist.
    #[must_use]
    pub fn not_found(xid: impl fmt::Display) -> Self {
        Self::new(xid, Reason::NotFound(Absence::Entity))
    }

    /// A body names a version that won't exist.
    #[must_use]
    pub fn unknown_version(subject: impl fmt::Display, version: impl fmt::Display) -> Self {
        Self::new(subject, Reason::UnknownVersion { version: version.to_string() })
    }

    /// An attribute has an invalid value.
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

    /// The id in a body differs from the id in the path or the map.
    #[must_use]
    pub fn mismatched_id(subject: &Xid, singular: &str, sent: &str, expected: &str) -> Self {
        let [singular, sent, expected] = [singular, sent, expected].map(str::to_owned);
        Self::new(subject, Reason::MismatchedId { singular, sent, expected })
    }

    /// The attributes violate the model.
    #[must_use]
    pub fn attribute(subject: impl fmt::Display, fault: AttributeFault) -> Self {
        Self::new(subject, Reason::Attribute(fault))
    }

    /// The model is refused.
    #[must_use]
    pub fn model(refusal: ModelRefusal) -> Self {
        Self::new("/model", Reason::Model(refusal))
    }

    /// The document was refused; at least one violation is an error.
    #[must_use]
    pub fn invalid_document(xid: &Xid, violations: Vec<Violation>) -> Self {
        Self::new(xid, Reason::InvalidDocument { violations })
    }

    /// A bound document doesn't exist.
    #[must_use]
    pub fn binding_missing(subject: impl fmt::Display, binding: &Xid) -> Self {
        Self::new(subject, Reason::BindingMissing { binding: binding.clone() })
    }
}

impl Refusal {
    /// The refusal for a caller with a limited scope: referrers outside the scope are counted but
    /// not named, and a name that is taken by an entity outside of it is itself out of the scope.
    #[must_use]
    pub fn seen_within(mut self, within: &XidPatterns) -> Self {
        let lists = match &mut *self.reason {
            Reason::Referenced { by } | Reason::IdInUse { by, .. } => vec![by],
            Reason::IdAmbiguous { others, by, .. } => vec![others, by],
            _ => Vec::new(),
        };
        for list in lists {
            let count = list.shown.len();
            list.shown.retain(|xid| within.holds(xid));
            list.more += count - list.shown.len();
        }
        let taken = match &*self.reason {
            Reason::MismatchedId { expected, .. } => Some(expected.as_str()),
            Reason::NameTaken { existing } | Reason::CaseClash { existing, .. } => {
                Some(existing.as_str())
            }
            _ => None,
        };
        if taken.is_some_and(|taken| self.has_sibling_outside(taken, within)) {
            *self.reason = Reason::OutOfScope;
        }
        self
    }

    /// Whether another id in the subject's place names an entity outside a scope. The registry's
    /// own id is no secret.
    fn has_sibling_outside(&self, id: &str, within: &XidPatterns) -> bool {
        let Some((parent, _)) = self.subject.rsplit_once('/') else { return false };
        let sibling = format!("{parent}/{id}");
        self.subject != "/" && within.coverage(&sibling) != Coverage::Within
    }
}

impl From<ModelFault> for Refusal {
    fn from(fault: ModelFault) -> Self {
        Self::model(ModelRefusal::Fault(fault))
    }
}

impl From<CapabilityFault> for Refusal {
    fn from(fault: CapabilityFault) -> Self {
        Self::new("/capabilities", Reason::Capabilities(fault))
    }
}

impl From<VersionRefusal> for Reason {
    fn from(refusal: VersionRefusal) -> Self {
        Self::Version(refusal)
    }
}

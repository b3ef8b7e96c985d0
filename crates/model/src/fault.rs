use serde_json::Value;
use thiserror::Error;

use super::{Kind, limits};

mod attribute;
pub use attribute::AttributeFault;

/// Why a model is invalid. Places are written with dots (`groups.dirs.attributes.color`).
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ModelFault {
    /// A member has the wrong JSON type.
    #[error("{place:?} must be {expected}")]
    Shape {
        /// Where.
        place: String,
        /// What is expected, with its article.
        expected: &'static str,
    },
    /// A label begins like Muster's own and isn't one of them.
    #[error(
        "{place:?} has the label {label:?}; labels that begin with \"muster.\" can be {known} here"
    )]
    UnknownLabel {
        /// Where.
        place: String,
        /// The label, or its beginning.
        label: String,
        /// The labels that are possible there.
        known: String,
    },
    /// The model language has no such member at this place.
    #[error("{place:?} has an unknown member {member:?}")]
    UnknownMember {
        /// Where.
        place: String,
        /// Its name.
        member: String,
    },
    /// A required member is missing.
    #[error("{place:?} is missing {member:?}")]
    MissingMember {
        /// Where.
        place: String,
        /// Its name.
        member: &'static str,
    },
    /// A name within a definition differs from the definition's key.
    #[error("{place:?} must have a {member:?} of {expected:?}, not {found:?}")]
    NotItsKey {
        /// Where.
        place: String,
        /// `plural` or `name`.
        member: &'static str,
        /// The key.
        expected: String,
        /// The given name.
        found: String,
    },
    /// A name has invalid characters, or too many.
    #[error("{place:?} has a bad name {name:?}: {rule}")]
    Name {
        /// Where.
        place: String,
        /// The name, or its beginning.
        name: String,
        /// The pattern for names.
        rule: &'static str,
    },
    /// Two definitions at one place have the same name.
    #[error("{place:?} has the name {name:?} twice")]
    NameTaken {
        /// Where.
        place: String,
        /// The name.
        name: String,
    },
    /// The specification reserves the name at this place.
    #[error("{place:?} can't be named {name:?}: the specification reserves this name")]
    Reserved {
        /// Where.
        place: String,
        /// The name.
        name: String,
    },
    /// There is no such data type.
    #[error("{place:?} has an unknown type {found:?}")]
    UnknownType {
        /// Where.
        place: String,
        /// The given name, or its beginning.
        found: String,
    },
    /// An aspect isn't allowed for the attribute's type.
    #[error("{place:?} can't have {aspect:?}: it is of type {kind}")]
    NotForType {
        /// Where.
        place: String,
        /// The aspect.
        aspect: &'static str,
        /// The attribute's type.
        kind: Kind,
    },
    /// An aspect isn't allowed at this place.
    #[error("{place:?} can't have {aspect:?}: {reason}")]
    NotThere {
        /// Where.
        place: String,
        /// The aspect.
        aspect: &'static str,
        /// The reason.
        reason: &'static str,
    },
    /// A `target` isn't an xid template, or names types that the model doesn't have.
    #[error("{place:?} has a target {target:?} that isn't a type of this model")]
    Target {
        /// Where.
        place: String,
        /// The target, or its beginning.
        target: String,
    },
    /// A value of `enum` or `default` isn't of the attribute's type.
    #[error("{place:?} has the {aspect} {value}, which is not of type {kind}")]
    ValueType {
        /// Where.
        place: String,
        /// `enum` or `default`.
        aspect: &'static str,
        /// The value.
        value: Value,
        /// The attribute's type.
        kind: Kind,
    },
    /// A default or a key of `ifvalues` isn't in the strict `enum`.
    #[error("{place:?} has {value} in {aspect:?}, but not in its \"enum\"")]
    NotAChoice {
        /// Where.
        place: String,
        /// `default` or `ifvalues`.
        aspect: &'static str,
        /// The value.
        value: Value,
    },
    /// A default at an attribute that isn't scalar: `model_scalar_default`.
    #[error("{name:?} can't have a default value: it isn't a scalar")]
    DefaultNotScalar {
        /// The attribute's place.
        name: String,
    },
    /// An attribute with a default isn't required: `model_required_true`.
    #[error("{name:?} has a default value, so it must be required")]
    DefaultNotRequired {
        /// The attribute's place.
        name: String,
    },
    /// A key of `ifvalues` is empty or begins with `^`.
    #[error("{place:?} has a bad key {key:?} in \"ifvalues\"")]
    ConditionKey {
        /// Where.
        place: String,
        /// The key, or its beginning.
        key: String,
    },
    /// The model changes an attribute of the specification in a way that the specification forbids.
    #[error("{place:?} must keep its {aspect:?} of {expected}")]
    Specified {
        /// Where.
        place: String,
        /// The aspect.
        aspect: &'static str,
        /// What the specification requires.
        expected: String,
    },
    /// This server doesn't support the version mode.
    #[error(
        "{place:?} has the version mode {found:?}; this server supports manual, createdat and, with the built-in model, lifecycle"
    )]
    VersionMode {
        /// Where.
        place: String,
        /// The given mode, or its beginning.
        found: String,
    },
    /// A key or a value of `typemap` is invalid.
    #[error("{place:?} has a bad typemap entry {entry:?}: {reason}")]
    TypeMap {
        /// Where.
        place: String,
        /// The key, or its beginning.
        entry: String,
        /// The reason.
        reason: &'static str,
    },
    /// `validatecompatibility` is set without `validateformat`. The reference server answers
    /// `bad_request`.
    #[error(
        "Resource {plural:?} must have \"validateformat\" set to \"true\" when \"validatecompatibility\" is \"true\""
    )]
    NeedsFormat {
        /// The resource type.
        plural: String,
    },
    /// An entry of `ximportresources` can't be imported.
    #[error("{place:?} can't import {reference:?}: {reason}")]
    Import {
        /// Where.
        place: String,
        /// The entry, or its beginning.
        reference: String,
        /// The reason.
        reason: &'static str,
    },
    /// An `$include` can't be resolved.
    #[error("the include of {reference:?} can't be resolved: {reason}")]
    Include {
        /// The reference, or its beginning.
        reference: String,
        /// The reason.
        reason: &'static str,
    },
    /// The user's model redefines a part of a built-in type.
    #[error("{place:?} is built in; {member:?} can't be changed")]
    BuiltIn {
        /// Where.
        place: String,
        /// The differing member.
        member: String,
    },
    /// A new model changes the singular name of a type.
    #[error("changing the singular name of {place:?} is not allowed")]
    Singular {
        /// The type.
        place: String,
    },
    /// The model is nested too deeply.
    #[error("the model is nested deeper than {}", limits::DEPTH_MAX)]
    TooDeep,
    /// The model has too many types, including imported ones.
    #[error("the model has more than {} types", limits::TYPES_MAX)]
    TooManyTypes,
    /// The model has too many values, after includes are resolved.
    #[error("the model has more than {} values", limits::VALUES_MAX)]
    TooLarge,
}

use serde_json::Value;
use thiserror::Error;

use super::{Kind, limits};

mod attribute;
pub use attribute::AttributeFault;

/// Why a model can't be taken. Places are written with dots (`groups.dirs.attributes.color`).
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ModelFault {
    /// A member of the model isn't of the JSON type that it must have.
    #[error("{place:?} must be {expected}")]
    Shape {
        /// Where.
        place: String,
        /// What belongs there, with its article.
        expected: &'static str,
    },
    /// The model language has no such member there.
    #[error("{place:?} has an unknown member {member:?}")]
    UnknownMember {
        /// Where.
        place: String,
        /// Its name.
        member: String,
    },
    /// The model language wants a member there.
    #[error("{place:?} is missing {member:?}")]
    MissingMember {
        /// Where.
        place: String,
        /// Its name.
        member: &'static str,
    },
    /// A name that stands in its own definition differs from the key that it stands under.
    #[error("{place:?} must have a {member:?} of {expected:?}, not {found:?}")]
    NotItsKey {
        /// Where.
        place: String,
        /// `plural` or `name`.
        member: &'static str,
        /// The key.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A name has other characters than it may have, or too many.
    #[error("{place:?} has a bad name {name:?}: {rule}")]
    Name {
        /// Where.
        place: String,
        /// The name, or its beginning.
        name: String,
        /// What it must look like.
        rule: &'static str,
    },
    /// Two things of one place have one name.
    #[error("{place:?} has the name {name:?} twice")]
    NameTaken {
        /// Where.
        place: String,
        /// The name.
        name: String,
    },
    /// The specification keeps that name for itself there.
    #[error("{place:?} can't be named {name:?}: the specification has that name there")]
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
        /// What stands there, or its beginning.
        found: String,
    },
    /// An aspect stands at an attribute whose type can't have it.
    #[error("{place:?} can't have {aspect:?}: it is of type {kind}")]
    NotForType {
        /// Where.
        place: String,
        /// The aspect.
        aspect: &'static str,
        /// The attribute's type.
        kind: Kind,
    },
    /// An aspect stands where it may not, whatever the type.
    #[error("{place:?} can't have {aspect:?}: {reason}")]
    NotThere {
        /// Where.
        place: String,
        /// The aspect.
        aspect: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// A `target` that is no xid template, or of types that the model hasn't.
    #[error("{place:?} has a target {target:?} that names no type of this model")]
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
    /// A default, or a key of `ifvalues`, that a strict `enum` doesn't have.
    #[error("{place:?} has {value} in {aspect:?}, which its \"enum\" doesn't have")]
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
    /// A default at an attribute that isn't required: `model_required_true`.
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
    /// An attribute of the specification was changed in a way that the specification forbids.
    #[error("{place:?} must keep its {aspect:?} of {expected}")]
    Specified {
        /// Where.
        place: String,
        /// The aspect.
        aspect: &'static str,
        /// What the specification says.
        expected: String,
    },
    /// A version mode that this server hasn't.
    #[error(
        "{place:?} has the version mode {found:?}; this server has manual, createdat and, over the built-in model, lifecycle"
    )]
    VersionMode {
        /// Where.
        place: String,
        /// What stands there, or its beginning.
        found: String,
    },
    /// A key or value of `typemap` that isn't one.
    #[error("{place:?} has a bad typemap entry {entry:?}: {reason}")]
    TypeMap {
        /// Where.
        place: String,
        /// The key, or its beginning.
        entry: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// `validatecompatibility` without `validateformat`. The reference calls this `bad_request`.
    #[error(
        "Resource {plural:?} must have \"validateformat\" set to \"true\" when \"validatecompatibility\" is \"true\""
    )]
    NeedsFormat {
        /// The resource type.
        plural: String,
    },
    /// An entry of `ximportresources` that can't be imported.
    #[error("{place:?} can't import {reference:?}: {reason}")]
    Import {
        /// Where.
        place: String,
        /// The entry, or its beginning.
        reference: String,
        /// Why not.
        reason: &'static str,
    },
    /// An `$include` that can't be resolved.
    #[error("the include of {reference:?} can't be resolved: {reason}")]
    Include {
        /// The reference, or its beginning.
        reference: String,
        /// Why not.
        reason: &'static str,
    },
    /// A user's model gives a built-in type another meaning.
    #[error("{place:?} is built in: {member:?} can't differ")]
    BuiltIn {
        /// Where.
        place: String,
        /// What differs.
        member: String,
    },
    /// A newer model gives a type another singular name.
    #[error("changing the singular name of {place:?} is not allowed")]
    Singular {
        /// The type.
        place: String,
    },
    /// The model lies deeper in itself than a model may.
    #[error("the model is nested deeper than {}", limits::DEPTH_MAX)]
    TooDeep,
    /// The model has more types, imported ones too, than a model may.
    #[error("the model has more than {} types", limits::TYPES_MAX)]
    TooManyTypes,
    /// The model has more values, includes resolved, than a model may.
    #[error("the model has more than {} values", limits::VALUES_MAX)]
    TooLarge,
}

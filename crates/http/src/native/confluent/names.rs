//! The names of contexts and subjects, and the groups and schemas that they are.

use muster_catalog::{
    Catalog,
    registration::{SCHEMA_TYPES, context_group, is_default_context, subject_ids},
};
use muster_words::{Id, Xid};

use super::problem::DoorError;

/// The name of the place above all contexts.
const GLOBAL: &str = ".__GLOBAL";

/// The longest name of a subject: as long as a Kafka topic's with a suffix, several times over.
const SUBJECT_LENGTH_MAX: usize = 1_000;

/// A context: a group of schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Context(pub Id);

impl Context {
    /// The context with this name: `.` or a name with a dot before it.
    pub(super) fn named(name: &str) -> Result<Self, DoorError> {
        let invalid = || DoorError::invalid_subject(&format!(":{name}:"));
        context_group(name).map(Self).ok_or_else(invalid)
    }

    /// The name.
    pub(super) fn name(&self) -> String {
        if self.is_default() { ".".to_owned() } else { format!(".{}", self.0) }
    }

    pub(super) fn is_default(&self) -> bool {
        is_default_context(&self.0)
    }

    /// The group.
    pub(super) fn xid(&self) -> Option<Xid> {
        Some(Xid::Group { groups: SCHEMA_TYPES.0.parse().ok()?, group: self.0.clone() })
    }
}

/// A place that has settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Everything.
    Global,
    /// A context.
    Context(Context),
    /// A subject.
    Subject(Subject),
}

/// A subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub context: Context,
    /// The name in the context.
    pub name: String,
}

impl Place {
    /// The place with this name; `context` is where a name without one is.
    pub(super) fn named(text: &str, context: &Context) -> Result<Self, DoorError> {
        let Some(qualified) = text.strip_prefix(':') else {
            return Ok(Self::Subject(Subject::new(context.clone(), text)?));
        };
        let Some((of, name)) = qualified.split_once(':') else {
            return Ok(Self::Subject(Subject::new(context.clone(), text)?));
        };
        if of == GLOBAL {
            return Ok(Self::Global);
        }
        let context = Context::named(of)?;
        match name {
            "" => Ok(Self::Context(context)),
            name => Ok(Self::Subject(Subject::new(context, name)?)),
        }
    }
}

impl Place {
    /// The name, as clients read it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Global => ":.__GLOBAL:".to_owned(),
            Self::Context(context) => format!(":{}:", context.name()),
            Self::Subject(subject) => subject.qualified(),
        }
    }
}

impl Subject {
    fn new(context: Context, name: &str) -> Result<Self, DoorError> {
        let is_valid = !name.is_empty()
            && name.len() <= SUBJECT_LENGTH_MAX
            && !name.chars().any(char::is_control)
            && name != "__GLOBAL"
            && name != "__EMPTY";
        match is_valid {
            true => Ok(Self { context, name: name.to_owned() }),
            false => Err(DoorError::invalid_subject(name)),
        }
    }

    /// The subject with this name; places that aren't subjects are refused.
    pub(super) fn named(text: &str, context: &Context) -> Result<Self, DoorError> {
        match Place::named(text, context)? {
            Place::Subject(subject) => Ok(subject),
            _ => Err(DoorError::invalid_subject(text)),
        }
    }

    /// The name with the context, as clients read it.
    pub(super) fn qualified(&self) -> String {
        qualified(&self.context, &self.name)
    }

    /// The schema, whether it exists or not. A name that can't be an id, or that differs only in
    /// case from another one, has a hashed id.
    pub(super) fn xid(&self, catalog: &Catalog) -> Option<Xid> {
        let of = |resource: Id| {
            Some(Xid::Resource {
                groups: SCHEMA_TYPES.0.parse().ok()?,
                group: self.context.0.clone(),
                resources: SCHEMA_TYPES.1.parse().ok()?,
                resource,
            })
        };
        let (plain, hashed) = subject_ids(&self.name);
        let (plain, hashed) = (plain.and_then(of), hashed.and_then(of)?);
        let is_known = |xid: &Xid| catalog.has(xid) || catalog.registrations.last_number(xid) > 0;
        let Some(plain) = plain else { return Some(hashed) };
        if is_known(&plain) || (!is_known(&hashed) && catalog.taken(&plain).is_none()) {
            return Some(plain);
        }
        Some(hashed)
    }
}

/// The name of a subject with its context, which the default one leaves out.
pub(super) fn qualified(context: &Context, name: &str) -> String {
    match context.is_default() {
        true => name.to_owned(),
        false => format!(":{}:{name}", context.name()),
    }
}

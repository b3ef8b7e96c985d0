//! The capabilities: which features of xRegistry are enabled, and which metadata clients may change
//! (xRegistry core, "Registry Capabilities").

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use muster_model::{Foundation, SPECVERSION};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    Catalog, Reason, Refusal, View,
    command::{Action, Command, Target, WriteBody},
};

mod update;
pub use update::updated;

/// The capabilities in force. They are stored as their JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Kinds of metadata that are served, and whether clients can change each.
    pub available: BTreeMap<String, Mutability>,
    /// Formats whose versions are checked for compatibility, with their modes.
    pub compatibilities: BTreeMap<String, Vec<String>>,
    /// The supported flags.
    pub flags: Vec<String>,
    /// Formats that documents are checked against.
    pub formats: Vec<String>,
    /// What can be asked to be ignored.
    pub ignores: Vec<String>,
    /// Whether collections are paginated.
    pub pagination: bool,
    /// Whether entities have a short URL as well.
    pub shortself: bool,
    /// The supported versions of xRegistry.
    pub specversions: Vec<String>,
    /// The ways in which a type can choose the default version.
    pub versionmodes: Vec<String>,
}

/// Whether clients can change a kind of metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mutability {
    /// Whether they can.
    pub mutable: bool,
}

/// Why capabilities can't be set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CapabilityFault {
    /// There is no such capability.
    #[error("there is no capability {0:?}")]
    Unknown(String),
    /// The value isn't among the possible ones.
    #[error("{name:?} accepts {allowed}")]
    Value {
        /// The capability.
        name: String,
        /// The value.
        value: String,
        /// The possible values.
        allowed: String,
    },
    /// A value that must be in the list is missing.
    #[error("{name:?} needs {value:?}")]
    MissingValue {
        /// The capability.
        name: String,
        /// The missing value.
        value: String,
    },
    /// `*` stands beside other values in the list of this capability.
    #[error("{0:?} accepts \"*\" only alone")]
    Wildcard(String),
    /// A value has the wrong type.
    #[error("{name:?} must be {expected}")]
    Shape {
        /// The capability, or the path in it.
        name: String,
        /// The expected value.
        expected: &'static str,
    },
    /// They aren't a JSON object.
    #[error("they must be a JSON object")]
    NotObject,
    /// No format has compatibility rules.
    #[error("no format has compatibility rules here")]
    Compatibilities,
    /// There is no such kind of metadata.
    #[error("\"available\" has no {0:?}")]
    UnknownKind(String),
    /// Clients can't change this kind of metadata.
    #[error("{0:?} can't be changed by clients")]
    NeverMutable(&'static str),
}

/// The kind of metadata that is always served.
const ENTITIES: &str = "entities";

/// Kinds of metadata, and whether clients may be allowed to change each.
pub const AVAILABLE: [(&str, bool); 7] = [
    (".xregistry", false),
    ("capabilities", true),
    ("capabilitiesoffered", false),
    (ENTITIES, true),
    ("export", false),
    ("model", false),
    ("modelsource", true),
];

/// The flags.
pub const FLAGS: [&str; 10] = [
    "binary",
    "collections",
    "doc",
    "epoch",
    "filter",
    "ignore",
    "inline",
    "setdefaultversionid",
    "sort",
    "specversion",
];

/// What can be asked to be ignored.
pub const IGNORES: [&str; 7] = [
    "capabilities",
    "defaultversionid",
    "defaultversionsticky",
    "epoch",
    "id",
    "modelsource",
    "readonly",
];

/// The formats that documents are checked against: they are checked by the schemas that are bound
/// to them, not by their format.
pub const FORMATS: [&str; 0] = [];

/// The ways in which a type can choose the default version.
#[must_use]
pub const fn version_modes(foundation: Foundation) -> &'static [&'static str] {
    match foundation {
        Foundation::Bare => &["createdat", "manual"],
        Foundation::BuiltIn => &["createdat", "lifecycle", "manual"],
    }
}

/// The capabilities with everything enabled; created once, because every request needs them.
static BUILT_IN: LazyLock<Arc<Capabilities>> =
    LazyLock::new(|| Arc::new(Capabilities::all(Foundation::BuiltIn)));
static BARE: LazyLock<Arc<Capabilities>> =
    LazyLock::new(|| Arc::new(Capabilities::all(Foundation::Bare)));

impl Capabilities {
    /// The capabilities of a view.
    #[must_use]
    pub fn of(view: &View, foundation: Foundation) -> Arc<Self> {
        // No release wrote what can't be read; if there is such, everything is enabled.
        let set = view.capabilities().and_then(|set| Self::deserialize(&**set).ok());
        set.map_or_else(
            || {
                Arc::clone(match foundation {
                    Foundation::Bare => &BARE,
                    Foundation::BuiltIn => &BUILT_IN,
                })
            },
            Arc::new,
        )
    }

    /// Everything enabled.
    fn all(foundation: Foundation) -> Self {
        let available = AVAILABLE.map(|(name, mutable)| (name.to_owned(), Mutability { mutable }));
        Self {
            available: available.into(),
            compatibilities: BTreeMap::new(),
            flags: texts(&FLAGS),
            formats: texts(&FORMATS),
            ignores: texts(&IGNORES),
            // A bare registry answers as the reference server does, which has no pages.
            pagination: foundation != Foundation::Bare,
            shortself: false,
            specversions: texts(&[SPECVERSION]),
            versionmodes: texts(version_modes(foundation)),
        }
    }

    /// Whether a flag is supported; unsupported ones are silently ignored.
    #[must_use]
    pub fn has_flag(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag == name)
    }

    /// Whether `?ignore` accepts this value.
    #[must_use]
    pub fn has_ignore(&self, name: &str) -> bool {
        self.ignores.iter().any(|ignored| ignored == name)
    }

    /// Whether a kind of metadata is served.
    #[must_use]
    pub fn serves(&self, kind: &str) -> bool {
        self.available.contains_key(kind)
    }

    /// Whether clients can change a kind of metadata.
    #[must_use]
    pub fn can_change(&self, kind: &str) -> bool {
        self.available.get(kind).is_some_and(|available| available.mutable)
    }
}

/// What a command changes, as far as capabilities can forbid it.
#[derive(Clone, Debug, Default)]
pub struct ChangedMetadata {
    /// The path of the command's target.
    subject: String,
    kinds: Vec<&'static str>,
}

impl ChangedMetadata {
    /// What a command changes. Keys and the ids of schemas aren't metadata.
    #[must_use]
    pub fn of(command: &Command) -> Self {
        let (target, body) = match &command.action {
            Action::Write(write) => (&write.target, Some(&write.body)),
            Action::Delete(delete) => (&delete.target, None),
            Action::Restore(xid) => {
                return Self { subject: xid.to_string(), kinds: vec![ENTITIES] };
            }
            Action::Rollback(rollback) => {
                return Self { subject: rollback.place.to_string(), kinds: vec![ENTITIES] };
            }
            Action::Apply(plan) => {
                let model = plan.model.is_some().then_some("modelsource");
                let entities = (plan.entities() > 0).then_some(ENTITIES);
                return Self {
                    subject: "/".to_owned(),
                    kinds: model.into_iter().chain(entities).collect(),
                };
            }
            Action::CreateKey { .. }
            | Action::RevokeKey { .. }
            | Action::ForgetKey { .. }
            | Action::RegisterSchemas(_) => {
                return Self::default();
            }
        };
        let mut kinds = vec![match target {
            Target::Model => "modelsource",
            Target::Capabilities => "capabilities",
            _ => ENTITIES,
        }];
        // A write of the registry may bring both.
        if let (Target::Entity(muster_words::Xid::Registry), Some(WriteBody::Tree(map))) =
            (target, body)
        {
            let brings = |name, ignored: bool| map.contains_key(name) && !ignored;
            kinds.extend(
                brings("modelsource", command.ignore.model_source).then_some("modelsource"),
            );
            kinds.extend(
                brings("capabilities", command.ignore.capabilities).then_some("capabilities"),
            );
        }
        Self { subject: target.to_string(), kinds }
    }

    /// Checks that the capabilities in force allow the change.
    ///
    /// # Errors
    /// `NotMutable`.
    pub fn check(&self, catalog: &Catalog) -> Result<(), Refusal> {
        let Some(set) = &catalog.capabilities else { return Ok(()) };
        let mutable = |kind: &str| set["available"][kind]["mutable"] == true;
        match self.kinds.iter().all(|kind| mutable(kind)) {
            true => Ok(()),
            false => Err(Refusal::new(&self.subject, Reason::NotMutable)),
        }
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests;

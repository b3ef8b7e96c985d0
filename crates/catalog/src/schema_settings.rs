//! What the registry, a group or a schema asks for from new versions of schemas.

use std::{fmt, str::FromStr, sync::Arc};

use muster_model::{AttributeOrigin, Attributes};
use muster_schema::{Level, Policy};
use serde_json::{Map, Value};

use crate::{ValueFault, state::CompatibilityRule};

/// Settings for schemas, at one place. What isn't said is said by the place around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaSettings {
    /// With which earlier versions a new one must be compatible.
    pub level: Option<Level>,
    /// By which rules that is judged.
    pub policy: Option<Policy>,
    /// Which writes are taken.
    pub mode: Option<SchemaMode>,
    /// The other settings of Confluent's API, by their names there.
    pub confluent: Option<Arc<Map<String, Value>>>,
}

/// Which writes of schemas are taken (Confluent's `mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaMode {
    /// All but those that name ids.
    ReadWrite,
    /// None.
    ReadOnly,
    /// None, whatever a place within says.
    ReadOnlyOverride,
    /// Those that name ids, which aren't compared with earlier versions.
    Import,
    /// None: another registry takes them.
    Forward,
}

impl SchemaMode {
    const ALL: [(Self, &str); 5] = [
        (Self::ReadWrite, "READWRITE"),
        (Self::ReadOnly, "READONLY"),
        (Self::ReadOnlyOverride, "READONLY_OVERRIDE"),
        (Self::Import, "IMPORT"),
        (Self::Forward, "FORWARD"),
    ];

    /// Whether new versions and deletions are refused.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        matches!(self, Self::ReadOnly | Self::ReadOnlyOverride | Self::Forward)
    }
}

impl FromStr for SchemaMode {
    type Err = ValueFault;

    fn from_str(text: &str) -> Result<Self, ValueFault> {
        let found = Self::ALL.into_iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
        found.map(|(mode, _)| mode).ok_or(ValueFault::SchemaMode)
    }
}

impl fmt::Display for SchemaMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::ALL.into_iter().find(|(mode, _)| mode == self);
        f.write_str(found.map_or("", |(_, name)| name))
    }
}

impl SchemaSettings {
    /// Reads the settings in an entity's attribute `muster`; none if it has none.
    ///
    /// # Errors
    /// A word isn't known.
    pub fn read(attributes: &Map<String, Value>) -> Result<Option<Self>, ValueFault> {
        attributes.get("muster").map_or(Ok(None), Self::of)
    }

    /// Reads the settings in the value of an attribute; none if it has none.
    ///
    /// # Errors
    /// A word isn't known.
    pub fn of(aspect: &Value) -> Result<Option<Self>, ValueFault> {
        let text = |name: &str| aspect.get(name).and_then(Value::as_str);
        let level = text("compatibility").map(Level::from_str).transpose();
        let policy = text("compatibility_policy").map(Policy::from_str).transpose();
        let settings = Self {
            level: level.map_err(|_| ValueFault::Compatibility)?,
            policy: policy.map_err(|_| ValueFault::Compatibility)?,
            mode: text("mode").map(SchemaMode::from_str).transpose()?,
            confluent: aspect.get("confluent").and_then(Value::as_object).cloned().map(Arc::new),
        };
        Ok((settings != Self::default()).then_some(settings))
    }
}

/// A property of a schema's metadata: its value, if that is a text.
#[must_use]
pub fn metadata_property(metadata: Option<&Value>, name: &str) -> Option<String> {
    let value = metadata?.get("properties")?.get(name)?;
    value.as_str().map(ToOwned::to_owned)
}

/// The settings that hold at a place, from the innermost to the registry's own.
#[derive(Clone, Debug, Default)]
pub struct SettingsChain(Vec<SchemaSettings>);

impl SettingsChain {
    /// A chain of settings, the innermost first.
    #[must_use]
    pub fn new(settings: impl IntoIterator<Item = Option<SchemaSettings>>) -> Self {
        Self(settings.into_iter().flatten().collect())
    }

    /// How a new version must be compatible with earlier ones. `default` holds where no level is
    /// set; its policy holds where none is set.
    #[must_use]
    pub fn rule(&self, default: Option<CompatibilityRule>) -> Option<CompatibilityRule> {
        let level = self.0.iter().find_map(|one| one.level).or(default.map(|rule| rule.level))?;
        let policy = self.0.iter().find_map(|one| one.policy);
        let policy = policy.or(default.map(|rule| rule.policy)).unwrap_or(Policy::Sound);
        Some(CompatibilityRule { level, policy })
    }

    /// Which writes are taken. `READONLY_OVERRIDE` holds for everything within.
    #[must_use]
    pub fn mode(&self) -> SchemaMode {
        let mut modes = self.0.iter().filter_map(|one| one.mode);
        let overriding = modes.clone().find(|mode| *mode == SchemaMode::ReadOnlyOverride);
        overriding.or_else(|| modes.next()).unwrap_or(SchemaMode::ReadWrite)
    }

    /// The property of a schema's metadata whose value says which versions are compared with each
    /// other.
    #[must_use]
    pub fn compatibility_group(&self) -> Option<String> {
        let name = self.confluent("compatibilityGroup")?.as_str()?;
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// A setting of Confluent's API.
    #[must_use]
    pub fn confluent(&self, name: &str) -> Option<&Value> {
        self.0.iter().find_map(|one| one.confluent.as_ref()?.get(name))
    }
}

/// What an entity asks for from new versions of schemas, in attributes that the model has checked.
#[must_use]
pub fn settings_in(level: &Attributes, map: &Map<String, Value>) -> Option<Arc<SchemaSettings>> {
    let own = level.get("muster")?;
    if own.origin != AttributeOrigin::BuiltIn {
        return None;
    }
    SchemaSettings::read(map).ok().flatten().map(Arc::new)
}

use std::collections::BTreeMap;

use muster_model::{Foundation, SPECVERSION, is_specversion};
use serde_json::{Map, Value};

use super::{
    AVAILABLE, Capabilities, CapabilityFault, ENTITIES, FLAGS, FORMATS, IGNORES, Mutability, texts,
    version_modes,
};
use crate::command::Mode;

/// The names of the capabilities.
const NAMES: [&str; 9] = [
    "available",
    "compatibilities",
    "flags",
    "formats",
    "ignores",
    "pagination",
    "shortself",
    "specversions",
    "versionmodes",
];

/// The capabilities after a change. `null` enables everything. A PATCH keeps what it doesn't name,
/// anything else resets it.
///
/// # Errors
/// See [`CapabilityFault`].
pub fn updated(
    current: &Capabilities,
    sent: &Value,
    mode: Mode,
    foundation: Foundation,
) -> Result<Capabilities, CapabilityFault> {
    let sent = match sent {
        Value::Null => return Ok(Capabilities::all(foundation)),
        Value::Object(sent) => sent,
        _ => return Err(CapabilityFault::NotObject),
    };
    let is_unknown = |name: &&String| *name != "$schema" && !NAMES.contains(&name.as_str());
    if let Some(name) = sent.keys().find(is_unknown) {
        return Err(CapabilityFault::Unknown(name.to_owned()));
    }
    let update = Update { sent, mode };
    let list = |name: &str, now: &Vec<String>, all: &[&str], needed: &[&str]| {
        update.settled(name, now, texts(needed), |value| list(name, value, all, needed))
    };
    let switch = |name: &str, now: bool, can_be_set: bool| {
        update.settled(name, &now, false, |value| flag(name, value, can_be_set))
    };
    let bare = foundation == Foundation::Bare;
    Ok(Capabilities {
        available: update.settled(
            "available",
            &current.available,
            unset_available(bare),
            |value| available(value, bare),
        )?,
        compatibilities: update.settled(
            "compatibilities",
            &current.compatibilities,
            BTreeMap::new(),
            compatibilities,
        )?,
        flags: list("flags", &current.flags, &FLAGS, &[])?,
        formats: list("formats", &current.formats, &FORMATS, &[])?,
        ignores: list("ignores", &current.ignores, &IGNORES, &[])?,
        pagination: switch("pagination", current.pagination, !bare)?,
        shortself: switch("shortself", current.shortself, false)?,
        specversions: update.settled(
            "specversions",
            &current.specversions,
            texts(&[SPECVERSION]),
            specversions,
        )?,
        versionmodes: list(
            "versionmodes",
            &current.versionmodes,
            version_modes(foundation),
            &["manual"],
        )?,
    })
}

/// A change that was sent.
struct Update<'a> {
    sent: &'a Map<String, Value>,
    mode: Mode,
}

impl Update<'_> {
    /// A capability after the change: what is sent, or what was, or the default.
    fn settled<T: Clone>(
        &self,
        name: &str,
        current: &T,
        unset: T,
        read: impl FnOnce(&Value) -> Result<T, CapabilityFault>,
    ) -> Result<T, CapabilityFault> {
        Ok(match (self.sent.get(name), self.mode) {
            (Some(value), _) if !value.is_null() => read(value)?,
            (None, Mode::Patch) => current.clone(),
            _ => unset,
        })
    }
}

/// The default of `available`.
fn unset_available(bare: bool) -> BTreeMap<String, Mutability> {
    // As in the reference server, a bare registry can lock itself. Otherwise the capabilities stay
    // changeable, because a registry that locks itself could never be unlocked.
    let named: &[(&str, bool)] = match bare {
        true => &[(ENTITIES, true)],
        false => &[("capabilities", true), (ENTITIES, true), ("model", false)],
    };
    named
        .iter()
        .map(|(name, mutable)| ((*name).to_owned(), Mutability { mutable: *mutable }))
        .collect()
}

fn compatibilities(value: &Value) -> Result<BTreeMap<String, Vec<String>>, CapabilityFault> {
    match value.as_object() {
        Some(map) if map.is_empty() => Ok(BTreeMap::new()),
        _ => Err(CapabilityFault::Compatibilities),
    }
}

fn flag(name: &str, value: &Value, can_be_set: bool) -> Result<bool, CapabilityFault> {
    match value {
        Value::Bool(flag) if can_be_set || !flag => Ok(*flag),
        Value::Bool(_) => Err(bad_value(name, value, "false")),
        _ => Err(bad_shape(name, "true or false")),
    }
}

fn bad_value(name: &str, value: &Value, allowed: &str) -> CapabilityFault {
    let value = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    CapabilityFault::Value { name: name.to_owned(), value, allowed: allowed.to_owned() }
}

/// A value of the wrong type is a different error than a value that isn't allowed.
fn bad_shape(name: &str, expected: &'static str) -> CapabilityFault {
    CapabilityFault::Shape { name: name.to_owned(), expected }
}

fn list(
    name: &str,
    value: &Value,
    all: &[&str],
    needed: &[&str],
) -> Result<Vec<String>, CapabilityFault> {
    let shape = || bad_shape(name, "a list of texts");
    let sent = value.as_array().ok_or_else(shape)?;
    let mut settled: Vec<&str> = Vec::with_capacity(sent.len());
    for value in sent {
        let text = value.as_str().ok_or_else(shape)?;
        if text == "*" {
            if sent.len() > 1 {
                return Err(CapabilityFault::Wildcard(name.to_owned()));
            }
            settled = all.to_vec();
            break;
        }
        let found = all.iter().find(|allowed| allowed.eq_ignore_ascii_case(text));
        settled.push(found.ok_or_else(|| bad_value(name, value, &all.join(",")))?);
    }
    settled.sort_unstable();
    settled.dedup();
    match needed.iter().find(|needed| !settled.contains(needed)) {
        Some(missing) => Err(missing_value(name, missing)),
        None => Ok(texts(&settled)),
    }
}

/// The versions of the specification, as they were sent: with another patch number it is the same
/// one.
fn specversions(value: &Value) -> Result<Vec<String>, CapabilityFault> {
    let name = "specversions";
    let shape = || bad_shape(name, "a list of texts");
    let sent = value.as_array().ok_or_else(shape)?.iter().map(Value::as_str);
    let sent: Vec<&str> = sent.collect::<Option<_>>().ok_or_else(shape)?;
    if sent.is_empty() || sent.contains(&"*") {
        return list(name, value, &[SPECVERSION], &[SPECVERSION]);
    }
    if let Some(other) = sent.iter().find(|text| !is_specversion(text)) {
        return Err(bad_value(name, &Value::from(*other), SPECVERSION));
    }
    let mut settled: Vec<String> = sent.iter().map(|text| text.to_ascii_lowercase()).collect();
    settled.sort_unstable();
    settled.dedup();
    Ok(settled)
}

fn missing_value(name: &str, value: &str) -> CapabilityFault {
    CapabilityFault::MissingValue { name: name.to_owned(), value: value.to_owned() }
}

fn available(value: &Value, bare: bool) -> Result<BTreeMap<String, Mutability>, CapabilityFault> {
    let sent = value.as_object().ok_or_else(|| bad_shape("available", "an object"))?;
    let mut settled = BTreeMap::new();
    for (sent_name, aspects) in sent {
        let found = AVAILABLE.iter().find(|(name, _)| name.eq_ignore_ascii_case(sent_name));
        let Some((name, can_change)) = found else {
            return Err(CapabilityFault::UnknownKind(sent_name.to_owned()));
        };
        let mutable = match aspects.as_object() {
            Some(map) if map.keys().all(|key| key == "mutable") => map.get("mutable"),
            _ => return Err(bad_shape(&format!("available.{name}"), "{\"mutable\": false}")),
        };
        let mutable = match mutable {
            None => false,
            Some(Value::Bool(mutable)) if *can_change || !mutable => *mutable,
            Some(Value::Bool(_)) => return Err(CapabilityFault::NeverMutable(name)),
            Some(_) => {
                return Err(bad_shape(&format!("available.{name}.mutable"), "true or false"));
            }
        };
        settled.insert((*name).to_owned(), Mutability { mutable });
    }
    if bare {
        // The specification requires the three that were named; the reference server adds this one.
        settled.entry(ENTITIES.to_owned()).or_insert(Mutability { mutable: true });
        return Ok(settled);
    }
    for needed in ["capabilities", ENTITIES, "model"] {
        if !settled.contains_key(needed) {
            return Err(missing_value("available", needed));
        }
    }
    Ok(settled)
}

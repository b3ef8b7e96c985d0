use std::collections::BTreeMap;

use muster_model::SPECVERSION;
use muster_wire::{
    ErrorKind, Problem,
    capabilities::{Availability, EnabledCapabilities},
};
use serde_json::{Map, Value};

use super::{
    AVAILABLE, Capabilities, FLAGS, FORMATS, IGNORES, built, offered, refused, texts, version_modes,
};

/// How a change of capabilities treats those that it doesn't name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::xregistry) enum UpdateMode {
    /// They are reset.
    Replace,
    /// They stay.
    Patch,
}

/// The capabilities after a change. Without any, everything is enabled.
///
/// # Errors
/// One of the specification's `capability_…` errors.
pub(in crate::xregistry) fn update_capabilities(
    current: &Capabilities,
    sent: Option<&Map<String, Value>>,
    mode: UpdateMode,
    bare: bool,
) -> Result<EnabledCapabilities, Problem> {
    let Some(sent) = sent else { return Ok(built(bare)) };
    let known = offered(bare);
    let is_unknown = |field: &&String| *field != "$schema" && !known.contains_key(*field);
    if let Some(field) = sent.keys().find(is_unknown) {
        return Err(refused(ErrorKind::CapabilityUnknown { field: field.to_owned() }));
    }
    let (update, current) = (Update { sent, mode }, current.document());
    let list = |name: &str, now: &Option<Vec<String>>, all: &[&str], needed: &[&str]| {
        update.settled(name, now, texts(needed), |value| list(name, value, all, needed))
    };
    Ok(EnabledCapabilities {
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
        // A bare registry answers as the reference does, which has no pages.
        pagination: update.settled("pagination", &current.pagination, false, |value| {
            flag("pagination", value, !bare)
        })?,
        shortself: update.settled("shortself", &current.shortself, false, |value| {
            flag("shortself", value, false)
        })?,
        specversions: list("specversions", &current.specversions, &[SPECVERSION], &[SPECVERSION])?,
        versionmodes: list(
            "versionmodes",
            &current.versionmodes,
            version_modes(bare),
            &["manual"],
        )?,
    })
}

/// A change that was sent.
struct Update<'a> {
    sent: &'a Map<String, Value>,
    mode: UpdateMode,
}

impl Update<'_> {
    /// What a capability is after the change: what is sent, what was, or what is where nobody says
    /// anything of it.
    fn settled<T: Clone>(
        &self,
        name: &str,
        current: &Option<T>,
        unset: T,
        read: impl FnOnce(&Value) -> Result<T, Problem>,
    ) -> Result<Option<T>, Problem> {
        Ok(Some(match (self.sent.get(name), self.mode, current) {
            (Some(value), _, _) if !value.is_null() => read(value)?,
            (None, UpdateMode::Patch, Some(current)) => current.clone(),
            _ => unset,
        }))
    }
}

/// The default of `available`.
fn unset_available(bare: bool) -> BTreeMap<String, Availability> {
    // As in the reference server, a bare registry can lock itself. Otherwise the capabilities stay
    // changeable, because a registry that locks itself could never be unlocked.
    let named: &[(&str, bool)] = match bare {
        true => &[(ENTITIES, true)],
        false => &[("capabilities", true), (ENTITIES, true), ("model", false)],
    };
    named
        .iter()
        .map(|(name, mutable)| ((*name).to_owned(), Availability { mutable: *mutable }))
        .collect()
}

fn compatibilities(value: &Value) -> Result<BTreeMap<String, Vec<String>>, Problem> {
    match value.as_object() {
        Some(map) if map.is_empty() => Ok(BTreeMap::new()),
        _ => Err(cannot("no format has compatibility rules here".to_owned())),
    }
}

fn flag(name: &str, value: &Value, can_be_set: bool) -> Result<bool, Problem> {
    match value {
        Value::Bool(flag) if can_be_set || !flag => Ok(*flag),
        Value::Bool(_) => Err(bad_value(name, value, "false")),
        _ => Err(bad_shape(name, "true or false")),
    }
}

fn bad_value(name: &str, value: &Value, allowed: &str) -> Problem {
    let value = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    refused(ErrorKind::CapabilityValue { value, field: name.to_owned(), list: allowed.to_owned() })
}

/// A value of the wrong type is a different error than a value that isn't allowed.
fn bad_shape(name: &str, expected: &str) -> Problem {
    cannot(format!("{name:?} must be {expected}"))
}

fn cannot(detail: String) -> Problem {
    refused(ErrorKind::CapabilityError { error_detail: detail })
}

fn list(name: &str, value: &Value, all: &[&str], needed: &[&str]) -> Result<Vec<String>, Problem> {
    let shape = || bad_shape(name, "a list of texts");
    let sent = value.as_array().ok_or_else(shape)?;
    let mut settled: Vec<&str> = Vec::with_capacity(sent.len());
    for value in sent {
        let text = value.as_str().ok_or_else(shape)?;
        if text == "*" {
            if sent.len() > 1 {
                return Err(refused(ErrorKind::CapabilityWildcard { field: name.to_owned() }));
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

fn missing_value(name: &str, value: &str) -> Problem {
    refused(ErrorKind::CapabilityMissingValue { name: name.to_owned(), value: value.to_owned() })
}

/// The kind of metadata that is always served.
const ENTITIES: &str = "entities";

fn available(value: &Value, bare: bool) -> Result<BTreeMap<String, Availability>, Problem> {
    let sent = value.as_object().ok_or_else(|| bad_shape("available", "an object"))?;
    let mut settled = BTreeMap::new();
    for (sent_name, aspects) in sent {
        let found = AVAILABLE.iter().find(|(name, _)| name.eq_ignore_ascii_case(sent_name));
        let Some((name, can_change)) = found else {
            return Err(cannot(format!("\"available\" has no {sent_name:?}")));
        };
        let mutable = match aspects.as_object() {
            Some(map) if map.keys().all(|key| key == "mutable") => map.get("mutable"),
            _ => return Err(bad_shape(&format!("available.{name}"), "{\"mutable\": false}")),
        };
        let mutable = match mutable {
            None => false,
            Some(Value::Bool(mutable)) if *can_change || !mutable => *mutable,
            Some(Value::Bool(_)) => {
                return Err(cannot(format!("{name:?} can't be changed by clients")));
            }
            Some(_) => {
                let field = format!("available.{name}.mutable");
                return Err(bad_shape(&field, "true or false"));
            }
        };
        settled.insert((*name).to_owned(), Availability { mutable });
    }
    if bare {
        // The specification requires the three that were named; the reference server adds this one.
        settled.entry(ENTITIES.to_owned()).or_insert(Availability { mutable: true });
        return Ok(settled);
    }
    for needed in ["capabilities", ENTITIES, "model"] {
        if !settled.contains_key(needed) {
            return Err(missing_value("available", needed));
        }
    }
    Ok(settled)
}

use muster_model::SPECVERSION;
use muster_wire::{ErrorKind, Problem};
use serde_json::{Map, Value, json};

use super::{AVAILABLE, Capabilities, built, lists, refused};

/// How a change of the capabilities treats those that it doesn't name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::xregistry) enum UpdateMode {
    /// They are reset.
    Replace,
    /// They stay.
    Patch,
}

/// The capabilities that are in force after a change; none sent means all that is built.
///
/// # Errors
/// One of the specification's `capability_…` errors.
pub(in crate::xregistry) fn update_capabilities(
    current: &Capabilities,
    sent: Option<&Map<String, Value>>,
    change: UpdateMode,
    bare: bool,
) -> Result<Map<String, Value>, Problem> {
    let Some(sent) = sent else { return Ok(built(bare)) };
    let known = built(bare);
    let is_unknown = |field: &&String| *field != "$schema" && !known.contains_key(*field);
    if let Some(field) = sent.keys().find(is_unknown) {
        return Err(refused(ErrorKind::CapabilityUnknown { field: field.to_owned() }));
    }
    let mut settled = Map::new();
    for name in known.keys() {
        let value = match (sent.get(name).filter(|value| !value.is_null()), change) {
            (Some(value), _) => checked(name, value, bare)?,
            (None, UpdateMode::Patch) if !sent.contains_key(name) => {
                current.document().get(name).cloned().unwrap_or_else(|| unset(name, bare))
            }
            (None, _) => unset(name, bare),
        };
        settled.insert(name.clone(), value);
    }
    Ok(settled)
}

/// What a capability is where nobody says anything of it.
fn unset(name: &str, bare: bool) -> Value {
    match name {
        // As the reference does: a bare registry can lock itself.
        "available" if bare => json!({ENTITIES: {"mutable": true}}),
        // The capabilities stay changeable: a registry that locks itself can't be opened again.
        "available" => json!({
            "capabilities": {"mutable": true},
            "entities": {"mutable": true},
            "model": {"mutable": false},
        }),
        "compatibilities" => json!({}),
        "pagination" | "shortself" => json!(false),
        "specversions" => json!([SPECVERSION]),
        "versionmodes" => json!(["manual"]),
        _ => json!([]),
    }
}

fn checked(name: &str, value: &Value, bare: bool) -> Result<Value, Problem> {
    match name {
        "available" => available(value, bare),
        "compatibilities" => match value.as_object() {
            Some(map) if map.is_empty() => Ok(json!({})),
            _ => Err(refused(ErrorKind::CapabilityError {
                error_detail: "no format has compatibility rules here".to_owned(),
            })),
        },
        "pagination" | "shortself" => match value {
            Value::Bool(false) => Ok(json!(false)),
            // A bare registry answers as the reference does, which has no pages.
            Value::Bool(true) if name == "pagination" && !bare => Ok(json!(true)),
            _ if !value.is_boolean() => Err(bad_shape(name, "true or false")),
            _ if name == "pagination" && !bare => Err(bad_value(name, value, "false,true")),
            _ => Err(bad_value(name, value, "false")),
        },
        _ => list(name, value, bare),
    }
}

fn bad_value(name: &str, value: &Value, allowed: &str) -> Problem {
    let value = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    refused(ErrorKind::CapabilityValue { value, field: name.to_owned(), list: allowed.to_owned() })
}

/// What can't be read as the capability isn't a wrong value of it.
fn bad_shape(name: &str, expected: &str) -> Problem {
    cannot(format!("{name:?} must be {expected}"))
}

fn cannot(detail: String) -> Problem {
    refused(ErrorKind::CapabilityError { error_detail: detail })
}

fn list(name: &str, value: &Value, bare: bool) -> Result<Value, Problem> {
    let lists = lists(bare);
    let allowed = lists.iter().find(|(list, _)| *list == name).map(|(_, values)| values);
    let allowed = allowed.map(Vec::as_slice).unwrap_or_default();
    let bad = |value: &Value| bad_value(name, value, &allowed.join(","));
    let shape = || bad_shape(name, "a list of texts");
    let sent = value.as_array().ok_or_else(shape)?;
    let mut settled: Vec<&str> = Vec::with_capacity(sent.len());
    for value in sent {
        let text = value.as_str().ok_or_else(shape)?;
        if text == "*" {
            if sent.len() > 1 {
                return Err(refused(ErrorKind::CapabilityWildcard { field: name.to_owned() }));
            }
            settled = allowed.to_vec();
            break;
        }
        let found = allowed.iter().find(|allowed| allowed.eq_ignore_ascii_case(text));
        settled.push(found.ok_or_else(|| bad(value))?);
    }
    settled.sort_unstable();
    settled.dedup();
    let needed = match name {
        "specversions" => Some(SPECVERSION),
        "versionmodes" => Some("manual"),
        _ => None,
    };
    match needed.filter(|needed| !settled.contains(needed)) {
        Some(missing) => Err(missing_value(name, missing)),
        None => Ok(json!(settled)),
    }
}

fn missing_value(name: &str, value: &str) -> Problem {
    refused(ErrorKind::CapabilityMissingValue { name: name.to_owned(), value: value.to_owned() })
}

/// The kind of metadata that is always there.
const ENTITIES: &str = "entities";

fn available(value: &Value, bare: bool) -> Result<Value, Problem> {
    let sent = value.as_object().ok_or_else(|| bad_shape("available", "an object"))?;
    let mut settled = Map::new();
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
        settled.insert((*name).to_owned(), json!({"mutable": mutable}));
    }
    if bare {
        // The specification wants three named; the reference adds this one and wants no other.
        settled.entry(ENTITIES).or_insert_with(|| json!({"mutable": true}));
        return Ok(Value::Object(settled));
    }
    for needed in ["capabilities", ENTITIES, "model"] {
        if !settled.contains_key(needed) {
            return Err(missing_value("available", needed));
        }
    }
    Ok(Value::Object(settled))
}

use muster_words::{Id, Moment, Xid, limits::BODY_BYTES_MAX};
use serde_json::{Map, Value};

use crate::{Reason, Refusal, command::Ignore};
use muster_model::{AttributeFault, Attributes, Kind, Readonly};

/// The attributes of one entity, without those that have their own fields in the change.
#[derive(Debug, Default)]
pub(super) struct CheckedAttributes {
    /// The attributes that clients set, checked and normalised.
    pub attributes: Map<String, Value>,
    /// `createdat`, if it was sent.
    pub created: Option<Moment>,
    /// `modifiedat`, if it was sent.
    pub modified: Option<Moment>,
}

/// Checks that an id in a body equals the id in the path. An invalid one is an error of its own, as
/// in the reference server.
pub(super) fn check_id(
    xid: &Xid,
    attributes: &mut Map<String, Value>,
    singular: &str,
    expected: &str,
    ignore: Ignore,
) -> Result<(), Refusal> {
    let name = format!("{singular}id");
    match attributes.remove(&name) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(sent)) if sent == expected || ignore.id => Ok(()),
        Some(Value::String(sent)) => {
            sent.parse::<Id>().map_err(|error| Refusal::invalid_attribute(xid, name, error))?;
            Err(Refusal::mismatched_id(xid, singular, &sent, expected))
        }
        Some(_) => Err(Refusal::wrong_type(xid, name, Kind::String)),
    }
}

/// Removes `epoch` from a body, and checks it if the entity exists.
pub(super) fn check_epoch(
    xid: &Xid,
    attributes: &mut Map<String, Value>,
    current: Option<u64>,
    ignore: Ignore,
) -> Result<(), Refusal> {
    let Some(sent) = attributes.remove("epoch").filter(|value| !value.is_null()) else {
        return Ok(());
    };
    let epoch = match &sent {
        Value::Number(number) => number.to_string().parse::<u64>().ok(),
        _ => None,
    };
    let Some(epoch) = epoch else {
        return Err(Refusal::wrong_type(xid, "epoch", Kind::Uinteger));
    };
    match current {
        Some(current) if current != epoch && !ignore.epoch => {
            Err(mismatched_epoch(xid, epoch, current))
        }
        _ => Ok(()),
    }
}

pub(super) fn mismatched_epoch(xid: &Xid, sent: u64, current: u64) -> Refusal {
    Refusal::new(xid, Reason::MismatchedEpoch { sent, current })
}

/// Merges the attributes of a patch into the stored ones.
pub(super) fn merge(old: Map<String, Value>, sent: Map<String, Value>) -> Map<String, Value> {
    let mut merged = old;
    for (name, value) in sent {
        merged.insert(name, value);
    }
    merged
}

/// Checks an entity's attributes against the model and takes the times out.
///
/// `createdat` and `modifiedat` with the value `null` mean now. A `modifiedat` equal to the stored
/// one means now as well, because clients send back what they have read.
pub(super) fn check_attributes(
    xid: &Xid,
    level: &Attributes,
    mut attributes: Map<String, Value>,
    stored_modified: Option<Moment>,
    now: Moment,
) -> Result<CheckedAttributes, Refusal> {
    refuse_unknown_nulls(xid, level, &attributes)?;
    let reset = |name: &str| attributes.get(name).is_some_and(Value::is_null);
    let (created_now, modified_now) = (reset("createdat"), reset("modifiedat"));
    level.check(&mut attributes, Readonly::Drop).map_err(|fault| Refusal::attribute(xid, fault))?;
    if size_of(&attributes) > BODY_BYTES_MAX {
        let size = size_of(&attributes);
        let limit = BODY_BYTES_MAX;
        return Err(Refusal::new(xid, Reason::DocumentTooLarge { size, limit }));
    }
    let mut time = |name: &str| match attributes.remove(name) {
        Some(Value::String(text)) => Moment::parse(&text).ok(),
        _ => None,
    };
    let created = time("createdat").or(created_now.then_some(now));
    let modified = time("modifiedat").or(modified_now.then_some(now));
    let modified = modified.filter(|moment| Some(*moment) != stored_modified);
    Ok(CheckedAttributes { attributes, created, modified })
}

/// Refuses `null` for an unknown attribute, because its name is probably misspelt.
fn refuse_unknown_nulls(
    xid: &Xid,
    level: &Attributes,
    attributes: &Map<String, Value>,
) -> Result<(), Refusal> {
    let known = |name: &str| {
        level.find(name).is_some()
            || name == "$schema"
            || level
                .iter()
                .flat_map(|attribute| attribute.ifvalues.values())
                .any(|siblings| siblings.get(name).is_some())
    };
    match attributes.iter().find(|(name, value)| value.is_null() && !known(name)) {
        Some((name, _)) => {
            Err(Refusal::attribute(xid, AttributeFault::Unknown { path: name.clone() }))
        }
        None => Ok(()),
    }
}

/// The approximate size of attributes in bytes. Patches accumulate, but an entity may not hold more
/// than one command can bring.
fn size_of(attributes: &Map<String, Value>) -> usize {
    attributes.iter().map(|(name, value)| name.len() + 4 + value_size(value)).sum()
}

fn value_size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(number) => number.as_str().len() + 1,
        Value::String(text) => text.len() + 3,
        Value::Array(items) => 2 + items.iter().map(value_size).sum::<usize>(),
        Value::Object(map) => 2 + size_of(map),
    }
}

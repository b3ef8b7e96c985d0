//! How schemas name each other: subjects of Confluent's API as resources of the registry, and what
//! the attribute `references` names.

use muster_words::{Digest, Id, Xid, json::Value};

use crate::ReferencedVersion;

/// The group type and the resource type of schemas in the built-in model.
pub const SCHEMA_TYPES: (&str, &str) = ("schemagroups", "schemas");

/// The group of the context that has no name.
const DEFAULT_GROUP: &str = "default";

/// The group of a context of Confluent's API, by the context's name with or without the dot before
/// it; none if no context can have that name.
#[must_use]
pub fn context_group(name: &str) -> Option<Id> {
    match name.strip_prefix('.').unwrap_or(name) {
        "" => DEFAULT_GROUP.parse().ok(),
        // It would be another name of the same group.
        DEFAULT_GROUP => None,
        name => name.parse().ok(),
    }
}

/// Whether a group is the context that has no name.
#[must_use]
pub fn is_default_context(group: &Id) -> bool {
    group.as_str() == DEFAULT_GROUP
}

/// The ids that the resource of a subject can have: its name, if that can be an id and isn't in the
/// form of a hashed one, and the hashed one.
#[must_use]
pub fn subject_ids(name: &str) -> (Option<Id>, Option<Id>) {
    let plain = name.parse().ok().filter(|_| !name.starts_with(HASHED_PREFIX));
    (plain, hashed_id(name))
}

/// What hashed ids begin with.
const HASHED_PREFIX: &str = "_~";

/// The id of the resource or the group for a name of Confluent's API that can't be an id itself:
/// `_~` and the first 26 characters of the lower-case base32 of its SHA-256.
#[must_use]
pub fn hashed_id(name: &str) -> Option<Id> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = Digest::of(name.as_bytes());
    let mut id = HASHED_PREFIX.to_owned();
    let (mut bits, mut count) = (0_u32, 0);
    // 17 bytes have the bits of 26 letters.
    for byte in digest.0.iter().take(17) {
        bits = (bits << 8) | u32::from(*byte);
        count += 8;
        while count >= 5 && id.len() < 28 {
            count -= 5;
            let index = ((bits >> count) & 31) as usize;
            id.push(ALPHABET.get(index).map_or('a', |letter| char::from(*letter)));
        }
        bits &= (1 << count) - 1;
    }
    id.parse().ok()
}

/// The names in a schema's attribute `references`, each with the versions that it can mean, the
/// likelier one first. What can't be read names nothing.
#[must_use]
pub fn named_references(xid: &Xid, references: Option<&Value>) -> Vec<(String, Vec<Xid>)> {
    let references = read_references(references).unwrap_or_default().into_iter();
    let named = references.map(|reference| {
        let versions = named_versions(xid, &reference);
        (reference.name, versions)
    });
    named.collect()
}

/// The versions that a reference can mean; the likelier one first.
#[must_use]
pub fn named_versions(xid: &Xid, reference: &ReferencedVersion) -> Vec<Xid> {
    let Ok(version) = reference.version.to_string().parse::<Id>() else { return Vec::new() };
    let resources = named_schemas(xid, &reference.subject).into_iter();
    resources.filter_map(|resource| resource.version(version.clone())).collect()
}

/// The resources that a subject can be, for a schema that names it; the likelier one first.
#[must_use]
pub fn named_schemas(xid: &Xid, subject: &str) -> Vec<Xid> {
    let Some((_, own)) = xid.group_ids() else { return Vec::new() };
    let (group, subject) = qualified(subject).unwrap_or_else(|| (own.clone(), subject));
    let (plain, hashed) = subject_ids(subject);
    let named = [plain, hashed].into_iter().flatten().filter_map(|resource| {
        Some(Xid::Resource {
            groups: SCHEMA_TYPES.0.parse().ok()?,
            group: group.clone(),
            resources: SCHEMA_TYPES.1.parse().ok()?,
            resource,
        })
    });
    named.collect()
}

/// The references in the value of the attribute `references`; no value is no reference.
///
/// # Errors
/// It has another form, which is described.
pub fn read_references(sent: Option<&Value>) -> Result<Vec<ReferencedVersion>, String> {
    let Some(sent) = sent.filter(|sent| !sent.is_null()) else { return Ok(Vec::new()) };
    serde_json::from_value(sent.clone()).map_err(|error| {
        format!("references must be a list of {{name, subject, version}}: {error}")
    })
}

/// The group and the subject of a name such as `:.context:subject`.
fn qualified(subject: &str) -> Option<(Id, &str)> {
    let (context, subject) = subject.strip_prefix(':')?.split_once(':')?;
    Some((context_group(context)?, subject))
}

use muster_catalog::changes::{Change, MetaWritten, Named, VersionWritten};
use muster_registry::Committed;
use muster_words::{Moment, Position, Xid};
use serde_json::{Map, Value, json};

use super::walk::Scope;

/// Changes that are told in words; the rest are counted.
const WORDS_MAX: usize = 4;

/// Changes that are told to programs; the rest are counted.
const CHANGES_MAX: usize = 1_000;

/// What a command did, for people (`what`) and for programs (`changes`).
pub(super) fn tell(command: &Committed, scope: &Scope) -> Value {
    let entry = command.entries.last();
    let mut told = Map::new();
    told.insert("position".to_owned(), command.position().0.into());
    told.insert(
        "time".to_owned(),
        entry.map_or(Moment::EPOCH, |entry| entry.moment).to_string().into(),
    );
    told.insert("actor".to_owned(), entry.map_or("", |entry| entry.actor.as_str()).into());
    if let Some(entry) = entry {
        told.insert("command".to_owned(), entry.command.to_string().into());
        told.extend(entry.request.as_deref().map(|id| ("request".to_owned(), id.into())));
    }
    let shown: Vec<&(Position, Change)> =
        command.changes.iter().filter(|(_, change)| scope.holds(change)).collect();
    told.insert("what".to_owned(), words(&shown, scope).into());
    let mut changes = shown.iter().filter_map(|(position, change)| facts(*position, change));
    told.insert("changes".to_owned(), changes.by_ref().take(CHANGES_MAX).collect());
    let more = changes.count();
    if more > 0 {
        told.insert("changes_left_out".to_owned(), more.into());
    }
    Value::Object(told)
}

fn words(changes: &[&(Position, Change)], scope: &Scope) -> String {
    let resources_told: Vec<String> = changes
        .iter()
        .filter_map(|(_, change)| match change {
            Change::VersionWritten(body) => body.version.resource().map(|xid| xid.to_string()),
            _ => None,
        })
        .collect();
    let all: Vec<String> = changes
        .iter()
        .filter_map(|(_, change)| match change {
            // A Meta is written whenever versions come or go; the versions say it better.
            Change::MetaWritten(body) if resources_told.contains(&body.resource.to_string()) => {
                None
            }
            change => sentence(change, scope),
        })
        .collect();
    let more = all.len().saturating_sub(WORDS_MAX);
    let mut words = all.into_iter().take(WORDS_MAX).collect::<Vec<_>>().join(", ");
    if more > 0 {
        words.push_str(&format!(", and {more} more"));
    }
    words
}

fn sentence(change: &Change, scope: &Scope) -> Option<String> {
    let (name, deed) = match change {
        Change::RegistryOpened(body) => {
            (Xid::Registry, format!("registry {} begun", body.registry))
        }
        Change::RegistryWritten(body) if body.epoch <= 1 => return None,
        Change::RegistryWritten(_) => (Xid::Registry, "registry changed".to_owned()),
        Change::ModelWritten(_) => (Xid::Registry, "model changed".to_owned()),
        Change::CapabilitiesWritten(_) => (Xid::Registry, "capabilities changed".to_owned()),
        Change::GroupWritten(body) => (body.group.clone(), made(body.epoch).to_owned()),
        Change::MetaWritten(body) => (body.resource.clone(), meta(body)),
        Change::VersionWritten(body) => {
            (body.version.resource().unwrap_or(Xid::Registry), version(body))
        }
        Change::Hidden(body) => went(&body.xid, "deleted"),
        Change::Restored(body) => went(&body.xid, "restored"),
        Change::Purged(body) => went(&body.xid, "erased"),
        Change::KeyCreated(body) => (Xid::Registry, format!("key {} made", body.id)),
        Change::KeyRevoked(body) => (Xid::Registry, format!("key {} revoked", body.id)),
        Change::MembersMoved(_) | Change::Answered(_) => return None,
    };
    let name = name.to_string();
    let own = scope.prefix.split("/versions").next().unwrap_or_default();
    let own = own.strip_suffix("/meta").unwrap_or(own);
    Some(match name.trim_start_matches('/') {
        "" => deed,
        _ if name == own => deed,
        name => format!("{name} {deed}"),
    })
}

const fn made(epoch: u64) -> &'static str {
    if epoch == 1 { "made" } else { "changed" }
}

fn meta(body: &MetaWritten) -> String {
    let sticky = if body.sticky { ", pinned" } else { "" };
    format!("default version {}{sticky}", body.default)
}

fn version(body: &VersionWritten) -> String {
    let id = body.version.id().map(ToString::to_string).unwrap_or_default();
    match (body.epoch, body.state.as_str()) {
        (1, "stable") => format!("version {id}"),
        (1, state) => format!("version {id}, {state}"),
        (_, "stable") => format!("version {id} changed"),
        (_, state) => format!("version {id} changed, {state}"),
    }
}

/// A version is told of by its document.
fn went(xid: &Xid, deed: &str) -> (Xid, String) {
    match xid {
        Xid::Version { version, .. } => {
            (xid.resource().unwrap_or(Xid::Registry), format!("version {version} {deed}"))
        }
        other => (other.clone(), deed.to_owned()),
    }
}

/// A change for programs: what it is about, what happened, and the digests by which the bytes can
/// be told apart.
fn facts(position: Position, change: &Change) -> Option<Value> {
    let mut facts = match change {
        Change::RegistryOpened(body) => {
            json!({"action": "opened", "kind": "registry", "registry": body.registry.as_str()})
        }
        Change::RegistryWritten(body) => {
            json!({"action": action(body.epoch), "kind": "registry", "epoch": body.epoch,
                "attributes": content(body.attributes)})
        }
        Change::ModelWritten(body) => {
            json!({"action": "updated", "kind": "model", "source": content(Some(body.source))})
        }
        Change::CapabilitiesWritten(body) => {
            json!({"action": "updated", "kind": "capabilities",
                "source": content(Some(body.capabilities))})
        }
        Change::GroupWritten(body) => {
            json!({"action": action(body.epoch), "kind": "group", "epoch": body.epoch,
                "attributes": content(body.attributes)})
        }
        Change::MetaWritten(body) => {
            json!({"action": action(body.epoch), "kind": "resource", "epoch": body.epoch,
                "attributes": content(body.attributes), "defaultversionid": body.default.as_str(),
                "defaultversionsticky": body.sticky})
        }
        Change::VersionWritten(body) => {
            json!({"action": action(body.epoch), "kind": "version", "epoch": body.epoch,
                "versionid": body.version.id().map(muster_words::Id::as_str),
                "ancestor": body.ancestor.as_str(), "attributes": content(body.attributes),
                "document": content(body.document), "contenttype": body.content_type,
                "state": body.state.as_str()})
        }
        Change::Hidden(body) => json!({"action": "deleted", "kind": kind(&body.xid)}),
        Change::Restored(body) => json!({"action": "restored", "kind": kind(&body.xid)}),
        Change::Purged(body) => json!({"action": "purged", "kind": kind(&body.xid)}),
        Change::KeyCreated(body) => {
            json!({"action": "created", "kind": "key", "key": body.id.as_str()})
        }
        Change::KeyRevoked(body) => {
            json!({"action": "revoked", "kind": "key", "key": body.id.as_str()})
        }
        Change::MembersMoved(_) | Change::Answered(_) => return None,
    };
    facts["xid"] = change.subject().to_string().into();
    facts["position"] = position.0.into();
    if let Value::Object(map) = &mut facts {
        map.retain(|_, value| !value.is_null());
    }
    Some(facts)
}

const fn action(epoch: u64) -> &'static str {
    if epoch <= 1 { "created" } else { "updated" }
}

const fn kind(xid: &Xid) -> &'static str {
    match xid {
        Xid::Registry => "registry",
        Xid::Group { .. } => "group",
        Xid::Resource { .. } | Xid::Meta { .. } => "resource",
        Xid::Version { .. } => "version",
    }
}

fn content(named: Option<Named>) -> Value {
    named.map_or(
        Value::Null,
        |named| json!({"digest": named.digest.to_string(), "size": named.size}),
    )
}

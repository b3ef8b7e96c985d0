//! The fold: applies a command's changes to a catalog, for live commands and in a replay.
//!
//! Changes are frozen facts, so nothing is decided here. The only possible error is a change about
//! something that doesn't exist. It means that the ledger and this code disagree.

mod entities;
mod hiding;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use imbl::{OrdMap, OrdSet};
use muster_words::{
    ContentRef, Digest, Moment, Position, Xid,
    limits::{IDEMPOTENCY_KEYS_MAX, IDEMPOTENCY_MICROSECONDS},
};
use serde_json::Value;
use thiserror::Error;

use crate::{
    Catalog,
    catalog::in_group,
    changes::{Change, CommandAnswered, KeyCreated},
    facts::{SchemaFacts, VersionFacts},
    index::Term,
    schema_settings::SchemaSettings,
    state::{
        Bindings, CommandTag, FormerCapabilities, RegisteredKey, RememberedAnswer, Resource, Stamp,
    },
};
use muster_model::Model;

/// A command in the form in which the ledger records it, with all its parts.
#[derive(Clone, Debug)]
pub struct RecordedCommand {
    /// Its moment, which all parts share.
    pub moment: Moment,
    /// The first four bytes of its id.
    pub tag: CommandTag,
    /// The actor.
    pub actor: Arc<str>,
    /// The digests of its idempotency key and of its request.
    pub idempotency: Option<(Digest, Digest)>,
    /// The position of each part, with its changes; at least one.
    pub parts: Vec<(Position, Vec<Change>)>,
}

impl RecordedCommand {
    /// The stamp of everything that the command changes: the position of its last part.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        let position = self.parts.last().map_or(Position::ZERO, |(position, _)| *position);
        Stamp { position, tag: self.tag }
    }
}

/// What is derived from contents and the model. The fold doesn't read contents itself: facts are
/// computed on the caller's thread for a live command, and in parallel for a replay.
#[derive(Clone, Debug, Default)]
pub struct CommandFacts {
    /// The compiled model, if the command writes one.
    pub model: Option<Arc<Model>>,
    /// The parsed capabilities, if the command writes them.
    pub capabilities: Option<Arc<Value>>,
    /// The bindings of groups, by the group's xid; absent if there are none.
    pub bindings: BTreeMap<Xid, Arc<Bindings>>,
    /// What the registry and schemas ask for from new versions of schemas, by their xids; absent if
    /// nothing.
    pub settings: BTreeMap<Xid, Arc<SchemaSettings>>,
    /// The facts that were lifted from documents, by the version's xid; absent if there are none.
    pub versions: BTreeMap<Xid, VersionFacts>,
    /// The terms of the labels in new attributes, by the version's xid; absent if there are none.
    pub labels: BTreeMap<Xid, Arc<[Arc<Term>]>>,
}

/// What the fold's caller must do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Contents to erase.
    pub purges: Vec<ContentRef>,
}

/// A change is about something that doesn't exist, so the ledger and this release disagree.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the entry at position {position} changes {subject}, {reason}")]
pub struct ApplyError {
    /// The entry.
    pub position: Position,
    /// The entity that it names.
    pub subject: Xid,
    /// The reason.
    pub reason: &'static str,
}

/// Why a change can't be applied, before its position is known.
type ApplyReason = &'static str;

const NO_KEY: ApplyReason = "which is no key";

impl Catalog {
    /// Folds one command.
    ///
    /// # Errors
    /// See [`ApplyError`]. The catalog is inconsistent then and must be dropped.
    pub fn apply(
        &mut self,
        command: &RecordedCommand,
        facts: &CommandFacts,
    ) -> Result<Effects, ApplyError> {
        let mut fold = Fold {
            stamp: command.stamp(),
            moment: command.moment,
            actor: self.known_actor(&command.actor),
            entry: Position::ZERO,
            facts,
            touched: BTreeSet::new(),
            effects: Effects::default(),
        };
        let mut answered = None;
        for (position, changes) in &command.parts {
            fold.entry = *position;
            for change in changes {
                if let Change::Answered(answer) = change {
                    answered = Some(answer);
                } else {
                    self.fold(&mut fold, change).map_err(|reason| ApplyError {
                        position: *position,
                        subject: change.subject(),
                        reason,
                    })?;
                }
            }
        }
        for xid in std::mem::take(&mut fold.touched) {
            self.index_references(&xid);
            self.index_fields(&xid);
        }
        self.stamp = fold.stamp;
        self.moment = command.moment;
        self.remember(command, answered);
        Ok(fold.effects)
    }

    fn fold(&mut self, fold: &mut Fold<'_>, change: &Change) -> Result<(), ApplyReason> {
        match change {
            Change::RegistryOpened(body) => {
                self.id = body.registry.clone();
                self.ledger = body.ledger.as_str().into();
                Ok(())
            }
            Change::RegistryWritten(body) => {
                self.write_registry(fold, body);
                Ok(())
            }
            Change::ModelWritten(body) => self.write_model(fold, body),
            Change::CapabilitiesWritten(body) => {
                let old = FormerCapabilities {
                    stamp: self.capabilities_stamp,
                    capabilities: self.capabilities.clone(),
                };
                Arc::make_mut(&mut self.past).capabilities.push(old);
                self.capabilities_source = Some(body.capabilities.resolve(fold.entry));
                self.capabilities.clone_from(&fold.facts.capabilities);
                self.capabilities_stamp = fold.stamp;
                Ok(())
            }
            Change::GroupWritten(body) => self.write_group(fold, body),
            Change::MetaWritten(body) => self.write_meta(fold, body),
            Change::VersionWritten(body) => self.write_version(fold, body),
            Change::MembersMoved(body) => self.move_members(fold, body),
            Change::Hidden(body) => self.hide(fold, &body.xid),
            Change::Restored(body) => self.restore(fold, &body.xid),
            Change::Purged(body) => {
                self.purge(fold, &body.xid);
                Ok(())
            }
            Change::KeyCreated(body) => self.create_key(fold, body),
            Change::KeyRevoked(body) => {
                let key = self.keys.get_mut(&body.id).ok_or(NO_KEY)?;
                Arc::make_mut(key).revoked = Some(fold.moment);
                self.keys_stamp = fold.stamp;
                Ok(())
            }
            Change::KeyForgotten(body) => {
                let key = self.keys.get_mut(&body.id).ok_or(NO_KEY)?;
                Arc::make_mut(key).is_forgotten = true;
                fold.effects.purges.push(key.record.reference());
                self.keys_stamp = fold.stamp;
                Ok(())
            }
            Change::LedgerMoved(body) => {
                self.ledger = body.ledger.as_str().into();
                Arc::make_mut(&mut self.restores).push(fold.stamp);
                Ok(())
            }
            Change::SchemaRegistered(body) => match self.registrations.add(body) {
                true => {
                    fold.touched.extend(body.version.resource());
                    Ok(())
                }
                false => Err("which isn't a numbered version of a schema"),
            },
            Change::DocumentSynced(body) => match self.note_sync(body, (fold.stamp, fold.moment)) {
                true => Ok(()),
                false => Err("with more registries than a vector may name"),
            },
            Change::Answered(_) | Change::Explained(_) => Ok(()),
        }
    }

    /// The shared string for an actor, to store each actor only once.
    fn known_actor(&mut self, actor: &Arc<str>) -> Arc<str> {
        if let Some(known) = self.actors.get(actor) {
            return known.clone();
        }
        self.actors.insert(actor.clone());
        actor.clone()
    }

    fn create_key(&mut self, fold: &Fold<'_>, body: &KeyCreated) -> Result<(), ApplyReason> {
        let expires = body.expires.map(Moment::from_microseconds).transpose();
        let key = RegisteredKey {
            record: body.record.resolve(fold.entry),
            created: fold.moment,
            revoked: None,
            is_limited: body.limited.unwrap_or_default(),
            expires: expires.map_err(|_| "which expires at no moment")?,
            is_forgotten: false,
        };
        self.keys.insert(body.id.clone(), Arc::new(key));
        self.keys_stamp = fold.stamp;
        Ok(())
    }

    fn remember(&mut self, command: &RecordedCommand, answered: Option<&CommandAnswered>) {
        if let (Some((key, request)), Some(answer)) = (command.idempotency, answered) {
            let remembered = RememberedAnswer {
                request,
                position: self.stamp.position,
                outcome: answer.outcome,
                subject: answer.subject.clone(),
                shown: answer.shown,
                moment: command.moment,
            };
            self.remembered.insert(key, Arc::new(remembered));
            self.remembered_order.push_back(key);
        }
        while let Some(oldest) = self.remembered_order.front() {
            let is_old = self.remembered.get(oldest).is_none_or(|answer| {
                let age = command.moment.microseconds() - answer.moment.microseconds();
                age > IDEMPOTENCY_MICROSECONDS
            });
            if !is_old && self.remembered_order.len() <= IDEMPOTENCY_KEYS_MAX {
                return;
            }
            if let Some(key) = self.remembered_order.pop_front() {
                self.remembered.remove(&key);
            }
        }
    }

    /// The remembered answer to a command with this idempotency key.
    #[must_use]
    pub fn remembered(&self, key: &Digest) -> Option<&Arc<RememberedAnswer>> {
        self.remembered.get(key)
    }

    /// Updates the index of referrers for an entity.
    pub(crate) fn index_references(&mut self, xid: &Xid) {
        match xid {
            Xid::Resource { .. } => {
                let Some(resource) = self.resource_at(xid) else { return };
                let addresses = resource.addresses(xid);
                if addresses != resource.addresses {
                    let old = resource.addresses.clone();
                    self.remove_addresses(xid, old.as_deref());
                    self.add_addresses(xid, addresses.as_deref());
                    if let Some(resource) = self.resource_mut(xid) {
                        resource.addresses = addresses;
                    }
                }
                let Some(resource) = self.resource_at(xid) else { return };
                let new = self.references_of(xid, resource);
                let old = resource.indexed.clone();
                if Arc::ptr_eq(&old, &new) || old == new {
                    return;
                }
                self.remove_references(xid, old.iter());
                self.add_references(xid, new.iter());
                if let Some(resource) = self.resource_mut(xid) {
                    resource.indexed = new;
                }
            }
            _ => {
                if let Some(group) = self.group_at(xid) {
                    let bindings = group.own.bindings.clone();
                    self.add_references(xid, bindings.targets());
                }
            }
        }
    }

    /// What a resource refers to: what its documents say and, for a schema, what its versions name in
    /// their attribute `references`.
    fn references_of(&self, xid: &Xid, resource: &Resource) -> Arc<[Xid]> {
        let own = resource.references(xid);
        let named: BTreeSet<&Xid> = resource
            .versions
            .iter()
            .filter_map(|version| self.registrations.of(&xid.version(version.id.clone())?))
            .flat_map(|registration| registration.references.iter())
            .collect();
        if named.is_empty() {
            return own;
        }
        let all: BTreeSet<&Xid> = named.into_iter().chain(own.iter()).collect();
        all.into_iter().cloned().collect()
    }

    fn add_references<'a>(&mut self, source: &Xid, targets: impl Iterator<Item = &'a Xid>) {
        for target in targets {
            add_to(&mut self.referrers, &target.to_string(), source);
        }
    }

    fn remove_references<'a>(&mut self, source: &Xid, targets: impl Iterator<Item = &'a Xid>) {
        for target in targets {
            remove_from(&mut self.referrers, &target.to_string(), source);
        }
    }

    fn add_addresses(&mut self, source: &Xid, addresses: Option<&SchemaFacts>) {
        let Some((facts, group)) = addresses.zip(source.group()) else { return };
        if let Some(id) = &facts.id {
            add_to(&mut self.identifiers, &in_group(&group, id), source);
        }
        for address in &facts.addresses {
            add_to(&mut self.identifier_users, &in_group(&group, address), source);
        }
    }

    fn remove_addresses(&mut self, source: &Xid, addresses: Option<&SchemaFacts>) {
        let Some((facts, group)) = addresses.zip(source.group()) else { return };
        if let Some(id) = &facts.id {
            remove_from(&mut self.identifiers, &in_group(&group, id), source);
        }
        for address in &facts.addresses {
            remove_from(&mut self.identifier_users, &in_group(&group, address), source);
        }
    }
}

/// An index of entities by a text.
type Index = OrdMap<Arc<str>, OrdSet<Xid>>;

fn add_to(index: &mut Index, name: &str, source: &Xid) {
    let mut sources = index.get(name).cloned().unwrap_or_else(OrdSet::new);
    sources.insert(source.clone());
    index.insert(name.into(), sources);
}

fn remove_from(index: &mut Index, name: &str, source: &Xid) {
    let Some(sources) = index.get_mut(name) else { return };
    sources.remove(source);
    if sources.is_empty() {
        index.remove(name);
    }
}

/// A command that is being folded.
struct Fold<'a> {
    stamp: Stamp,
    moment: Moment,
    actor: Arc<str>,
    /// The part whose changes are being folded: its new contents are stored next to it.
    entry: Position,
    facts: &'a CommandFacts,
    /// Resources and groups whose references may have changed.
    touched: BTreeSet<Xid>,
    effects: Effects,
}

#[cfg(test)]
mod tests;

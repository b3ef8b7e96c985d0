use std::collections::BTreeSet;

use muster_words::{Moment, Xid};

use super::{
    Decision, NoDecision, PreparedCommand, PreparedRestore, PreparedWrite, StoredAttributes,
    restore::{restore, revived},
    write as write_tree,
};
use crate::{Catalog, Reason, Refusal, apply::RecordedCommand, state::CommandTag};

/// The resources that come back if the last deletions of these names are undone together. They may
/// refer to each other, in whatever order they are restored.
pub fn resources_coming<'a>(
    catalog: &Catalog,
    names: impl Iterator<Item = &'a Xid>,
) -> BTreeSet<Xid> {
    let hidden = names.filter_map(|xid| Some((xid, catalog.hidden.get(xid.to_string().as_str())?)));
    let back = hidden.flat_map(|(xid, hidden)| revived(xid, hidden));
    back.filter_map(|(name, _)| name.resource()).collect()
}

/// Undoes one of several deletions of a command, and folds that into a tentative catalog.
///
/// # Errors
/// See [`NoDecision`].
pub fn restore_next(
    catalog: &mut Catalog,
    stored_attributes: &dyn StoredAttributes,
    prepared: &PreparedCommand,
    action: &PreparedRestore,
    coming: &BTreeSet<Xid>,
    now: Moment,
) -> Result<Decision, NoDecision> {
    let decision = restore((catalog, stored_attributes), prepared, action, coming, now)?;
    let command = RecordedCommand {
        moment: now,
        tag: CommandTag::default(),
        actor: "".into(),
        idempotency: None,
        parts: vec![(catalog.position().next(), decision.changes.clone())],
    };
    // What was decided on a catalog can be folded into it.
    let folded = catalog.apply(&command, &decision.facts);
    folded.map_err(|_| Refusal::new(&action.xid, Reason::NothingHidden))?;
    Ok(decision)
}

/// Undoes deletions, and then decides the rest of a write by the state after that. All of it is one
/// command: its changes are folded in this order.
pub(super) fn write(
    catalog: &Catalog,
    stored_attributes: &dyn StoredAttributes,
    prepared: &PreparedCommand,
    action: &PreparedWrite,
    now: Moment,
) -> Result<Decision, NoDecision> {
    let coming = resources_coming(catalog, action.restored.iter().map(|one| &one.xid));
    let mut catalog = catalog.clone();
    let mut before = Decision::default();
    for one in &action.restored {
        let own = restore_next(&mut catalog, stored_attributes, prepared, one, &coming, now)?;
        add(&mut before, own);
    }
    let after = write_tree(&catalog, stored_attributes, prepared, action, now)?;
    let (outcome, shows) = (after.outcome, after.shows.clone());
    add(&mut before, after);
    (before.outcome, before.shows) = (outcome, shows);
    Ok(before)
}

/// Adds the changes of a decision that was made on the result of another one.
fn add(decision: &mut Decision, next: Decision) {
    decision.changes.extend(next.changes);
    decision.contents.extend(next.contents);
    decision.attributes.extend(next.attributes);
    decision.facts.model = next.facts.model.or(decision.facts.model.take());
    decision.facts.capabilities = next.facts.capabilities.or(decision.facts.capabilities.take());
    decision.facts.bindings.extend(next.facts.bindings);
    decision.facts.versions.extend(next.facts.versions);
}

use std::collections::BTreeSet;

use muster_catalog::{View, changes::Change, command::RegistryPart};
use muster_history::{ChangedEntity, changed_entities, changed_entity, entity_order};
use muster_words::{Position, Xid};

use crate::{FetchError, Registry};

/// How many entries are read in the time in which this many documents are compared. Comparing a
/// document's positions takes a fraction of a microsecond, reading and decoding an entry some ten.
const DOCUMENTS_PER_ENTRY: u64 = 32;

/// How many entries are read at once.
const ENTRIES_PER_STEP: u64 = 64;

/// How many documents are compared in the time in which one change is decoded. An entry may have
/// hundreds of changes, which only reading it shows.
const DOCUMENTS_PER_CHANGE: u64 = 4;

impl Registry {
    /// What two views of this registry, an earlier and a later one, show differently at a place, in
    /// the order of [`changed_entities`]: those that are wanted, up to a maximum.
    ///
    /// If little happened between them, only what the entries name is compared.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged.
    pub async fn changed_between(
        &self,
        (before, after): (&View, &View),
        place: &RegistryPart,
        is_wanted: &(dyn Fn(&Xid) -> bool + Sync),
        max: usize,
    ) -> Result<Vec<ChangedEntity>, FetchError> {
        let entries = after.position().0.saturating_sub(before.position().0);
        let documents = documents_at(before, after, place);
        let touched = match entries.saturating_mul(DOCUMENTS_PER_ENTRY) >= documents {
            true => None,
            false => {
                let changes_max = documents / DOCUMENTS_PER_CHANGE;
                self.touched_between(before.position(), after.position(), changes_max).await?
            }
        };
        let Some(touched) = touched else {
            let all = changed_entities(before, after, place);
            return Ok(all.filter(|one| is_wanted(&one.xid)).take(max).collect());
        };
        let mut found: Vec<ChangedEntity> = touched
            .single
            .iter()
            .filter(|xid| place.holds(xid))
            .filter_map(|xid| changed_entity(before, after, xid))
            .collect();
        for group in &touched.whole {
            let within = changed_entities(before, after, &RegistryPart::Entity(group.clone()));
            found.extend(within.filter(|one| place.holds(&one.xid)));
        }
        found.retain(|one| is_wanted(&one.xid));
        found.sort_by(|one, other| entity_order(&one.xid, &other.xid));
        found.dedup();
        found.truncate(max);
        Ok(found)
    }

    /// What the commands between two positions touched; none if they have more changes than that.
    async fn touched_between(
        &self,
        from: Position,
        until: Position,
        changes_max: u64,
    ) -> Result<Option<Touched>, FetchError> {
        let mut touched = Touched::default();
        let (mut at, mut changes) = (from, 0);
        while at < until {
            let step = Position(at.0.saturating_add(ENTRIES_PER_STEP)).min(until);
            let commands = self.commands_between(at, step).await?;
            // A command may be longer than a step.
            let commands = match commands.is_empty() {
                true => self.commands_between(at, until).await?,
                false => commands,
            };
            let Some(last) = commands.last() else { break };
            at = last.position();
            for (_, change) in commands.iter().flat_map(|command| &command.changes) {
                touched.add(change);
                changes += 1;
            }
            if changes > changes_max {
                return Ok(None);
            }
        }
        Ok(Some(touched))
    }
}

/// How many documents two views have at a place, about.
fn documents_at(before: &View, after: &View, place: &RegistryPart) -> u64 {
    let group = match place {
        RegistryPart::Entity(group @ Xid::Group { .. }) => group,
        RegistryPart::Resources { group, .. } => group,
        RegistryPart::Entity(_) => return 1,
        RegistryPart::All | RegistryPart::Groups(_) => return after.catalog().documents,
    };
    let members = |view: &View| {
        let kind =
            group.group_ids().and_then(|(groups, _)| view.model().group_type(groups.as_str()));
        let types = kind.into_iter().flat_map(|kind| kind.resources.keys());
        let group = view.group_at(group);
        types.filter_map(|plural| Some(group.as_ref()?.resource_count(plural))).sum::<usize>()
            as u64
    };
    members(before) + members(after)
}

/// What commands touched.
#[derive(Default)]
struct Touched {
    /// Groups and resources.
    single: BTreeSet<Xid>,
    /// Groups with everything in them.
    whole: BTreeSet<Xid>,
}

impl Touched {
    fn add(&mut self, change: &Change) {
        let subject = change.subject();
        let takes_along =
            matches!(change, Change::Hidden(_) | Change::Restored(_) | Change::Purged(_));
        match &subject {
            Xid::Registry => {}
            Xid::Group { .. } if takes_along => {
                self.whole.insert(subject);
            }
            Xid::Group { .. } => {
                self.single.insert(subject);
            }
            _ => self.single.extend(subject.resource()),
        }
    }
}

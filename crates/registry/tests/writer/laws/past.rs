//! Views of the past: what is read at a position is what was read when the ledger ended there.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt::Write as _,
};

use muster_catalog::{
    Content, View,
    entity::{Entity, EntityReader, EntityUrls, LoadedAttributes},
};
use muster_journal::LedgerReader;
use muster_words::{Id, Position, Xid};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use serde_json::{Map, Value, json};

use super::*;

/// Group types that the sequences write, and some of each under the built-in model.
const TYPES: [&str; 6] = ["dirs", "more", "configs", "links", "schemagroups", "rulegroups"];

const RESOURCES: [&str; 6] = ["files", "docs", "entries", "pages", "schemas", "rules"];

/// Whether the views stand on the catalog that was folded as commands were decided, or on one that
/// was folded again: of bindings, which are facts, only the first knows those of then.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FoldedWhen {
    Live,
    Again,
}

/// A text of everything that a view shows.
fn text(view: &View, folded: FoldedWhen) -> String {
    let mut out = String::new();
    let model = view.model().source();
    let _ = writeln!(
        out,
        "{:?} {} {} {model} {:?}\n{:?} {:?}",
        view.stamp(),
        view.moment(),
        view.id(),
        view.model_stamp(),
        view.capabilities(),
        view.capabilities_stamp(),
    );
    let _ = writeln!(out, "{:?}", view.registry());
    entity(&mut out, view, &Xid::Registry);
    for plural in TYPES {
        let _ = writeln!(out, "{plural} {}", view.group_count(plural));
        deleted(&mut out, view, &format!("/{plural}"));
        let all: Vec<Id> = view.groups(plural, None).map(|group| group.id().clone()).collect();
        follow(&all, |after| ids(view.groups(plural, after).map(|group| group.id())));
        for id in all {
            let groups: Id = plural.parse().unwrap();
            group(&mut out, view, &Xid::Group { groups, group: id }, folded);
        }
    }
    out
}

/// Pages that begin behind any member hold what follows it.
fn follow(all: &[Id], page: impl Fn(Option<&Id>) -> Vec<Id>) {
    for (index, id) in all.iter().enumerate().take(5) {
        assert_eq!(page(Some(id)), all[index + 1..], "behind {id}");
    }
}

fn ids<'a>(all: impl Iterator<Item = &'a Id>) -> Vec<Id> {
    all.cloned().collect()
}

fn group(out: &mut String, view: &View, xid: &Xid, folded: FoldedWhen) {
    let Xid::Group { groups, group: id } = xid else { return };
    let group = view.group(groups, id).unwrap();
    entity(out, view, xid);
    if folded == FoldedWhen::Live {
        let _ = writeln!(out, "{:?}", group.bindings());
    }
    let _ = writeln!(out, "{} {} {:?}", group.epoch(), group.modified(), group.stamp());
    for plural in RESOURCES {
        let all = ids(group.resources(plural, None).map(|resource| resource.id()));
        let _ = writeln!(out, "{xid}/{plural} {}", group.resource_count(plural));
        deleted(out, view, &format!("{xid}/{plural}"));
        assert_eq!(all.len(), group.resource_count(plural), "{xid}/{plural}");
        follow(&all, |after| ids(group.resources(plural, after).map(|found| found.id())));
        for id in all {
            let resources: Id = plural.parse().unwrap();
            let (groups, group) = (groups.clone(), group.id().clone());
            resource(out, view, &Xid::Resource { groups, group, resources, resource: id });
        }
    }
}

fn resource(out: &mut String, view: &View, xid: &Xid) {
    let resource = view.resource_at(xid).unwrap();
    entity(out, view, xid);
    entity(out, view, &xid.meta().unwrap());
    let _ = writeln!(out, "{:?} {:?}", resource.stamp(), resource.pointer());
    deleted(out, view, &format!("{xid}/versions"));
    let all = ids(resource.versions(None).map(|version| &version.id));
    assert_eq!(all.len(), resource.version_count(), "{xid}");
    follow(&all, |after| ids(resource.versions(after).map(|version| &version.id)));
    for id in all {
        let version = resource.version(&id).unwrap();
        let _ = writeln!(out, "{:?} {:?} {:?}", version.stamp, version.document, version.state);
        entity(out, view, &xid.version(id).unwrap());
    }
}

/// What was deleted from a collection and could be restored.
fn deleted(out: &mut String, view: &View, collection: &str) {
    let _ = writeln!(out, "{:?}", view.deleted_in(collection));
}

/// What an entity shows, and by which tags.
fn entity(out: &mut String, view: &View, xid: &Xid) {
    let stamps = (view.document_stamp(xid), view.details_stamp(xid));
    let _ = writeln!(out, "{xid} {} {stamps:?}", view.has(xid));
    let Some(entity) = Entity::find(view, xid) else { return };
    let loaded = Marked::default();
    entity.contents(view).for_each(|content| loaded.load(content));
    let reader = EntityReader { view, loaded: &loaded.freeze(), urls: &Paths };
    reader.each(&entity, &xid.to_string(), &|_| false, &mut |name, value| {
        let _ = write!(out, "{name}={value} ");
    });
    let _ = writeln!(out, "{:?} {:?}", entity.document(), entity.collections(view));
}

/// Attributes that say from which content they came.
#[derive(Default)]
struct Marked(RefCell<BTreeMap<Position, Map<String, Value>>>);

struct Frozen(BTreeMap<Position, Map<String, Value>>);

impl Marked {
    fn load(&self, content: Content) {
        let Value::Object(map) = json!({"format": content.digest.to_string()}) else { return };
        self.0.borrow_mut().insert(content.position, map);
    }

    fn freeze(self) -> Frozen {
        Frozen(self.0.into_inner())
    }
}

impl LoadedAttributes for Frozen {
    fn attributes(&self, content: Content) -> Option<&Map<String, Value>> {
        self.0.get(&content.position)
    }
}

struct Paths;

impl EntityUrls for Paths {
    fn is_document(&self) -> bool {
        false
    }

    fn own(&self, path: &str, has_document: bool) -> String {
        format!("{path} {has_document}")
    }

    fn to(&self, path: &str, has_document: bool, is_there: bool) -> String {
        format!("{path} {has_document} {is_there}")
    }
}

/// Does the commands one after another, and reads at every position of the ledger what they left:
/// what was read when it was the newest, and what a fold of the ledger up to there gives. Returns
/// the number of positions.
fn hold_past(foundation: Foundation, commands: &[Command]) -> Result<u64, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let ticks = CountingClock::default();
        let registry = Registry::open(
            Box::new(LedgerHandle(ledger.clone())),
            settings(foundation, ticks.clock()),
        )
        .await;
        let registry = registry.map_err(|error| format!("{error:?}"))?;
        // What each command left, read when it was the newest.
        let mut then = BTreeMap::from([(Position(1), registry.view())]);
        for command in commands {
            match registry.submit(command.clone(), &by()).await {
                Ok(done) => then.insert(done.view.position(), done.view),
                Err(SubmitError::Refused(_)) => continue,
                Err(error) => return Err(format!("{error:?}: {command:?}")),
            };
        }
        compare(&registry, &then, FoldedWhen::Live).await?;
        let folded = folded(&ledger, foundation, &ticks, then.keys()).await?;
        compare(&registry, &folded, FoldedWhen::Again)
            .await
            .map_err(|error| format!("folded: {error}"))?;
        erased(&ledger, &registry, then.keys()).await?;
        last_changes(&then)?;
        registry.close().await;
        let again =
            Registry::open(Box::new(LedgerHandle(ledger)), settings(foundation, ticks.clock()))
                .await;
        let again = again.map_err(|error| format!("{error:?}"))?;
        compare(&again, &then, FoldedWhen::Again)
            .await
            .map_err(|error| format!("again: {error}"))?;
        Ok(again.view().position().0)
    })
}

/// The catalogs that a fold from the start gives at the ends of commands.
async fn folded(
    ledger: &Arc<dyn Ledger>,
    foundation: Foundation,
    ticks: &CountingClock,
    ends: impl Iterator<Item = &Position>,
) -> Result<BTreeMap<Position, View>, String> {
    let reader: Arc<dyn LedgerReader> = ledger.clone();
    let settings = settings(foundation, ticks.clock());
    let mut folded = BTreeMap::new();
    for end in ends {
        let catalog = muster_registry::fold(&reader, &settings, *end).await;
        let catalog = catalog.map_err(|error| format!("{error:?}"))?;
        folded.insert(*end, View::newest(Arc::new(catalog)));
    }
    Ok(folded)
}

/// Views of the past say of each document whether it was purged since, as the ledger does.
async fn erased(
    ledger: &Arc<dyn Ledger>,
    registry: &Registry,
    ends: impl Iterator<Item = &Position>,
) -> Result<(), String> {
    for end in ends {
        let view = registry.view_at(*end).await.map_err(|error| error.to_string())?;
        for xid in names(&view).keys().filter(|xid| matches!(xid, Xid::Version { .. })) {
            let Some(content) = view.version_at(xid).and_then(|version| version.document) else {
                continue;
            };
            let found = ledger.contents(&[content.reference()]).await.unwrap();
            let is_gone = found[0].is_none();
            if is_gone != view.erased(xid).is_some() {
                return Err(format!("{xid} at {end}: gone {is_gone}, {:?}", view.erased(xid)));
            }
        }
    }
    Ok(())
}

/// Reads at every position what commands left there.
async fn compare(
    registry: &Registry,
    then: &BTreeMap<Position, View>,
    folded: FoldedWhen,
) -> Result<(), String> {
    let head = registry.view().position();
    let mut expected = BTreeMap::new();
    for position in 1..=head.0 {
        let (end, view) = then.range(..=Position(position)).next_back().unwrap();
        let expected = expected.entry(*end).or_insert_with(|| text(view, folded));
        let found = registry.view_at(Position(position)).await;
        let found = text(&found.map_err(|error| error.to_string())?, folded);
        let differs = found.lines().zip(expected.lines()).find(|(one, other)| one != other);
        if let Some((found, expected)) = differs {
            return Err(format!("at {position} of {head}:\n  {found}\n  {expected}"));
        }
        if found != *expected {
            return Err(format!("at {position} of {head}:\n{found}\n{expected}"));
        }
    }
    Ok(())
}

/// The last change of each name is the last command that left it otherwise than it was.
fn last_changes(then: &BTreeMap<Position, View>) -> Result<(), String> {
    let Some((_, newest)) = then.last_key_value() else { return Ok(()) };
    let mut last: BTreeMap<Xid, Position> = BTreeMap::new();
    let mut before: BTreeMap<Xid, Position> = BTreeMap::new();
    for view in then.values() {
        let now = names(view);
        let gone = before.keys().filter(|xid| !now.contains_key(xid));
        last.extend(gone.map(|xid| (xid.clone(), view.position())));
        last.extend(now.clone());
        before = now;
        let past = newest.back_to(view.stamp(), view.moment());
        for (xid, expected) in &last {
            let found = past.last_change(xid).map(|stamp| stamp.position);
            let of_purge = |purge: Position| {
                newest.catalog().purged.values().any(|stamp| stamp.position == purge)
            };
            if found != Some(*expected)
                && !found.is_some_and(|found| found > *expected && of_purge(found))
            {
                return Err(format!("{xid} at {}: {found:?}, not {expected}", view.position()));
            }
        }
    }
    Ok(())
}

/// The names in a view, each with the position of its last change.
fn names(view: &View) -> BTreeMap<Xid, Position> {
    let mut found = BTreeMap::new();
    for plural in TYPES {
        for group in view.groups(plural, None) {
            let xid = Xid::Group { groups: plural.parse().unwrap(), group: group.id().clone() };
            found.insert(xid.clone(), group.stamp().position);
            for resources in RESOURCES {
                for resource in group.resources(resources, None) {
                    let xid: Xid = format!("{xid}/{resources}/{}", resource.id()).parse().unwrap();
                    found.insert(xid.clone(), resource.stamp().position);
                    found.insert(xid.meta().unwrap(), resource.meta().stamp.position);
                    for version in resource.versions(None) {
                        let xid = xid.version(version.id.clone()).unwrap();
                        found.insert(xid, version.stamp.position);
                    }
                }
            }
        }
    }
    found
}

/// Kinds of steps: each, and again those that delete, bring back and erase, so that a name has
/// several lives.
fn kinds(lives: &'static [u8]) -> impl Strategy<Value = u8> {
    prop_oneof![0..20_u8, prop::sample::select(lives)]
}

/// Steps about few names.
fn steps(lives: &'static [u8]) -> impl Strategy<Value = Vec<Step>> {
    vec((kinds(lives), 0..2_u8, 0..2_u8, any::<u8>()), 1..60)
}

/// The least number of positions at which each of the laws reads.
const POSITIONS_MIN: u64 = 1_000;

/// Reads at every position of random histories.
fn hold(
    (foundation, histories): (Foundation, u32),
    lives: &'static [u8],
    first: &str,
    command: impl Fn(Step) -> Command,
) {
    let positions = Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: histories, ..config(500) });
    let held = runner.run(&steps(lives), |steps| {
        let first = std::iter::once(model(first));
        let commands: Vec<Command> = first.chain(steps.into_iter().map(&command)).collect();
        let read = hold_past(foundation, &commands).map_err(TestCaseError::fail)?;
        positions.set(positions.get() + read);
        Ok(())
    });
    held.unwrap_or_else(|error| panic!("{error}"));
    assert!(positions.get() >= POSITIONS_MIN, "{positions:?}");
}

#[test]
fn reads_at_any_position_what_was_there_without_a_built_in_model() {
    let lives = &[0, 2, 6, 7, 8, 8, 9, 10, 12, 12, 13, 13, 14, 15];
    hold((Foundation::Bare, 40), lives, bare::MODELS[0], bare::command);
}

#[test]
fn reads_at_any_position_what_was_there_under_the_built_in_model() {
    let lives = &[1, 1, 4, 5, 5, 6, 7, 7, 8, 9, 16, 17, 17];
    hold((Foundation::BuiltIn, 80), lives, crate::serial::clients::MODELS[0], built_in::command);
}

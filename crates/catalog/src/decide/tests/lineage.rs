use proptest::{collection::vec, prelude::*};

use super::*;
use crate::state::{Lineage, Versions};

pub(super) const FILE: &str = "/dirs/d/files/f";

/// The resource's versions with their ancestors, as `1<1 2<1`.
fn line(registry: &TestRegistry) -> String {
    let Some(resource) = registry.resource(FILE) else { return String::new() };
    let versions = resource.versions.iter();
    let texts = versions.map(|version| format!("{}<{}", version.id, version.ancestor));
    texts.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_oldest_versions_go_and_leave_roots() {
    // Versions that are put in this order, each with its ancestor (none means the newest), and the
    // result.
    type Case = (&'static str, u64, &'static [(&'static str, &'static str)], &'static str);
    let cases: [Case; 7] = [
        ("manual", 1, &[("1", ""), ("2", "")], "2<2"),
        ("manual", 2, &[("1", ""), ("2", ""), ("3", "")], "2<2 3<2"),
        // The same command names and prunes it.
        ("manual", 2, &[("1", ""), ("2", ""), ("3", "1")], "2<2 3<3"),
        // The oldest root is pruned, however old its descendants are.
        ("manual", 2, &[("1", ""), ("2", "2"), ("3", "1")], "2<2 3<3"),
        ("manual", 3, &[("a", ""), ("b", "b"), ("c", "a"), ("d", "b")], "b<b c<c d<b"),
        ("createdat", 2, &[("1", ""), ("2", ""), ("3", "")], "2<2 3<2"),
        ("createdat", 1, &[("1", ""), ("2", "")], "2<2"),
    ];
    for (mode, maxversions, puts, left) in cases {
        let files = json!({
            "versionmode": mode,
            "hasdocument": false,
            "maxversions": maxversions,
            "singleversionroot": mode != "manual",
        });
        let mut registry = TestRegistry::new(&files);
        for (id, ancestor) in puts {
            let sent =
                if ancestor.is_empty() { json!({}) } else { json!({"ancestorid": ancestor}) };
            registry.send(Mode::Put, &format!("{FILE}/versions/{id}"), &sent).unwrap();
        }
        assert_eq!(line(&registry), left, "{mode} {maxversions} {puts:?}");
    }
}

#[test]
fn a_pinned_version_stays_however_old_it_is() {
    for (mode, maxversions, pinned, left) in [
        ("manual", 2, "1", "1<1 4<4"),
        ("manual", 3, "1", "1<1 3<3 4<3"),
        ("manual", 3, "2", "2<2 3<2 4<3"),
        ("createdat", 2, "1", "1<1 4<1"),
        ("createdat", 3, "2", "2<2 3<2 4<3"),
    ] {
        let files = json!({"versionmode": mode, "hasdocument": false, "maxversions": maxversions});
        let mut registry = TestRegistry::new(&files);
        for id in ["1", "2", "3", "4"] {
            registry.send(Mode::Put, &format!("{FILE}/versions/{id}"), &json!({})).unwrap();
            if id == pinned {
                let pin = json!({"defaultversionid": id, "defaultversionsticky": true});
                registry.send(Mode::Patch, &format!("{FILE}/meta"), &pin).unwrap();
            }
        }
        assert_eq!(line(&registry), left, "{mode} {maxversions} {pinned}");
        let meta = &registry.resource(FILE).unwrap().meta;
        assert_eq!((meta.default.as_str(), meta.sticky), (pinned, true), "{mode} {maxversions}");
    }
}

/// The pin ends with its version; the newest version is the default from then on.
#[test]
fn a_pin_goes_with_its_version() {
    let files = json!({"versionmode": "createdat", "hasdocument": false});
    let mut registry = TestRegistry::new(&files);
    for id in ["1", "2", "3"] {
        registry.send(Mode::Put, &format!("{FILE}/versions/{id}"), &json!({})).unwrap();
    }
    let pin = json!({"defaultversionid": "1", "defaultversionsticky": true});
    registry.send(Mode::Patch, &format!("{FILE}/meta"), &pin).unwrap();
    let found = |registry: &TestRegistry| {
        let meta = registry.resource(FILE).unwrap().meta.clone();
        (meta.default.to_string(), meta.sticky)
    };
    assert_eq!(found(&registry), ("1".to_owned(), true));
    registry.delete(&format!("{FILE}/versions/1")).unwrap();
    assert_eq!(found(&registry), ("3".to_owned(), false));
    registry.send(Mode::Put, &format!("{FILE}/versions/4"), &json!({})).unwrap();
    assert_eq!(found(&registry), ("4".to_owned(), false));
}

/// A group's epoch grows once for each command that adds members to it or takes them away.
#[test]
fn a_groups_epoch_follows_its_members() {
    let mut registry = TestRegistry::new(&json!({"hasdocument": false}));
    let (group, version) = ("/dirs/d", format!("{FILE}/versions/2"));
    registry.send(Mode::Put, group, &json!({})).unwrap();
    let epoch =
        |registry: &TestRegistry| registry.catalog.group_at(&group.parse().unwrap()).unwrap().epoch;
    assert_eq!(epoch(&registry), 1);
    registry.send(Mode::Put, FILE, &json!({})).unwrap();
    assert_eq!(epoch(&registry), 2, "a member came");
    registry.send(Mode::Patch, FILE, &json!({"name": "n"})).unwrap();
    registry.send(Mode::Put, &version, &json!({})).unwrap();
    assert_eq!(epoch(&registry), 2, "a member changed");
    registry.delete(FILE).unwrap();
    assert_eq!(epoch(&registry), 3, "a member went");
    registry.restore(FILE).unwrap();
    assert_eq!(epoch(&registry), 4, "a member came back");
}

#[test]
fn a_circle_is_refused_however_it_is_closed() {
    let files = json!({"versionmode": "manual", "hasdocument": false});
    let bodies = [
        // Through a new version without a given ancestor.
        json!({"n": {}, "v17": {"ancestorid": "n"}}),
        json!({"v3": {"ancestorid": "v17"}}),
        json!({"m": {"ancestorid": "n"}, "n": {"ancestorid": "m"}}),
        json!({"v0": {"ancestorid": "w"}, "w": {}, "x": {}}),
    ];
    for body in bodies {
        let mut registry = grown(&files);
        let outcome = registry.send(Mode::Post, &format!("{FILE}/versions"), &body);
        assert_eq!(code(outcome), "circular_ancestors", "{body}");
    }
    let mut registry = grown(&files);
    let body = json!({"n": {}, "o": {}, "v5": {"ancestorid": "v5"}});
    registry.send(Mode::Post, &format!("{FILE}/versions"), &body).unwrap();
}

/// A circle through existing versions that find their ancestors, with three and with many versions.
#[test]
fn a_circle_is_refused_that_versions_close_which_find_their_ancestors() {
    let files = json!({"versionmode": "manual", "hasdocument": false});
    let nothing = json!({"ancestorid": null});
    let mut small = TestRegistry::new(&files);
    for _ in 0..3 {
        small.send(Mode::Post, FILE, &json!({})).unwrap();
    }
    // One version remains for the default.
    let mut forked = grown(&files);
    let aside = json!({"ancestorid": "v5", "createdat": "1970-01-01T00:00:00Z"});
    forked.send(Mode::Put, &format!("{FILE}/versions/x"), &aside).unwrap();
    for (mut registry, body) in [
        (forked, json!({"v0": nothing, "v1": nothing})),
        (small, json!({"1": nothing, "2": nothing})),
        (grown(&files), json!({"v0": nothing, "v1": nothing})),
        (grown(&files), json!({"v0": nothing, "v1": nothing, "v2": nothing})),
    ] {
        let before = line(&registry);
        let outcome = registry.send(Mode::Post, &format!("{FILE}/versions"), &body);
        assert_eq!(code(outcome), "circular_ancestors", "{body}");
        assert_eq!(line(&registry), before);
    }
}

#[test]
fn a_meta_of_versions_that_an_earlier_release_led_into_a_circle_is_not_silently_kept() {
    let files = json!({"versionmode": "manual", "hasdocument": false});
    let mut registry = TestRegistry::new(&files);
    for _ in 0..3 {
        registry.send(Mode::Post, FILE, &json!({})).unwrap();
    }
    edit(&mut registry, |resource| {
        let first = resource.versions.get(&"1".parse().unwrap()).unwrap();
        let mut first = (**first).clone();
        first.ancestor = "3".parse().unwrap();
        resource.versions.insert(Arc::new(first));
    });
    let meta = format!("{FILE}/meta");
    let outcome = registry.send(Mode::Patch, &meta, &json!({"labels": {"a": "b"}}));
    assert_eq!(code(outcome), "circular_ancestors");
    // Naming a root opens the circle.
    registry.send(Mode::Patch, &format!("{FILE}/versions/1"), &json!({"ancestorid": "1"})).unwrap();
    registry.send(Mode::Patch, &meta, &json!({"labels": {"a": "b"}})).unwrap();
    assert_eq!(line(&registry), "1<1 2<1 3<2");
}

/// One step of a history: an action, its versions, and when those were created.
pub(super) type Step = (u8, u8, u8, u8);

/// The number of versions at the beginning of a history: enough for the derived sets to be stored.
const BEGINNING: u8 = 18;

/// The number of version names in a history.
const NAMES: u8 = 24;

pub(super) fn name(number: u8) -> String {
    format!("v{}", number % NAMES)
}

pub(super) fn take(registry: &mut TestRegistry, (kind, a, b, c): Step) -> Result<(), NoDecision> {
    let version = format!("{FILE}/versions/{}", name(a));
    let created = format!("1970-01-01T00:00:0{}Z", c % 5);
    match kind % 14 {
        0 => registry.send(Mode::Post, FILE, &json!({})),
        1 => registry.send(Mode::Put, &version, &json!({"createdat": created})),
        2 => registry.send(Mode::Put, &version, &json!({"ancestorid": name(b)})),
        3 => registry.send(Mode::Patch, &version, &json!({"ancestorid": "request"})),
        4 => registry.send(Mode::Patch, &version, &json!({"createdat": created})),
        5 => registry.send(Mode::Patch, &version, &json!({"name": name(c)})),
        6 => registry.send(Mode::Patch, &version, &json!({"state": STATES[usize::from(c % 4)]})),
        12 => registry.send(Mode::Patch, &version, &json!({"ancestorid": null})),
        13 => registry.send(
            Mode::Post,
            &format!("{FILE}/versions"),
            &json!({name(a): {"ancestorid": null}, name(b): {"ancestorid": null}}),
        ),
        7 | 8 => registry.delete(&version),
        9 => registry.restore(&version),
        10 => registry.send(
            Mode::Post,
            &format!("{FILE}/versions"),
            &json!({
                name(a): {"createdat": created}, name(b): {}, name(c): {"ancestorid": name(a)},
            }),
        ),
        _ => {
            let named = if c % 2 == 0 { json!(null) } else { json!(name(b)) };
            let meta = json!({ "defaultversionid": named });
            registry.send(Mode::Patch, &format!("{FILE}/meta"), &meta)
        }
    }
}

pub(super) const STATES: [&str; 4] = ["draft", "stable", "deprecated", "retired"];

/// A resource with so many versions that the derived sets are stored.
fn grown(files: &Value) -> TestRegistry {
    let mut registry = TestRegistry::new(files);
    for number in 0..BEGINNING {
        let version = format!("{FILE}/versions/v{number}");
        registry.send(Mode::Put, &version, &json!({})).unwrap();
    }
    registry
}

/// Changes the resource without a decision.
fn edit(registry: &mut TestRegistry, change: impl FnOnce(&mut crate::state::Resource)) {
    let (dirs, files): (Id, Id) = ("dirs".parse().unwrap(), "files".parse().unwrap());
    let fold = |id: &str| crate::state::CaseFoldedId(id.parse().unwrap());
    let Some(group) =
        registry.catalog.groups.get_mut(&dirs).and_then(|all| all.get_mut(&fold("d")))
    else {
        return;
    };
    let group = Arc::make_mut(group);
    if let Some(resource) = group.resources.get_mut(&files).and_then(|all| all.get_mut(&fold("f")))
    {
        change(Arc::make_mut(resource));
    }
}

/// Puts all versions into one slice again, which is searched linearly.
fn flatten(registry: &mut TestRegistry) {
    edit(registry, |resource| {
        resource.versions = Versions::Few(resource.versions.iter().cloned().collect());
    });
}

/// A version from which no root can be reached.
fn lost(registry: &TestRegistry) -> Option<&Id> {
    let versions = &registry.resource(FILE)?.versions;
    versions.iter().map(|version| &version.id).find(|start| {
        let ancestor = |id: &Id| versions.get(id).map(|version| version.ancestor.clone());
        let mut at = (*start).clone();
        for _ in 0..versions.len() {
            match ancestor(&at) {
                Some(next) if next == at => return false,
                Some(next) => at = next,
                None => return true,
            }
        }
        true
    })
}

/// The resource as text.
fn found(registry: &TestRegistry) -> String {
    let Some(resource) = registry.resource(FILE) else { return String::new() };
    let meta = &resource.meta;
    let versions: Vec<_> = resource
        .versions
        .iter()
        .map(|version| (&version.id, &version.ancestor, version.epoch, version.created))
        .collect();
    format!("{:?} {} {} {versions:?}", meta.default, meta.sticky, meta.epoch)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn what_is_kept_of_many_versions_says_what_a_walk_finds(
        mode in 0..3_usize,
        maxversions in prop_oneof![Just(0), Just(17)],
        has_one_root in any::<bool>(),
        steps in vec(any::<Step>(), 1..40),
    ) {
        let mode = ["manual", "createdat", "lifecycle"][mode];
        let files = json!({
            "versionmode": mode,
            "hasdocument": false,
            "maxversions": maxversions,
            "singleversionroot": has_one_root || mode != "manual",
        });
        let (mut kept, mut walked) = (grown(&files), grown(&files));
        for step in steps {
            flatten(&mut walked);
            let outcomes = (take(&mut kept, step), take(&mut walked, step));
            prop_assert_eq!(format!("{:?}", outcomes.0), format!("{:?}", outcomes.1));
            prop_assert_eq!(found(&kept), found(&walked), "after {:?}", step);
            prop_assert_eq!(lost(&kept), None, "after {:?}", step);
            if let Some(resource) = kept.resource(FILE)
                && let Versions::Many(many) = &resource.versions
            {
                let again: Lineage = many.by_id().values().rev().cloned().collect();
                prop_assert_eq!(format!("{many:?}"), format!("{again:?}"), "after {:?}", step);
            }
        }
    }
}

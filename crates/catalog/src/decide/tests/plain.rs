//! The rules of lineage in their plainest form: each answer is found by looking at all versions.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::{
    lineage::{FILE, STATES, Step, name, take},
    *,
};
use crate::Lifecycle;

const MODES: [&str; 3] = ["manual", "createdat", "lifecycle"];

/// The steps of `take`, and those that exist only here.
const KINDS: u8 = 16;
const NEW_MODE: u8 = 14;
const PUT: u8 = 15;

#[derive(Clone, Debug, PartialEq)]
struct Version {
    created: Moment,
    ancestor: Option<String>,
    state: Lifecycle,
}

type Versions = BTreeMap<String, Version>;

/// A resource that follows only the rules.
#[derive(Clone, Debug)]
struct ResourceOracle {
    mode: &'static str,
    maxversions: usize,
    has_one_root: bool,
    versions: Versions,
    default: Option<String>,
    is_sticky: bool,
    last_number: u64,
    /// What deletions of a name hid, the last one at the end.
    hidden: BTreeMap<String, Vec<Version>>,
}

impl ResourceOracle {
    fn files(&self) -> Value {
        json!({
            "versionmode": self.mode,
            "hasdocument": false,
            "maxversions": self.maxversions,
            "singleversionroot": self.needs_one_root(),
        })
    }

    fn needs_one_root(&self) -> bool {
        self.has_one_root || self.mode != "manual"
    }

    fn take(&mut self, (kind, a, b, c): Step, now: Moment) -> Result<(), &'static str> {
        let (a, b, named) = (name(a), name(b), name(c));
        let seconds = Some(Moment::from_microseconds(i64::from(c % 5) * 1_000_000).unwrap());
        let own = Some(a.clone());
        let mut next = self.versions.clone();
        let mut put = |id: &String, created: Option<Moment>, ancestor: Option<Option<String>>| {
            let fresh = Version { created: now, ancestor: None, state: Lifecycle::Stable };
            let version = next.entry(id.clone()).or_insert(fresh);
            version.created = created.unwrap_or(version.created);
            version.ancestor = ancestor.unwrap_or(version.ancestor.take());
        };
        match kind {
            0 => return self.put_number(now),
            1 | 4 => put(&a, seconds, None),
            2 => put(&a, None, Some(Some(b))),
            3 => put(&a, None, Some(own)),
            5 | PUT => put(&a, None, None),
            6 => {
                put(&a, None, None);
                let state: Lifecycle = STATES[usize::from(c % 4)].parse().unwrap();
                match self.versions.get(&a).map(|version| version.state) {
                    Some(Lifecycle::Retired) if state != Lifecycle::Retired => {
                        return Err("state_final");
                    }
                    Some(old) if !old.may_become(state) => return Err("state_unreachable"),
                    _ => next.get_mut(&a).unwrap().state = state,
                }
            }
            7 | 8 => return self.delete(&a),
            9 => return self.restore(&a),
            10 => {
                // If a name occurs twice, the last one counts.
                if a != b && a != named {
                    put(&a, seconds, None);
                }
                if b != named {
                    put(&b, None, None);
                }
                put(&named, None, Some(own));
            }
            12 => put(&a, None, Some(None)),
            13 => {
                put(&a, None, Some(None));
                put(&b, None, Some(None));
            }
            NEW_MODE => {
                self.mode = MODES[usize::from(c % 3)];
                return self.apply_rules(next).map_err(|code| match code {
                    "multiple_roots" => "several_roots",
                    other => other,
                });
            }
            _ => {
                let pinned = (c % 2 != 0).then_some(b);
                if pinned.as_ref().is_some_and(|id| !next.contains_key(id)) {
                    return Err("unknown_version");
                }
                self.is_sticky = pinned.is_some();
                self.default = pinned;
            }
        }
        self.apply_rules(next)
    }

    fn put_number(&mut self, now: Moment) -> Result<(), &'static str> {
        let (mut next, last_number) = (self.versions.clone(), self.last_number);
        self.last_number += 1;
        while next.contains_key(&self.last_number.to_string()) {
            self.last_number += 1;
        }
        let fresh = Version { created: now, ancestor: None, state: Lifecycle::Stable };
        let id = self.last_number.to_string();
        next.insert(id.clone(), fresh);
        self.apply_rules(next)?;
        if !self.versions.contains_key(&id) {
            // It was older than all that may stay, so nothing was written, and its number is free.
            self.last_number = last_number;
        }
        Ok(())
    }

    fn delete(&mut self, id: &str) -> Result<(), &'static str> {
        let mut next = self.versions.clone();
        let gone = next.remove(id).ok_or("not_found")?;
        self.hidden.entry(id.to_owned()).or_default().push(gone);
        if self.default.as_deref() == Some(id) {
            self.is_sticky = false;
        }
        self.apply_rules(next)
    }

    fn restore(&mut self, id: &str) -> Result<(), &'static str> {
        let is_there = self.versions.contains_key(id);
        let mut back = match self.hidden.get_mut(id).and_then(Vec::pop) {
            Some(_) if is_there => return Err("name_taken"),
            None if is_there => return Err("nothing_hidden"),
            None => return Err("not_found"),
            Some(back) => back,
        };
        let ancestor = back.ancestor.take().filter(|ancestor| self.versions.contains_key(ancestor));
        back.ancestor = ancestor.or_else(|| Some(id.to_owned()));
        let mut next = self.versions.clone();
        next.insert(id.to_owned(), back);
        self.apply_rules(next)?;
        if self.versions.contains_key(id) { Ok(()) } else { Err("restore_refused") }
    }

    /// Sets the versions, ordered by the mode and limited in number.
    fn apply_rules(&mut self, mut next: Versions) -> Result<(), &'static str> {
        if next.is_empty() {
            self.versions = next;
            return Ok(());
        }
        if self.mode == "manual" {
            self.find_ancestors(&mut next);
            let names = |id: &String| {
                self.versions.get(id).map(|old| &old.ancestor) != Some(&next[id].ancestor)
            };
            if orphans(&next).iter().any(names) {
                return Err("unknown_version");
            }
            if next.keys().any(|id| is_in_circle(&next, id)) {
                return Err("circular_ancestors");
            }
        }
        self.order(&mut next)?;
        if !self.is_sticky {
            self.default = self.newest(&next);
        }
        while self.maxversions > 0 && next.len() > self.maxversions {
            let oldest = self.oldest(&next);
            next.remove(&oldest);
            if let Some(old) = self.versions.get(&oldest) {
                self.hidden.entry(oldest).or_default().push(old.clone());
            }
        }
        self.order(&mut next)?;
        self.versions = next;
        Ok(())
    }

    /// Versions without an ancestor derive from the newest leaf among those with one.
    fn find_ancestors(&self, next: &mut Versions) {
        let without: Vec<String> =
            next.keys().filter(|id| next[*id].ancestor.is_none()).cloned().collect();
        for id in without {
            let resolved = next.iter().filter(|(_, version)| version.ancestor.is_some());
            let resolved: Versions = resolved.map(|(id, v)| (id.clone(), v.clone())).collect();
            let newest = self.newest(&resolved).unwrap_or_else(|| id.clone());
            next.get_mut(&id).unwrap().ancestor = Some(newest);
        }
    }

    fn order(&self, next: &mut Versions) -> Result<(), &'static str> {
        if self.mode == "manual" {
            for id in orphans(next) {
                next.get_mut(&id).unwrap().ancestor = Some(id.clone());
            }
        } else {
            let mut older = None;
            for id in by_age(next) {
                next.get_mut(&id).unwrap().ancestor = older.or_else(|| Some(id.clone()));
                older = Some(id);
            }
        }
        let roots = next.iter().filter(|(id, version)| version.ancestor.as_ref() == Some(id));
        if self.needs_one_root() && roots.count() > 1 { Err("multiple_roots") } else { Ok(()) }
    }

    fn newest(&self, versions: &Versions) -> Option<String> {
        let ages = by_age(versions);
        let descends =
            |id: &String, from: &String| id != from && versions[id].ancestor.as_ref() == Some(from);
        match self.mode {
            "manual" => ages.iter().rfind(|id| !ages.iter().any(|other| descends(other, id))),
            "lifecycle" => {
                let offered = ages.iter().rfind(|id| versions[*id].state.is_offered());
                offered.or_else(|| ages.last())
            }
            _ => ages.last(),
        }
        .cloned()
    }

    fn oldest(&self, versions: &Versions) -> String {
        let mut ages = by_age(versions);
        ages.retain(|id| Some(id) != self.default.as_ref());
        let is_root = |id: &&String| match &versions[*id].ancestor {
            Some(ancestor) => ancestor == *id || !versions.contains_key(ancestor),
            None => true,
        };
        let root = ages.iter().find(|id| self.mode == "manual" && is_root(id));
        root.unwrap_or(&ages[0]).clone()
    }
}

fn by_age(versions: &Versions) -> Vec<String> {
    let mut ages: Vec<String> = versions.keys().cloned().collect();
    ages.sort_by_key(|id| (versions[id].created, id.to_ascii_lowercase()));
    ages
}

fn orphans(versions: &Versions) -> Vec<String> {
    let is_gone = |version: &Version| {
        version.ancestor.as_ref().is_some_and(|ancestor| !versions.contains_key(ancestor))
    };
    let gone = versions.iter().filter(|(_, version)| is_gone(version));
    gone.map(|(id, _)| id.clone()).collect()
}

fn is_in_circle(versions: &Versions, start: &String) -> bool {
    let mut at = start;
    for _ in 0..=versions.len() {
        match versions.get(at).and_then(|version| version.ancestor.as_ref()) {
            Some(ancestor) if ancestor != at => at = ancestor,
            _ => return false,
        }
    }
    true
}

/// The real resource, in the same form.
fn found(registry: &TestRegistry) -> (Versions, Option<String>, bool) {
    let Some(resource) = registry.resource(FILE) else { return (Versions::new(), None, false) };
    let versions = resource.versions.iter().map(|version| {
        let ancestor = Some(version.ancestor.to_string());
        let plain = Version { created: version.created, ancestor, state: version.state };
        (version.id.to_string(), plain)
    });
    let meta = &resource.meta;
    (versions.collect(), Some(meta.default.to_string()), meta.sticky)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn few_and_many_versions_follow_the_rules(
        mode in 0..3_usize,
        maxversions in prop_oneof![Just(0), 2..20_usize],
        has_one_root in any::<bool>(),
        count in 1..24_u8,
        steps in vec(any::<Step>(), 1..30),
    ) {
        let mut plain = ResourceOracle {
            mode: MODES[mode],
            maxversions,
            has_one_root,
            versions: Versions::new(),
            default: None,
            is_sticky: false,
            last_number: 0,
            hidden: BTreeMap::new(),
        };
        let mut registry = TestRegistry::new(&plain.files());
        let puts = (0..count).map(|number| (PUT, number, 0, 0));
        for (kind, a, b, c) in puts.chain(steps) {
            let step = (kind % KINDS, a, b, c);
            let now = registry.catalog.moment.next();
            let before = plain.clone();
            let expected = plain.take(step, now);
            let outcome = match step.0 {
                NEW_MODE => registry.set_model(&plain.files()),
                PUT => registry.send(Mode::Put, &format!("{FILE}/versions/{}", name(step.1)), &json!({})),
                _ => take(&mut registry, step),
            };
            prop_assert_eq!(code(outcome), expected.err().unwrap_or_default(), "{:?}", step);
            if expected.is_err() {
                plain = before;
            }
            let (versions, default, is_sticky) = found(&registry);
            prop_assert_eq!(&versions, &plain.versions, "after {:?}", step);
            if versions.is_empty() {
                break;
            }
            prop_assert_eq!((default, is_sticky), (plain.default.clone(), plain.is_sticky), "after {:?}", step);
        }
    }
}

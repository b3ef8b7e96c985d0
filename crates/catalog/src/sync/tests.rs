//! Registries that write one document and send each other their states, in any order.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use muster_words::{Id, Moment, Position};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value, json};

use super::*;
use crate::Lifecycle;

/// A state of the document in one registry.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    vector: VersionVector,
    origin: Option<DocumentOrigin>,
    content: Option<SyncContent>,
}

impl State {
    fn side(&self) -> ComparedSide<'_> {
        ComparedSide {
            vector: &self.vector,
            origin: self.origin.as_ref(),
            content: self.content.as_ref(),
        }
    }
}

#[derive(Clone, Debug)]
struct Replica {
    id: Id,
    position: u64,
    state: State,
    history: Vec<State>,
    /// The states that wait for somebody, by the number of their registry.
    open: Vec<(usize, State)>,
}

impl Replica {
    fn new(number: usize) -> Self {
        let id = format!("r{number}").parse().unwrap();
        Self { id, position: 0, state: State::default(), history: Vec::new(), open: Vec::new() }
    }

    fn set(&mut self, state: State) {
        self.history.push(std::mem::replace(&mut self.state, state));
        let now = &self.state.vector;
        self.open.retain(|(_, open)| !open.vector.is_within(now));
    }

    /// A state of its own, with everything that a vector holds.
    fn write(&mut self, content: Option<SyncContent>, vector: &VersionVector, time: i64) {
        self.position += 1;
        let position = Position(self.position);
        let moment = Moment::from_microseconds(time).unwrap();
        self.set(State {
            vector: vector.clone().with(&self.id, position).unwrap(),
            origin: Some(DocumentOrigin { registry: self.id.clone(), position, moment }),
            content,
        });
    }

    /// Takes a state of another one. Returns whether anything changed.
    fn receive(
        &mut self,
        from: usize,
        sent: &State,
        how: (ConflictPolicy, &SyncSides),
        time: i64,
    ) -> bool {
        let base = || {
            let known = self.history.iter().rev();
            known.clone().find(|old| old.vector.is_within(&sent.vector))?.content.clone()
        };
        let (local, incoming) = (self.state.side(), sent.side());
        match compare(&self.id, local, incoming, how, base).unwrap() {
            SyncDecision::Held => return false,
            SyncDecision::Take(vector) => {
                self.position += 1;
                self.set(State { vector, ..sent.clone() });
            }
            SyncDecision::Join(vector, origin) => {
                self.position += 1;
                let content = self.state.content.clone();
                self.set(State { vector, origin: Some(origin), content });
            }
            SyncDecision::Merge(content, vector) => self.write(Some(*content), &vector, time),
            SyncDecision::Conflict => {
                let known = self.open.iter().any(|(of, open)| *of == from && open == sent);
                self.open.retain(|(of, _)| *of != from);
                self.open.push((from, sent.clone()));
                return !known;
            }
        }
        true
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize, Option<(u8, u8)>),
    Send(usize, usize),
    Deliver(prop::sample::Index, bool),
    Lose(prop::sample::Index),
}

fn a_step(count: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..count, prop::option::weighted(0.8, (0..3_u8, 0..4_u8)))
            .prop_map(|(at, what)| Step::Write(at, what)),
        4 => (0..count, 0..count).prop_map(|(from, to)| Step::Send(from, to)),
        4 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(at, twice)| Step::Deliver(at, twice)),
        1 => any::<prop::sample::Index>().prop_map(Step::Lose),
    ]
}

/// Registries, the links between them, and the states that are on their way.
#[derive(Debug)]
struct World {
    replicas: Vec<Replica>,
    links: Vec<(usize, usize)>,
    policy: ConflictPolicy,
    sent: Vec<(usize, usize, State)>,
    time: i64,
}

impl World {
    fn new(count: usize, is_ring: bool, policy: ConflictPolicy) -> Self {
        let all = (0..count).flat_map(|from| (0..count).map(move |to| (from, to)));
        let is_link = |(from, to): &(usize, usize)| match is_ring {
            true => (from + 1) % count == *to,
            false => from != to,
        };
        let links = all.filter(is_link).collect();
        let replicas = (0..count).map(Replica::new).collect();
        Self { replicas, links, policy, sent: Vec::new(), time: 0 }
    }

    /// A route belongs to the first of both registries, in a ring to the one that sends.
    fn sides(&self, from: usize, to: usize) -> SyncSides {
        let is_both_ways = self.links.contains(&(to, from));
        let source = if is_both_ways { from.min(to) } else { from };
        let target = if source == from { to } else { from };
        SyncSides {
            source: self.replicas[source].id.clone(),
            target: self.replicas[target].id.clone(),
        }
    }

    fn deliver(&mut self, (from, to, state): (usize, usize, State)) -> bool {
        let sides = self.sides(from, to);
        self.time += 1;
        self.replicas[to].receive(from, &state, (self.policy, &sides), self.time)
    }

    fn take(&mut self, step: &Step) {
        self.time += 1;
        match step {
            Step::Write(at, what) => {
                let vector = self.replicas[*at].state.vector.clone();
                let old = self.replicas[*at].state.content.clone();
                let content = what.map(|what| content(old.as_ref(), what));
                self.replicas[*at].write(content, &vector, self.time);
            }
            Step::Send(from, to) if self.links.contains(&(*from, *to)) => {
                let state = self.replicas[*from].state.clone();
                if !state.vector.is_empty() {
                    self.sent.push((*from, *to, state));
                }
            }
            Step::Deliver(at, twice) if !self.sent.is_empty() => {
                let at = at.index(self.sent.len());
                let sent = if *twice { self.sent[at].clone() } else { self.sent.swap_remove(at) };
                self.deliver(sent);
            }
            Step::Lose(at) if !self.sent.is_empty() => {
                self.sent.swap_remove(at.index(self.sent.len()));
            }
            _ => {}
        }
    }

    /// Everybody sends what there is, until nothing changes.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..200 {
            let mut has_changed = false;
            for (from, to) in self.links.clone() {
                let state = self.replicas[from].state.clone();
                if !state.vector.is_empty() {
                    has_changed |= self.deliver((from, to, state));
                }
            }
            if !has_changed {
                return Ok(());
            }
        }
        Err(TestCaseError::fail(format!("they never come to rest: {self:#?}")))
    }

    /// Somebody decides one open conflict: what is here, what came, or something else.
    fn resolve(&mut self, choice: u8) -> bool {
        let Some(replica) = self.replicas.iter_mut().find(|one| !one.open.is_empty()) else {
            return false;
        };
        let (_, theirs) = replica.open[0].clone();
        let content = match choice % 3 {
            0 => replica.state.content.clone(),
            1 => theirs.content,
            _ => Some(content(None, (9, choice))),
        };
        let vector = replica.state.vector.join(&theirs.vector).unwrap();
        self.time += 1;
        replica.write(content, &vector, self.time);
        true
    }

    fn check_converged(&self) -> Result<(), TestCaseError> {
        let first = &self.replicas[0];
        for other in &self.replicas[1..] {
            prop_assert_eq!(&first.state.content, &other.state.content, "{:#?}", self);
            prop_assert_eq!(&first.state.vector, &other.state.vector, "{:#?}", self);
        }
        prop_assert!(self.replicas.iter().all(|one| one.open.is_empty()), "{:#?}", self);
        Ok(())
    }
}

/// A document after one of its members was set.
fn content(old: Option<&SyncContent>, (member, value): (u8, u8)) -> SyncContent {
    let mut document = old.and_then(SyncContent::json).unwrap_or_else(|| json!({}));
    document[format!("m{member}")] = value.into();
    document["version"] = match value {
        0 => json!("1.0.0"),
        1 => json!("1.2.0-rc.1"),
        2 => json!(3),
        _ => json!("none"),
    };
    if value == 3 {
        document.as_object_mut().unwrap().remove("m0");
    }
    SyncContent {
        bytes: Some(document.to_string().into()),
        content_type: Some("application/json".to_owned()),
        attributes: Map::new(),
        state: Lifecycle::Stable,
    }
}

fn run(
    (count, is_ring): (usize, bool),
    policy: ConflictPolicy,
    steps: &[Step],
    choices: &[u8],
) -> Result<(), TestCaseError> {
    let mut world = World::new(count, is_ring, policy);
    for step in steps {
        world.take(step);
    }
    world.settle()?;
    let is_decided = !matches!(policy, ConflictPolicy::Manual | ConflictPolicy::Merge);
    if is_decided {
        prop_assert!(world.replicas.iter().all(|one| one.open.is_empty()));
    }
    for round in 0.. {
        if !world.resolve(choices[round % choices.len()]) {
            break;
        }
        prop_assert!(round < 50, "conflicts never end: {:#?}", world);
        world.settle()?;
    }
    world.check_converged()?;
    // Old messages arrive late, and change nothing any more.
    for sent in std::mem::take(&mut world.sent) {
        prop_assert!(!world.deliver(sent), "an old state changed something");
    }
    world.check_converged()
}

fn a_policy() -> impl Strategy<Value = ConflictPolicy> {
    prop::sample::select(ConflictPolicy::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn two_registries_converge_and_come_to_rest(
        policy in a_policy(),
        steps in vec(a_step(2), 1..40),
        choices in vec(any::<u8>(), 1..8),
    ) {
        run((2, false), policy, &steps, &choices)?;
    }

    #[test]
    fn three_registries_converge_in_a_mesh_and_in_a_ring(
        is_ring in any::<bool>(),
        policy in a_policy(),
        steps in vec(a_step(3), 1..50),
        choices in vec(any::<u8>(), 1..8),
    ) {
        run((3, is_ring), policy, &steps, &choices)?;
    }

    #[test]
    fn vectors_are_a_lattice(
        a in vec((0..4_usize, 1..5_u64), 0..5),
        b in vec((0..4_usize, 1..5_u64), 0..5),
    ) {
        let vector = |all: Vec<(usize, u64)>| {
            let all = all.into_iter().map(|(at, n)| (Replica::new(at).id, Position(n)));
            VersionVector::new(all).unwrap()
        };
        let (a, b) = (vector(a), vector(b));
        let both = a.join(&b).unwrap();
        prop_assert_eq!(&both, &b.join(&a).unwrap());
        prop_assert!(a.is_within(&both) && b.is_within(&both));
        prop_assert_eq!(a.stands_to(&b) == Causality::Same, a == b);
        prop_assert_eq!(a.stands_to(&b) == Causality::Before, b.stands_to(&a) == Causality::After);
        prop_assert_eq!(both == b, a.is_within(&b));
    }
}

#[test]
fn a_vector_of_too_many_registries_is_refused() {
    let all = |count: usize| (0..count).map(|at| (Replica::new(at).id, Position(1)));
    let most = VersionVector::new(all(VECTOR_REGISTRIES_MAX)).unwrap();
    assert_eq!(VersionVector::new(all(VECTOR_REGISTRIES_MAX + 1)), Err(VectorTooLong));
    let other = VersionVector::new([("other".parse().unwrap(), Position(1))]).unwrap();
    assert_eq!(most.join(&other), Err(VectorTooLong));
    assert!(most.join(&most).is_ok());
}

#[test]
fn each_policy_decides_as_it_says() {
    let (here, there): (Id, Id) = ("b".parse().unwrap(), "a".parse().unwrap());
    let state = |registry: &Id, moment: i64, version: Value| State {
        vector: VersionVector::new([(registry.clone(), Position(4))]).unwrap(),
        origin: Some(DocumentOrigin {
            registry: registry.clone(),
            position: Position(4),
            moment: Moment::from_microseconds(moment).unwrap(),
        }),
        content: Some(SyncContent {
            bytes: Some(json!({"by": registry.as_str(), "version": version}).to_string().into()),
            ..content(None, (0, 0))
        }),
    };
    let sides = SyncSides { source: here.clone(), target: there.clone() };
    let none = || json!(null);
    use ConflictPolicy::{HighestVersion, LastWriter, Manual, Merge, SourceWins, TargetWins};
    for (policy, local, incoming, expect) in [
        (Manual, (1, none()), (2, none()), "conflict"),
        (Merge, (1, none()), (2, none()), "conflict"),
        (SourceWins, (1, none()), (2, none()), "join"),
        (TargetWins, (2, none()), (1, none()), "take"),
        (LastWriter, (1, none()), (2, none()), "take"),
        (LastWriter, (2, none()), (1, none()), "join"),
        (LastWriter, (1, none()), (1, none()), "join"),
        (HighestVersion, (1, json!("1.10.0")), (2, json!("1.9.0")), "join"),
        (HighestVersion, (2, json!("1.0.0-rc.1")), (1, json!("1.0.0")), "take"),
        (HighestVersion, (2, json!(9)), (1, json!(10)), "take"),
        (HighestVersion, (2, json!("9")), (1, json!(10)), "take"),
        (HighestVersion, (1, json!("1.0.0")), (2, json!(1)), "take"),
        (HighestVersion, (2, json!("1.0.0")), (1, json!("1.0.0+b")), "join"),
        (HighestVersion, (1, json!("x")), (2, json!("a")), "take"),
    ] {
        let (local, incoming) =
            (state(&here, local.0, local.1), state(&there, incoming.0, incoming.1));
        let decision =
            compare(&here, local.side(), incoming.side(), (policy, &sides), || None).unwrap();
        let found = match decision {
            SyncDecision::Held => "held",
            SyncDecision::Take(_) => "take",
            SyncDecision::Join(..) => "join",
            SyncDecision::Merge(..) => "merge",
            SyncDecision::Conflict => "conflict",
        };
        assert_eq!(found, expect, "{policy} {local:?} {incoming:?}");
    }
}

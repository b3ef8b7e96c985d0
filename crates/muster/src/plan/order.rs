use std::collections::BTreeMap;

use muster_words::Xid;

use super::{Step, StepAction, StepTarget};
use crate::shape::is_bound_to;

/// Steps that happen together: one, or several documents that refer to each other in a circle.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The steps.
    pub steps: Vec<Step>,
    /// When it is done: those of one wave don't need each other, and need all earlier waves.
    pub wave: usize,
}

impl Unit {
    /// Whether something is wrong with one of its documents.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.steps.iter().any(Step::is_refused)
    }
}

/// When something is done. What others stand on comes first; what is deleted goes when nothing
/// that stays needs it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Groups of schemas and rules.
    BoundGroups,
    /// Schemas and rules.
    BoundDocuments,
    /// The model, which binds them.
    Model,
    /// All other groups, which may bind them too.
    Groups,
    /// All other documents.
    Documents,
    /// Documents that go.
    DeletedDocuments,
    /// Schemas and rules that go.
    DeletedBoundDocuments,
    /// Groups that go.
    DeletedGroups,
}

impl Phase {
    fn of(step: &Step) -> Self {
        let StepTarget::Entity(xid) = &step.target else { return Self::Model };
        let is_group = matches!(xid, Xid::Group { .. });
        match (step.act == StepAction::Delete, is_group, is_bound_to(xid)) {
            (false, true, true) => Self::BoundGroups,
            (false, false, true) => Self::BoundDocuments,
            (false, true, false) => Self::Groups,
            (false, false, false) => Self::Documents,
            (true, true, _) => Self::DeletedGroups,
            (true, false, true) => Self::DeletedBoundDocuments,
            (true, false, false) => Self::DeletedDocuments,
        }
    }
}

/// Puts steps in an order in which each finds what it refers to, deletions in the reverse order.
#[must_use]
pub fn arrange(steps: Vec<Step>) -> Vec<Unit> {
    let mut phases: BTreeMap<Phase, Vec<Step>> = BTreeMap::new();
    for step in steps {
        phases.entry(Phase::of(&step)).or_default().push(step);
    }
    let mut units: Vec<Unit> = Vec::new();
    for steps in phases.into_values() {
        let first = units.last().map_or(0, |unit| unit.wave + 1);
        let phase = by_references(steps);
        units.extend(phase.into_iter().map(|unit| Unit { wave: first + unit.wave, ..unit }));
    }
    units
}

fn by_references(steps: Vec<Step>) -> Vec<Unit> {
    let deletes = steps.first().is_some_and(|step| step.act == StepAction::Delete);
    let places: BTreeMap<Xid, usize> =
        steps.iter().enumerate().filter_map(|(at, step)| Some((step.xid()?.clone(), at))).collect();
    let edges: Vec<Vec<usize>> = steps
        .iter()
        .map(|step| step.refers_to.iter().filter_map(|xid| places.get(xid).copied()).collect())
        .collect();
    let components = strongly_connected(&edges);
    let levels = levels(&edges, &components);
    let last = levels.iter().copied().max().unwrap_or(0);
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    let mut units: Vec<Unit> = components
        .into_iter()
        .zip(levels)
        .map(|(component, level)| Unit {
            steps: component.iter().filter_map(|at| steps[*at].take()).collect(),
            wave: if deletes { last - level } else { level },
        })
        .collect();
    units.sort_by_key(|unit| unit.wave);
    units
}

/// How many others each part must wait for, one after the other. Parts stand behind what they
/// lead to.
fn levels(edges: &[Vec<usize>], components: &[Vec<usize>]) -> Vec<usize> {
    let mut level_of = vec![0; edges.len()];
    let mut levels = Vec::with_capacity(components.len());
    for component in components {
        let outside = |to: &&usize| component.binary_search(*to).is_err();
        let targets = component.iter().flat_map(|node| &edges[*node]).filter(outside);
        let level = targets.map(|to| level_of[*to] + 1).max().unwrap_or(0);
        component.iter().for_each(|node| level_of[*node] = level);
        levels.push(level);
    }
    levels
}

/// The strongly connected parts of a graph, each behind all that it leads to (Tarjan 1972), with
/// a stack of its own: a chain of references may be longer than a thread's stack is deep. Within
/// a part, and where nothing demands another order, the nodes keep theirs.
#[must_use]
pub fn strongly_connected(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut search = Search {
        edges,
        order: vec![None; edges.len()],
        low: vec![0; edges.len()],
        on_stack: vec![false; edges.len()],
        stack: Vec::new(),
        count: 0,
        found: Vec::new(),
    };
    for node in 0..edges.len() {
        if search.order[node].is_none() {
            search.visit(node);
        }
    }
    search.found
}

struct Search<'a> {
    edges: &'a [Vec<usize>],
    /// When each node was reached first.
    order: Vec<Option<usize>>,
    /// The earliest node that each leads back to.
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    count: usize,
    found: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn visit(&mut self, root: usize) {
        // A node and which of its edges comes next.
        let mut path = vec![(root, 0)];
        self.enter(root);
        while let Some((node, edge)) = path.last().copied() {
            let Some(next) = self.edges[node].get(edge).copied() else {
                path.pop();
                self.leave(node, path.last().map(|(parent, _)| *parent));
                continue;
            };
            if let Some(last) = path.last_mut() {
                last.1 += 1;
            }
            match self.order[next] {
                None => {
                    self.enter(next);
                    path.push((next, 0));
                }
                Some(order) if self.on_stack[next] => {
                    self.low[node] = self.low[node].min(order);
                }
                Some(_) => {}
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.order[node] = Some(self.count);
        self.low[node] = self.count;
        self.count += 1;
        self.stack.push(node);
        self.on_stack[node] = true;
    }

    fn leave(&mut self, node: usize, parent: Option<usize>) {
        if let Some(parent) = parent {
            self.low[parent] = self.low[parent].min(self.low[node]);
        }
        if self.order[node] != Some(self.low[node]) {
            return;
        }
        let start = self.stack.iter().rposition(|one| *one == node).unwrap_or_default();
        let mut component = self.stack.split_off(start);
        for one in &component {
            self.on_stack[*one] = false;
        }
        component.sort_unstable();
        self.found.push(component);
    }
}

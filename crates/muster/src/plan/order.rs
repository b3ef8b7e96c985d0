use std::collections::BTreeMap;

use muster_words::Xid;

use super::{Step, StepAction, StepTarget};

/// Steps that happen together: a single one, or several documents that refer to each other in a
/// circle.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The steps.
    pub steps: Vec<Step>,
    /// The wave in which it runs. Units of one wave are independent; they depend only on earlier
    /// waves.
    pub wave: usize,
}

impl Unit {
    /// Whether one of its steps is refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.steps.iter().any(Step::is_refused)
    }
}

/// Whether the type holds schemas or rules, to which other documents are bound.
fn is_bound_to(xid: &Xid) -> bool {
    let groups = xid.group_ids().map(|(groups, _)| groups.as_str());
    matches!(groups, Some("schemagroups" | "rulegroups"))
}

/// What a step belongs to where a plan doesn't fit into one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// The model, schemas and rules.
    Checks,
    /// Everything else that is written.
    Documents,
    /// What is deleted.
    Deletions,
}

impl Section {
    /// The section of a step.
    pub fn of(step: &Step) -> Self {
        match Phase::of(step) {
            Phase::BoundGroups | Phase::BoundDocuments | Phase::Model => Self::Checks,
            Phase::Groups | Phase::Documents => Self::Documents,
            Phase::DeletedDocuments | Phase::DeletedBoundDocuments | Phase::DeletedGroups => {
                Self::Deletions
            }
        }
    }
}

/// The phase of a step. Dependencies are created before what needs them, and deleted after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Groups of schemas and rules.
    BoundGroups,
    /// Schemas and rules.
    BoundDocuments,
    /// The model, which binds schemas and rules.
    Model,
    /// All other groups, which may bind them, too.
    Groups,
    /// All other documents.
    Documents,
    /// Deleted documents.
    DeletedDocuments,
    /// Deleted schemas and rules.
    DeletedBoundDocuments,
    /// Deleted groups.
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

/// Orders the steps so that each finds what it refers to. Deletions have the reverse order.
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

/// The level of each part: the length of its longest chain of dependencies. Parts come after the
/// parts that they refer to.
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

/// The strongly connected components of a graph, each after those that it leads to (Tarjan 1972).
/// It uses an explicit stack, because a chain of references may be longer than a thread's stack
/// allows. Otherwise nodes keep their order.
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
    /// The order in which each node was first reached.
    order: Vec<Option<usize>>,
    /// The earliest node that each node leads back to.
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    count: usize,
    found: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn visit(&mut self, root: usize) {
        // A node and the index of its next edge.
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

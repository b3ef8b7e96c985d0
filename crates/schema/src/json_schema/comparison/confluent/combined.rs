use std::{collections::HashSet, rc::Rc};

use muster_words::json::to_canonical;

use super::{
    At, Confluent, Difference,
    shape::{CombinedShape, How, Shape},
};
use crate::steps::count;

impl<'a> Confluent<'a, '_> {
    pub(super) fn compare_combined(
        &mut self,
        at: At,
        ours: &CombinedShape<'a>,
        theirs: &CombinedShape<'a>,
        depth: usize,
    ) -> Vec<Difference> {
        let below = match theirs.keyword {
            "" => String::new(),
            keyword => format!("/{keyword}"),
        };
        if !may_become(ours, theirs) {
            return self.broken("combined_type_changed", at, &below).into_iter().collect();
        }
        let (ours, others) = (self.distinct(&ours.shapes), self.distinct(&theirs.shapes));
        let is_product = theirs.how == How::All;
        let mut found = Vec::new();
        if ours.len() < others.len() && is_product {
            found.extend(self.broken("product_type_extended", at, &below));
        } else if ours.len() > others.len() && !is_product {
            found.extend(self.broken("sum_type_narrowed", at, &below));
        }
        // Where the order was kept, each has its partner at its own place.
        let beside = ours.iter().zip(&others);
        if beside.into_iter().all(|(one, other)| self.compare(one, other, depth).is_empty()) {
            return found;
        }
        let mut edges = Vec::new();
        for one in &ours {
            let mut compatible = Vec::new();
            for (index, other) in others.iter().enumerate() {
                if self.compare(one, other, depth).is_empty() {
                    compatible.push(index);
                }
            }
            edges.push(compatible);
        }
        if matched(&edges, others.len()) < ours.len().min(others.len()) {
            found.extend(self.broken("combined_type_subschemas_changed", at, &below));
        }
        found
    }

    /// Each shape once, by its text.
    fn distinct(&mut self, shapes: &[Rc<Shape<'a>>]) -> Vec<Rc<Shape<'a>>> {
        let mut seen = HashSet::new();
        let mut kept = Vec::new();
        for shape in shapes {
            // The parts of one place have one text, and are all different.
            let text = to_canonical(self.loader.places().get(shape.place).value);
            let kind = std::mem::discriminant(&shape.kind);
            if seen.insert((text, kind)) {
                kept.push(Rc::clone(shape));
            }
        }
        kept
    }
}

/// Whether a combination may become another one.
fn may_become(ours: &CombinedShape<'_>, theirs: &CombinedShape<'_>) -> bool {
    let is_single = |combined: &CombinedShape<'_>| combined.shapes.len() == 1;
    match (ours.how, theirs.how) {
        (one, other) if one == other => true,
        (_, How::Any) => true,
        (_, How::One) => is_single(ours),
        (_, How::All) => is_single(ours) && is_single(theirs),
    }
}

/// The most pairs that can be formed (Kuhn's algorithm).
fn matched(edges: &[Vec<usize>], others: usize) -> usize {
    let mut partner: Vec<Option<usize>> = vec![None; others];
    (0..edges.len())
        .filter(|start| {
            let mut seen = vec![false; others];
            count(others as u64 / 8);
            extend(*start, edges, &mut partner, &mut seen)
        })
        .count()
}

/// Finds a partner for `start`, moving others if need be; without recursion, because the way may be
/// as long as the list.
fn extend(
    start: usize,
    edges: &[Vec<usize>],
    partner: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    let mut way: Vec<(usize, usize, Option<usize>)> = vec![(start, 0, None)];
    while let Some((one, edge, _)) = way.last_mut() {
        count(1);
        let Some(other) = edges[*one].get(*edge).copied() else {
            way.pop();
            continue;
        };
        *edge += 1;
        if std::mem::replace(&mut seen[other], true) {
            continue;
        }
        if let Some(last) = way.last_mut() {
            last.2 = Some(other);
        }
        match partner[other] {
            Some(next) => way.push((next, 0, None)),
            None => {
                for (one, _, chosen) in way {
                    if let Some(chosen) = chosen {
                        partner[chosen] = Some(one);
                    }
                }
                return true;
            }
        }
    }
    false
}

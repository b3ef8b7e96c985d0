//! The deliveries of a link between its mark and what it has read. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use muster_words::{Position, Xid};

use crate::changes::{ChangeId, DocumentChange};

/// How many unfinished deliveries a link holds before it takes no further command, which may change
/// thousands of documents. Each takes about two kilobytes with its task.
pub const UNFINISHED_MAX: usize = 1_000;

/// How many finished deliveries may wait behind an unfinished one; beyond it, the link reads no
/// further. They are stored with the mark, so that a restart doesn't repeat them.
pub const AHEAD_MAX: usize = 10_000;

/// The unfinished deliveries, in a lane for each document: the first of a lane is being delivered,
/// the others wait for it.
#[derive(Debug, Default)]
pub struct Window {
    /// The end of the last command whose deliveries were added.
    read: Position,
    /// The unfinished deliveries, each with the position before its command.
    unfinished: BTreeMap<ChangeId, Position>,
    /// Finished deliveries after the first unfinished one.
    ahead: BTreeSet<ChangeId>,
    lanes: HashMap<Xid, VecDeque<DocumentChange>>,
}

impl Window {
    /// A window that begins after a mark. `ahead` was finished already.
    #[must_use]
    pub fn new(mark: Position, ahead: BTreeSet<ChangeId>) -> Self {
        Self { read: mark, ahead, ..Self::default() }
    }

    /// Whether it takes another command.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.unfinished.len() < UNFINISHED_MAX && self.ahead.len() < AHEAD_MAX
    }

    /// Adds the deliveries of the command between two positions. Returns those that can start.
    pub fn add(
        &mut self,
        begin: Position,
        end: Position,
        changes: Vec<DocumentChange>,
    ) -> Vec<DocumentChange> {
        let mut ready = Vec::new();
        for change in changes {
            if self.ahead.contains(&change.id) {
                continue;
            }
            self.unfinished.insert(change.id, begin);
            let lane = self.lanes.entry(change.resource.clone()).or_default();
            if lane.is_empty() {
                ready.push(change.clone());
            }
            lane.push_back(change);
        }
        self.read = self.read.max(end);
        self.forget_passed();
        ready
    }

    /// A delivery is finished. Returns the next one of its lane.
    pub fn finish(&mut self, change: &DocumentChange) -> Option<DocumentChange> {
        self.unfinished.remove(&change.id);
        self.ahead.insert(change.id);
        self.forget_passed();
        let lane = self.lanes.get_mut(&change.resource)?;
        lane.pop_front();
        let next = lane.front().cloned();
        if next.is_none() {
            self.lanes.remove(&change.resource);
        }
        next
    }

    /// The mark: everything at or before it is finished.
    #[must_use]
    pub fn mark(&self) -> Position {
        self.unfinished.values().next().copied().unwrap_or(self.read)
    }

    /// What is finished after the mark.
    #[must_use]
    pub const fn ahead(&self) -> &BTreeSet<ChangeId> {
        &self.ahead
    }

    /// The number of unfinished deliveries.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.unfinished.len()
    }

    fn forget_passed(&mut self) {
        let mark = self.mark();
        while let Some(first) = self.ahead.first().copied()
            && first.position <= mark
        {
            self.ahead.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use proptest::prelude::*;

    use super::*;
    use crate::changes::DocumentChangeKind;

    fn change(position: u64, index: u32, name: &str) -> DocumentChange {
        DocumentChange {
            id: ChangeId { position: Position(position), index },
            begin: Position(position.saturating_sub(1)),
            resource: format!("/configs/a/entries/{name}").parse().unwrap(),
            kind: DocumentChangeKind::Updated,
            moment: muster_words::Moment::EPOCH,
            cause: None,
        }
    }

    #[test]
    fn deliveries_of_one_document_wait_for_each_other_and_others_do_not() {
        let mut window = Window::default();
        let (first, second, other) = (change(1, 0, "x"), change(2, 0, "x"), change(2, 1, "y"));
        let ready = window.add(Position(0), Position(1), vec![first.clone()]);
        assert_eq!(ready, std::slice::from_ref(&first));
        let ready = window.add(Position(1), Position(2), vec![second.clone(), other.clone()]);
        assert_eq!(ready, std::slice::from_ref(&other));
        assert_eq!(window.mark(), Position(0));
        assert_eq!(window.finish(&other), None);
        assert_eq!((window.mark(), window.ahead().len()), (Position(0), 1));
        assert_eq!(window.finish(&first), Some(second.clone()));
        assert_eq!((window.mark(), window.ahead().len()), (Position(1), 1));
        assert_eq!(window.finish(&second), None);
        assert_eq!((window.mark(), window.ahead().len()), (Position(2), 0));
        window.add(Position(2), Position(9), Vec::new());
        assert_eq!(window.mark(), Position(9));
    }

    #[test]
    fn what_was_finished_before_a_restart_is_not_repeated() {
        let done = ChangeId { position: Position(3), index: 0 };
        let mut window = Window::new(Position(1), [done].into());
        let (open, finished) = (change(2, 0, "x"), change(3, 0, "y"));
        assert_eq!(window.add(Position(1), Position(2), vec![open.clone()]).len(), 1);
        assert_eq!(window.add(Position(2), Position(3), vec![finished]), []);
        assert_eq!(window.finish(&open), None);
        assert_eq!((window.mark(), window.ahead().len()), (Position(3), 0));
    }

    proptest! {
        /// In whatever order deliveries finish, and wherever it is cut off, the mark never passes
        /// an unfinished one, and each document's deliveries start in order.
        #[test]
        fn the_mark_never_passes_what_is_unfinished(
            names in prop::collection::vec(0..4u8, 1..40),
            choices in prop::collection::vec(0..100usize, 40),
        ) {
            let mut window = Window::default();
            let mut running: Vec<DocumentChange> = Vec::new();
            let mut finished: Vec<DocumentChange> = Vec::new();
            for (index, name) in names.iter().enumerate() {
                let at = index as u64;
                let change = change(at + 1, 0, &name.to_string());
                running.extend(window.add(Position(at), Position(at + 1), vec![change]));
                let choice = choices[index];
                if choice % 2 == 0 && !running.is_empty() {
                    let done = running.swap_remove(choice % running.len());
                    running.extend(window.finish(&done));
                    finished.push(done);
                }
                let mark = window.mark();
                for at in 1..=mark.0 {
                    prop_assert!(finished.iter().any(|done| done.id.position.0 == at));
                }
                for ahead in window.ahead() {
                    prop_assert!(ahead.position > mark);
                }
            }
            while let Some(done) = running.pop() {
                running.extend(window.finish(&done));
                finished.push(done);
            }
            prop_assert_eq!(window.mark().0, names.len() as u64);
            prop_assert_eq!(window.unfinished(), 0);
            prop_assert!(window.ahead().is_empty() && window.lanes.is_empty());
            for name in 0..4 {
                let own = finished.iter().filter(|done| {
                    done.resource.id().unwrap().as_str() == name.to_string()
                });
                let order: Vec<_> = own.map(|done| done.id).collect();
                prop_assert!(order.is_sorted());
            }
        }
    }
}

use std::{fmt, sync::Arc};

use muster_words::Position;

/// A state in a chain that leads back to the first one: newest first, by non-increasing positions.
pub trait Chained: Sized {
    /// The states before this one.
    fn earlier(&self) -> &Earlier<Self>;

    /// The same, for dropping.
    fn earlier_mut(&mut self) -> &mut Earlier<Self>;

    /// The key of the search; for a state, the position from which on it is valid.
    fn position(&self) -> Position;

    /// The state before this one.
    fn previous(&self) -> Option<&Arc<Self>> {
        self.earlier().link.as_ref().map(|link| &link.previous)
    }
}

/// The link from a state to earlier ones.
///
/// Besides the previous state, it points to one further back, as in Myers' applicative
/// random-access stack. So a state is found by its position in logarithmic time. An entity that was
/// written once has no such link.
#[derive(Clone)]
pub struct Earlier<T: Chained> {
    link: Option<Box<Link<T>>>,
}

#[derive(Clone)]
struct Link<T> {
    previous: Arc<T>,
    jump: Arc<T>,
    /// The number of earlier states.
    depth: u32,
}

/// Prints only the number of states, because a chain can be long.
impl<T: Chained> fmt::Debug for Earlier<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Earlier").field(&self.depth()).finish()
    }
}

impl<T: Chained> Default for Earlier<T> {
    fn default() -> Self {
        Self { link: None }
    }
}

impl<T: Chained> From<Arc<T>> for Earlier<T> {
    /// The link to a state from the one that replaces it.
    fn from(previous: Arc<T>) -> Self {
        let depth = previous.earlier().depth() + 1;
        // Two consecutive jumps of equal length are joined to one of twice the length.
        let jump = match &previous.earlier().link {
            None => previous.clone(),
            Some(link) => {
                let (near, far) = (&link.jump, link.jump.earlier().jump().unwrap_or(&link.jump));
                let first = link.depth - near.earlier().depth();
                let second = near.earlier().depth() - far.earlier().depth();
                if first == second { far.clone() } else { previous.clone() }
            }
        };
        Self { link: Some(Box::new(Link { previous, jump, depth })) }
    }
}

impl<T: Chained> From<Option<Arc<T>>> for Earlier<T> {
    fn from(previous: Option<Arc<T>>) -> Self {
        previous.map_or_else(Self::default, Self::from)
    }
}

impl<T: Chained> Earlier<T> {
    fn depth(&self) -> u32 {
        self.link.as_ref().map_or(0, |link| link.depth)
    }

    fn jump(&self) -> Option<&Arc<T>> {
        self.link.as_ref().map(|link| &link.jump)
    }
}

/// Chains are dropped in a loop, because dropping them recursively would overflow the stack. A
/// state that others jump to is also held by its successor, so dropping a jump frees nothing.
impl<T: Chained> Drop for Earlier<T> {
    fn drop(&mut self) {
        let mut link = self.link.take();
        while let Some(Link { previous, jump, .. }) = link.map(|link| *link) {
            drop(jump);
            link = Arc::into_inner(previous).and_then(|mut state| state.earlier_mut().link.take());
        }
    }
}

/// All states, newest first.
pub fn states<T: Chained>(newest: &Arc<T>) -> impl Iterator<Item = &Arc<T>> {
    std::iter::successors(Some(newest), |state| state.previous())
}

/// The state at a position: the newest that isn't later.
pub fn state_at<T: Chained>(newest: &Arc<T>, at: Position) -> Option<&Arc<T>> {
    let mut state = newest;
    while state.position() > at {
        let link = state.earlier().link.as_ref()?;
        state = if link.jump.position() > at { &link.jump } else { &link.previous };
    }
    Some(state)
}

/// The oldest state after a position.
pub fn state_after<T: Chained>(newest: &Arc<T>, at: Position) -> Option<&Arc<T>> {
    let mut state = Some(newest).filter(|state| state.position() > at)?;
    while let Some(link) = &state.earlier().link {
        if link.jump.position() > at {
            state = &link.jump;
        } else if link.previous.position() > at {
            state = &link.previous;
        } else {
            break;
        }
    }
    Some(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Step {
        position: Position,
        earlier: Earlier<Step>,
    }

    impl Chained for Step {
        fn earlier(&self) -> &Earlier<Self> {
            &self.earlier
        }

        fn earlier_mut(&mut self) -> &mut Earlier<Self> {
            &mut self.earlier
        }

        fn position(&self) -> Position {
            self.position
        }
    }

    /// A chain with states at these positions.
    fn chain(positions: impl IntoIterator<Item = u64>) -> Arc<Step> {
        let mut newest = None;
        for position in positions {
            let earlier = Earlier::from(newest.take());
            newest = Some(Arc::new(Step { position: Position(position), earlier }));
        }
        #[expect(clippy::unwrap_used, reason = "no test asks for a chain of nothing")]
        newest.unwrap()
    }

    #[test]
    fn finds_what_a_walk_finds() {
        for length in 1..70_u64 {
            // At every third position, and with two states at the last one.
            let newest = chain((1..=length).map(|n| 3 * n).chain([3 * length]));
            for at in 0..3 * length + 5 {
                let at = Position(at);
                let walked = states(&newest).find(|state| state.position <= at);
                let found = state_at(&newest, at);
                assert!(same(found, walked), "{length} {at}");
                let walked = states(&newest).take_while(|state| state.position > at).last();
                assert!(same(state_after(&newest, at), walked), "{length} {at}");
            }
        }
    }

    fn same(one: Option<&Arc<Step>>, other: Option<&Arc<Step>>) -> bool {
        match (one, other) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    #[test]
    fn finds_one_of_a_million_states_in_some_forty_steps() {
        let newest = chain(1..=1_000_000);
        for at in [1, 2, 3, 499_999, 500_000, 999_998] {
            let mut steps = 0;
            let mut state = &newest;
            while state.position > Position(at) {
                let Some(link) = &state.earlier.link else { break };
                state = if link.jump.position > Position(at) { &link.jump } else { &link.previous };
                steps += 1;
            }
            assert!(steps <= 60, "{at}: {steps}");
        }
    }

    #[test]
    fn is_taken_apart_without_recursion_while_another_holds_a_part() {
        let newest = chain(1..=1_000_000);
        let held = state_at(&newest, Position(500_000)).cloned();
        drop(newest);
        assert_eq!(held.iter().flat_map(states).count(), 500_000);
    }
}

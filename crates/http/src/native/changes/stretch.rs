use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use muster_registry::FetchError;
use muster_words::Position;
use tokio::sync::OnceCell;

use super::{
    feed::{SharedFeed, frames_of},
    frame::Frame,
};

/// How many bytes of events are read from the ledger at once, in whole commands.
const READ_BYTES: usize = 256 * 1024;

/// How many stretches are kept for the watchers that ask for them next. A command of twenty thousand
/// entities makes one of about 12 MiB.
const STRETCHES_MAX: usize = 4;

/// The events after a position, rendered from the ledger once for all watchers that are there.
pub(super) struct Stretch {
    /// Not empty, unless the ledger ends here.
    pub frames: Vec<Arc<Frame>>,
    /// The newest position when it was read.
    pub head: Position,
    /// When a key had last changed then.
    pub keys_changed_at: Position,
}

type SharedStretch = Arc<OnceCell<Arc<Stretch>>>;

/// The newest stretches, by the position that they begin after.
#[derive(Default)]
pub(super) struct Stretches {
    kept: Mutex<VecDeque<(Position, SharedStretch)>>,
}

impl Stretches {
    /// The stretch after a position, if it is kept or somebody reads it now; otherwise an empty one
    /// for the caller to fill. What was rendered before a key changed may hold an erased name.
    fn take(&self, after: Position, keys_changed_at: Position) -> SharedStretch {
        let mut kept = self.kept();
        kept.retain(|(_, stretch)| {
            stretch.get().is_none_or(|stretch| stretch.keys_changed_at >= keys_changed_at)
        });
        if let Some(at) = kept.iter().position(|(begin, _)| *begin == after)
            && let Some(found) = kept.remove(at)
        {
            kept.push_back(found.clone());
            return found.1;
        }
        if kept.len() == STRETCHES_MAX {
            kept.pop_front();
        }
        let stretch = SharedStretch::default();
        kept.push_back((after, Arc::clone(&stretch)));
        stretch
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<(Position, SharedStretch)>> {
        // No code panics while it holds the lock.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, after: Position) {
        self.kept().retain(|(begin, _)| *begin != after);
    }
}

/// The events after a position. However many watchers ask for them, they are read once, in a turn of
/// their own; each turn ends with a stretch, so that others get theirs.
pub(super) async fn stretch_after(
    shared: &SharedFeed,
    after: Position,
) -> Result<Arc<Stretch>, FetchError> {
    let stretch = shared.stretches.take(after, shared.keys_changed_at());
    let reading = || shared.catching_up.run(read(shared, after));
    let found = stretch.get_or_try_init(reading).await.cloned()?;
    if found.frames.is_empty() {
        // The ledger goes on from here.
        shared.stretches.forget(after);
    }
    Ok(found)
}

async fn read(shared: &SharedFeed, after: Position) -> Result<Arc<Stretch>, FetchError> {
    let commands = shared.registry.commands_after(after).await?;
    let view = shared.registry.view();
    let head = view.position();
    let keys_changed_at = view.catalog().keys_stamp.position;
    let frames = match commands.as_slice() {
        [] => Vec::new(),
        commands => frames_of(shared, &view, commands, READ_BYTES).await,
    };
    Ok(Arc::new(Stretch { frames, head, keys_changed_at }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(keys_changed_at: u64) -> Arc<Stretch> {
        let keys_changed_at = Position(keys_changed_at);
        Arc::new(Stretch { frames: Vec::new(), head: Position(9), keys_changed_at })
    }

    #[test]
    fn gives_everybody_the_same_stretch_and_keeps_few() {
        let stretches = Stretches::default();
        let first = stretches.take(Position(1), Position(0));
        assert!(first.set(filled(0)).is_ok());
        for after in 2..=4 {
            stretches.take(Position(after), Position(0));
        }
        let is_first =
            |keys: u64| Arc::ptr_eq(&first, &stretches.take(Position(1), Position(keys)));
        assert!(is_first(0));
        // It was asked for last, so another one goes.
        stretches.take(Position(5), Position(0));
        assert!(is_first(0));
        assert_eq!(stretches.kept().len(), STRETCHES_MAX);
        assert!(!is_first(1), "a name may have been erased");
        stretches.forget(Position(1));
        assert!(!is_first(0));
    }
}

use std::sync::Arc;

use muster_history::CommittedCommand;
use muster_words::Position;
use tokio::sync::watch;

use crate::{FetchError, Registry, registry::RegistryInner};

/// Follows the committed commands, whole and in order.
///
/// While at least one such value exists, the newest commands are kept in memory. A follower near
/// the head gets them from there, others read the ledger; both get the same commands. A slow
/// follower costs only the page that it holds, and the writer never waits for it.
pub struct Commands {
    registry: Registry,
    published: watch::Receiver<Position>,
    after: Position,
    _membership: Membership,
}

/// Keeps the ring filled while it exists.
struct Membership(Arc<RegistryInner>);

impl Membership {
    fn of(inner: &Arc<RegistryInner>) -> Self {
        inner.ring.join();
        Self(Arc::clone(inner))
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.0.ring.leave();
    }
}

impl Registry {
    /// Follows the commands after a position. If the position is inside a command, all parts of
    /// that command are included.
    #[must_use]
    pub fn follow(&self, after: Position) -> Commands {
        let membership = Membership::of(&self.inner);
        let (registry, published) = (self.clone(), self.positions());
        Commands { registry, published, after, _membership: membership }
    }
}

impl Commands {
    /// The position up to which commands were returned.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.after
    }

    /// Waits for the next published commands; returns at least one and at most a page. No command
    /// is lost if the future is dropped, or after an error.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged.
    pub async fn next(&mut self) -> Result<Vec<Arc<CommittedCommand>>, FetchError> {
        let after = self.after;
        // The sender lives as long as the registry, to which this value holds a reference.
        let _ = self.published.wait_for(|position| *position > after).await;
        let end = *self.published.borrow();
        let commands = match self.registry.inner.ring.after(after, end) {
            Some(commands) => commands,
            None => {
                let read = self.registry.commands_after(after).await?;
                read.into_iter().map(Arc::new).collect()
            }
        };
        match commands.last() {
            Some(last) => self.after = last.position(),
            // A published entry must be in the ledger.
            None => return Err(FetchError::Corrupt(after.next())),
        }
        Ok(commands)
    }
}

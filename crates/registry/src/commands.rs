use std::sync::Arc;

use muster_history::CommittedCommand;
use muster_words::Position;
use tokio::sync::watch;

use crate::{FetchError, Registry, registry::RegistryInner};

/// The commands that are committed, whole and in order, for one who follows them.
///
/// While there is one of these, the newest commands are kept in memory: who is near the head is
/// given what the writer had in its hands, and who isn't reads the ledger. Both give the same. Who
/// is slow costs nothing but the page that it holds, and no writer waits for it.
pub struct Commands {
    registry: Registry,
    published: watch::Receiver<Position>,
    after: Position,
    _membership: Membership,
}

/// Keeps the ring filled.
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
    /// Follows what is committed behind a position. Of a command in whose midst the position lies,
    /// all parts are given.
    #[must_use]
    pub fn follow(&self, after: Position) -> Commands {
        let membership = Membership::of(&self.inner);
        let (registry, published) = (self.clone(), self.positions());
        Commands { registry, published, after, _membership: membership }
    }
}

impl Commands {
    /// The position up to which commands were given.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.after
    }

    /// Waits for the next commands: those that are published, at least one and at most a page. No
    /// command is lost where the future is dropped, nor after an error.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged.
    pub async fn next(&mut self) -> Result<Vec<Arc<CommittedCommand>>, FetchError> {
        let after = self.after;
        // The sender lives as long as the registry, which this holds.
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
            // What is published is in the ledger.
            None => return Err(FetchError::Corrupt(after.next())),
        }
        Ok(commands)
    }
}

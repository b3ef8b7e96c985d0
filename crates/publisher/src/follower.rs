use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use muster_history::CommittedCommand;
use muster_registry::{Follower, FollowerError, Registry};

use crate::Publisher;

/// The follower's name.
pub const FOLLOWER: &str = "publisher";

/// The shortest time between two publications. Changes in between are published together.
const PAUSE: Duration = Duration::from_millis(250);

/// Publishes what changes.
///
/// It takes from a command only that something changed, and publishes the newest view. So repeating
/// a command does no harm, and a hundred changes in a second are a few publications.
pub struct PublicationFollower {
    registry: Registry,
    publisher: Arc<Publisher>,
    is_pending: bool,
    published: Option<Instant>,
}

impl PublicationFollower {
    /// A follower that begins after its mark.
    #[must_use]
    pub const fn new(registry: Registry, publisher: Arc<Publisher>) -> Self {
        Self { registry, publisher, is_pending: false, published: None }
    }

    async fn publish(&mut self) -> Result<(), FollowerError> {
        self.publisher.run_all().await?;
        self.is_pending = false;
        self.published = Some(Instant::now());
        Ok(())
    }
}

#[async_trait]
impl Follower for PublicationFollower {
    async fn take(&mut self, command: &CommittedCommand) -> Result<(), FollowerError> {
        // Whatever it changed, a publication finds out whether that is part of it.
        self.is_pending = true;
        let is_newest = command.position() == self.registry.view().position();
        let is_due = self.published.is_none_or(|published| published.elapsed() >= PAUSE);
        if self.is_pending && is_newest && is_due {
            self.publish().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), FollowerError> {
        match self.is_pending {
            true => self.publish().await,
            false => Ok(()),
        }
    }
}

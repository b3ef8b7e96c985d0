use std::{any::Any, sync::Arc};

use tokio::task::JoinHandle;

use super::Queue;
use crate::{Registry, registry::RegistryInner};

/// How a registry's writer has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterEnd {
    /// The registry was closed.
    Closed,
    /// A fault in Muster or in its store. Reads still work, but nothing can be written until the
    /// registry is opened again: the writer's state in memory is lost, and only the ledger knows
    /// what was written.
    Fault,
}

impl Queue {
    /// Waits for the writer's end.
    pub(super) async fn ended(&self) -> WriterEnd {
        let mut ended = self.ended.subscribe();
        // The sender lives as long as this queue.
        let found = ended.wait_for(Option::is_some).await;
        found.ok().and_then(|ended| *ended).unwrap_or(WriterEnd::Fault)
    }
}

impl Registry {
    /// Waits until nothing can be written any more, and returns the reason.
    pub async fn ended(&self) -> WriterEnd {
        self.inner.queue.ended().await
    }
}

/// Watches the writer's task and reports how it ends.
pub(crate) fn watch_over(inner: Arc<RegistryInner>, writer: JoinHandle<()>) {
    tokio::spawn(async move {
        let ended = match writer.await {
            Ok(()) => WriterEnd::Closed,
            Err(error) => {
                let why =
                    error.try_into_panic().map_or_else(|error| error.to_string(), panic_message);
                tracing::error!(why, "the writer has ended by a fault: nothing can be written");
                WriterEnd::Fault
            }
        };
        inner.queue.ended.send_replace(Some(ended));
    });
}

/// The message of a panic.
fn panic_message(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast_ref::<&str>().map_or_else(String::new, ToString::to_string),
    }
}

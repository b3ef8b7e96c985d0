use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use muster_words::Moment;
use parking_lot::RwLock;

/// What happened to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderEventKind {
    /// It is registered.
    Registered,
    /// It is gone.
    Unregistered,
    /// It can't get ready, or its key is refused.
    Error,
    /// Its health changed.
    HealthChanged,
    /// Its breaker opened.
    BreakerOpened,
    /// Its breaker closed.
    BreakerClosed,
}

impl ProviderEventKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Registered,
        Self::Unregistered,
        Self::Error,
        Self::HealthChanged,
        Self::BreakerOpened,
        Self::BreakerClosed,
    ];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registered => "provider-registered",
            Self::Unregistered => "provider-unregistered",
            Self::Error => "provider-error",
            Self::HealthChanged => "health-status-changed",
            Self::BreakerOpened => "circuit-breaker-opened",
            Self::BreakerClosed => "circuit-breaker-closed",
        }
    }
}

impl fmt::Display for ProviderEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that happened to a provider. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderEvent {
    /// What happened.
    pub kind: ProviderEventKind,
    /// The provider's name.
    pub provider: String,
    /// When.
    pub at: Moment,
    /// More about it: `reason`, `from`, `to`, `model`, `code`, `message`.
    pub facts: BTreeMap<&'static str, String>,
}

/// A listener, for [`ProviderRegistry::off`](crate::ProviderRegistry::off).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

type Listener = Arc<dyn Fn(&ProviderEvent) + Send + Sync>;

/// Tells listeners what happened, on the thread where it happened.
#[derive(Default)]
pub(crate) struct EventHub {
    next: AtomicU64,
    listeners: RwLock<Vec<(ListenerId, Option<ProviderEventKind>, Listener)>>,
}

impl EventHub {
    pub(crate) fn on(&self, kind: Option<ProviderEventKind>, listener: Listener) -> ListenerId {
        let id = ListenerId(self.next.fetch_add(1, Ordering::Relaxed));
        self.listeners.write().push((id, kind, listener));
        id
    }

    pub(crate) fn off(&self, id: ListenerId) -> bool {
        let mut listeners = self.listeners.write();
        let before = listeners.len();
        listeners.retain(|(known, ..)| *known != id);
        listeners.len() < before
    }

    pub(crate) fn tell(&self, event: &ProviderEvent) {
        // A listener may add or remove listeners.
        let listeners: Vec<Listener> = {
            let all = self.listeners.read();
            let wants =
                |kind: &Option<ProviderEventKind>| kind.is_none_or(|kind| kind == event.kind);
            all.iter().filter(|(_, kind, _)| wants(kind)).map(|(.., told)| told.clone()).collect()
        };
        for listener in listeners {
            // The fault of a listener isn't the registry's.
            if catch_unwind(AssertUnwindSafe(|| listener(event))).is_err() {
                tracing::warn!(event = %event.kind, "a listener of provider events panicked");
            }
        }
    }
}

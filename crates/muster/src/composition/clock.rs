use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use muster_ledger::CommandId;
use muster_registry::Clock;
use muster_words::{Id, Moment};

use crate::{Failure, OwnCode};

/// The real clock, and random command ids from the operating system.
#[must_use]
pub fn clock() -> Clock {
    Clock { now: Arc::new(now), command_id: Arc::new(|| CommandId(random())) }
}

/// The current time, in UTC.
pub(super) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::after_epoch(since)
}

/// Random bytes. If the system has none, the process must not go on.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the system has no source of random bytes");
        std::process::abort();
    }
    bytes
}

/// A random id for a new registry. It must be unique, because the ledger's origin contains it.
///
/// # Errors
/// None in practice: hexadecimal digits are a valid id.
pub fn random_id() -> Result<Id, Failure> {
    let text: String = random::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
    text.parse().map_err(|error| Failure::new(OwnCode::BadId, format!("{error}")))
}

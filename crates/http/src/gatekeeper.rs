use std::{net::SocketAddr, sync::Arc};

use muster_guard::Principal;
use muster_wire::Problem;
use muster_words::Position;

/// Authenticates a request and decides whether it is let in. What the caller may do is authorized
/// later, with the command.
pub trait Gatekeeper: Send + Sync {
    /// Whether no key is needed. Then only requests for this computer's own names are accepted,
    /// because a foreign web page in a local browser comes from loopback too.
    fn is_open(&self) -> bool;

    /// Authenticates the caller by the header `Authorization`, or by its absence.
    ///
    /// # Errors
    /// `key_required`, `key_unknown` or `key_expired`.
    fn admit(
        &self,
        authorization: Option<&[u8]>,
        peer: SocketAddr,
    ) -> Result<Arc<Principal>, Problem>;

    /// The position at which keys last changed. While it stays, a header means whom it meant, for
    /// as long as that principal is valid.
    fn keys_changed_at(&self) -> Position;

    /// Whether the time of a principal's key isn't over.
    fn is_valid(&self, principal: &Principal) -> bool;
}

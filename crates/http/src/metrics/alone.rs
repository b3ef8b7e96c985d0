//! The metrics at an address of their own, for who collects them and has no key.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, routing::get};
use http::HeaderMap;
use muster_guard::{ANONYMOUS_ACTOR, Principal, Role};
use muster_wire::Problem;
use muster_words::Position;

use crate::{Front, Gatekeeper};

impl Front {
    /// A front that answers `GET /metrics` and nothing else, to whoever reaches it.
    #[must_use]
    pub fn metrics_alone(&self) -> Self {
        let metrics = self.metrics().clone();
        let show = async move |headers: HeaderMap| -> axum::response::Response {
            metrics.respond(&headers).map(Into::into)
        };
        let router = Router::new().route("/metrics", get(show));
        let gatekeeper = NoKeys(Arc::new(Principal::new(ANONYMOUS_ACTOR, Role::Consumer)));
        self.with_routes(router, Arc::new(gatekeeper))
    }
}

/// Takes everybody for the same. No route behind it looks at who that is.
struct NoKeys(Arc<Principal>);

impl Gatekeeper for NoKeys {
    /// No: whoever set an address for the metrics has said who may reach it, by whatever name.
    fn is_open(&self) -> bool {
        false
    }

    fn admit(
        &self,
        _authorization: Option<&[u8]>,
        _peer: SocketAddr,
    ) -> Result<Arc<Principal>, Problem> {
        Ok(self.0.clone())
    }

    fn keys_changed_at(&self) -> Position {
        Position::ZERO
    }

    fn is_valid(&self, _principal: &Principal) -> bool {
        true
    }
}

use std::{net::SocketAddr, sync::Arc};

use http::{Request, Response};
use tokio::sync::watch::Receiver;
use tower_service::Service as _;

use super::{Caller, Front, answer::ResponseFinisher};
use crate::{Body, Phase, Principal, PublicAddress, request_id::trace_of};

/// What URLs begin with if no request named a host.
const BASE: &str = "http://localhost";

impl Front {
    /// Answers a request of this same process: the command line uses it on a data directory that no
    /// server has open. It has the same routes, and needs no socket, limit or key.
    pub async fn answer(
        self: &Arc<Self>,
        request: Request<axum::body::Body>,
        principal: Arc<Principal>,
        phase: Receiver<Phase>,
    ) -> Response<Body> {
        let request_id = self.request_ids.of(request.headers());
        let finisher =
            ResponseFinisher::new(self, &request, &request_id).with_path(request.uri().path());
        let caller = Caller {
            principal,
            base: self.public.as_ref().map_or_else(|| BASE.into(), PublicAddress::base),
            request_id,
            trace: trace_of(request.headers()),
            peer: SocketAddr::from(([127, 0, 0, 1], 0)),
            session: None,
            phase,
        };
        let mut request = request;
        request.extensions_mut().insert(caller);
        let response = match self.router.clone().call(request).await {
            Ok(response) => response.map(Body::Routed),
            Err(never) => match never {},
        };
        finisher.finish_routed(response).await
    }
}

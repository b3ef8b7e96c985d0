use std::sync::Arc;

use axum::Router;
use http::{HeaderName, HeaderValue};
use muster_client::{Client, InProcess};
use muster_console::{ClientOf, Console};
use muster_http::{Caller, Front, metrics::Metrics, native::Sessions};
use muster_registry::Registry;

use super::{assembly::OpenOptions, routes::ServerRoutes};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The maximum size of an answer that a page or a tool is made of, in bytes: the largest document in
/// JSON, where a byte may take six. They are in memory as a whole.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The pages for people.
pub(super) struct Pages {
    pub router: Router,
    pub sessions: Arc<Sessions>,
    /// For other rooms beside the API.
    pub clients: ClientOf,
}

/// The pages of the console, which ask this API.
pub(super) fn open(
    registry: &Registry,
    api: &Router,
    (doors, metrics): (&ServerRoutes, &Arc<Metrics>),
    open_options: &OpenOptions,
) -> Pages {
    let (sessions, registry) = (doors.sessions(), registry.clone());
    let mut front = Front::new(api.clone(), doors.gatekeeper(), metrics.clone())
        .with_position(move || registry.view().position());
    if let Some(public) = &open_options.public {
        front = front.with_public_address(public.clone());
    }
    let clients = clients(Arc::new(front));
    let console = Console { clients: clients.clone(), sessions: sessions.clone() };
    Pages { router: muster_console::router(console), sessions, clients }
}

/// Makes clients that ask this front within the process, each as somebody who was admitted, and
/// under the id of the request that they belong to.
fn clients(front: Arc<Front>) -> ClientOf {
    Arc::new(move |caller: &Caller| {
        let (front, caller) = (front.clone(), caller.clone());
        let transport = InProcess::new("this server", move |request| {
            let (front, caller) = (front.clone(), caller.clone());
            let mut request = request.map(axum::body::Body::from);
            let known =
                [(X_REQUEST_ID, Some(&caller.request_id)), (TRACEPARENT, caller.trace.as_ref())];
            for (name, value) in known {
                if let Some(Ok(value)) = value.map(|value| HeaderValue::from_str(value)) {
                    request.headers_mut().insert(name, value);
                }
            }
            async move { front.answer(request, caller.principal, caller.phase).await }
        });
        Client::new(Arc::new(transport), None).taking(ANSWER_BYTES_MAX)
    })
}

use std::sync::Arc;

use axum::Router;
use muster_client::{Client, InProcess};
use muster_console::{ClientOf, Console};
use muster_http::{Caller, Front, metrics::Metrics, native::Sessions};
use muster_registry::Registry;

use super::{assembly::OpenOptions, routes::ServerRoutes};

/// The pages for people.
pub(super) struct Pages {
    pub router: Router,
    pub sessions: Arc<Sessions>,
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
    let router = muster_console::router(Console { clients, sessions: sessions.clone() });
    Pages { router, sessions }
}

/// Makes clients that ask this front within the process, each as somebody who was admitted.
fn clients(front: Arc<Front>) -> ClientOf {
    Arc::new(move |caller: &Caller| {
        let (front, caller) = (front.clone(), caller.clone());
        let transport = InProcess::new("this server", move |request| {
            let (front, caller) = (front.clone(), caller.clone());
            async move {
                let request = request.map(axum::body::Body::from);
                front.answer(request, caller.principal, caller.phase).await
            }
        });
        Client::new(Arc::new(transport), None)
    })
}

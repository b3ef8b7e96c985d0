//! The two ways in: Streamable HTTP, and standard input and output.

mod kept;

use std::sync::{Arc, Once};

use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::{Method, StatusCode, header};
use muster_client::Client;
use muster_http::{
    AllowedOrigins, Caller, IntoProblem, Phase, foreign_origin,
    native::{AccessGrant, Gate},
};
use muster_wire::{ErrorKind, Problem};
use ring::error::Unspecified;
use rmcp::{
    ServiceExt as _,
    service::ServerInitializeError,
    transport::{
        io::stdio_pipes,
        streamable_http_server::{
            StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
        },
    },
};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use self::kept::KeptConnections;
use crate::{Assistant, confirmation::Confirmations, limits::REQUEST_BYTES_MAX};

/// The path of the assistant's door.
pub const PATH: &str = "/mcp";

/// A client for whoever sent a request, with the same permissions.
pub type ClientSource = Arc<dyn Fn(&Caller) -> Client + Send + Sync>;

/// The header by which requests belong together, up to the protocol of 2025-11-25.
const CONNECTION_ID: &str = "mcp-session-id";

/// What requests over HTTP share.
struct Door {
    service: StreamableHttpService<Assistant, LocalSessionManager>,
    origins: AllowedOrigins,
    /// Knows how long keys are valid.
    gate: Arc<Gate>,
    kept: KeptConnections,
    /// Ends what is open when the server ends.
    ending: CancellationToken,
    watching: Once,
}

/// The route of the assistant's door. Web pages of these origins may use it, and its own; its
/// streams are open as long as this gate knows their keys.
///
/// # Errors
/// The system gives no random number.
pub fn routes(
    clients: ClientSource,
    origins: AllowedOrigins,
    gate: Arc<Gate>,
) -> Result<Router, Unspecified> {
    let confirmations = Arc::new(Confirmations::new()?);
    let ending = CancellationToken::new();
    let kept = KeptConnections::new();
    // The server checks hosts, and this room origins: both know the server's own address.
    let config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_json_response(true)
        .with_max_request_body_bytes(REQUEST_BYTES_MAX)
        .with_cancellation_token(ending.clone());
    let make = move || Ok(Assistant::of_callers(clients.clone(), confirmations.clone()));
    let service = StreamableHttpService::new(make, kept.connections(), config);
    let door = Door { service, origins, gate, kept, ending, watching: Once::new() };
    Ok(Router::new().route(PATH, axum::routing::any(answer)).with_state(Arc::new(door)))
}

async fn answer(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, IntoProblem> {
    let refused = |kind: ErrorKind| Problem::new(kind).subject(PATH);
    // A page elsewhere could otherwise speak with a server that only its visitor reaches (MCP,
    // "Security Warning" of the Streamable HTTP transport).
    if let Some(origin) = foreign_origin(request.headers(), &caller.base, &door.origins) {
        let origin = origin.into_owned();
        return Err(refused(ErrorKind::OriginRefused { origin }).into());
    }
    let grant = door.gate.grant(&caller).map_err(|refusal| refusal.subject(PATH))?;
    let grant = Arc::new(grant);
    door.end_with(&caller);
    let header = request.headers().get(CONNECTION_ID).and_then(|id| id.to_str().ok());
    let id = header.map(str::to_owned);
    let ends = request.method() == Method::DELETE;
    match &id {
        // Whoever guesses an id doesn't learn whether there is such a connection.
        Some(id) if !door.kept.is_of(id, &caller.principal.id) => {
            return Err(refused(ErrorKind::ConnectionNotFound).into());
        }
        None if request.method() == Method::POST && door.kept.are_full().await => {
            return Err(refused(ErrorKind::ServerBusy).into());
        }
        _ => {}
    }
    let mut request = match id {
        Some(_) => request,
        None => small_if_it_begins(request).await.map_err(refused)?,
    };
    let is_stream = request.method() == Method::GET;
    request.extensions_mut().insert(grant.clone());
    let response = door.service.handle(request).await.map(Body::new);
    // It ended by itself since it was looked for. Answers in JSON say something else by 404.
    if id.is_some()
        && response.status() == StatusCode::NOT_FOUND
        && !response.headers().contains_key(header::CONTENT_TYPE)
    {
        return Err(refused(ErrorKind::ConnectionNotFound).into());
    }
    match (&id, response.headers().get(CONNECTION_ID).and_then(|id| id.to_str().ok())) {
        (None, Some(new)) => door.kept.remember(new, &caller.principal.id).await,
        (Some(id), _) if ends && response.status().is_success() => door.kept.forget(id),
        _ => {}
    }
    Ok(if is_stream { ending_with(grant, response) } else { response })
}

/// A stream that nothing is sent over but what happens: nobody notices at it that its key ended. What
/// answers a request ends by itself.
fn ending_with(grant: Arc<AccessGrant>, stream: Response) -> Response {
    stream.map(|body| muster_http::Body::until(body, async move { grant.ended().await }).into())
}

/// The bytes of a request that begins a connection: what it says of the client is kept as long as
/// the connection is.
const BEGINNING_BYTES_MAX: usize = 16 * 1024;

/// What a request asks for.
#[derive(Deserialize)]
struct Asked {
    method: String,
}

/// The request, with its body read; a large one that begins a connection is refused.
async fn small_if_it_begins(request: Request) -> Result<Request, ErrorKind> {
    let too_large = |limit: usize| ErrorKind::BodyTooLarge { limit: limit as u64 };
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, REQUEST_BYTES_MAX).await;
    let body = body.map_err(|_| too_large(REQUEST_BYTES_MAX))?;
    let begins = body.len() > BEGINNING_BYTES_MAX
        && serde_json::from_slice::<Asked>(&body).is_ok_and(|asked| asked.method == "initialize");
    if begins {
        Err(too_large(BEGINNING_BYTES_MAX))
    } else {
        Ok(Request::from_parts(head, body.into()))
    }
}

impl Door {
    /// Ends open streams when the server leaves the phase in which it serves. Only requests know
    /// the phase, so the first one starts this.
    fn end_with(&self, caller: &Caller) {
        self.watching.call_once(|| {
            let (mut phase, ending) = (caller.phase.clone(), self.ending.clone());
            tokio::spawn(async move {
                // An error means that the server is gone.
                let _ = phase.wait_for(|phase| *phase != Phase::Running).await;
                ending.cancel();
            });
        });
    }
}

/// Serves an assistant over standard input and output until its input ends.
///
/// # Errors
/// The other side doesn't speak the protocol, or the process has no standard streams.
pub async fn serve_standard_streams(client: Client) -> Result<(), String> {
    let assistant =
        Assistant::alone(client).map_err(|_| "the system gives no random number".to_owned())?;
    match assistant.serve(stdio_pipes()).await {
        Ok(running) => running.waiting().await.map(drop).map_err(|error| error.to_string()),
        // It went away before it said anything.
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

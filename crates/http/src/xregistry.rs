//! xRegistry over HTTP (specification 1.0-rc4, core and HTTP binding): a request's path and flags
//! become a read of a view, or a command, and the result becomes an answer.
//!
//! No rule of the registry is here. The binding defines the meaning of paths, flags and headers;
//! the catalog decides what is allowed.

mod answer;
mod capabilities;
mod document;
mod document_cache;
mod filter;
mod flags;
mod inline;
mod long;
mod past;
mod permissions;
mod place;
mod query;
mod read;
mod refused;
mod render;
mod sort_cursor;
mod tags;
mod write;
mod write_body;

use std::sync::Arc;

use axum::{Router, extract::Request};
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};
use muster_catalog::View;
use muster_model::Model;
use muster_registry::{Registry, SHORT_BYTES_MAX};
use muster_wire::{ErrorKind, Problem};
use muster_words::json;

use self::{
    answer::{Answer, describe, finish},
    capabilities::Capabilities,
    flags::{FlagReader, Flags},
    place::{Address, METHODS_OF_ROOT, Place},
    read::Read,
    write::{WriteRequest, unsupported},
};
use crate::{Body, Caller, read_body, respond};

pub use document_cache::DocumentCache;
pub(crate) use long::LongReads;
pub(crate) use past::{requested, view_named};
pub(crate) use place::percent_decoded;
pub(crate) use query::Query as DecodedQuery;
pub(crate) use refused::problem_of_refusal;
pub use refused::{problem_of_failure, problem_of_fetch, violations};
pub(crate) use tags::conditions;

/// The prefix of the API's paths.
pub const PREFIX: &str = "/api";

/// The endpoints below [`PREFIX`].
#[derive(Clone)]
pub struct XRegistry {
    registry: Registry,
    bare: bool,
    documents: Option<Arc<DocumentCache>>,
    long: Arc<LongReads>,
}

impl XRegistry {
    /// The endpoints of a registry. If `bare`, it has no built-in model and adds nothing to the
    /// specification and its reference server, such as pagination and our own flags.
    #[must_use]
    pub fn new(registry: Registry, bare: bool) -> Self {
        let long = Arc::new(LongReads::new(registry.long_work().clone()));
        Self { registry, bare, documents: None, long }
    }

    /// Drops rendered documents when they are purged.
    #[must_use]
    pub fn with_documents(mut self, documents: Arc<DocumentCache>) -> Self {
        self.documents = Some(documents);
        self
    }

    /// The routes.
    pub fn router(self) -> Router {
        let below = self.clone();
        // The router moves the future of a handler several times, so it gets a pointer to one.
        let root = move |request| Box::pin(async move { self.respond(request).await });
        let rest = move |request| Box::pin(async move { below.respond(request).await });
        Router::new()
            .route(PREFIX, axum::routing::any(root))
            .route(&format!("{PREFIX}/{{*path}}"), axum::routing::any(rest.clone()))
            .route(&format!("{PREFIX}/"), axum::routing::any(rest))
    }

    /// The view that a request is about: the newest, or for a read the one at `at`.
    async fn requested_view(&self, parts: &Parts) -> Result<View, Problem> {
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        // Most queries don't have it, and need not be parsed for it.
        match parts.uri.query().filter(|query| reads && !self.bare && query.contains("at")) {
            Some(query) => past::requested(&self.registry, query, parts.uri.path()).await,
            None => Ok(self.registry.view()),
        }
    }

    async fn respond(&self, request: Request) -> axum::response::Response {
        let (parts, body) = request.into_parts();
        let Some(caller) = parts.extensions.get::<Caller>() else {
            // The front admits requests before they get here.
            return respond(&Problem::new(ErrorKind::ServerError)).map(Into::into);
        };
        let root = format!("{}{PREFIX}", caller.base);
        let view = match self.requested_view(&parts).await {
            Ok(view) => view.seen_within(caller.principal.scope.clone()),
            Err(problem) => {
                let refused = Err(problem.instance(&*caller.request_id));
                return finish(refused, METHODS_OF_ROOT, &root).map(Into::into);
            }
        };
        let mut exchange =
            Exchange { api: self, parts: &parts, view: &view, root: &root, caller, place: None };
        let answer = exchange.answer(body).await;
        let answer = answer.map_err(|problem| problem.instance(&*caller.request_id));
        let (methods, is_registry) = match exchange.place {
            Some((place, methods)) => (methods, matches!(place, Place::Registry)),
            None => (METHODS_OF_ROOT, false),
        };
        let mut response: Response<Body> = finish(answer, methods, &root);
        if !self.bare && is_registry {
            describe(&caller.base, response.headers_mut());
        }
        response.map(Into::into)
    }
}

/// A request and what is known about it.
struct Exchange<'a> {
    api: &'a XRegistry,
    parts: &'a Parts,
    view: &'a View,
    root: &'a str,
    caller: &'a Caller,
    /// What the path names with its methods, as soon as the flags are checked; then `Allow` depends
    /// on it.
    place: Option<(Place, &'static str)>,
}

impl Exchange<'_> {
    async fn answer(&mut self, body: axum::body::Body) -> Result<Answer, Problem> {
        let method = self.method();
        let capabilities = capabilities::of(self.view, self.api.bare);
        let path = self.parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        let writes = !matches!(method, Method::GET | Method::OPTIONS);
        let address = Address::parse(path, self.view.model(), writes);
        permissions::check(&self.caller.principal, address.as_ref().ok(), path, &method)?;
        let address = address?;
        let mut sent = SentBody::Unread(body);
        let brought = self.brought_model(&address, &method, &mut sent).await?;
        let flags = FlagReader {
            method: &method,
            address: &address,
            query: self.parts.uri.query(),
            model: brought.as_ref().unwrap_or(self.view.model()),
            capabilities: &capabilities,
            bare: self.api.bare,
        }
        .flags()?;
        check_served(&address, &capabilities)?;
        self.place =
            Some((address.place.clone(), capabilities::methods(&capabilities, &address.place)));
        if method == Method::OPTIONS {
            return Ok(options(&address.place, &capabilities));
        }
        if method == Method::GET {
            return self.read(&address, &flags, &capabilities).await;
        }
        check_method(&address, &method)?;
        let bytes = sent.read().await?;
        // The future of a write is large, and a read shouldn't pay for it.
        let answer = Box::pin(self.write(&address, &flags, &method, bytes)).await?;
        if let (Some(documents), true) = (&self.api.documents, flags.purge) {
            documents.forget(&format!("{PREFIX}{}", address.path));
        }
        Ok(answer)
    }

    /// The model that a write of the registry brings. A flag may inline collections of types that
    /// only this model has, so it is read before the flags. If it can't be used, the write itself
    /// says why.
    async fn brought_model(
        &self,
        address: &Address,
        method: &Method,
        sent: &mut SentBody,
    ) -> Result<Option<Model>, Problem> {
        let inlines = self.parts.uri.query().is_some_and(|query| query.contains("inline"));
        let writes = matches!(*method, Method::PUT | Method::PATCH);
        if !(inlines && writes && matches!(address.place, Place::Registry)) {
            return Ok(None);
        }
        let bytes = sent.read().await?;
        let reading = async {
            let body = json::parse(&bytes).ok()?;
            let source = body.get("modelsource").filter(|source| source.is_object())?;
            Model::compile(source, capabilities::foundation(self.api.bare)).ok()
        };
        match bytes.len() > SHORT_BYTES_MAX {
            true => Ok(self.api.registry.long_work().run(reading).await),
            false => Ok(reading.await),
        }
    }

    /// HEAD is handled as GET; the body is removed later.
    fn method(&self) -> Method {
        match self.parts.method {
            Method::HEAD => Method::GET,
            ref method => method.clone(),
        }
    }

    async fn read(
        &self,
        address: &Address,
        flags: &Flags,
        capabilities: &Capabilities,
    ) -> Result<Answer, Problem> {
        let read = Read {
            registry: &self.api.registry,
            view: self.view,
            address,
            flags,
            capabilities,
            root: self.root,
            query: self.parts.uri.query(),
            request_path: self.parts.uri.path(),
            documents: self.api.documents.as_deref(),
            long: &self.api.long,
            bare: self.api.bare,
            is_after_write: false,
        };
        read.answer(&self.parts.headers).await
    }

    async fn write(
        &self,
        address: &Address,
        flags: &Flags,
        method: &Method,
        bytes: bytes::Bytes,
    ) -> Result<Answer, Problem> {
        let writes = WriteRequest {
            registry: &self.api.registry,
            address,
            flags,
            long: &self.api.long,
            method,
            headers: &self.parts.headers,
            root: self.root,
            query: self.parts.uri.query(),
            bare: self.api.bare,
            caller: self.caller,
        };
        writes.answer(bytes).await
    }
}

/// The body of a request, which is read at most once.
enum SentBody {
    Unread(axum::body::Body),
    Read(bytes::Bytes),
}

impl SentBody {
    async fn read(&mut self) -> Result<bytes::Bytes, Problem> {
        let bytes = match std::mem::replace(self, Self::Read(bytes::Bytes::new())) {
            Self::Unread(body) => read_body(body).await?,
            Self::Read(bytes) => bytes,
        };
        *self = Self::Read(bytes.clone());
        Ok(bytes)
    }
}

/// Kinds of metadata that aren't `available` aren't served (core, "`available` Capability").
fn check_served(address: &Address, capabilities: &Capabilities) -> Result<(), Problem> {
    if capabilities.serves(address.place.metadata()) {
        return Ok(());
    }
    Err(Problem::new(ErrorKind::NotAvailable).subject(&address.path))
}

fn check_method(address: &Address, method: &Method) -> Result<(), Problem> {
    let has = address.place.methods().split(", ").any(|name| name == method.as_str());
    let is_meta_deleted = matches!(address.place, Place::Meta(..)) && *method == Method::DELETE;
    if !has || is_meta_deleted {
        return Err(unsupported(address, method));
    }
    Ok(())
}

fn options(place: &Place, capabilities: &Capabilities) -> Answer {
    let mut answer = Answer::empty(StatusCode::OK);
    let methods = capabilities::methods(capabilities, place);
    answer.headers.insert(header::ALLOW, HeaderValue::from_static(methods));
    answer
}

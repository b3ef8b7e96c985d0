use std::{marker::PhantomData, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT},
};
use muster_wire::{Violation, headers as names};
use muster_words::{
    Position,
    json::{self, Value},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    ClientError, ErrorResponse, IncomingBody, Query, Transport, TransportError, link::path_of,
    read_to_end,
};

/// The maximum size of an answer that is read as a whole, in bytes: enough to export a large
/// registry.
const ANSWER_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// The header with the position of a registry's answer.
const POSITION: &str = "muster-position";

/// The code with which a port that speaks TLS refuses a request in clear text.
const TLS_REQUIRED: &str = "tls_required";

/// The longest pause within a body.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A client of a registry.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    authorization: Option<HeaderValue>,
    /// The reason for changes.
    message: Option<HeaderValue>,
    /// Whether the other side is another product, with an API that both have.
    is_foreign: bool,
    /// The maximum size of an answer that is read as a whole, in bytes.
    answer_bytes_max: usize,
}

/// A request that is being built.
#[derive(Clone, Debug)]
pub struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    /// The header whose value can't be sent.
    unsendable: Option<HeaderName>,
}

/// A whole answer that isn't an error. If `T` is a type of `wire`, the body is its JSON.
#[derive(Clone, Debug)]
pub struct Answer<T = Value> {
    /// 2xx or 3xx.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, unchanged.
    pub bytes: Bytes,
    place: Arc<str>,
    body: PhantomData<fn() -> T>,
}

impl Call {
    /// A request for a path such as `/api/providers` (from the server's root) with a query.
    #[must_use]
    pub fn new(method: Method, path: &str, query: &Query) -> Self {
        Self {
            method,
            path: format!("{path}{query}"),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            unsendable: None,
        }
    }

    /// Adds a body with this media type; if that is empty, without one.
    #[must_use]
    pub fn body(self, content_type: &str, body: Bytes) -> Self {
        let content_type = Some(content_type).filter(|text| !text.is_empty());
        let mut call = self.header_some(CONTENT_TYPE, content_type);
        call.body = body;
        call
    }

    /// Adds a JSON body.
    #[must_use]
    pub fn json(self, value: &impl Serialize) -> Self {
        // Everything that is sent here can be serialised.
        let value = serde_json::to_value(value).unwrap_or_default();
        self.body("application/json", json::to_canonical(&value).into())
    }

    /// Adds a header. If the value is invalid, the call isn't sent: without the header it could
    /// have another meaning (a put without its condition).
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => {
                self.headers.insert(name, value);
            }
            Err(_) => self.unsendable = Some(name),
        }
        self
    }

    /// Adds a header, if there is a value.
    #[must_use]
    pub fn header_some(self, name: HeaderName, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }
}

impl<T: DeserializeOwned> Answer<T> {
    /// The parsed body, with the members that this release knows.
    ///
    /// # Errors
    /// The body doesn't fit the type.
    pub fn read(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.bytes).map_err(|error| self.broken(&error))
    }
}

impl<T> Answer<T> {
    /// The same answer with another type of body.
    pub(crate) fn of<U>(self) -> Answer<U> {
        let Self { status, headers, bytes, place, body: _ } = self;
        Answer { status, headers, bytes, place, body: PhantomData }
    }

    fn broken(&self, error: &dyn std::fmt::Display) -> ClientError {
        let (place, what) = (self.place.to_string(), format!("its JSON is broken: {error}"));
        ClientError::Unexpected { place, what }
    }

    /// The body as JSON, including members that this release doesn't know.
    ///
    /// # Errors
    /// The body isn't JSON.
    pub fn json(&self) -> Result<Value, ClientError> {
        json::parse(&self.bytes).map_err(|error| self.broken(&error))
    }

    /// The body as JSON text, in which members keep their order.
    ///
    /// # Errors
    /// The body isn't JSON.
    pub fn text(&self) -> Result<String, ClientError> {
        self.json()?;
        // JSON is UTF-8.
        Ok(String::from_utf8_lossy(&self.bytes).into_owned())
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The position of the answer (`Muster-Position`).
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        position_of(&self.headers)
    }

    /// Warnings about the accepted document (`Muster-Warnings`, a JSON array).
    #[must_use]
    pub fn warnings(&self) -> Vec<Violation> {
        let text = self.header("muster-warnings").unwrap_or("[]");
        serde_json::from_str(text).unwrap_or_default()
    }
}

/// The position in an answer's headers.
pub(crate) fn position_of(headers: &HeaderMap) -> Option<Position> {
    headers.get(POSITION)?.to_str().ok()?.parse().ok().map(Position)
}

impl Client {
    /// A client that sends this key, if there is one, with each request.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, key: Option<&str>) -> Self {
        let authorization = key.and_then(|key| {
            let mut value = HeaderValue::from_str(&format!("Bearer {key}")).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        let answer_bytes_max = ANSWER_BYTES_MAX;
        Self { transport, authorization, message: None, is_foreign: false, answer_bytes_max }
    }

    /// A client of another product, with an API that both have. Its answers have no position.
    #[must_use]
    pub fn of_another_product(transport: Arc<dyn Transport>) -> Self {
        Self { is_foreign: true, ..Self::new(transport, None) }
    }

    /// The same client, which takes only answers of this many bytes.
    #[must_use]
    pub fn taking(self, answer_bytes_max: usize) -> Self {
        Self { answer_bytes_max, ..self }
    }

    /// The same client, which sends this reason with its changes.
    #[must_use]
    pub fn explaining(self, message: &str) -> Self {
        // The encoded text is ASCII.
        let message = HeaderValue::from_str(&names::encode(message)).ok();
        Self { message, ..self }
    }

    /// Whether requests carry the key of this id.
    #[must_use]
    pub fn sends_key(&self, id: &str) -> bool {
        let sent = self.authorization.as_ref().and_then(|value| value.to_str().ok());
        let own = sent.and_then(|text| text.strip_prefix("Bearer muster_"));
        own.and_then(|own| own.strip_prefix(id)).is_some_and(|rest| rest.starts_with('_'))
    }

    /// The other side, for messages.
    #[must_use]
    pub fn place(&self) -> &str {
        self.transport.place()
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// There is no answer, or it is an error (status 400 and above).
    pub async fn call(&self, call: Call) -> Result<Answer, ClientError> {
        let response = self.open(call).await?;
        let (head, body) = response.into_parts();
        let bytes = read_to_end(body, self.answer_bytes_max, PAUSE_MAX, self.place()).await?;
        let place = self.place().into();
        Ok(Answer { status: head.status, headers: head.headers, bytes, place, body: PhantomData })
    }

    /// Sends a request and returns the answer before its body is read, for streams.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn open(&self, call: Call) -> Result<Response<IncomingBody>, ClientError> {
        let response = self.transport.send(self.request(call)?).await?;
        if response.status().as_u16() < 400 {
            return self.of_a_registry(response);
        }
        let (head, body) = response.into_parts();
        let bytes = read_to_end(body, self.answer_bytes_max, PAUSE_MAX, self.place()).await?;
        let refused = ErrorResponse::read(head.status, &bytes);
        if refused.code() == TLS_REQUIRED {
            let place = self.place().to_owned();
            let other = place.replacen("http:", "https:", 1);
            return Err(TransportError::OtherScheme { place, other }.into());
        }
        Err(ClientError::Refused(Box::new(refused)))
    }

    /// Every answer of a registry carries its ledger's position. Without this check, another
    /// service (such as a proxy's page) could be taken for a registry that has done the request.
    fn of_a_registry(
        &self,
        response: Response<IncomingBody>,
    ) -> Result<Response<IncomingBody>, ClientError> {
        let header = |name: &str| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or("nothing").to_owned()
        };
        if self.is_foreign || response.headers().contains_key(POSITION) {
            return Ok(response);
        }
        Err(self.unexpected(if response.status().is_redirection() {
            format!("a redirect to {}", header("location"))
        } else {
            format!("{} without the position of a ledger", header("content-type"))
        }))
    }

    fn request(&self, call: Call) -> Result<Request<Bytes>, ClientError> {
        if let Some(header) = call.unsendable {
            return Err(ClientError::Unsendable { header: header.to_string() });
        }
        let agent = concat!("muster/", env!("CARGO_PKG_VERSION"));
        let mut request = Request::new(call.body);
        *request.method_mut() = call.method;
        *request.uri_mut() = call.path.parse().map_err(|error: http::uri::InvalidUri| {
            TransportError::Unreachable { place: call.path.clone(), cause: error.to_string() }
        })?;
        let only_asks = matches!(*request.method(), Method::GET | Method::HEAD);
        let headers = request.headers_mut();
        *headers = call.headers;
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        if let (Some(message), false) = (&self.message, only_asks) {
            headers.insert(names::MUSTER_MESSAGE, message.clone());
        }
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        Ok(request)
    }

    /// The path of a link without the server's base path, which each request adds again.
    pub(crate) fn below<'a>(&self, path: &'a str) -> &'a str {
        let place = self.place();
        let under = place.split_once("://").and_then(|(_, rest)| Some(&rest[rest.find('/')?..]));
        let below = under.and_then(|under| path.strip_prefix(under));
        below.filter(|below| below.starts_with('/')).unwrap_or(path)
    }

    /// The path and the query that a link in an answer asks this server for.
    #[must_use]
    pub fn path_of_link<'a>(&self, link: &'a str) -> &'a str {
        self.below(path_of(link))
    }

    pub(crate) fn unexpected(&self, what: impl Into<String>) -> ClientError {
        ClientError::Unexpected { place: self.place().to_owned(), what: what.into() }
    }
}

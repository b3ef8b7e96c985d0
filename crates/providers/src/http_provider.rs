//! A provider that is spoken with over HTTP, in one of the dialects.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, header};
use http_body_util::Full;
use muster_seal::aws::{AwsKey, AwsRequest, AwsScope, signed_headers};
use muster_words::json::Value;
use parking_lot::RwLock;

use crate::{
    ChatRequest, ChatStream, Fault, ModelFacts, Provider, ProviderCapabilities, ProviderClock,
    ProviderConfig, ProviderCredentials, ProviderFaultKind, ProviderSecret, Redactor, SecretSource,
    adapters::{Adapter, Framing, StreamReader, adapter_of},
    answer_fault::{fault_in, fault_of_answer, json_of},
    completion::Chunks,
    event_stream::MessageReader,
    known_type::ProviderDialect,
    link::{Answer, Link, LinkSurroundings},
    probe::{ProbeClass, ProbeResult},
    secret::remove_secrets,
    server_events::EventReader,
};

/// Who we say that we are. Some providers refuse requests without it.
const USER_AGENT: &str = concat!("muster/", env!("CARGO_PKG_VERSION"));

/// What Amazon's signatures are for.
const BEDROCK: &str = "bedrock";

/// What a provider needs from whoever runs it.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) clock: Arc<dyn ProviderClock>,
    pub(crate) secrets: Arc<dyn SecretSource>,
    pub(crate) redactor: Arc<Redactor>,
    pub(crate) links: LinkSurroundings,
}

/// The secrets of a provider, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Keys {
    None,
    One(ProviderSecret),
    Aws { id: ProviderSecret, secret: ProviderSecret, token: Option<ProviderSecret> },
}

impl Keys {
    fn all(&self) -> Vec<&ProviderSecret> {
        match self {
            Self::None => Vec::new(),
            Self::One(one) => vec![one],
            Self::Aws { id, secret, token } => {
                [id, secret].into_iter().chain(token.as_ref()).collect()
            }
        }
    }
}

/// A provider over HTTP.
pub(crate) struct HttpProvider {
    config: Arc<ProviderConfig>,
    adapter: Box<dyn Adapter>,
    around: Surroundings,
    calls: Link,
    probes: Link,
    /// The path of the base URL, and that of probes.
    base_path: String,
    keys: RwLock<Option<Keys>>,
    is_disposed: AtomicBool,
}

impl HttpProvider {
    pub(crate) fn new(config: Arc<ProviderConfig>, around: Surroundings) -> Result<Self, Fault> {
        let link = |url: &str| Link::new(url, around.links.clone());
        let control = match (&config.region, config.known.dialect) {
            // Models are listed elsewhere than they are called.
            (Some(region), ProviderDialect::Bedrock)
                if config.base_url.contains("bedrock-runtime.") =>
            {
                format!("https://bedrock.{region}.amazonaws.com")
            }
            _ => config.base_url.clone(),
        };
        let uri: Option<http::Uri> = config.base_url.parse().ok();
        let path = uri.map(|uri| uri.path().trim_end_matches('/').to_owned()).unwrap_or_default();
        // People copy addresses with the version, which is part of these dialects' own paths.
        let path = match config.known.dialect {
            ProviderDialect::Anthropic => path.trim_end_matches("/v1").to_owned(),
            ProviderDialect::Gemini => path.trim_end_matches("/v1beta").to_owned(),
            ProviderDialect::Azure => path.trim_end_matches("/openai").to_owned(),
            _ => path,
        };
        Ok(Self {
            calls: link(&config.base_url)?,
            probes: link(&control)?,
            adapter: adapter_of(&config),
            base_path: path,
            keys: RwLock::default(),
            is_disposed: AtomicBool::new(false),
            config,
            around,
        })
    }

    /// Reads the credentials again; returns whether they changed.
    fn read_keys(&self) -> Result<bool, Fault> {
        let host = self.config.host();
        let resolve = |reference: &str| {
            let found = self.around.secrets.resolve(reference, &host);
            found.map_err(|error| Fault::new(ProviderFaultKind::InvalidApiKey, error.to_string()))
        };
        let keys = match &self.config.credentials {
            ProviderCredentials::None => Keys::None,
            ProviderCredentials::Key(one) => Keys::One(resolve(one)?),
            ProviderCredentials::Aws { access_key_id, secret_access_key, session_token } => {
                Keys::Aws {
                    id: resolve(access_key_id)?,
                    secret: resolve(secret_access_key)?,
                    token: session_token.as_deref().map(resolve).transpose()?,
                }
            }
        };
        let mut kept = self.keys.write();
        if kept.as_ref() == Some(&keys) {
            return Ok(false);
        }
        keys.all().into_iter().for_each(|secret| self.around.redactor.learn(secret));
        let before = kept.replace(keys);
        for secret in before.iter().flat_map(Keys::all) {
            self.around.redactor.forget(secret);
        }
        Ok(true)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<Full<Bytes>>, Fault> {
        if self.is_disposed.load(Ordering::Relaxed) {
            return Err(Fault::new(ProviderFaultKind::Cancelled, "the provider was disposed"));
        }
        let wrong =
            |error: http::Error| Fault::new(ProviderFaultKind::InvalidRequest, error.to_string());
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let target = format!("{}{path}", self.base_path);
        let mut request = Request::builder().method(method.clone()).uri(&target);
        for (name, value) in self.authentication(&method, &target, &bytes)? {
            let mut value = HeaderValue::from_str(&value).map_err(|_| {
                let what = "the key has letters that no header can have";
                Fault::new(ProviderFaultKind::InvalidApiKey, what)
            })?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        for (name, value) in &self.config.headers {
            request = request.header(name, value);
        }
        request = request.header(header::USER_AGENT, USER_AGENT);
        request = request.header(header::ACCEPT_ENCODING, "identity");
        if self.config.known.dialect == ProviderDialect::Anthropic {
            request = request.header("anthropic-version", "2023-06-01");
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(Full::new(bytes)).map_err(wrong)
    }

    /// The headers that say who we are.
    fn authentication(
        &self,
        method: &Method,
        target: &str,
        body: &[u8],
    ) -> Result<Vec<(HeaderName, String)>, Fault> {
        let keys = self.keys.read().clone();
        let keys =
            keys.ok_or_else(|| Fault::new(ProviderFaultKind::ProviderError, "it isn't started"))?;
        let one = |name: &'static str, value: String| vec![(HeaderName::from_static(name), value)];
        Ok(match (keys, self.config.known.dialect) {
            (Keys::None, _) => Vec::new(),
            (Keys::One(key), ProviderDialect::Anthropic) => {
                one("x-api-key", key.reveal().to_owned())
            }
            (Keys::One(key), ProviderDialect::Gemini) => {
                one("x-goog-api-key", key.reveal().to_owned())
            }
            (Keys::One(key), ProviderDialect::Azure) => one("api-key", key.reveal().to_owned()),
            (Keys::One(key), _) => one("authorization", format!("Bearer {}", key.reveal())),
            (Keys::Aws { id, secret, token }, _) => {
                let (path, query) = target.split_once('?').unwrap_or((target, ""));
                let token = token.as_ref().map(ProviderSecret::reveal);
                let key = AwsKey { id: id.reveal(), secret: secret.reveal(), token };
                let region = self.config.region.as_deref().unwrap_or("us-east-1");
                let scope = AwsScope { region, service: BEDROCK };
                let (method, host) = (method.as_str(), self.authority());
                let request = AwsRequest { method, path, query, host: &host, headers: &[], body };
                let signed = signed_headers(key, scope, &request, self.around.clock.moment());
                let named = |(name, value)| (HeaderName::from_static(name), value);
                signed.into_iter().map(named).collect()
            }
        })
    }

    fn authority(&self) -> String {
        let uri: Option<http::Uri> = self.config.base_url.parse().ok();
        uri.and_then(|uri| uri.authority().map(ToString::to_string)).unwrap_or_default()
    }

    /// Sends, and returns a good answer. A key that was refused is read again: files of keys are
    /// replaced while they are in use.
    async fn exchange(
        &self,
        link: &Link,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Fault> {
        let time = self.config.answer_time;
        let request = self.request(method.clone(), path, body)?;
        let mut answer = link.send(request, time).await?;
        if answer.is_good() {
            return Ok(answer);
        }
        let fault = fault_of_answer(&mut answer, self.config.known.dialect).await;
        if fault.kind == ProviderFaultKind::InvalidApiKey && self.read_keys().unwrap_or(false) {
            let request = self.request(method, path, body)?;
            let mut answer = link.send(request, time).await?;
            if answer.is_good() {
                return Ok(answer);
            }
            return Err(fault_of_answer(&mut answer, self.config.known.dialect).await);
        }
        Err(fault)
    }

    fn now_seconds(&self) -> i64 {
        self.around.clock.moment().microseconds() / 1_000_000
    }

    fn own_keys(&self) -> Vec<ProviderSecret> {
        self.keys.read().iter().flat_map(Keys::all).cloned().collect()
    }

    /// A whole answer as JSON, without our keys, should a server repeat them. They are removed from
    /// what has been read, because JSON can write each letter in several ways.
    async fn read(&self, answer: &mut Answer) -> Result<Value, Fault> {
        let body = answer.whole().await?;
        let mut value = json_of(&body, Some(&answer.headers))?;
        remove_secrets(&mut value, &self.own_keys());
        Ok(value)
    }
}

#[async_trait]
impl Provider for HttpProvider {
    async fn initialize(&self) -> Result<ProviderCapabilities, Fault> {
        // A provider that may not be called is there and says so, instead of missing without a word.
        self.probes.check()?;
        self.read_keys()?;
        let names = ["chat", "streaming", "tools"].map(str::to_owned);
        Ok(ProviderCapabilities { names: names.into(), models: self.config.models.clone() })
    }

    async fn models(&self) -> Result<Vec<ModelFacts>, Fault> {
        let path = self.adapter.models_path();
        let mut answer = self.exchange(&self.probes, Method::GET, &path, None).await?;
        Ok(self.adapter.read_models(&self.read(&mut answer).await?))
    }

    async fn health_check(&self) -> Result<ProbeResult, Fault> {
        let begun = self.around.clock.milliseconds();
        let passed = || self.around.clock.milliseconds().saturating_sub(begun);
        let Some(probe) = &self.config.known.probe else {
            self.probes.reach().await?;
            return Ok(ProbeResult { class: ProbeClass::Reach, latency_ms: passed() });
        };
        let path = match self.config.known.dialect {
            ProviderDialect::Azure => self.adapter.models_path(),
            _ => probe.path.clone(),
        };
        let mut answer = match self.exchange(&self.probes, Method::GET, &path, None).await {
            Ok(answer) => answer,
            // Not every server has this call; that it answers is what is known then.
            Err(fault) if matches!(fault.status, Some(404 | 405 | 501)) => {
                return Ok(ProbeResult { class: ProbeClass::Reach, latency_ms: passed() });
            }
            Err(fault) => return Err(fault),
        };
        let found = self.read(&mut answer).await?;
        if found.get("error").is_some_and(|error| !error.is_null()) {
            return Err(fault_in(&found, None, self.config.known.dialect));
        }
        Ok(ProbeResult { class: probe.proves, latency_ms: passed() })
    }

    async fn complete(&self, request: &ChatRequest) -> Result<Value, Fault> {
        let written = self.adapter.write(request, false)?;
        let body = Some(&written.body);
        let mut answer = self.exchange(&self.calls, Method::POST, &written.path, body).await?;
        let value = self.read(&mut answer).await?;
        self.adapter.read(value, &request.model, self.now_seconds())
    }

    async fn stream(&self, request: &ChatRequest) -> Result<Box<dyn ChatStream>, Fault> {
        let written = self.adapter.write(request, true)?;
        let body = Some(&written.body);
        let answer = self.exchange(&self.calls, Method::POST, &written.path, body).await?;
        let now = self.around.clock.moment().microseconds();
        let chunks = Chunks {
            id: format!("chatcmpl-{now:x}"),
            model: request.model.clone(),
            created: now / 1_000_000,
            ..Chunks::default()
        };
        Ok(Box::new(HttpStream {
            answer,
            events: EventReader::default(),
            messages: MessageReader::default(),
            framing: self.adapter.framing(),
            reader: self.adapter.reader(chunks),
            ready: VecDeque::new(),
            secrets: self.own_keys(),
            dialect: self.config.known.dialect,
            ended: false,
        }))
    }

    async fn dispose(&self) {
        self.is_disposed.store(true, Ordering::Relaxed);
        self.calls.close();
        self.probes.close();
        if let Some(keys) = self.keys.write().take() {
            keys.all().into_iter().for_each(|secret| self.around.redactor.forget(secret));
        }
    }
}

impl Drop for HttpProvider {
    fn drop(&mut self) {
        if let Some(keys) = self.keys.write().take() {
            keys.all().into_iter().for_each(|secret| self.around.redactor.forget(secret));
        }
    }
}

/// A streamed answer over HTTP.
struct HttpStream {
    answer: Answer,
    events: EventReader,
    messages: MessageReader,
    framing: Framing,
    reader: Box<dyn StreamReader>,
    ready: VecDeque<Value>,
    secrets: Vec<ProviderSecret>,
    dialect: ProviderDialect,
    ended: bool,
}

impl HttpStream {
    /// Reads what has arrived.
    fn read(&mut self) -> Result<(), Fault> {
        match self.framing {
            Framing::ServerEvents => {
                while let Some(event) = self.events.pop() {
                    let chunks = self.reader.take(&event.name, &event.data)?;
                    self.say(chunks);
                }
            }
            Framing::EventStream => {
                while let Some(message) = self.messages.pop()? {
                    let text = String::from_utf8_lossy(&message.payload);
                    if message.is_exception {
                        let value = json_of(text.as_bytes(), None).unwrap_or_default();
                        let said = value.get("message").and_then(Value::as_str).unwrap_or_default();
                        let named = serde_json::json!({ "__type": message.name, "message": said });
                        return Err(fault_in(&named, None, self.dialect));
                    }
                    let chunks = self.reader.take(&message.name, &text)?;
                    self.say(chunks);
                }
            }
        }
        self.answer.hold(self.events.held() + self.messages.held())
    }

    /// Chunks without our keys, for whoever asks next.
    fn say(&mut self, chunks: Vec<Value>) {
        for mut chunk in chunks {
            remove_secrets(&mut chunk, &self.secrets);
            self.ready.push_back(chunk);
        }
    }

    fn at_end(&mut self) -> Result<(), Fault> {
        self.ended = true;
        self.events.end();
        self.read()?;
        if !self.reader.is_complete() || self.messages.held() > 0 {
            let what = "the stream ended before the answer did";
            return Err(Fault::new(ProviderFaultKind::Network, what));
        }
        Ok(())
    }
}

#[async_trait]
impl ChatStream for HttpStream {
    async fn next(&mut self) -> Result<Option<Value>, Fault> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some(chunk));
            }
            if self.ended {
                return Ok(None);
            }
            match self.answer.next().await? {
                Some(bytes) => match self.framing {
                    Framing::ServerEvents => self.events.push(&bytes)?,
                    Framing::EventStream => self.messages.push(&bytes),
                },
                None => self.at_end()?,
            }
            self.read()?;
        }
    }
}

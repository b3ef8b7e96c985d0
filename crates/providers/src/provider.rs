use std::collections::BTreeSet;

use async_trait::async_trait;
use muster_words::json::{Map, Value};

use crate::{Fault, ModelFacts, probe::ProbeResult};

/// A provider as the registry sees it: one trait for every dialect, and for an application's own.
///
/// An implementation MUST NOT put a secret into a fault. The registry removes what it knows and
/// what looks like a key, but it can't know everything. Every call may be dropped at any time.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Gets ready: reads its credentials, and finds out what it can do. It should make no call
    /// that costs money.
    async fn initialize(&self) -> Result<ProviderCapabilities, Fault>;

    /// The models that it has now.
    async fn models(&self) -> Result<Vec<ModelFacts>, Fault>;

    /// A free call that says whether it works. It MUST NOT use connections of real calls.
    async fn health_check(&self) -> Result<ProbeResult, Fault>;

    /// A chat completion, whole.
    async fn complete(&self, request: &ChatRequest) -> Result<Value, Fault>;

    /// A chat completion, word by word.
    async fn stream(&self, request: &ChatRequest) -> Result<Box<dyn ChatStream>, Fault>;

    /// Lets go of everything. Later calls MUST fail.
    async fn dispose(&self);
}

/// A streamed answer.
#[async_trait]
pub trait ChatStream: Send {
    /// The next chunk, in the form of OpenAI's `chat.completion.chunk`; none at the end.
    async fn next(&mut self) -> Result<Option<Value>, Fault>;
}

/// What a provider can do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProviderCapabilities {
    /// `chat`, `streaming`, `tools`, …
    pub names: BTreeSet<String>,
    /// The models that it declares; empty: whatever it has.
    pub models: Vec<ModelFacts>,
}

/// A request for a chat completion. Its body has the form of OpenAI's; other dialects translate it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// The model, by the id that the provider knows.
    pub model: String,
    /// The body: messages, tools, settings. `model` and `stream` are ignored.
    pub body: Map<String, Value>,
}

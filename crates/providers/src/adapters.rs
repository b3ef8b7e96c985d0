//! The dialects: how a chat request is written for each, and how its answer is read.
//!
//! Each file is one dialect. None sends anything: [`HttpProvider`](crate::http_provider) does.

mod anthropic;
mod bedrock;
mod gemini;
mod openai;

use muster_words::json::Value;

use crate::{
    ChatRequest, Fault, ModelFacts, ProviderConfig, completion::Chunks, known_type::ProviderDialect,
};

/// How a streamed answer is cut into events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events.
    ServerEvents,
    /// Amazon's.
    EventStream,
}

/// A request as a dialect writes it.
pub(crate) struct WrittenRequest {
    /// The path and query below the base URL.
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// A dialect.
pub(crate) trait Adapter: Send + Sync {
    /// Writes a request.
    fn write(&self, request: &ChatRequest, streamed: bool) -> Result<WrittenRequest, Fault>;

    /// Reads a whole answer, into the form of OpenAI's.
    fn read(&self, answer: Value, model: &str, created: i64) -> Result<Value, Fault>;

    /// Begins to read a streamed answer.
    fn reader(&self, chunks: Chunks) -> Box<dyn StreamReader>;

    /// How streamed answers are cut.
    fn framing(&self) -> Framing {
        Framing::ServerEvents
    }

    /// The path of the list of models, and how its answer is read.
    fn models_path(&self) -> String;

    /// Reads the list of models.
    fn read_models(&self, answer: &Value) -> Vec<ModelFacts>;
}

/// Reads the events of one streamed answer.
pub(crate) trait StreamReader: Send {
    /// Reads an event, and returns the chunks that follow from it.
    fn take(&mut self, name: &str, data: &str) -> Result<Vec<Value>, Fault>;

    /// Whether the answer has been read to its end. A stream that stops before was cut off.
    fn is_complete(&self) -> bool;
}

/// The adapter of a configuration.
pub(crate) fn adapter_of(config: &ProviderConfig) -> Box<dyn Adapter> {
    match config.known.dialect {
        ProviderDialect::Openai | ProviderDialect::OpenaiCompatible => {
            Box::new(openai::OpenaiAdapter::new(config.known, None))
        }
        ProviderDialect::Azure => {
            let version = config.api_version.clone();
            let version = version.unwrap_or_else(|| openai::AZURE_VERSION.to_owned());
            Box::new(openai::OpenaiAdapter::new(config.known, Some(version)))
        }
        ProviderDialect::Anthropic => Box::new(anthropic::AnthropicAdapter),
        ProviderDialect::Gemini => Box::new(gemini::GeminiAdapter),
        ProviderDialect::Bedrock => Box::new(bedrock::BedrockAdapter),
    }
}

/// A name within a path, encoded (RFC 3986).
pub(crate) fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A text within a value, or nothing.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A number within a value, or 0.
fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

use serde_json::{Value, json};

/// How the server is spoken with, which its paths tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Openai,
    Anthropic,
    Gemini,
    Azure,
    Bedrock,
}

/// How the server fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelFault {
    BadKey,
    Denied,
    RateLimited,
    Quota,
    NoModel,
    TooLong,
    Refused,
    Invalid,
    Overloaded,
    Maintenance,
    ServerError,
    BadGateway,
    Html,
    WrongJson,
    CutOff,
    ErrorInStream,
    Hang,
}

/// Every fault with its name.
pub const FAULTS: &[(&str, ModelFault)] = &[
    ("bad-key", ModelFault::BadKey),
    ("denied", ModelFault::Denied),
    ("rate-limited", ModelFault::RateLimited),
    ("quota", ModelFault::Quota),
    ("no-model", ModelFault::NoModel),
    ("too-long", ModelFault::TooLong),
    ("refused", ModelFault::Refused),
    ("invalid", ModelFault::Invalid),
    ("overloaded", ModelFault::Overloaded),
    ("maintenance", ModelFault::Maintenance),
    ("server-error", ModelFault::ServerError),
    ("bad-gateway", ModelFault::BadGateway),
    ("html", ModelFault::Html),
    ("wrong-json", ModelFault::WrongJson),
    ("cut-off", ModelFault::CutOff),
    ("error-in-stream", ModelFault::ErrorInStream),
    ("hang", ModelFault::Hang),
];

/// The model that a request names.
pub fn model_of(target: &str, body: &Value) -> String {
    let between = |before: &str, after: char| {
        let rest = target.split_once(before)?.1;
        Some(rest.split([after, '?']).next().unwrap_or(rest).to_owned())
    };
    let named = between("/deployments/", '/')
        .or_else(|| between("/model/", '/'))
        .or_else(|| between("/v1beta/models/", ':'));
    named.unwrap_or_else(|| body["model"].as_str().unwrap_or("tiny").to_owned())
}

/// The last text that was said, in whatever form.
pub fn last_text(body: &Value) -> String {
    let turns = body["messages"].as_array().or_else(|| body["contents"].as_array());
    let Some(last) = turns.and_then(|turns| turns.last()) else { return String::new() };
    let content = if last["content"].is_null() { &last["parts"] } else { &last["content"] };
    match content {
        Value::String(text) => text.clone(),
        parts => {
            let parts = parts.as_array().into_iter().flatten();
            parts.filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(" ")
        }
    }
}

impl Dialect {
    pub const ALL: [Self; 5] =
        [Self::Openai, Self::Anthropic, Self::Gemini, Self::Azure, Self::Bedrock];

    pub fn of_path(target: &str) -> Self {
        if target.starts_with("/openai/") {
            Self::Azure
        } else if target.contains("/messages") || target.contains("/v1/models?limit") {
            Self::Anthropic
        } else if target.starts_with("/v1beta/") {
            Self::Gemini
        } else if target.starts_with("/model/") || target.starts_with("/foundation-models") {
            Self::Bedrock
        } else {
            Self::Openai
        }
    }

    pub fn models(self) -> Value {
        match self {
            Self::Gemini => {
                json!({ "models": [{ "name": "models/tiny", "inputTokenLimit": 4096 }] })
            }
            Self::Bedrock => json!({ "modelSummaries": [{ "modelId": "tiny" }] }),
            _ => json!({ "object": "list", "data": [{ "id": "tiny", "object": "model" }] }),
        }
    }

    pub fn whole(self, model: &str, said: &str, body: &Value) -> Value {
        let calls_tool = body["tools"].is_array() || body["toolConfig"].is_object();
        match self {
            Self::Openai | Self::Azure => {
                let mut message = json!({ "role": "assistant", "content": said });
                if calls_tool {
                    message["content"] = Value::Null;
                    message["tool_calls"] = json!([{ "id": "call_1", "type": "function",
                        "function": { "name": "look", "arguments": "{\"at\":1}" } }]);
                }
                let finish = if calls_tool { "tool_calls" } else { "stop" };
                json!({
                    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
                    "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
                    "usage": { "prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8 }
                })
            }
            Self::Anthropic => {
                let content = match calls_tool {
                    true => {
                        json!([{ "type": "tool_use", "id": "call_1", "name": "look", "input": { "at": 1 } }])
                    }
                    false => json!([{ "type": "text", "text": said }]),
                };
                json!({
                    "id": "msg_1", "type": "message", "role": "assistant", "model": model,
                    "content": content,
                    "stop_reason": if calls_tool { "tool_use" } else { "end_turn" },
                    "stop_sequence": null, "usage": { "input_tokens": 3, "output_tokens": 5 }
                })
            }
            Self::Gemini => {
                let parts = match calls_tool {
                    true => json!([{ "functionCall": { "name": "look", "args": { "at": 1 } } }]),
                    false => json!([{ "text": said }]),
                };
                json!({
                    "responseId": "r1", "modelVersion": model,
                    "candidates": [{ "content": { "role": "model", "parts": parts }, "finishReason": "STOP" }],
                    "usageMetadata": { "promptTokenCount": 3, "candidatesTokenCount": 5 }
                })
            }
            Self::Bedrock => {
                let content = match calls_tool {
                    true => {
                        json!([{ "toolUse": { "toolUseId": "call_1", "name": "look", "input": { "at": 1 } } }])
                    }
                    false => json!([{ "text": said }]),
                };
                json!({
                    "output": { "message": { "role": "assistant", "content": content } },
                    "stopReason": if calls_tool { "tool_use" } else { "end_turn" },
                    "usage": { "inputTokens": 3, "outputTokens": 5, "totalTokens": 8 }
                })
            }
        }
    }

    /// The events of a streamed answer, in frames.
    pub fn stream(self, model: &str, said: &str) -> Vec<Vec<u8>> {
        let words: Vec<String> = said.split_inclusive(' ').map(str::to_owned).collect();
        match self {
            Self::Openai | Self::Azure => openai_stream(model, &words),
            Self::Anthropic => anthropic_stream(model, &words),
            Self::Gemini => gemini_stream(&words),
            Self::Bedrock => bedrock_stream(&words),
        }
    }

    /// How an error in the middle of a stream looks: the server has too much to do.
    pub fn error_in_stream(self) -> Vec<u8> {
        let (_, body) = self.error(ModelFault::Overloaded);
        match self {
            Self::Anthropic => format!("event: error\ndata: {body}\n\n").into_bytes(),
            Self::Bedrock => {
                framed("exception", "serviceUnavailableException", &json!({ "message": "busy" }))
            }
            _ => format!("data: {body}\n\n").into_bytes(),
        }
    }

    /// The answer of a server that refuses.
    pub fn error(self, fault: ModelFault) -> (u16, Value) {
        match self {
            Self::Openai | Self::Azure => openai_error(fault),
            Self::Anthropic => anthropic_error(fault),
            Self::Gemini => gemini_error(fault),
            Self::Bedrock => bedrock_error(fault),
        }
    }
}

fn plain(value: &Value) -> Vec<u8> {
    format!("data: {value}\n\n").into_bytes()
}

fn openai_stream(model: &str, words: &[String]) -> Vec<Vec<u8>> {
    let chunk = |delta: Value, finish: Value| {
        plain(&json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
            "model": model,
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }]
        }))
    };
    let mut frames = vec![chunk(json!({ "role": "assistant", "content": "" }), Value::Null)];
    frames.extend(words.iter().map(|word| chunk(json!({ "content": word }), Value::Null)));
    frames.push(chunk(json!({}), json!("stop")));
    frames.push(plain(&json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model,
        "choices": [], "usage": { "prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8 }
    })));
    frames.push(b"data: [DONE]\n\n".to_vec());
    frames
}

fn anthropic_stream(model: &str, words: &[String]) -> Vec<Vec<u8>> {
    let event = |name: &str, value: Value| format!("event: {name}\ndata: {value}\n\n").into_bytes();
    let mut frames = vec![
        event(
            "message_start",
            json!({ "type": "message_start", "message": {
            "id": "msg_1", "model": model, "usage": { "input_tokens": 3, "output_tokens": 1 } } }),
        ),
        event(
            "content_block_start",
            json!({ "type": "content_block_start", "index": 0,
            "content_block": { "type": "text", "text": "" } }),
        ),
        event("ping", json!({ "type": "ping" })),
    ];
    frames.extend(words.iter().map(|word| {
        event(
            "content_block_delta",
            json!({
        "type": "content_block_delta", "index": 0,
        "delta": { "type": "text_delta", "text": word } }),
        )
    }));
    frames.push(event("content_block_stop", json!({ "type": "content_block_stop", "index": 0 })));
    frames.push(event(
        "message_delta",
        json!({ "type": "message_delta",
        "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": 5 } }),
    ));
    frames.push(event("message_stop", json!({ "type": "message_stop" })));
    frames
}

fn gemini_stream(words: &[String]) -> Vec<Vec<u8>> {
    let mut frames: Vec<_> = words
        .iter()
        .map(|word| {
            plain(&json!({
        "candidates": [{ "content": { "role": "model", "parts": [{ "text": word }] } }] }))
        })
        .collect();
    frames.push(plain(&json!({
        "candidates": [{ "content": { "parts": [{ "text": "" }] }, "finishReason": "STOP" }],
        "usageMetadata": { "promptTokenCount": 3, "candidatesTokenCount": 5 } })));
    frames
}

fn bedrock_stream(words: &[String]) -> Vec<Vec<u8>> {
    let event = |name: &str, value: Value| framed("event", name, &value);
    let mut frames = vec![event("messageStart", json!({ "role": "assistant" }))];
    frames.extend(words.iter().map(|word| {
        event(
            "contentBlockDelta",
            json!({
        "contentBlockIndex": 0, "delta": { "text": word } }),
        )
    }));
    frames.push(event("contentBlockStop", json!({ "contentBlockIndex": 0 })));
    frames.push(event("messageStop", json!({ "stopReason": "end_turn" })));
    frames.push(event("metadata", json!({ "usage": { "inputTokens": 3, "outputTokens": 5 } })));
    frames
}

fn openai_error(fault: ModelFault) -> (u16, Value) {
    let (status, code, message) = match fault {
        ModelFault::BadKey => {
            (401, "invalid_api_key", "Incorrect API key provided: sk-abcdefgh12345678.")
        }
        ModelFault::Denied => (403, "forbidden", "You may not"),
        ModelFault::RateLimited => (429, "rate_limit_exceeded", "Rate limit reached"),
        ModelFault::Quota => (429, "insufficient_quota", "You exceeded your current quota"),
        ModelFault::NoModel => (404, "model_not_found", "The model does not exist"),
        ModelFault::TooLong => (400, "context_length_exceeded", "maximum context length"),
        ModelFault::Refused => (400, "content_filter", "refused by the content filter"),
        ModelFault::Invalid => (400, "invalid_value", "temperature is too hot"),
        ModelFault::Overloaded => (503, "overloaded", "The engine is overloaded"),
        _ => (500, "server_error", "The server had an error"),
    };
    (status, json!({ "error": { "message": message, "type": code, "code": code } }))
}

fn anthropic_error(fault: ModelFault) -> (u16, Value) {
    let (status, kind, message) = match fault {
        ModelFault::BadKey => (401, "authentication_error", "invalid x-api-key"),
        ModelFault::Denied => (403, "permission_error", "You may not"),
        ModelFault::RateLimited => (429, "rate_limit_error", "too many requests"),
        ModelFault::Quota => (400, "invalid_request_error", "Your credit balance is too low"),
        ModelFault::NoModel => (404, "not_found_error", "model: nothing"),
        ModelFault::TooLong => (400, "invalid_request_error", "prompt is too long: 9 tokens > 8"),
        ModelFault::Refused => (400, "content_policy_violation", "refused"),
        ModelFault::Invalid => (400, "invalid_request_error", "temperature: too hot"),
        ModelFault::Overloaded => (529, "overloaded_error", "Overloaded"),
        _ => (500, "api_error", "Internal server error"),
    };
    (status, json!({ "type": "error", "error": { "type": kind, "message": message } }))
}

fn gemini_error(fault: ModelFault) -> (u16, Value) {
    let (status, name, message) = match fault {
        ModelFault::BadKey => {
            (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
        }
        ModelFault::Denied => (403, "PERMISSION_DENIED", "You may not"),
        ModelFault::RateLimited => (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted"),
        ModelFault::Quota => (402, "FAILED_PRECONDITION", "no money"),
        ModelFault::NoModel => (404, "NOT_FOUND", "models/x is not found"),
        ModelFault::TooLong => {
            (400, "INVALID_ARGUMENT", "The input token count exceeds the maximum")
        }
        ModelFault::Refused => (400, "INVALID_ARGUMENT", "content_filter"),
        ModelFault::Invalid => (400, "INVALID_ARGUMENT", "temperature is too hot"),
        ModelFault::Overloaded => (503, "UNAVAILABLE", "The model is overloaded"),
        _ => (500, "INTERNAL", "An internal error has occurred"),
    };
    (status, json!({ "error": { "code": status, "status": name, "message": message } }))
}

fn bedrock_error(fault: ModelFault) -> (u16, Value) {
    let (status, name, message) = match fault {
        ModelFault::BadKey => (403, "UnrecognizedClientException", "The security token is invalid"),
        ModelFault::Denied => (403, "AccessDeniedException", "You may not"),
        ModelFault::RateLimited => (429, "ThrottlingException", "Too many requests"),
        ModelFault::Quota => (400, "ServiceQuotaExceededException", "no more this month"),
        ModelFault::NoModel => (404, "ResourceNotFoundException", "no such model"),
        ModelFault::TooLong => {
            (400, "ValidationException", "Input is too long for requested model")
        }
        ModelFault::Refused => (400, "ValidationException", "content_filter"),
        ModelFault::Invalid => (400, "ValidationException", "temperature is too hot"),
        ModelFault::Overloaded => (503, "ServiceUnavailableException", "busy"),
        _ => (500, "InternalServerException", "error"),
    };
    (status, json!({ "__type": name, "message": message }))
}

/// A message of Amazon's event stream.
fn framed(kind: &str, name: &str, payload: &Value) -> Vec<u8> {
    let payload = payload.to_string();
    let mut headers = Vec::new();
    let event = if kind == "event" { ":event-type" } else { ":exception-type" };
    for (header, value) in [(":message-type", kind), (event, name)] {
        headers.push(header.len() as u8);
        headers.extend(header.as_bytes());
        headers.push(7);
        headers.extend((value.len() as u16).to_be_bytes());
        headers.extend(value.as_bytes());
    }
    let length = (16 + headers.len() + payload.len()) as u32;
    let mut message = length.to_be_bytes().to_vec();
    message.extend((headers.len() as u32).to_be_bytes());
    message.extend(crc32(&message).to_be_bytes());
    message.extend(headers);
    message.extend(payload.as_bytes());
    message.extend(crc32(&message).to_be_bytes());
    message
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

//! Answers in OpenAI's form, for the dialects that answer in another one.

use muster_words::json::Value;
use serde_json::json;

/// A function that the model calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MadeCall {
    pub(crate) id: String,
    pub(crate) name: String,
    /// JSON as text.
    pub(crate) arguments: String,
}

/// An answer that is complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Completion {
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) text: String,
    pub(crate) calls: Vec<MadeCall>,
    pub(crate) finish: &'static str,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
}

impl Completion {
    /// The answer as `chat.completion`.
    pub(crate) fn into_value(self, created: i64) -> Value {
        let content = if self.text.is_empty() && !self.calls.is_empty() {
            Value::Null
        } else {
            Value::String(self.text)
        };
        let mut message = json!({ "role": "assistant", "content": content });
        if !self.calls.is_empty() {
            let one = |call: &MadeCall| {
                json!({
                    "id": call.id, "type": "function",
                    "function": { "name": call.name, "arguments": call.arguments }
                })
            };
            message["tool_calls"] = self.calls.iter().map(one).collect();
        }
        json!({
            "id": self.id, "object": "chat.completion", "created": created, "model": self.model,
            "choices": [{ "index": 0, "message": message, "finish_reason": self.finish, "logprobs": null }],
            "usage": usage(self.input_tokens, self.output_tokens)
        })
    }
}

fn usage(input: u64, output: u64) -> Value {
    let total = input.saturating_add(output);
    json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": total })
}

/// Makes the chunks of one streamed answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunks {
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) created: i64,
    pub(crate) has_begun: bool,
}

impl Chunks {
    fn chunk(&mut self, mut delta: Value, finish: Option<&str>) -> Value {
        if !std::mem::replace(&mut self.has_begun, true) {
            delta["role"] = "assistant".into();
        }
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created,
            "model": self.model,
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish, "logprobs": null }]
        })
    }

    pub(crate) fn text(&mut self, text: &str) -> Value {
        self.chunk(json!({ "content": text }), None)
    }

    pub(crate) fn call(&mut self, index: u64, call: &MadeCall) -> Value {
        let function = json!({ "name": call.name, "arguments": call.arguments });
        let call =
            json!({ "index": index, "id": call.id, "type": "function", "function": function });
        self.chunk(json!({ "tool_calls": [call] }), None)
    }

    pub(crate) fn arguments(&mut self, index: u64, part: &str) -> Value {
        let call = json!({ "index": index, "function": { "arguments": part } });
        self.chunk(json!({ "tool_calls": [call] }), None)
    }

    pub(crate) fn finish(&mut self, reason: &str) -> Value {
        self.chunk(json!({}), Some(reason))
    }

    pub(crate) fn usage(&self, input: u64, output: u64) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created,
            "model": self.model, "choices": [], "usage": usage(input, output)
        })
    }
}

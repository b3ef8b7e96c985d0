use muster_words::json::{Map, Value};
use serde_json::json;

use super::{Adapter, StreamReader, WrittenRequest, number, text};
use crate::{
    ChatRequest, Fault, ModelFacts, ProviderFaultKind,
    answer_fault::{fault_in, json_of},
    completion::{Chunks, Completion, MadeCall},
    conversation::{Conversation, Part, Speaker, ToolChoice, Turn},
    known_type::ProviderDialect,
};

/// The most tokens of an answer where the request doesn't say; the API wants a number.
const MAX_TOKENS: u64 = 4_096;

/// Anthropic's messages.
pub(super) struct AnthropicAdapter;

impl Adapter for AnthropicAdapter {
    fn write(&self, request: &ChatRequest, streamed: bool) -> Result<WrittenRequest, Fault> {
        let read = Conversation::read(&request.body)?;
        let mut body = Map::new();
        body.insert("model".to_owned(), request.model.as_str().into());
        body.insert("max_tokens".to_owned(), read.max_tokens.unwrap_or(MAX_TOKENS).into());
        body.insert("messages".to_owned(), read.turns.iter().map(turn).collect());
        if !read.system.is_empty() {
            body.insert("system".to_owned(), read.system.into());
        }
        body.extend(read.temperature.map(|value| ("temperature".to_owned(), value)));
        body.extend(read.top_p.map(|value| ("top_p".to_owned(), value)));
        if !read.stop.is_empty() {
            body.insert("stop_sequences".to_owned(), read.stop.into());
        }
        if !read.tools.is_empty() {
            let one = |tool: &crate::conversation::Tool| {
                let mut written = json!({ "name": tool.name, "input_schema": tool.parameters });
                if let Some(description) = &tool.description {
                    written["description"] = description.as_str().into();
                }
                written
            };
            body.insert("tools".to_owned(), read.tools.iter().map(one).collect());
        }
        let choice = read.tool_choice.map(|choice| match choice {
            ToolChoice::Auto => json!({ "type": "auto" }),
            ToolChoice::None => json!({ "type": "none" }),
            ToolChoice::Any => json!({ "type": "any" }),
            ToolChoice::Named(name) => json!({ "type": "tool", "name": name }),
        });
        body.extend(choice.map(|choice| ("tool_choice".to_owned(), choice)));
        if streamed {
            body.insert("stream".to_owned(), true.into());
        }
        Ok(WrittenRequest { path: "/v1/messages".to_owned(), body: Value::Object(body) })
    }

    fn read(&self, answer: Value, model: &str, created: i64) -> Result<Value, Fault> {
        if text(&answer, "/type") == "error" {
            return Err(fault_in(&answer, None, ProviderDialect::Anthropic));
        }
        let Some(content) = answer.get("content").and_then(Value::as_array) else {
            return Err(Fault::new(ProviderFaultKind::ProviderError, "the answer has no content"));
        };
        let mut read = Completion {
            id: text(&answer, "/id").to_owned(),
            model: answer.get("model").and_then(Value::as_str).unwrap_or(model).to_owned(),
            finish: finish(text(&answer, "/stop_reason")),
            input_tokens: number(&answer, "/usage/input_tokens"),
            output_tokens: number(&answer, "/usage/output_tokens"),
            ..Completion::default()
        };
        for block in content {
            match text(block, "/type") {
                "text" => read.text.push_str(text(block, "/text")),
                "tool_use" => read.calls.push(MadeCall {
                    id: text(block, "/id").to_owned(),
                    name: text(block, "/name").to_owned(),
                    arguments: block.get("input").unwrap_or(&Value::Null).to_string(),
                }),
                _ => {}
            }
        }
        Ok(read.into_value(created))
    }

    fn reader(&self, chunks: Chunks) -> Box<dyn StreamReader> {
        Box::new(AnthropicReader { chunks, input: 0, calls: 0, blocks: Map::new(), ended: false })
    }

    fn models_path(&self) -> String {
        "/v1/models?limit=1000".to_owned()
    }

    fn read_models(&self, answer: &Value) -> Vec<ModelFacts> {
        let all = answer.get("data").and_then(Value::as_array).into_iter().flatten();
        let ids = all.filter_map(|model| model.get("id")?.as_str());
        ids.map(|id| ModelFacts { id: id.to_owned(), ..ModelFacts::default() }).collect()
    }
}

fn turn(turn: &Turn) -> Value {
    let role = match turn.speaker {
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
    };
    json!({ "role": role, "content": turn.parts.iter().map(part).collect::<Vec<_>>() })
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({ "type": "text", "text": text }),
        Part::Image(kind, coded) => json!({
            "type": "image", "source": { "type": "base64", "media_type": kind, "data": coded }
        }),
        Part::ImageAt(url) => json!({ "type": "image", "source": { "type": "url", "url": url } }),
        Part::Call { id, name, arguments } => {
            json!({ "type": "tool_use", "id": id, "name": name, "input": arguments })
        }
        Part::Result { id, text, .. } => {
            json!({ "type": "tool_result", "tool_use_id": id, "content": text })
        }
    }
}

fn finish(reason: &str) -> &'static str {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",
        _ => "stop",
    }
}

struct AnthropicReader {
    chunks: Chunks,
    input: u64,
    calls: u64,
    /// The number of the call that each block is.
    blocks: Map<String, Value>,
    ended: bool,
}

impl StreamReader for AnthropicReader {
    fn take(&mut self, _name: &str, data: &str) -> Result<Vec<Value>, Fault> {
        let value = json_of(data.as_bytes(), None)?;
        let block = number(&value, "/index").to_string();
        Ok(match text(&value, "/type") {
            "message_start" => {
                text(&value, "/message/id").clone_into(&mut self.chunks.id);
                text(&value, "/message/model").clone_into(&mut self.chunks.model);
                self.input = number(&value, "/message/usage/input_tokens");
                vec![self.chunks.text("")]
            }
            "content_block_start" if text(&value, "/content_block/type") == "tool_use" => {
                let index = self.calls;
                self.calls += 1;
                self.blocks.insert(block, index.into());
                let call = MadeCall {
                    id: text(&value, "/content_block/id").to_owned(),
                    name: text(&value, "/content_block/name").to_owned(),
                    arguments: String::new(),
                };
                vec![self.chunks.call(index, &call)]
            }
            "content_block_delta" => match text(&value, "/delta/type") {
                "text_delta" => vec![self.chunks.text(text(&value, "/delta/text"))],
                "input_json_delta" => {
                    let index = self.blocks.get(&block).and_then(Value::as_u64).unwrap_or(0);
                    vec![self.chunks.arguments(index, text(&value, "/delta/partial_json"))]
                }
                _ => Vec::new(),
            },
            "message_delta" => {
                let reason = finish(text(&value, "/delta/stop_reason"));
                let output = number(&value, "/usage/output_tokens");
                vec![self.chunks.finish(reason), self.chunks.usage(self.input, output)]
            }
            "message_stop" => {
                self.ended = true;
                Vec::new()
            }
            "error" => return Err(fault_in(&value, None, ProviderDialect::Anthropic)),
            _ => Vec::new(),
        })
    }

    fn is_complete(&self) -> bool {
        self.ended
    }
}

use muster_words::json::{Map, Value};
use serde_json::json;

use super::{Adapter, Framing, StreamReader, WrittenRequest, encoded, number, text};
use crate::{
    ChatRequest, Fault, ModelFacts, ProviderFaultKind,
    answer_fault::{fault_in, json_of},
    completion::{Chunks, Completion, MadeCall},
    conversation::{Conversation, Part, Speaker, ToolChoice, Turn},
    known_type::ProviderDialect,
};

/// Amazon Bedrock's Converse.
pub(super) struct BedrockAdapter;

impl Adapter for BedrockAdapter {
    fn write(&self, request: &ChatRequest, streamed: bool) -> Result<WrittenRequest, Fault> {
        let read = Conversation::read(&request.body)?;
        let mut settings = Map::new();
        settings.extend(read.max_tokens.map(|most| ("maxTokens".to_owned(), most.into())));
        settings.extend(read.temperature.map(|value| ("temperature".to_owned(), value)));
        settings.extend(read.top_p.map(|value| ("topP".to_owned(), value)));
        if !read.stop.is_empty() {
            settings.insert("stopSequences".to_owned(), read.stop.into());
        }
        let messages = read.turns.iter().map(turn).collect::<Result<Vec<_>, _>>()?;
        let mut body = json!({ "messages": messages });
        if !settings.is_empty() {
            body["inferenceConfig"] = Value::Object(settings);
        }
        if !read.system.is_empty() {
            body["system"] = json!([{ "text": read.system }]);
        }
        if !read.tools.is_empty() && read.tool_choice != Some(ToolChoice::None) {
            let one = |tool: &crate::conversation::Tool| {
                let mut written =
                    json!({ "name": tool.name, "inputSchema": { "json": tool.parameters } });
                if let Some(description) = &tool.description {
                    written["description"] = description.as_str().into();
                }
                json!({ "toolSpec": written })
            };
            let all: Vec<Value> = read.tools.iter().map(one).collect();
            body["toolConfig"] = json!({ "tools": all });
            match read.tool_choice {
                Some(ToolChoice::Any) => body["toolConfig"]["toolChoice"] = json!({ "any": {} }),
                Some(ToolChoice::Named(name)) => {
                    body["toolConfig"]["toolChoice"] = json!({ "tool": { "name": name } });
                }
                _ => {}
            }
        }
        let action = if streamed { "converse-stream" } else { "converse" };
        let path = format!("/model/{}/{action}", encoded(&request.model));
        Ok(WrittenRequest { path, body })
    }

    fn read(&self, answer: Value, model: &str, created: i64) -> Result<Value, Fault> {
        let Some(content) = answer.pointer("/output/message/content").and_then(Value::as_array)
        else {
            return Err(fault_in(&answer, None, ProviderDialect::Bedrock));
        };
        let mut read = Completion {
            id: format!("bedrock-{created}"),
            model: model.to_owned(),
            finish: finish(text(&answer, "/stopReason")),
            input_tokens: number(&answer, "/usage/inputTokens"),
            output_tokens: number(&answer, "/usage/outputTokens"),
            ..Completion::default()
        };
        for block in content {
            read.text.push_str(text(block, "/text"));
            if let Some(call) = block.get("toolUse") {
                read.calls.push(MadeCall {
                    id: text(call, "/toolUseId").to_owned(),
                    name: text(call, "/name").to_owned(),
                    arguments: call.get("input").unwrap_or(&Value::Null).to_string(),
                });
            }
        }
        Ok(read.into_value(created))
    }

    fn reader(&self, chunks: Chunks) -> Box<dyn StreamReader> {
        Box::new(BedrockReader { chunks, calls: 0, ended: false })
    }

    fn framing(&self) -> Framing {
        Framing::EventStream
    }

    fn models_path(&self) -> String {
        "/foundation-models".to_owned()
    }

    fn read_models(&self, answer: &Value) -> Vec<ModelFacts> {
        let all = answer.get("modelSummaries").and_then(Value::as_array).into_iter().flatten();
        let ids = all.filter_map(|model| model.get("modelId")?.as_str());
        ids.map(|id| ModelFacts { id: id.to_owned(), ..ModelFacts::default() }).collect()
    }
}

fn turn(turn: &Turn) -> Result<Value, Fault> {
    let role = match turn.speaker {
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
    };
    let content = turn.parts.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "role": role, "content": content }))
}

fn part(part: &Part) -> Result<Value, Fault> {
    Ok(match part {
        Part::Text(text) => json!({ "text": text }),
        Part::Image(kind, coded) => {
            let format = kind.rsplit('/').next().unwrap_or("png");
            json!({ "image": { "format": format, "source": { "bytes": coded } } })
        }
        Part::ImageAt(_) => {
            let what = "Bedrock takes images as data: URLs only";
            return Err(Fault::new(ProviderFaultKind::InvalidRequest, what));
        }
        Part::Call { id, name, arguments } => {
            json!({ "toolUse": { "toolUseId": id, "name": name, "input": arguments } })
        }
        Part::Result { id, text, .. } => {
            json!({ "toolResult": { "toolUseId": id, "content": [{ "text": text }] } })
        }
    })
}

fn finish(reason: &str) -> &'static str {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "guardrail_intervened" | "content_filtered" => "content_filter",
        _ => "stop",
    }
}

struct BedrockReader {
    chunks: Chunks,
    calls: u64,
    ended: bool,
}

impl StreamReader for BedrockReader {
    fn take(&mut self, name: &str, data: &str) -> Result<Vec<Value>, Fault> {
        let value = json_of(data.as_bytes(), None)?;
        Ok(match name {
            "messageStart" => vec![self.chunks.text("")],
            "contentBlockStart" => match value.pointer("/start/toolUse") {
                Some(call) => {
                    let made = MadeCall {
                        id: text(call, "/toolUseId").to_owned(),
                        name: text(call, "/name").to_owned(),
                        arguments: String::new(),
                    };
                    self.calls += 1;
                    vec![self.chunks.call(self.calls - 1, &made)]
                }
                None => Vec::new(),
            },
            "contentBlockDelta" => {
                if let Some(part) = value.pointer("/delta/toolUse/input").and_then(Value::as_str) {
                    vec![self.chunks.arguments(self.calls.saturating_sub(1), part)]
                } else {
                    vec![self.chunks.text(text(&value, "/delta/text"))]
                }
            }
            "messageStop" => {
                self.ended = true;
                vec![self.chunks.finish(finish(text(&value, "/stopReason")))]
            }
            "metadata" => {
                let (input, output) =
                    (number(&value, "/usage/inputTokens"), number(&value, "/usage/outputTokens"));
                vec![self.chunks.usage(input, output)]
            }
            _ => Vec::new(),
        })
    }

    fn is_complete(&self) -> bool {
        self.ended
    }
}

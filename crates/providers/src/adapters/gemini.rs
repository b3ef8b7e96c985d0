use muster_words::json::{Map, Value};
use serde_json::json;

use super::{Adapter, StreamReader, WrittenRequest, encoded, number, text};
use crate::{
    ChatRequest, Fault, ModelFacts, ProviderFaultKind,
    answer_fault::{fault_in, json_of},
    completion::{Chunks, Completion, MadeCall},
    conversation::{Conversation, Part, Speaker, ToolChoice, Turn},
    known_type::ProviderDialect,
};

/// Google's Gemini API.
pub(super) struct GeminiAdapter;

impl Adapter for GeminiAdapter {
    fn write(&self, request: &ChatRequest, streamed: bool) -> Result<WrittenRequest, Fault> {
        let read = Conversation::read(&request.body)?;
        let mut settings = Map::new();
        settings.extend(read.max_tokens.map(|most| ("maxOutputTokens".to_owned(), most.into())));
        settings.extend(read.temperature.map(|value| ("temperature".to_owned(), value)));
        settings.extend(read.top_p.map(|value| ("topP".to_owned(), value)));
        if !read.stop.is_empty() {
            settings.insert("stopSequences".to_owned(), read.stop.into());
        }
        let contents = read.turns.iter().map(turn).collect::<Result<Vec<_>, _>>()?;
        let mut body = json!({ "contents": contents });
        if !settings.is_empty() {
            body["generationConfig"] = Value::Object(settings);
        }
        if !read.system.is_empty() {
            body["systemInstruction"] = json!({ "parts": [{ "text": read.system }] });
        }
        if !read.tools.is_empty() {
            let one = |tool: &crate::conversation::Tool| {
                json!({
                    "name": tool.name, "description": tool.description.clone().unwrap_or_default(),
                    "parameters": tool.parameters
                })
            };
            let all: Vec<Value> = read.tools.iter().map(one).collect();
            body["tools"] = json!([{ "functionDeclarations": all }]);
        }
        if let Some(choice) = read.tool_choice {
            let calling = match choice {
                ToolChoice::Auto => json!({ "mode": "AUTO" }),
                ToolChoice::None => json!({ "mode": "NONE" }),
                ToolChoice::Any => json!({ "mode": "ANY" }),
                ToolChoice::Named(name) => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
            };
            body["toolConfig"] = json!({ "functionCallingConfig": calling });
        }
        let model = encoded(request.model.trim_start_matches("models/"));
        let path = match streamed {
            true => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
            false => format!("/v1beta/models/{model}:generateContent"),
        };
        Ok(WrittenRequest { path, body })
    }

    fn read(&self, answer: Value, model: &str, created: i64) -> Result<Value, Fault> {
        let mut read = Completion {
            id: text(&answer, "/responseId").to_owned(),
            model: answer.get("modelVersion").and_then(Value::as_str).unwrap_or(model).to_owned(),
            input_tokens: number(&answer, "/usageMetadata/promptTokenCount"),
            output_tokens: number(&answer, "/usageMetadata/candidatesTokenCount"),
            ..Completion::default()
        };
        let found = candidate(&answer)?;
        (read.text, read.calls) = said(&found, 0);
        read.finish = match (found.get("finishReason").and_then(Value::as_str), &*read.calls) {
            (_, [_, ..]) => "tool_calls",
            (reason, []) => finish(reason.unwrap_or("STOP")),
        };
        Ok(read.into_value(created))
    }

    fn reader(&self, chunks: Chunks) -> Box<dyn StreamReader> {
        Box::new(GeminiReader { chunks, calls: 0, ended: false })
    }

    fn models_path(&self) -> String {
        "/v1beta/models?pageSize=1000".to_owned()
    }

    fn read_models(&self, answer: &Value) -> Vec<ModelFacts> {
        let all = answer.get("models").and_then(Value::as_array).into_iter().flatten();
        let one = |model: &Value| ModelFacts {
            id: text(model, "/name").trim_start_matches("models/").to_owned(),
            context_tokens: model.get("inputTokenLimit").and_then(Value::as_u64),
            ..ModelFacts::default()
        };
        all.map(one).collect()
    }
}

/// The first candidate. A request that is refused as a whole has none.
fn candidate(answer: &Value) -> Result<Value, Fault> {
    if answer.get("error").is_some() {
        return Err(fault_in(answer, None, ProviderDialect::Gemini));
    }
    if let Some(reason) = answer.pointer("/promptFeedback/blockReason").and_then(Value::as_str) {
        let what = "the provider's rules refuse the request";
        let said = Some(format!("{what}: {reason}"));
        return Err(Fault { said, ..Fault::new(ProviderFaultKind::ContentRefused, what) });
    }
    answer
        .pointer("/candidates/0")
        .cloned()
        .ok_or_else(|| Fault::new(ProviderFaultKind::ProviderError, "the answer has no candidates"))
}

/// The text and the calls of a candidate; calls are numbered after the ones before.
fn said(candidate: &Value, before: u64) -> (String, Vec<MadeCall>) {
    let (mut words, mut calls) = (String::new(), Vec::new());
    let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
    for part in parts.into_iter().flatten() {
        if part.get("thought").and_then(Value::as_bool) != Some(true) {
            words.push_str(text(part, "/text"));
        }
        if let Some(call) = part.get("functionCall") {
            let index = before + calls.len() as u64;
            let arguments = call.get("args").cloned().unwrap_or_else(|| json!({}));
            calls.push(MadeCall {
                id: format!("call_{index}"),
                name: text(call, "/name").to_owned(),
                arguments: arguments.to_string(),
            });
        }
    }
    (words, calls)
}

fn finish(reason: &str) -> &'static str {
    match reason {
        "MAX_TOKENS" => "length",
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => "content_filter",
        _ => "stop",
    }
}

fn turn(turn: &Turn) -> Result<Value, Fault> {
    let role = match turn.speaker {
        Speaker::User => "user",
        Speaker::Assistant => "model",
    };
    let parts = turn.parts.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "role": role, "parts": parts }))
}

fn part(part: &Part) -> Result<Value, Fault> {
    Ok(match part {
        Part::Text(text) => json!({ "text": text }),
        Part::Image(kind, coded) => json!({ "inlineData": { "mimeType": kind, "data": coded } }),
        Part::ImageAt(url) => json!({ "fileData": { "fileUri": url } }),
        Part::Call { name, arguments, .. } => {
            json!({ "functionCall": { "name": name, "args": arguments } })
        }
        Part::Result { name, text, .. } => {
            json!({ "functionResponse": { "name": name, "response": { "result": text } } })
        }
    })
}

struct GeminiReader {
    chunks: Chunks,
    calls: u64,
    ended: bool,
}

impl StreamReader for GeminiReader {
    fn take(&mut self, _name: &str, data: &str) -> Result<Vec<Value>, Fault> {
        let value = json_of(data.as_bytes(), None)?;
        let found = candidate(&value)?;
        let (words, calls) = said(&found, self.calls);
        let mut made = Vec::new();
        if !words.is_empty() {
            made.push(self.chunks.text(&words));
        }
        for call in &calls {
            made.push(self.chunks.call(self.calls, call));
            self.calls += 1;
        }
        if let Some(reason) = found.get("finishReason").and_then(Value::as_str) {
            self.ended = true;
            let reason = if self.calls > 0 { "tool_calls" } else { finish(reason) };
            made.push(self.chunks.finish(reason));
            let input = number(&value, "/usageMetadata/promptTokenCount");
            let output = number(&value, "/usageMetadata/candidatesTokenCount");
            made.push(self.chunks.usage(input, output));
        }
        Ok(made)
    }

    fn is_complete(&self) -> bool {
        self.ended
    }
}

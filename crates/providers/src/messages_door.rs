//! The form of Anthropic's messages, for its clients: requests become OpenAI's form, and answers
//! are made of it.

use muster_words::json::{Map, Value};
use serde_json::json;

/// Reads a request of a client of Anthropic's API into OpenAI's form.
///
/// # Errors
/// What can't be read, in words.
pub fn chat_body_of_messages(request: &Value) -> Result<Map<String, Value>, String> {
    let messages = request.get("messages").and_then(Value::as_array);
    let messages = messages.ok_or("messages is missing")?;
    let mut made = Vec::new();
    match request.get("system") {
        Some(Value::String(text)) => made.push(json!({ "role": "system", "content": text })),
        Some(Value::Array(blocks)) => {
            let texts: Vec<&str> =
                blocks.iter().filter_map(|one| one.get("text")?.as_str()).collect();
            made.push(json!({ "role": "system", "content": texts.join("\n") }));
        }
        _ => {}
    }
    for message in messages {
        read_message(message, &mut made)?;
    }
    let mut body = Map::new();
    body.insert("messages".to_owned(), made.into());
    for (theirs, ours) in [
        ("max_tokens", "max_tokens"),
        ("temperature", "temperature"),
        ("top_p", "top_p"),
        ("stop_sequences", "stop"),
    ] {
        body.extend(request.get(theirs).map(|value| (ours.to_owned(), value.clone())));
    }
    if let Some(tools) = request.get("tools").and_then(Value::as_array) {
        body.insert("tools".to_owned(), tools.iter().map(tool).collect());
    }
    if let Some(choice) = request.get("tool_choice") {
        let choice = match choice.get("type").and_then(Value::as_str) {
            Some("any") => json!("required"),
            Some("none") => json!("none"),
            Some("tool") => {
                json!({ "type": "function", "function": { "name": choice.get("name") } })
            }
            _ => json!("auto"),
        };
        body.insert("tool_choice".to_owned(), choice);
    }
    Ok(body)
}

fn tool(tool: &Value) -> Value {
    json!({ "type": "function", "function": {
        "name": tool.get("name"),
        "description": tool.get("description").unwrap_or(&Value::String(String::new())),
        "parameters": tool.get("input_schema")
    } })
}

fn read_message(message: &Value, made: &mut Vec<Value>) -> Result<(), String> {
    let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
    if !matches!(role, "user" | "assistant") {
        return Err(format!("{role:?} is no role of a message"));
    }
    let blocks = match message.get("content") {
        Some(Value::String(text)) => {
            made.push(json!({ "role": role, "content": text }));
            return Ok(());
        }
        Some(Value::Array(blocks)) => blocks,
        _ => return Err("the content of a message is a text or a list".to_owned()),
    };
    let (mut parts, mut calls) = (Vec::new(), Vec::new());
    for block in blocks {
        match block.get("type").and_then(Value::as_str).unwrap_or_default() {
            "text" => parts.push(json!({ "type": "text", "text": block.get("text") })),
            "image" => parts.push(image(block)?),
            "tool_use" => {
                let arguments = block.get("input").unwrap_or(&Value::Null).to_string();
                calls.push(json!({ "id": block.get("id"), "type": "function",
                    "function": { "name": block.get("name"), "arguments": arguments } }));
            }
            "tool_result" => made.push(json!({
                "role": "tool", "tool_call_id": block.get("tool_use_id"),
                "content": block.get("content").unwrap_or(&Value::Null)
            })),
            // What a model thought before is no part of what is said.
            "thinking" | "redacted_thinking" => {}
            other => return Err(format!("content of the type {other:?} can't be passed on")),
        }
    }
    if parts.is_empty() && calls.is_empty() {
        return Ok(());
    }
    let content = if parts.is_empty() { Value::Null } else { Value::Array(parts) };
    let mut message = json!({ "role": role, "content": content });
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
        // Many servers take text alone from an assistant.
        message["content"] = joined(&message["content"]);
    }
    made.push(message);
    Ok(())
}

fn joined(content: &Value) -> Value {
    match content.as_array() {
        Some(parts) => {
            let texts: Vec<&str> =
                parts.iter().filter_map(|one| one.get("text")?.as_str()).collect();
            texts.join("\n").into()
        }
        None => content.clone(),
    }
}

fn image(block: &Value) -> Result<Value, String> {
    let source = block.get("source").unwrap_or(&Value::Null);
    let text = |name: &str| source.get(name).and_then(Value::as_str).unwrap_or_default();
    let url = match text("type") {
        "base64" => format!("data:{};base64,{}", text("media_type"), text("data")),
        "url" => text("url").to_owned(),
        other => return Err(format!("an image of the type {other:?} can't be passed on")),
    };
    Ok(json!({ "type": "image_url", "image_url": { "url": url } }))
}

/// Makes a message of an answer in OpenAI's form.
#[must_use]
pub fn message_of_completion(answer: &Value, model: &str) -> Value {
    let choice = answer.pointer("/choices/0").unwrap_or(&Value::Null);
    let mut content = Vec::new();
    if let Some(text) = choice.pointer("/message/content").and_then(Value::as_str)
        && !text.is_empty()
    {
        content.push(json!({ "type": "text", "text": text }));
    }
    let calls = choice.pointer("/message/tool_calls").and_then(Value::as_array);
    for call in calls.into_iter().flatten() {
        let written = call.pointer("/function/arguments").and_then(Value::as_str);
        let input: Value =
            serde_json::from_str(written.unwrap_or("{}")).unwrap_or_else(|_| json!({}));
        content.push(json!({
            "type": "tool_use", "id": call.get("id"), "name": call.pointer("/function/name"),
            "input": input
        }));
    }
    json!({
        "id": message_id(answer), "type": "message", "role": "assistant",
        "model": answer.get("model").and_then(Value::as_str).unwrap_or(model),
        "content": content, "stop_reason": stop_reason(choice.get("finish_reason")),
        "stop_sequence": null,
        "usage": {
            "input_tokens": answer.pointer("/usage/prompt_tokens").unwrap_or(&json!(0)),
            "output_tokens": answer.pointer("/usage/completion_tokens").unwrap_or(&json!(0))
        }
    })
}

fn message_id(answer: &Value) -> String {
    let id = answer.get("id").and_then(Value::as_str).unwrap_or("1");
    if id.starts_with("msg_") { id.to_owned() } else { format!("msg_{id}") }
}

fn stop_reason(finish: Option<&Value>) -> &'static str {
    match finish.and_then(Value::as_str) {
        Some("length") => "max_tokens",
        Some("tool_calls" | "function_call") => "tool_use",
        Some("content_filter") => "refusal",
        _ => "end_turn",
    }
}

/// Makes the events of a streamed message of chunks in OpenAI's form.
#[derive(Debug, Default)]
pub struct MessageEvents {
    has_begun: bool,
    model: String,
    /// The kind of the block that is open: text, or the number of a call.
    open: Option<Option<u64>>,
    index: u64,
    finish: Option<Value>,
    input_tokens: u64,
    output_tokens: u64,
}

impl MessageEvents {
    /// The events of a message of this model.
    #[must_use]
    pub fn new(model: &str) -> Self {
        Self { model: model.to_owned(), ..Self::default() }
    }

    /// The events that follow from a chunk.
    pub fn take(&mut self, chunk: &Value) -> Vec<Value> {
        let mut events = Vec::new();
        if !std::mem::replace(&mut self.has_begun, true) {
            events.push(json!({ "type": "message_start", "message": {
                "id": message_id(chunk), "type": "message", "role": "assistant",
                "model": self.model, "content": [], "stop_reason": null, "stop_sequence": null,
                "usage": { "input_tokens": 0, "output_tokens": 0 }
            } }));
        }
        let choice = chunk.pointer("/choices/0").unwrap_or(&Value::Null);
        if let Some(text) = choice.pointer("/delta/content").and_then(Value::as_str)
            && !text.is_empty()
        {
            self.open_block(None, &json!({ "type": "text", "text": "" }), &mut events);
            events.push(json!({ "type": "content_block_delta", "index": self.index,
                "delta": { "type": "text_delta", "text": text } }));
        }
        let calls = choice.pointer("/delta/tool_calls").and_then(Value::as_array);
        for call in calls.into_iter().flatten() {
            let number = call.get("index").and_then(Value::as_u64).unwrap_or(0);
            let block = json!({ "type": "tool_use", "id": call.get("id"),
                "name": call.pointer("/function/name"), "input": {} });
            self.open_block(Some(number), &block, &mut events);
            let part = call.pointer("/function/arguments").and_then(Value::as_str);
            if let Some(part) = part.filter(|part| !part.is_empty()) {
                events.push(json!({ "type": "content_block_delta", "index": self.index,
                    "delta": { "type": "input_json_delta", "partial_json": part } }));
            }
        }
        if let Some(finish) = choice.get("finish_reason").filter(|finish| !finish.is_null()) {
            self.finish = Some(finish.clone());
        }
        let tokens = |name: &str| chunk.pointer(&format!("/usage/{name}")).and_then(Value::as_u64);
        self.input_tokens = tokens("prompt_tokens").unwrap_or(self.input_tokens);
        self.output_tokens = tokens("completion_tokens").unwrap_or(self.output_tokens);
        events
    }

    /// The events at the end.
    pub fn end(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        self.close_block(&mut events);
        events.push(json!({
            "type": "message_delta",
            "delta": { "stop_reason": stop_reason(self.finish.as_ref()), "stop_sequence": null },
            "usage": { "input_tokens": self.input_tokens, "output_tokens": self.output_tokens }
        }));
        events.push(json!({ "type": "message_stop" }));
        events
    }

    fn open_block(&mut self, kind: Option<u64>, block: &Value, events: &mut Vec<Value>) {
        if self.open == Some(kind) {
            return;
        }
        self.close_block(events);
        self.open = Some(kind);
        events.push(json!({
            "type": "content_block_start", "index": self.index, "content_block": block
        }));
    }

    fn close_block(&mut self, events: &mut Vec<Value>) {
        if self.open.take().is_some() {
            events.push(json!({ "type": "content_block_stop", "index": self.index }));
            self.index += 1;
        }
    }
}

//! A chat request in OpenAI's form, read for the dialects that have another one.

use muster_words::json::{Map, Value};

use crate::{Fault, ProviderFaultKind};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    User,
    Assistant,
}

/// A part of what is said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(String),
    /// Media type and Base64.
    Image(String, String),
    ImageAt(String),
    Call {
        id: String,
        name: String,
        arguments: Value,
    },
    Result {
        id: String,
        name: String,
        text: String,
    },
}

/// What one side says before the other one speaks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn {
    pub(crate) speaker: Speaker,
    pub(crate) parts: Vec<Part>,
}

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) parameters: Value,
}

/// Whether the model has to call a function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ToolChoice {
    Auto,
    None,
    Any,
    Named(String),
}

/// A chat request, resolved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conversation {
    pub(crate) system: String,
    pub(crate) turns: Vec<Turn>,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) temperature: Option<Value>,
    pub(crate) top_p: Option<Value>,
    pub(crate) stop: Vec<String>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) tool_choice: Option<ToolChoice>,
}

/// Members that no other dialect has, and that change what is answered. They are refused where
/// they can't be translated; leaving them out would answer something else.
const NOT_TRANSLATED: &[&str] = &["functions", "function_call", "audio", "modalities", "logprobs"];

impl Conversation {
    pub(crate) fn read(body: &Map<String, Value>) -> Result<Self, Fault> {
        if let Some(name) = NOT_TRANSLATED.iter().find(|name| is_set(body.get(**name))) {
            return Err(wrong(format!("{name} can't be translated for this provider")));
        }
        if body.get("n").and_then(Value::as_u64).is_some_and(|count| count > 1) {
            return Err(wrong("this provider gives one answer at a time: leave n out".to_owned()));
        }
        let messages = body.get("messages").and_then(Value::as_array);
        let messages = messages.ok_or_else(|| wrong("messages is missing".to_owned()))?;
        let mut read = Self {
            system: String::new(),
            turns: Vec::new(),
            max_tokens: ["max_completion_tokens", "max_tokens"]
                .iter()
                .find_map(|name| body.get(*name)?.as_u64()),
            temperature: body.get("temperature").filter(|value| value.is_number()).cloned(),
            top_p: body.get("top_p").filter(|value| value.is_number()).cloned(),
            stop: match body.get("stop") {
                Some(Value::String(one)) => vec![one.clone()],
                Some(Value::Array(all)) => {
                    all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
                }
                _ => Vec::new(),
            },
            tools: tools(body)?,
            tool_choice: tool_choice(body.get("tool_choice"))?,
        };
        for message in messages {
            read.message(message)?;
        }
        if read.turns.is_empty() {
            return Err(wrong("messages has no message of a user".to_owned()));
        }
        Ok(read)
    }

    fn message(&mut self, message: &Value) -> Result<(), Fault> {
        let content = message.get("content");
        match text_of(message, "role") {
            "system" | "developer" => {
                if !self.system.is_empty() {
                    self.system.push_str("\n\n");
                }
                self.system.push_str(&joined(content));
            }
            "user" => self.say(Speaker::User, parts(content)?),
            "assistant" => {
                let mut said = parts(content)?;
                for call in
                    message.get("tool_calls").and_then(Value::as_array).into_iter().flatten()
                {
                    said.push(tool_call(call)?);
                }
                self.say(Speaker::Assistant, said);
            }
            "tool" => {
                let id = text_of(message, "tool_call_id").to_owned();
                let name = self.name_of_call(&id);
                self.say(Speaker::User, vec![Part::Result { id, name, text: joined(content) }]);
            }
            other => return Err(wrong(format!("{other:?} is no role of a message"))),
        }
        Ok(())
    }

    /// Adds to the turn. Other dialects want the sides to take turns.
    fn say(&mut self, speaker: Speaker, parts: Vec<Part>) {
        match self.turns.last_mut() {
            Some(turn) if turn.speaker == speaker => turn.parts.extend(parts),
            _ => self.turns.push(Turn { speaker, parts }),
        }
    }

    fn name_of_call(&self, wanted: &str) -> String {
        let parts = self.turns.iter().flat_map(|turn| &turn.parts);
        let mut names = parts.filter_map(|part| match part {
            Part::Call { id, name, .. } if id == wanted => Some(name.clone()),
            _ => None,
        });
        names.next().unwrap_or_default()
    }
}

fn wrong(message: String) -> Fault {
    Fault::new(ProviderFaultKind::InvalidRequest, message)
}

fn is_set(value: Option<&Value>) -> bool {
    !matches!(value, None | Some(Value::Null | Value::Bool(false)))
}

fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The text of a content, without what isn't text.
fn joined(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn parts(content: Option<&Value>) -> Result<Vec<Part>, Fault> {
    match content {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) if text.is_empty() => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part::Text(text.clone())]),
        Some(Value::Array(all)) => all.iter().map(part).collect(),
        Some(_) => Err(wrong("the content of a message is a text or a list".to_owned())),
    }
}

fn part(value: &Value) -> Result<Part, Fault> {
    match text_of(value, "type") {
        "text" | "input_text" => Ok(Part::Text(text_of(value, "text").to_owned())),
        "image_url" => {
            let url = value.get("image_url").map(|image| text_of(image, "url")).unwrap_or_default();
            match url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
                Some((kind, coded)) => Ok(Part::Image(kind.to_owned(), coded.to_owned())),
                None => Ok(Part::ImageAt(url.to_owned())),
            }
        }
        other => Err(wrong(format!("content of the type {other:?} can't be translated"))),
    }
}

fn tool_call(call: &Value) -> Result<Part, Fault> {
    let function = call.get("function").unwrap_or(&Value::Null);
    let written = text_of(function, "arguments");
    let arguments = match written.trim() {
        "" => Value::Object(Map::new()),
        text => serde_json::from_str(text)
            .map_err(|_| wrong("the arguments of a tool call aren't JSON".to_owned()))?,
    };
    let name = text_of(function, "name").to_owned();
    Ok(Part::Call { id: text_of(call, "id").to_owned(), name, arguments })
}

fn tools(body: &Map<String, Value>) -> Result<Vec<Tool>, Fault> {
    let all = body.get("tools").and_then(Value::as_array).into_iter().flatten();
    let one = |tool: &Value| {
        let function = tool.get("function").filter(|_| text_of(tool, "type") == "function");
        let function = function
            .ok_or_else(|| wrong("only tools of the type function can be translated".to_owned()))?;
        let empty = || serde_json::json!({ "type": "object", "properties": {} });
        Ok(Tool {
            name: text_of(function, "name").to_owned(),
            description: function.get("description").and_then(Value::as_str).map(str::to_owned),
            parameters: function.get("parameters").cloned().unwrap_or_else(empty),
        })
    };
    all.map(one).collect()
}

fn tool_choice(value: Option<&Value>) -> Result<Option<ToolChoice>, Fault> {
    Ok(match value {
        None | Some(Value::Null) => None,
        Some(Value::String(word)) => Some(match word.as_str() {
            "none" => ToolChoice::None,
            "required" => ToolChoice::Any,
            "auto" => ToolChoice::Auto,
            other => return Err(wrong(format!("{other:?} is no tool_choice"))),
        }),
        Some(value) => {
            let name = value.get("function").map(|function| text_of(function, "name"));
            Some(ToolChoice::Named(name.unwrap_or_default().to_owned()))
        }
    })
}

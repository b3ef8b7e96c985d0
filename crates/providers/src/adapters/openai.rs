use muster_words::json::Value;
use serde_json::json;

use super::{Adapter, StreamReader, WrittenRequest, encoded};
use crate::{
    ChatRequest, Fault, ModelFacts, ProviderFaultKind,
    answer_fault::{fault_in, json_of},
    completion::Chunks,
    known_type::{KnownType, ProviderDialect},
};

/// The version of Azure's API that is used where the configuration names none.
pub(super) const AZURE_VERSION: &str = "2024-10-21";

/// OpenAI's dialect, and what others made of it.
pub(super) struct OpenaiAdapter {
    known: &'static KnownType,
    azure_version: Option<String>,
}

impl OpenaiAdapter {
    pub(super) const fn new(known: &'static KnownType, azure_version: Option<String>) -> Self {
        Self { known, azure_version }
    }
}

impl Adapter for OpenaiAdapter {
    fn write(&self, request: &ChatRequest, streamed: bool) -> Result<WrittenRequest, Fault> {
        let mut body = request.body.clone();
        if !body.get("messages").is_some_and(Value::is_array) {
            return Err(Fault::new(ProviderFaultKind::InvalidRequest, "messages is missing"));
        }
        for dropped in &self.known.drop {
            body.remove(dropped);
        }
        let (wanted, other) = match self.known.max_tokens.as_deref() {
            Some(name) => (name, "max_tokens"),
            None if self.azure_version.is_some() => {
                ("max_completion_tokens", "max_completion_tokens")
            }
            None => ("max_tokens", "max_completion_tokens"),
        };
        if wanted != other
            && let Some(most) = body.remove(other)
        {
            body.entry(wanted).or_insert(most);
        }
        body.remove("stream");
        if streamed {
            body.insert("stream".to_owned(), true.into());
            if self.known.stream_usage && !body.contains_key("stream_options") {
                body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
            }
        } else {
            body.remove("stream_options");
        }
        body.insert("model".to_owned(), request.model.as_str().into());
        let path = match &self.azure_version {
            Some(version) => {
                let deployment = encoded(&request.model);
                format!("/openai/deployments/{deployment}/chat/completions?api-version={version}")
            }
            None => "/chat/completions".to_owned(),
        };
        Ok(WrittenRequest { path, body: Value::Object(body) })
    }

    fn read(&self, answer: Value, _model: &str, _created: i64) -> Result<Value, Fault> {
        // Some send errors with status 200.
        if answer.get("error").is_some_and(|error| !error.is_null()) {
            return Err(fault_in(&answer, None, self.known.dialect));
        }
        if !answer.get("choices").is_some_and(Value::is_array) {
            let what = "the answer has no choices";
            return Err(Fault::new(ProviderFaultKind::ProviderError, what));
        }
        Ok(answer)
    }

    fn reader(&self, _chunks: Chunks) -> Box<dyn StreamReader> {
        Box::new(OpenaiReader { dialect: self.known.dialect, has_finished: false })
    }

    fn models_path(&self) -> String {
        match &self.azure_version {
            Some(version) => format!("/openai/models?api-version={version}"),
            None => "/models".to_owned(),
        }
    }

    fn read_models(&self, answer: &Value) -> Vec<ModelFacts> {
        // Some answer with the bare list.
        let all = answer.get("data").unwrap_or(answer).as_array().into_iter().flatten();
        let ids = all.filter_map(|model| model.get("id")?.as_str());
        ids.map(|id| ModelFacts { id: id.to_owned(), ..ModelFacts::default() }).collect()
    }
}

struct OpenaiReader {
    dialect: ProviderDialect,
    has_finished: bool,
}

impl StreamReader for OpenaiReader {
    fn take(&mut self, name: &str, data: &str) -> Result<Vec<Value>, Fault> {
        if data.trim() == "[DONE]" {
            self.has_finished = true;
            return Ok(Vec::new());
        }
        let value = json_of(data.as_bytes(), None)?;
        if name == "error" || value.get("error").is_some_and(|error| !error.is_null()) {
            return Err(fault_in(&value, None, self.dialect));
        }
        // Some leave [DONE] out; then the reason of the end is the end.
        let choices = value.get("choices").and_then(Value::as_array).into_iter().flatten();
        let mut reasons = choices.filter_map(|choice| choice.get("finish_reason"));
        self.has_finished |= reasons.any(|reason| !reason.is_null());
        Ok(vec![value])
    }

    fn is_complete(&self) -> bool {
        self.has_finished
    }
}

//! The tools: one file per tool, and the table of all.

mod change;
mod compatibility;
mod diff;
mod explain_refusal;
mod get;
mod history;
mod impact;
mod list;
mod propose_change;
mod reference;
mod references;
mod search;
mod select_provider;
mod validate;

use std::{
    pin::Pin,
    sync::{Arc, LazyLock},
};

use rmcp::model::{CallToolResult, JsonObject, Tool, ToolAnnotations};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use reference::reference;

use crate::{answer, asked::Asked, refusal::Refusal};

/// What a tool does to the registry; clients decide by it what to ask people about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It changes nothing.
    Reads,
    /// It may replace or remove something. Doing it twice does nothing more.
    Changes,
    /// It may replace or remove something, each time anew.
    ChangesAgain,
}

/// One tool: its arguments, and what it answers.
pub(crate) trait AssistantTool: DeserializeOwned + JsonSchema + Send + 'static {
    const NAME: &'static str;
    /// For people.
    const TITLE: &'static str;
    /// For a model that has never seen Muster.
    const DESCRIPTION: &'static str;
    const EFFECT: Effect;

    /// Does what the tool is for.
    fn answer(self, asked: &Asked) -> impl Future<Output = Result<Value, Refusal>> + Send;
}

type Answering<'a> = Pin<Box<dyn Future<Output = Result<Value, Refusal>> + Send + 'a>>;

/// A row of the table of tools.
pub(crate) struct ToolRow {
    pub tool: Tool,
    call: fn(JsonObject, &Asked) -> Answering<'_>,
}

impl ToolRow {
    /// Calls the tool.
    pub(crate) async fn call(&self, arguments: JsonObject, asked: &Asked) -> CallToolResult {
        match (self.call)(arguments, asked).await {
            Ok(value) => answer::result(value),
            Err(refusal) => refusal.result(),
        }
    }
}

/// All tools, in the order in which clients show them.
pub(crate) static TOOLS: LazyLock<Vec<ToolRow>> = LazyLock::new(|| {
    vec![
        row::<search::SearchArguments>(),
        row::<list::ListPlaceArguments>(),
        row::<get::GetDocumentArguments>(),
        row::<history::HistoryArguments>(),
        row::<diff::DiffStatesArguments>(),
        row::<references::ReferencesOfArguments>(),
        row::<impact::ImpactArguments>(),
        row::<validate::ValidateDocumentArguments>(),
        row::<compatibility::CheckCompatibilityArguments>(),
        row::<explain_refusal::ExplainRefusalArguments>(),
        row::<select_provider::SelectProviderArguments>(),
        row::<propose_change::ProposeChangeArguments>(),
        row::<crate::arguments::PutArguments>(),
        row::<crate::arguments::DeleteArguments>(),
        row::<crate::arguments::RollbackArguments>(),
    ]
});

/// The tool of this name.
pub(crate) fn find(name: &str) -> Option<&'static ToolRow> {
    TOOLS.iter().find(|row| row.tool.name == name)
}

fn row<T: AssistantTool>() -> ToolRow {
    let annotations = ToolAnnotations::with_title(T::TITLE)
        .read_only(T::EFFECT == Effect::Reads)
        .destructive(T::EFFECT != Effect::Reads)
        .idempotent(T::EFFECT != Effect::ChangesAgain)
        .open_world(false);
    let tool = Tool::new(T::NAME, T::DESCRIPTION, Arc::new(input_schema::<T>()))
        .with_title(T::TITLE)
        .with_annotations(annotations);
    ToolRow { tool, call: call::<T> }
}

fn call<T: AssistantTool>(arguments: JsonObject, asked: &Asked) -> Answering<'_> {
    Box::pin(async move {
        let arguments: T = serde_json::from_value(Value::Object(arguments))
            .map_err(|error| Refusal::arguments(error.to_string()))?;
        arguments.answer(asked).await
    })
}

/// The schema of a tool's arguments. Without references, which not every client follows.
fn input_schema<T: JsonSchema>() -> JsonObject {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut object = match schema.to_value() {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    };
    object.remove("title");
    object.remove("description");
    object.entry("type").or_insert_with(|| "object".into());
    object.entry("properties").or_insert_with(|| JsonObject::new().into());
    object
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn describes_each_tool_and_each_argument() {
        for row in TOOLS.iter() {
            let tool = &row.tool;
            let description = tool.description.as_deref().unwrap();
            assert!(description.len() > 80 && description.ends_with('.'), "{}", tool.name);
            assert_eq!(tool.input_schema["type"], "object", "{}", tool.name);
            let properties = tool.input_schema["properties"].as_object().unwrap();
            for (name, schema) in properties {
                let text = schema["description"].as_str().unwrap_or_default();
                assert!(text.ends_with('.'), "{}.{name}: {text:?}", tool.name);
            }
            let text = serde_json::to_string(&tool.input_schema).unwrap();
            assert!(!text.contains("\"$ref\""), "{}: {text}", tool.name);
        }
    }

    #[test]
    fn says_which_tools_change_something() {
        for row in TOOLS.iter() {
            let changes = ["put", "delete", "rollback"].contains(&&*row.tool.name);
            let hints = row.tool.annotations.as_ref().unwrap();
            assert_eq!(hints.read_only_hint, Some(!changes), "{}", row.tool.name);
            assert_eq!(hints.destructive_hint, Some(changes), "{}", row.tool.name);
            assert_eq!(hints.open_world_hint, Some(false), "{}", row.tool.name);
            let takes_it = row.tool.input_schema["properties"].get("confirmation").is_some();
            assert_eq!(takes_it, changes, "{}", row.tool.name);
        }
    }

    #[test]
    fn lists_each_name_once() {
        let mut names: Vec<&str> = TOOLS.iter().map(|row| &*row.tool.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| find(name).is_some()));
        assert!(find("drop_table").is_none());
    }
}

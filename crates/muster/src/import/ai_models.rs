//! Catalogues of AI models, of other projects, as providers and models of a registry.
//!
//! | catalogue | shape |
//! |---|---|
//! | models.dev | an object of providers, each with `models`; dollars for a million tokens |
//! | liter-llm | `providers`, each with `models`; dollars for one token |
//! | LiteLLM | an object of models, each with `litellm_provider`; dollars for one token |
//!
//! Each becomes a group `/modelproviders/<provider>` with documents `models/<model>` of one form:
//! costs in dollars for a million tokens, as decimals. An id of a model that can't be part
//! of an xid gets another one, and the document keeps the true one as `modelid`.

mod decimal;
mod names;

use std::collections::BTreeMap;

use clap::ValueEnum;
use muster_wire::{
    apply::{DocumentToApply, GroupToApply},
    export::ExportLine,
};
use muster_words::json::{Map, Value};
use serde_json::json;

use self::{decimal::shifted, names::Names};

/// The model of the types that a catalogue's documents have.
const MODEL: &str = include_str!("ai_models/model.json");

/// The type of the groups.
pub const GROUPS: &str = "modelproviders";

/// A catalogue of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModelCatalogue {
    /// `api.json` of models.dev.
    #[value(name = "models.dev")]
    ModelsDev,
    /// The catalogue of liter-llm.
    LiterLlm,
    /// `model_prices_and_context_window.json` of LiteLLM.
    Litellm,
}

/// The places of a cost: for a million tokens instead of one.
const MILLION: i64 = 6;

/// A cost of our form, and its names in models.dev and in catalogues with costs of one token.
const COSTS: [(&str, &str, &str); 7] = [
    ("input_cost", "input", "input_cost_per_token"),
    ("output_cost", "output", "output_cost_per_token"),
    ("cache_read_cost", "cache_read", "cache_read_input_token_cost"),
    ("cache_write_cost", "cache_write", "cache_creation_input_token_cost"),
    ("reasoning_cost", "reasoning", "output_cost_per_reasoning_token"),
    ("audio_input_cost", "input_audio", "input_cost_per_audio_token"),
    ("audio_output_cost", "output_audio", "output_cost_per_audio_token"),
];

/// A limit of our form, and its names in catalogues with an object of limits and in LiteLLM.
const LIMITS: [(&str, &str, &str); 3] = [
    ("context_tokens", "context", "max_input_tokens"),
    ("input_tokens", "input", ""),
    ("output_tokens", "output", "max_output_tokens"),
];

/// Texts that all catalogues write the same.
const TEXTS: [&str; 6] = ["family", "mode", "knowledge", "release_date", "last_updated", "status"];

/// The abilities of our form, and their flags in models.dev and in LiteLLM.
const ABILITIES: [(&str, &str, &str); 9] = [
    ("attachment", "attachment", ""),
    ("audio_input", "audio_input", "supports_audio_input"),
    ("audio_output", "audio_output", "supports_audio_output"),
    ("function_calling", "tool_call", "supports_function_calling"),
    ("prompt_caching", "prompt_caching", "supports_prompt_caching"),
    ("reasoning", "reasoning", "supports_reasoning"),
    ("structured_output", "structured_output", "supports_response_schema"),
    ("temperature", "temperature", ""),
    ("vision", "vision", "supports_vision"),
];

/// The lines of an import for a catalogue.
///
/// # Errors
/// The value isn't such a catalogue; the text says why.
pub fn lines(catalogue: ModelCatalogue, whole: &Value) -> Result<Vec<ExportLine>, String> {
    let model = serde_json::from_str(MODEL).map_err(|error| error.to_string())?;
    let mut lines = vec![ExportLine::Model(model)];
    let whole = whole.as_object().ok_or("it isn't a JSON object")?;
    let providers = match catalogue {
        ModelCatalogue::ModelsDev => providers_in(whole)?,
        ModelCatalogue::LiterLlm => {
            let providers = whole.get("providers").and_then(Value::as_object);
            providers_in(providers.ok_or("it has no object `providers`")?)?
        }
        ModelCatalogue::Litellm => by_provider(whole)?,
    };
    let mut groups = Names::default();
    for (id, provider) in providers {
        let group = format!("/{GROUPS}/{}", groups.name_of(&id));
        lines.push(ExportLine::Group(GroupToApply {
            xid: group.clone(),
            attributes: about_provider(&id, &provider.about),
        }));
        let mut names = Names::default();
        for (id, model) in &provider.models {
            let document = one_form(catalogue, id, model);
            let text = serde_json::to_string_pretty(&document).unwrap_or_default() + "\n";
            let kind = json!({"contenttype": "application/json"});
            let kind = kind.as_object().cloned().unwrap_or_default();
            let xid = format!("{group}/models/{}", names.name_of(id));
            lines.push(ExportLine::Document(DocumentToApply::new(
                xid,
                Some(text.as_bytes()),
                kind,
            )));
        }
    }
    Ok(lines)
}

/// A provider with its models, by their ids.
#[derive(Default)]
struct Provider<'a> {
    about: Map<String, Value>,
    models: BTreeMap<String, &'a Map<String, Value>>,
}

fn providers_in(all: &Map<String, Value>) -> Result<BTreeMap<String, Provider<'_>>, String> {
    let mut found = BTreeMap::new();
    for (id, provider) in all {
        let members = provider.as_object().ok_or(format!("{id} isn't an object"))?;
        let models = members.get("models").and_then(Value::as_object);
        let models = models.ok_or(format!("{id} has no object `models`"))?;
        let mut about = members.clone();
        about.remove("models");
        let models = models.iter().filter_map(|(id, model)| Some((id.clone(), model.as_object()?)));
        found.insert(id.clone(), Provider { about, models: models.collect() });
    }
    Ok(found)
}

/// The models of LiteLLM by their provider; what has none, such as the explanation, is left out.
fn by_provider(all: &Map<String, Value>) -> Result<BTreeMap<String, Provider<'_>>, String> {
    let mut found: BTreeMap<String, Provider<'_>> = BTreeMap::new();
    for (id, model) in all.iter().filter(|(id, _)| *id != "sample_spec") {
        let Some(members) = model.as_object() else { continue };
        let Some(provider) = members.get("litellm_provider").and_then(Value::as_str) else {
            continue;
        };
        found.entry(provider.to_owned()).or_default().models.insert(id.clone(), members);
    }
    if found.is_empty() {
        return Err("none of its members has a `litellm_provider`".to_owned());
    }
    Ok(found)
}

fn about_provider(id: &str, about: &Map<String, Value>) -> Map<String, Value> {
    let mut attributes = Map::new();
    attributes.insert("providerid".to_owned(), id.into());
    let text = |name: &str| {
        let text = about.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.map(Value::from)
    };
    let named = [
        ("name", text("name")),
        ("documentation", text("doc")),
        ("api", text("api")),
        ("npm", text("npm")),
    ];
    for (name, value) in named {
        attributes.extend(value.map(|value| (name.to_owned(), value)));
    }
    let env = about.get("env").filter(|env| env.as_array().is_some_and(|env| !env.is_empty()));
    attributes.extend(env.map(|env| ("env".to_owned(), env.clone())));
    attributes
}

/// A model in our form.
fn one_form(catalogue: ModelCatalogue, id: &str, model: &Map<String, Value>) -> Value {
    let is_of_one_token = catalogue != ModelCatalogue::ModelsDev;
    let object = |name: &str| model.get(name).and_then(Value::as_object);
    let costs = match catalogue {
        ModelCatalogue::ModelsDev => object("cost"),
        ModelCatalogue::LiterLlm => object("pricing"),
        ModelCatalogue::Litellm => Some(model),
    };
    let limits = if catalogue == ModelCatalogue::Litellm { Some(model) } else { object("limit") };
    let flags =
        if catalogue == ModelCatalogue::LiterLlm { object("capabilities") } else { Some(model) };
    let mut made = Map::new();
    made.insert("modelid".to_owned(), id.into());
    made.extend(model.get("name").map(|name| ("name".to_owned(), name.clone())));
    for (own, per_million, per_token) in COSTS {
        let theirs = if is_of_one_token { per_token } else { per_million };
        let places = if is_of_one_token { MILLION } else { 0 };
        let cost = costs.and_then(|costs| shifted(costs.get(theirs)?, places));
        made.extend(cost.map(|cost| (own.to_owned(), cost)));
    }
    for (own, nested, flat) in LIMITS {
        let theirs = if catalogue == ModelCatalogue::Litellm { flat } else { nested };
        let limit = limits.and_then(|limits| limits.get(theirs)).filter(|limit| limit.is_u64());
        made.extend(limit.map(|limit| (own.to_owned(), limit.clone())));
    }
    for name in TEXTS {
        let text = model.get(name).filter(|text| text.is_string());
        made.extend(text.map(|text| (name.to_owned(), text.clone())));
    }
    for name in ["input", "output"] {
        let modalities = object("modalities").and_then(|modalities| modalities.get(name));
        made.extend(modalities.map(|modalities| (name.to_owned(), modalities.clone())));
    }
    let is_set = |name: &str| flags.and_then(|flags| flags.get(name)) == Some(&Value::Bool(true));
    let able = ABILITIES.iter().filter(|(own, nested, flat)| match catalogue {
        ModelCatalogue::ModelsDev => is_set(nested),
        ModelCatalogue::LiterLlm => is_set(own),
        ModelCatalogue::Litellm => is_set(flat),
    });
    let abilities: Vec<Value> = able.map(|(own, ..)| (*own).into()).collect();
    made.insert("abilities".to_owned(), Value::Array(abilities));
    let open = flags.and_then(|flags| flags.get("open_weights"));
    made.extend(open.map(|open| ("open_weights".to_owned(), open.clone())));
    Value::Object(made)
}

#[cfg(test)]
mod tests;

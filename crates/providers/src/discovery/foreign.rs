//! Configuration files of other gateways, read into our own form.

use std::collections::BTreeMap;

use muster_words::json::{Map, Value};
use serde_json::json;

use crate::{ProviderName, known_type::KnownType};

/// Our form of a file of LiteLLM or Bifrost; none if it is neither.
pub(super) fn own_form(value: &Value, warnings: &mut Vec<String>) -> Option<Value> {
    if let Some(list) = value.get("model_list").and_then(Value::as_array) {
        return Some(of_litellm(list, warnings));
    }
    let providers = value.get("providers").and_then(Value::as_object)?;
    let has_keys = |provider: &Value| provider.get("keys").is_some_and(Value::is_array);
    // An entry of our own has a type; with one in the file, another with keys is a mistake.
    let is_ours = providers.values().any(|provider| provider.get("type").is_some());
    let is_bifrosts = !is_ours && providers.values().any(has_keys);
    is_bifrosts.then(|| of_bifrost(providers, warnings))
}

/// LiteLLM lists models, each with its provider; those with the same provider, address and key
/// become one provider.
fn of_litellm(list: &[Value], warnings: &mut Vec<String>) -> Value {
    let mut grouped: BTreeMap<(String, String, String), Vec<Value>> = BTreeMap::new();
    for item in list {
        let text = |name: &str| {
            let value = item.get("litellm_params").and_then(|params| params.get(name)?.as_str());
            value.unwrap_or_default().to_owned()
        };
        let model = text("model");
        let (kind, model) = model.split_once('/').unwrap_or(("openai", &model));
        let key = text("api_key");
        let key = key.strip_prefix("os.environ/").map(|name| format!("env:{name}")).unwrap_or(key);
        let entry = grouped.entry((kind.to_owned(), text("api_base"), key));
        entry.or_default().push(model.into());
    }
    let mut providers = Map::new();
    for ((kind, url, key), models) in grouped {
        let known = KnownType::find(&type_name(&kind));
        let mut config =
            json!({ "type": known.map_or(kind.as_str(), |known| &known.id), "models": models });
        if !url.is_empty() {
            config["base_url"] = url.into();
        }
        if !key.is_empty() {
            config["credentials"] = key.into();
        }
        add(&mut providers, &kind, config, warnings);
    }
    json!({ "providers": providers })
}

fn type_name(kind: &str) -> String {
    match kind {
        "vertex_ai" | "google" => "gemini".to_owned(),
        "hosted_vllm" => "vllm".to_owned(),
        "together_ai" => "together".to_owned(),
        "fireworks_ai" => "fireworks".to_owned(),
        other => other.replace('_', "-"),
    }
}

/// Bifrost lists providers, each with several keys; each key becomes one provider.
fn of_bifrost(providers: &Map<String, Value>, warnings: &mut Vec<String>) -> Value {
    let mut made = Map::new();
    for (kind, provider) in providers {
        let url = provider.pointer("/network_config/base_url").and_then(Value::as_str);
        let known = KnownType::find(&type_name(kind));
        for key in provider.get("keys").and_then(Value::as_array).into_iter().flatten() {
            let value = key.get("value").and_then(Value::as_str).unwrap_or_default();
            let mut config = json!({ "type": known.map_or(kind.as_str(), |known| &known.id) });
            let reference = value.strip_prefix("env.").map(|name| format!("env:{name}"));
            config["credentials"] = reference.unwrap_or_else(|| value.to_owned()).into();
            if let Some(url) = url {
                config["base_url"] = url.into();
            }
            if let Some(models) = key.get("models").filter(|models| models.is_array()) {
                config["models"] = models.clone();
            }
            add(&mut made, kind, config, warnings);
        }
    }
    json!({ "providers": made })
}

/// Adds a provider under the name of its type, or with a number behind it.
fn add(providers: &mut Map<String, Value>, kind: &str, config: Value, warnings: &mut Vec<String>) {
    let Some(name) = ProviderName::proposed_for(kind) else { return };
    let name = name.to_string();
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let free =
        std::iter::once(name.clone()).chain(numbered).find(|one| !providers.contains_key(one));
    let Some(free) = free else { return };
    if free != name {
        warnings.push(format!("there are several providers {name}; one is called {free}"));
    }
    providers.insert(free, config);
}

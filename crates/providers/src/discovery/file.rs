use std::{collections::BTreeMap, path::Path, sync::Arc};

use muster_words::{
    json::{self, Map, Value},
    yaml,
};

use super::{FoundProviders, environment::substituted, foreign};
use crate::{Declaration, DeclarationOutcome, ProviderConfig, ProviderSource, ReportLine};

/// Members of a file that give each of its providers their defaults.
const DEFAULTS: [&str; 3] = ["health", "circuitBreaker", "lifecycle"];

/// Reads a configuration file. Its name's end says how it is written: `.toml`, `.yaml`, `.yml` or
/// `.json`. Files of LiteLLM and of Bifrost are understood, too.
///
/// # Errors
/// The file isn't what its name says, or declares no providers at all.
pub fn providers_in_file(
    path: &Path,
    bytes: &[u8],
    environment: &BTreeMap<String, String>,
) -> Result<FoundProviders, String> {
    let shown = path.display().to_string();
    let value = parse(path, bytes).map_err(|why| format!("{shown}: {why}"))?;
    let mut found = FoundProviders::default();
    let own = foreign::own_form(&value, &mut found.warnings).unwrap_or(value);
    let Some(providers) = own.get("providers").and_then(Value::as_object) else {
        return Err(format!(
            "{shown}: it has no map of providers; write providers: {{ name: {{ type: … }} }}"
        ));
    };
    for (name, config) in providers {
        let named = match name.parse::<crate::ProviderName>() {
            Ok(named) => named,
            Err(error) => {
                found.refused.push(ReportLine {
                    name: name.chars().take(100).collect(),
                    source: ProviderSource::File,
                    origin: shown.clone(),
                    outcome: DeclarationOutcome::Refused,
                    reason: Some(error.to_string()),
                });
                continue;
            }
        };
        let config = completed(config, &own, environment).and_then(|config| {
            ProviderConfig::parse(&config).map(Arc::new).map_err(|error| error.to_string())
        });
        found.declared.insert(named, Declaration { config, origin: shown.clone() });
    }
    Ok(found)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Value, String> {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    match end.to_lowercase().as_str() {
        "json" => json::parse(bytes).map_err(|error| error.to_string()),
        "yaml" | "yml" => yaml::parse(bytes).map_err(|error| error.to_string()),
        "toml" => {
            let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
            let table: toml::Table = text
                .parse()
                .map_err(|error: toml::de::Error| error.to_string().trim_end().to_owned())?;
            serde_json::to_value(table).map_err(|error| error.to_string())
        }
        other => Err(format!("{other:?} is no notation; use .toml, .yaml or .json")),
    }
}

/// A provider's configuration with the file's defaults and the environment's values.
fn completed(
    config: &Value,
    file: &Value,
    environment: &BTreeMap<String, String>,
) -> Result<Value, String> {
    let Value::Object(map) = config else {
        return Err("a provider's configuration is a map".to_owned());
    };
    let mut map: Map<String, Value> = map.clone();
    for name in DEFAULTS {
        let Some(Value::Object(usual)) = file.get(name) else { continue };
        let own = map.entry(name).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(own) = own {
            for (key, value) in usual {
                own.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    if let Some(Value::String(url)) = map.get("base_url") {
        let url = substituted(url, environment)?;
        map.insert("base_url".to_owned(), url.into());
    }
    Ok(Value::Object(map))
}

use std::{collections::BTreeMap, sync::Arc};

use muster_words::json::Value;
use serde_json::json;

use super::FoundProviders;
use crate::{
    Declaration, ProviderConfig, ProviderName,
    known_type::{KnownType, ProviderDialect, known_types},
};

/// The providers whose variables are set. An empty variable counts as unset. A variable that
/// several types share makes none of them live, and is reported.
#[must_use]
pub fn providers_in_environment(
    environment: &BTreeMap<String, String>,
    opt_in: &[String],
) -> FoundProviders {
    let mut found = FoundProviders::default();
    for name in opt_in {
        if KnownType::find(name).is_none() {
            found.warnings.push(format!("there is no type {name:?} of providers to opt in to"));
        }
    }
    for known in known_types() {
        let Some(variables) = set_variables(known, environment) else { continue };
        let wanted =
            opt_in.iter().any(|name| KnownType::find(name).is_some_and(|o| o.id == known.id));
        if known.opt_in && !wanted {
            found.warnings.push(format!(
                "{} is set, but other programs use it too; to make {} live, opt in to it (providers.opt_in)",
                variables.join(", "),
                known.id
            ));
            continue;
        }
        if let Some(other) = sharing(known, &variables) {
            found.warnings.push(format!(
                "{} is a variable of {} and of {other}; declare the one that is meant",
                variables.join(", "),
                known.id
            ));
            continue;
        }
        found.warnings.extend(odd_key(known, variables[0], environment));
        let Some(name) = ProviderName::proposed_for(&known.id) else { continue };
        let origin = variables.join(", ");
        let config = config_of(known, &variables, environment).and_then(|value| {
            ProviderConfig::parse(&value).map(Arc::new).map_err(|error| error.to_string())
        });
        found.declared.insert(name, Declaration { config, origin });
    }
    found
}

fn value<'a>(environment: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
}

/// The variables that make a provider of this type; the first is the key.
fn set_variables<'a>(
    known: &'a KnownType,
    environment: &BTreeMap<String, String>,
) -> Option<Vec<&'a str>> {
    let is_set = |name: &&String| value(environment, name).is_some();
    if !known.env.all.is_empty() {
        let all = known.env.all.iter().all(|name| is_set(&name));
        return all.then(|| known.env.all.iter().map(String::as_str).collect());
    }
    known.env.any.iter().find(is_set).map(|name| vec![name.as_str()])
}

/// Another type that has one of these variables.
fn sharing(known: &KnownType, variables: &[&str]) -> Option<&'static str> {
    let shares = |other: &&KnownType| {
        other.id != known.id && other.variables().any(|name| variables.contains(&name))
    };
    known_types().iter().find(shares).map(|other| other.id.as_str())
}

/// A warning for a key that begins like another provider's.
fn odd_key(
    known: &KnownType,
    variable: &str,
    environment: &BTreeMap<String, String>,
) -> Option<String> {
    let key = value(environment, variable)?;
    let begins = known_types().iter().filter_map(|other| {
        let prefix = other.key_prefix.as_deref()?;
        key.starts_with(prefix).then_some((prefix.len(), other))
    });
    let (length, likely) = begins.max_by_key(|(length, _)| *length)?;
    let own = known.key_prefix.as_deref().filter(|prefix| key.starts_with(*prefix));
    // Many use the prefix of OpenAI's keys, which says little about whose a key is.
    let is_other = match own {
        Some(own) => length > own.len(),
        None => length > "sk-".len() || known.key_prefix.is_some(),
    };
    let is_other = is_other && likely.id != known.id;
    is_other
        .then(|| format!("{variable} looks like a key of {}, not of {}", likely.title, known.title))
}

fn config_of(
    known: &KnownType,
    variables: &[&str],
    environment: &BTreeMap<String, String>,
) -> Result<Value, String> {
    let mut config = json!({ "type": known.id, "credentials": format!("env:{}", variables[0]) });
    if known.dialect == ProviderDialect::Bedrock {
        let mut pair = json!({
            "access_key_id": format!("env:{}", variables[0]),
            "secret_access_key": format!("env:{}", variables[1])
        });
        if value(environment, "AWS_SESSION_TOKEN").is_some() {
            pair["session_token"] = "env:AWS_SESSION_TOKEN".into();
        }
        config["credentials"] = pair;
        config["region"] = value(environment, variables[2]).unwrap_or_default().into();
    }
    if let Some(url) = &known.env_base_url {
        config["base_url"] = substituted(url, environment)?.into();
    }
    // OPENAI_API_KEY goes with OPENAI_BASE_URL, as in the clients of these providers.
    let stem = variables[0].trim_end_matches("_API_KEY").trim_end_matches("_TOKEN");
    if let Some(url) = value(environment, &format!("{stem}_BASE_URL")) {
        config["base_url"] = url.into();
    }
    Ok(config)
}

/// A text with the values of `${NAME}`.
///
/// # Errors
/// A variable isn't set.
pub(super) fn substituted(
    text: &str,
    environment: &BTreeMap<String, String>,
) -> Result<String, String> {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) =
            after.split_once('}').ok_or_else(|| format!("{text:?} has ${{ without }}"))?;
        let found = value(environment, name)
            .ok_or_else(|| format!("{text:?} needs the variable {name}, which isn't set"))?;
        made.push_str(before);
        made.push_str(found);
        rest = after;
    }
    made.push_str(rest);
    Ok(made)
}

//! Whether a JSON Schema can be used with language models: as the structure of an answer, or as the
//! input of a tool. The rules are data ([`PROFILE_RULES`]), each with the page that it comes from.

use std::{collections::BTreeSet, fmt, str::FromStr};

use muster_words::json::Value;
use serde::{Deserialize, Serialize};

use crate::{UnknownName, limits::OBSTACLES_MAX, quality::sites_of};

mod rules;

pub use rules::{PROFILE_RULES, ProfileRule, ProfileSource};

/// A provider of language models, with what it asks of schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelProvider {
    /// OpenAI's structured outputs and functions with `strict`.
    OpenAi,
    /// Anthropic's structured outputs and tools with `strict`.
    Anthropic,
    /// Google Gemini's structured output.
    Gemini,
}

impl ModelProvider {
    /// All providers.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::Anthropic, Self::Gemini];
}

/// What a provider does with a schema that doesn't meet a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObstacleEffect {
    /// The request is refused.
    Refused,
    /// The keyword is ignored, so answers may violate the schema.
    Ignored,
}

impl fmt::Display for ModelProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        })
    }
}

impl FromStr for ModelProvider {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|provider| provider.to_string() == text);
        found.ok_or_else(|| UnknownName::new(text, "openai, anthropic and gemini"))
    }
}

impl fmt::Display for ObstacleEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "refused",
            Self::Ignored => "ignored",
        })
    }
}

/// One place that keeps a schema from being used with a provider as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileObstacle {
    /// The id of the rule.
    pub rule: String,
    /// The place in the schema, as a JSON Pointer.
    pub path: String,
    /// What the provider does.
    pub effect: ObstacleEffect,
    /// What is wrong.
    pub message: String,
    /// The change that removes the obstacle.
    pub change: String,
    /// The page of the provider that says so.
    pub source: String,
}

/// What keeps a JSON Schema from being used with a provider, in the order of the places: at most
/// [`OBSTACLES_MAX`](crate::limits::OBSTACLES_MAX). Without obstacles of the effect
/// [`ObstacleEffect::Refused`], the provider takes it.
///
/// ```
/// use muster_schema::{ModelProvider, profile_obstacles};
///
/// let schema = serde_json::json!({"type": "object", "properties": {"a": {"type": "string"}}});
/// let found = profile_obstacles(&schema, ModelProvider::OpenAi);
/// let rules: Vec<&str> = found.iter().map(|one| one.rule.as_str()).collect();
/// assert_eq!(rules, ["openai_closed_objects", "openai_all_required"]);
/// ```
#[must_use]
pub fn profile_obstacles(schema: &Value, provider: ModelProvider) -> Vec<ProfileObstacle> {
    let sites = sites_of(schema);
    let mut found = Vec::new();
    for rule in PROFILE_RULES.iter().filter(|rule| rule.provider == provider) {
        let paths: BTreeSet<String> = (rule.check)(schema, &sites).into_iter().collect();
        for path in paths {
            if found.len() < OBSTACLES_MAX {
                found.push(ProfileObstacle {
                    rule: rule.id.to_owned(),
                    path,
                    effect: rule.effect,
                    message: rule.message.to_owned(),
                    change: rule.change.to_owned(),
                    source: rule.source.url.to_owned(),
                });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

use std::sync::LazyLock;

use muster_schema::nearest;
use serde::Deserialize;

use crate::probe::ProbeClass;

/// How a provider is spoken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderDialect {
    /// OpenAI's own API.
    Openai,
    /// What other servers made of it.
    OpenaiCompatible,
    /// Anthropic's messages.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// OpenAI's API as Azure serves it.
    Azure,
    /// Amazon Bedrock's Converse.
    Bedrock,
}

/// A type of provider: a row of a table, so that another server with OpenAI's dialect is data.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownType {
    /// The name of the type.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// How it is spoken with.
    pub dialect: ProviderDialect,
    /// Where it is, unless the configuration says otherwise.
    pub base_url: Option<String>,
    /// Which variables of the environment hold its key.
    pub env: KnownVariables,
    /// Where it is if it was found in the environment, with variables.
    pub env_base_url: Option<String>,
    /// Whether others use these variables too, so that finding them isn't enough.
    #[serde(default)]
    pub opt_in: bool,
    /// How its keys begin.
    pub key_prefix: Option<String>,
    /// Whether it works without a key.
    #[serde(default)]
    pub key_optional: bool,
    /// The call that says whether it works; none: only whether it can be reached.
    pub probe: Option<KnownProbe>,
    /// Other names of the type.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What it calls the most tokens of an answer.
    pub max_tokens: Option<String>,
    /// Whether it says in streams how many tokens were used, if it is asked.
    #[serde(default)]
    pub stream_usage: bool,
    /// Members of a request that it refuses although they could be left out.
    #[serde(default)]
    pub drop: Vec<String>,
}

/// Variables of the environment that together make a provider.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KnownVariables {
    /// One of them is enough, the first that is set.
    pub any: Vec<String>,
    /// All of them are needed; the first is the key.
    pub all: Vec<String>,
}

/// A free call that says whether a provider works.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownProbe {
    /// The path below the base URL.
    pub path: String,
    /// What an answer proves.
    #[serde(with = "ProbeClassText")]
    pub proves: ProbeClass,
}

/// How the table names classes.
#[derive(Deserialize)]
#[serde(remote = "ProbeClass", rename_all = "lowercase")]
enum ProbeClassText {
    Reach,
    Key,
    Credit,
    Completion,
}

static KNOWN: LazyLock<Vec<KnownType>> = LazyLock::new(|| {
    // A test parses it, so it is valid in every release.
    serde_json::from_str(include_str!("known_types.json")).unwrap_or_default()
});

/// Every type.
pub fn known_types() -> &'static [KnownType] {
    &KNOWN
}

impl KnownType {
    /// The type of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        let is = |known: &&Self| known.id == name || known.aliases.iter().any(|one| one == name);
        KNOWN.iter().find(is)
    }

    /// The type that was probably meant.
    #[must_use]
    pub fn nearest_to(name: &str) -> Option<&'static str> {
        nearest(name, KNOWN.iter().map(|known| known.id.as_str()))
    }

    /// Every variable that it knows.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.env.any.iter().chain(&self.env.all).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn knows_each_type_once() {
        let rows: Vec<KnownType> =
            serde_json::from_str(include_str!("known_types.json")).unwrap_or_default();
        assert!(rows.len() >= 40, "the table can't be read");
        let mut names = BTreeSet::new();
        for row in &rows {
            assert!(names.insert(&row.id), "{} is there twice", row.id);
            for alias in &row.aliases {
                assert!(names.insert(alias), "{alias} is there twice");
            }
            assert!(row.env.any.is_empty() || row.env.all.is_empty(), "{}", row.id);
        }
        assert_eq!(KnownType::find("google").map(|known| known.id.as_str()), Some("gemini"));
        assert_eq!(KnownType::nearest_to("mistrla"), Some("mistral"));
    }
}

use serde_json::Value;
use thiserror::Error;

use crate::{
    Places,
    json::{self, JsonError},
    yaml::{self, YamlError},
};

/// How the data of a document is written, which its media type says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Notation {
    /// JSON; also if the media type names neither, or there is none.
    #[default]
    Json,
    /// YAML.
    Yaml,
}

/// The media types of YAML: RFC 9512, and those that were in use before it.
const YAML_TYPES: [&str; 5] =
    ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/vnd.yaml"];

/// Why bytes aren't data in their notation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotationError {
    /// They aren't strict JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// They aren't YAML that every reader takes for the same.
    #[error("{0}")]
    Yaml(#[from] YamlError),
}

impl Notation {
    /// The notation of a document with this media type.
    #[must_use]
    pub fn of(content_type: Option<&str>) -> Self {
        content_type.and_then(Self::named_by).unwrap_or_default()
    }

    /// The notation that a media type names. Its parameters are ignored.
    #[must_use]
    pub fn named_by(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let ends_with = |suffix: &str| {
            let start = essence.len().checked_sub(suffix.len());
            start
                .and_then(|start| essence.get(start..))
                .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
        };
        if essence.eq_ignore_ascii_case("application/json") || ends_with("+json") {
            return Some(Self::Json);
        }
        let is_yaml = YAML_TYPES.iter().any(|name| essence.eq_ignore_ascii_case(name));
        (is_yaml || ends_with("+yaml")).then_some(Self::Yaml)
    }

    /// Its name, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
        }
    }

    /// Parses one value.
    ///
    /// # Errors
    /// See [`NotationError`].
    pub fn parse(self, bytes: &[u8]) -> Result<Value, NotationError> {
        match self {
            Self::Json => Ok(json::parse(bytes)?),
            Self::Yaml => Ok(yaml::parse(bytes)?),
        }
    }

    /// Parses one value, and finds the place of each value in it.
    ///
    /// # Errors
    /// See [`NotationError`].
    pub fn parse_with_places(self, bytes: &[u8]) -> Result<(Value, Places), NotationError> {
        match self {
            Self::Json => Ok(json::parse_with_places(bytes)?),
            Self::Yaml => Ok(yaml::parse_with_places(bytes)?),
        }
    }
}

impl NotationError {
    /// Where parsing stopped.
    #[must_use]
    pub const fn place(&self) -> crate::TextPlace {
        match self {
            Self::Json(JsonError { line, column, .. })
            | Self::Yaml(YamlError { line, column, .. }) => {
                crate::TextPlace { line: *line, column: *column }
            }
        }
    }

    /// The notation in which the bytes were read.
    #[must_use]
    pub const fn notation(&self) -> Notation {
        match self {
            Self::Json(_) => Notation::Json,
            Self::Yaml(_) => Notation::Yaml,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_notation_of_a_media_type() {
        use Notation::{Json, Yaml};
        for (content_type, expect) in [
            ("application/json", Some(Json)),
            ("Application/JSON; charset=utf-8", Some(Json)),
            ("application/cloudevents+json", Some(Json)),
            ("application/yaml", Some(Yaml)),
            ("application/x-yaml", Some(Yaml)),
            ("text/yaml; charset=utf-8", Some(Yaml)),
            (" Text/X-YAML ", Some(Yaml)),
            ("text/vnd.yaml", Some(Yaml)),
            ("application/openapi+yaml;version=3.1", Some(Yaml)),
            ("application/yaml-seq", None),
            ("text/plain", None),
            ("é+yaml", Some(Yaml)),
            ("", None),
        ] {
            assert_eq!(Notation::named_by(content_type), expect, "{content_type}");
        }
        assert_eq!(Notation::of(None), Json);
        assert_eq!(Notation::of(Some("text/plain")), Json);
    }
}

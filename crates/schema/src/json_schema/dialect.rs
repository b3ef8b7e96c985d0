use jsonschema::Draft;
use muster_words::json::Value;
use serde::Serialize;

/// The supported drafts of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Dialect {
    /// Draft 4 (2013).
    #[serde(rename = "draft-04")]
    Draft4,
    /// Draft 6 (2017).
    #[serde(rename = "draft-06")]
    Draft6,
    /// Draft 7 (2018).
    #[serde(rename = "draft-07")]
    Draft7,
    /// 2019-09.
    #[serde(rename = "2019-09")]
    Draft201909,
    /// 2020-12, which is also the default.
    #[serde(rename = "2020-12")]
    Draft202012,
}

impl Dialect {
    /// Reads a schema's `$schema`.
    ///
    /// # Errors
    /// The text of a `$schema` that isn't a supported draft.
    pub fn of(schema: &Value) -> Result<Self, String> {
        let Some(named) = schema.get("$schema") else { return Ok(Self::Draft202012) };
        let Some(text) = named.as_str() else { return Err(named.to_string()) };
        let place = text.trim_end_matches('#');
        let place = place.strip_prefix("http://").or_else(|| place.strip_prefix("https://"));
        match place {
            Some("json-schema.org/draft-04/schema") => Ok(Self::Draft4),
            Some("json-schema.org/draft-06/schema") => Ok(Self::Draft6),
            Some("json-schema.org/draft-07/schema") => Ok(Self::Draft7),
            Some("json-schema.org/draft/2019-09/schema") => Ok(Self::Draft201909),
            Some("json-schema.org/draft/2020-12/schema") => Ok(Self::Draft202012),
            _ => Err(text.to_owned()),
        }
    }

    /// The text of its `$schema`.
    pub(crate) const fn address(self) -> &'static str {
        match self {
            Self::Draft4 => "http://json-schema.org/draft-04/schema#",
            Self::Draft6 => "http://json-schema.org/draft-06/schema#",
            Self::Draft7 => "http://json-schema.org/draft-07/schema#",
            Self::Draft201909 => "https://json-schema.org/draft/2019-09/schema",
            Self::Draft202012 => "https://json-schema.org/draft/2020-12/schema",
        }
    }

    /// Whether the draft ignores everything beside a `$ref`.
    pub(crate) const fn hides_beside_reference(self) -> bool {
        matches!(self, Self::Draft4 | Self::Draft6 | Self::Draft7)
    }

    pub(crate) fn draft(self) -> Draft {
        match self {
            Self::Draft4 => Draft::Draft4,
            Self::Draft6 => Draft::Draft6,
            Self::Draft7 => Draft::Draft7,
            Self::Draft201909 => Draft::Draft201909,
            Self::Draft202012 => Draft::Draft202012,
        }
    }
}

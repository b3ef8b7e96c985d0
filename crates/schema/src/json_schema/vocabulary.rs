use muster_words::json::Value;
use thiserror::Error;

use crate::{
    Dialect,
    json_schema::{analysis::holds_named, outline::is_plain},
};

/// What a schema's `$schema` decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeclaredDialect {
    /// The draft whose keywords it has.
    pub(crate) dialect: Dialect,
    /// Whether `format` is asserted without a binding that says so.
    pub(crate) asserts_formats: bool,
}

/// Why a schema can't be a `$schema`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetaschemaFault {
    /// It requires a vocabulary that isn't known.
    #[error(
        "requires the vocabulary {0}, which Muster doesn't know; known are those of the drafts 2019-09 \
         and 2020-12"
    )]
    UnknownVocabulary(String),
    /// It leaves out a vocabulary of which the schema has a keyword, which would be applied.
    #[error(
        "leaves out the vocabulary {vocabulary}, but the schema has its keyword {keyword:?}, which \
         Muster would apply; add the vocabulary to $vocabulary, or leave the keyword out"
    )]
    LeavesOut {
        /// The vocabulary.
        vocabulary: String,
        /// The first such keyword.
        keyword: &'static str,
    },
    /// It is written in a dialect of its own.
    #[error("must itself have a draft of JSON Schema as its $schema, or its own $id")]
    OwnDialect,
}

/// Where the drafts' vocabularies have their names.
const VOCABULARIES: [(&str, Dialect); 2] = [
    ("https://json-schema.org/draft/2019-09/vocab/", Dialect::Draft201909),
    ("https://json-schema.org/draft/2020-12/vocab/", Dialect::Draft202012),
];

/// The vocabularies of a draft with the keywords that decide whether a value is valid. What only
/// describes, and what is asked for by `$vocabulary` alone, has none here.
const fn vocabularies_of(dialect: Dialect) -> &'static [(&'static str, &'static [&'static str])] {
    match dialect {
        Dialect::Draft201909 => &[
            ("core", &[]),
            ("applicator", APPLICATOR),
            ("applicator", UNEVALUATED),
            ("validation", VALIDATION),
            ("meta-data", &[]),
            ("format", &[]),
            ("content", &[]),
        ],
        _ => &[
            ("core", &[]),
            ("applicator", APPLICATOR),
            ("unevaluated", UNEVALUATED),
            ("validation", VALIDATION),
            ("meta-data", &[]),
            ("format-annotation", &[]),
            ("format-assertion", &[]),
            ("content", &[]),
        ],
    }
}

const APPLICATOR: &[&str] = &[
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "dependentSchemas",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "then",
];

/// In 2019-09 they belong to the applicators.
const UNEVALUATED: &[&str] = &["unevaluatedItems", "unevaluatedProperties"];

const VALIDATION: &[&str] = &[
    "const",
    "dependentRequired",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "required",
    "type",
    "uniqueItems",
];

/// The first of these keywords that a schema has, at any depth. Among named schemas, such as those of
/// `properties`, a key is a name.
fn first_used(
    value: &Value,
    keywords: &'static [&'static str],
    is_named: bool,
) -> Option<&'static str> {
    match value {
        Value::Object(map) => map.iter().find_map(|(key, member)| {
            let own = keywords.iter().find(|keyword| !is_named && *keyword == key);
            let is_value = !is_named && is_plain(key);
            own.copied().or_else(|| {
                let is_named = !is_named && holds_named(key);
                if is_value { None } else { first_used(member, keywords, is_named) }
            })
        }),
        Value::Array(items) => items.iter().find_map(|item| first_used(item, keywords, false)),
        _ => None,
    }
}

impl DeclaredDialect {
    /// A draft as it stands.
    pub(crate) const fn draft(dialect: Dialect) -> Self {
        Self { dialect, asserts_formats: false }
    }

    /// What a metaschema makes of a schema that names it (JSON Schema 2020-12 core, 8.1.2). Without a
    /// `$vocabulary`, it is a stricter form of its own draft. `own` says that it is its own
    /// `$schema`.
    ///
    /// # Errors
    /// See [`MetaschemaFault`].
    pub(crate) fn of_metaschema(
        metaschema: &Value,
        own: bool,
        schema: &Value,
    ) -> Result<Self, MetaschemaFault> {
        let written_in = match Dialect::of(metaschema) {
            Ok(dialect) => dialect,
            Err(_) if own => Dialect::Draft202012,
            Err(_) => return Err(MetaschemaFault::OwnDialect),
        };
        let Some(vocabulary) = metaschema.get("$vocabulary").and_then(Value::as_object) else {
            return Ok(Self::draft(written_in));
        };
        let core = |(place, _): &&(&str, Dialect)| vocabulary.contains_key(&format!("{place}core"));
        let (place, dialect) = VOCABULARIES.iter().find(core).copied().unwrap_or_else(|| {
            let of_draft = VOCABULARIES.iter().find(|(_, dialect)| *dialect == written_in);
            of_draft.copied().unwrap_or(VOCABULARIES[1])
        });
        let known = vocabularies_of(dialect);
        let is_known = |name: &str| {
            name.strip_prefix(place).is_some_and(|name| known.iter().any(|(own, _)| *own == name))
        };
        let required = vocabulary.iter().filter(|(_, required)| **required == Value::Bool(true));
        if let Some((name, _)) = required.into_iter().find(|(name, _)| !is_known(name)) {
            return Err(MetaschemaFault::UnknownVocabulary(name.clone()));
        }
        for (name, keywords) in known {
            let vocabulary_name = format!("{place}{name}");
            if vocabulary.contains_key(&vocabulary_name) {
                continue;
            }
            if let Some(keyword) = first_used(schema, keywords, false) {
                let vocabulary = vocabulary_name;
                return Err(MetaschemaFault::LeavesOut { vocabulary, keyword });
            }
        }
        let asserts_formats = match dialect {
            // In 2019-09, `true` asks for it (validation, 7.2); 2020-12 has a vocabulary for it, which
            // holds for everyone who knows it, required or not.
            Dialect::Draft201909 => {
                vocabulary.get(&format!("{place}format")) == Some(&Value::Bool(true))
            }
            _ => vocabulary.contains_key(&format!("{place}format-assertion")),
        };
        Ok(Self { dialect, asserts_formats })
    }
}

use muster_words::json::Value;
use thiserror::Error;

use crate::Dialect;

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
    /// It leaves out a vocabulary whose keywords are always applied.
    #[error(
        "leaves out the vocabulary {0}, but Muster applies all keywords of a draft; add it to \
         $vocabulary"
    )]
    LeavesOut(String),
    /// It is written in a dialect of its own.
    #[error("must itself have a draft of JSON Schema as its $schema, or its own $id")]
    OwnDialect,
}

/// Where the drafts' vocabularies have their names.
const VOCABULARIES: [(&str, Dialect); 2] = [
    ("https://json-schema.org/draft/2019-09/vocab/", Dialect::Draft201909),
    ("https://json-schema.org/draft/2020-12/vocab/", Dialect::Draft202012),
];

/// The vocabularies of a draft, and whether a `$schema` may leave it out: what says nothing about a
/// value's validity, and what is asked for by `$vocabulary` alone.
const fn vocabularies_of(dialect: Dialect) -> &'static [(&'static str, bool)] {
    match dialect {
        Dialect::Draft201909 => &[
            ("core", false),
            ("applicator", false),
            ("validation", false),
            ("meta-data", true),
            ("format", true),
            ("content", true),
        ],
        _ => &[
            ("core", false),
            ("applicator", false),
            ("unevaluated", false),
            ("validation", false),
            ("meta-data", true),
            ("format-annotation", true),
            ("format-assertion", true),
            ("content", true),
        ],
    }
}

impl DeclaredDialect {
    /// A draft as it stands.
    pub(crate) const fn draft(dialect: Dialect) -> Self {
        Self { dialect, asserts_formats: false }
    }

    /// What a metaschema makes of the schemas that name it (JSON Schema 2020-12 core, 8.1.2). Without
    /// a `$vocabulary`, it is a stricter form of its own draft. `own` says that it is its own
    /// `$schema`.
    ///
    /// # Errors
    /// See [`MetaschemaFault`].
    pub(crate) fn of_metaschema(metaschema: &Value, own: bool) -> Result<Self, MetaschemaFault> {
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
        let absent = |(name, optional): &&(&str, bool)| {
            !*optional && !vocabulary.contains_key(&format!("{place}{name}"))
        };
        if let Some((name, _)) = known.iter().find(absent) {
            return Err(MetaschemaFault::LeavesOut(format!("{place}{name}")));
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

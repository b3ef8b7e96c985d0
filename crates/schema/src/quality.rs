//! How good a schema is beyond being valid: a score of 100, and what would raise it. The rules are
//! data ([`QUALITY_RULES`]).

use std::fmt;

use muster_words::json::Value;
use serde::{Deserialize, Serialize};

use crate::limits::QUALITY_ISSUES_MAX;

mod rules;
mod sites;

pub use rules::{QUALITY_RULES, QualityRule};
pub(crate) use sites::{Site, sites_of};

/// A side of a schema's quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QualityDimension {
    /// It describes what it stands for.
    Completeness,
    /// It does alike things alike.
    Consistency,
    /// It says what it means: no contradictions, no misspelt keywords.
    Validity,
    /// It is small enough to be understood.
    Complexity,
    /// It says each thing once.
    Reusability,
}

/// How serious an issue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QualitySeverity {
    /// It is a mistake.
    Error,
    /// It is probably a mistake, or will be a burden.
    Warning,
    /// It could be better.
    Info,
}

impl fmt::Display for QualitySeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        })
    }
}

/// One thing that lowers the score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityIssue {
    /// How serious it is.
    #[serde(rename = "type")]
    pub severity: QualitySeverity,
    /// What to do about it, in one sentence.
    pub message: String,
    /// The place, as a JSON Pointer.
    pub path: String,
}

/// The quality of a schema. All scores are from 0 to 100.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaQuality {
    /// The average of the five sides.
    pub quality_score: u8,
    /// See [`QualityDimension::Completeness`].
    pub completeness: u8,
    /// See [`QualityDimension::Consistency`].
    pub consistency: u8,
    /// See [`QualityDimension::Validity`].
    pub validity: u8,
    /// See [`QualityDimension::Complexity`].
    pub complexity: u8,
    /// See [`QualityDimension::Reusability`].
    pub reusability: u8,
    /// What lowers the scores, errors first: at most
    /// [`QUALITY_ISSUES_MAX`](crate::limits::QUALITY_ISSUES_MAX).
    pub issues: Vec<QualityIssue>,
}

/// From which size on a schema is called too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QualityLimits {
    /// The number of properties of one object.
    pub properties_max: usize,
    /// The nesting depth of objects and arrays.
    pub nesting_max: usize,
    /// The number of items that an array may have.
    pub array_items_max: usize,
}

impl Default for QualityLimits {
    fn default() -> Self {
        Self { properties_max: 100, nesting_max: 5, array_items_max: 1_000 }
    }
}

/// The quality of a JSON Schema. It needn't compile.
///
/// ```
/// use muster_schema::{QualityLimits, json_schema_quality};
///
/// let schema = serde_json::json!({"type": "object", "properties": {"a": {"minimum": 5, "maximum": 3}}});
/// let quality = json_schema_quality(&schema, &QualityLimits::default());
/// assert!(quality.validity < 100);
/// assert_eq!(quality.issues[0].path, "/properties/a");
/// ```
#[must_use]
pub fn json_schema_quality(schema: &Value, limits: &QualityLimits) -> SchemaQuality {
    let sites = sites_of(schema);
    let mut found: Vec<QualityIssue> = Vec::new();
    let score = |dimension: QualityDimension, found: &mut Vec<QualityIssue>| {
        let (mut passed, mut all) = (0_u64, 0_u64);
        for rule in QUALITY_RULES.iter().filter(|rule| rule.dimension == dimension) {
            for check in (rule.check)(&sites, limits) {
                all += rule.weight;
                match check {
                    Ok(()) => passed += rule.weight,
                    Err(path) if found.len() < QUALITY_ISSUES_MAX => {
                        let message = rule.message.to_owned();
                        found.push(QualityIssue { severity: rule.severity, message, path });
                    }
                    Err(_) => {}
                }
            }
        }
        u8::try_from((passed * 100).checked_div(all).unwrap_or(100)).unwrap_or(100)
    };
    let validity = score(QualityDimension::Validity, &mut found);
    let complexity = score(QualityDimension::Complexity, &mut found);
    let consistency = score(QualityDimension::Consistency, &mut found);
    let reusability = score(QualityDimension::Reusability, &mut found);
    let completeness = score(QualityDimension::Completeness, &mut found);
    let all = [completeness, consistency, validity, complexity, reusability];
    let sum: u16 = all.iter().map(|score| u16::from(*score)).sum();
    found.sort_by(|one, other| (one.severity, &one.path).cmp(&(other.severity, &other.path)));
    SchemaQuality {
        quality_score: u8::try_from(sum / 5).unwrap_or(100),
        completeness,
        consistency,
        validity,
        complexity,
        reusability,
        issues: found,
    }
}

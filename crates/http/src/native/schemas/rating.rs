use muster_schema::{
    ModelProvider, ObstacleEffect, QualityLimits, json_schema_quality, profile_obstacles,
};
use muster_wire::{
    Problem,
    schemas::{
        ProfileReport, ProfileRequest, QualityReport, QualityReportIssue, QualityRequest,
        SchemaObstacle, SchemaProfile,
    },
};

use super::source::Reader;

/// Rates a schema.
pub(super) async fn rate(
    reader: Reader,
    request: QualityRequest,
) -> Result<QualityReport, Problem> {
    let schema = reader.json_schema(&request.schema).await?;
    let usual = QualityLimits::default();
    let limit = |given: Option<u32>, usual| given.map_or(usual, |given| given as usize);
    let limits = QualityLimits {
        properties_max: limit(request.properties_max, usual.properties_max),
        nesting_max: limit(request.nesting_max, usual.nesting_max),
        array_items_max: limit(request.array_items_max, usual.array_items_max),
    };
    let found = reader.work(|| json_schema_quality(&schema, &limits))?;
    let issues = found.issues.into_iter().map(|issue| QualityReportIssue {
        severity: issue.severity.to_string(),
        message: issue.message,
        path: issue.path,
    });
    Ok(QualityReport {
        quality_score: found.quality_score,
        completeness: found.completeness,
        consistency: found.consistency,
        validity: found.validity,
        complexity: found.complexity,
        reusability: found.reusability,
        issues: issues.collect(),
    })
}

/// Says with which providers a schema can be used.
pub(super) async fn profile(
    reader: Reader,
    request: ProfileRequest,
) -> Result<ProfileReport, Problem> {
    let named = request.providers.iter();
    let named = named.map(|text| reader.word(Some(text), "providers", ModelProvider::OpenAi));
    let mut providers: Vec<ModelProvider> = named.collect::<Result<_, _>>()?;
    if providers.is_empty() {
        providers.extend(ModelProvider::ALL);
    }
    providers.sort_unstable();
    providers.dedup();
    let schema = reader.json_schema(&request.schema).await?;
    let mut profiles = Vec::new();
    for provider in providers {
        let found = reader.work(|| profile_obstacles(&schema, provider))?;
        let usable = found.iter().all(|one| one.effect != ObstacleEffect::Refused);
        let obstacles = found.into_iter().map(|one| SchemaObstacle {
            rule: one.rule,
            path: one.path,
            effect: one.effect.to_string(),
            message: one.message,
            change: one.change,
            source: one.source,
        });
        let provider = provider.to_string();
        profiles.push(SchemaProfile { provider, usable, obstacles: obstacles.collect() });
    }
    Ok(ProfileReport { profiles })
}

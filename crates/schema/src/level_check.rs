use serde::{Deserialize, Serialize};

use crate::{Broken, Direction, Level};

/// An earlier version that a new one was compared with, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionFindings<V> {
    /// The earlier version.
    pub version: V,
    /// Why they aren't compatible, in all directions that the level asks for; nothing if they are.
    pub findings: Vec<Broken>,
}

/// Compares a new version of a schema with the earlier ones that a level asks for: none, the newest,
/// or all. `earlier` has the newest first; `compare` compares one of them with the new version, by
/// the policy of the caller. Each is compared once per direction, so the work grows with the number
/// of versions and no faster.
///
/// ```
/// use muster_schema::{
///     Direction, Level, NoSources, Policy, Schema, check_level, compare_json_schemas,
/// };
///
/// let parse = |text: &str| Schema::parse(text.as_bytes(), &NoSources);
/// let new = parse(r#"{"maxLength": 8}"#)?;
/// let earlier = [parse(r#"{"maxLength": 7}"#)?, parse(r#"{"maxLength": 9}"#)?];
/// let check = |level| {
///     let compare = |old: &&Schema, direction| {
///         compare_json_schemas(old, &new, direction, Policy::Sound)
///     };
///     let compared = check_level(level, &earlier, compare);
///     compared.iter().map(|one| one.findings.len()).collect::<Vec<_>>()
/// };
/// assert!(check(Level::None).is_empty());
/// assert_eq!(check(Level::Backward), [0]);
/// assert_eq!(check(Level::BackwardTransitive), [0, 1]);
/// assert_eq!(check(Level::FullTransitive), [1, 1]);
/// # Ok::<(), muster_schema::CompileError>(())
/// ```
pub fn check_level<V>(
    level: Level,
    earlier: impl IntoIterator<Item = V>,
    mut compare: impl FnMut(&V, Direction) -> Vec<Broken>,
) -> Vec<VersionFindings<V>> {
    let count = match level {
        Level::None => 0,
        level if level.is_transitive() => usize::MAX,
        _ => 1,
    };
    let compared = earlier.into_iter().take(count).map(|version| {
        let directions = level.directions().iter();
        let findings = directions.flat_map(|direction| compare(&version, *direction)).collect();
        VersionFindings { version, findings }
    });
    compared.collect()
}

//! Compares two schemas.

use super::{ProtobufSchema, confluent, sound, wording};
use crate::{Broken, Certainty, Direction, Policy};

/// Why two schemas aren't compatible in a direction, by a policy; nothing if they are.
///
/// The two policies of Confluent judge alike for Protobuf. They go by names and types as they are
/// declared. [`Policy::Sound`] goes by what is on the wire: if it finds nothing, each message that
/// is written with the writer's schema is read with the reader's, and each field that both have
/// keeps its value.
///
/// ```
/// use muster_schema::{Direction, Policy, protobuf::{ProtobufSchema, compare}};
///
/// let old = ProtobufSchema::parse("syntax = \"proto3\"; message A { int32 n = 1; }", &[])?;
/// let new = ProtobufSchema::parse("syntax = \"proto3\"; message A { int64 n = 1; }", &[])?;
/// assert!(compare(&old, &new, Direction::Backward, Policy::Sound).is_empty());
/// let broken = compare(&old, &new, Direction::Forward, Policy::Sound);
/// assert_eq!(broken[0].rule, "field_scalar_kind_changed");
/// assert_eq!(broken[0].path, ".A.n");
/// # Ok::<(), muster_schema::protobuf::ProtobufError>(())
/// ```
#[must_use]
pub fn compare(
    old: &ProtobufSchema,
    new: &ProtobufSchema,
    direction: Direction,
    policy: Policy,
) -> Vec<Broken> {
    let (writer, reader) = match direction {
        Direction::Backward => (old, new),
        Direction::Forward => (new, old),
    };
    let mut findings = match policy {
        Policy::ConfluentStrict | Policy::ConfluentLenient => confluent::compare(writer, reader),
        Policy::Sound => sound::compare(writer, reader, direction),
    };
    findings.sort();
    findings.dedup();
    findings.into_iter().map(|finding| wording::broken(finding, direction)).collect()
}

/// What a comparison found at one place, from the writer's side to the reader's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    /// Where, as the writer's schema names it, or else the reader's.
    pub(super) writer_path: Option<String>,
    pub(super) reader_path: Option<String>,
    pub(super) rule: &'static str,
    pub(super) certainty: Certainty,
    /// What the writer's schema says there.
    pub(super) written: Option<String>,
    /// What the reader's schema says there.
    pub(super) read: Option<String>,
}

impl Finding {
    pub(super) fn broken(
        rule: &'static str,
        written: Option<(&str, String)>,
        read: Option<(&str, String)>,
    ) -> Self {
        let path =
            |side: &Option<(&str, String)>| side.as_ref().map(|(path, _)| format!(".{path}"));
        Self {
            rule,
            certainty: Certainty::Broken,
            writer_path: path(&written),
            reader_path: path(&read),
            written: written.map(|(_, says)| says),
            read: read.map(|(_, says)| says),
        }
    }

    pub(super) fn undecided(self) -> Self {
        Self { certainty: Certainty::Undecided, ..self }
    }
}

//! Compatibility: whether a reader with one schema reads all data of another ("Schema Resolution" in
//! the specification).

mod as_confluent;
mod branches;
mod findings;
mod rules;
mod soundly;

use crate::{
    Broken, Direction, Policy,
    avro::schema::{AvroSchema, PlaceId, TypeUse},
    limits, steps,
};

use findings::{Findings, Reader};

/// Compares two versions of a schema in one direction. No finding means that they are compatible.
///
/// Under the policies of Confluent (both are the same for Avro) the verdict is that of Java's
/// `SchemaCompatibility`, which Confluent's registry asks. Under [`Policy::Sound`] no finding means
/// that no datum that is written with the writer's schema fails to be read with the reader's; what
/// libraries read differently is [`Certainty::Undecided`](crate::Certainty::Undecided).
///
/// ```
/// use muster_schema::{Direction, Policy, avro::{AvroSchema, compare}};
///
/// let old = r#"{"type":"record","name":"R","fields":[]}"#;
/// let new = r#"{"type":"record","name":"R","fields":[{"name":"size","type":"int"}]}"#;
/// let (old, new) = (AvroSchema::parse(old, &[])?, AvroSchema::parse(new, &[])?);
///
/// let broken = compare(&old, &new, Direction::Backward, Policy::Sound);
/// assert_eq!(broken[0].rule, "reader_field_missing_default_value");
/// assert_eq!(broken[0].path, "/fields/0");
/// // Readers with the old schema pass over the new field.
/// assert!(compare(&old, &new, Direction::Forward, Policy::Sound).is_empty());
/// # Ok::<(), muster_schema::avro::AvroError>(())
/// ```
#[must_use]
pub fn compare(
    old: &AvroSchema,
    new: &AvroSchema,
    direction: Direction,
    policy: Policy,
) -> Vec<Broken> {
    let (reader, writer) = match direction {
        Direction::Backward => (new, old),
        Direction::Forward => (old, new),
    };
    compare_types(reader, writer, direction, policy, Pair::of(reader, writer))
}

/// Compares two types within the schemas.
pub(crate) fn compare_types(
    reader: &AvroSchema,
    writer: &AvroSchema,
    direction: Direction,
    policy: Policy,
    pair: Pair,
) -> Vec<Broken> {
    let reader = Reader { schema: reader, writer, direction };
    let mut findings = Findings::default();
    let work = || match policy {
        Policy::ConfluentStrict | Policy::ConfluentLenient => {
            as_confluent::compare(reader, pair, &mut findings);
        }
        Policy::Sound => soundly::compare(reader, pair, &mut findings),
    };
    if steps::metered(limits::AVRO_COMPARISON_STEPS_MAX, work).is_err() {
        findings.add(&reader, rules::too_complex(&reader));
    }
    findings.finish()
}

/// Two types that meet, with the places in the schemas' own texts where they do: what is within a
/// reference has no place there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) reader: TypeUse,
    pub(crate) writer: TypeUse,
    pub(crate) reader_at: PlaceId,
    pub(crate) writer_at: PlaceId,
}

impl Pair {
    /// The schemas as a whole.
    pub(crate) fn of(reader: &AvroSchema, writer: &AvroSchema) -> Self {
        Self { reader: reader.root, writer: writer.root, reader_at: 0, writer_at: 0 }
    }

    /// Two types within these.
    fn inner(self, of: &Reader<'_>, reader: TypeUse, writer: TypeUse) -> Self {
        let at = |schema: &AvroSchema, place, around| {
            if schema.is_own(place) { place } else { around }
        };
        Self {
            reader,
            writer,
            reader_at: at(of.schema, reader.place, self.reader_at),
            writer_at: at(of.writer, writer.place, self.writer_at),
        }
    }

    fn key(self) -> (u32, u32) {
        (self.reader.node, self.writer.node)
    }
}

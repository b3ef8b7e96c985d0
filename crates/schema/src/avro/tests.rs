#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod choices;
mod compatibility;
mod differences;
mod hostile;
mod parsing;
mod payloads;
mod resolving;
mod soundness;
mod texts;

use crate::avro::AvroSchema;

pub(crate) fn parse(text: &str) -> AvroSchema {
    AvroSchema::parse(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"))
}

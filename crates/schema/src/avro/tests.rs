#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod compatibility;
mod differences;
mod parsing;
mod payloads;
mod texts;

use crate::avro::AvroSchema;

pub(crate) fn parse(text: &str) -> AvroSchema {
    AvroSchema::parse(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"))
}

//! Protobuf, as others use it: faults with their places, the printed form, compatibility by tables
//! and by laws, and payloads.
#![cfg(feature = "protobuf")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod canonical;
mod compatibility;
mod difference;
mod faults;
mod generator;
mod hostile;
mod laws;
mod payloads;
mod sound;

use muster_schema::protobuf::ProtobufSchema;

/// A schema without references.
fn schema(text: &str) -> ProtobufSchema {
    ProtobufSchema::parse(text, &[]).unwrap_or_else(|error| unreachable!("{error}\n{text}"))
}

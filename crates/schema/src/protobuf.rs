//! Protobuf: reads a schema, prints it in one form, compares two of them, and checks payloads.
//!
//! A schema is a `.proto` file in proto2 or proto3, or the base64 of a serialised
//! `FileDescriptorProto`, which some clients send instead. It imports what its caller gives, the
//! well-known types of Google, and two files of Confluent; nothing else resolves.
//!
//! ```
//! use muster_schema::protobuf::ProtobufSchema;
//!
//! let text = r#"
//!     syntax = "proto3";
//!     package shop;
//!     import "shop/money.proto";
//!     message Order { string id = 1; Money total = 2; }
//! "#;
//! let money = r#"syntax = "proto3"; package shop; message Money { int64 cents = 1; }"#;
//! let schema = ProtobufSchema::parse(text, &[("shop/money.proto", money)])?;
//! assert_eq!(schema.message_names(), ["shop.Order"]);
//!
//! let order = serde_json::json!({"id": "a1", "total": {"cents": "995"}});
//! assert!(schema.check_json(&order, None)?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod binary;
mod built_in;
mod check;
mod compare;
mod confluent;
mod difference;
mod fault;
mod frame;
mod json;
mod json_scalars;
mod link;
mod member;
pub(crate) mod meta;
mod print;
mod print_options;
mod scan;
mod schema;
mod sound;
mod wording;

pub use compare::compare;
pub use difference::difference;
pub use fault::{ProtobufError, ProtobufFault, ProtobufProblem};
pub use frame::{ProtobufFrame, ProtobufFrameError};
pub use schema::{ProtobufSchema, UnknownMessage};

//! Propagation: sends the changes of the ledger to others, as the documents in `/routes` and
//! `/targets` say. A route and a target have a durable mark, deliveries for one document go in
//! order, failures are tried again, and what can't be delivered is kept as a dead letter.
//!
//! Nothing is queued that the ledger doesn't hold, so nothing can be lost between a write and its
//! delivery. This room decides nothing about documents, and answers no requests: `http` shows its
//! state, and the registry decides what a route or a target may say.

// rustdoc checks every public type for auto traits. The catalog's nested chains and maps need more
// than the compiler's default of 128 steps.
#![recursion_limit = "256"]

mod aws;
pub mod batch;
pub mod breaker;
mod bucket;
pub mod carried;
pub mod changes;
pub mod connector;
mod consent;
pub mod decision;
pub mod delivery;
pub mod difference;
pub mod engine;
pub mod event;
mod folder;
pub mod http_sender;
mod idle;
mod kafka;
mod kinesis;
pub mod link;
pub mod live;
mod mapped;
mod nats;
mod outgoing;
pub mod partition_key;
mod peer;
mod pubsub;
pub mod pull;
mod receiver;
pub mod retry;
pub mod route;
#[cfg(test)]
mod scripted;
mod selection;
pub mod signature;
pub mod store;
pub mod stream;
pub mod target;
pub mod trail;
mod trust;
mod webhook;
mod websocket;
pub mod window;

pub use delivery::Depot;
pub use engine::Engine;
pub use kafka::KafkaSender;
pub use kinesis::KinesisSender;
pub use nats::NatsSender;
pub use pubsub::PubSubSender;
pub use store::RelayStore;
pub use trust::{RootsError, trust};
pub use websocket::WebSocketSender;

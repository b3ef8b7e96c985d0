//! The assistant's door: the Model Context Protocol, over HTTP at `/mcp` and over standard input and
//! output. Its tools, resources and prompts let an AI assistant find, read, judge, plan and change
//! documents.
//!
//! It has no rule of the registry and no way in of its own. Each tool calls the public API through
//! [`muster_client::Client`], so the key of whoever asks decides what is seen and done. It adds what
//! an assistant needs besides: bounded answers, refusals with advice, and a confirmation that the
//! plan of a change returns and the change asks for.

// What answers a request must be `Send`, with the grant that it holds. The server's nested chains
// and maps need more than the compiler's default of 128 steps to show it.
#![recursion_limit = "256"]

mod advice;
mod answer;
mod arguments;
mod asked;
mod assistant;
mod confirmation;
mod field_changes;
mod limits;
mod places;
mod plan;
mod prompts;
mod refusal;
mod resources;
mod subscriptions;
mod tools;
mod transports;

pub use assistant::Assistant;
pub use tools::reference;
pub use transports::{ClientSource, PATH, routes, serve_standard_streams};

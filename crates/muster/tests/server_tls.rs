//! The program within TLS: it bears what is slow, halved, hostile or too much as it does in clear
//! text.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]
#![expect(dead_code, reason = "the harness serves more tests than these")]

#[path = "server/client.rs"]
mod client;
#[path = "server/floods.rs"]
mod floods;
#[path = "server/harness.rs"]
mod harness;
#[path = "server/hostile.rs"]
mod hostile;
#[path = "server/identity.rs"]
mod identity;
#[path = "server/sockets.rs"]
mod sockets;
#[path = "server/websockets.rs"]
mod websockets;

const TLS: bool = true;
const SCHEME: &str = "https";

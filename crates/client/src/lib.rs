//! The client library: a way to send requests ([`Transport`], over a socket or within the process),
//! the calls of the API ([`Client`]), and their answers.
//!
//! For applications, [`site`] reads what a registry publishes, with a cache and several fallbacks.
//!
//! It shares no code with the server and relies only on the public API.

mod call;
mod calls;
mod error;
mod error_response;
mod events;
mod in_process;
mod link;
mod query;
pub mod site;
mod socket;
mod tls;
mod transport;

pub use call::{Answer, Call, Client};
pub use calls::{
    BackupBytes, ChangeStream, DeleteOptions, DocumentUpload, FetchedDocument, JsonLines, Page,
    Precondition, ReceivedChange, StreamItem, StreamStart, digest_of, path_of,
};
pub use error::ClientError;
pub use error_response::ErrorResponse;
pub use events::{Event, EventReader};
pub use http::{HeaderMap, Method, StatusCode};
pub use in_process::InProcess;
pub use link::next_link;
pub use query::{Query, encoded_step};
pub use socket::{AddressError, Socket, Timeouts, without_userinfo};
pub use tls::{TlsFault, TrustError, TrustedRoots};
pub use transport::{IncomingBody, Transport, TransportError, read_to_end};

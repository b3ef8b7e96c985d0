//! The client library: a way to send requests ([`Transport`], over a socket or within the process),
//! the calls of the API ([`Client`]), and their answers.
//!
//! It shares no code with the server and relies only on the public API. It has no cache yet, which
//! will be behind [`Transport`].

mod call;
mod calls;
mod error;
mod error_response;
mod events;
mod in_process;
mod link;
mod query;
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

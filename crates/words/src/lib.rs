//! The common values of all rooms: positions, digests, moments, names, xids and patterns of them,
//! permissions, JSON, YAML and limits.
//!
//! Nothing here does I/O, reads a clock or draws a random number, and nothing here knows what a
//! registry is. Each is a value with a text form and the rules of that form.

mod digest;
mod id;
pub mod json;
pub mod limits;
mod message;
mod moment;
mod notation;
mod permission;
mod places;
mod position;
mod time_span;
mod xid;
mod xid_pattern;
pub mod yaml;

pub use digest::{Digest, DigestError};
pub use id::{Id, IdError};
pub use message::is_message;
pub use moment::{Moment, MomentError};
pub use notation::{Notation, NotationError};
pub use permission::{Permission, PermissionReach};
pub use places::{PlacedValue, Places, TextPlace};
pub use position::{ContentRef, Position};
pub use time_span::time_span;
pub use xid::{Collection, Xid, XidError};
pub use xid_pattern::{Coverage, XidPattern, XidPatternError, XidPatterns};

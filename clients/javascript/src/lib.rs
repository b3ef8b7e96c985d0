//! The npm package `muster-registry`, in so far as it is Rust: the validator of payloads as an object
//! of Node.js.
//!
//! It has no rules of its own: what passes, the room `schema` decides, and where schemas come from,
//! the room `validator`. What JavaScript's habits ask for is written in JavaScript beside it. No room
//! of the server is in it.

mod validator;

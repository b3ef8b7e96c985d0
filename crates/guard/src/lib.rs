//! May they? Principals, credentials and keys.

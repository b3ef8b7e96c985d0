//! The door: HTTP over the registry.

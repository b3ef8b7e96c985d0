//! What an application or a command needs to talk to a registry.

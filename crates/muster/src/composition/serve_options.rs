use std::path::PathBuf;

use muster_guard::Role;

use crate::settings::{LimitsArea, LogArea, TimeoutsArea};

/// What to serve, and how: flags, environment and settings, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// The data directory; none: nothing is kept.
    pub data: Option<PathBuf>,
    /// Whether to fill an empty registry with the example.
    pub demo: bool,
    /// Whether to leave the built-in model out.
    pub bare: bool,
    /// The address to listen on, as it was written.
    pub listen: String,
    /// What absolute URLs begin with.
    pub public_url: Option<String>,
    /// The id of a registry that is made new.
    pub registry_id: Option<String>,
    /// The key to accept, where nothing is kept.
    pub key: Option<String>,
    /// Who somebody is who shows no key; none: everybody needs one.
    pub anonymous: Option<Role>,
    /// What is never exceeded.
    pub limits: LimitsArea,
    /// How long to wait for what.
    pub timeouts: TimeoutsArea,
    /// What to log.
    pub log: LogArea,
}

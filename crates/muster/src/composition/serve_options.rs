use std::path::PathBuf;

use muster_guard::Role;

use super::TlsFiles;
use crate::settings::{BackupArea, LimitsArea, LogArea, SiteArea, TimeoutsArea};

/// What to serve and how: flags, environment and settings, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// The data directory; none means in memory.
    pub data: Option<PathBuf>,
    /// Whether to load the example into an empty registry.
    pub demo: bool,
    /// Whether to leave the built-in model out.
    pub bare: bool,
    /// The address to listen on, as it was written.
    pub listen: String,
    /// An address for the metrics alone, as it was written.
    pub metrics_listen: Option<String>,
    /// An address for Confluent's API alone, as it was written.
    pub confluent_listen: Option<String>,
    /// The certificate to serve with TLS; none: without TLS.
    pub tls: Option<TlsFiles>,
    /// The base of absolute URLs.
    pub public_url: Option<String>,
    /// The id for a new registry.
    pub registry_id: Option<String>,
    /// The key in the environment; it is accepted if the registry is in memory.
    pub key: Option<String>,
    /// The key to make the first one of a registry that has none.
    pub admin_key: Option<String>,
    /// The role of callers without a key; none if a key is required.
    pub anonymous: Option<Role>,
    /// What is never exceeded.
    pub limits: LimitsArea,
    /// The timeouts.
    pub timeouts: TimeoutsArea,
    /// The origins whose web pages may use the server.
    pub allowed_origins: Vec<String>,
    /// The published site, and where publications may go.
    pub site: SiteArea,
    /// Backups that the server makes by itself.
    pub backup: BackupArea,
    /// The settings of the log.
    pub log: LogArea,
    /// The file that the log goes to; none: standard error.
    pub log_file: Option<PathBuf>,
    /// The file that a part of the metrics is written to.
    pub metrics_file: Option<PathBuf>,
}

use std::path::PathBuf;

use serde::Deserialize;

use crate::{Failure, composition::TlsFiles};

/// The address where a server listens, and where commands look for it, unless another is set.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";

/// The server's address and data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerArea {
    /// The address to listen on.
    pub listen: String,
    /// An address for the metrics alone; empty: they have none of their own.
    pub metrics_listen: String,
    /// A file for a part of the metrics; empty: none.
    pub metrics_file: String,
    /// An address for Confluent's API at its root; empty: it is only below `/confluent`.
    pub confluent_listen: String,
    /// The base of absolute URLs; if empty, it is taken from the request.
    pub public_url: String,
    /// The data directory; if empty, the user's data folder.
    pub data: String,
    /// The id of a new registry; if empty, a random one.
    pub registry_id: String,
}

impl Default for ServerArea {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            metrics_listen: String::new(),
            metrics_file: String::new(),
            confluent_listen: String::new(),
            public_url: String::new(),
            data: String::new(),
            registry_id: String::new(),
        }
    }
}

/// What the server lets others do over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpArea {
    /// The origins whose web pages may use the server; `*` stands for all.
    pub allowed_origins: Vec<String>,
}

/// The published site, and where publications may go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteArea {
    /// Whether everybody may read it.
    pub public: bool,
    /// The places that publications may name, each as `name=place`.
    pub destinations: Vec<String>,
    /// The CDNs before them, each as `name=cloudfront:ID` or `name=METHOD ADDRESS`.
    pub purges: Vec<String>,
    /// Headers with which CDNs are asked, each as `name=Header: value`.
    pub purge_headers: Vec<String>,
}

/// Backups that the server makes by itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupArea {
    /// Where they go: a folder, or a folder in a bucket; empty: none are made.
    pub to: String,
    /// The time from one to the next, in seconds.
    pub every_s: u32,
    /// How many are kept; 0: all.
    pub keep: u32,
}

impl Default for BackupArea {
    fn default() -> Self {
        Self { to: String::new(), every_s: 86_400, keep: 0 }
    }
}

/// Access without a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessArea {
    /// The role of callers without a key; if empty, a key is required.
    pub anonymous: String,
}

/// Whether the server speaks TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsArea {
    /// The file of the certificate with its chain; empty: no TLS.
    pub cert: String,
    /// The file of its private key.
    pub key: String,
}

impl TlsArea {
    /// The files, if they are set.
    ///
    /// # Errors
    /// One is set without the other.
    pub fn files(&self) -> Result<Option<TlsFiles>, Failure> {
        match (self.cert.as_str(), self.key.as_str()) {
            ("", "") => Ok(None),
            (_, "") | ("", _) => {
                Err(Failure::usage("tls.cert and tls.key are set together, or neither")
                    .help("the certificate with its chain, and its private key, both in PEM"))
            }
            (cert, key) => {
                let (certificate, key) = (PathBuf::from(cert), PathBuf::from(key));
                Ok(Some(TlsFiles { certificate, key }))
            }
        }
    }
}

/// What the server never exceeds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsArea {
    /// The maximum number of connections.
    pub connections: u32,
    /// Memory for rendered documents, in bytes.
    pub cache_bytes: u64,
}

impl Default for LimitsArea {
    fn default() -> Self {
        Self { connections: 10_000, cache_bytes: 256 * 1024 * 1024 }
    }
}

/// The server's timeouts, in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeoutsArea {
    /// For the headers of a request.
    pub head_s: u32,
    /// For the next request on a connection.
    pub idle_s: u32,
    /// For a client that has stopped reading.
    pub stall_s: u32,
    /// For running requests, when the server stops.
    pub stop_s: u32,
}

impl Default for TimeoutsArea {
    fn default() -> Self {
        Self { head_s: 10, idle_s: 75, stall_s: 30, stop_s: 25 }
    }
}

/// What the server connects to on its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PropagationArea {
    /// Networks that it may connect to although they aren't of the internet.
    pub allow: Vec<String>,
    /// A file of certificates that may sign those of receivers and of AI providers, beside the
    /// system's.
    pub ca_cert: String,
}

/// Which secrets may be sent where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsArea {
    /// References, each with the hosts that may receive the secret.
    pub list: Vec<String>,
}

/// Live AI providers, besides those that documents declare.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvidersArea {
    /// A file that declares some; empty: none.
    pub file: String,
    /// How often the file is looked at, in seconds.
    pub refresh_s: u32,
    /// `on` or `off`: whether they are found in the environment.
    pub environment: String,
    /// Types that are found although others use their variables, too.
    pub opt_in: Vec<String>,
}

impl Default for ProvidersArea {
    fn default() -> Self {
        Self {
            file: String::new(),
            refresh_s: 2,
            environment: "off".to_owned(),
            opt_in: Vec::new(),
        }
    }
}

/// The log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogArea {
    /// The level, or levels by module.
    pub level: String,
    /// `text`, `json` or `auto`.
    pub format: String,
    /// The file that it goes to; empty: standard error.
    pub file: String,
    /// The level of a usual request's line: `info`, `debug` or `off`.
    pub requests: String,
    /// Requests that take longer are warned of, in milliseconds; 0: none.
    pub slow_ms: u32,
}

impl Default for LogArea {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: "auto".to_owned(),
            file: String::new(),
            requests: "debug".to_owned(),
            slow_ms: 1_000,
        }
    }
}

/// The other commands' connection to a server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientArea {
    /// The server.
    pub server: String,
    /// Whether the file or the environment names the server.
    #[serde(skip)]
    pub is_named: bool,
    /// A file with the API key; if empty, no key is sent.
    pub key_file: String,
    /// A file of certificates that may sign the server's; empty: those that the system trusts.
    pub ca_cert: String,
    /// How long to wait for an answer, in seconds.
    pub timeout_s: u32,
}

impl Default for ClientArea {
    fn default() -> Self {
        Self {
            server: DEFAULT_SERVER.to_owned(),
            is_named: false,
            key_file: String::new(),
            ca_cert: String::new(),
            timeout_s: 60,
        }
    }
}

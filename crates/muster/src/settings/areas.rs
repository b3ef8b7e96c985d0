use serde::Deserialize;

/// What is served, and where.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerArea {
    /// The address to listen on.
    pub listen: String,
    /// What absolute URLs begin with; empty: as the request did.
    pub public_url: String,
    /// The data directory; empty: the user's data folder.
    pub data: String,
    /// The id of a registry that is made new; empty: a random one.
    pub registry_id: String,
}

impl Default for ServerArea {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            public_url: String::new(),
            data: String::new(),
            registry_id: String::new(),
        }
    }
}

/// Who may come in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessArea {
    /// The role of whoever shows no key; empty: everybody needs one.
    pub anonymous: String,
}

/// What the server never exceeds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsArea {
    /// Connections at once.
    pub connections: u32,
    /// Bytes of memory for rendered documents.
    pub cache_bytes: u64,
}

impl Default for LimitsArea {
    fn default() -> Self {
        Self { connections: 10_000, cache_bytes: 256 * 1024 * 1024 }
    }
}

/// How long the server waits, in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeoutsArea {
    /// For the head of a request.
    pub head_s: u32,
    /// For the next request on a connection.
    pub idle_s: u32,
    /// For a client to read on.
    pub stall_s: u32,
    /// For requests in flight, when it stops.
    pub stop_s: u32,
}

impl Default for TimeoutsArea {
    fn default() -> Self {
        Self { head_s: 10, idle_s: 75, stall_s: 30, stop_s: 25 }
    }
}

/// What the server logs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogArea {
    /// The level, or levels by module.
    pub level: String,
    /// `text`, `json` or `auto`.
    pub format: String,
}

impl Default for LogArea {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: "auto".to_owned() }
    }
}

/// What the other commands talk to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientArea {
    /// The server.
    pub server: String,
    /// A file that holds the API key to send; empty: none.
    pub key_file: String,
    /// How long to wait for an answer, in seconds.
    pub timeout_s: u32,
}

impl Default for ClientArea {
    fn default() -> Self {
        Self { server: "http://127.0.0.1:8080".to_owned(), key_file: String::new(), timeout_s: 60 }
    }
}

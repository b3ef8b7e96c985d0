//! What was asked for: which pairs, for how long, and where.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Parser, ValueEnum};

/// The parts of propagation, and those of providers.
const PARTS: [&str; 8] = [
    "latency",
    "deliveries",
    "registries",
    "memory",
    "look-ups",
    "registrations",
    "gateway",
    "probes",
];

/// Measures Muster against what a user would pick instead, and prints ratios.
#[derive(Debug, Parser)]
#[command(name = "muster-bench")]
pub(crate) struct Arguments {
    /// The pairs to measure; all, where none is named.
    #[arg(value_enum)]
    named: Vec<Pair>,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of one round.
    #[arg(long, default_value_t = 5)]
    round: u32,
    /// Seconds before the first round, which don't count.
    #[arg(long, default_value_t = 2)]
    warmup: u32,
    /// Clients that write at the same time.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Watchers that follow while the clients write.
    #[arg(long, default_value_t = 1)]
    watchers: usize,
    /// How many documents a registry grows to, one measurement each.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    sizes: Vec<u64>,
    /// The server's program.
    #[arg(long, default_value = "target/release/muster")]
    muster: PathBuf,
    /// An earlier build of the server's program, measured in turns with it.
    #[arg(long, value_name = "PROGRAM")]
    before: Option<PathBuf>,
    /// The program of Apicurio's registry, a JAR, which the same is asked of.
    #[arg(long, value_name = "JAR")]
    apicurio: Option<PathBuf>,
    /// A folder on the file system that is measured.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    pub(crate) scratch: PathBuf,
    /// Changes that are written while a target of propagation is down.
    #[arg(long, default_value_t = 1_000_000)]
    changes: u64,
    /// The part of propagation or of providers to measure; all, where none is named.
    #[arg(long, value_parser = PARTS)]
    part: Option<String>,
    /// LiteLLM's program, whose proxy the gateway is compared with.
    #[arg(long, value_name = "PROGRAM")]
    litellm: Option<PathBuf>,
    /// Passes requests on to another address with hyper alone: what the gateway is compared with.
    #[arg(long, hide = true, requires = "upstream")]
    pub(crate) proxy: Option<SocketAddr>,
    /// Where `--proxy` passes them.
    #[arg(long, hide = true)]
    pub(crate) upstream: Option<SocketAddr>,
    /// Serves a file from memory with a bare axum handler: what reads are compared with.
    #[arg(long, hide = true, requires = "file")]
    pub(crate) bare: Option<SocketAddr>,
    /// The file that `--bare` serves.
    #[arg(long, hide = true)]
    pub(crate) file: Option<PathBuf>,
    /// Posts to a receiver with reqwest, signs, and does nothing else: what deliveries are compared
    /// with.
    #[arg(long, hide = true)]
    pub(crate) post: Option<SocketAddr>,
    /// How many posts `--post` makes.
    #[arg(long, hide = true, default_value_t = 0)]
    pub(crate) posts: u64,
    /// How many loops share the posts of `--post`.
    #[arg(long, hide = true, default_value_t = 1)]
    pub(crate) loops: u64,
    /// The bytes of each post.
    #[arg(long, hide = true, default_value_t = 0)]
    pub(crate) bytes: usize,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pair {
    /// GET of a document, against nginx and a bare handler.
    Reads,
    /// Durable puts over HTTP, against fdatasync and etcd.
    Writes,
    /// From the answer of a put to a watcher that holds it.
    Follow,
    /// Memory of a document, and time of a start.
    Growth,
    /// Durable puts without HTTP, against fdatasync.
    CoreWrites,
    /// Reads of documents as they were, without HTTP, at the largest size.
    Past,
    /// Searches by fields and by words, without HTTP, at each size.
    Search,
    /// Confluent's API, against nginx, fdatasync and Apicurio.
    Confluent,
    /// Pages of the console, against nginx.
    Console,
    /// Small reads while somebody attacks.
    Starve,
    /// Changes on their way to webhooks and to other registries.
    Propagation,
    /// Live AI providers, against maps, a bare proxy and LiteLLM's.
    Providers,
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::Follow => "follow",
            Self::Growth => "growth",
            Self::CoreWrites => "core-writes",
            Self::Past => "past",
            Self::Search => "search",
            Self::Confluent => "confluent",
            Self::Console => "console",
            Self::Starve => "starve",
            Self::Propagation => "propagation",
            Self::Providers => "providers",
        })
    }
}

impl Arguments {
    pub(crate) fn pairs(&self) -> Vec<Pair> {
        if self.named.is_empty() {
            vec![Pair::Reads, Pair::Writes, Pair::Follow, Pair::Growth]
        } else {
            self.named.clone()
        }
    }
}

/// How to measure.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub rounds: usize,
    pub round: Duration,
    pub warmup: Duration,
    pub clients: usize,
    pub watchers: usize,
    pub sizes: Vec<u64>,
    pub changes: u64,
    pub part: Option<String>,
    pub litellm: Option<PathBuf>,
    pub muster: PathBuf,
    pub before: Option<PathBuf>,
    pub apicurio: Option<PathBuf>,
    pub scratch: PathBuf,
}

impl Order {
    pub(crate) fn new(arguments: &Arguments, scratch: &Path) -> Self {
        let seconds = |count: u32| Duration::from_secs(u64::from(count));
        Self {
            rounds: arguments.rounds.max(1),
            round: seconds(arguments.round.max(1)),
            warmup: seconds(arguments.warmup),
            clients: arguments.clients.max(1),
            watchers: arguments.watchers.max(1),
            sizes: arguments.sizes.clone(),
            changes: arguments.changes.max(1),
            part: arguments.part.clone(),
            litellm: arguments.litellm.clone(),
            muster: arguments.muster.clone(),
            before: arguments.before.clone(),
            apicurio: arguments.apicurio.clone(),
            scratch: scratch.to_owned(),
        }
    }

    /// The same measurement of the earlier build, where one is compared with.
    pub(crate) fn earlier(&self) -> Option<Self> {
        let before = self.before.clone()?;
        Some(Self {
            muster: before,
            scratch: self.scratch.join("before"),
            before: None,
            ..self.clone()
        })
    }
}

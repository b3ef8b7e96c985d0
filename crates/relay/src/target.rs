//! A target, read from its document.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    retry::{RetryPolicy, RetrySetting},
    route::UnusableDocument,
};

/// How many requests run at once to a target that says nothing else.
pub const IN_FLIGHT_DEFAULT: u32 = 10;

/// The deadline of a try at a target that says nothing else.
const DEADLINE: Duration = Duration::from_secs(30);

/// Where changes are sent to.
#[derive(Clone, Debug, PartialEq)]
pub struct RelayTarget {
    /// What it is.
    pub kind: TargetKind,
    /// How deliveries are tried again.
    pub retry: RetryPolicy,
    /// How many requests run at once.
    pub max_in_flight: u32,
    /// The deadline of a try.
    pub deadline: Duration,
    /// Whether documents are sent whole, however large they are.
    pub send_whole: bool,
    /// Whether it is on.
    pub enabled: bool,
}

/// What a target is.
#[derive(Clone, Debug, PartialEq)]
pub enum TargetKind {
    /// An HTTP endpoint that gets signed events.
    Webhook(Webhook),
    /// A folder that gets a file for each event.
    Folder {
        /// The path, relative to the server's folder for it.
        path: String,
    },
    /// Another registry that gets the documents.
    Registry {
        /// Its address.
        url: String,
        /// The reference of the key.
        key: Option<String>,
    },
    /// A stream of NATS JetStream that stores a message for each event.
    Nats(NatsTarget),
    /// A topic of Kafka that stores a record for each event.
    Kafka(KafkaTarget),
    /// A bucket of S3 that gets an object for each event.
    Bucket(BucketTarget),
    /// A server to which a WebSocket is opened.
    WebSocket(WebSocketTarget),
    /// A stream of server-sent events that receivers read here.
    Sse,
}

/// A NATS server.
#[derive(Clone, Debug, PartialEq)]
pub struct NatsTarget {
    /// Its URL, `tls://` or `nats://`.
    pub url: String,
    /// What subjects begin with.
    pub subject: String,
    /// The reference of the credentials; none: the server asks for none.
    pub credentials: Option<String>,
}

/// A topic of a Kafka cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct KafkaTarget {
    /// The URL of the cluster, `kafkas://` or `kafka://`, with one broker or several.
    pub url: String,
    /// The topic.
    pub topic: String,
    /// What the records of a partition have in common.
    pub partition_key: KafkaKey,
    /// The reference of the credentials; none: the cluster asks for none.
    pub credentials: Option<String>,
    /// How they are shown.
    pub mechanism: KafkaMechanism,
}

/// What records are put into partitions by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KafkaKey {
    /// The document's xid.
    #[default]
    Document,
    /// The xid of its group.
    Group,
    /// The type of its group.
    Type,
}

/// How a client of Kafka shows its credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum KafkaMechanism {
    /// It sends them.
    #[default]
    #[serde(rename = "plain")]
    Plain,
    /// It proves that it has them, with SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// The same with SHA-512.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

impl KafkaMechanism {
    /// Its name among those of SASL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// A place in a bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct BucketTarget {
    /// The URL of the bucket, with the folder in it.
    pub url: String,
    /// The region that signatures name.
    pub region: String,
    /// The reference of the key.
    pub credentials: String,
}

/// The other end of a WebSocket.
#[derive(Clone, Debug, PartialEq)]
pub struct WebSocketTarget {
    /// Its URL, `wss://` or `ws://`.
    pub url: String,
    /// More headers of the request that opens it; values may be references.
    pub headers: BTreeMap<String, String>,
}

/// The region of a bucket, if nobody says it.
const REGION: &str = "us-east-1";

/// The topic of a target that names none.
const TOPIC: &str = "registry-events";

/// What subjects begin with for a target that says nothing else.
const SUBJECT: &str = "muster";

/// An HTTP endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Its URL.
    pub url: String,
    /// The reference of the secret that signs; none: nothing is signed.
    pub secret: Option<String>,
    /// The reference of the secret before, while receivers change it.
    pub previous_secret: Option<String>,
    /// More headers; values may be references.
    pub headers: BTreeMap<String, String>,
}

impl TargetKind {
    /// The name in documents.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Folder { .. } => "folder",
            Self::Registry { .. } => "registry",
            Self::Nats(_) => "nats",
            Self::Kafka(_) => "kafka",
            Self::Bucket(_) => "bucket",
            Self::WebSocket(_) => "websocket",
            Self::Sse => "sse",
        }
    }

    /// Where it leads, without anything secret. A stream leads nowhere.
    #[must_use]
    pub fn place(&self) -> &str {
        match self {
            Self::Webhook(webhook) => &webhook.url,
            Self::Folder { path } => path,
            Self::Registry { url, .. } => url,
            Self::Nats(nats) => &nats.url,
            Self::Kafka(kafka) => &kafka.url,
            Self::Bucket(bucket) => &bucket.url,
            Self::WebSocket(socket) => &socket.url,
            Self::Sse => "",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentTarget {
    kind: String,
    url: Option<String>,
    path: Option<String>,
    secret: Option<String>,
    previous_secret: Option<String>,
    key: Option<String>,
    subject: Option<String>,
    region: Option<String>,
    topic: Option<String>,
    #[serde(default)]
    partition_key: KafkaKey,
    #[serde(default)]
    mechanism: KafkaMechanism,
    credentials: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    retry: Option<RetrySetting>,
    max_in_flight: Option<u32>,
    timeout_seconds: Option<u64>,
    #[serde(default)]
    send_whole: bool,
    enabled: Option<bool>,
    #[serde(rename = "description")]
    _description: Option<String>,
}

impl SentTarget {
    fn kind(&self) -> Result<TargetKind, UnusableDocument> {
        let url = || self.url.clone().ok_or(UnusableDocument::Value("url"));
        Ok(match self.kind.as_str() {
            "webhook" => TargetKind::Webhook(Webhook {
                url: url()?,
                secret: self.secret.clone(),
                previous_secret: self.previous_secret.clone(),
                headers: self.headers.clone(),
            }),
            "folder" => TargetKind::Folder {
                path: self.path.clone().ok_or(UnusableDocument::Value("path"))?,
            },
            "registry" => TargetKind::Registry { url: url()?, key: self.key.clone() },
            "nats" => TargetKind::Nats(NatsTarget {
                url: url()?,
                subject: self.subject.clone().unwrap_or_else(|| SUBJECT.to_owned()),
                credentials: self.credentials.clone(),
            }),
            "kafka" => TargetKind::Kafka(KafkaTarget {
                url: url()?,
                topic: self.topic.clone().unwrap_or_else(|| TOPIC.to_owned()),
                partition_key: self.partition_key,
                credentials: self.credentials.clone(),
                mechanism: self.mechanism,
            }),
            "websocket" => TargetKind::WebSocket(WebSocketTarget {
                url: url()?,
                headers: self.headers.clone(),
            }),
            "sse" => TargetKind::Sse,
            "bucket" => TargetKind::Bucket(BucketTarget {
                url: url()?,
                region: self.region.clone().unwrap_or_else(|| REGION.to_owned()),
                credentials: self
                    .credentials
                    .clone()
                    .ok_or(UnusableDocument::Value("credentials"))?,
            }),
            _ => return Err(UnusableDocument::Value("kind")),
        })
    }
}

impl RelayTarget {
    /// Reads a target's document.
    ///
    /// # Errors
    /// See [`UnusableDocument`].
    pub fn read(value: Value) -> Result<Self, UnusableDocument> {
        let sent: SentTarget = serde_json::from_value(value)?;
        let kind = sent.kind()?;
        let policy = |setting| RetryPolicy::of(setting).ok_or(UnusableDocument::Value("retry"));
        Ok(Self {
            kind,
            retry: sent.retry.as_ref().map(policy).transpose()?.unwrap_or_default(),
            max_in_flight: sent.max_in_flight.unwrap_or(IN_FLIGHT_DEFAULT).max(1),
            deadline: sent.timeout_seconds.map_or(DEADLINE, Duration::from_secs),
            send_whole: sent.send_whole,
            enabled: sent.enabled.unwrap_or(true),
        })
    }
}

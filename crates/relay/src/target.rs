//! A target, read from its document.

use std::{collections::BTreeMap, time::Duration};

use muster_client::encoded_step;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    batch::Batching,
    partition_key::PartitionKey,
    retry::{RetryPolicy, RetrySetting},
    route::UnusableDocument,
};

/// How many deliveries run at once to a target that says nothing else.
pub const IN_FLIGHT_DEFAULT: u32 = 10;

/// How many of them run at once at most: as many as a link holds.
const IN_FLIGHT_MAX: u32 = 1_000;

/// How long a batch waits for more of them, in a target that says nothing else: nobody notices it, and
/// whoever writes many documents in a row fills it.
const FLUSH_INTERVAL: Duration = Duration::from_millis(100);

/// The deadline of a try at a target that says nothing else.
const DEADLINE: Duration = Duration::from_secs(30);

/// Where changes are sent to.
#[derive(Clone, Debug, PartialEq)]
pub struct RelayTarget {
    /// What it is.
    pub kind: TargetKind,
    /// How deliveries are tried again.
    pub retry: RetryPolicy,
    /// How many deliveries run at once.
    pub max_in_flight: u32,
    /// How many of them are sent together.
    pub batching: Batching,
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
    /// A stream of Kinesis that stores a record for each event.
    Kinesis(KinesisTarget),
    /// A topic of Google Cloud Pub/Sub that gets a message for each event.
    PubSub(PubSubTarget),
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
    pub partition_key: PartitionKey,
    /// The reference of the credentials; none: the cluster asks for none.
    pub credentials: Option<String>,
    /// How they are shown.
    pub mechanism: KafkaMechanism,
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

/// A stream of Kinesis.
#[derive(Clone, Debug, PartialEq)]
pub struct KinesisTarget {
    /// The URL of the service in a region.
    pub url: String,
    /// The stream.
    pub stream: String,
    /// The region that signatures name.
    pub region: String,
    /// What the records of a shard have in common.
    pub partition_key: PartitionKey,
    /// The reference of the key.
    pub credentials: String,
}

/// A topic of Google Cloud Pub/Sub.
#[derive(Clone, Debug, PartialEq)]
pub struct PubSubTarget {
    /// The URL of the topic.
    pub url: String,
    /// What the messages with one ordering key have in common.
    pub partition_key: PartitionKey,
    /// The reference of a service account's key; none: the server asks for none.
    pub credentials: Option<String>,
}

impl PubSubTarget {
    /// The name of the topic: `projects/<project>/topics/<topic>`.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.url.split_once("/v1/").map_or(&self.url, |(_, topic)| topic)
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

/// The region of a service of Amazon, if nobody says it.
const REGION: &str = "us-east-1";

/// The topic or the stream of a target that names none.
const TOPIC: &str = "registry-events";

/// Where Pub/Sub is for a target that names no other place.
const PUBSUB_URL: &str = "https://pubsub.googleapis.com";

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
    /// Whether it is asked if it agrees to get events.
    pub check: bool,
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
            Self::Kinesis(_) => "kinesis",
            Self::PubSub(_) => "pubsub",
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
            Self::Kinesis(kinesis) => &kinesis.url,
            Self::PubSub(pubsub) => &pubsub.url,
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
    stream: Option<String>,
    project: Option<String>,
    #[serde(default)]
    partition_key: PartitionKey,
    #[serde(default)]
    mechanism: KafkaMechanism,
    credentials: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    check: Option<bool>,
    retry: Option<RetrySetting>,
    max_in_flight: Option<u32>,
    batch_size: Option<u32>,
    flush_interval_seconds: Option<f64>,
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
        let credentials = || self.credentials.clone().ok_or(UnusableDocument::Value("credentials"));
        Ok(match self.kind.as_str() {
            "webhook" => TargetKind::Webhook(Webhook {
                url: url()?,
                secret: self.secret.clone(),
                previous_secret: self.previous_secret.clone(),
                headers: self.headers.clone(),
                check: self.check.unwrap_or(true),
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
            "kinesis" => TargetKind::Kinesis(KinesisTarget {
                url: url()?,
                stream: self.stream.clone().unwrap_or_else(|| TOPIC.to_owned()),
                region: self.region_of_kinesis(&url()?),
                partition_key: self.partition_key,
                credentials: credentials()?,
            }),
            "pubsub" => TargetKind::PubSub(PubSubTarget {
                url: self.url_of_topic()?,
                partition_key: self.partition_key,
                credentials: self.credentials.clone(),
            }),
            "websocket" => TargetKind::WebSocket(WebSocketTarget {
                url: url()?,
                headers: self.headers.clone(),
            }),
            "sse" => TargetKind::Sse,
            "bucket" => TargetKind::Bucket(BucketTarget {
                url: url()?,
                region: self.region.clone().unwrap_or_else(|| REGION.to_owned()),
                credentials: credentials()?,
            }),
            _ => return Err(UnusableDocument::Value("kind")),
        })
    }
}

impl SentTarget {
    /// The region that the document names, or else the one in an address at Amazon.
    fn region_of_kinesis(&self, url: &str) -> String {
        let named = self.region.as_deref().or_else(|| region_in(url, "kinesis"));
        named.unwrap_or(REGION).to_owned()
    }

    /// The URL of a topic of Pub/Sub.
    fn url_of_topic(&self) -> Result<String, UnusableDocument> {
        let url = self.url.as_deref().unwrap_or(PUBSUB_URL).trim_end_matches('/');
        let project = self.project.as_deref().ok_or(UnusableDocument::Value("project"))?;
        let topic = self.topic.as_deref().unwrap_or(TOPIC);
        let [project, topic] = [project, topic].map(encoded_step);
        Ok(format!("{url}/v1/projects/{project}/topics/{topic}"))
    }
}

/// The region in the address of a service at Amazon, such as `https://kinesis.eu-west-1.amazonaws.com`,
/// also in those of an endpoint in a network of one's own (`vpce-….kinesis.eu-west-1.vpce.…`).
fn region_in<'a>(url: &'a str, service: &str) -> Option<&'a str> {
    let host = url.split_once("://")?.1.split(['/', ':']).next()?;
    let host = host.trim_end_matches('.');
    let ends = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn"];
    let host = ends.iter().find_map(|end| host.strip_suffix(end))?;
    let host = host.strip_suffix(".vpce").unwrap_or(host);
    let (before, region) = host.rsplit_once('.')?;
    let named = before.rsplit('.').next()?;
    (named == service || named.strip_suffix("-fips") == Some(service)).then_some(region)
}

impl RelayTarget {
    /// Whether it is an HTTP endpoint that gets signed events.
    #[must_use]
    pub const fn is_webhook(&self) -> bool {
        matches!(self.kind, TargetKind::Webhook(_))
    }

    /// Reads a target's document.
    ///
    /// # Errors
    /// See [`UnusableDocument`].
    pub fn read(value: Value) -> Result<Self, UnusableDocument> {
        let sent: SentTarget = serde_json::from_value(value)?;
        let kind = sent.kind()?;
        let batch_size = sent.batch_size.unwrap_or(1).max(1);
        let batching = Batching {
            size: usize::try_from(batch_size).unwrap_or(1),
            flush_interval: sent
                .flush_interval_seconds
                .map_or(Ok(FLUSH_INTERVAL), Duration::try_from_secs_f64)
                .map_err(|_| UnusableDocument::Value("flush_interval_seconds"))?,
        };
        let policy = |setting| RetryPolicy::of(setting).ok_or(UnusableDocument::Value("retry"));
        Ok(Self {
            kind,
            retry: sent.retry.as_ref().map(policy).transpose()?.unwrap_or_default(),
            max_in_flight: sent.max_in_flight.unwrap_or_else(|| in_flight(batch_size)).max(1),
            batching,
            deadline: sent.timeout_seconds.map_or(DEADLINE, Duration::from_secs),
            send_whole: sent.send_whole,
            enabled: sent.enabled.unwrap_or(true),
        })
    }
}

/// How many deliveries run at once in batches of this size, if nobody says it: one batch can fill
/// while another one is under way.
fn in_flight(batch_size: u32) -> u32 {
    batch_size.saturating_mul(2).clamp(IN_FLIGHT_DEFAULT, IN_FLIGHT_MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_batch_can_fill_while_another_one_is_under_way() {
        for (members, expect) in [
            (json!({}), (1, 100, 10)),
            (json!({"max_in_flight": 3}), (1, 100, 3)),
            (json!({"batch_size": 5}), (5, 100, 10)),
            (json!({"batch_size": 100, "flush_interval_seconds": 0.02}), (100, 20, 200)),
            (json!({"batch_size": 500, "flush_interval_seconds": 0}), (500, 0, 1_000)),
            (json!({"batch_size": 1_000}), (1_000, 100, 1_000)),
            (json!({"batch_size": 100, "max_in_flight": 50}), (100, 100, 50)),
        ] {
            let mut document = json!({"kind": "kafka", "url": "kafka://a"});
            document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            let target = RelayTarget::read(document).unwrap();
            let Batching { size, flush_interval } = target.batching;
            let found = (size, flush_interval.as_millis(), target.max_in_flight);
            assert_eq!(found, expect, "{members}");
        }
    }

    #[test]
    fn a_region_is_read_from_an_address_at_amazon() {
        for (url, expect) in [
            ("https://kinesis.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("https://kinesis.eu-west-1.amazonaws.com:443/", Some("eu-west-1")),
            ("https://kinesis-fips.us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("https://kinesis.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("https://kinesis.eu-west-1.api.aws", Some("eu-west-1")),
            ("https://vpce-0a-1b.kinesis.eu-west-3.vpce.amazonaws.com", Some("eu-west-3")),
            ("https://123-ab.data-kinesis.eu-west-1.amazonaws.com", None),
            ("https://s3.eu-west-1.amazonaws.com", None),
            ("https://kinesis.amazonaws.com", None),
            ("http://127.0.0.1:4566", None),
            ("https://kinesis.eu-west-1.amazonaws.com.example", None),
        ] {
            assert_eq!(region_in(url, "kinesis"), expect, "{url}");
        }
    }
}

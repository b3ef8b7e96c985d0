//! The requests that a producer sends and the answers to them, in versions that every broker since
//! Kafka 1.0 speaks and Event Hubs does, too.

use std::collections::HashMap;

use super::fields::{Fields, length, put_bytes, put_text};

/// What is asked of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Produce,
    Metadata,
    SaslHandshake,
    ApiVersions,
    InitProducerId,
    SaslAuthenticate,
}

impl Call {
    pub const ALL: [Self; 6] = [
        Self::Produce,
        Self::Metadata,
        Self::SaslHandshake,
        Self::ApiVersions,
        Self::InitProducerId,
        Self::SaslAuthenticate,
    ];

    /// Its number, and the version of it that is spoken.
    pub const fn number_and_version(self) -> (i16, i16) {
        match self {
            Self::Produce => (0, 3),
            Self::Metadata => (3, 4),
            Self::SaslHandshake => (17, 1),
            Self::ApiVersions => (18, 0),
            Self::InitProducerId => (22, 0),
            Self::SaslAuthenticate => (36, 0),
        }
    }

    /// The head of a request.
    pub fn head(self, correlation: i32) -> Vec<u8> {
        let (number, version) = self.number_and_version();
        let mut head = Vec::new();
        head.extend_from_slice(&number.to_be_bytes());
        head.extend_from_slice(&version.to_be_bytes());
        head.extend_from_slice(&correlation.to_be_bytes());
        put_text(&mut head, "muster");
        head
    }
}

/// The versions of a call that a broker speaks: its number, the lowest and the highest version.
pub(super) type SpokenVersions = (i16, i16, i16);

pub(super) fn versions(answer: &[u8]) -> Option<(ErrorCode, Vec<SpokenVersions>)> {
    let mut fields = Fields::of(answer);
    let error = ErrorCode(fields.int16()?);
    let spoken = fields.list(|item| Some((item.int16()?, item.int16()?, item.int16()?)))?;
    Some((error, spoken))
}

/// Asks for a topic. It isn't made if it isn't there.
pub(super) fn metadata_request(topic: &str) -> Vec<u8> {
    let mut body = 1_i32.to_be_bytes().to_vec();
    put_text(&mut body, topic);
    body.push(0);
    body
}

/// The brokers of a cluster, and those that lead the partitions of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClusterState {
    /// Number, host and port.
    pub brokers: Vec<(i32, String, i32)>,
    pub error: ErrorCode,
    /// The leader of each partition, in their order; -1 where there is none.
    pub leaders: Vec<i32>,
}

pub(super) fn cluster_state(answer: &[u8], topic: &str) -> Option<ClusterState> {
    let mut fields = Fields::of(answer);
    fields.int32()?; // throttled for so many milliseconds
    let brokers = fields.list(|broker| {
        let named = (broker.int32()?, broker.text()?, broker.int32()?);
        broker.maybe_text()?; // rack
        Some(named)
    })?;
    fields.maybe_text()?; // the cluster's id
    fields.int32()?; // the controller
    let topics = fields.list(|found| {
        let (error, name) = (ErrorCode(found.int16()?), found.text()?);
        found.int8()?; // whether it is internal
        let partitions = found.list(|partition| {
            partition.int16()?; // where the leader is missing, its number says so
            let (index, leader) = (partition.int32()?, partition.int32()?);
            for _ in 0..2 {
                partition.list(Fields::int32)?; // replicas, and those that are in sync
            }
            Some((index, leader))
        })?;
        Some((error, name, partitions))
    })?;
    let (error, _, mut partitions) = topics.into_iter().find(|(_, name, _)| name == topic)?;
    partitions.sort_unstable();
    // They are numbered from 0 without a gap, or the hash of a key would choose others than those of
    // other clients.
    let is_whole = (0..).zip(&partitions).all(|(expected, (index, _))| *index == expected);
    let leaders = partitions.into_iter().map(|(_, leader)| leader).collect();
    is_whole.then_some(ClusterState { brokers, error, leaders })
}

/// Asks for the number of a producer that takes part in no transaction.
pub(super) fn producer_request() -> Vec<u8> {
    [(-1_i16).to_be_bytes().as_slice(), &(-1_i32).to_be_bytes()].concat()
}

/// The number and the epoch of a producer.
pub(super) fn producer(answer: &[u8]) -> Option<Result<(i64, i16), ErrorCode>> {
    let mut fields = Fields::of(answer);
    fields.int32()?; // throttled for so many milliseconds
    let error = ErrorCode(fields.int16()?);
    let named = (fields.int64()?, fields.int16()?);
    Some(if error == ErrorCode::NONE { Ok(named) } else { Err(error) })
}

/// Asks to store a batch in each of some partitions, on all replicas that are in sync.
pub(super) fn produce_request(topic: &str, timeout_ms: i32, batches: &[(i32, Vec<u8>)]) -> Vec<u8> {
    let room: usize = batches.iter().map(|(_, batch)| batch.len() + 8).sum();
    let mut body = Vec::with_capacity(room + topic.len() + 32);
    body.extend_from_slice(&(-1_i16).to_be_bytes()); // no transaction
    body.extend_from_slice(&(-1_i16).to_be_bytes()); // acks=all
    body.extend_from_slice(&timeout_ms.to_be_bytes());
    body.extend_from_slice(&1_i32.to_be_bytes());
    put_text(&mut body, topic);
    body.extend_from_slice(&length(batches.len()).to_be_bytes());
    for (partition, batch) in batches {
        body.extend_from_slice(&partition.to_be_bytes());
        put_bytes(&mut body, batch);
    }
    body
}

/// Whether the batches are stored, by their partition.
pub(super) fn produced(answer: &[u8], topic: &str) -> Option<HashMap<i32, ErrorCode>> {
    let topics = Fields::of(answer).list(|found| {
        let name = found.text()?;
        let partitions = found.list(|one| {
            let told = (one.int32()?, ErrorCode(one.int16()?));
            one.int64()?; // its offset
            one.int64()?; // its time
            Some(told)
        })?;
        Some((name, partitions))
    })?;
    let (_, partitions) = topics.into_iter().find(|(name, _)| name == topic)?;
    Some(partitions.into_iter().collect())
}

pub(super) fn handshake_request(mechanism: &str) -> Vec<u8> {
    let mut body = Vec::new();
    put_text(&mut body, mechanism);
    body
}

/// The mechanisms that a broker offers, and whether the one that was asked for is among them.
pub(super) fn handshake(answer: &[u8]) -> Option<(ErrorCode, Vec<String>)> {
    let mut fields = Fields::of(answer);
    Some((ErrorCode(fields.int16()?), fields.list(Fields::text)?))
}

pub(super) fn authenticate_request(bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    put_bytes(&mut body, bytes);
    body
}

/// What the broker's side of the mechanism says, or why it refuses.
pub(super) fn authenticated(answer: &[u8]) -> Option<Result<Vec<u8>, (ErrorCode, String)>> {
    let mut fields = Fields::of(answer);
    let (error, text) = (ErrorCode(fields.int16()?), fields.maybe_text()?);
    let bytes = fields.bytes()?.to_vec();
    Some(if error == ErrorCode::NONE { Ok(bytes) } else { Err((error, text.unwrap_or_default())) })
}

/// An error of a broker (Kafka, protocol errors).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ErrorCode(pub i16);

/// What follows from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorMeaning {
    /// It is stored.
    Stored,
    /// Another broker leads by now, or will soon. What a leader had written before it learnt that may be
    /// stored.
    Moved,
    /// It may be stored or not; the same producer asks again with the same number.
    InDoubt,
    /// The broker no longer knows the producer.
    Forgotten,
    /// It takes no message of this size.
    TooLarge,
    /// It will never take this message.
    Unacceptable,
    /// It refuses the message before it stores anything, and something in it may be the cause.
    Content,
    /// It refuses whatever is asked, before it stores anything.
    Refused,
    /// Anything else, of which nobody knows what it left behind.
    Unknown,
}

impl ErrorCode {
    pub const NONE: Self = Self(0);
    pub const UNKNOWN_TOPIC: Self = Self(3);
    pub const TOPIC_AUTHORIZATION: Self = Self(29);
    pub const CLUSTER_AUTHORIZATION: Self = Self(31);
    pub const ILLEGAL_SASL_STATE: Self = Self(34);
    pub const SASL_AUTHENTICATION: Self = Self(58);

    pub const fn meaning(self) -> ErrorMeaning {
        match self.0 {
            // A batch that was stored already has the second number.
            0 | 46 => ErrorMeaning::Stored,
            3 | 5 | 6 | 8 | 9 | 56 | 72 | 74 | 75 | 100 => ErrorMeaning::Moved,
            7 | 13 | 14 | 15 | 16 | 19 | 20 => ErrorMeaning::InDoubt,
            45 | 47 | 59 | 90 => ErrorMeaning::Forgotten,
            10 | 18 => ErrorMeaning::TooLarge,
            87 => ErrorMeaning::Unacceptable,
            2 | 32 | 42 | 44 => ErrorMeaning::Content,
            17 | 21 | 29 | 31 | 33 | 34 | 35 | 43 | 53 | 58 => ErrorMeaning::Refused,
            _ => ErrorMeaning::Unknown,
        }
    }

    /// What a person reads.
    pub fn shown(self, topic: &str) -> String {
        match self {
            Self::UNKNOWN_TOPIC => {
                return format!("it has no topic {topic}: make it, or name another one in `topic`");
            }
            Self::TOPIC_AUTHORIZATION => {
                return format!("the user may not write to the topic {topic} (ACL: Write)");
            }
            Self::CLUSTER_AUTHORIZATION => {
                return "the user may not write idempotently (ACL: IdempotentWrite on the cluster)"
                    .to_owned();
            }
            Self::ILLEGAL_SASL_STATE => {
                return "it asks for no credentials: name none in the target".to_owned();
            }
            _ => {}
        }
        let name = match self.0 {
            2 => "CORRUPT_MESSAGE",
            5 => "LEADER_NOT_AVAILABLE",
            6 => "NOT_LEADER_OR_FOLLOWER",
            7 => "REQUEST_TIMED_OUT",
            14 => "COORDINATOR_LOAD_IN_PROGRESS",
            15 => "COORDINATOR_NOT_AVAILABLE",
            17 => "INVALID_TOPIC_EXCEPTION",
            19 => "NOT_ENOUGH_REPLICAS",
            20 => "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
            21 => "INVALID_REQUIRED_ACKS",
            32 => "INVALID_TIMESTAMP",
            35 => "UNSUPPORTED_VERSION",
            42 => "INVALID_REQUEST",
            43 => "UNSUPPORTED_FOR_MESSAGE_FORMAT",
            44 => "POLICY_VIOLATION",
            45 => "OUT_OF_ORDER_SEQUENCE_NUMBER",
            47 => "INVALID_PRODUCER_EPOCH",
            56 => "KAFKA_STORAGE_ERROR",
            59 => "UNKNOWN_PRODUCER_ID",
            87 => "INVALID_RECORD",
            89 => "THROTTLING_QUOTA_EXCEEDED",
            90 => "PRODUCER_FENCED",
            number => return format!("error {number} of Kafka"),
        };
        name.to_owned()
    }
}

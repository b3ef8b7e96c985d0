use std::fmt;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::fields::{length, length_of};
use crate::{
    changes::{DocumentChange, DocumentChangeKind},
    event::{EventData, OutgoingEvent},
    target::KafkaTarget,
};

/// About how many bytes a record has besides its key, its value and its headers.
const RECORD_BYTES: usize = 32;

/// The same of a batch besides its records.
const BATCH_BYTES: usize = 64;

/// A record for a topic: an event in the binary mode of the Kafka binding of CloudEvents.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaRecord {
    /// The delivery, which is the same for each try.
    pub(super) id: String,
    pub(super) key: String,
    /// The document. None deletes what a compacted topic holds of the key.
    pub(super) value: Option<Bytes>,
    pub(super) headers: Vec<(String, String)>,
    /// When the change was made, in milliseconds.
    pub(super) time: i64,
}

impl fmt::Debug for KafkaRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KafkaRecord({}, {})", self.id, self.key)
    }
}

/// Who writes, and the number of what it writes next to a partition. A partition stores a batch with
/// the same numbers once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authorship {
    pub producer: i64,
    pub epoch: i16,
    pub sequence: i32,
}

impl KafkaRecord {
    /// The record of an event. `bytes` are the document's as they were put.
    pub(crate) fn new(
        target: &KafkaTarget,
        change: &DocumentChange,
        id: String,
        (event, bytes): (&OutgoingEvent, Option<&Bytes>),
    ) -> Self {
        let key = target.partition_key.of(change);
        let is_encrypted = event.attributes.contains_key("plaincontenttype");
        let is_gone =
            change.kind == DocumentChangeKind::Deleted || event.attributes.contains_key("erased");
        let value = match &event.data {
            Some(EventData::Text(token)) if is_encrypted => Some(Bytes::from(token.clone())),
            Some(_) => bytes.cloned(),
            // Where the document is left out it isn't deleted.
            None => (!is_gone).then(Bytes::new),
        };
        let time = change.moment.microseconds() / 1_000;
        Self { id, headers: headers_of(&event.attributes, &key), key, value, time }
    }

    /// The partition of its key among so many, as Java's clients choose it.
    pub(super) fn partition(&self, count: usize) -> usize {
        let hash = murmur2(self.key.as_bytes()) & 0x7FFF_FFFF;
        usize::try_from(hash).unwrap_or_default() % count.max(1)
    }

    /// About how much of a batch it takes.
    pub(super) fn bytes(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4);
        let value = self.value.as_ref().map_or(0, Bytes::len);
        self.key.len() + value + headers.sum::<usize>() + RECORD_BYTES
    }

    /// Its bytes in a batch whose first record has this time, behind so many others.
    fn body(&self, first_time: i64, offset: i64) -> Vec<u8> {
        let mut body = vec![0]; // attributes
        put_varint(&mut body, self.time - first_time);
        put_varint(&mut body, offset);
        put_counted(&mut body, Some(self.key.as_bytes()));
        put_counted(&mut body, self.value.as_deref());
        put_varint(&mut body, i64::try_from(self.headers.len()).unwrap_or_default());
        for (name, value) in &self.headers {
            put_counted(&mut body, Some(name.as_bytes()));
            put_counted(&mut body, Some(value.as_bytes()));
        }
        body
    }
}

/// A batch of records for one partition (Kafka, record batch, version 2).
pub(super) fn batch_of(records: &[&KafkaRecord], by: Authorship) -> Vec<u8> {
    let times = || records.iter().map(|record| record.time);
    let first = times().next().unwrap_or_default();
    let count = length(records.len());
    let room: usize = records.iter().map(|record| record.bytes()).sum();
    // What the check sum covers: all that follows it.
    let mut summed = Vec::with_capacity(room + BATCH_BYTES);
    summed.extend_from_slice(&0_i16.to_be_bytes()); // attributes: no compression
    summed.extend_from_slice(&(count - 1).to_be_bytes()); // the last record's distance to the first
    summed.extend_from_slice(&first.to_be_bytes());
    summed.extend_from_slice(&times().max().unwrap_or_default().to_be_bytes());
    summed.extend_from_slice(&by.producer.to_be_bytes());
    summed.extend_from_slice(&by.epoch.to_be_bytes());
    summed.extend_from_slice(&by.sequence.to_be_bytes());
    summed.extend_from_slice(&count.to_be_bytes());
    for (offset, record) in (0..).zip(records) {
        let body = record.body(first, offset);
        put_varint(&mut summed, i64::from(length_of(&body)));
        summed.extend_from_slice(&body);
    }
    let mut batch = Vec::with_capacity(summed.len() + BATCH_BYTES);
    batch.extend_from_slice(&0_i64.to_be_bytes()); // the broker gives the offset
    let behind = length_of(&summed).saturating_add(9);
    batch.extend_from_slice(&behind.to_be_bytes());
    batch.extend_from_slice(&(-1_i32).to_be_bytes()); // the leader's epoch isn't known
    batch.push(2); // the version of this layout
    batch.extend_from_slice(&crc32c(&summed).to_be_bytes());
    batch.extend_from_slice(&summed);
    batch
}

/// Each attribute is a header whose name begins with `ce_`, but the media type of the data.
fn headers_of(attributes: &Map<String, Value>, key: &str) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (name, value) in attributes {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match name.as_str() {
            "datacontenttype" => headers.push(("content-type".to_owned(), text)),
            "partitionkey" => headers.push(("ce_partitionkey".to_owned(), key.to_owned())),
            name => headers.push((format!("ce_{name}"), text)),
        }
    }
    headers
}

/// Adds bytes with their length in front, or the length -1.
fn put_counted(body: &mut Vec<u8>, bytes: Option<&[u8]>) {
    put_varint(body, bytes.map_or(-1, |bytes| i64::from(length_of(bytes))));
    body.extend_from_slice(bytes.unwrap_or_default());
}

/// Adds a number in as many bytes as it needs, seven bits in each, lowest first; its sign is its
/// lowest bit (Protocol Buffers, zigzag).
pub(super) fn put_varint(body: &mut Vec<u8>, number: i64) {
    let mut left = ((number << 1) ^ (number >> 63)).cast_unsigned();
    loop {
        let [low, ..] = left.to_le_bytes();
        left >>= 7;
        if left == 0 {
            body.push(low & 0x7F);
            return;
        }
        body.push(low | 0x80);
    }
}

/// CRC-32C, with the polynomial of Castagnoli (RFC 3720, B.4).
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = crc_table();
    let step = |sum: u32, byte: &u8| {
        let [low, ..] = sum.to_le_bytes();
        TABLE[usize::from(low ^ byte)] ^ (sum >> 8)
    };
    !bytes.iter().fold(u32::MAX, step)
}

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    let mut byte = 0;
    while index < table.len() {
        let mut sum: u32 = byte;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 0 { sum >> 1 } else { (sum >> 1) ^ 0x82F6_3B78 };
            bit += 1;
        }
        table[index] = sum;
        index += 1;
        byte += 1;
    }
    table
}

/// The hash by which clients of Kafka choose a partition: MurmurHash2 with 32 bits.
pub(super) fn murmur2(bytes: &[u8]) -> u32 {
    const MULTIPLIER: u32 = 0x5BD1_E995;
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let words = bytes.chunks_exact(4);
    let rest = words.remainder();
    let mut hash = words.fold(0x9747_B28C ^ length, |hash, word| {
        let word = word.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        let mixed = word.wrapping_mul(MULTIPLIER);
        let mixed = (mixed ^ (mixed >> 24)).wrapping_mul(MULTIPLIER);
        hash.wrapping_mul(MULTIPLIER) ^ mixed
    });
    if !rest.is_empty() {
        let last = rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        hash = (hash ^ last).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

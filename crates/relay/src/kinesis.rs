//! Deliveries to a stream of Amazon Kinesis, or of a server that speaks the same: a record for each
//! event. The requests go over the connections that every target has.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::Method;
use muster_guard::secret_references::SecretList;
use muster_seal::aws::AwsScope;
use muster_words::{Digest, Moment};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::{
    aws::{AwsCall, xml_text},
    batch::{BatchRecord, Batches, Batching, Halves, place_of},
    changes::DocumentChange,
    decision::{Tried, TryFailure, TryOutcome, shown},
    delivery::Depot,
    http_sender::{HttpSender, Received, Sending},
    receiver::Receiver,
    target::{KinesisTarget, RelayTarget},
    webhook,
};

/// The largest record that a stream takes unless it is set to take more, in bytes: its key and its
/// data.
const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// The longest key of a record, in letters.
const KEY_LETTERS_MAX: usize = 256;

/// How much of an answer is read, in bytes: it has 200 to 500 about each of up to 500 records.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// How often records are sent in one try of which the stream takes no more at the moment.
const ROUNDS: u32 = 4;

/// The pause before they are sent again; the next ones are twice as long. A shard counts by the
/// second.
const ROUND_PAUSE: Duration = Duration::from_millis(200);

/// The most bytes of records in one request, with their keys.
const REQUEST_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Writes records to streams, several in one request where targets say so.
#[derive(Default)]
pub struct KinesisSender {
    batches: Batches<usize, KinesisRecord>,
}

impl KinesisSender {
    /// Sends a record, and waits until it is stored.
    pub(crate) async fn deliver(
        &self,
        (batching, leave): (Batching, impl Future<Output = ()>),
        (depot, receiver): (&Arc<Depot>, &Arc<Receiver>),
        (kinesis, record): (&KinesisTarget, KinesisRecord),
    ) -> Tried {
        let added = BatchRecord {
            place: place_of(receiver),
            bytes: record.bytes(),
            record,
            bytes_max: REQUEST_BYTES_MAX,
        };
        let (depot, receiver, kinesis) = (depot.clone(), receiver.clone(), kinesis.clone());
        let send = move |records: Vec<KinesisRecord>| {
            let (depot, receiver, kinesis) = (depot.clone(), receiver.clone(), kinesis.clone());
            async move {
                let (sender, secrets, now) = (&depot.sender, &depot.secrets, depot.registry.now());
                put(sender, secrets, (&receiver.target, &kinesis), &records, now).await
            }
        };
        self.batches.deliver(batching, added, leave, send).await
    }
}

/// A record for a stream: an event in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KinesisRecord {
    key: String,
    data: Bytes,
}

impl KinesisRecord {
    /// The record of an event.
    pub fn new(target: &KinesisTarget, change: &DocumentChange, data: Bytes) -> Self {
        let key = target.partition_key.of(change);
        // A digest keeps together what has the same key just as well.
        let is_short = key.chars().count() <= KEY_LETTERS_MAX;
        let key = if is_short { key } else { Digest::of(key.as_bytes()).to_string() };
        Self { key, data }
    }

    /// What counts for the limits of the service.
    pub fn bytes(&self) -> usize {
        self.key.len() + self.data.len()
    }
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RecordOutcome {
    /// The stream takes no more at the moment, and says why.
    Busy(String),
    /// Anything else.
    Ended(TryOutcome),
}

impl RecordOutcome {
    /// Whether the service takes no request of this size.
    const fn is_too_large(&self) -> bool {
        matches!(self, Self::Ended(outcome) if outcome.is_too_large())
    }
}

/// Writes records to a stream. The outcome of each.
async fn put(
    sender: &HttpSender,
    secrets: &SecretList,
    (target, kinesis): (&RelayTarget, &KinesisTarget),
    records: &[KinesisRecord],
    now: Moment,
) -> Vec<TryOutcome> {
    let until = Instant::now() + target.deadline;
    let too_large = TryFailure::TooLarge { bytes_max: Some(RECORD_BYTES_MAX) };
    let mut outcomes = vec![TryOutcome::Failed(too_large); records.len()];
    let fits = |index: &usize| records[*index].bytes() <= RECORD_BYTES_MAX;
    let mut left: Vec<usize> = (0..records.len()).filter(fits).collect();
    let mut pause = ROUND_PAUSE;
    for round in 1..=ROUNDS {
        if left.is_empty() {
            break;
        }
        let sent: Vec<&KinesisRecord> = left.iter().map(|index| &records[*index]).collect();
        let mut halves = Halves::of(sent.len(), RecordOutcome::is_too_large);
        while let Some(piece) = halves.next() {
            let deadline = until.saturating_duration_since(Instant::now());
            let all = (kinesis, deadline);
            let found = put_once((sender, secrets), all, &sent[piece.clone()], now).await;
            halves.told(piece, found);
        }
        let unsent = || RecordOutcome::Ended(TryOutcome::Failed(TryFailure::Timeout));
        let found = halves.outcomes(unsent);
        let mut busy = Vec::new();
        for (index, outcome) in left.into_iter().zip(found) {
            outcomes[index] = match outcome {
                RecordOutcome::Ended(outcome) => outcome,
                RecordOutcome::Busy(text) => {
                    busy.push(index);
                    TryOutcome::Failed(TryFailure::Answer(text))
                }
            };
        }
        left = busy;
        if round == ROUNDS || Instant::now() + pause >= until {
            break;
        }
        if !left.is_empty() {
            sleep(pause).await;
            pause *= 2;
        }
    }
    outcomes
}

/// Sends one request. What becomes of each of its records.
async fn put_once(
    (sender, secrets): (&HttpSender, &SecretList),
    (kinesis, deadline): (&KinesisTarget, Duration),
    records: &[&KinesisRecord],
    now: Moment,
) -> Vec<RecordOutcome> {
    let body = body(&kinesis.stream, records);
    let call = AwsCall {
        credentials: &kinesis.credentials,
        scope: AwsScope { region: &kinesis.region, service: "kinesis" },
        method: "POST",
        url: &kinesis.url,
        headers: &[
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", "Kinesis_20131202.PutRecords".to_owned()),
        ],
        body: &body,
        now,
    };
    let sent = async {
        let headers = call.headers(sender, secrets)?;
        let (method, url) = (Method::POST, kinesis.url.as_str());
        let answer_max = ANSWER_BYTES_MAX;
        let sending = Sending { method, url, headers, body: body.clone(), deadline, answer_max };
        sender.send(sending).await
    };
    let all = |outcome| vec![RecordOutcome::Ended(outcome); records.len()];
    match sent.await {
        Ok(received) if received.status == 200 => {
            // What isn't told of each record is told of none.
            let told = told(&received.body).filter(|told| told.len() == records.len());
            told.unwrap_or_else(|| all(TryOutcome::Failed(TryFailure::Broken)))
        }
        Ok(received) => all(refusal(&received, kinesis, records.len())),
        Err(failure) => all(TryOutcome::Failed(failure)),
    }
}

/// The body of a request (Kinesis API 2013-12-02, `PutRecords`).
fn body<'a>(stream: &str, records: &[&'a KinesisRecord]) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct PutRecords<'a> {
        stream_name: &'a str,
        records: Vec<PutRecord<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct PutRecord<'a> {
        data: String,
        partition_key: &'a str,
    }
    let record = |record: &&'a KinesisRecord| PutRecord {
        data: STANDARD.encode(&record.data),
        partition_key: &record.key,
    };
    let records = records.iter().map(record).collect();
    // Texts and lists of them can always be written.
    serde_json::to_vec(&PutRecords { stream_name: stream, records }).unwrap_or_default().into()
}

/// What an answer says of each record.
fn told(body: &[u8]) -> Option<Vec<RecordOutcome>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        records: Vec<Told>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Told {
        sequence_number: Option<String>,
        error_code: Option<String>,
        error_message: Option<String>,
    }
    let of = |told: Told| match (told.error_code, told.sequence_number) {
        (None, Some(_)) => RecordOutcome::Ended(TryOutcome::Taken),
        (Some(code), _) if code == THROUGHPUT => RecordOutcome::Busy(SLOW.to_owned()),
        (code, _) => {
            let code = code.unwrap_or_else(|| "no number of the record".to_owned());
            RecordOutcome::Busy(said(&code, told.error_message.as_deref()))
        }
    };
    let answer: Answer = serde_json::from_slice(body).ok()?;
    Some(answer.records.into_iter().map(of).collect())
}

/// The error of a shard to which more is written than it takes.
const THROUGHPUT: &str = "ProvisionedThroughputExceededException";

/// The error of a request that is too large.
const TOO_LARGE: &str = "RequestEntityTooLargeException";

/// What a person reads of a shard that takes no more.
const SLOW: &str = "a shard takes no more now (ProvisionedThroughputExceededException): give the \
                    stream more shards, or set it to on-demand";

/// The outcome that a refusal of a whole request with so many records means.
fn refusal(received: &Received, kinesis: &KinesisTarget, count: usize) -> TryOutcome {
    #[derive(Default, Deserialize)]
    struct Refusal {
        #[serde(rename = "__type")]
        code: Option<String>,
        #[serde(alias = "Message")]
        message: Option<String>,
    }
    // These have a meaning of their own for what comes next.
    if matches!(received.status, 413 | 429 | 503) {
        return webhook::outcome(received);
    }
    let refusal: Refusal = serde_json::from_slice(&received.body).unwrap_or_default();
    let status = || format!("status {}", received.status);
    // Some servers say who may do what as other services do.
    let code = refusal.code.or_else(|| xml_text(&received.body, "Code")).unwrap_or_else(status);
    // Before its name may stand that of the service.
    let code = code.rsplit('#').next().unwrap_or_default();
    let KinesisTarget { stream, region, .. } = kinesis;
    let text = match code {
        TOO_LARGE => return TryOutcome::Failed(TryFailure::TooLarge { bytes_max: None }),
        // One of the records may be the cause.
        "ValidationException" | "InvalidArgumentException" | "SerializationException" => {
            let text = said(code, refusal.message.as_deref());
            return TryOutcome::Failed(TryFailure::Content(text));
        }
        THROUGHPUT => SLOW.to_owned(),
        "ResourceNotFoundException" => format!(
            "the key's account has no stream {stream} in {region}: make it, or name another one in \
             `stream`, or its region"
        ),
        "AccessDeniedException" | "AccessDenied" => format!(
            "the key may not write to the stream {stream} in {region} (kinesis:PutRecords, and \
             kms:GenerateDataKey if it is encrypted)"
        ),
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" => {
            format!("it doesn't know the key ({code}): check the secret of `credentials`")
        }
        "ExpiredTokenException" | "ExpiredToken" => {
            format!("the key's time is over ({code}): renew the secret of `credentials`")
        }
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "IncompleteSignatureException" => {
            format!(
                "it doesn't accept the signature ({code}): check the secret of `credentials`, the \
                 region {region}, and this server's clock"
            )
        }
        code => {
            let text = said(code, refusal.message.as_deref());
            // Nobody knows whether one of several records is the cause, unless it is about a key that
            // encrypts.
            if received.status == 400 && count > 1 && !code.starts_with("KMS") {
                return TryOutcome::Failed(TryFailure::Content(text));
            }
            text
        }
    };
    TryOutcome::Failed(TryFailure::Answer(text))
}

/// A code with its message, as a person reads it.
fn said(code: &str, message: Option<&str>) -> String {
    match message.unwrap_or_default() {
        "" => shown(code),
        message => format!("{}: {}", shown(code), shown(message)),
    }
}

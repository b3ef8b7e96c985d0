//! Deliveries to a bucket of S3, or of a server that speaks the same: an object for each event, named
//! by its position, which is never written twice. The requests go over the connections that every
//! target has.

#[cfg(test)]
mod tests;

use http::{HeaderMap, HeaderValue, Method, header};
use muster_guard::secret_references::SecretList;
use muster_seal::aws::AwsScope;
use muster_words::Moment;

use crate::{
    aws::{AwsCall, xml_text},
    changes::DocumentChange,
    decision::{TryFailure, TryOutcome},
    http_sender::{ANSWER_BYTES_MAX, HttpSender, Received, Sending},
    target::{BucketTarget, RelayTarget},
    webhook,
};

/// How much of a delivery's id is in the name of its object: enough that two routes, or two
/// registries, never write to the same one.
const ID_LETTERS: usize = 16;

/// One event on its way to a bucket.
pub(crate) struct BucketDelivery<'a> {
    /// The change.
    pub change: &'a DocumentChange,
    /// The id, which is the same for every try.
    pub id: &'a str,
    /// The event as JSON.
    pub body: bytes::Bytes,
    /// The time of this try.
    pub now: Moment,
}

/// Writes an event, unless it is there already.
pub(crate) async fn deliver(
    sender: &HttpSender,
    secrets: &SecretList,
    (target, bucket): (&RelayTarget, &BucketTarget),
    delivery: BucketDelivery<'_>,
) -> TryOutcome {
    let url = format!("{}/{}", bucket.url.trim_end_matches('/'), name_of(&delivery));
    let headers = match headers(sender, secrets, (bucket, &url), &delivery) {
        Ok(headers) => headers,
        Err(failure) => return TryOutcome::Failed(failure),
    };
    let sent = sender.send(Sending {
        method: Method::PUT,
        url: &url,
        headers,
        body: delivery.body,
        deadline: target.deadline,
        answer_max: ANSWER_BYTES_MAX,
    });
    match sent.await {
        Ok(received) => outcome(&received),
        Err(failure) => TryOutcome::Failed(failure),
    }
}

/// The name of an object: `events/<position>-<number>-<what happened>-<id>.json`. It sorts as the
/// ledger does, and the id is of the change, the route and the target.
fn name_of(delivery: &BucketDelivery<'_>) -> String {
    let BucketDelivery { change, id, .. } = delivery;
    let id = id.trim_start_matches("msg_");
    let id = id.get(..ID_LETTERS).unwrap_or(id);
    let (position, index) = (change.id.position.0, change.id.index);
    format!("events/{position:020}-{index:06}-{}-{id}.json", change.kind.name())
}

fn headers(
    sender: &HttpSender,
    secrets: &SecretList,
    (bucket, url): (&BucketTarget, &str),
    delivery: &BucketDelivery<'_>,
) -> Result<HeaderMap, TryFailure> {
    let call = AwsCall {
        credentials: &bucket.credentials,
        scope: AwsScope { region: &bucket.region, service: "s3" },
        method: "PUT",
        url,
        // What is there stays: it is the same event.
        headers: &[("if-none-match", "*".to_owned())],
        body: &delivery.body,
        now: delivery.now,
    };
    let mut headers = call.headers(sender, secrets)?;
    let media_type = HeaderValue::from_static("application/cloudevents+json; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, media_type);
    Ok(headers)
}

/// The outcome that an answer means.
fn outcome(received: &Received) -> TryOutcome {
    match received.status {
        // It was written by an earlier try, whose answer was lost.
        200 | 412 => TryOutcome::Taken,
        // These have a meaning of their own for what comes next.
        413 | 429 | 503 => webhook::outcome(received),
        status => {
            let part = |name| xml_text(&received.body, name);
            let code = part("Code").unwrap_or_else(|| format!("status {status}"));
            // A server that is asked in another protocol says so, and nothing was stored.
            TryOutcome::Failed(match (code.as_str(), part("Message")) {
                ("EntityTooLarge", _) => TryFailure::TooLarge { bytes_max: None },
                (_, Some(message)) => TryFailure::Answer(format!("{code}: {message}")),
                (_, None) => TryFailure::Answer(code),
            })
        }
    }
}

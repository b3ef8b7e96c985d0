//! Deliveries to a bucket of S3, or of a server that speaks the same: an object for each event, named
//! by its position, which is never written twice. The requests go over the connections that every
//! target has.

#[cfg(test)]
mod tests;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use muster_guard::secret_references::SecretList;
use muster_seal::aws::{AwsKey, AwsRequest, AwsScope, signed_headers};
use muster_words::Moment;

use crate::{
    changes::DocumentChange,
    decision::{TryFailure, TryOutcome, shown},
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
    let destination = sender.destination(url).map_err(TryFailure::Refused)?;
    let secret = secrets.resolve(&bucket.credentials, &destination.host);
    let secret = secret.map_err(TryFailure::Secret)?;
    let unreadable = TryFailure::Credentials {
        expected: "KEY_ID:SECRET, with :TOKEN behind it for a key that ends",
    };
    let key = key_of(secret.expose()).ok_or(unreadable.clone())?;
    // What is there stays: it is the same event.
    let own = [("if-none-match", "*".to_owned())];
    let host = destination.authority();
    let request = AwsRequest {
        method: "PUT",
        path: &destination.path,
        query: "",
        host: &host,
        headers: &own,
        body: &delivery.body,
    };
    let scope = AwsScope { region: &bucket.region, service: "s3" };
    let signed = signed_headers(key, scope, &request, delivery.now);
    let mut headers = HeaderMap::new();
    let content_type = ("content-type", "application/cloudevents+json; charset=utf-8".to_owned());
    for (name, value) in signed.into_iter().chain([content_type]) {
        let mut value = HeaderValue::from_str(&value).map_err(|_| unreadable.clone())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// Reads a secret: `KEY_ID:SECRET` or `KEY_ID:SECRET:TOKEN`.
fn key_of(text: &str) -> Option<AwsKey<'_>> {
    let mut parts = text.trim().splitn(3, ':');
    let (id, secret) = (parts.next()?, parts.next()?);
    let token = parts.next();
    let is_whole = !id.is_empty() && !secret.is_empty() && token != Some("");
    let is_plain = text.trim().bytes().all(|byte| byte.is_ascii_graphic());
    (is_whole && is_plain).then_some(AwsKey { id, secret, token })
}

/// The outcome that an answer means.
fn outcome(received: &Received) -> TryOutcome {
    match received.status {
        // It was written by an earlier try, whose answer was lost.
        200 | 412 => TryOutcome::Taken,
        // These have a meaning of their own for what comes next.
        413 | 429 | 503 => webhook::outcome(received),
        status => {
            let text = String::from_utf8_lossy(&received.body);
            let part = |name: &str| {
                let (_, rest) = text.split_once(&format!("<{name}>"))?;
                Some(shown(rest.split_once("</")?.0))
            };
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

//! Deliveries to a webhook: Standard Webhooks around a CloudEvent.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use muster_guard::{
    addresses::Host,
    secret_references::{SecretList, SecretReference},
};
use muster_words::Moment;

use crate::{
    decision::{TryFailure, TryOutcome},
    http_sender::{ANSWER_BYTES_MAX, HttpSender, Received, Sending},
    signature::SigningKey,
    target::{RelayTarget, Webhook},
};

/// One event on its way to a webhook.
pub struct WebhookDelivery<'a> {
    /// The id, which is the same for every try.
    pub id: &'a str,
    /// The event as JSON.
    pub body: Bytes,
    /// The time of this try.
    pub now: Moment,
}

/// Sends an event.
pub async fn deliver(
    sender: &HttpSender,
    secrets: &SecretList,
    (target, webhook): (&RelayTarget, &Webhook),
    delivery: WebhookDelivery<'_>,
) -> TryOutcome {
    let headers = match headers(sender, secrets, webhook, &delivery) {
        Ok(headers) => headers,
        Err(failure) => return TryOutcome::Failed(failure),
    };
    let sent = sender.send(Sending {
        method: Method::POST,
        url: &webhook.url,
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

/// The outcome that an answer means.
#[must_use]
pub fn outcome(received: &Received) -> TryOutcome {
    TryOutcome::of_status(received.status, retry_after(&received.headers, SystemTime::now()))
}

/// The headers that the target's document names, for every request to it.
pub(crate) fn own_headers(
    sender: &HttpSender,
    secrets: &SecretList,
    webhook: &Webhook,
) -> Result<HeaderMap, TryFailure> {
    let host = sender.destination(&webhook.url).map_err(TryFailure::Refused)?.host;
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, HeaderValue::from_static("muster"));
    for (name, value) in &webhook.headers {
        let value = resolved(secrets, value, &host)?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| TryFailure::Key)?;
        let mut value = HeaderValue::from_str(&value).map_err(|_| TryFailure::Key)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn headers(
    sender: &HttpSender,
    secrets: &SecretList,
    webhook: &Webhook,
    delivery: &WebhookDelivery<'_>,
) -> Result<HeaderMap, TryFailure> {
    let host = sender.destination(&webhook.url).map_err(TryFailure::Refused)?.host;
    let mut headers = own_headers(sender, secrets, webhook)?;
    let timestamp = delivery.now.microseconds().div_euclid(1_000_000);
    let mut set = |name: &'static str, value: &str| match HeaderValue::from_str(value) {
        Ok(value) => {
            headers.insert(HeaderName::from_static(name), value);
            Ok(())
        }
        Err(_) => Err(TryFailure::Key),
    };
    set("content-type", "application/cloudevents+json; charset=utf-8")?;
    set("webhook-id", delivery.id)?;
    set("webhook-timestamp", &timestamp.to_string())?;
    let mut signatures = Vec::new();
    for reference in [&webhook.secret, &webhook.previous_secret].into_iter().flatten() {
        let secret = secrets.resolve(reference, &host).map_err(TryFailure::Secret)?;
        let key = SigningKey::read(secret.expose()).ok_or(TryFailure::Key)?;
        signatures.push(key.sign(delivery.id, timestamp, &delivery.body));
    }
    if !signatures.is_empty() {
        set("webhook-signature", &signatures.join(" "))?;
    }
    Ok(headers)
}

/// A header's value, which may be the name of a secret.
pub(crate) fn resolved(
    secrets: &SecretList,
    value: &str,
    host: &Host,
) -> Result<String, TryFailure> {
    if !SecretReference::is_meant(value) {
        return Ok(value.to_owned());
    }
    let secret = secrets.resolve(value, host).map_err(TryFailure::Secret)?;
    Ok(secret.expose().to_owned())
}

/// How long an answer asks to wait: seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn reads_how_long_a_receiver_asks_to_wait() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_480);
        for (text, expect) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Wed, 21 Oct 2015 07:29:00 GMT", Some(60)),
            ("Wed, 21 Oct 2015 07:27:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("1.5", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_str(text).unwrap());
            let found = retry_after(&headers, now);
            assert_eq!(found, expect.map(Duration::from_secs), "{text}");
        }
    }
}

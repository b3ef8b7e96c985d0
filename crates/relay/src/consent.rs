//! Whether a webhook agrees to get events from here (CloudEvents, HTTP 1.1 Web Hooks 1.0.2, section 4,
//! "Abuse protection").

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use muster_guard::secret_references::SecretList;
use parking_lot::Mutex;
use tokio::{sync, time::Instant};

use crate::{
    decision::{TryFailure, shown},
    event::EventSource,
    http_sender::{HttpSender, Sending},
    target::{RelayTarget, Webhook},
    webhook,
};

const REQUEST_ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");

/// How long a receiver may take to answer. One that doesn't speak the protocol may not answer at all,
/// and its first deliveries wait for this.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// How long one that didn't answer is left alone, so that deliveries aren't delayed by a question that
/// it doesn't understand.
const SILENCE_TIME_MIN: Duration = Duration::from_secs(10 * 60);

/// What is known of a receiver's consent.
#[derive(Debug, Default)]
pub(crate) struct Consent {
    known: Mutex<KnownConsent>,
    /// Held while it is asked, so that it is asked once.
    asking: sync::Mutex<()>,
}

#[derive(Clone, Copy, Debug, Default)]
enum KnownConsent {
    /// It wasn't asked.
    #[default]
    Unasked,
    /// It answered and refused nothing.
    Given,
    /// It didn't answer, and is asked again from this time on.
    Silent(Instant),
}

/// Who asks, and for whom.
pub(crate) struct ConsentQuestion<'a> {
    pub sender: &'a HttpSender,
    pub secrets: &'a SecretList,
    pub target: &'a RelayTarget,
    pub webhook: &'a Webhook,
    pub source: &'a EventSource,
}

impl Consent {
    /// Asks the receiver, unless it has answered before, or didn't answer a short while ago.
    ///
    /// # Errors
    /// It allows others and not this registry. That isn't remembered: the next time it is asked again.
    pub async fn ask(&self, question: ConsentQuestion<'_>) -> Result<(), TryFailure> {
        if !question.webhook.check || !self.must_ask() {
            return Ok(());
        }
        let _asking = self.asking.lock().await;
        if !self.must_ask() {
            return Ok(());
        }
        let origin = question.source.host();
        let Some(answer) = question.answer(origin).await else {
            *self.known.lock() = KnownConsent::Silent(Instant::now() + SILENCE_TIME_MIN);
            return Ok(());
        };
        if let Some(allowed) = refusing(&answer, origin) {
            let (origin, allowed) = (origin.to_owned(), shown(allowed));
            return Err(TryFailure::NotAllowed { origin, allowed });
        }
        *self.known.lock() = KnownConsent::Given;
        Ok(())
    }

    fn must_ask(&self) -> bool {
        match *self.known.lock() {
            KnownConsent::Unasked => true,
            KnownConsent::Given => false,
            KnownConsent::Silent(until) => Instant::now() >= until,
        }
    }
}

impl ConsentQuestion<'_> {
    /// The headers of an answer; none if there was none. Then the delivery fails for the same reason,
    /// and says it.
    async fn answer(&self, origin: &str) -> Option<HeaderMap> {
        let mut headers = webhook::own_headers(self.sender, self.secrets, self.webhook).ok()?;
        headers.insert(REQUEST_ORIGIN, HeaderValue::from_str(origin).ok()?);
        let sent = self.sender.send(Sending {
            method: Method::OPTIONS,
            url: &self.webhook.url,
            headers,
            body: Bytes::new(),
            deadline: self.target.deadline.min(ANSWER_TIME_MAX),
            answer_max: 0,
        });
        sent.await.ok().map(|received| received.headers)
    }
}

/// Whom a receiver allows, if it allows somebody and not this origin. One that names nobody doesn't
/// speak the protocol: whether it wants events, its answer to the first one says.
fn refusing<'a>(answer: &'a HeaderMap, origin: &str) -> Option<&'a str> {
    let allowed = answer.get(ALLOWED_ORIGIN)?.to_str().unwrap_or("?").trim();
    let is_allowed = allowed == "*" || allowed.eq_ignore_ascii_case(origin);
    (!is_allowed).then_some(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_refuses_whom_it_does_not_name() {
        for (allowed, expect) in [
            (None, None),
            (Some("*"), None),
            (Some("registry.example"), None),
            (Some("Registry.Example "), None),
            (Some("other.example"), Some("other.example")),
            (Some(""), Some("")),
        ] {
            let mut answer = HeaderMap::new();
            if let Some(allowed) = allowed {
                answer.insert(ALLOWED_ORIGIN, HeaderValue::from_static(allowed));
            }
            assert_eq!(refusing(&answer, "registry.example"), expect, "{allowed:?}");
        }
    }
}

//! What follows from the outcome of a try. Pure, so that it can be compared with a table.

use std::{fmt, time::Duration};

use muster_guard::{addresses::AddressRefused, secret_references::SecretError};
use muster_words::Id;

use crate::retry::{RETRY_AFTER_MAX, RetryPolicy};

/// The outcome of one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TryOutcome {
    /// The receiver took it.
    Taken,
    /// The receiver answered with a status that isn't success.
    Status {
        /// The status.
        status: u16,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    Failed(TryFailure),
}

/// The outcome of a try, with what it says of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The outcome.
    pub outcome: TryOutcome,
    /// Whether the breaker counts it as a failure. None: another delivery in the same request says so.
    pub is_failure: Option<bool>,
}

impl From<TryOutcome> for Tried {
    fn from(outcome: TryOutcome) -> Self {
        Self { is_failure: Some(outcome.counts_for_breaker()), outcome }
    }
}

/// Why a try got no answer. The texts say nothing of what a refused address would have answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TryFailure {
    /// The server doesn't connect to the address.
    Refused(AddressRefused),
    /// A secret can't be had.
    Secret(SecretError),
    /// The secret isn't a key.
    Key,
    /// The name has no address.
    Unresolved,
    /// No connection can be made.
    Unreachable,
    /// TLS failed, for example because nobody who is trusted signed the certificate.
    Tls,
    /// It took too long.
    Timeout,
    /// The connection broke, or what came isn't HTTP.
    Broken,
    /// The secret isn't credentials.
    Credentials {
        /// What it should be.
        expected: &'static str,
    },
    /// The receiver refuses the event, and says why.
    Answer(String),
    /// The same, and something in the event may be the cause: what was sent with it may be the cause
    /// as well.
    Content(String),
    /// Whoever gives the right to send asks to wait so long.
    Busy {
        /// What it says.
        text: String,
        /// How long.
        retry_after: Duration,
    },
    /// It waited to be sent with others, and its link stops or the target is held. That was no try.
    Withdrawn,
    /// The receiver takes no message of this size.
    TooLarge {
        /// The most bytes that it takes, if it says so.
        bytes_max: Option<usize>,
    },
    /// The receiver will never take the event, and says why.
    Unacceptable(String),
    /// The receiver allows events from others and not from here.
    NotAllowed {
        /// What this registry is called.
        origin: String,
        /// Whom it allows.
        allowed: String,
    },
    /// A file can't be written.
    File(String),
    /// The other registry is this one.
    Itself,
    /// The other registry doesn't say who it is.
    Unknown(u16),
    /// Something in the other registry stands in the way.
    Conflict(String),
    /// The other registry refuses the document. It may lack what the document refers to, which may
    /// still be on its way.
    RefusedThere(String),
    /// The document is changed in the other registry all the time.
    ChangedThere,
    /// At the address of a registry is another one.
    OtherRegistry {
        /// The one that the link has sent to until now.
        expected: Id,
        /// The one that is there.
        found: Id,
    },
    /// The mapping of the route can't be applied to the document, or what it makes breaks the
    /// mapping's schema.
    Unmapped(String),
    /// The document can't be read from the ledger.
    Unread,
    /// The key that encrypts can't be used; the log says why.
    NoEncryption,
    /// What goes to another registry isn't encrypted, because it has no key to read it.
    Unencryptable,
}

impl TryFailure {
    /// Whether the fault is on this side: a secret, the key that encrypts, or the ledger can't be
    /// read, the settings don't allow the address, or it leads to another registry than before.
    /// Nothing says that the receiver would refuse the delivery, so it waits until somebody has
    /// mended that.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::Secret(_)
                | Self::Key
                | Self::Credentials { .. }
                | Self::Unread
                | Self::NoEncryption
                | Self::OtherRegistry { .. }
        )
    }
}

impl std::error::Error for TryFailure {}

impl fmt::Display for TryFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Secret(error) => error.fmt(f),
            Self::Key => f.write_str("the secret isn't a key of the form whsec_ and base64"),
            Self::Credentials { expected } => {
                write!(f, "the secret isn't credentials of this kind: {expected}")
            }
            Self::Answer(text) | Self::Content(text) | Self::Busy { text, .. } => {
                write!(f, "the receiver says: {text}")
            }
            Self::Withdrawn => f.write_str("it wasn't sent, because the target is held"),
            Self::Unacceptable(text) => {
                write!(f, "the receiver will never take this event: {text}")
            }
            Self::TooLarge { bytes_max: Some(most) } => {
                write!(f, "the receiver takes at most {most} bytes in a message")
            }
            Self::TooLarge { bytes_max: None } => {
                f.write_str("the receiver takes no message of this size")
            }
            Self::NotAllowed { origin, allowed } => write!(
                f,
                "the receiver doesn't take events from {origin}: its WebHook-Allowed-Origin is \
                 {allowed:?}"
            ),
            Self::Unresolved => f.write_str("the host has no address"),
            Self::Unreachable => f.write_str("no connection can be made"),
            Self::Tls => f.write_str("TLS failed, or the certificate isn't trusted"),
            Self::Timeout => f.write_str("the receiver took too long"),
            Self::Broken => {
                f.write_str("the connection broke, or the answer isn't of its protocol")
            }
            Self::File(error) => write!(f, "the file can't be written: {error}"),
            Self::Itself => f.write_str("the target is this registry itself"),
            Self::Unknown(status) => {
                write!(f, "the target doesn't answer as a registry (status {status})")
            }
            Self::Conflict(text) | Self::Unmapped(text) => f.write_str(text),
            Self::RefusedThere(text) => write!(f, "the other registry refuses it: {text}"),
            Self::ChangedThere => {
                f.write_str("the document changed in the other registry meanwhile")
            }
            Self::OtherRegistry { expected, found } => write!(
                f,
                "the registry at this address is {found}, and it was {expected}: to go on with it, \
                 delete the target and put it again"
            ),
            Self::NoEncryption => f.write_str(
                "the key that encrypts can't be used: muster encryption status says why",
            ),
            Self::Unencryptable => f.write_str(
                "a route with encrypt can't send to a registry, which has no key to read it",
            ),
            Self::Unread => f.write_str("the document can't be read from the ledger"),
        }
    }
}

impl fmt::Display for TryOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("delivered"),
            Self::Status { status, .. } if (300..400).contains(status) => {
                write!(f, "the receiver redirects ({status}), which is never followed")
            }
            Self::Status { status, .. } => write!(f, "the receiver answered {status}"),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

/// What to do after a try.
#[derive(Clone, Debug, PartialEq)]
pub enum NextStep {
    /// It is done.
    Delivered,
    /// Try again after this time.
    Again(Duration),
    /// Keep it as a dead letter and go on.
    Dead,
    /// The receiver is gone for good: disable the target, and keep this delivery.
    Disable,
}

/// How many letters of a receiver's text are shown.
const SHOWN_LETTERS_MAX: usize = 200;

/// A receiver's text, without what could do something in a terminal.
pub(crate) fn shown(text: &str) -> String {
    let plain = text.chars().filter(|letter| !letter.is_control());
    plain.take(SHOWN_LETTERS_MAX).collect()
}

/// The statuses that mean success.
const SUCCESS: [u16; 4] = [200, 201, 202, 204];

impl TryOutcome {
    /// The outcome that a status means.
    #[must_use]
    pub fn of_status(status: u16, retry_after: Option<Duration>) -> Self {
        match SUCCESS.contains(&status) {
            true => Self::Taken,
            false => Self::Status { status, retry_after },
        }
    }

    /// Whether the receiver takes no message of this size.
    #[must_use]
    pub const fn is_too_large(&self) -> bool {
        matches!(self, Self::Status { status: 413, .. } | Self::Failed(TryFailure::TooLarge { .. }))
    }

    /// Whether something in what was sent may be the cause, so that it takes nothing else along when it
    /// is tried again.
    #[must_use]
    pub const fn may_be_of_content(&self) -> bool {
        matches!(
            self,
            Self::Status { status: 400 | 413 | 415 | 422, .. }
                | Self::Failed(
                    TryFailure::Content(_)
                        | TryFailure::TooLarge { .. }
                        | TryFailure::Unacceptable(_)
                )
        )
    }

    /// Whether it says that the target itself isn't well, so that the breaker counts it.
    #[must_use]
    pub const fn counts_for_breaker(&self) -> bool {
        match self {
            Self::Taken | Self::Status { status: 410 | 413 | 415 | 422, .. } => false,
            Self::Failed(
                TryFailure::Conflict(_)
                | TryFailure::Unmapped(_)
                | TryFailure::RefusedThere(_)
                | TryFailure::ChangedThere
                | TryFailure::OtherRegistry { .. }
                | TryFailure::TooLarge { .. }
                | TryFailure::Unacceptable(_)
                | TryFailure::Content(_)
                | TryFailure::NotAllowed { .. }
                | TryFailure::Unread
                | TryFailure::NoEncryption
                | TryFailure::Unencryptable
                | TryFailure::Withdrawn,
            ) => false,
            Self::Status { .. } | Self::Failed(_) => true,
        }
    }
}

/// Decides what to do after a try; `failed` is the number of tries so far, this one included.
#[must_use]
pub fn decide(policy: &RetryPolicy, failed: u32, outcome: &TryOutcome, chance: f64) -> NextStep {
    match outcome {
        TryOutcome::Taken => NextStep::Delivered,
        TryOutcome::Status { status: 410, .. }
        | TryOutcome::Failed(TryFailure::NotAllowed { .. }) => NextStep::Disable,
        // The same bytes will never be taken.
        TryOutcome::Status { status: 413 | 415 | 422, .. } => NextStep::Dead,
        TryOutcome::Failed(
            TryFailure::Conflict(_)
            | TryFailure::Unmapped(_)
            | TryFailure::Itself
            | TryFailure::Unencryptable
            | TryFailure::Unacceptable(_)
            | TryFailure::TooLarge { .. },
        ) => NextStep::Dead,
        TryOutcome::Failed(failure) if failure.is_own() => {
            NextStep::Again(policy.delay_without_end(failed, chance))
        }
        TryOutcome::Status { status: 429 | 503, retry_after: Some(asked) }
        | TryOutcome::Failed(TryFailure::Busy { retry_after: asked, .. }) => {
            match policy.delay(failed, chance) {
                Some(_) => NextStep::Again((*asked).min(RETRY_AFTER_MAX)),
                None => NextStep::Dead,
            }
        }
        TryOutcome::Status { .. } | TryOutcome::Failed(_) => {
            policy.delay(failed, chance).map_or(NextStep::Dead, NextStep::Again)
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn each_outcome_leads_to_what_the_table_says() {
        let policy = RetryPolicy::default();
        let after = |seconds| NextStep::Again(Duration::from_secs(seconds));
        let status = |status, wait: Option<u64>| {
            TryOutcome::of_status(status, wait.map(Duration::from_secs))
        };
        // The outcome; what follows after the first and after the last try; whether the breaker
        // counts it.
        for (outcome, first, last, counts) in [
            (status(200, None), NextStep::Delivered, NextStep::Delivered, false),
            (status(201, None), NextStep::Delivered, NextStep::Delivered, false),
            (status(202, None), NextStep::Delivered, NextStep::Delivered, false),
            (status(204, None), NextStep::Delivered, NextStep::Delivered, false),
            (status(206, None), after(1), NextStep::Dead, true),
            (status(301, None), after(1), NextStep::Dead, true),
            (status(307, None), after(1), NextStep::Dead, true),
            (status(400, None), after(1), NextStep::Dead, true),
            (status(404, None), after(1), NextStep::Dead, true),
            (status(410, None), NextStep::Disable, NextStep::Disable, false),
            (status(413, None), NextStep::Dead, NextStep::Dead, false),
            (status(415, None), NextStep::Dead, NextStep::Dead, false),
            (status(429, None), after(1), NextStep::Dead, true),
            (status(429, Some(7)), after(7), NextStep::Dead, true),
            (status(503, Some(86_400)), after(3_600), NextStep::Dead, true),
            (status(500, Some(7)), after(1), NextStep::Dead, true),
            (status(500, None), after(1), NextStep::Dead, true),
            (TryOutcome::Failed(TryFailure::Timeout), after(1), NextStep::Dead, true),
            (TryOutcome::Failed(TryFailure::Broken), after(1), NextStep::Dead, true),
            (TryOutcome::Failed(TryFailure::Unreachable), after(1), NextStep::Dead, true),
            (
                TryOutcome::Failed(TryFailure::Refused(AddressRefused::Network)),
                after(1),
                after(16),
                true,
            ),
            (
                TryOutcome::Failed(TryFailure::Answer("no stream".to_owned())),
                after(1),
                NextStep::Dead,
                true,
            ),
            (
                TryOutcome::Failed(TryFailure::TooLarge { bytes_max: Some(1) }),
                NextStep::Dead,
                NextStep::Dead,
                false,
            ),
            (
                TryOutcome::Failed(TryFailure::Unacceptable("INVALID_RECORD".to_owned())),
                NextStep::Dead,
                NextStep::Dead,
                false,
            ),
            // A few records that the receiver can't read keep nobody else's from it.
            (
                TryOutcome::Failed(TryFailure::Content("INVALID_TIMESTAMP".to_owned())),
                after(1),
                NextStep::Dead,
                false,
            ),
            (
                TryOutcome::Failed(TryFailure::NotAllowed {
                    origin: "here".to_owned(),
                    allowed: "there".to_owned(),
                }),
                NextStep::Disable,
                NextStep::Disable,
                false,
            ),
            (
                TryOutcome::Failed(TryFailure::Credentials { expected: "a token" }),
                after(1),
                after(16),
                true,
            ),
            (TryOutcome::Failed(TryFailure::ChangedThere), after(1), NextStep::Dead, false),
            (
                TryOutcome::Failed(TryFailure::Unmapped("step 1".to_owned())),
                NextStep::Dead,
                NextStep::Dead,
                false,
            ),
            (TryOutcome::Failed(TryFailure::Itself), NextStep::Dead, NextStep::Dead, true),
            // A fault on this side is never the end of a delivery.
            (TryOutcome::Failed(TryFailure::Unread), after(1), after(16), false),
            (TryOutcome::Failed(TryFailure::NoEncryption), after(1), after(16), false),
            (TryOutcome::Failed(TryFailure::Key), after(1), after(16), true),
            (
                TryOutcome::Failed(TryFailure::Secret(SecretError::NotSet {
                    reference: "env:A".parse().unwrap(),
                })),
                after(1),
                after(16),
                true,
            ),
            (status(403, None), after(1), NextStep::Dead, true),
        ] {
            assert_eq!(decide(&policy, 1, &outcome, 0.5), first, "{outcome}");
            assert_eq!(decide(&policy, 5, &outcome, 0.5), last, "{outcome}");
            assert_eq!(outcome.counts_for_breaker(), counts, "{outcome}");
        }
    }
}

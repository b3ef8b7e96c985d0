//! The proof that the plan of a change was made before the change.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use ring::{
    error::Unspecified,
    hmac::{HMAC_SHA256, Key, Tag, sign, verify},
    rand::{SecureRandom, SystemRandom},
};

use crate::{
    limits::{CONFIRMATION_SECONDS_MAX, CONFIRMATIONS_USED_MAX, CONFIRMATIONS_USED_OF_KEY_MAX},
    refusal::Refusal,
};

/// How long a confirmation is valid.
pub(crate) const VALID: Duration = Duration::from_secs(CONFIRMATION_SECONDS_MAX);

/// What a confirmation is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlannedChange<'a> {
    /// Who asked for the plan.
    pub who: &'a str,
    /// The tool that makes the change.
    pub tool: &'a str,
    /// The tool's arguments, in one form.
    pub arguments: &'a [u8],
    /// What the plan says, in one form.
    pub plan: &'a [u8],
}

/// Makes and checks confirmations. The key is random and lives as long as the process.
pub(crate) struct Confirmations {
    key: Key,
    random: SystemRandom,
    began: Instant,
    used: Mutex<UsedConfirmations>,
}

type Nonce = [u8; 16];

/// A confirmation as bytes:
///
/// | bytes | what |
/// |---|---|
/// | 0 to 8 | the position of the plan, big-endian |
/// | 8 to 16 | milliseconds from the start of the process to its end, big-endian |
/// | 16 to 32 | a random number |
/// | 32 to 64 | HMAC-SHA256 over these and who, tool and arguments |
/// | 64 to 96 | HMAC-SHA256 over these and the plan |
const LENGTH: usize = 96;
const HEAD: usize = 32;
const FIRST_TAG_END: usize = 64;

impl Confirmations {
    /// With a new key.
    ///
    /// # Errors
    /// The system gives no random number.
    pub(crate) fn new() -> Result<Self, Unspecified> {
        let random = SystemRandom::new();
        let key = Key::generate(HMAC_SHA256, &random)?;
        Ok(Self { key, random, began: Instant::now(), used: Mutex::default() })
    }

    /// A confirmation of a plan that was made at this position.
    ///
    /// # Errors
    /// The system gives no random number.
    pub(crate) fn of(
        &self,
        change: &PlannedChange<'_>,
        position: u64,
    ) -> Result<String, Unspecified> {
        let expires = self.began.elapsed() + VALID;
        let mut nonce = Nonce::default();
        self.random.fill(&mut nonce)?;
        Ok(self.write(change, position, expires, &nonce))
    }

    fn write(
        &self,
        change: &PlannedChange<'_>,
        position: u64,
        expires: Duration,
        nonce: &Nonce,
    ) -> String {
        let millis = u64::try_from(expires.as_millis()).unwrap_or(u64::MAX);
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(&position.to_be_bytes());
        bytes.extend_from_slice(&millis.to_be_bytes());
        bytes.extend_from_slice(nonce);
        let first = sign(&self.key, &asked(&bytes, change));
        let second = sign(&self.key, &planned(&bytes, change));
        push(&mut bytes, &first);
        push(&mut bytes, &second);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Checks a confirmation and uses it up. Answers the position of its plan.
    ///
    /// # Errors
    /// It is none for this change, is too old, was used, or the plan is another one now.
    pub(crate) fn redeem(&self, text: &str, change: &PlannedChange<'_>) -> Result<u64, Refusal> {
        self.redeem_at(text, change, self.began.elapsed())
    }

    fn redeem_at(
        &self,
        text: &str,
        change: &PlannedChange<'_>,
        now: Duration,
    ) -> Result<u64, Refusal> {
        let unknown = || {
            Refusal::own("confirmation_unknown", "this confirmation isn't one for these arguments")
        };
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| unknown())?;
        if bytes.len() != LENGTH {
            return Err(unknown());
        }
        let (head, tags) = bytes.split_at(HEAD);
        let (first, second) = tags.split_at(FIRST_TAG_END - HEAD);
        verify(&self.key, &asked(head, change), first).map_err(|_| unknown())?;
        let number = |from: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&head[from..from + 8]);
            u64::from_be_bytes(number)
        };
        let expires = Duration::from_millis(number(8));
        if now >= expires {
            return Err(Refusal::own("confirmation_expired", "this confirmation is too old"));
        }
        let mut nonce = Nonce::default();
        nonce.copy_from_slice(&head[16..HEAD]);
        self.used.lock().add((change.who, nonce), expires, now)?;
        verify(&self.key, &planned(head, change), second).map_err(|_| {
            Refusal::own("plan_changed", "the plan isn't the same any more: something moved")
        })?;
        Ok(number(0))
    }
}

/// The confirmations that were used and wouldn't have expired yet, for each who used them, so that
/// nobody's many changes keep others from theirs.
#[derive(Default)]
struct UsedConfirmations {
    /// The nonces of each, with when each expires.
    of: HashMap<Box<str>, HashMap<Nonce, Duration>>,
    count: usize,
}

impl UsedConfirmations {
    fn add(
        &mut self,
        (who, nonce): (&str, Nonce),
        expires: Duration,
        now: Duration,
    ) -> Result<(), Refusal> {
        if self.of.get(who).is_some_and(|own| own.contains_key(&nonce)) {
            return Err(Refusal::own("confirmation_used", "this confirmation was used before"));
        }
        if self.is_full_for(who) {
            self.drop_expired(now);
            if self.is_full_for(who) {
                return Err(Refusal::own("too_many_plans", "too many changes are being made"));
            }
        }
        self.of.entry(who.into()).or_default().insert(nonce, expires);
        self.count += 1;
        Ok(())
    }

    fn is_full_for(&self, who: &str) -> bool {
        let own = self.of.get(who).map_or(0, HashMap::len);
        own >= CONFIRMATIONS_USED_OF_KEY_MAX || self.count >= CONFIRMATIONS_USED_MAX
    }

    fn drop_expired(&mut self, now: Duration) {
        for own in self.of.values_mut() {
            own.retain(|_, expires| *expires > now);
        }
        self.of.retain(|_, own| !own.is_empty());
        self.count = self.of.values().map(HashMap::len).sum();
    }
}

fn push(bytes: &mut Vec<u8>, tag: &Tag) {
    bytes.extend_from_slice(tag.as_ref());
}

/// What the first tag is over. Each part stands after its length, so that no two changes have the
/// same bytes.
fn asked(head: &[u8], change: &PlannedChange<'_>) -> Vec<u8> {
    joined(b"asked", &[head, change.who.as_bytes(), change.tool.as_bytes(), change.arguments])
}

fn planned(head: &[u8], change: &PlannedChange<'_>) -> Vec<u8> {
    let (who, tool) = (change.who.as_bytes(), change.tool.as_bytes());
    joined(b"planned", &[head, who, tool, change.arguments, change.plan])
}

fn joined(purpose: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut all = Vec::new();
    for part in [purpose].iter().chain(parts) {
        all.extend_from_slice(&(part.len() as u64).to_be_bytes());
        all.extend_from_slice(part);
    }
    all
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    const CHANGE: PlannedChange<'_> =
        PlannedChange { who: "key-1", tool: "delete", arguments: b"{}", plan: b"[]" };

    fn reason(result: Result<u64, Refusal>) -> String {
        result.map_or_else(|refusal| refusal.reason, |position| position.to_string())
    }

    #[test]
    fn is_for_one_change_of_one_caller() {
        for (change, expect) in [
            (CHANGE, "1204"),
            (PlannedChange { who: "key-2", ..CHANGE }, "confirmation_unknown"),
            (PlannedChange { tool: "rollback", ..CHANGE }, "confirmation_unknown"),
            (PlannedChange { arguments: b"{\"a\":1}", ..CHANGE }, "confirmation_unknown"),
            (PlannedChange { plan: b"[1]", ..CHANGE }, "plan_changed"),
        ] {
            let confirmations = Confirmations::new().unwrap();
            let text = confirmations.of(&CHANGE, 1204).unwrap();
            assert_eq!(reason(confirmations.redeem(&text, &change)), expect, "{change:?}");
        }
    }

    #[test]
    fn is_good_once_even_if_the_plan_has_changed() {
        let confirmations = Confirmations::new().unwrap();
        for first in [CHANGE, PlannedChange { plan: b"other", ..CHANGE }] {
            let text = confirmations.of(&CHANGE, 7).unwrap();
            let _ = confirmations.redeem(&text, &first);
            assert_eq!(reason(confirmations.redeem(&text, &CHANGE)), "confirmation_used");
        }
    }

    #[test]
    fn ends_after_five_minutes() {
        for (after_ms, expect) in [(0, "7"), (299_999, "7"), (300_000, "confirmation_expired")] {
            let confirmations = Confirmations::new().unwrap();
            let text = confirmations.write(&CHANGE, 7, VALID, &[1; 16]);
            let now = Duration::from_millis(after_ms);
            assert_eq!(reason(confirmations.redeem_at(&text, &CHANGE, now)), expect);
        }
    }

    #[test]
    fn is_no_text_that_somebody_made_up() {
        let (one, other) = (Confirmations::new().unwrap(), Confirmations::new().unwrap());
        let foreign = other.of(&CHANGE, 7).unwrap();
        let short = &foreign[..20];
        for text in ["", "yes", "!!!", short, &foreign] {
            assert_eq!(reason(one.redeem(text, &CHANGE)), "confirmation_unknown", "{text}");
        }
        let own = one.of(&CHANGE, 7).unwrap();
        for index in [0, 8, 30, 50, 100] {
            let mut bytes = own.clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(bytes).unwrap();
            let found = reason(one.redeem(&text, &CHANGE));
            assert!(
                ["confirmation_unknown", "plan_changed"].contains(&&*found),
                "{index}: {found}"
            );
        }
    }

    fn nonce(number: usize) -> Nonce {
        let mut nonce = Nonce::default();
        nonce[..8].copy_from_slice(&number.to_be_bytes());
        nonce
    }

    #[test]
    fn many_changes_of_one_key_leave_others_theirs() {
        let mut used = UsedConfirmations::default();
        let now = Duration::ZERO;
        for number in 0..CONFIRMATIONS_USED_OF_KEY_MAX {
            used.add(("busy", nonce(number)), VALID, now).unwrap();
        }
        let (next, first) = (nonce(CONFIRMATIONS_USED_OF_KEY_MAX), nonce(0));
        assert_eq!(used.add(("busy", next), VALID, now).unwrap_err().reason, "too_many_plans");
        used.add(("other", next), VALID, now).unwrap();
        assert_eq!(used.add(("busy", first), VALID, now).unwrap_err().reason, "confirmation_used");
        used.add(("busy", next), VALID * 2, VALID).unwrap();
        assert_eq!((used.count, used.of.len()), (1, 1));
    }

    #[test]
    fn remembers_a_bounded_number_of_used_ones() {
        let mut used = UsedConfirmations::default();
        for number in 0..CONFIRMATIONS_USED_MAX {
            let who = (number / CONFIRMATIONS_USED_OF_KEY_MAX).to_string();
            used.add((&who, nonce(number)), VALID, Duration::ZERO).unwrap();
        }
        let another = nonce(CONFIRMATIONS_USED_MAX);
        let full = used.add(("another", another), VALID, Duration::ZERO);
        assert_eq!(full.unwrap_err().reason, "too_many_plans");
        used.add(("another", another), VALID * 2, VALID).unwrap();
        assert_eq!((used.count, used.of.len()), (1, 1));
    }
}

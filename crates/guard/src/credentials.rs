use std::sync::Arc;

use muster_catalog::{Catalog, state::RegisteredKey};
use muster_words::{Id, Moment};
use thiserror::Error;

use crate::{ApiKey, GivenKey, Keyring, Principal, credentials};

/// The keys of a view that haven't been revoked, including expired ones.
pub fn keys_kept(view: &Catalog) -> impl Iterator<Item = (&Id, &Arc<RegisteredKey>)> {
    view.keys.iter().filter(|(_, key)| key.revoked.is_none())
}

/// Whether a registry needs no key: there is none in its ledger, and none was given at the start.
/// An expired key counts until it is revoked, so that the passage of time never opens a registry.
#[must_use]
pub fn is_open(view: &Catalog, given: Option<&GivenKey>) -> bool {
    given.is_none() && keys_kept(view).next().is_none()
}

/// What a request says about its sender, and the state to judge it by.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// The value of the `Authorization` header.
    pub authorization: Option<&'a [u8]>,
    /// Whether the request came from this computer.
    pub from_loopback: bool,
    /// The time of the request.
    pub now: Moment,
    /// The principal of callers without a key; none if a key is required.
    pub anonymous: Option<&'a Arc<Principal>>,
    /// The principal of everybody on this computer while there are no keys.
    pub owner: &'a Arc<Principal>,
}

/// Why a request isn't admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AdmissionError {
    /// It has no key, but needs one.
    #[error("a key is needed")]
    Required,
    /// Its key is unknown or revoked.
    #[error("this registry doesn't know the API key")]
    Unknown,
    /// Its key has expired.
    #[error("the key has expired")]
    Expired,
}

impl Credentials<'_> {
    /// Finds the principal of a request.
    ///
    /// While there is no key, everybody on this computer is `admin`, and nobody else is admitted.
    /// As soon as there is one, everybody needs a key, unless anonymous callers may read. Keys are
    /// looked up in the view for each request, so a revoked key fails with the next one. An invalid
    /// key is always refused and never treated as a missing one.
    ///
    /// # Errors
    /// See [`AdmissionError`].
    pub fn decide(
        self,
        view: &Catalog,
        keyring: &Keyring,
        given: Option<&GivenKey>,
    ) -> Result<Arc<Principal>, AdmissionError> {
        if self.from_loopback && is_open(view, given) {
            return Ok(self.owner.clone());
        }
        let Some(header) = self.authorization else {
            return self.anonymous.cloned().ok_or(AdmissionError::Required);
        };
        let text = credentials(header).ok_or(AdmissionError::Required)?;
        if given.is_some_and(|given| given.is(&text)) {
            return Ok(self.owner.clone());
        }
        let key: ApiKey = text.parse().map_err(|_| AdmissionError::Unknown)?;
        let principal = keyring.holder(view, &key).ok_or(AdmissionError::Unknown)?;
        match principal.is_valid_at(self.now) {
            true => Ok(Arc::new(principal)),
            false => Err(AdmissionError::Expired),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_catalog::Content;
    use muster_model::{Foundation, Model};
    use muster_words::{Digest, Position, json::Value};

    use super::*;
    use crate::{KeyRecord, Role, SALT_BYTES};

    fn view() -> Catalog {
        let source = Value::Object(muster_words::json::Map::new());
        Catalog::empty(Arc::new(Model::compile(&source, Foundation::Bare).unwrap()))
    }

    fn key(number: u8) -> ApiKey {
        ApiKey::new([number; 4], [number; 32]).unwrap()
    }

    fn add(view: &mut Catalog, keyring: &Keyring, key: &ApiKey) {
        add_record(view, keyring, key, key.record([9; SALT_BYTES], Role::Admin, None));
    }

    fn add_record(view: &mut Catalog, keyring: &Keyring, key: &ApiKey, record: KeyRecord) {
        let bytes = record.to_bytes();
        let size = u32::try_from(bytes.len()).unwrap();
        let content = Content { position: Position(1), digest: Digest::of(&bytes), size };
        let entry = RegisteredKey {
            record: content,
            created: Moment::EPOCH,
            revoked: None,
            is_limited: record.grant().is_limited,
            expires: record.expires,
            is_forgotten: false,
        };
        view.keys.insert(key.id().clone(), Arc::new(entry));
        keyring.keep(key.id(), content, record);
    }

    fn ask(
        view: &Catalog,
        ring: &Keyring,
        given: Option<&GivenKey>,
        header: Option<&str>,
    ) -> String {
        ask_as(view, ring, given, (header, true, None))
    }

    fn ask_as(
        view: &Catalog,
        ring: &Keyring,
        given: Option<&GivenKey>,
        (header, from_loopback, anonymous): (Option<&str>, bool, Option<&Arc<Principal>>),
    ) -> String {
        let authorization = header.map(str::as_bytes);
        let (now, owner) = (Moment::EPOCH, &Arc::new(Principal::owner()));
        let admission = Credentials { authorization, from_loopback, now, anonymous, owner };
        match admission.decide(view, ring, given) {
            Ok(principal) => principal.id.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn lets_everybody_on_this_computer_in_until_there_is_a_key() {
        let (view, ring) = (view(), Keyring::default());
        assert!(is_open(&view, None));
        for (from_loopback, expect) in [(true, "admin"), (false, "a key is needed")] {
            assert_eq!(ask_as(&view, &ring, None, (None, from_loopback, None)), expect);
        }
    }

    #[test]
    fn asks_everybody_for_a_key_once_there_is_one_and_follows_the_view() {
        let (mut view, ring) = (view(), Keyring::default());
        add(&mut view, &ring, &key(1));
        let right = format!("Bearer {}", *key(1).text());
        let wrong = format!("Bearer muster_01010101_{}", "02".repeat(32));
        let other = format!("Bearer {}", *key(2).text());
        let (required, unknown) = ("a key is needed", "this registry doesn't know the API key");
        for (header, expect) in [
            (None, required),
            (Some("Digest abc"), required),
            (Some("Basic abc"), unknown),
            (Some("Bearer abc"), unknown),
            (Some(wrong.as_str()), unknown),
            (Some(other.as_str()), unknown),
            (Some(right.as_str()), "01010101"),
        ] {
            assert_eq!(ask(&view, &ring, None, header), expect, "{header:?}");
        }
        let before = view.clone();
        add(&mut view, &ring, &key(2));
        assert_eq!(ask(&view, &ring, None, Some(&other)), "02020202");
        // The record is in memory now; it doesn't count in a view that lacks the key.
        assert_eq!(ask(&before, &ring, None, Some(&other)), unknown);
        let revoked = Arc::make_mut(view.keys.get_mut(key(1).id()).unwrap());
        revoked.revoked = Some(Moment::EPOCH);
        assert_eq!(ask(&view, &ring, None, Some(&right)), unknown);
        assert_eq!(keys_kept(&view).count(), 1);
    }

    #[test]
    fn takes_the_key_that_was_given_at_the_start() {
        let (view, ring) = (view(), Keyring::default());
        let given = GivenKey::new("correct-horse-battery").unwrap();
        let right = "Bearer correct-horse-battery";
        assert!(!is_open(&view, Some(&given)));
        assert_eq!(ask(&view, &ring, Some(&given), Some(right)), "admin");
        assert_eq!(ask(&view, &ring, Some(&given), None), "a key is needed");
    }

    #[test]
    fn a_record_in_memory_is_no_proof_unless_the_view_names_it() {
        let (mut view, ring) = (view(), Keyring::default());
        add(&mut view, &ring, &key(1));
        let header = format!("Bearer {}", *key(1).text());
        let named = view.keys.get(key(1).id()).unwrap().record;
        let other = Content { position: Position(7), digest: Digest([0; 32]), size: 1 };
        let unknown = "this registry doesn't know the API key";
        // The record fits the key in each case, so only the name of its content can refuse it.
        for (content, expect) in [
            (named, "01010101"),
            (other, unknown),
            (Content { position: other.position, ..named }, unknown),
            (Content { digest: other.digest, ..named }, unknown),
            (named, "01010101"),
        ] {
            let record = key(1).record([9; SALT_BYTES], Role::Admin, None);
            ring.keep(key(1).id(), content, record);
            assert_eq!(ask(&view, &ring, None, Some(&header)), expect, "{content:?}");
        }
    }

    #[test]
    fn takes_whoever_shows_no_key_for_anonymous_and_nobody_else() {
        let (mut view, ring) = (view(), Keyring::default());
        let anonymous = Arc::new(Principal::new(crate::ANONYMOUS_ACTOR, Role::Consumer));
        let ask = |view: &Catalog, header: Option<&str>, from_loopback| {
            ask_as(view, &ring, None, (header, from_loopback, Some(&anonymous)))
        };
        let unknown = "this registry doesn't know the API key";
        assert_eq!(ask(&view, None, true), "admin");
        assert_eq!(ask(&view, None, false), "anonymous");
        add(&mut view, &ring, &key(1));
        let right = format!("Bearer {}", *key(1).text());
        for (header, expect) in [
            (None, "anonymous"),
            (Some("Bearer abc"), unknown),
            (Some("Basic YTpi"), unknown),
            (Some("Digest abc"), "a key is needed"),
            (Some(right.as_str()), "01010101"),
        ] {
            for from_loopback in [true, false] {
                assert_eq!(ask(&view, header, from_loopback), expect, "{header:?}");
            }
        }
    }

    #[test]
    fn refuses_a_key_whose_time_is_over_and_stays_closed() {
        let (mut view, ring) = (view(), Keyring::default());
        for (number, expires, expect) in
            [(1, Moment::EPOCH, "the key has expired"), (2, Moment::EPOCH.next(), "02020202")]
        {
            let record = key(number).record([9; SALT_BYTES], Role::Consumer, None);
            let record = KeyRecord { expires: Some(expires), ..record };
            add_record(&mut view, &ring, &key(number), record);
            let header = format!("Bearer {}", *key(number).text());
            assert_eq!(ask(&view, &ring, None, Some(&header)), expect);
        }
        assert!(!is_open(&view, None));
        assert_eq!(ask(&view, &ring, None, None), "a key is needed");
    }

    #[test]
    fn keys_of_one_name_know_each_other_when_they_are_revoked_too() {
        let (mut view, ring) = (view(), Keyring::default());
        for (number, name) in [(1, "ci"), (2, "ci"), (3, "else")] {
            let record = key(number).record([9; SALT_BYTES], Role::Publisher, Some(name.into()));
            add_record(&mut view, &ring, &key(number), record);
        }
        Arc::make_mut(view.keys.get_mut(key(1).id()).unwrap()).revoked = Some(Moment::EPOCH);
        let holder = ring.holder(&view, &key(2)).unwrap();
        let own: Vec<_> = holder.same_name.iter().map(|id| &**id).collect();
        assert_eq!(own, ["01010101", "02020202"]);
        assert!(ring.holder(&view, &key(1)).is_none());
    }
}

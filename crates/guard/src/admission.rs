use std::sync::Arc;

use muster_catalog::{Catalog, state::Key};
use muster_words::Id;
use thiserror::Error;

use crate::{ApiKey, GivenKey, Keyring, Principal, Role, bearer};

/// The principal of everybody while there are no keys, and of who opens a data directory.
pub const OPEN_ACTOR: &str = "admin";

/// The keys of a view that haven't been revoked.
pub fn keys_in_force(view: &Catalog) -> impl Iterator<Item = (&Id, &Arc<Key>)> {
    view.keys.iter().filter(|(_, key)| key.revoked.is_none())
}

/// Whether a registry asks nobody for a key: there is none in force, neither in its ledger nor
/// given by who started it.
#[must_use]
pub fn is_open(view: &Catalog, given: Option<&GivenKey>) -> bool {
    given.is_none() && keys_in_force(view).next().is_none()
}

/// What a request shows of who sent it.
#[derive(Clone, Copy, Debug)]
pub struct Admission<'a> {
    /// The header `Authorization`, where there is one.
    pub authorization: Option<&'a [u8]>,
    /// Whether it came from this computer.
    pub from_loopback: bool,
}

/// Why a request doesn't come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAdmitted {
    /// It carries no key, and one is needed.
    #[error("a key is needed")]
    KeyRequired,
    /// Its key isn't one that is in force.
    #[error("the key is not one of this registry's")]
    KeyUnknown,
}

impl Admission<'_> {
    /// Who the request is from.
    ///
    /// While no key is in force everybody on this computer is `admin`, and nobody else comes in.
    /// Once there is one, everybody needs one. A key is looked up in the view each time, so a
    /// revoked one stops with the very next request.
    ///
    /// # Errors
    /// See [`NotAdmitted`].
    pub fn decide(
        self,
        view: &Catalog,
        keyring: &Keyring,
        given: Option<&GivenKey>,
    ) -> Result<Principal, NotAdmitted> {
        if is_open(view, given) {
            return match self.from_loopback {
                true => Ok(Principal { id: OPEN_ACTOR.into(), role: Role::Admin }),
                false => Err(NotAdmitted::KeyRequired),
            };
        }
        let header = self.authorization.ok_or(NotAdmitted::KeyRequired)?;
        let text = bearer(header).ok_or(NotAdmitted::KeyRequired)?;
        if given.is_some_and(|given| given.is(text)) {
            return Ok(Principal { id: OPEN_ACTOR.into(), role: Role::Admin });
        }
        let key: ApiKey = text.parse().map_err(|_| NotAdmitted::KeyUnknown)?;
        let known = keyring.find(view, key.id()).ok_or(NotAdmitted::KeyUnknown)?;
        if !key.is_of(&known.record) {
            return Err(NotAdmitted::KeyUnknown);
        }
        Ok(Principal { id: known.actor.clone(), role: known.record.role })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use std::sync::Arc;

    use muster_catalog::Content;
    use muster_model::{Foundation, Model};
    use muster_words::{Digest, Moment, Position, json::Value};

    use super::*;
    use crate::SALT_BYTES;

    fn view() -> Catalog {
        let source = Value::Object(muster_words::json::Map::new());
        Catalog::empty(Arc::new(Model::compile(&source, Foundation::Bare).unwrap()))
    }

    fn key(number: u8) -> ApiKey {
        ApiKey::new([number; 4], [number; 32]).unwrap()
    }

    fn add(view: &mut Catalog, keyring: &Keyring, key: &ApiKey) {
        let record = key.record([9; SALT_BYTES], Role::Admin, None);
        let bytes = record.to_bytes();
        let size = u32::try_from(bytes.len()).unwrap();
        let content = Content { position: Position(1), digest: Digest::of(&bytes), size };
        let entry = Key { record: content, created: Moment::EPOCH, revoked: None };
        view.keys.insert(key.id().clone(), Arc::new(entry));
        keyring.keep(key.id(), content, record);
    }

    fn ask(
        view: &Catalog,
        ring: &Keyring,
        given: Option<&GivenKey>,
        header: Option<&str>,
    ) -> String {
        let authorization = header.map(str::as_bytes);
        let admission = Admission { authorization, from_loopback: true };
        match admission.decide(view, ring, given) {
            Ok(principal) => principal.id.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn lets_everybody_on_this_computer_in_until_there_is_a_key() {
        let (view, ring) = (view(), Keyring::default());
        assert!(is_open(&view, None));
        for (from_loopback, expect) in [(true, Ok("admin")), (false, Err(NotAdmitted::KeyRequired))]
        {
            let admission = Admission { authorization: None, from_loopback };
            let principal = admission.decide(&view, &ring, None);
            let id = principal.map(|principal| principal.id.to_string());
            assert_eq!(id, expect.map(ToOwned::to_owned));
        }
    }

    #[test]
    fn asks_everybody_for_a_key_once_there_is_one_and_follows_the_view() {
        let (mut view, ring) = (view(), Keyring::default());
        add(&mut view, &ring, &key(1));
        let right = format!("Bearer {}", *key(1).text());
        let wrong = format!("Bearer muster_01010101_{}", "02".repeat(32));
        let other = format!("Bearer {}", *key(2).text());
        let (required, unknown) = ("a key is needed", "the key is not one of this registry's");
        for (header, expect) in [
            (None, required),
            (Some("Basic abc"), required),
            (Some("Bearer abc"), unknown),
            (Some(wrong.as_str()), unknown),
            (Some(other.as_str()), unknown),
            (Some(right.as_str()), "01010101"),
        ] {
            assert_eq!(ask(&view, &ring, None, header), expect, "{header:?}");
        }
        add(&mut view, &ring, &key(2));
        assert_eq!(ask(&view, &ring, None, Some(&other)), "02020202");
        let revoked = Arc::make_mut(view.keys.get_mut(key(1).id()).unwrap());
        revoked.revoked = Some(Moment::EPOCH);
        assert_eq!(ask(&view, &ring, None, Some(&right)), unknown);
        assert_eq!(keys_in_force(&view).count(), 1);
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
    fn another_keys_record_is_no_proof() {
        let (mut view, ring) = (view(), Keyring::default());
        add(&mut view, &ring, &key(1));
        let record = key(2).record([9; SALT_BYTES], Role::Admin, None);
        let elsewhere = Content { position: Position(7), digest: Digest([0; 32]), size: 1 };
        ring.keep(key(1).id(), elsewhere, record);
        let header = format!("Bearer {}", *key(1).text());
        let unknown = "the key is not one of this registry's";
        assert_eq!(ask(&view, &ring, None, Some(&header)), unknown);
    }
}

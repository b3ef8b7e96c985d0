use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use muster_words::{Digest, Id};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{KeyRecord, Role, SALT_BYTES};

/// Bytes of a key's secret: 256 bits, which nobody guesses, so that no slow hash is needed.
pub const SECRET_BYTES: usize = 32;

/// Bytes of a key's id: enough that few keys never meet; a meeting is refused and drawn again.
pub const KEY_ID_BYTES: usize = 4;

/// What every key begins with, so that it is recognised where it doesn't belong.
const PREFIX: &str = "muster_";

/// An API key in the clear: `muster_<id>_<secret>`, both in lower-case hexadecimal digits for keys
/// that were made here. The secret never shows in `Debug` and is wiped when dropped.
#[derive(Clone)]
pub struct ApiKey {
    id: Id,
    secret: Zeroizing<[u8; SECRET_BYTES]>,
}

/// The text is no API key. It never repeats the text, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a key is written as muster_<id>_<secret>, as it was shown when it was made")]
pub struct ApiKeyError;

impl ApiKey {
    /// The key that these random bytes are. They must come from a source that is fit for keys.
    #[must_use]
    pub fn new(id: [u8; KEY_ID_BYTES], secret: [u8; SECRET_BYTES]) -> Option<Self> {
        let id = format!("{:08x}", u32::from_be_bytes(id)).parse().ok()?;
        Some(Self { id, secret: Zeroizing::new(secret) })
    }

    /// The id, which is no secret.
    #[must_use]
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// The key as it is shown once and sent with every request.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(format!("{PREFIX}{}_", self.id));
        for byte in *self.secret {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        text
    }

    /// What is kept of the key: enough to recognise it, not to make it.
    #[must_use]
    pub fn record(&self, salt: [u8; SALT_BYTES], role: Role, name: Option<String>) -> KeyRecord {
        let hash = self.hash(&salt);
        KeyRecord { hash, salt, role, name, scope: None, expires: None }
    }

    /// Whether a record is of this key. Takes the same time whatever differs.
    #[must_use]
    pub fn is_of(&self, record: &KeyRecord) -> bool {
        self.hash(&record.salt).0.ct_eq(&record.hash.0).into()
    }

    fn hash(&self, salt: &[u8; SALT_BYTES]) -> Digest {
        Digest::of_parts(&[salt, &*self.secret])
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

impl FromStr for ApiKey {
    type Err = ApiKeyError;

    fn from_str(text: &str) -> Result<Self, ApiKeyError> {
        let rest = text.strip_prefix(PREFIX).ok_or(ApiKeyError)?;
        let (id, digits) = rest.rsplit_once('_').ok_or(ApiKeyError)?;
        let id = id.parse().map_err(|_| ApiKeyError)?;
        let secret = from_hex(digits).ok_or(ApiKeyError)?;
        Ok(Self { id, secret })
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fn from_hex(digits: &str) -> Option<Zeroizing<[u8; SECRET_BYTES]>> {
    if digits.len() != 2 * SECRET_BYTES {
        return None;
    }
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        match (digit(pair[0]), digit(pair[1])) {
            (Some(high), Some(low)) => *byte = high * 16 + low,
            _ => {
                bytes.zeroize();
                return None;
            }
        }
    }
    Some(bytes)
}

/// A key that is accepted without being in the ledger: given by who starts a registry that keeps
/// nothing. It may be any text; only its digest is kept.
#[derive(Clone, Debug)]
pub struct GivenKey(Digest);

/// The fewest letters of a key that somebody thought up: what a program can't try out.
pub const GIVEN_KEY_LENGTH_MIN: usize = 16;

/// Nobody should have such a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a key has at least {GIVEN_KEY_LENGTH_MIN} letters, digits and signs, and no spaces")]
pub struct GivenKeyError;

impl GivenKey {
    /// Takes a key.
    ///
    /// # Errors
    /// See [`GivenKeyError`].
    pub fn new(text: &str) -> Result<Self, GivenKeyError> {
        let fits = text.len() >= GIVEN_KEY_LENGTH_MIN && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(Digest::of(text.as_bytes()))) } else { Err(GivenKeyError) }
    }

    /// Whether a request carries this key. Takes the same time whatever differs.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        Digest::of(text.as_bytes()).0.ct_eq(&self.0.0).into()
    }
}

/// The key that an `Authorization` header carries: the credentials of the scheme `Bearer` (RFC
/// 6750, 2.1), or the password of the scheme `Basic` (RFC 7617) beside any user name. The scheme's
/// name is in any case (RFC 9110, 11.1). None for any other scheme; what can't be read is a key
/// that nobody has.
#[must_use]
pub fn credentials(header: &[u8]) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(header).ok()?;
    let (scheme, credentials) = text.trim().split_once(' ')?;
    let credentials = credentials.trim_start();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Zeroizing::new(credentials.to_owned()));
    }
    scheme.eq_ignore_ascii_case("basic").then(|| password(credentials).unwrap_or_default())
}

fn password(credentials: &str) -> Option<Zeroizing<String>> {
    let bytes = Zeroizing::new(STANDARD.decode(credentials).ok()?);
    let text = std::str::from_utf8(&bytes).ok()?;
    let (_, password) = text.split_once(':')?;
    Some(Zeroizing::new(password.to_owned()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    fn key() -> ApiKey {
        ApiKey::new([0x9f, 0x3a, 0x11, 0xc2], [7; 32]).unwrap()
    }

    #[test]
    fn comes_back_as_it_was_shown() {
        let text = key().text();
        assert_eq!(*text, format!("muster_9f3a11c2_{}", "07".repeat(32)));
        let read: ApiKey = text.parse().unwrap();
        assert_eq!(read.text(), key().text());
        assert!(!format!("{read:?}").contains("07"), "{read:?}");
    }

    #[test]
    fn refuses_what_is_no_key() {
        let secret = "07".repeat(32);
        for text in [
            String::new(),
            "muster_".to_owned(),
            secret.clone(),
            format!("muster__{secret}"),
            format!("muster_a/b_{secret}"),
            format!("muster_9f3a11c2_{}", &secret[2..]),
            format!("muster_9f3a11c2_{secret}00"),
            format!("muster_9f3a11c2_{}", secret.replace('7', "G")),
            format!("muster_9f3a11c2_{}", secret.replace('7', "é")),
            format!("Muster_9f3a11c2_{secret}"),
        ] {
            assert_eq!(text.parse::<ApiKey>().err(), Some(ApiKeyError), "{text}");
        }
    }

    #[test]
    fn knows_its_own_record_and_no_other() {
        let own = key().record([1; SALT_BYTES], Role::Admin, None);
        let other = ApiKey::new([0x9f, 0x3a, 0x11, 0xc2], [8; 32]).unwrap();
        assert!(key().is_of(&own));
        assert!(!other.is_of(&own));
        assert!(!key().is_of(&KeyRecord { salt: [2; SALT_BYTES], ..own }));
    }

    #[test]
    fn takes_a_key_that_is_given_where_it_is_long_enough() {
        let text = "correct-horse-battery";
        let given = GivenKey::new(text).unwrap();
        assert!(given.is(text) && !given.is("correct-horse-batterx") && !given.is(""));
        for text in ["", "secret", "correct horse battery", "correct-horse-b\u{7f}ttery"] {
            assert_eq!(GivenKey::new(text).err(), Some(GivenKeyError), "{text:?}");
        }
    }

    #[test]
    fn reads_the_key_of_a_header() {
        for (header, expect) in [
            (b"Bearer abc" as &[u8], Some("abc")),
            (b"bearer  abc", Some("abc")),
            (b"BEARER abc ", Some("abc")),
            (b"Basic dTphYmM=", Some("abc")),
            (b"basic OmFiYzpk", Some("abc:d")),
            (b"Basic YWJj", Some("")),
            (b"Basic abc", Some("")),
            (b"Digest abc", None),
            (b"Bearer", None),
            (b"abc", None),
            (b"Bearer \xff", None),
        ] {
            let found = credentials(header);
            assert_eq!(found.as_deref().map(String::as_str), expect, "{header:?}");
        }
    }
}

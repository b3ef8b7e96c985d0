use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use muster_words::{Digest, Id};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{KeyRecord, Role, SALT_BYTES};

/// The size of a secret in bytes. 256 random bits can't be guessed, so no slow hash is needed.
pub const SECRET_BYTES: usize = 32;

/// The size of a key's id in bytes. Collisions are rare; if one occurs, another id is drawn.
pub const KEY_ID_BYTES: usize = 4;

/// The prefix of every key, so that a leaked key is recognised.
const PREFIX: &str = "muster_";

/// An API key in the clear: `muster_<id>_<secret>`. In keys made by this program, both parts are
/// lower-case hexadecimal digits. `Debug` never shows the secret, and dropping the key wipes it.
#[derive(Clone)]
pub struct ApiKey {
    id: Id,
    secret: Zeroizing<[u8; SECRET_BYTES]>,
}

/// The text isn't an API key. The error doesn't repeat the text, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a key has the form muster_<id>_<secret>, as it was shown when it was created")]
pub struct ApiKeyError;

impl ApiKey {
    /// A key from random bytes, which must come from a cryptographically secure source.
    #[must_use]
    pub fn new(id: [u8; KEY_ID_BYTES], secret: [u8; SECRET_BYTES]) -> Option<Self> {
        let id = format!("{:08x}", u32::from_be_bytes(id)).parse().ok()?;
        Some(Self { id, secret: Zeroizing::new(secret) })
    }

    /// The id, which isn't secret.
    #[must_use]
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// The text of the key, which is shown once and sent with every request.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(format!("{PREFIX}{}_", self.id));
        for byte in *self.secret {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        text
    }

    /// The record that is stored for the key. It can verify the key, but not reproduce it.
    #[must_use]
    pub fn record(&self, salt: [u8; SALT_BYTES], role: Role, name: Option<String>) -> KeyRecord {
        let hash = self.hash(&salt);
        KeyRecord { hash, salt, role, name, scope: None, expires: None }
    }

    /// Whether a record belongs to this key, in constant time.
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

/// A key that is accepted without being in the ledger: it is given at the start of a registry in
/// memory. It may be any text; only its digest is kept.
#[derive(Clone, Debug)]
pub struct GivenKey(Digest);

/// The minimum length of a given key, so that it can't be guessed by trying.
pub const GIVEN_KEY_LENGTH_MIN: usize = 16;

/// The key is too short, or has spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a key needs at least {GIVEN_KEY_LENGTH_MIN} visible ASCII characters, without spaces")]
pub struct GivenKeyError;

impl GivenKey {
    /// Makes a given key.
    ///
    /// # Errors
    /// See [`GivenKeyError`].
    pub fn new(text: &str) -> Result<Self, GivenKeyError> {
        let fits = text.len() >= GIVEN_KEY_LENGTH_MIN && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(Digest::of(text.as_bytes()))) } else { Err(GivenKeyError) }
    }

    /// Whether a request carries this key, in constant time.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        Digest::of(text.as_bytes()).0.ct_eq(&self.0.0).into()
    }
}

/// The key in an `Authorization` header: the token of the scheme `Bearer` (RFC 6750, 2.1), or the
/// password of the scheme `Basic` (RFC 7617) with any user name. The scheme's name may be in any
/// case (RFC 9110, 11.1). None for other schemes. Malformed credentials become a key that nobody
/// has.
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
        assert!(!key().is_of(&KeyRecord { salt: [2; SALT_BYTES], ..own.clone() }));
        for index in 0..own.hash.0.len() {
            let mut almost = own.clone();
            almost.hash.0[index] ^= 1;
            assert!(!key().is_of(&almost), "byte {index} of the hash counts");
        }
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

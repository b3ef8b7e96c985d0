use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use muster_words::Digest;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{KeyPair, PublicKey, Signature, Unsigned};

/// The number of Ed25519 in encoded keys (C2SP signed-note).
const ED25519: u8 = 1;

/// The name of a key: not empty, without spaces, pluses and control characters. The key of a log is
/// named after the log's origin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// The text isn't the name of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the name of a key is not empty and has no spaces, pluses and control characters")]
pub struct NameError;

impl KeyName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refused = |c: char| c.is_whitespace() || c < ' ' || c == '+';
        if text.is_empty() || text.contains(refused) {
            return Err(NameError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Four bytes that indicate which key may have signed; they don't prove it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 4]);

impl KeyId {
    fn of(name: &KeyName, public: &PublicKey) -> Self {
        let [a, b, c, d, ..] =
            Digest::of_parts(&[name.0.as_bytes(), b"\n", &[ED25519], &public.bytes()]).0;
        Self([a, b, c, d])
    }

    /// Parses eight hexadecimal digits of either case, as Go does.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 8 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = u32::from_str_radix(text, 16).ok()?;
        digits.then_some(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// Why a text isn't a key. The error never repeats the text, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Parts of a key are missing or malformed.
    #[error("the text isn't a key")]
    Malformed,
    /// The key isn't an Ed25519 key.
    #[error("the key is of kind {kind}; only Ed25519 (1) is known")]
    Kind {
        /// The number of its kind.
        kind: u8,
    },
    /// The key id doesn't match the name and the key, so something was changed.
    #[error("the key's id doesn't match its name and its bytes")]
    Id,
}

/// Verifies the signatures of a named key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: KeyName,
    id: KeyId,
    public: PublicKey,
}

impl Verifier {
    /// The verifier of this key under this name.
    #[must_use]
    pub fn new(name: KeyName, public: PublicKey) -> Self {
        Self { id: KeyId::of(&name, &public), name, public }
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The key itself.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Verifies a signature of a note's text.
    ///
    /// # Errors
    /// The signature isn't valid for this text and this key.
    pub fn verify(&self, text: &str, signature: &Signature) -> Result<(), Unsigned> {
        self.public.verify(text.as_bytes(), signature)
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = [ED25519; 33];
        key[1..].copy_from_slice(&self.public.bytes());
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(key))
    }
}

impl FromStr for Verifier {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, id, key) = split(text)?;
        let public = PublicKey::from_bytes(&key).map_err(|_| KeyError::Malformed)?;
        let verifier = Self::new(name, public);
        if verifier.id == id { Ok(verifier) } else { Err(KeyError::Id) }
    }
}

/// Signs notes with a named key. `Debug` never shows the secret.
#[derive(Debug)]
pub struct Signer {
    verifier: Verifier,
    pair: KeyPair,
}

impl Signer {
    /// The signer of this key under this name.
    #[must_use]
    pub fn new(name: KeyName, pair: KeyPair) -> Self {
        Self { verifier: Verifier::new(name, pair.public()), pair }
    }

    /// The verifier of this signer's signatures.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The text form of the secret key, for its file. It is wiped when dropped.
    #[must_use]
    pub fn secret_text(&self) -> Zeroizing<String> {
        let mut key = Zeroizing::new([ED25519; 33]);
        key[1..].copy_from_slice(&*self.pair.seed());
        let key = Zeroizing::new(STANDARD.encode(key.as_slice()));
        let (name, id) = (&self.verifier.name, self.verifier.id);
        Zeroizing::new(format!("PRIVATE+KEY+{name}+{id}+{}", &*key))
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.pair
    }
}

impl FromStr for Signer {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.strip_prefix("PRIVATE+KEY+").ok_or(KeyError::Malformed)?;
        let (name, id, seed) = split(text)?;
        let signer = Self::new(name, KeyPair::from_seed(&seed));
        if signer.verifier.id == id { Ok(signer) } else { Err(KeyError::Id) }
    }
}

/// Splits a key of the form `<name>+<id>+<base64(kind ‖ key)>` into its name, its id and 32 bytes.
fn split(text: &str) -> Result<(KeyName, KeyId, Zeroizing<[u8; 32]>), KeyError> {
    let mut parts = text.splitn(3, '+');
    let mut part = || parts.next().ok_or(KeyError::Malformed);
    let (name, id, key) = (part()?, part()?, part()?);
    let name = name.parse().map_err(|NameError| KeyError::Malformed)?;
    let id = KeyId::parse(id).ok_or(KeyError::Malformed)?;
    let key = Zeroizing::new(STANDARD.decode(key).map_err(|_| KeyError::Malformed)?);
    let (kind, key) = key.split_first().ok_or(KeyError::Malformed)?;
    if *kind != ED25519 {
        return Err(KeyError::Kind { kind: *kind });
    }
    let key = <&[u8; 32]>::try_from(key).map_err(|_| KeyError::Malformed)?;
    Ok((name, id, Zeroizing::new(*key)))
}

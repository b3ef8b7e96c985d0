use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{digest, hmac, pbkdf2};
use zeroize::Zeroizing;

use crate::target::KafkaMechanism;

/// The user of Event Hubs, whose password is the whole connection string.
const CONNECTION_STRING_USER: &str = "$ConnectionString";

/// How often a broker may ask to hash a password. The default is 4,096 times, which takes some
/// milliseconds of the thread that serves others as well.
const ITERATIONS_MAX: u32 = 50_000;

/// How often at least (RFC 7677, section 4). Whoever shows us fewer could guess the password from our
/// answer.
const ITERATIONS_MIN: u32 = 4_096;

/// A user with a password.
pub(super) struct KafkaCredentials {
    user: String,
    password: Zeroizing<String>,
}

impl fmt::Debug for KafkaCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KafkaCredentials(…)")
    }
}

impl KafkaCredentials {
    /// Reads a secret: `user:password`, or a connection string of Event Hubs.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (user, password) = match text.starts_with("Endpoint=") {
            true => (CONNECTION_STRING_USER, text),
            false => text.split_once(':')?,
        };
        let is_whole = !user.is_empty() && !password.is_empty() && !text.contains('\0');
        is_whole
            .then(|| Self { user: user.to_owned(), password: Zeroizing::new(password.to_owned()) })
    }

    /// The only message of the mechanism PLAIN (RFC 4616).
    pub fn plain(&self) -> Zeroizing<Vec<u8>> {
        let parts = [b"\0", self.user.as_bytes(), b"\0", self.password.as_bytes()];
        Zeroizing::new(parts.concat())
    }
}

/// What a broker said that isn't SCRAM, or that only somebody says who doesn't know the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotScram(pub &'static str);

/// The client's side of SCRAM (RFC 5802), which proves that it has the password without telling it,
/// and checks that the broker knows it, too.
pub(super) struct Scram<'a> {
    credentials: &'a KafkaCredentials,
    nonce: String,
    hash: ScramHash,
}

#[derive(Clone, Copy)]
struct ScramHash {
    digest: &'static digest::Algorithm,
    hmac: hmac::Algorithm,
    derivation: pbkdf2::Algorithm,
}

impl<'a> Scram<'a> {
    /// None: the mechanism is another one.
    pub fn new(
        credentials: &'a KafkaCredentials,
        mechanism: KafkaMechanism,
        random: [u8; 32],
    ) -> Option<Self> {
        let hash = match mechanism {
            KafkaMechanism::Plain => return None,
            KafkaMechanism::ScramSha256 => ScramHash {
                digest: &digest::SHA256,
                hmac: hmac::HMAC_SHA256,
                derivation: pbkdf2::PBKDF2_HMAC_SHA256,
            },
            KafkaMechanism::ScramSha512 => ScramHash {
                digest: &digest::SHA512,
                hmac: hmac::HMAC_SHA512,
                derivation: pbkdf2::PBKDF2_HMAC_SHA512,
            },
        };
        Some(Self { credentials, nonce: STANDARD.encode(&random[..18]), hash })
    }

    #[cfg(test)]
    pub fn with_nonce(mut self, nonce: &str) -> Self {
        nonce.clone_into(&mut self.nonce);
        self
    }

    /// The first message: who we are. It is used without its beginning `n,,` later on.
    pub fn first(&self) -> String {
        let user = self.credentials.user.replace('=', "=3D").replace(',', "=2C");
        format!("n,,n={user},r={}", self.nonce)
    }

    /// The second message, which proves that we have the password; and what the broker's last message
    /// is checked with.
    ///
    /// # Errors
    /// See [`NotScram`].
    pub fn proof(&self, challenge: &[u8]) -> Result<(String, BrokerProof), NotScram> {
        let unreadable = NotScram("its first message of SCRAM can't be read");
        let challenge = std::str::from_utf8(challenge).map_err(|_| unreadable)?;
        let mut parts = challenge.split(',');
        let mut part = |name: &str| parts.next()?.strip_prefix(name);
        let nonce = part("r=").ok_or(unreadable)?;
        let salt = part("s=").and_then(|text| STANDARD.decode(text).ok()).ok_or(unreadable)?;
        let iterations = part("i=").and_then(|text| text.parse().ok()).ok_or(unreadable)?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(NotScram("its nonce of SCRAM isn't the answer to ours"));
        }
        if !(ITERATIONS_MIN..=ITERATIONS_MAX).contains(&iterations) {
            return Err(NotScram(
                "it asks to hash the password less than 4,096 times, or more than 50,000",
            ));
        }
        let iterations = std::num::NonZeroU32::new(iterations).ok_or(unreadable)?;
        let ScramHash { digest, hmac: algorithm, derivation } = self.hash;
        let mut salted = Zeroizing::new(vec![0; digest.output_len()]);
        let password = self.credentials.password.as_bytes();
        pbkdf2::derive(derivation, iterations, &salt, password, &mut salted);
        let mac = |key: &[u8], bytes: &[u8]| hmac::sign(&hmac::Key::new(algorithm, key), bytes);
        let client_key = mac(&salted, b"Client Key");
        let stored_key = digest::digest(digest, client_key.as_ref());
        let first = self.first();
        let last = format!("c=biws,r={nonce}");
        let signed = format!("{},{challenge},{last}", first.trim_start_matches("n,,"));
        let signature = mac(stored_key.as_ref(), signed.as_bytes());
        let pairs = client_key.as_ref().iter().zip(signature.as_ref());
        let proof: Vec<u8> = pairs.map(|(key, signature)| key ^ signature).collect();
        let server_key = mac(&salted, b"Server Key");
        let key = hmac::Key::new(algorithm, server_key.as_ref());
        let expected = BrokerProof { key, signed };
        Ok((format!("{last},p={}", STANDARD.encode(proof)), expected))
    }
}

/// How a broker proves that it knows the password, too.
pub(super) struct BrokerProof {
    key: hmac::Key,
    signed: String,
}

impl BrokerProof {
    /// Checks the broker's last message.
    ///
    /// # Errors
    /// See [`NotScram`].
    pub fn verify(&self, last: &[u8]) -> Result<(), NotScram> {
        let text = std::str::from_utf8(last).ok().and_then(|text| text.strip_prefix("v="));
        let text = text.and_then(|text| text.split(',').next());
        let given = text.and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
        hmac::verify(&self.key, self.signed.as_bytes(), &given)
            .map_err(|_| NotScram("it doesn't know the password itself"))
    }
}

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use data_encoding::BASE32_NOPAD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// The first five bits of the text of a seed and of a user's public key (NATS, nkeys).
const SEED: u8 = 18 << 3;
const USER: u8 = 20 << 3;

/// The lines around the parts of a file `.creds`.
const TOKEN_LINE: &str = "-----BEGIN NATS USER JWT-----";
const SEED_LINE: &str = "-----BEGIN USER NKEY SEED-----";

/// How a client of NATS says who it is.
pub(super) enum NatsCredentials {
    /// A word that everybody uses.
    Token(Zeroizing<String>),
    /// A user with a password.
    Password { user: String, password: Zeroizing<String> },
    /// A key that signs the server's nonce, with the token that says whose it is, if there is one.
    Key { key: Box<Ed25519KeyPair>, token: Option<String> },
}

impl fmt::Debug for NatsCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NatsCredentials(…)")
    }
}

impl NatsCredentials {
    /// Reads a secret: the text of a file `.creds`, a seed, `user:password`, or a token.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(token) = line_after(text, TOKEN_LINE) {
            let key = Box::new(key_of(line_after(text, SEED_LINE)?)?);
            return Some(Self::Key { key, token: Some(token.to_owned()) });
        }
        if let Some(key) = key_of(text) {
            return Some(Self::Key { key: Box::new(key), token: None });
        }
        // A seed with a slip of the pen must not be sent as a word.
        if looks_like_seed(text) {
            return None;
        }
        match text.split_once(':') {
            Some((user, password)) => Some(Self::Password {
                user: user.to_owned(),
                password: Zeroizing::new(password.to_owned()),
            }),
            None => (!text.is_empty()).then(|| Self::Token(Zeroizing::new(text.to_owned()))),
        }
    }

    /// Adds what they say to the message CONNECT. None: the server gave nothing to sign.
    pub fn add_to(&self, connect: &mut Map<String, Value>, nonce: Option<&str>) -> Option<()> {
        let mut set = |name: &str, value: &str| {
            connect.insert(name.to_owned(), value.into());
        };
        match self {
            Self::Token(token) => set("auth_token", token),
            Self::Password { user, password } => {
                set("user", user);
                set("pass", password);
            }
            Self::Key { key, token } => {
                let signature = key.sign(nonce?.as_bytes());
                set("sig", &URL_SAFE_NO_PAD.encode(signature));
                match token {
                    Some(token) => set("jwt", token),
                    None => set("nkey", &public_text(key)),
                }
            }
        }
        Some(())
    }
}

/// The line after another one.
fn line_after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != before).skip(1);
    lines.next().filter(|line| !line.is_empty())
}

/// The length of a seed's text, in letters.
const SEED_LETTERS: usize = 58;

/// Whether a text has the form of a seed, of whomever it is and whatever its sum.
fn looks_like_seed(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte);
    text.len() == SEED_LETTERS && text.starts_with('S') && text.bytes().all(is_letter)
}

/// The key of a seed's text: two bytes of kinds, the seed and a check sum, in base 32.
fn key_of(text: &str) -> Option<Ed25519KeyPair> {
    let bytes = Zeroizing::new(BASE32_NOPAD.decode(text.as_bytes()).ok()?);
    let (body, sum) = bytes.split_at_checked(34)?;
    let kind = (body[0] & 7) << 5 | body[1] >> 3;
    let is_seed = body[0] & 0xF8 == SEED && kind == USER && sum == check_sum(body).to_le_bytes();
    if !is_seed {
        return None;
    }
    Ed25519KeyPair::from_seed_unchecked(&body[2..]).ok()
}

fn public_text(key: &Ed25519KeyPair) -> String {
    let mut bytes = vec![USER];
    bytes.extend_from_slice(key.public_key().as_ref());
    let sum = check_sum(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    BASE32_NOPAD.encode(&bytes)
}

/// CRC-16 with the polynomial 0x1021 (XMODEM).
fn check_sum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum: u16, byte| {
        (0..8).fold(sum ^ u16::from(*byte) << 8, |sum, _| {
            let shifted = sum << 1;
            if sum & 0x8000 == 0 { shifted } else { shifted ^ 0x1021 }
        })
    })
}

//! Fernet: authenticated encryption that other languages read (AES-128-CBC, then HMAC-SHA256). Pure:
//! the time and the random bytes are arguments.

use aes::{
    Aes128,
    cipher::{BlockDecrypt as _, BlockEncrypt as _, KeyInit as _, generic_array::GenericArray},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use ring::hmac;
use thiserror::Error;
use zeroize::Zeroizing;

/// The version of a token.
const VERSION: u8 = 0x80;

/// The size of a block of AES, and of the random bytes of a token.
const BLOCK: usize = 16;

/// The size of the code behind a token.
const MAC: usize = 32;

/// Version, time and random bytes.
const HEAD: usize = 1 + 8 + BLOCK;

/// A key: 16 bytes that sign, and 16 that encrypt.
#[derive(Clone)]
pub struct FernetKey {
    signing: hmac::Key,
    cipher: Aes128,
    text: Zeroizing<String>,
}

/// Why a token can't be decrypted, or a key can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FernetError {
    /// A key is 32 bytes in URL-safe base64.
    #[error("a key is 32 bytes in URL-safe base64")]
    Key,
    /// The text isn't a token.
    #[error("it isn't a Fernet token")]
    Token,
    /// None of the keys made the token, or it was changed.
    #[error("none of the keys made this token, or it was changed")]
    Foreign,
}

impl FernetKey {
    /// A key of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8; 32]) -> Self {
        let (signing, encrypting) = bytes.split_at(BLOCK);
        Self {
            signing: hmac::Key::new(hmac::HMAC_SHA256, signing),
            cipher: Aes128::new(GenericArray::from_slice(encrypting)),
            text: Zeroizing::new(URL_SAFE.encode(bytes)),
        }
    }

    /// Reads a key.
    ///
    /// # Errors
    /// It isn't one.
    pub fn read(text: &str) -> Result<Self, FernetError> {
        let bytes = Zeroizing::new(URL_SAFE.decode(text).map_err(|_| FernetError::Key)?);
        let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| FernetError::Key)?;
        Ok(Self::of(bytes))
    }

    /// The key's text, for the file that holds it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Encrypts a message at a time in Unix seconds, with random bytes that were never used before.
    #[must_use]
    pub fn encrypt(&self, seconds: u64, random: [u8; BLOCK], message: &[u8]) -> String {
        let mut token = vec![VERSION];
        token.extend_from_slice(&seconds.to_be_bytes());
        token.extend_from_slice(&random);
        // The number of bytes that are filled up stands in each of them (PKCS #7).
        let filling = BLOCK - message.len() % BLOCK;
        let mut padded = Zeroizing::new(message.to_vec());
        padded.resize(message.len() + filling, u8::try_from(filling).unwrap_or_default());
        let mut before = random;
        for chunk in padded.chunks_exact(BLOCK) {
            let mut block = [0; BLOCK];
            for (index, byte) in block.iter_mut().enumerate() {
                *byte = chunk[index] ^ before[index];
            }
            self.cipher.encrypt_block(GenericArray::from_mut_slice(&mut block));
            token.extend_from_slice(&block);
            before = block;
        }
        let code = hmac::sign(&self.signing, &token);
        token.extend_from_slice(code.as_ref());
        URL_SAFE.encode(token)
    }

    /// Decrypts what stands behind the head; none if the code isn't this key's.
    fn decrypt(&self, token: &[u8]) -> Option<Vec<u8>> {
        let (signed, code) = token.split_at(token.len() - MAC);
        hmac::verify(&self.signing, signed, code).ok()?;
        let mut before: [u8; BLOCK] = signed[HEAD - BLOCK..HEAD].try_into().ok()?;
        let mut message = Vec::with_capacity(signed.len() - HEAD);
        for chunk in signed[HEAD..].chunks_exact(BLOCK) {
            let mut block: [u8; BLOCK] = chunk.try_into().ok()?;
            self.cipher.decrypt_block(GenericArray::from_mut_slice(&mut block));
            message.extend(block.iter().zip(before).map(|(byte, before)| byte ^ before));
            before = chunk.try_into().ok()?;
        }
        let filling = usize::from(*message.last()?);
        let end = message.len().checked_sub(filling)?;
        let is_filled = (1..=BLOCK).contains(&filling)
            && message[end..].iter().all(|byte| usize::from(*byte) == filling);
        is_filled.then(|| {
            message.truncate(end);
            message
        })
    }
}

/// Decrypts a token with whichever key made it.
///
/// # Errors
/// See [`FernetError`].
pub fn decrypt<'a>(
    keys: impl IntoIterator<Item = &'a FernetKey>,
    token: &str,
) -> Result<Vec<u8>, FernetError> {
    let token = URL_SAFE.decode(token.trim()).map_err(|_| FernetError::Token)?;
    let encrypted = token.len().checked_sub(HEAD + MAC).ok_or(FernetError::Token)?;
    if token[0] != VERSION || encrypted == 0 || encrypted % BLOCK != 0 {
        return Err(FernetError::Token);
    }
    keys.into_iter().find_map(|key| key.decrypt(&token)).ok_or(FernetError::Foreign)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
    const TOKEN: &str = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";

    #[test]
    fn makes_and_reads_the_token_of_the_specification() {
        let key = FernetKey::read(KEY).unwrap();
        let random = std::array::from_fn(|index| u8::try_from(index).unwrap());
        assert_eq!(key.encrypt(499_162_800, random, b"hello"), TOKEN);
        assert_eq!(decrypt([&key], TOKEN), Ok(b"hello".to_vec()));
        assert_eq!(key.text(), KEY);
    }

    #[test]
    fn refuses_what_no_key_made() {
        let (key, other) = (FernetKey::read(KEY).unwrap(), FernetKey::of(&[7; 32]));
        for (token, expect) in [
            ("", FernetError::Token),
            ("gAAAAAAdwJ6w", FernetError::Token),
            ("not base64!", FernetError::Token),
            // Another version, a changed code, a changed time, and nothing encrypted.
            (&*TOKEN.replacen("gA", "gQ", 1), FernetError::Token),
            (&*TOKEN.replace("wqDA==", "wqDQ=="), FernetError::Foreign),
            (&*TOKEN.replacen("gAAAAAAdw", "gAAAAAAdx", 1), FernetError::Foreign),
        ] {
            assert_eq!(decrypt([&key], token), Err(expect), "{token}");
        }
        assert_eq!(decrypt([&other], TOKEN), Err(FernetError::Foreign));
        // An older key still reads.
        assert_eq!(decrypt([&other, &key], TOKEN), Ok(b"hello".to_vec()));
        for text in ["", "short", &KEY[1..], &format!("{KEY}AAAA")] {
            assert_eq!(FernetKey::read(text).err(), Some(FernetError::Key), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_it_wrote(
            bytes: [u8; 32],
            random: [u8; 16],
            seconds: u64,
            message in prop::collection::vec(any::<u8>(), 0..200),
            change in any::<prop::sample::Index>(),
        ) {
            let key = FernetKey::of(&bytes);
            let token = key.encrypt(seconds, random, &message);
            prop_assert_eq!(decrypt([&key], &token), Ok(message));
            let mut changed = URL_SAFE.decode(&token).unwrap();
            let at = change.index(changed.len());
            changed[at] ^= 1;
            prop_assert!(decrypt([&key], &URL_SAFE.encode(changed)).is_err());
        }
    }
}

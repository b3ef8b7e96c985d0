//! Signatures of webhooks as Standard Webhooks says: HMAC-SHA256 over id, time and body.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use zeroize::Zeroizing;

/// The prefix of a secret's text.
const PREFIX: &str = "whsec_";

/// How many bytes a secret has at least. The specification asks for 24; shorter ones of other
/// senders are in use, and a secret of 16 random bytes can't be guessed either.
const SECRET_BYTES_MIN: usize = 16;

/// A secret that signs.
pub struct SigningKey(hmac::Key);

impl SigningKey {
    /// Reads a secret: `whsec_` and base64.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let encoded = text.trim().strip_prefix(PREFIX)?;
        let bytes = Zeroizing::new(STANDARD.decode(encoded).ok()?);
        let is_long_enough = bytes.len() >= SECRET_BYTES_MIN;
        is_long_enough.then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The signature of a message, as it stands in the header `webhook-signature`.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn signs_as_the_published_vector() {
        let key = SigningKey::read("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        assert_eq!(
            key.sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body),
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
        );
    }

    #[test]
    fn the_published_library_verifies_what_is_signed_and_nothing_else() {
        let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        let library = standardwebhooks::Webhook::new(secret).unwrap();
        let key = SigningKey::read(secret).unwrap();
        let now = time_now();
        for body in [&b""[..], b"{}", "{\"name\":\"Zo\u{eb}\"}".as_bytes()] {
            let headers = |signature: &str| {
                let mut headers = http::HeaderMap::new();
                headers.insert("webhook-id", "msg_1".parse().unwrap());
                headers.insert("webhook-timestamp", now.to_string().parse().unwrap());
                headers.insert("webhook-signature", signature.parse().unwrap());
                headers
            };
            let signed = headers(&key.sign("msg_1", now, body));
            assert!(library.verify(body, &signed).is_ok(), "{body:?}");
            assert!(library.verify(&[body, b" "].concat(), &signed).is_err());
            assert!(library.verify(body, &headers(&key.sign("msg_2", now, body))).is_err());
        }
    }

    fn time_now() -> i64 {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        since.as_secs().try_into().unwrap()
    }

    #[test]
    fn reads_secrets_of_the_form_alone() {
        for (text, expect) in [
            ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", true),
            ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n", true),
            ("C2FVsBQIhrscChlQIMV+b5sSYspob7oD", false),
            ("whsec_", false),
            ("whsec_c2hvcnQ=", false),
            ("whsec_***", false),
        ] {
            assert_eq!(SigningKey::read(text).is_some(), expect, "{text}");
        }
    }
}

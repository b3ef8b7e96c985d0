//! Amazon's signatures, version 4, for requests with a body in memory.

use muster_words::Moment;
use ring::hmac;
use sha2::{Digest as _, Sha256};

use crate::ProviderSecret;

/// Whose signature it is, and for what.
pub(crate) struct SigningKey<'a> {
    pub(crate) access_key_id: &'a str,
    pub(crate) secret: &'a ProviderSecret,
    pub(crate) session_token: Option<&'a str>,
    pub(crate) region: &'a str,
    pub(crate) product: &'a str,
}

/// The parts of a request that are signed.
pub(crate) struct SignedParts<'a> {
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    /// The path, encoded once.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) body: &'a [u8],
}

/// The headers that sign a request at a moment.
pub(crate) fn signing_headers(
    key: &SigningKey<'_>,
    parts: &SignedParts<'_>,
    now: Moment,
) -> Vec<(&'static str, String)> {
    let stamp: String = now.to_string().chars().filter(|letter| !"-:".contains(*letter)).collect();
    let stamp = format!("{}Z", stamp.split(['.', 'Z']).next().unwrap_or_default());
    let day = stamp.get(..8).unwrap_or_default();
    let mut headers = vec![("host", parts.host.to_owned()), ("x-amz-date", stamp.clone())];
    headers.extend(key.session_token.map(|token| ("x-amz-security-token", token.to_owned())));
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let lines: String =
        headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let names = names.join(";");
    let canonical = format!(
        "{}\n{}\n{}\n{lines}\n{names}\n{}",
        parts.method,
        encoded_path(parts.path),
        parts.query,
        hex(&Sha256::digest(parts.body)),
    );
    let scope = format!("{day}/{}/{}/aws4_request", key.region, key.product);
    let text = format!(
        "AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}",
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let first = format!("AWS4{}", key.secret.reveal());
    let mut signing = mac(first.as_bytes(), day.as_bytes());
    for part in [key.region, key.product, "aws4_request"] {
        signing = mac(signing.as_ref(), part.as_bytes());
    }
    let signature = hex(mac(signing.as_ref(), text.as_bytes()).as_ref());
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        key.access_key_id
    );
    headers.remove(0);
    headers.push(("authorization", authorization));
    headers
}

/// The path encoded again, as every product but S3 wants it.
fn encoded_path(path: &str) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// HMAC with SHA-256 (RFC 2104).
fn mac(key: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may")]

    use super::*;

    #[test]
    fn signs_as_the_published_example_does() {
        // Amazon's test suite for version 4, "get-vanilla".
        let secret = ProviderSecret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned());
        let key = SigningKey {
            access_key_id: "AKIDEXAMPLE",
            secret: &secret,
            session_token: None,
            region: "us-east-1",
            product: "service",
        };
        let parts = SignedParts {
            method: "GET",
            host: "example.amazonaws.com",
            path: "/",
            query: "",
            body: b"",
        };
        let now = Moment::parse("2015-08-30T12:36:00Z").unwrap();
        let headers = signing_headers(&key, &parts, now);
        let authorization = headers.iter().find(|(name, _)| *name == "authorization").unwrap();
        let signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        assert!(authorization.1.ends_with(signature), "{}", authorization.1);
    }
}

use ring::{digest, hmac};

/// A key of a bucket.
pub(super) struct BucketKey<'a> {
    pub id: &'a str,
    pub secret: &'a str,
    /// What a key has that ends after some hours.
    pub token: Option<&'a str>,
}

impl<'a> BucketKey<'a> {
    /// Reads a secret: `KEY_ID:SECRET` or `KEY_ID:SECRET:TOKEN`.
    pub fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, ':');
        let (id, secret) = (parts.next()?, parts.next()?);
        let token = parts.next();
        let is_whole = !id.is_empty() && !secret.is_empty() && token != Some("");
        let is_plain = text.trim().bytes().all(|byte| byte.is_ascii_graphic());
        (is_whole && is_plain).then_some(Self { id, secret, token })
    }
}

/// The parts of a request that Amazon's signature, version 4, covers.
pub(super) struct SignedRequest<'a> {
    pub method: &'a str,
    /// The path, encoded as it is sent. It has no query.
    pub path: &'a str,
    /// The headers, sorted by their names in lower case. `x-amz-content-sha256` is among them.
    pub headers: &'a [(&'static str, String)],
    /// The moment, as in `x-amz-date`.
    pub stamp: &'a str,
    pub region: &'a str,
}

impl SignedRequest<'_> {
    /// The value of the header `authorization`.
    pub fn authorization(&self, key: &BucketKey<'_>) -> String {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String =
            self.headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let body = self.headers.iter().find(|(name, _)| *name == "x-amz-content-sha256");
        let body = body.map(|(_, digest)| digest.as_str()).unwrap_or_default();
        let canonical = format!("{}\n{}\n\n{lines}\n{names}\n{body}", self.method, self.path);
        let day = self.stamp.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let digest = hex_digest(canonical.as_bytes());
        let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{digest}", self.stamp);
        let mut signing = mac(format!("AWS4{}", key.secret).as_bytes(), day);
        for part in [self.region, "s3", "aws4_request"] {
            signing = mac(signing.as_ref(), part);
        }
        let signature = hex(mac(signing.as_ref(), &text).as_ref());
        let id = key.id;
        format!(
            "AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
    }
}

/// The SHA-256 of bytes, in hexadecimal.
pub(super) fn hex_digest(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Signed requests to services of Amazon, and to servers that speak the same.

use http::{HeaderMap, HeaderName, HeaderValue};
use muster_guard::secret_references::SecretList;
use muster_seal::aws::{AwsKey, AwsRequest, AwsScope, signed_headers};
use muster_words::Moment;

use crate::{
    decision::{TryFailure, shown},
    http_sender::HttpSender,
};

/// The secret isn't a key of Amazon's.
const UNREADABLE: TryFailure = TryFailure::Credentials {
    expected: "KEY_ID:SECRET, with :TOKEN behind it for a key that ends",
};

/// A request that is to be signed.
pub(crate) struct AwsCall<'a> {
    /// The reference of the key.
    pub credentials: &'a str,
    /// For which service the signature is good.
    pub scope: AwsScope<'a>,
    /// The method.
    pub method: &'a str,
    /// The URL, which has no query.
    pub url: &'a str,
    /// Headers that are signed as well.
    pub headers: &'a [(&'static str, String)],
    /// The body.
    pub body: &'a [u8],
    /// The time of the signature.
    pub now: Moment,
}

impl AwsCall<'_> {
    /// All headers of the request but its host. Logs don't show them.
    ///
    /// # Errors
    /// The address is refused, or the key can't be had.
    pub fn headers(
        &self,
        sender: &HttpSender,
        secrets: &SecretList,
    ) -> Result<HeaderMap, TryFailure> {
        let destination = sender.destination(self.url).map_err(TryFailure::Refused)?;
        let secret = secrets.resolve(self.credentials, &destination.host);
        let secret = secret.map_err(TryFailure::Secret)?;
        let key = key_of(secret.expose()).ok_or(UNREADABLE)?;
        let request = AwsRequest {
            method: self.method,
            path: &destination.path,
            query: "",
            host: &destination.authority(),
            headers: self.headers,
            body: self.body,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in signed_headers(key, self.scope, &request, self.now) {
            let mut value = HeaderValue::from_str(&value).map_err(|_| UNREADABLE)?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }
}

/// Reads a secret: `KEY_ID:SECRET` or `KEY_ID:SECRET:TOKEN`.
fn key_of(text: &str) -> Option<AwsKey<'_>> {
    let mut parts = text.trim().splitn(3, ':');
    let (id, secret) = (parts.next()?, parts.next()?);
    let token = parts.next();
    let is_whole = !id.is_empty() && !secret.is_empty() && token != Some("");
    let is_plain = text.trim().bytes().all(|byte| byte.is_ascii_graphic());
    (is_whole && is_plain).then_some(AwsKey { id, secret, token })
}

/// The text of an element in an error that is XML, as a person reads it.
pub(crate) fn xml_text(body: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(shown(rest.split_once("</")?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_a_key_with_its_secret_and_maybe_a_token() {
        for (text, expect) in [
            ("id:secret", Some(("id", "secret", None))),
            (" id:se/cr+et=\n", Some(("id", "se/cr+et=", None))),
            ("id:secret:to:ken", Some(("id", "secret", Some("to:ken")))),
            ("id", None),
            (":secret", None),
            ("id:", None),
            ("id:secret:", None),
            ("id:sec ret", None),
            ("", None),
        ] {
            let found = key_of(text).map(|key| (key.id, key.secret, key.token));
            assert_eq!(found, expect, "{text}");
        }
    }
}

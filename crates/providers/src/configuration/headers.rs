//! Which headers a configuration may add to requests.

use http::{HeaderName, HeaderValue};
use muster_schema::Violation;
use muster_words::json::Value;

use crate::without_keys;

/// Headers that a configuration can't set, because the connection depends on them.
const CONNECTION_HEADERS: [&str; 7] =
    ["host", "content-length", "connection", "transfer-encoding", "upgrade", "te", "expect"];

/// Headers whose value is a secret. What is declared is read by many and kept for ever, so a secret
/// is named there, never written.
const SECRET_HEADERS: [&str; 10] = [
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-auth-token",
    "x-amz-security-token",
    "cookie",
    "openai-api-key",
    "ocp-apim-subscription-key",
];

/// What is wrong with the headers of a configuration. No value is repeated: it may be a secret.
pub(super) fn violations(value: &Value) -> Vec<Violation> {
    let all = value.get("headers").and_then(Value::as_object).into_iter().flatten();
    let wrong = |(name, value): (&String, &Value)| {
        let lower = name.to_lowercase();
        let value = value.as_str().unwrap_or_default();
        let message = if SECRET_HEADERS.contains(&&*lower) || without_keys(value) != value {
            "a key is named, never written: use credentials, such as \"env:NAME\" or \"file:/path\""
        } else if CONNECTION_HEADERS.contains(&&*lower) {
            "the connection depends on this header; it can't be set"
        } else if HeaderName::from_bytes(lower.as_bytes()).is_err() {
            "a header has no such name"
        } else if HeaderValue::from_str(value).is_err() {
            "a header has no such value"
        } else {
            return None;
        };
        let pointer = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        Some(Violation::keyword(&pointer, "not", message.to_owned()))
    };
    all.filter_map(wrong).collect()
}

//! What an answer that isn't good means, dialect by dialect.

use http::{HeaderMap, header};
use muster_words::json::Value;

use crate::{Fault, ProviderFaultKind, known_type::ProviderDialect, link::Answer};

/// How much of a provider's message is kept, in letters. Some repeat the whole request.
const MESSAGE_LETTERS_MAX: usize = 500;

/// The longest media type that is shown; the registered ones are shorter.
const MEDIA_TYPE_LENGTH_MAX: usize = 80;

/// The longest rest that a provider can ask for, in milliseconds: an hour.
const REST_MS_MAX: u64 = 60 * 60 * 1_000;

/// Words in an error, with what they mean. The first that is found counts, so the narrow ones come
/// first. They are looked for in the code, the type, the status and the message.
const WORDS: &[(&str, ProviderFaultKind)] = &[
    // OpenAI and those that speak like it
    ("insufficient_quota", ProviderFaultKind::QuotaExceeded),
    ("billing_hard_limit_reached", ProviderFaultKind::QuotaExceeded),
    ("insufficient balance", ProviderFaultKind::QuotaExceeded),
    ("insufficient credits", ProviderFaultKind::QuotaExceeded),
    ("context_length_exceeded", ProviderFaultKind::ContextTooLong),
    ("maximum context length", ProviderFaultKind::ContextTooLong),
    ("string_above_max_length", ProviderFaultKind::ContextTooLong),
    ("content_policy_violation", ProviderFaultKind::ContentRefused),
    ("content_filter", ProviderFaultKind::ContentRefused),
    ("responsibleaipolicyviolation", ProviderFaultKind::ContentRefused),
    ("model_not_found", ProviderFaultKind::ModelNotFound),
    ("deploymentnotfound", ProviderFaultKind::ModelNotFound),
    ("invalid_api_key", ProviderFaultKind::InvalidApiKey),
    // Anthropic
    ("credit balance is too low", ProviderFaultKind::QuotaExceeded),
    ("billing_error", ProviderFaultKind::QuotaExceeded),
    ("prompt is too long", ProviderFaultKind::ContextTooLong),
    ("request_too_large", ProviderFaultKind::ContextTooLong),
    ("overloaded_error", ProviderFaultKind::Overloaded),
    ("rate_limit", ProviderFaultKind::RateLimited),
    ("authentication_error", ProviderFaultKind::InvalidApiKey),
    ("permission_error", ProviderFaultKind::PermissionDenied),
    ("timeout_error", ProviderFaultKind::Timeout),
    // Google
    ("api_key_invalid", ProviderFaultKind::InvalidApiKey),
    ("api key not valid", ProviderFaultKind::InvalidApiKey),
    ("token count exceeds", ProviderFaultKind::ContextTooLong),
    ("resource_exhausted", ProviderFaultKind::RateLimited),
    ("deadline_exceeded", ProviderFaultKind::Timeout),
    ("unauthenticated", ProviderFaultKind::InvalidApiKey),
    // Amazon
    ("throttlingexception", ProviderFaultKind::RateLimited),
    ("servicequotaexceededexception", ProviderFaultKind::QuotaExceeded),
    ("modelnotreadyexception", ProviderFaultKind::Overloaded),
    ("serviceunavailableexception", ProviderFaultKind::Overloaded),
    ("modeltimeoutexception", ProviderFaultKind::Timeout),
    ("accessdeniedexception", ProviderFaultKind::PermissionDenied),
    ("resourcenotfoundexception", ProviderFaultKind::ModelNotFound),
    ("unrecognizedclientexception", ProviderFaultKind::InvalidApiKey),
    ("invalidsignatureexception", ProviderFaultKind::InvalidApiKey),
    ("expiredtokenexception", ProviderFaultKind::InvalidApiKey),
    ("input is too long", ProviderFaultKind::ContextTooLong),
    // All
    ("overloaded", ProviderFaultKind::Overloaded),
];

/// What a status means if the body says nothing.
const fn of_status(status: u16) -> ProviderFaultKind {
    match status {
        401 => ProviderFaultKind::InvalidApiKey,
        402 => ProviderFaultKind::QuotaExceeded,
        403 => ProviderFaultKind::PermissionDenied,
        404 => ProviderFaultKind::ModelNotFound,
        408 | 504 => ProviderFaultKind::Timeout,
        413 => ProviderFaultKind::ContextTooLong,
        429 => ProviderFaultKind::RateLimited,
        503 | 529 => ProviderFaultKind::Overloaded,
        400..=499 => ProviderFaultKind::InvalidRequest,
        _ => ProviderFaultKind::ProviderError,
    }
}

/// Reads what went wrong from an answer that isn't good.
pub(crate) async fn fault_of_answer(answer: &mut Answer, dialect: ProviderDialect) -> Fault {
    // Without its body, its status has to do.
    let body = answer.whole().await.ok();
    let bytes = body.as_deref().unwrap_or_default();
    let value: Option<Value> = serde_json::from_slice(bytes).ok();
    let mut fault = match &value {
        Some(value) => fault_in(value, Some(answer.status), dialect),
        None => plain(answer.status, bytes, &answer.headers),
    };
    // Amazon names the error in a header.
    if let Some(named) = answer.headers.get("x-amzn-errortype").and_then(|name| name.to_str().ok())
        && let Some(kind) = by_words(&named.to_lowercase())
    {
        fault.kind = kind;
    }
    fault.retry_after_ms = retry_after_ms(&answer.headers).or(fault.retry_after_ms);
    fault
}

/// An answer that isn't JSON, such as a proxy's page.
fn plain(status: u16, bytes: &[u8], headers: &HeaderMap) -> Fault {
    let lower = String::from_utf8_lossy(bytes).to_lowercase();
    let kind = match of_status(status) {
        ProviderFaultKind::Overloaded if lower.contains("maintenance") => {
            ProviderFaultKind::ProviderMaintenance
        }
        // A page of a proxy says nothing about models.
        ProviderFaultKind::ModelNotFound => ProviderFaultKind::ProviderError,
        kind => kind,
    };
    let message = format!("status {status}: {}", not_json(bytes.len(), Some(headers)));
    Fault { status: Some(status), ..Fault::new(kind, message) }
}

/// What is said of bytes that should be JSON. They are no provider's, and aren't repeated.
fn not_json(length: usize, headers: Option<&HeaderMap>) -> String {
    let kind = headers.and_then(media_type).map_or_else(String::new, |kind| format!(", {kind}"));
    format!("an answer that isn't JSON ({length} bytes{kind})")
}

/// The media type of an answer, if it looks like one.
fn media_type(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = text.split(';').next()?.trim();
    let is_name = |part: &str| {
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
        !part.is_empty() && part.chars().all(is_letter)
    };
    let (first, second) = kind.split_once('/')?;
    (kind.len() <= MEDIA_TYPE_LENGTH_MAX && is_name(first) && is_name(second)).then_some(kind)
}

/// The fault that a body describes; `status` is that of the answer, if it says something.
pub(crate) fn fault_in(value: &Value, status: Option<u16>, dialect: ProviderDialect) -> Fault {
    // Some wrap it in a list.
    let value = value.as_array().and_then(|all| all.first()).unwrap_or(value);
    let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(value);
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    let message = text("message")
        .or_else(|| text("Message"))
        .or_else(|| error.as_str())
        .or_else(|| value.get("message").and_then(Value::as_str));
    // A number as code is a status; it is all there is where the answer's own status was 200.
    let number = error.get("code").or_else(|| error.get("status")).and_then(Value::as_u64);
    let number = number.and_then(|number| u16::try_from(number).ok());
    let status = status.filter(|status| *status >= 400).or(number.filter(|one| *one >= 400));
    let reasons = error.get("details").and_then(Value::as_array).into_iter().flatten();
    let reasons = reasons.filter_map(|detail| detail.get("reason")?.as_str());
    let inner = error.get("innererror").and_then(|inner| inner.get("code")?.as_str());
    let names = ["code", "type", "status", "__type"].into_iter().filter_map(text);
    let mut words: Vec<&str> = names.chain(reasons).chain(inner).collect();
    words.extend(message);
    let words = words.join(" ").to_lowercase();
    let kind = match (by_words(&words), status) {
        (Some(kind), _) => kind,
        (None, Some(503)) if words.contains("maintenance") => {
            ProviderFaultKind::ProviderMaintenance
        }
        (None, Some(status)) => of_status(status),
        (None, None) => by_type(&words, dialect),
    };
    let what = match status {
        Some(status) => format!("the provider answered with status {status}"),
        None => "the provider answered with an error".to_owned(),
    };
    Fault {
        status,
        said: message.filter(|message| !message.is_empty()).map(cut),
        retry_after_ms: retry_delay(error),
        ..Fault::new(kind, what)
    }
}

fn by_words(words: &str) -> Option<ProviderFaultKind> {
    WORDS.iter().find(|(word, _)| words.contains(word)).map(|(_, kind)| *kind)
}

/// An error within a stream has no status of its own.
fn by_type(words: &str, dialect: ProviderDialect) -> ProviderFaultKind {
    let has = |word| words.contains(word);
    match dialect {
        ProviderDialect::Anthropic if has("not_found_error") => ProviderFaultKind::ModelNotFound,
        ProviderDialect::Bedrock if has("validationexception") => ProviderFaultKind::InvalidRequest,
        ProviderDialect::Gemini if has("unavailable") => ProviderFaultKind::Overloaded,
        _ if has("invalid_request") || has("invalid_argument") => ProviderFaultKind::InvalidRequest,
        _ => ProviderFaultKind::ProviderError,
    }
}

/// Google says in the body how long to wait: `"retryDelay": "7s"`.
fn retry_delay(error: &Value) -> Option<u64> {
    let details = error.get("details").and_then(Value::as_array)?;
    let text = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    Some(milliseconds(seconds))
}

/// How long to wait by the headers: `retry-after-ms`, or `Retry-After` in seconds.
pub(crate) fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(number) = text("retry-after-ms").and_then(|text| text.trim().parse::<f64>().ok()) {
        return Some(milliseconds(number / 1_000.0));
    }
    let seconds: f64 = text(header::RETRY_AFTER.as_str())?.trim().parse().ok()?;
    Some(milliseconds(seconds))
}

fn milliseconds(seconds: f64) -> u64 {
    let whole = std::time::Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
    u64::try_from(whole.as_millis()).unwrap_or(REST_MS_MAX).min(REST_MS_MAX)
}

/// The beginning of a message. A word across the end is left out: it may be a part of a key, which
/// the redactor would know only as a whole.
fn cut(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(MESSAGE_LETTERS_MAX) else {
        return text.to_owned();
    };
    let kept = text[..end].trim_end_matches(|letter: char| !letter.is_whitespace());
    format!("{}…", kept.trim_end())
}

/// A part of an answer that should be JSON.
pub(crate) fn json_of(bytes: &[u8], headers: Option<&HeaderMap>) -> Result<Value, Fault> {
    serde_json::from_slice(bytes)
        .map_err(|_| Fault::new(ProviderFaultKind::ProviderError, not_json(bytes.len(), headers)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_that_is_cut_ends_before_a_key() {
        let words = "word ".repeat(99);
        let key = "sk-abcdefghijklmnopqrstuvwxyz";
        let shown = cut(&format!("{words}{key} more"));
        assert_eq!(shown, format!("{}…", words.trim_end()));
        assert_eq!(cut(&"k".repeat(600)), "…");
        assert_eq!(cut("short sk-abc"), "short sk-abc");
    }

    #[test]
    fn repeats_nothing_of_an_answer_that_isnt_json_or_in_our_own_words() {
        let page = "<html>internal wiki: the door code is 4711</html>";
        for (kind, shown) in [
            ("text/html; charset=utf-8", ", text/html)"),
            ("door code 4711", "(49 bytes)"),
            ("text/the+door+code+is+4711/x", "(49 bytes)"),
        ] {
            let headers =
                kind.parse().map(|kind| HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]));
            let headers = headers.unwrap_or_default();
            let fault = plain(418, page.as_bytes(), &headers);
            assert!(fault.message.ends_with(shown), "{}", fault.message);
            assert!(!format!("{fault:?}").contains("4711"), "{fault:?}");
            let fault = json_of(page.as_bytes(), Some(&headers)).err();
            assert!(!format!("{fault:?}").contains("4711"), "{fault:?}");
        }
        let foreign = json!({"message": "the door code is 4711"});
        let fault = fault_in(&foreign, Some(404), ProviderDialect::Openai);
        assert_eq!(fault.message, "the provider answered with status 404");
        assert_eq!(fault.for_callers(), "the door code is 4711");
    }

    #[test]
    fn tells_apart_what_each_dialect_says() {
        use ProviderDialect::{Anthropic, Azure, Bedrock, Gemini, Openai, OpenaiCompatible};
        use ProviderFaultKind as Kind;
        for (dialect, status, body, expect) in [
            (
                Openai,
                429,
                json!({"error": {"code": "insufficient_quota", "message": "x"}}),
                Kind::QuotaExceeded,
            ),
            (
                Openai,
                429,
                json!({"error": {"code": "rate_limit_exceeded", "message": "x"}}),
                Kind::RateLimited,
            ),
            (
                Openai,
                401,
                json!({"error": {"code": "invalid_api_key", "message": "x"}}),
                Kind::InvalidApiKey,
            ),
            (
                Openai,
                404,
                json!({"error": {"code": "model_not_found", "message": "x"}}),
                Kind::ModelNotFound,
            ),
            (
                Openai,
                400,
                json!({"error": {"code": "context_length_exceeded"}}),
                Kind::ContextTooLong,
            ),
            (
                OpenaiCompatible,
                400,
                json!({"message": "This model's maximum context length is 1"}),
                Kind::ContextTooLong,
            ),
            (
                OpenaiCompatible,
                200,
                json!({"error": {"code": 502, "message": "upstream"}}),
                Kind::ProviderError,
            ),
            (OpenaiCompatible, 402, json!({"error": {"message": "no money"}}), Kind::QuotaExceeded),
            (
                Anthropic,
                529,
                json!({"type": "error", "error": {"type": "overloaded_error"}}),
                Kind::Overloaded,
            ),
            (Anthropic, 429, json!({"error": {"type": "rate_limit_error"}}), Kind::RateLimited),
            (
                Anthropic,
                401,
                json!({"error": {"type": "authentication_error"}}),
                Kind::InvalidApiKey,
            ),
            (
                Anthropic,
                400,
                json!({"error": {"type": "invalid_request_error", "message": "prompt is too long: 2"}}),
                Kind::ContextTooLong,
            ),
            (
                Anthropic,
                400,
                json!({"error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}}),
                Kind::QuotaExceeded,
            ),
            (
                Gemini,
                429,
                json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}),
                Kind::RateLimited,
            ),
            (
                Gemini,
                400,
                json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}}),
                Kind::InvalidApiKey,
            ),
            (
                Gemini,
                503,
                json!({"error": {"code": 503, "status": "UNAVAILABLE"}}),
                Kind::Overloaded,
            ),
            (
                Azure,
                400,
                json!({"error": {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
                Kind::ContentRefused,
            ),
            (Azure, 404, json!({"error": {"code": "DeploymentNotFound"}}), Kind::ModelNotFound),
            (
                Bedrock,
                429,
                json!({"__type": "ThrottlingException", "message": "slow"}),
                Kind::RateLimited,
            ),
            (Bedrock, 403, json!({"__type": "AccessDeniedException"}), Kind::PermissionDenied),
            (Bedrock, 403, json!({"__type": "ExpiredTokenException"}), Kind::InvalidApiKey),
            (
                OpenaiCompatible,
                503,
                json!({"error": "down for maintenance"}),
                Kind::ProviderMaintenance,
            ),
            (OpenaiCompatible, 500, json!("?"), Kind::ProviderError),
            (OpenaiCompatible, 422, json!({"detail": "x"}), Kind::InvalidRequest),
        ] {
            assert_eq!(fault_in(&body, Some(status), dialect).kind, expect, "{dialect:?} {body}");
        }
    }

    #[test]
    fn reads_how_long_to_wait() {
        let headers = |name: &'static str, value: &str| {
            value
                .parse()
                .map(|value| HeaderMap::from_iter([(http::HeaderName::from_static(name), value)]))
        };
        for (name, value, expect) in [
            ("retry-after", "7", Some(7_000)),
            ("retry-after", "0.5", Some(500)),
            ("retry-after-ms", "250", Some(250)),
            ("retry-after", "99999999999", Some(REST_MS_MAX)),
            ("retry-after", "-1", Some(0)),
            ("retry-after", "NaN", Some(0)),
            ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT", None),
        ] {
            let read = headers(name, value).map(|headers| retry_after_ms(&headers));
            assert_eq!(read.ok(), Some(expect), "{name}: {value}");
        }
        let google = json!({"error": {"details": [{"retryDelay": "2.5s"}]}});
        assert_eq!(
            fault_in(&google, Some(429), ProviderDialect::Gemini).retry_after_ms,
            Some(2_500)
        );
    }
}

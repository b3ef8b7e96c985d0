//! Names of headers, and the encoding of attribute values in headers.

use std::{borrow::Cow, fmt::Write as _};

use http::{HeaderName, HeaderValue};
use thiserror::Error;

use crate::Violation;

/// The ledger position that the answer shows.
pub const MUSTER_POSITION: HeaderName = HeaderName::from_static("muster-position");

/// Warnings about an accepted document: a JSON array of violations.
pub const MUSTER_WARNINGS: HeaderName = HeaderName::from_static("muster-warnings");

/// The xid of the document that an alias stands for. `Location` leads there.
pub const MUSTER_ALIAS_OF: HeaderName = HeaderName::from_static("muster-alias-of");

/// The names of attributes that a document's answer doesn't carry as headers, because they would be
/// too many or too long; `$details` has them. Or `body`: the whole answer to a write that is done.
pub const MUSTER_OMITTED: HeaderName = HeaderName::from_static("muster-omitted");

/// Makes a request safe to repeat (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The reason for a change, encoded like attributes in headers.
pub const MUSTER_MESSAGE: HeaderName = HeaderName::from_static("muster-message");

/// Whether a POST makes a new version even if nothing differs from the present one: `always`, or
/// `if-different`.
pub const MUSTER_NEW_VERSION: HeaderName = HeaderName::from_static("muster-new-version");

/// Names a request in answers, entries and logs.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The command's id, which its events carry too (xRegistry events, `xregcorrelationid`).
pub const XREGISTRY_CORRELATION_ID: HeaderName =
    HeaderName::from_static("xregistry-xregcorrelationid");

/// The xid of the entity that an answer is about.
pub const XREGISTRY_XID: HeaderName = HeaderName::from_static("xregistry-xid");

/// The prefix of headers that carry attributes (xRegistry HTTP binding, "HTTP Header Values"), in
/// lower case, because headers are compared so.
pub const XREGISTRY_PREFIX: &str = "xregistry-";

/// The longest value of `Muster-Warnings`. Clients and proxies refuse much longer headers.
const WARNINGS_BYTES_MAX: usize = 8 * 1024;

/// The number of headers that carry attributes of a document, besides those that every document
/// has. Python's client refuses an answer with more than 100 headers, hyper's as well.
const ATTRIBUTES_COUNT_MAX: usize = 48;

/// The size of these headers, in bytes. Node's client refuses an answer with more than 16 KiB of
/// headers, and proxies have buffers of 4 or 8 KiB for all of them.
const ATTRIBUTES_BYTES_MAX: usize = 6 * 1024;

/// The longest value of `Muster-Omitted`, in bytes.
const OMITTED_BYTES_MAX: usize = 512;

/// The room for attributes in the headers of an answer.
#[derive(Debug, Default)]
pub struct AttributeRoom {
    count: usize,
    bytes: usize,
    omitted: Vec<String>,
}

impl AttributeRoom {
    /// Whether the headers of this attribute still fit. They are counted only if all of them do:
    /// a part of a map, written back, would delete the rest of it.
    pub fn fits(&mut self, attribute: &str, headers: &[(HeaderName, HeaderValue)]) -> bool {
        // A header in HTTP/1.1: its name, `: `, its value, and a line break.
        let size =
            |(name, value): &(HeaderName, HeaderValue)| name.as_str().len() + value.len() + 4;
        let count = self.count + headers.len();
        let bytes = self.bytes + headers.iter().map(size).sum::<usize>();
        if count > ATTRIBUTES_COUNT_MAX || bytes > ATTRIBUTES_BYTES_MAX {
            self.omitted.push(attribute.to_owned());
            return false;
        }
        (self.count, self.bytes) = (count, bytes);
        true
    }

    /// The value of `Muster-Omitted`; none if everything fitted.
    #[must_use]
    pub fn omitted(&self) -> Option<HeaderValue> {
        let mut text = String::new();
        for (index, name) in self.omitted.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            if text.len() + name.len() > OMITTED_BYTES_MAX {
                text.push_str(separator);
                text.push_str("...");
                break;
            }
            text.push_str(separator);
            text.push_str(name);
        }
        (!text.is_empty()).then(|| HeaderValue::from_str(&text).ok()).flatten()
    }
}

/// The header of an attribute can't be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeaderFault {
    /// A percent sign isn't followed by two hexadecimal digits.
    #[error("a % is not followed by two hexadecimal digits")]
    Percent,
    /// The decoded bytes aren't UTF-8.
    #[error("the value is not UTF-8 when decoded")]
    Utf8,
    /// A quoted value isn't closed, or something follows it.
    #[error("a quoted value is not closed")]
    Quote,
}

/// Encodes an attribute's value for a header: `"`, `%` and everything except printable ASCII become
/// percent-encoded (xRegistry HTTP binding, "HTTP Header Values"). A space between other characters
/// stays, as in the binding's examples and in the reference server, although its rules would encode
/// it; at the ends, where a header's value has none, it is encoded.
#[must_use]
pub fn encode(value: &str) -> Cow<'_, str> {
    let plain = |byte: u8| matches!(byte, 0x21 | 0x23 | 0x24 | 0x26..=0x7E);
    let last = value.len().saturating_sub(1);
    let stays = |(at, byte): (usize, u8)| plain(byte) || (byte == b' ' && at > 0 && at < last);
    if value.bytes().enumerate().all(stays) {
        return Cow::Borrowed(value);
    }
    let mut encoded = String::with_capacity(value.len() + 16);
    for (at, byte) in value.bytes().enumerate() {
        if stays((at, byte)) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a String can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    Cow::Owned(encoded)
}

/// Decodes an attribute's value from a header: removes the quotes of a quoted string, then decodes
/// percent-encoding once.
///
/// # Errors
/// See [`HeaderFault`]; over HTTP that is `header_error`.
pub fn decode(value: &[u8]) -> Result<String, HeaderFault> {
    let unquoted = unquote(value.trim_ascii())?;
    let mut bytes = Vec::with_capacity(unquoted.len());
    let mut rest = &*unquoted;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let [high, low, after @ ..] = rest else { return Err(HeaderFault::Percent) };
        let digit = |digit: u8| char::from(digit).to_digit(16).ok_or(HeaderFault::Percent);
        bytes.push((digit(*high)? * 16 + digit(*low)?) as u8);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| HeaderFault::Utf8)
}

/// Decodes a quoted string (RFC 9110, 5.6.4); leaves anything else as it is.
fn unquote(value: &[u8]) -> Result<Cow<'_, [u8]>, HeaderFault> {
    let Some(inner) = value.strip_prefix(b"\"") else { return Ok(Cow::Borrowed(value)) };
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.iter();
    while let Some(&byte) = rest.next() {
        match byte {
            b'"' if rest.as_slice().is_empty() => return Ok(Cow::Owned(bytes)),
            b'"' => return Err(HeaderFault::Quote),
            b'\\' => bytes.push(*rest.next().ok_or(HeaderFault::Quote)?),
            _ => bytes.push(byte),
        }
    }
    Err(HeaderFault::Quote)
}

/// Encodes the warnings about an accepted document. If they don't all fit, the last member says how
/// many were left out.
#[must_use]
pub fn warnings(violations: &[Violation]) -> Option<HeaderValue> {
    let mut text = String::from("[");
    for (index, violation) in violations.iter().enumerate() {
        let json = serde_json::to_string(violation).ok()?;
        let left = violations.len() - index;
        if text.len() + json.len() > WARNINGS_BYTES_MAX {
            // Writing into a String can't fail.
            let _ = write!(text, "{}{{\"more\":{left}}}", if index == 0 { "" } else { "," });
            break;
        }
        if index > 0 {
            text.push(',');
        }
        push_ascii(&mut text, &json);
    }
    text.push(']');
    (!violations.is_empty()).then(|| HeaderValue::from_str(&text).ok()).flatten()
}

/// Encodes a URL for `Location`: characters that a URL may not hold (RFC 3986, 2) become
/// percent-encoded, as in a browser's address bar. What is already encoded stays as it is.
#[must_use]
pub fn location(url: &str) -> String {
    let mut text = String::with_capacity(url.len());
    for byte in url.bytes() {
        let stays = byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
        if stays {
            text.push(char::from(byte));
        } else {
            // Writing into a String can't fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// Writes JSON with `\u` escapes for everything outside ASCII, because a header is ASCII.
fn push_ascii(text: &mut String, json: &str) {
    for letter in json.chars() {
        if letter.is_ascii() && letter != '\u{7F}' {
            text.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            // Writing into a String can't fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
}

/// A link for the `Link` header in the form of xRegistry's reference server:
/// `<https://registry.example/api>;rel=xregistry-root`.
#[must_use]
pub fn link(target: &str, relation: &str) -> String {
    format!("<{target}>;rel={relation}")
}

/// The link to the next page (xRegistry pagination), with the total number of entries if it is
/// known.
#[must_use]
pub fn next_page(target: &str, count: Option<u64>) -> String {
    match count {
        Some(count) => format!("<{target}>;rel=next;count={count}"),
        None => link(target, "next"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Severity, ViolationCause};

    #[test]
    fn encodes_as_the_binding_says() {
        for (value, expect) in [
            ("Euro € 😀", "Euro %E2%82%AC %F0%9F%98%80"),
            ("my  doc", "my  doc"),
            (" ", "%20"),
            ("  a b ", "%20 a b%20"),
            ("", ""),
            ("plain-value_1.2/3", "plain-value_1.2/3"),
            ("100%", "100%25"),
            ("say \"hi\"", "say %22hi%22"),
            ("a\r\nSet-Cookie: b", "a%0D%0ASet-Cookie: b"),
            ("\u{7F}", "%7F"),
        ] {
            assert_eq!(encode(value), expect);
            assert_eq!(decode(expect.as_bytes()).as_deref(), Ok(value));
        }
    }

    #[test]
    fn decodes_what_others_send() {
        for (value, expect) in [
            ("%e2%82%ac", Ok("€")),
            ("%41bc", Ok("Abc")),
            ("a b", Ok("a b")),
            ("\"a b\"", Ok("a b")),
            (r#""a \"b\" \\ %41""#, Ok(r#"a "b" \ A"#)),
            ("  a  ", Ok("a")),
            ("é", Ok("é")),
            ("%C0%A0", Err(HeaderFault::Utf8)),
            ("%", Err(HeaderFault::Percent)),
            ("%4", Err(HeaderFault::Percent)),
            ("%zz", Err(HeaderFault::Percent)),
            ("%+4", Err(HeaderFault::Percent)),
            ("\"a", Err(HeaderFault::Quote)),
            ("\"a\\", Err(HeaderFault::Quote)),
            ("\"a\"b", Err(HeaderFault::Quote)),
        ] {
            assert_eq!(decode(value.as_bytes()), expect.map(str::to_owned), "{value}");
        }
    }

    #[test]
    fn writes_any_url_as_a_location() {
        for (url, expect) in [
            ("https://a.example/b?c=%20d&e[]=(f)#g", "https://a.example/b?c=%20d&e[]=(f)#g"),
            ("a b", "a%20b"),
            ("/x\r\nset-cookie: y\u{0}", "/x%0D%0Aset-cookie:%20y%00"),
            ("http://bücher.example/<\">", "http://b%C3%BCcher.example/%3C%22%3E"),
            ("", ""),
        ] {
            assert_eq!(location(url), expect, "{url:?}");
            assert!(HeaderValue::from_str(&location(url)).is_ok());
        }
    }

    #[test]
    fn writes_warnings_that_a_header_can_carry_and_cuts_them_off() {
        let warning = |message: &str| Violation {
            line: None,
            column: None,
            subject: None,
            pointer: "/best_for".to_owned(),
            violated: ViolationCause::Rule("best-for-short".to_owned()),
            severity: Severity::Warning.into(),
            message: message.to_owned(),
        };
        assert_eq!(warnings(&[]), None);
        let text = |violations: &[Violation]| {
            warnings(violations).and_then(|value| value.to_str().map(str::to_owned).ok())
        };
        assert_eq!(
            text(&[warning("zu lang: ä😀")]).as_deref(),
            Some(concat!(
                r#"[{"pointer":"/best_for","rule":"best-for-short","severity":"warning","#,
                r#""message":"zu lang: \u00e4\ud83d\ude00"}]"#
            ))
        );
        let long = vec![warning(&"a".repeat(1000)); 20];
        let written = text(&long).unwrap_or_default();
        assert!(written.len() < 9 * 1024 && written.ends_with(r#",{"more":13}]"#), "{written}");
    }

    #[test]
    fn carries_attributes_as_long_as_there_is_room_and_names_the_others() {
        let headers = |name: &str, count: usize, length: usize| -> Vec<_> {
            let one = |key: usize| {
                let name = format!("xregistry-{name}.{key}");
                let value = HeaderValue::from_str(&"v".repeat(length));
                Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value.ok()?))
            };
            (0..count).filter_map(one).collect()
        };
        for (attributes, expect) in [
            (&[("labels", 48, 1)][..], None),
            (&[("labels", 49, 1), ("name", 1, 9)], Some("labels")),
            (&[("a", 1, 4_000), ("b", 1, 4_000), ("c", 1, 9)], Some("b")),
            (&[("a", 30, 1), ("b", 30, 1), ("c", 18, 1), ("d", 1, 1)], Some("b, d")),
        ] {
            let mut room = AttributeRoom::default();
            for (name, count, length) in attributes {
                room.fits(name, &headers(name, *count, *length));
            }
            let said = room.omitted();
            let said = said.as_ref().and_then(|value| value.to_str().ok());
            assert_eq!(said, expect, "{attributes:?}");
        }
        let mut room = AttributeRoom::default();
        for _ in 0..1_000 {
            room.fits("a_long_name_of_an_attribute", &headers("a", 49, 1));
        }
        let said = room.omitted().map(|value| value.to_str().map(str::to_owned));
        let said = said.and_then(Result::ok).unwrap_or_default();
        assert!(said.len() < 600 && said.ends_with(", ..."), "{said}");
    }

    proptest! {
        #[test]
        fn decodes_what_it_encoded(value in any::<String>()) {
            let encoded = encode(&value).into_owned();
            prop_assert!(encoded.bytes().all(|byte| (0x20..=0x7E).contains(&byte)));
            prop_assert_eq!(encoded.trim(), &encoded);
            prop_assert_eq!(decode(encoded.as_bytes()), Ok(value));
        }

        #[test]
        fn takes_any_header(value in any::<Vec<u8>>()) {
            let _ = decode(&value);
        }
    }
}

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{HeaderMap, HeaderName};

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest id that is accepted from a client: it is written to the log and to entries.
const LENGTH_MAX: usize = 64;

/// Gives each request an id: a random part for this process, and a number.
pub(crate) struct RequestIds {
    process: u32,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        // Without randomness, ids are still unique within this process.
        let process = getrandom::u32().unwrap_or_default();
        Self { process, next: AtomicU64::new(1) }
    }

    /// The client's id if it is valid, else a new one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Arc<str> {
        let mut id = Vec::with_capacity(24);
        self.write(headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok()), &mut id);
        String::from_utf8_lossy(&id).into()
    }

    /// Writes the client's id if it is valid, else a new one.
    pub(crate) fn write(&self, given: Option<&str>, out: &mut Vec<u8>) {
        if let Some(id) = given.filter(|id| is_sane(id)) {
            out.extend_from_slice(id.as_bytes());
            return;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // Writing into a Vec can't fail.
        let _ = write!(out, "{:08x}-{number:x}", self.process);
    }
}

/// The request's `traceparent`, if it is valid by W3C Trace Context.
pub(crate) fn trace_of(headers: &HeaderMap) -> Option<Arc<str>> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    let shape = text.len() == 55
        && text.bytes().enumerate().all(|(place, byte)| match place {
            2 | 35 | 52 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
    shape.then(|| text.into())
}

fn is_sane(id: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=LENGTH_MAX).contains(&id.len()) && id.bytes().all(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_over_sane_ids_and_makes_others() {
        let ids = RequestIds::new();
        let long = "a".repeat(65);
        for (given, taken) in [
            ("abc-1.2_3", true),
            ("", false),
            ("a b", false),
            ("<script>", false),
            (long.as_str(), false),
            (&long[..64], true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, given.parse().unwrap_or_else(|_| unreachable!()));
            assert_eq!(&*ids.of(&headers) == given, taken, "{given}");
        }
        let none = HeaderMap::new();
        assert_ne!(ids.of(&none), ids.of(&none));
    }
}

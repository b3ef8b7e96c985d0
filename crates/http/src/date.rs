//! The header `Date` of responses that the HTTP library doesn't write.

use std::{
    cell::Cell,
    time::{SystemTime, UNIX_EPOCH},
};

/// Bytes of a date (RFC 9110, 5.6.7).
const DATE_BYTES: usize = 29;

thread_local! {
    /// The last formatted second: formatting a date costs more than all the rest.
    static DATE: Cell<(u64, [u8; DATE_BYTES])> = const { Cell::new((0, [b' '; DATE_BYTES])) };
}

/// Writes the date as it is now.
pub(crate) fn write_date(out: &mut Vec<u8>) {
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (mut written, mut date) = DATE.get();
    if written != second {
        let text = httpdate::fmt_http_date(now);
        if let Ok(bytes) = text.as_bytes().try_into() {
            (written, date) = (second, bytes);
            DATE.set((written, date));
        }
    }
    out.extend_from_slice(&date);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_date_as_it_is_now() {
        for _ in 0..2 {
            let mut out = Vec::new();
            let before = SystemTime::now();
            write_date(&mut out);
            let text = String::from_utf8_lossy(&out).into_owned();
            let around = [before, SystemTime::now()].map(httpdate::fmt_http_date);
            assert!(around.contains(&text), "{text}");
        }
    }
}

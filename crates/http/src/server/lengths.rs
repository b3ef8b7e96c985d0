//! Finds heads that give their body's length twice, or so that it can't be read with certainty.
//!
//! Such a request may mean one thing to a proxy and another to us, and so carry a second request
//! past the proxy ("smuggling", RFC 9112, 11.2). The HTTP library settles on one length and drops
//! the other header before anybody sees it; the bytes are therefore looked at as they come in.

use memchr::{memchr, memchr3_iter};

const TRANSFER_ENCODING: &[u8] = b"transfer-encoding";
const CONTENT_LENGTH: &[u8] = b"content-length";

/// The longest beginning of a line that matters: a header's name, its colon, and a length.
const LINE_BYTES: usize = 64;

/// Follows the bytes of one HTTP/1 connection.
pub(super) struct LengthCheck {
    place: Place,
    line: [u8; LINE_BYTES],
    line_length: usize,
    chunked: bool,
    length: Option<u64>,
    begun: bool,
    /// Where, among the bytes taken last, a request line has a character that should have been
    /// percent-encoded.
    bare: Vec<usize>,
}

/// Where in a message the next byte lies.
enum Place {
    Head,
    Body(u64),
    /// A body in chunks: what follows it can't be told apart without parsing it, and needn't be,
    /// because a connection ends after a request with such a body.
    Chunks,
}

impl LengthCheck {
    pub(super) fn new() -> Self {
        Self {
            place: Place::Head,
            line: [0; LINE_BYTES],
            line_length: 0,
            chunked: false,
            length: None,
            begun: false,
            bare: Vec::new(),
        }
    }

    /// Where, among the bytes taken last, request lines have `<`, `>` or `"`.
    pub(super) fn bare_characters(&self) -> &[usize] {
        &self.bare
    }

    /// Takes the next bytes, and answers whether a head among them gives two lengths.
    pub(super) fn finds_two(&mut self, mut bytes: &[u8]) -> bool {
        let whole = bytes.len();
        self.bare.clear();
        while !bytes.is_empty() {
            match &mut self.place {
                Place::Chunks => return false,
                Place::Body(left) => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= taken as u64;
                    bytes = &bytes[taken..];
                    if *left == 0 {
                        self.place = Place::Head;
                    }
                }
                Place::Head => {
                    let end = memchr(b'\n', bytes);
                    let line = &bytes[..end.unwrap_or(bytes.len())];
                    if !self.begun {
                        let before = whole - bytes.len();
                        self.bare
                            .extend(memchr3_iter(b'<', b'>', b'"', line).map(|at| before + at));
                    }
                    self.extend_line(line);
                    let Some(end) = end else { return false };
                    bytes = &bytes[end + 1..];
                    if self.end_line() {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Keeps the beginning of the line; the rest of a long one doesn't matter.
    fn extend_line(&mut self, bytes: &[u8]) {
        let taken = bytes.len().min(LINE_BYTES - self.line_length);
        self.line[self.line_length..self.line_length + taken].copy_from_slice(&bytes[..taken]);
        self.line_length += taken;
    }

    fn end_line(&mut self) -> bool {
        let is_cut = self.line_length == LINE_BYTES;
        let line = self.line[..self.line_length].trim_ascii_end();
        self.line_length = 0;
        if line.is_empty() {
            // Empty lines before a request line are passed over (RFC 9112, 2.2).
            if self.begun {
                self.end_head();
            }
            return false;
        }
        self.begun = true;
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii_end();
        if name.eq_ignore_ascii_case(TRANSFER_ENCODING) {
            self.chunked = true;
            return self.length.is_some();
        }
        if name.eq_ignore_ascii_case(CONTENT_LENGTH) {
            let said = line[(name.len() + 1).min(line.len())..].trim_ascii();
            // One that is too long to be looked at whole is padded, and no client does that.
            let is_plain = !is_cut && said.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(said).ok().and_then(|text| text.parse().ok());
            let again = self.chunked || self.length.is_some();
            self.length = length;
            return again || !is_plain || length.is_none();
        }
        false
    }

    fn end_head(&mut self) {
        self.place = match (self.chunked, self.length) {
            (true, _) => Place::Chunks,
            (false, Some(length)) if length > 0 => Place::Body(length),
            (false, _) => Place::Head,
        };
        self.chunked = false;
        self.length = None;
        self.begun = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CASES: [(&str, bool); 20] = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false),
        ("PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", false),
        ("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false),
        ("PUT / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", true),
        ("PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\nCONTENT-LENGTH: 3\r\n\r\n", true),
        ("PUT / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", true),
        ("PUT / HTTP/1.1\nContent-Length: 3\nTransfer-Encoding: chunked\n\n", true),
        // In a body it is only text.
        (
            "PUT / HTTP/1.1\r\nContent-Length: 42\r\n\r\nContent-Length: 1\nTransfer-Encoding: chunked",
            false,
        ),
        // Behind a body of known length it is the next head.
        (
            "PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcPUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: x\r\n\r\n",
            true,
        ),
        (
            "GET / HTTP/1.1\r\n\r\nPUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: x\r\n\r\n",
            true,
        ),
        ("\r\n\r\nPUT / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n", false),
        ("PUT / HTTP/1.1\r\nContent-Length: x\r\n\r\nGET / HTTP/1.1\r\n\r\n", true),
        ("PUT / HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc", true),
        ("PUT / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc", true),
        ("PUT / HTTP/1.1\r\nContent-Length:\r\n\r\n", true),
        ("PUT / HTTP/1.1\r\nContent-Length: 003\r\n\r\nabc", false),
        ("PUT / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n", true),
        (PADDED, true),
        (ZEROS, true),
        ("PUT / HTTP/1.1\r\nX-Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", false),
    ];

    /// LengthCheck behind so much that they would be overlooked.
    const PADDED: &str = concat!(
        "PUT / HTTP/1.1\r\nContent-Length:                                                     ",
        "     3\r\n\r\nabc"
    );
    const ZEROS: &str = concat!(
        "PUT / HTTP/1.1\r\nContent-Length: 00000000000000000000000000000000000000000000000000000",
        "00003\r\n\r\nabc"
    );

    #[test]
    fn finds_two_lengths_however_the_bytes_are_cut() {
        for (text, expect) in CASES {
            for cut in [1, 2, 7, usize::MAX] {
                let mut lengths = LengthCheck::new();
                let found =
                    text.as_bytes().chunks(cut.min(text.len())).any(|part| lengths.finds_two(part));
                assert_eq!(found, expect, "{text:?} in parts of {cut}");
            }
        }
    }

    proptest! {
        #[test]
        fn takes_any_bytes(parts in proptest::collection::vec(any::<Vec<u8>>(), 0..20)) {
            let mut lengths = LengthCheck::new();
            for part in parts {
                lengths.finds_two(&part);
            }
        }
    }

    #[test]
    fn finds_bare_characters_in_request_lines_alone() {
        for (chunks, expect) in [
            (&["GET /?a<1 HTTP/1.1\r\nHost: <a>\r\n\r\n"][..], vec![vec![7]]),
            (
                &["GET /?a", "<b>\" HTTP/1.1\r\n", "X: <\r\n\r\n"],
                vec![vec![], vec![0, 2, 3], vec![]],
            ),
            (
                &["PUT /< HTTP/1.1\r\nContent-Length: 3\r\n\r\n<<<GET /> HTTP/1.1\r\n"],
                vec![vec![5, 46]],
            ),
        ] {
            let mut lengths = LengthCheck::new();
            let found: Vec<Vec<usize>> = chunks
                .iter()
                .map(|chunk| {
                    assert!(!lengths.finds_two(chunk.as_bytes()));
                    lengths.bare_characters().to_vec()
                })
                .collect();
            assert_eq!(found, expect, "{chunks:?}");
        }
    }
}

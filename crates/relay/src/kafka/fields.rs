//! The fields of Kafka's messages: numbers with their highest byte first, and texts, bytes and lists
//! with their length in front.

/// Reads the fields of an answer, one after the other. None: it ends too early, or isn't one.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub const fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        self.take(LENGTH)?.try_into().ok()
    }

    pub fn int8(&mut self) -> Option<i8> {
        self.array().map(i8::from_be_bytes)
    }

    pub fn int16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub fn int32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub fn int64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// A text, or nothing where the length is -1.
    pub fn maybe_text(&mut self) -> Option<Option<String>> {
        match self.int16()? {
            -1 => Some(None),
            length => {
                let bytes = self.take(usize::try_from(length).ok()?)?;
                Some(Some(std::str::from_utf8(bytes).ok()?.to_owned()))
            }
        }
    }

    pub fn text(&mut self) -> Option<String> {
        self.maybe_text()?
    }

    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.int32()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// A list. What says that it has more items than there are bytes left isn't one.
    pub fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = usize::try_from(self.int32()?).ok()?;
        if count > self.rest.len() {
            return None;
        }
        (0..count).map(|_| item(self)).collect()
    }
}

/// Adds a text.
///
/// A text is at most as long as a URL in a document, so that its length always fits.
pub(super) fn put_text(message: &mut Vec<u8>, text: &str) {
    let length = i16::try_from(text.len()).unwrap_or(i16::MAX);
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(&text.as_bytes()[..usize::from(length.unsigned_abs())]);
}

/// Adds bytes. They are at most as long as an event.
pub(super) fn put_bytes(message: &mut Vec<u8>, bytes: &[u8]) {
    message.extend_from_slice(&length_of(bytes).to_be_bytes());
    message.extend_from_slice(bytes);
}

/// The length of something that fits into a request.
pub(super) fn length_of(bytes: &[u8]) -> i32 {
    length(bytes.len())
}

/// A length, or a count, that fits into a request.
pub(super) fn length(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

use bytes::{Buf as _, Bytes, BytesMut};
use muster_words::{
    Digest, Position,
    limits::{BODY_BYTES_MAX, ENTRY_BYTES_MAX},
};

use super::BackupError;

/// The first line.
pub(super) const FIRST_LINE: &[u8] = b"muster backup 1\n";

/// The first line of any format.
const PREFIX: &[u8] = b"muster backup ";

const DIGEST_BYTES: usize = 32;

/// The longest payload: the largest content, which is a whole body, with its digest.
const PAYLOAD_BYTES_MAX: usize =
    DIGEST_BYTES + if BODY_BYTES_MAX > ENTRY_BYTES_MAX { BODY_BYTES_MAX } else { ENTRY_BYTES_MAX };

/// The bytes before a payload: the kind and the length.
const HEAD_BYTES: usize = 5;

/// A frame of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupFrame {
    /// The header, as a signed note.
    Header(String),
    /// The bytes of an entry.
    Entry(Bytes),
    /// A content of the last entry, with its digest.
    Content(Digest, Bytes),
    /// The backup couldn't be completed.
    Failed(String),
    /// The signed checkpoint.
    End(String),
}

impl BackupFrame {
    /// Appends the frame to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (kind, parts): (u8, [&[u8]; 2]) = match self {
            Self::Header(note) => (b'H', [note.as_bytes(), &[]]),
            Self::Entry(bytes) => (b'E', [bytes, &[]]),
            Self::Content(digest, bytes) => (b'C', [&digest.0, bytes]),
            Self::Failed(why) => (b'X', [why.as_bytes(), &[]]),
            Self::End(note) => (b'Z', [note.as_bytes(), &[]]),
        };
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        out.push(kind);
        // Everything that is written here is within PAYLOAD_BYTES_MAX.
        out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        parts.iter().for_each(|part| out.extend_from_slice(part));
    }

    fn decode(kind: u8, mut payload: Bytes) -> Result<Self, &'static str> {
        let text = |payload: Bytes| {
            String::from_utf8(payload.to_vec()).map_err(|_| "a text in it isn't UTF-8")
        };
        Ok(match kind {
            b'H' => Self::Header(text(payload)?),
            b'E' => Self::Entry(payload),
            b'C' => {
                let digest: [u8; DIGEST_BYTES] = payload
                    .get(..DIGEST_BYTES)
                    .and_then(|bytes| bytes.try_into().ok())
                    .ok_or("a content in it has no digest")?;
                payload.advance(DIGEST_BYTES);
                Self::Content(Digest(digest), payload)
            }
            b'X' => Self::Failed(text(payload)?),
            b'Z' => Self::End(text(payload)?),
            _ => return Err("it has a frame of an unknown kind"),
        })
    }
}

/// Cuts the bytes of a backup into frames, as they arrive.
#[derive(Debug, Default)]
pub struct BackupFrames {
    unread: BytesMut,
    has_begun: bool,
}

impl BackupFrames {
    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// Whether bytes are left that are no whole frame.
    #[must_use]
    pub fn has_rest(&self) -> bool {
        !self.unread.is_empty()
    }

    /// The next frame; none if more bytes are needed. `after` is the position of the last entry,
    /// for messages.
    ///
    /// # Errors
    /// The bytes aren't a backup, or are damaged.
    pub fn next(&mut self, after: Position) -> Result<Option<BackupFrame>, BackupError> {
        if !self.has_begun && !self.begin()? {
            return Ok(None);
        }
        let Some(head) = self.unread.get(..HEAD_BYTES) else { return Ok(None) };
        let &[kind, a, b, c, d] = head else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if length > PAYLOAD_BYTES_MAX {
            return Err(BackupError::Damaged { after, what: "a frame in it is too long" });
        }
        if self.unread.len() < HEAD_BYTES + length {
            return Ok(None);
        }
        self.unread.advance(HEAD_BYTES);
        let payload = self.unread.split_to(length).freeze();
        let frame = BackupFrame::decode(kind, payload);
        frame.map(Some).map_err(|what| BackupError::Damaged { after, what })
    }

    /// Reads the first line; false if more bytes are needed.
    fn begin(&mut self) -> Result<bool, BackupError> {
        let line = self.unread.iter().take(FIRST_LINE.len() + 8).position(|byte| *byte == b'\n');
        let given = line.map_or(self.unread.len(), |end| end + 1);
        let seen = self.unread.get(..given).unwrap_or_default();
        if seen == FIRST_LINE {
            self.unread.advance(FIRST_LINE.len());
            self.has_begun = true;
            return Ok(true);
        }
        if FIRST_LINE.starts_with(seen) {
            return Ok(false);
        }
        match seen.strip_prefix(PREFIX) {
            Some(rest) if line.is_some() => {
                Err(BackupError::Newer(String::from_utf8_lossy(rest).trim().to_owned()))
            }
            _ => Err(BackupError::Foreign),
        }
    }
}

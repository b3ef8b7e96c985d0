use bytes::{BufMut as _, Bytes, BytesMut};
use thiserror::Error;

/// Why entries aren't a bundle, or bytes aren't one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BundleError {
    /// An entry is longer than 16 bits can say.
    #[error("an entry of {bytes} bytes doesn't fit into a bundle")]
    TooLarge {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The bytes end within an entry.
    #[error("the bundle ends within the entry that begins at byte {at}")]
    Short {
        /// The beginning of the entry's length.
        at: usize,
    },
}

/// Entries as a bundle: each after its length as 16 bits, big-endian.
///
/// # Errors
/// An entry is too long.
pub fn bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Bytes, BundleError> {
    let mut bytes = BytesMut::new();
    for entry in entries {
        let length = u16::try_from(entry.len());
        bytes.put_u16(length.map_err(|_| BundleError::TooLarge { bytes: entry.len() })?);
        bytes.put_slice(entry);
    }
    Ok(bytes.freeze())
}

/// The entries in a bundle.
///
/// # Errors
/// The bytes end within an entry.
pub fn entries_in(bundle: &Bytes) -> Result<Vec<Bytes>, BundleError> {
    let mut entries = Vec::new();
    let mut at = 0;
    while at < bundle.len() {
        let short = BundleError::Short { at };
        let length = bundle.get(at..).and_then(|rest| rest.first_chunk::<2>()).ok_or(short)?;
        let (start, length) = (at + 2, usize::from(u16::from_be_bytes(*length)));
        let end = start + length;
        if end > bundle.len() {
            return Err(short);
        }
        entries.push(bundle.slice(start..end));
        at = end;
    }
    Ok(entries)
}

//! Reads the write-ahead log that a crash left, before SQLite opens it.
//!
//! SQLite takes the log up to its first broken frame and drops the rest without a word, because
//! after a loss of power the end of a log may be torn. A broken frame *within* the log is something
//! else: appends aren't pipelined, so a transaction is only begun when the one before it is synced.
//! If a later transaction is there, the broken one was acknowledged.
//!
//! The format of the log: <https://sqlite.org/fileformat2.html#the_write_ahead_log>.
//!
//! | bytes | of the header of the log, 32 bytes |
//! |---|---|
//! | 0–3 | `0x377f0682`, or `…83` if the words of checksums are big-endian |
//! | 8–11 | the size of a page |
//! | 16–23 | two salts, others after each restart of the log |
//! | 24–31 | the checksum of bytes 0–23 |
//!
//! | bytes | of the header of a frame, 24 bytes, before its page |
//! |---|---|
//! | 4–7 | the size of the file in pages after a commit; 0 in other frames |
//! | 8–15 | the salts of the log |
//! | 16–23 | the checksum of the log up to here: bytes 0–7 and the page, from the checksum of the frame before |

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use crate::LastUse;

/// What the log holds that SQLite wouldn't read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogEnd {
    /// Nothing that anybody was told of.
    Whole,
    /// The last transaction, of which a loss of power left a part. Nobody was told of it.
    Torn,
    /// Acknowledged transactions.
    Lost(LostTail),
}

/// Where a log is broken that goes on behind that place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LostTail {
    /// The place in the log, in bytes from its beginning.
    pub byte: u64,
    /// The transactions that can't be read, as far as their last frames are whole.
    pub transactions: u64,
}

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// The first number of a log, but for its last bit.
const MAGIC: u32 = 0x377f_0682;

/// The sizes of pages that SQLite knows.
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 512..=65_536;

/// The buffer for reading the log, in bytes: some dozen frames.
const BUFFER_BYTES: usize = 1024 * 1024;

/// Reads the log at this path to its end.
///
/// # Errors
/// It can't be read. A log that isn't there is whole.
pub(crate) fn inspect(path: &Path, last_use: LastUse) -> io::Result<LogEnd> {
    match File::open(path) {
        Ok(log) => read(BufReader::with_capacity(BUFFER_BYTES, log), last_use),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(LogEnd::Whole),
        Err(error) => Err(error),
    }
}

fn read(mut log: impl Read, last_use: LastUse) -> io::Result<LogEnd> {
    let mut bytes = [0; HEADER_BYTES];
    if !fill(&mut log, &mut bytes)? {
        return Ok(LogEnd::Whole);
    }
    let header = Header::of(&bytes);
    let mut scan = Scan::new(&header);
    let mut frame = vec![0; FRAME_HEADER_BYTES + header.page_bytes];
    while fill(&mut log, &mut frame)? {
        scan.take(&frame);
    }
    Ok(scan.end(last_use))
}

/// Fills the buffer. False at the end of the log, also if it is cut off within.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

struct Header {
    is_big_endian: bool,
    page_bytes: usize,
    salts: [u8; 8],
    checksum: Checksum,
    /// Whether its own checksum holds. SQLite takes a log with another header for an empty one.
    is_whole: bool,
}

impl Header {
    fn of(bytes: &[u8; HEADER_BYTES]) -> Self {
        let magic = word(bytes, 0);
        let is_big_endian = magic & 1 == 1;
        let page = word(bytes, 8);
        let is_page = PAGE_SIZES.contains(&page) && page.is_power_of_two();
        let checksum = Checksum::default().with(&bytes[..24], is_big_endian);
        let is_whole = magic & !1 == MAGIC && is_page && checksum == Checksum::stored(bytes, 24);
        let mut salts = [0; 8];
        salts.copy_from_slice(&bytes[16..24]);
        // If the header is broken, frames are looked for as this computer writes them.
        let (is_big_endian, page) = match is_whole {
            true => (is_big_endian, page),
            false => (cfg!(target_endian = "big"), super::file::PAGE_BYTES),
        };
        Self { is_big_endian, page_bytes: page as usize, salts, checksum, is_whole }
    }
}

/// Reads frames one after the other.
struct Scan {
    is_big_endian: bool,
    salts: Option<[u8; 8]>,
    /// The checksum that is stored in the frame before, or computed from the header.
    before: Checksum,
    frame_bytes: u64,
    frames: u64,
    broken: Option<Broken>,
    /// The transactions that end behind the broken place.
    commits_behind: u64,
}

struct Broken {
    /// Its number; None: the header of the log.
    frame: Option<u64>,
    /// Whether it is the last one of its transaction.
    is_commit: bool,
}

impl Scan {
    fn new(header: &Header) -> Self {
        // Of a broken header, no field can be trusted: the first frame says what its salts are.
        let broken = (!header.is_whole).then_some(Broken { frame: None, is_commit: true });
        Self {
            is_big_endian: header.is_big_endian,
            salts: header.is_whole.then_some(header.salts),
            before: header.checksum,
            frame_bytes: (FRAME_HEADER_BYTES + header.page_bytes) as u64,
            frames: 0,
            broken,
            commits_behind: 0,
        }
    }

    fn take(&mut self, frame: &[u8]) {
        let (header, page) = frame.split_at(FRAME_HEADER_BYTES);
        let is_commit = word(header, 4) != 0;
        let is_of_this_log = self.salts.is_none_or(|salts| header[8..16] == salts);
        let checksum =
            self.before.with(&header[..8], self.is_big_endian).with(page, self.is_big_endian);
        self.before = Checksum::stored(header, 16);
        let is_whole = is_of_this_log && checksum == self.before;
        match &self.broken {
            None if !is_whole => {
                let is_commit = is_of_this_log && is_commit;
                self.broken = Some(Broken { frame: Some(self.frames), is_commit });
            }
            Some(_) if is_whole && is_commit => self.commits_behind += 1,
            _ => {}
        }
        self.frames += 1;
    }

    fn end(self, last_use: LastUse) -> LogEnd {
        let Some(broken) = self.broken.filter(|_| self.commits_behind > 0) else {
            return LogEnd::Whole;
        };
        let is_last_transaction = !broken.is_commit && self.commits_behind == 1;
        if is_last_transaction && last_use == LastUse::EarlierBoot {
            return LogEnd::Torn;
        }
        let byte = broken.frame.map_or(0, |frame| HEADER_BYTES as u64 + frame * self.frame_bytes);
        let transactions =
            self.commits_behind + u64::from(broken.frame.is_some() && broken.is_commit);
        LogEnd::Lost(LostTail { byte, transactions })
    }
}

/// SQLite's checksum of a log: two sums, over pairs of words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Checksum(u32, u32);

impl Checksum {
    fn stored(bytes: &[u8], at: usize) -> Self {
        Self(word(bytes, at), word(bytes, at + 4))
    }

    fn with(self, bytes: &[u8], is_big_endian: bool) -> Self {
        let (pairs, _) = bytes.as_chunks::<8>();
        pairs.iter().fold(self, |Self(first, second), &[a, b, c, d, e, f, g, h]| {
            let words = ([a, b, c, d], [e, f, g, h]);
            let (left, right) = match is_big_endian {
                true => (u32::from_be_bytes(words.0), u32::from_be_bytes(words.1)),
                false => (u32::from_le_bytes(words.0), u32::from_le_bytes(words.1)),
            };
            let first = first.wrapping_add(left).wrapping_add(second);
            Self(first, second.wrapping_add(right).wrapping_add(first))
        })
    }
}

/// The big-endian word at this place; 0 behind the end.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u32::from_be_bytes(*word))
}

#[cfg(test)]
mod tests;

//! The subset of CBOR that entries use, in its deterministic form (RFC 8949, 4.2.1).
//!
//! General decoders also accept longer encodings, so two byte strings could be the same entry. This
//! reader accepts only what the writer writes.

/// The major type of a head, in its upper three bits (RFC 8949, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Major {
    Unsigned = 0,
    Negative = 1,
    Bytes = 2,
    Text = 3,
    Array = 4,
    Map = 5,
}

/// The simple values `false` and `true`.
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;

/// Appends values to a buffer in their shortest form.
pub(crate) struct Writer<'a>(pub &'a mut Vec<u8>);

impl Writer<'_> {
    /// A head: a major type and its argument.
    pub(crate) fn head(&mut self, major: Major, argument: u64) {
        let major = (major as u8) << 5;
        let bytes = argument.to_be_bytes();
        let (short, length) = match argument {
            0..=23 => (bytes[7], 0),
            24..=0xff => (24, 1),
            0x100..=0xffff => (25, 2),
            0x1_0000..=0xffff_ffff => (26, 4),
            _ => (27, 8),
        };
        self.0.push(major | short);
        self.0.extend_from_slice(&bytes[8 - length..]);
    }

    pub(crate) fn unsigned(&mut self, number: u64) {
        self.head(Major::Unsigned, number);
    }

    /// A signed number; a negative one is encoded as −1 − n, which is its complement.
    pub(crate) fn integer(&mut self, number: i64) {
        match u64::try_from(number) {
            Ok(number) => self.head(Major::Unsigned, number),
            Err(_) => self.head(Major::Negative, (!number).cast_unsigned()),
        }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.head(Major::Bytes, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.head(Major::Text, text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.0.push(if value { TRUE } else { FALSE });
    }
}

/// The bytes aren't the expected value in its only form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CborFault {
    /// They end too early.
    Short,
    /// A different value, or a longer form of it.
    Form,
}

/// Reads values that are in their shortest form.
pub(crate) struct Reader<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(all: &'a [u8]) -> Self {
        Self { all, at: 0 }
    }

    /// The index of the next byte.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The number of remaining bytes.
    pub(crate) fn left(&self) -> usize {
        self.all.len() - self.at
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], CborFault> {
        let end = self.at.checked_add(length).ok_or(CborFault::Short)?;
        let taken = self.all.get(self.at..end).ok_or(CborFault::Short)?;
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, CborFault> {
        let byte = *self.all.get(self.at).ok_or(CborFault::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn argument(&mut self, short: u8) -> Result<u64, CborFault> {
        let (length, least) = match short {
            0..=23 => return Ok(u64::from(short)),
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => (8, 0x1_0000_0000),
            _ => return Err(CborFault::Form),
        };
        let argument = self.take(length)?.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        if argument < least { Err(CborFault::Form) } else { Ok(argument) }
    }

    /// The argument of a head with this major type.
    pub(crate) fn head(&mut self, major: Major) -> Result<u64, CborFault> {
        let first = self.byte()?;
        if first >> 5 == major as u8 { self.argument(first & 0x1f) } else { Err(CborFault::Form) }
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, CborFault> {
        self.head(Major::Unsigned)
    }

    pub(crate) fn integer(&mut self) -> Result<i64, CborFault> {
        let first = self.byte()?;
        let argument = self.argument(first & 0x1f)?;
        let number = i64::try_from(argument).map_err(|_| CborFault::Form)?;
        match first >> 5 {
            0 => Ok(number),
            1 => Ok(!number),
            _ => Err(CborFault::Form),
        }
    }

    fn run(&mut self, major: Major) -> Result<&'a [u8], CborFault> {
        let length = self.head(major)?;
        self.take(usize::try_from(length).map_err(|_| CborFault::Short)?)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CborFault> {
        self.run(Major::Bytes)
    }

    /// A byte string of exactly this length.
    pub(crate) fn bytes_of<const N: usize>(&mut self) -> Result<[u8; N], CborFault> {
        self.bytes()?.try_into().map_err(|_| CborFault::Form)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, CborFault> {
        std::str::from_utf8(self.run(Major::Text)?).map_err(|_| CborFault::Form)
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, CborFault> {
        match self.byte()? {
            FALSE => Ok(false),
            TRUE => Ok(true),
            _ => Err(CborFault::Form),
        }
    }
}

#[cfg(test)]
mod tests;

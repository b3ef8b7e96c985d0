//! The canonical encoding of entries; [`Entry`] documents the layout.

use std::convert::Infallible;

use bytes::Bytes;
use minicbor::{
    CborLen, Decode, Decoder, Encoder,
    bytes::{ByteArray, ByteSlice},
};
use muster_words::{Digest, Moment, Position, limits::ENTRY_BYTES_MAX};
use thiserror::Error;

use crate::{
    CommandId, Entry, EntryBytes, Idempotency, Record,
    entry::{ACTOR_BYTES_MAX, PARTS_MAX, POSITION_MAX, REQUEST_BYTES_MAX, TRACE_BYTES_MAX},
};

/// Keys from here on are extensions, which programs may skip.
const EXTENSION_KEY_MIN: u64 = 64;

/// The size of the smallest record in bytes: four heads.
const RECORD_BYTES_MIN: usize = 4;

/// The size of an entry without its texts and records in bytes, rounded up, to allocate only once.
const FIXED_BYTES: usize = 192;

/// The fields of an entry, with their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The entry's position.
    Position = 1,
    /// When the command was decided.
    Moment = 2,
    /// The actor.
    Actor = 3,
    /// The command's id.
    Command = 4,
    /// The number of the part.
    Part = 5,
    /// The number of parts.
    Parts = 6,
    /// The hash of the previous entry.
    Previous = 7,
    /// The changes.
    Changes = 8,
    /// The request's id.
    Request = 9,
    /// The trace's id.
    Trace = 10,
    /// The digests for recognising a repeated request.
    Idempotency = 11,
}

/// Why an entry can't be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The entry exceeds 65,535 bytes. The command must be split into more parts, or one of its
    /// changes is too large for any part.
    #[error("the entry would have {bytes} bytes; at most {ENTRY_BYTES_MAX} are allowed")]
    TooLarge {
        /// The size in bytes.
        bytes: usize,
    },
    /// A field exceeds the bounds in [`Entry`].
    #[error("the entry's field {field:?} is out of bounds")]
    Bounds {
        /// The field.
        field: Field,
    },
}

/// Why bytes aren't an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// There are more bytes than an entry may have.
    #[error("an entry has at most {ENTRY_BYTES_MAX} bytes; these are {bytes}")]
    TooLarge {
        /// The number of bytes.
        bytes: usize,
    },
    /// The bytes end too early.
    #[error("the entry ends too early, after byte {at}")]
    Short {
        /// Their end.
        at: usize,
    },
    /// A value is wrong, or isn't in its shortest form.
    #[error("byte {at} of the entry isn't the start of a canonical value")]
    Form {
        /// The start of the value.
        at: usize,
    },
    /// A key isn't greater than the previous one.
    #[error("key {key} of the entry is out of order")]
    Order {
        /// The key.
        key: u64,
    },
    /// A required field is missing.
    #[error("the entry has no field {field:?}")]
    Missing {
        /// The field.
        field: Field,
    },
    /// A field exceeds the bounds in [`Entry`].
    #[error("the entry's field {field:?} is out of bounds")]
    Bounds {
        /// The field.
        field: Field,
    },
    /// An unknown field that must not be skipped; a later release wrote it.
    #[error("the entry has a field {key} that this program does not know")]
    UnknownKey {
        /// Its key.
        key: u64,
    },
    /// There are more bytes after the entry.
    #[error("there are {bytes} more bytes after the entry")]
    Trailing {
        /// The number of bytes.
        bytes: usize,
    },
    /// The entry's position isn't where it was found.
    #[error("the entry has position {says}, but was found at {found}")]
    Position {
        /// The position in the bytes.
        says: Position,
        /// The place where it was found.
        found: Position,
    },
}

impl Entry {
    /// Encodes the entry.
    ///
    /// # Errors
    /// A field is out of bounds, or the entry exceeds 65,535 bytes.
    pub fn encode(&self) -> Result<EntryBytes, EncodeError> {
        if let Some(field) = self.out_of_bounds() {
            return Err(EncodeError::Bounds { field });
        }
        let mut bytes = Vec::with_capacity(self.length_max());
        // Writing to a Vec can't fail: its error type has no values.
        let written = self.write(&mut Encoder::new(&mut bytes));
        if written.is_err() || bytes.len() > ENTRY_BYTES_MAX {
            return Err(EncodeError::TooLarge { bytes: bytes.len() });
        }
        Ok(EntryBytes { position: self.position, bytes: bytes.into() })
    }

    /// Decodes canonical bytes. The records' bodies are copied once, together; use
    /// [`EntryBytes::decode`] if the bytes are kept anyway.
    ///
    /// # Errors
    /// The bytes aren't the canonical form of an entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        refuse_too_large(bytes)?;
        read(&Bytes::copy_from_slice(bytes))
    }

    /// An upper bound of the encoded length, so that encoding allocates only once.
    fn length_max(&self) -> usize {
        let texts = [Some(&self.actor), self.request.as_ref(), self.trace.as_ref()];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let records: usize = self.changes.iter().map(|record| record.body.len() + 10).sum();
        FIXED_BYTES + texts + records
    }

    fn out_of_bounds(&self) -> Option<Field> {
        let within = |text: &str, max| (1..=max).contains(&text.len());
        let optional = |text: &Option<String>, max| text.as_ref().is_none_or(|t| within(t, max));
        [
            (Field::Position, (1..=POSITION_MAX).contains(&self.position.0)),
            (Field::Actor, within(&self.actor, ACTOR_BYTES_MAX)),
            (Field::Part, (1..=self.parts).contains(&self.part)),
            (Field::Parts, (1..=PARTS_MAX).contains(&self.parts)),
            (Field::Request, optional(&self.request, REQUEST_BYTES_MAX)),
            (Field::Trace, optional(&self.trace, TRACE_BYTES_MAX)),
        ]
        .into_iter()
        .find_map(|(field, fits)| (!fits).then_some(field))
    }

    fn write(&self, to: &mut Encoder<&mut Vec<u8>>) -> Written {
        let optional = [self.request.is_some(), self.trace.is_some(), self.idempotency.is_some()];
        let optional = optional.into_iter().filter(|is| *is).count();
        to.map(8 + optional as u64)?
            .u64(Field::Position as u64)?
            .u64(self.position.0)?
            .u64(Field::Moment as u64)?
            .i64(self.moment.microseconds())?
            .u64(Field::Actor as u64)?
            .str(&self.actor)?
            .u64(Field::Command as u64)?
            .bytes(&self.command.0)?
            .u64(Field::Part as u64)?
            .u32(self.part)?
            .u64(Field::Parts as u64)?
            .u32(self.parts)?
            .u64(Field::Previous as u64)?
            .bytes(&self.previous.0)?
            .u64(Field::Changes as u64)?
            .array(self.changes.len() as u64)?;
        self.changes.iter().try_for_each(|record| record.write(to))?;
        if let Some(request) = &self.request {
            to.u64(Field::Request as u64)?.str(request)?;
        }
        if let Some(trace) = &self.trace {
            to.u64(Field::Trace as u64)?.str(trace)?;
        }
        if let Some(Idempotency { key, request }) = &self.idempotency {
            to.u64(Field::Idempotency as u64)?.array(2)?.bytes(&key.0)?.bytes(&request.0)?;
        }
        Ok(())
    }
}

type Written = Result<(), minicbor::encode::Error<Infallible>>;

impl Record {
    fn write(&self, to: &mut Encoder<&mut Vec<u8>>) -> Written {
        to.array(3)?.u16(self.kind)?.bool(self.skippable)?.bytes(&self.body)?;
        Ok(())
    }
}

impl EntryBytes {
    /// Decodes the entry without copying its records' bodies, which share these bytes.
    ///
    /// # Errors
    /// The bytes aren't the canonical form of an entry, or the entry has another position.
    pub fn decode(&self) -> Result<Entry, DecodeError> {
        refuse_too_large(&self.bytes)?;
        let entry = read(&self.bytes)?;
        if entry.position != self.position {
            return Err(DecodeError::Position { says: entry.position, found: self.position });
        }
        Ok(entry)
    }
}

fn refuse_too_large(bytes: &[u8]) -> Result<(), DecodeError> {
    if bytes.len() > ENTRY_BYTES_MAX {
        return Err(DecodeError::TooLarge { bytes: bytes.len() });
    }
    Ok(())
}

fn read(all: &Bytes) -> Result<Entry, DecodeError> {
    let mut fields = Fields::open(all)?;
    let entry = Entry {
        position: fields.required(Field::Position, |f| f.value().map(Position))?,
        moment: fields.required(Field::Moment, Fields::moment)?,
        actor: fields.required(Field::Actor, Fields::text)?,
        command: fields.required(Field::Command, |f| f.bytes_of().map(CommandId))?,
        part: fields.required(Field::Part, |f| f.number(Field::Part))?,
        parts: fields.required(Field::Parts, |f| f.number(Field::Parts))?,
        previous: fields.required(Field::Previous, Fields::digest)?,
        changes: fields.required(Field::Changes, Fields::changes)?,
        request: fields.optional(Field::Request, Fields::text)?,
        trace: fields.optional(Field::Trace, Fields::text)?,
        idempotency: fields.optional(Field::Idempotency, Fields::idempotency)?,
    };
    fields.close()?;
    match entry.out_of_bounds() {
        Some(field) => Err(DecodeError::Bounds { field }),
        None => Ok(entry),
    }
}

/// Reads the fields of an entry's map, in the order of their keys.
struct Fields<'a> {
    all: &'a Bytes,
    decoder: Decoder<'a>,
    /// The number of pairs after the current one.
    left: u64,
    /// The key of the next value.
    key: Option<u64>,
}

impl<'a> Fields<'a> {
    fn open(all: &'a Bytes) -> Result<Self, DecodeError> {
        let mut fields = Self { all, decoder: Decoder::new(all), left: 0, key: None };
        fields.left = fields.count(Decoder::map)?;
        fields.advance(0)?;
        Ok(fields)
    }

    /// Reads a value in its shortest form; an error has the position of the value's start.
    ///
    /// minicbor also reads longer forms, with which two byte strings could be the same entry. So
    /// what it has read must be as long as what it would write.
    fn shortest<T: CborLen<()>>(
        &mut self,
        read: impl FnOnce(&mut Decoder<'a>) -> Result<T, minicbor::decode::Error>,
    ) -> Result<T, DecodeError> {
        let at = self.decoder.position();
        match read(&mut self.decoder) {
            Ok(value) if self.decoder.position() - at == minicbor::len(&value) => Ok(value),
            Err(error) if error.is_end_of_input() => Err(DecodeError::Short { at: self.all.len() }),
            Ok(_) | Err(_) => Err(DecodeError::Form { at }),
        }
    }

    fn value<T: Decode<'a, ()> + CborLen<()>>(&mut self) -> Result<T, DecodeError> {
        self.shortest(Decoder::decode)
    }

    fn bytes_of<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.value::<ByteArray<N>>().map(Into::into)
    }

    /// The length of a list or map, which must be definite.
    fn count(
        &mut self,
        read: impl FnOnce(&mut Decoder<'a>) -> Result<Option<u64>, minicbor::decode::Error>,
    ) -> Result<u64, DecodeError> {
        let at = self.decoder.position();
        self.shortest(read)?.ok_or(DecodeError::Form { at })
    }

    /// The number of remaining bytes.
    fn bytes_left(&self) -> usize {
        self.all.len() - self.decoder.position()
    }

    /// Moves to the next key, which must be greater than the last.
    fn advance(&mut self, last: u64) -> Result<(), DecodeError> {
        let Some(left) = self.left.checked_sub(1) else {
            self.key = None;
            return Ok(());
        };
        let key = self.value()?;
        if key <= last {
            return Err(DecodeError::Order { key });
        }
        (self.left, self.key) = (left, Some(key));
        Ok(())
    }

    fn optional<T>(
        &mut self,
        field: Field,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.key != Some(field as u64) {
            return Ok(None);
        }
        let value = read(self)?;
        self.advance(field as u64)?;
        Ok(Some(value))
    }

    fn required<T>(
        &mut self,
        field: Field,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.optional(field, read)?.ok_or(DecodeError::Missing { field })
    }

    /// Skips extensions, and checks that nothing else is left.
    fn close(mut self) -> Result<(), DecodeError> {
        while let Some(key) = self.key {
            if key < EXTENSION_KEY_MIN {
                return Err(DecodeError::UnknownKey { key });
            }
            self.value::<&ByteSlice>()?;
            self.advance(key)?;
        }
        match self.bytes_left() {
            0 => Ok(()),
            bytes => Err(DecodeError::Trailing { bytes }),
        }
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        self.value::<&str>().map(str::to_owned)
    }

    fn digest(&mut self) -> Result<Digest, DecodeError> {
        self.bytes_of().map(Digest)
    }

    fn number(&mut self, field: Field) -> Result<u32, DecodeError> {
        let number: u64 = self.value()?;
        u32::try_from(number).map_err(|_| DecodeError::Bounds { field })
    }

    fn moment(&mut self) -> Result<Moment, DecodeError> {
        let microseconds = self.value()?;
        Moment::from_microseconds(microseconds)
            .map_err(|_| DecodeError::Bounds { field: Field::Moment })
    }

    /// Reads the records. Their count is checked against the number of remaining bytes before
    /// memory is allocated, so that a wrong count does no harm.
    fn changes(&mut self) -> Result<Vec<Record>, DecodeError> {
        let at = self.all.len();
        let count = self.count(Decoder::array)?;
        let count = usize::try_from(count).map_err(|_| DecodeError::Short { at })?;
        if count > self.bytes_left() / RECORD_BYTES_MIN {
            return Err(DecodeError::Short { at });
        }
        let mut changes = Vec::with_capacity(count);
        for _ in 0..count {
            changes.push(self.record()?);
        }
        Ok(changes)
    }

    fn record(&mut self) -> Result<Record, DecodeError> {
        self.array_of(3)?;
        let kind: u64 = self.value()?;
        let kind =
            u16::try_from(kind).map_err(|_| DecodeError::Bounds { field: Field::Changes })?;
        let skippable = self.value()?;
        let body: &ByteSlice = self.value()?;
        Ok(Record { kind, skippable, body: self.all.slice_ref(body) })
    }

    fn idempotency(&mut self) -> Result<Idempotency, DecodeError> {
        self.array_of(2)?;
        Ok(Idempotency { key: self.digest()?, request: self.digest()? })
    }

    fn array_of(&mut self, length: u64) -> Result<(), DecodeError> {
        let at = self.decoder.position();
        match self.count(Decoder::array)? {
            found if found == length => Ok(()),
            _ => Err(DecodeError::Form { at }),
        }
    }
}

#[cfg(test)]
mod tests;

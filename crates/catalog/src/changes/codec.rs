use bytes::Bytes;
use minicbor::{Decode, Encode};
use thiserror::Error;

use super::{Change, FORMAT, ModelWritten};

/// Why the bytes of a change can't be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChangeError {
    /// A newer release wrote a kind that this release doesn't know.
    #[error("a change of kind {0}, which this release doesn't know")]
    Unknown(u16),
    /// The body isn't valid for this kind.
    #[error("a change of kind {kind} that doesn't decode: {reason}")]
    Malformed {
        /// The change's kind.
        kind: u16,
        /// The decoder's message.
        reason: String,
    },
    /// A newer release wrote the ledger, in this format.
    #[error("the ledger has format {0}, and this release reads up to {FORMAT}")]
    Newer(u32),
    /// The body can be decoded, but isn't in canonical form.
    #[error("a change of kind {0} that isn't in canonical form")]
    NotCanonical(u16),
}

fn encode<T: Encode<()>>(body: &T) -> Bytes {
    let mut out = Vec::with_capacity(160);
    // Writing to a Vec can't fail: its error type has no values.
    match minicbor::encode(body, &mut out) {
        Ok(()) => Bytes::from(out),
        Err(_) => Bytes::new(),
    }
}

fn decode<'b, T: Encode<()> + Decode<'b, ()>>(kind: u16, body: &'b [u8]) -> Result<T, ChangeError> {
    let value: T = minicbor::decode(body)
        .map_err(|error| ChangeError::Malformed { kind, reason: error.to_string() })?;
    if encode(&value) == body { Ok(value) } else { Err(ChangeError::NotCanonical(kind)) }
}

impl Change {
    /// The kind and the encoded body.
    #[must_use]
    pub fn encode(&self) -> (u16, Bytes) {
        match self {
            Self::RegistryOpened(body) => (1, encode(body)),
            Self::RegistryWritten(body) => (2, encode(body)),
            Self::ModelWritten(body) => (ModelWritten::KIND, encode(body)),
            Self::CapabilitiesWritten(body) => (4, encode(body)),
            Self::GroupWritten(body) => (5, encode(body)),
            Self::MetaWritten(body) => (6, encode(body)),
            Self::VersionWritten(body) => (7, encode(body)),
            Self::Hidden(body) => (8, encode(body)),
            Self::Restored(body) => (9, encode(body)),
            Self::Purged(body) => (10, encode(body)),
            Self::MembersMoved(body) => (11, encode(body)),
            Self::KeyCreated(body) => (12, encode(body)),
            Self::KeyRevoked(body) => (13, encode(body)),
            Self::Answered(body) => (14, encode(body)),
            Self::KeyForgotten(body) => (15, encode(body)),
            Self::Explained(body) => (16, encode(body)),
            Self::LedgerMoved(body) => (17, encode(body)),
            Self::SchemaRegistered(body) => (18, encode(body)),
            Self::DocumentSynced(body) => (19, encode(body)),
        }
    }

    /// Decodes a change.
    ///
    /// # Errors
    /// See [`ChangeError`]. Any bytes give either a change or an error.
    pub fn decode(kind: u16, body: &[u8]) -> Result<Self, ChangeError> {
        Ok(match kind {
            1 => Self::RegistryOpened(decode(kind, body)?),
            2 => Self::RegistryWritten(decode(kind, body)?),
            ModelWritten::KIND => Self::ModelWritten(decode(kind, body)?),
            4 => Self::CapabilitiesWritten(decode(kind, body)?),
            5 => Self::GroupWritten(decode(kind, body)?),
            6 => Self::MetaWritten(decode(kind, body)?),
            7 => Self::VersionWritten(decode(kind, body)?),
            8 => Self::Hidden(decode(kind, body)?),
            9 => Self::Restored(decode(kind, body)?),
            10 => Self::Purged(decode(kind, body)?),
            11 => Self::MembersMoved(decode(kind, body)?),
            12 => Self::KeyCreated(decode(kind, body)?),
            13 => Self::KeyRevoked(decode(kind, body)?),
            14 => Self::Answered(decode(kind, body)?),
            15 => Self::KeyForgotten(decode(kind, body)?),
            16 => Self::Explained(decode(kind, body)?),
            17 => Self::LedgerMoved(decode(kind, body)?),
            18 => Self::SchemaRegistered(decode(kind, body)?),
            19 => Self::DocumentSynced(decode(kind, body)?),
            kind => return Err(ChangeError::Unknown(kind)),
        })
    }
}

/// An enum that is encoded as text.
macro_rules! text_word {
    ($name:ident, $type:ty) => {
        pub(super) mod $name {
            use minicbor::{
                Decoder, Encoder,
                decode::Error as DecodeError,
                encode::{Error as EncodeError, Write},
            };

            pub fn encode<C, W: Write>(
                word: &$type,
                encoder: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), EncodeError<W::Error>> {
                encoder.str(&word.to_string())?;
                Ok(())
            }

            pub fn decode<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<$type, DecodeError> {
                decoder.str()?.parse().map_err(|_| DecodeError::message(stringify!($name)))
            }
        }
    };
}

text_word!(id, muster_words::Id);
text_word!(xid, muster_words::Xid);

/// An enum that is encoded as a number.
macro_rules! number_word {
    ($name:ident, $type:ty, $number:ident, $to:expr, $from:expr) => {
        pub(super) mod $name {
            use minicbor::{
                Decoder, Encoder,
                decode::Error as DecodeError,
                encode::{Error as EncodeError, Write},
            };

            pub fn encode<C, W: Write>(
                word: &$type,
                encoder: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), EncodeError<W::Error>> {
                let to: fn(&$type) -> $number = $to;
                encoder.$number(to(word))?;
                Ok(())
            }

            pub fn decode<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<$type, DecodeError> {
                let from: fn($number) -> Option<$type> = $from;
                from(decoder.$number()?).ok_or(DecodeError::message(stringify!($name)))
            }
        }
    };
}

number_word!(moment, muster_words::Moment, i64, |moment| moment.microseconds(), |number| {
    muster_words::Moment::from_microseconds(number).ok()
});
number_word!(
    lifecycle,
    crate::Lifecycle,
    u8,
    |state| state.number(),
    crate::Lifecycle::from_number
);
number_word!(
    outcome,
    crate::changes::Outcome,
    u8,
    |outcome| match outcome {
        crate::changes::Outcome::Created => 1,
        crate::changes::Outcome::Updated => 2,
        crate::changes::Outcome::Removed => 3,
    },
    |number| match number {
        1 => Some(crate::changes::Outcome::Created),
        2 => Some(crate::changes::Outcome::Updated),
        3 => Some(crate::changes::Outcome::Removed),
        _ => None,
    }
);

pub(super) mod digest {
    use minicbor::{
        Decoder, Encoder,
        decode::Error as DecodeError,
        encode::{Error as EncodeError, Write},
    };
    use muster_words::Digest;

    pub fn encode<C, W: Write>(
        digest: &Digest,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.bytes(&digest.0)?;
        Ok(())
    }

    pub fn decode<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<Digest, DecodeError> {
        let bytes = decoder.bytes()?.try_into();
        bytes.map(Digest).map_err(|_| DecodeError::message("digest"))
    }
}

pub(super) mod guid {
    use minicbor::{
        Decoder, Encoder,
        decode::Error as DecodeError,
        encode::{Error as EncodeError, Write},
    };
    use muster_schema::SchemaGuid;

    pub fn encode<C, W: Write>(
        guid: &SchemaGuid,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.bytes(&guid.0)?;
        Ok(())
    }

    pub fn decode<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<SchemaGuid, DecodeError> {
        let bytes = decoder.bytes()?.try_into();
        bytes.map(SchemaGuid).map_err(|_| DecodeError::message("guid"))
    }
}

pub(super) mod position {
    use minicbor::{
        Decoder, Encoder,
        decode::Error as DecodeError,
        encode::{Error as EncodeError, Write},
    };
    use muster_words::Position;

    pub fn encode<C, W: Write>(
        position: &Option<Position>,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        match position {
            Some(position) => encoder.u64(position.0)?,
            None => encoder.null()?,
        };
        Ok(())
    }

    pub fn decode<C>(
        decoder: &mut Decoder<'_>,
        _: &mut C,
    ) -> Result<Option<Position>, DecodeError> {
        Ok(Some(Position(decoder.u64()?)))
    }

    #[expect(clippy::unnecessary_wraps, reason = "the shape that the derived decoder asks for")]
    pub fn nil() -> Option<Option<Position>> {
        Some(None)
    }

    pub fn is_nil(position: &Option<Position>) -> bool {
        position.is_none()
    }
}

pub(super) mod shown {
    use minicbor::{
        Decoder, Encoder,
        decode::Error as DecodeError,
        encode::{Error as EncodeError, Write},
    };

    use crate::changes::RecordedAnswerSubject;

    pub fn encode<C, W: Write>(
        shown: &Option<RecordedAnswerSubject>,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        match shown {
            Some(RecordedAnswerSubject::Nothing) => encoder.u8(1)?,
            Some(RecordedAnswerSubject::Members) => encoder.u8(2)?,
            Some(RecordedAnswerSubject::Model) => encoder.u8(3)?,
            Some(RecordedAnswerSubject::Capabilities) => encoder.u8(4)?,
            None => encoder.null()?,
        };
        Ok(())
    }

    pub fn decode<C>(
        decoder: &mut Decoder<'_>,
        _: &mut C,
    ) -> Result<Option<RecordedAnswerSubject>, DecodeError> {
        match decoder.u8()? {
            1 => Ok(Some(RecordedAnswerSubject::Nothing)),
            2 => Ok(Some(RecordedAnswerSubject::Members)),
            3 => Ok(Some(RecordedAnswerSubject::Model)),
            4 => Ok(Some(RecordedAnswerSubject::Capabilities)),
            _ => Err(DecodeError::message("shown")),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the shape that the derived decoder asks for")]
    pub fn nil() -> Option<Option<RecordedAnswerSubject>> {
        Some(None)
    }

    pub fn is_nil(shown: &Option<RecordedAnswerSubject>) -> bool {
        shown.is_none()
    }
}

pub(super) mod xids {
    use minicbor::{
        Decoder, Encoder,
        decode::Error as DecodeError,
        encode::{Error as EncodeError, Write},
    };
    use muster_words::Xid;

    pub fn encode<C, W: Write>(
        xids: &[Xid],
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.array(xids.len() as u64)?;
        xids.iter().try_for_each(|xid| super::xid::encode(xid, encoder, context))
    }

    pub fn decode<C>(decoder: &mut Decoder<'_>, context: &mut C) -> Result<Vec<Xid>, DecodeError> {
        let count = decoder.array()?.ok_or(DecodeError::message("xids"))?;
        (0..count).map(|_| super::xid::decode(decoder, context)).collect()
    }

    #[expect(clippy::unnecessary_wraps, reason = "the shape that the derived decoder asks for")]
    pub fn nil() -> Option<Vec<Xid>> {
        Some(Vec::new())
    }

    pub fn is_nil(xids: &[Xid]) -> bool {
        xids.is_empty()
    }
}

/// A vector: a map of ids to positions. The order of its keys is checked with the canonical form.
pub(super) mod vector {
    use minicbor::{
        Decoder, Encoder,
        decode::Error as DecodeError,
        encode::{Error as EncodeError, Write},
    };

    use crate::sync::VersionVector;

    pub fn encode<C, W: Write>(
        vector: &VersionVector,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.map(vector.len() as u64)?;
        vector.iter().try_for_each(|(registry, position)| {
            super::id::encode(registry, encoder, context)?;
            encoder.u64(position.0)?;
            Ok(())
        })
    }

    pub fn decode<C>(
        decoder: &mut Decoder<'_>,
        context: &mut C,
    ) -> Result<VersionVector, DecodeError> {
        let count = decoder.map()?.ok_or(DecodeError::message("vector"))?;
        (0..count).try_fold(VersionVector::default(), |vector, _| {
            let registry = super::id::decode(decoder, context)?;
            let position = muster_words::Position(decoder.u64()?);
            vector.with(&registry, position).map_err(|_| DecodeError::message("vector"))
        })
    }
}

/// Where a state was first written.
pub(super) mod origin {
    use minicbor::{
        Decoder, Encoder,
        decode::Error as DecodeError,
        encode::{Error as EncodeError, Write},
    };
    use muster_words::Position;

    use crate::sync::DocumentOrigin;

    pub fn encode<C, W: Write>(
        origin: &Option<DocumentOrigin>,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        let Some(origin) = origin else {
            encoder.null()?;
            return Ok(());
        };
        encoder.map(3)?.u8(0)?;
        super::id::encode(&origin.registry, encoder, context)?;
        encoder.u8(1)?.u64(origin.position.0)?.u8(2)?;
        super::moment::encode(&origin.moment, encoder, context)
    }

    pub fn decode<C>(
        decoder: &mut Decoder<'_>,
        context: &mut C,
    ) -> Result<Option<DocumentOrigin>, DecodeError> {
        let malformed = || DecodeError::message("origin");
        let key = |decoder: &mut Decoder<'_>, expect: u8| match decoder.u8()? == expect {
            true => Ok(()),
            false => Err(malformed()),
        };
        if decoder.map()? != Some(3) {
            return Err(malformed());
        }
        key(decoder, 0)?;
        let registry = super::id::decode(decoder, context)?;
        key(decoder, 1)?;
        let position = Position(decoder.u64()?);
        key(decoder, 2)?;
        let moment = super::moment::decode(decoder, context)?;
        Ok(Some(DocumentOrigin { registry, position, moment }))
    }

    #[expect(clippy::unnecessary_wraps, reason = "the shape that the derived decoder asks for")]
    pub fn nil() -> Option<Option<DocumentOrigin>> {
        Some(None)
    }

    pub fn is_nil(origin: &Option<DocumentOrigin>) -> bool {
        origin.is_none()
    }
}

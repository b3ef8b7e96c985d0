use thiserror::Error;

/// A payload as Confluent's serializers write it: one byte 0, the id of its schema in four bytes,
/// the highest first, and the datum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfluentFrame<'a> {
    /// The id of the schema with which the payload was written.
    pub schema_id: u32,
    /// The datum.
    pub payload: &'a [u8],
}

/// Bytes that aren't such a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameFault {
    /// There are fewer than five bytes.
    #[error("a payload begins with 5 bytes that name its schema, and there are {0}")]
    TooShort(usize),
    /// The first byte isn't 0.
    #[error("a payload begins with the byte 0, not {0}; it may not be framed at all")]
    Magic(u8),
}

impl<'a> ConfluentFrame<'a> {
    /// Splits a framed payload.
    ///
    /// ```
    /// use muster_schema::avro::ConfluentFrame;
    ///
    /// let frame = ConfluentFrame::split(&[0, 0, 0, 1, 0, 6])?;
    /// assert_eq!((frame.schema_id, frame.payload), (256, &[6][..]));
    /// # Ok::<(), muster_schema::avro::FrameFault>(())
    /// ```
    ///
    /// # Errors
    /// See [`FrameFault`].
    pub fn split(bytes: &'a [u8]) -> Result<Self, FrameFault> {
        match bytes {
            [first, ..] if *first != 0 => Err(FrameFault::Magic(*first)),
            [_, a, b, c, d, payload @ ..] => {
                Ok(Self { schema_id: u32::from_be_bytes([*a, *b, *c, *d]), payload })
            }
            short => Err(FrameFault::TooShort(short.len())),
        }
    }
}

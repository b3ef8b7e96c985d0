use muster_words::json::escape_pointer;

use crate::{
    FoundViolations, Severity, Violation,
    avro::{
        check_json::is_uuid,
        logical::LogicalType,
        schema::{AvroSchema, Kind, NodeId, Primitive, Record},
    },
    limits, steps,
};

impl AvroSchema {
    /// Checks a datum in Avro's binary encoding, which was written with this schema. Each violation
    /// has its place in the datum as a JSON Pointer, and the byte in its message. What follows
    /// bytes that can't be read isn't checked, because its place isn't known.
    ///
    /// ```
    /// use muster_schema::avro::AvroSchema;
    ///
    /// let schema = AvroSchema::parse(r#"{"type": "array", "items": "boolean"}"#, &[])?;
    /// assert!(schema.check_binary(&[4, 1, 0, 0]).is_empty());
    /// let found = schema.check_binary(&[4, 1, 7, 0]);
    /// assert_eq!((found.len(), found[0].pointer.as_str()), (1, "/1"));
    /// # Ok::<(), muster_schema::avro::AvroError>(())
    /// ```
    #[must_use]
    pub fn check_binary(&self, datum: &[u8]) -> Vec<Violation> {
        let mut decoder = Decoder {
            schema: self,
            bytes: datum,
            at: 0,
            frames: Vec::new(),
            found: FoundViolations::default(),
        };
        let decoded = steps::metered(limits::AVRO_VALUES_MAX, || decoder.datum(self.root.node));
        if let Ok(Err(fault)) = decoded {
            decoder.add(&fault);
        } else if decoded.is_err() {
            let limit = limits::AVRO_VALUES_MAX;
            decoder.add(&Fault("too_complex", format!("the datum has more than {limit} values")));
        }
        decoder.found.finish()
    }
}

/// Why the rest can't be decoded: the rule and what is wrong.
struct Fault(&'static str, String);

/// Decodes a datum. Values within each other are kept in a list, not on the thread's stack, because
/// the datum says how deep they are.
struct Decoder<'a> {
    schema: &'a AvroSchema,
    bytes: &'a [u8],
    at: usize,
    frames: Vec<Frame<'a>>,
    found: FoundViolations,
}

/// A value of which some parts are still to be decoded.
enum Frame<'a> {
    Record {
        record: &'a Record,
        /// The fields that were begun.
        begun: usize,
    },
    Items {
        of: NodeId,
        is_map: bool,
        /// The items of this block that are still to come.
        left: u64,
        /// The items that were begun, in all blocks.
        begun: usize,
        key: &'a [u8],
        /// Where the block ends, if it says so.
        end: Option<usize>,
    },
    /// The branch of a union.
    Branch(&'a str),
}

impl<'a> Decoder<'a> {
    fn datum(&mut self, root: NodeId) -> Result<(), Fault> {
        self.value(root)?;
        while !self.frames.is_empty() {
            if let Some(next) = self.next()? {
                self.value(next)?;
            }
        }
        match self.bytes.len() - self.at {
            0 => Ok(()),
            rest => Err(Fault("trailing_bytes", format!("{rest} bytes follow the datum"))),
        }
    }

    fn add(&mut self, fault: &Fault) {
        let pointer = pointer(&self.frames);
        let message = format!("{} (at byte {})", fault.1, self.at);
        let make = || Violation::keyword(pointer, fault.0, message);
        self.found.add_with(Severity::Error, make);
    }

    /// The type of the part that comes next. Ends the innermost value if it has no more parts.
    fn next(&mut self) -> Result<Option<NodeId>, Fault> {
        match self.frames.last_mut() {
            Some(Frame::Record { record, begun }) if *begun < record.fields.len() => {
                *begun += 1;
                Ok(Some(record.fields[*begun - 1].of.node))
            }
            Some(Frame::Items { left: 0, end, .. }) => {
                let end = *end;
                if end.is_some_and(|end| end != self.at) {
                    let what = "the block's size isn't that of its items";
                    return Err(Fault("block", what.to_owned()));
                }
                self.block()?;
                Ok(None)
            }
            Some(Frame::Items { of, is_map, .. }) => {
                let (of, is_map) = (*of, *is_map);
                let name = if is_map { self.sized()? } else { &[] };
                if let Some(Frame::Items { left, begun, key, .. }) = self.frames.last_mut() {
                    *left -= 1;
                    *begun += 1;
                    *key = name;
                }
                if is_map && std::str::from_utf8(name).is_err() {
                    self.add(&Fault("utf8", "the key isn't UTF-8".to_owned()));
                }
                Ok(Some(of))
            }
            _ => {
                self.frames.pop();
                Ok(None)
            }
        }
    }

    /// Reads the count of the next block, and ends the value if it is 0.
    fn block(&mut self) -> Result<(), Fault> {
        let count = self.long()?;
        let ends = if count < 0 {
            let size = self.long()?;
            let end = usize::try_from(size).ok().and_then(|size| self.at.checked_add(size));
            let end = end.filter(|end| *end <= self.bytes.len());
            Some(end.ok_or_else(|| Fault("block", "the block's size is impossible".to_owned()))?)
        } else {
            None
        };
        if count == 0 {
            self.frames.pop();
        } else if let Some(Frame::Items { left, end, .. }) = self.frames.last_mut() {
            (*left, *end) = (count.unsigned_abs(), ends);
        }
        Ok(())
    }

    fn push(&mut self, frame: Frame<'a>) -> Result<(), Fault> {
        if self.frames.len() >= limits::AVRO_DATUM_DEPTH_MAX {
            let limit = limits::AVRO_DATUM_DEPTH_MAX;
            return Err(Fault("too_deep", format!("values are nested deeper than {limit} levels")));
        }
        self.frames.push(frame);
        Ok(())
    }

    fn value(&mut self, of: NodeId) -> Result<(), Fault> {
        steps::count(1);
        let schema = self.schema;
        match schema.kind(of) {
            Kind::Primitive(primitive) => self.primitive(*primitive, of),
            Kind::Fixed(fixed) => self.take(fixed.size as usize).map(drop),
            Kind::Enum(own) => {
                let index = self.long()?;
                if usize::try_from(index).is_ok_and(|index| index < own.symbols.len()) {
                    return Ok(());
                }
                let known = own.symbols.len();
                self.add(&Fault("symbols", format!("{index} is no symbol; the enum has {known}")));
                Ok(())
            }
            Kind::Array(inner) | Kind::Map(inner) => {
                let is_map = matches!(schema.kind(of), Kind::Map(_));
                let of = inner.node;
                self.push(Frame::Items { of, is_map, left: 0, begun: 0, key: &[], end: None })?;
                self.block()
            }
            Kind::Record(record) => self.push(Frame::Record { record, begun: 0 }),
            Kind::Union(branches) => {
                let index = self.long()?;
                let branch = usize::try_from(index).ok().and_then(|index| branches.get(index));
                let Some(branch) = branch else {
                    let known = branches.len();
                    return Err(Fault(
                        "union",
                        format!("{index} is no branch; the union has {known}"),
                    ));
                };
                self.push(Frame::Branch(schema.kind(branch.node).branch_name()))?;
                self.value(branch.node)
            }
        }
    }

    fn primitive(&mut self, primitive: Primitive, of: NodeId) -> Result<(), Fault> {
        match primitive {
            Primitive::Null => Ok(()),
            Primitive::Boolean => {
                let byte = self.take(1)?[0];
                if byte > 1 {
                    self.add(&Fault("type", format!("the byte {byte} is neither true nor false")));
                }
                Ok(())
            }
            Primitive::Int => {
                let number = self.long()?;
                if i32::try_from(number).is_err() {
                    self.add(&Fault("type", format!("{number} is no whole number of 32 bits")));
                }
                Ok(())
            }
            Primitive::Long => self.long().map(drop),
            Primitive::Float => self.take(4).map(drop),
            Primitive::Double => self.take(8).map(drop),
            Primitive::Bytes => self.sized().map(drop),
            Primitive::String => {
                let text = self.sized()?;
                match std::str::from_utf8(text) {
                    Err(_) => self.add(&Fault("utf8", "the text isn't UTF-8".to_owned())),
                    Ok(text) => {
                        let is_uuid_type =
                            matches!(self.schema.node(of).logical, Some(LogicalType::Uuid));
                        if is_uuid_type && !is_uuid(text) {
                            self.add(&Fault("logicalType", "the text isn't a UUID".to_owned()));
                        }
                    }
                }
                Ok(())
            }
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else {
            let rest = self.bytes.len() - self.at;
            return Err(Fault(
                "end",
                format!("the datum ends early: {count} bytes are needed, and {rest} are left"),
            ));
        };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// Bytes with their length in front.
    fn sized(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) => {
                // UTF-8 is checked byte by byte.
                steps::count(length as u64 / 64);
                self.take(length)
            }
            Err(_) => Err(Fault("type", format!("{length} is no length"))),
        }
    }

    /// A number of variable length: seven bits in a byte, the lowest first, in zigzag order.
    fn long(&mut self) -> Result<i64, Fault> {
        let mut number: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            // Of the tenth byte only one bit fits.
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
            }
        }
        Err(Fault("type", "a number has more than 64 bits".to_owned()))
    }
}

fn pointer(frames: &[Frame<'_>]) -> String {
    let mut pointer = String::new();
    for frame in frames {
        let step = match frame {
            Frame::Record { begun: 0, .. } | Frame::Items { begun: 0, .. } => break,
            Frame::Record { record, begun } => {
                record.fields.get(*begun - 1).map(|field| field.name.clone()).unwrap_or_default()
            }
            Frame::Items { is_map: true, key, .. } => escape_pointer(&String::from_utf8_lossy(key)),
            Frame::Items { begun, .. } => (*begun - 1).to_string(),
            Frame::Branch(name) => (*name).to_owned(),
        };
        pointer.push('/');
        pointer.push_str(&step);
        if pointer.len() > limits::POINTER_BYTES_MAX {
            break;
        }
    }
    pointer
}

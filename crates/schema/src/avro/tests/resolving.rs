//! A reader that resolves the writer's schema against the reader's, as the specification says
//! ("Schema Resolution"). It is written apart from the comparison, which it checks.

use crate::avro::schema::{AvroSchema, Kind, Named, NodeId, Primitive, TypeUse};

pub(super) struct Resolving<'a> {
    pub(super) reader: &'a AvroSchema,
    pub(super) writer: &'a AvroSchema,
    pub(super) bytes: &'a [u8],
}

type Read = Result<(), String>;

impl Resolving<'_> {
    /// Reads a datum of the writer's type as one of the reader's, or passes over it if there is
    /// none.
    pub(super) fn read(&mut self, read: Option<NodeId>, written: NodeId) -> Read {
        if let Kind::Union(branches) = self.writer.kind(written) {
            let index = usize::try_from(self.long()).unwrap();
            return self.read(read, branches[index].node);
        }
        let Some(read) = read else { return self.one(None, written) };
        if let Kind::Union(branches) = self.reader.kind(read) {
            let branch = self.branch(branches, written);
            let branch =
                branch.ok_or_else(|| format!("no branch for {}", self.writer.describe(written)))?;
            return self.one(Some(branch), written);
        }
        self.one(Some(read), written)
    }

    /// The branch of the very same type; otherwise the first one that matches.
    fn branch(&self, branches: &[TypeUse], written: NodeId) -> Option<NodeId> {
        let writer = self.writer.kind(written);
        let kinds = branches.iter().map(|branch| (branch.node, self.reader.kind(branch.node)));
        let same = kinds.clone().find(|(_, kind)| {
            kind.word() == writer.word() && kind.branch_name() == writer.branch_name()
        });
        let mut matching = kinds.filter(|(_, kind)| match (kind, writer) {
            (Kind::Primitive(read), Kind::Primitive(written)) => written.promotes_to(*read),
            (kind, writer) => match (kind.named(), writer.named()) {
                (Some(read), Some(written)) if kind.word() == writer.word() => named(read, written),
                _ => false,
            },
        });
        same.or_else(|| matching.next()).map(|(node, _)| node)
    }

    /// A datum whose types are no unions.
    fn one(&mut self, read: Option<NodeId>, written: NodeId) -> Read {
        let kind = read.map(|read| self.reader.kind(read));
        let mismatch = || Err(format!("{} isn't {kind:?}", self.writer.describe(written)));
        match (self.writer.kind(written), kind) {
            (Kind::Primitive(written), None) => self.primitive(*written, *written),
            (Kind::Primitive(written), Some(Kind::Primitive(read)))
                if read == written || written.promotes_to(*read) =>
            {
                self.primitive(*written, *read)
            }
            (Kind::Array(written), None) => self.items(None, written.node, false),
            (Kind::Map(written), None) => self.items(None, written.node, true),
            (Kind::Array(written), Some(Kind::Array(read))) => {
                self.items(Some(read.node), written.node, false)
            }
            (Kind::Map(written), Some(Kind::Map(read))) => {
                self.items(Some(read.node), written.node, true)
            }
            (Kind::Fixed(own), read) => match read {
                None => self.skip(own.size as usize),
                Some(Kind::Fixed(read))
                    if read.size == own.size && named(&read.named, &own.named) =>
                {
                    self.skip(own.size as usize)
                }
                _ => mismatch(),
            },
            (Kind::Enum(own), read) => {
                let symbol = &own.symbols[usize::try_from(self.long()).unwrap()];
                match read {
                    None => Ok(()),
                    Some(Kind::Enum(read)) if named(&read.named, &own.named) => {
                        if read.symbols.contains(symbol) || read.default.is_some() {
                            return Ok(());
                        }
                        Err(format!("no symbol {symbol}"))
                    }
                    _ => Err("no enum".to_owned()),
                }
            }
            (Kind::Record(own), read) => {
                let read = match read {
                    None => None,
                    Some(Kind::Record(read)) if named(&read.named, &own.named) => Some(read),
                    _ => return mismatch(),
                };
                for field in &own.fields {
                    let target = read.and_then(|read| {
                        let by_name = read.fields.iter().find(|target| target.name == field.name);
                        by_name.or_else(|| {
                            read.fields.iter().find(|target| target.aliases.contains(&field.name))
                        })
                    });
                    self.read(target.map(|target| target.of.node), field.of.node)?;
                }
                let lacking = read.into_iter().flat_map(|read| &read.fields).find(|target| {
                    target.default.is_none()
                        && !own.fields.iter().any(|field| {
                            field.name == target.name || target.aliases.contains(&field.name)
                        })
                });
                lacking.map_or(Ok(()), |target| Err(format!("no field {}", target.name)))
            }
            _ => mismatch(),
        }
    }

    fn items(&mut self, read: Option<NodeId>, written: NodeId, is_map: bool) -> Read {
        loop {
            let count = self.long();
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count {
                if is_map {
                    let length = usize::try_from(self.long()).unwrap();
                    self.skip(length)?;
                }
                self.read(read, written)?;
            }
        }
    }

    fn primitive(&mut self, written: Primitive, read: Primitive) -> Read {
        match written {
            Primitive::Null => Ok(()),
            Primitive::Boolean => self.skip(1),
            Primitive::Int | Primitive::Long => {
                self.long();
                Ok(())
            }
            Primitive::Float => self.skip(4),
            Primitive::Double => self.skip(8),
            Primitive::Bytes | Primitive::String => {
                let length = usize::try_from(self.long()).unwrap();
                let text = std::str::from_utf8(&self.bytes[..length]);
                let fits = read != Primitive::String || text.is_ok();
                self.skip(length)?;
                if fits { Ok(()) } else { Err("not UTF-8".to_owned()) }
            }
        }
    }

    fn skip(&mut self, count: usize) -> Read {
        self.bytes = &self.bytes[count..];
        Ok(())
    }

    fn long(&mut self) -> i64 {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let byte = self.bytes[0];
            self.bytes = &self.bytes[1..];
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return (number >> 1).cast_signed() ^ -(number & 1).cast_signed();
            }
        }
    }
}

fn named(read: &Named, written: &Named) -> bool {
    read.simple() == written.simple() || read.aliases.contains(&written.full)
}

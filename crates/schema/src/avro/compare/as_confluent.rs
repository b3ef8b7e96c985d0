//! The verdict of Java's `SchemaCompatibility`, which is Confluent's.

use std::collections::HashMap;

use crate::{
    avro::{
        compare::{
            Pair,
            branches::Branches,
            findings::{Finding, Findings, Reader},
            rules::{self, Match},
        },
        schema::{Kind, Record},
    },
    limits, steps,
};

pub(super) fn compare(reader: Reader<'_>, pair: Pair, findings: &mut Findings) {
    let mut checker = Checker {
        reader,
        findings,
        known: HashMap::new(),
        branches: Branches::default(),
        depth: 0,
        too_deep: false,
    };
    checker.meets(pair, true);
    if checker.too_deep {
        checker.add(true, || rules::too_complex(&reader));
    }
}

struct Checker<'a, 'f> {
    reader: Reader<'a>,
    findings: &'f mut Findings,
    /// What is known of pairs of types.
    known: HashMap<(u32, u32), Known>,
    branches: Branches,
    depth: usize,
    too_deep: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Known {
    /// It is being looked at. Types are compatible unless something within them isn't.
    InProgress,
    Compatible,
    /// Whether its findings are told already.
    Incompatible {
        told: bool,
    },
}

impl Checker<'_, '_> {
    /// Whether two types are compatible. Findings are told unless this is only a trial, of a branch
    /// of a union.
    fn meets(&mut self, pair: Pair, tell: bool) -> bool {
        steps::count(1);
        match self.known.get(&pair.key()) {
            Some(Known::InProgress | Known::Compatible) => return true,
            Some(Known::Incompatible { told }) if *told || !tell => return false,
            _ => {}
        }
        if self.depth == limits::AVRO_COMPARISON_DEPTH_MAX {
            self.too_deep = true;
            return true;
        }
        self.depth += 1;
        self.known.insert(pair.key(), Known::InProgress);
        let compatible = self.calculate(pair, tell);
        let known = if compatible { Known::Compatible } else { Known::Incompatible { told: tell } };
        self.known.insert(pair.key(), known);
        self.depth -= 1;
        compatible
    }

    fn calculate(&mut self, pair: Pair, tell: bool) -> bool {
        let reader = self.reader;
        match (reader.schema.kind(pair.reader.node), reader.writer.kind(pair.writer.node)) {
            (Kind::Union(_), Kind::Union(branches)) => {
                let mut compatible = true;
                for branch in branches {
                    let pair = pair.inner(&reader, pair.reader, *branch);
                    if !self.meets(pair, false) {
                        compatible = false;
                        self.add(tell, || rules::missing_union_branch(&reader, pair));
                    }
                }
                compatible
            }
            (_, Kind::Union(branches)) => {
                // All are looked at, because all findings are told.
                let mut compatible = true;
                for branch in branches {
                    compatible &= self.meets(pair.inner(&reader, pair.reader, *branch), tell);
                }
                compatible
            }
            (Kind::Union(branches), writer) => {
                let id = pair.reader.node;
                let candidates = self.branches.as_confluent(reader.schema, id, branches, writer);
                let found = candidates
                    .into_iter()
                    .any(|branch| self.meets(pair.inner(&reader, branch, pair.writer), false));
                found || self.add(tell, || rules::missing_union_branch(&reader, pair))
            }
            (Kind::Primitive(read), Kind::Primitive(written))
                if read == written || written.promotes_to(*read) =>
            {
                true
            }
            (Kind::Array(read), Kind::Array(written)) | (Kind::Map(read), Kind::Map(written)) => {
                self.meets(pair.inner(&reader, *read, *written), tell)
            }
            (Kind::Fixed(read), Kind::Fixed(written)) => {
                let name = rules::name_mismatch(&reader, pair, &read.named, &written.named);
                let size = rules::fixed_size(&reader, pair, read, written);
                self.add_all(tell, [name, size])
            }
            (Kind::Enum(read), Kind::Enum(written)) => {
                let name = rules::name_mismatch(&reader, pair, &read.named, &written.named);
                let symbols = rules::enum_symbols(&reader, pair, read, written);
                self.add_all(tell, [name, symbols])
            }
            (Kind::Record(read), Kind::Record(written)) => {
                let name = rules::name_mismatch(&reader, pair, &read.named, &written.named);
                let named = self.add_all(tell, [name]);
                self.fields(pair, read, written, tell) && named
            }
            _ => self.add(tell, || rules::type_mismatch(&reader, pair)),
        }
    }

    fn fields(&mut self, pair: Pair, read: &Record, written: &Record, tell: bool) -> bool {
        let reader = self.reader;
        let mut compatible = true;
        for field in &read.fields {
            compatible &= match rules::match_field(field, written) {
                Match::Field(_, other) => self.meets(pair.inner(&reader, field.of, other.of), tell),
                Match::None if field.default.is_some() => true,
                Match::None => self.add(tell, || rules::missing_default(&reader, pair, field)),
                // Java throws here, and Confluent answers that they are incompatible.
                Match::Several => self.add(tell, || rules::ambiguous_alias(&reader, pair, field)),
            };
        }
        compatible
    }

    /// Adds a finding, if they are told; always false.
    fn add(&mut self, tell: bool, found: impl FnOnce() -> Finding) -> bool {
        if tell {
            self.findings.add(&self.reader, found());
        }
        false
    }

    /// Adds these findings, if they are told; whether there are none.
    fn add_all<const N: usize>(&mut self, tell: bool, found: [Option<Finding>; N]) -> bool {
        found.into_iter().flatten().fold(true, |_, found| self.add(tell, || found))
    }
}

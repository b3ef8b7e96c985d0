//! The verdict that is sound: no finding means that no datum fails to be read.
//!
//! Every pair of types that can meet in some datum is looked at once, and each must be readable.
//! So there is nothing to assume about types that contain themselves, and no recursion.

use std::collections::{HashMap, VecDeque};

use crate::{
    Certainty,
    avro::{
        compare::{
            Pair,
            branches::Branches,
            findings::{Finding, Findings, Reader},
            rules::{self, Match},
        },
        schema::{Kind, Named, NodeId, Record},
    },
    steps,
};

pub(super) fn compare(reader: Reader<'_>, pair: Pair, findings: &mut Findings) {
    let mut checker = Checker {
        reader,
        findings,
        seen: HashMap::new(),
        branches: Branches::default(),
        aliases: aliases(&reader),
        open: VecDeque::from([(pair, true)]),
        certain: true,
    };
    while let Some((pair, certain)) = checker.open.pop_front() {
        checker.certain = certain;
        checker.visit(pair);
    }
}

/// The reader's types by their aliases.
fn aliases(reader: &Reader<'_>) -> HashMap<String, Vec<NodeId>> {
    let mut aliases: HashMap<String, Vec<NodeId>> = HashMap::new();
    for id in reader.schema.names.values() {
        steps::count(1);
        let Some(named) = reader.schema.kind(*id).named() else { continue };
        for alias in named.aliases.iter().filter(|alias| **alias != named.full) {
            steps::count(1);
            aliases.entry(alias.clone()).or_default().push(*id);
        }
    }
    aliases
}

struct Checker<'a, 'f> {
    reader: Reader<'a>,
    findings: &'f mut Findings,
    /// The pairs that were met, and whether it is certain that they are.
    seen: HashMap<(u32, u32), bool>,
    branches: Branches,
    aliases: HashMap<String, Vec<NodeId>>,
    open: VecDeque<(Pair, bool)>,
    /// Whether all libraries let the present pair meet.
    certain: bool,
}

impl Checker<'_, '_> {
    fn meet(&mut self, pair: Pair, certain: bool) {
        steps::count(1);
        match self.seen.get(&pair.key()) {
            Some(true) => return,
            Some(false) if !certain => return,
            _ => {}
        }
        self.seen.insert(pair.key(), certain);
        self.open.push_back((pair, certain));
    }

    fn visit(&mut self, pair: Pair) {
        let reader = self.reader;
        match (reader.schema.kind(pair.reader.node), reader.writer.kind(pair.writer.node)) {
            (_, Kind::Union(branches)) => {
                for branch in branches {
                    self.meet(pair.inner(&reader, pair.reader, *branch), self.certain);
                }
            }
            (Kind::Union(branches), writer) => {
                let id = pair.reader.node;
                let candidates = self.branches.soundly(reader.schema, id, branches, writer);
                if candidates.is_empty() {
                    self.add(Some(rules::missing_union_branch(&reader, pair)));
                }
                let certain = self.certain && candidates.len() == 1;
                for branch in candidates {
                    self.meet(pair.inner(&reader, branch, pair.writer), certain);
                }
            }
            (Kind::Primitive(read), Kind::Primitive(written))
                if read == written || written.promotes_to(*read) =>
            {
                self.add(rules::bytes_as_string(&reader, pair, *read, *written));
                self.add(rules::logical_types(&reader, pair));
            }
            (Kind::Array(read), Kind::Array(written)) | (Kind::Map(read), Kind::Map(written)) => {
                self.meet(pair.inner(&reader, *read, *written), self.certain);
            }
            (Kind::Fixed(read), Kind::Fixed(written)) => {
                self.named(pair, &read.named, &written.named);
                self.add(rules::namespace_mismatch(&reader, pair, &read.named, &written.named));
                self.add(rules::fixed_size(&reader, pair, read, written));
                self.add(rules::logical_types(&reader, pair));
            }
            (Kind::Enum(read), Kind::Enum(written)) => {
                self.named(pair, &read.named, &written.named);
                self.add(rules::namespace_mismatch(&reader, pair, &read.named, &written.named));
                self.add(rules::enum_symbols(&reader, pair, read, written));
            }
            (Kind::Record(read), Kind::Record(written)) => {
                if self.named(pair, &read.named, &written.named) {
                    self.fields(pair, read, written);
                }
            }
            _ => self.add(Some(rules::type_mismatch(&reader, pair))),
        }
    }

    /// Whether the names match.
    fn named(&mut self, pair: Pair, read: &Named, written: &Named) -> bool {
        let reader = self.reader;
        let found = rules::name_mismatch(&reader, pair, read, written);
        let matches = found.is_none();
        self.add(found);
        let others = self.aliases.get(&written.full).into_iter().flatten();
        let other = others.copied().find(|id| *id != pair.reader.node);
        if let Some(other) = other.and_then(|id| reader.schema.kind(id).named())
            && matches
        {
            self.add(Some(rules::type_alias_taken(&reader, pair, written, &other.full)));
        }
        matches
    }

    fn fields(&mut self, pair: Pair, read: &Record, written: &Record) {
        let reader = self.reader;
        let mut taken: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, field) in read.fields.iter().enumerate() {
            match rules::match_field(field, written) {
                Match::Field(other, found) => {
                    taken.entry(other).or_default().push(index);
                    self.meet(pair.inner(&reader, field.of, found.of), self.certain);
                }
                Match::None if field.default.is_some() => {
                    self.add(rules::default_of_later_branch(&reader, pair, field));
                }
                Match::None => self.add(Some(rules::missing_default(&reader, pair, field))),
                Match::Several => self.add(Some(rules::ambiguous_alias(&reader, pair, field))),
            }
        }
        for found in rules::shared_fields(&reader, pair, read, written, &taken) {
            self.add(Some(found));
        }
    }

    fn add(&mut self, found: Option<Finding>) {
        let Some(mut found) = found else { return };
        if !self.certain {
            found.certainty = Certainty::Undecided;
        }
        self.findings.add(&self.reader, found);
    }
}

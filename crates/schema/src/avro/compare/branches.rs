use std::{collections::HashMap, rc::Rc};

use crate::{
    avro::schema::{AvroSchema, Kind, NodeId, TypeUse},
    steps,
};

/// The branches of the reader's unions by what they match, so that a union of 10,000 branches costs
/// as much as it has branches, and not their square.
#[derive(Default)]
pub(super) struct Branches {
    unions: HashMap<NodeId, Rc<Union>>,
}

#[derive(Default)]
struct Union {
    /// By the word of their kind.
    unnamed: HashMap<&'static str, usize>,
    /// By kind and full name.
    full: HashMap<(&'static str, String), usize>,
    /// By kind and name without namespace.
    simple: HashMap<(&'static str, String), Vec<usize>>,
    /// By kind and alias, which is a full name.
    aliases: HashMap<(&'static str, String), Vec<usize>>,
}

impl Branches {
    fn of(&mut self, schema: &AvroSchema, id: NodeId, branches: &[TypeUse]) -> Rc<Union> {
        Rc::clone(self.unions.entry(id).or_insert_with(|| {
            let mut union = Union::default();
            for (index, branch) in branches.iter().enumerate() {
                union.add(schema.kind(branch.node), index);
            }
            Rc::new(union)
        }))
    }

    /// The branches that Java's checker could find compatible with a writer's type, in order.
    pub(super) fn as_confluent(
        &mut self,
        schema: &AvroSchema,
        id: NodeId,
        branches: &[TypeUse],
        writer: &Kind,
    ) -> Vec<TypeUse> {
        let union = self.of(schema, id, branches);
        let mut found = union.same_unnamed(writer);
        found.extend(union.promotions(schema, branches, writer));
        found.extend(union.simple(writer));
        found.extend(union.aliased(writer));
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|index| branches[index]).collect()
    }

    /// The branches that a library could choose for a writer's type. A branch of the very same type
    /// is chosen by all, wherever it stands; more than one means that libraries differ.
    pub(super) fn soundly(
        &mut self,
        schema: &AvroSchema,
        id: NodeId,
        branches: &[TypeUse],
        writer: &Kind,
    ) -> Vec<TypeUse> {
        let union = self.of(schema, id, branches);
        let mut found = union.same_unnamed(writer);
        found.extend(union.full(writer));
        found.extend(union.aliased(writer));
        if found.is_empty() {
            found.extend(union.simple(writer));
        }
        if found.is_empty() {
            found.extend(union.promotions(schema, branches, writer).into_iter().min());
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|index| branches[index]).collect()
    }
}

impl Union {
    fn add(&mut self, kind: &Kind, index: usize) {
        steps::count(1);
        let word = kind.word();
        let Some(named) = kind.named() else {
            self.unnamed.insert(word, index);
            return;
        };
        self.full.insert((word, named.full.clone()), index);
        self.simple.entry((word, named.simple().to_owned())).or_default().push(index);
        for alias in &named.aliases {
            steps::count(1);
            self.aliases.entry((word, alias.clone())).or_default().push(index);
        }
    }

    fn same_unnamed(&self, writer: &Kind) -> Vec<usize> {
        let unnamed = writer.named().is_none();
        self.unnamed.get(writer.word()).filter(|_| unnamed).copied().into_iter().collect()
    }

    fn promotions(&self, schema: &AvroSchema, branches: &[TypeUse], writer: &Kind) -> Vec<usize> {
        let Kind::Primitive(written) = writer else { return Vec::new() };
        let promotes = |index: &usize| match schema.kind(branches[*index].node) {
            Kind::Primitive(read) => written.promotes_to(*read),
            _ => false,
        };
        self.unnamed.values().copied().filter(promotes).collect()
    }

    fn full(&self, writer: &Kind) -> Option<usize> {
        self.full.get(&(writer.word(), writer.named()?.full.clone())).copied()
    }

    fn simple(&self, writer: &Kind) -> Vec<usize> {
        let Some(named) = writer.named() else { return Vec::new() };
        self.counted(self.simple.get(&(writer.word(), named.simple().to_owned())))
    }

    fn aliased(&self, writer: &Kind) -> Vec<usize> {
        let Some(named) = writer.named() else { return Vec::new() };
        self.counted(self.aliases.get(&(writer.word(), named.full.clone())))
    }

    fn counted(&self, found: Option<&Vec<usize>>) -> Vec<usize> {
        let found = found.cloned().unwrap_or_default();
        steps::count(found.len() as u64);
        found
    }
}

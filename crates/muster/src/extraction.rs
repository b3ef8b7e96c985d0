//! Documents from a table of metadata: which of its values become documents, what they are called,
//! and what doesn't fit, with its place.

mod document;
mod pattern;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use muster_words::{Xid, json::escape_pointer, limits::DOCUMENT_BYTES_MAX};
pub use pattern::{TableSelection, TextTemplate};
use thiserror::Error;

use self::{
    document::{Draft, pointer_of},
    pattern::Surroundings,
};
use crate::literal::{Literal, LiteralNode, SourceTable, SourceTables};

/// What is extracted, and how.
#[derive(Clone, Debug)]
pub struct Extraction {
    /// The values that become documents.
    pub selection: TableSelection,
    /// Their xids.
    pub name: TextTemplate,
    /// Fields that are added where they are missing.
    pub added: Vec<(String, TextTemplate)>,
    /// Whether a document is extracted although some of its fields don't fit.
    pub is_partial: bool,
}

/// What became of a table.
#[derive(Debug, Default)]
pub struct Extracted {
    /// The documents, in the order of the table.
    pub documents: Vec<ExtractedDocument>,
    /// What didn't fit, in the order of the file.
    pub unfit: Vec<Unfit>,
}

/// A document.
#[derive(Debug)]
pub struct ExtractedDocument {
    /// Its xid.
    pub xid: Xid,
    /// The place of its value in the table, as a JSON Pointer.
    pub entry: String,
    /// The value.
    pub node: LiteralNode,
    /// Its JSON, with the fields in the table's order.
    pub text: String,
}

/// Something that doesn't fit.
#[derive(Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Its offset in the file.
    pub at: usize,
    /// The value in the table, as a JSON Pointer.
    pub entry: String,
    /// The field in the value, as a JSON Pointer; empty if all of it is meant.
    pub field: String,
    /// The reason.
    pub reason: UnfitReason,
}

/// Why something doesn't fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnfitReason {
    /// It is an expression.
    #[error("it is no literal: {0}")]
    Expression(String),
    /// The name of a field is an expression.
    #[error("its name is no literal")]
    NameExpression,
    /// A field is there twice.
    #[error("the name is there twice")]
    Twice,
    /// A document is an object.
    #[error("it isn't an object")]
    NoObject,
    /// What the name is made of is missing, or is no text.
    #[error("its xid needs {0}, which it lacks")]
    NoField(String),
    /// The name isn't one of a document.
    #[error("{0:?} isn't the xid of a document")]
    Name(String),
    /// Another value has the same name.
    #[error("another value has the xid {0}")]
    SameName(String),
    /// The model has no such collection.
    #[error("the catalog has no collection for {0}")]
    NoCollection(String),
    /// A document has a limit.
    #[error("it has more than {DOCUMENT_BYTES_MAX} bytes")]
    TooLarge,
    /// A statement is about the table.
    #[error("this statement may change {0}, and isn't read")]
    ChangedLater(String),
    /// A schema or a rule refuses it.
    #[error("{message}  [{rule}]")]
    Violation {
        /// The rule's id, or the keyword of the schema.
        rule: String,
        /// What is wrong.
        message: String,
    },
    /// It couldn't be checked.
    #[error("it can't be checked: {0}")]
    NotChecked(String),
}

impl UnfitReason {
    /// The stable name, for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Expression(_) | Self::NameExpression => "no_literal",
            Self::Twice => "duplicate_field",
            Self::NoObject => "no_object",
            Self::NoField(_) | Self::Name(_) => "bad_xid",
            Self::SameName(_) => "duplicate_xid",
            Self::NoCollection(_) => "no_collection",
            Self::TooLarge => "too_large",
            Self::ChangedLater(_) => "changed_later",
            Self::Violation { .. } => "violation",
            Self::NotChecked(_) => "not_checked",
        }
    }
}

/// Extracts the documents of a table.
#[must_use]
pub fn extract(extraction: &Extraction, table: &SourceTable, source: &SourceTables) -> Extracted {
    let mut extracted = Extracted::default();
    let mut names = BTreeSet::new();
    let refuse = |entry: &str, node: &LiteralNode, reason| Unfit {
        at: node.at,
        entry: entry.to_owned(),
        field: String::new(),
        reason,
    };
    for found in extraction.selection.of(&table.node) {
        let entry: String =
            found.steps.iter().map(|step| format!("/{}", escape_pointer(step))).collect();
        let made = match found.node {
            Ok(node) => extraction.document(node, &found.steps, &entry, &mut extracted.unfit),
            Err((node, reason)) => Err(refuse(&entry, node, reason)),
        };
        let document = match made {
            Ok(Some(document)) => document,
            Ok(None) => continue,
            Err(unfit) => {
                extracted.unfit.push(unfit);
                continue;
            }
        };
        // A registry has no two names that differ only in their case.
        match names.insert(document.xid.to_string().to_lowercase()) {
            true => extracted.documents.push(document),
            false => {
                let reason = UnfitReason::SameName(document.xid.to_string());
                extracted.unfit.push(refuse(&entry, &document.node, reason));
            }
        }
    }
    if let Some(name) = &table.name {
        let changes = source.others.iter().filter(|(other, at)| {
            let root = other.split('.').next().unwrap_or_default();
            (other == name || root == name) && *at > table.node.at
        });
        extracted.unfit.extend(changes.map(|(_, at)| Unfit {
            at: *at,
            entry: String::new(),
            field: String::new(),
            reason: UnfitReason::ChangedLater(name.clone()),
        }));
    }
    extracted.unfit.sort_by_key(|unfit| unfit.at);
    extracted
}

impl Extraction {
    /// The document of a value. None: its fields don't fit, which is noted.
    fn document(
        &self,
        node: &LiteralNode,
        steps: &[String],
        entry: &str,
        unfit: &mut Vec<Unfit>,
    ) -> Result<Option<ExtractedDocument>, Unfit> {
        let refused =
            |reason| Unfit { at: node.at, entry: entry.to_owned(), field: String::new(), reason };
        let mut draft = match &node.value {
            Literal::Object(_) => Draft::of(node),
            Literal::Foreign(text) => {
                return Err(refused(UnfitReason::Expression(text.clone())));
            }
            _ => return Err(refused(UnfitReason::NoObject)),
        };
        for (name, pattern) in &self.added {
            if !draft.has(name) {
                let text = pattern.fill(&Surroundings { steps, draft: &draft });
                let text = text.map_err(|lacks| refused(UnfitReason::NoField(lacks)))?;
                draft.add(name, text);
            }
        }
        let name = self.name.fill(&Surroundings { steps, draft: &draft });
        let name = name.map_err(|lacks| refused(UnfitReason::NoField(lacks)))?;
        let xid = Xid::parse_loosely(&name).ok().filter(|xid| matches!(xid, Xid::Resource { .. }));
        let Some(xid) = xid else { return Err(refused(UnfitReason::Name(name))) };
        let is_whole = draft.faults.is_empty();
        unfit.extend(draft.faults.drain(..).map(|fault| Unfit {
            at: fault.at,
            entry: entry.to_owned(),
            field: fault.pointer,
            reason: fault.reason,
        }));
        if !is_whole && !self.is_partial {
            return Ok(None);
        }
        let text = draft.text();
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(refused(UnfitReason::TooLarge));
        }
        Ok(Some(ExtractedDocument { xid, entry: entry.to_owned(), node: node.clone(), text }))
    }
}

impl Extracted {
    /// Takes out the documents that don't pass, by their xids, with the fields and the reasons.
    pub fn refuse(&mut self, mut reasons: BTreeMap<Xid, Vec<(String, UnfitReason)>>) {
        for document in std::mem::take(&mut self.documents) {
            let Some(found) = reasons.remove(&document.xid) else {
                self.documents.push(document);
                continue;
            };
            self.unfit.extend(found.into_iter().map(|(field, reason)| Unfit {
                at: pointer_of(&document.node, &field).at,
                entry: document.entry.clone(),
                field,
                reason,
            }));
        }
        self.unfit.sort_by_key(|unfit| unfit.at);
    }
}

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use muster_catalog::{Content, View};
use muster_schema::SchemaSources;
use muster_words::{Coverage, Digest, Notation, Xid, json::Value};

/// The stored schemas to which a JSON Schema refers, as far as they were read.
pub(super) struct StoredSchemas<'a> {
    view: &'a View,
    known: BTreeMap<Digest, Option<Bytes>>,
    missing: RefCell<BTreeMap<Digest, Content>>,
}

impl<'a> StoredSchemas<'a> {
    pub(super) fn new(view: &'a View) -> Self {
        Self { view, known: BTreeMap::new(), missing: RefCell::default() }
    }

    /// What was asked for and wasn't there.
    pub(super) fn missing(&self) -> Vec<Content> {
        std::mem::take(&mut *self.missing.borrow_mut()).into_values().collect()
    }

    /// Whether the caller may see a schema, and it is there.
    fn is_seen(&self, xid: &Xid) -> bool {
        let within = self.view.within();
        self.view.has(xid)
            && within.is_none_or(|within| within.coverage(&xid.to_string()) == Coverage::Within)
    }

    pub(super) fn learn(&mut self, contents: &[Content], bytes: Vec<Option<Bytes>>) {
        self.known.extend(contents.iter().map(|content| content.digest).zip(bytes));
    }
}

impl SchemaSources for StoredSchemas<'_> {
    fn identified(&self, home: &Xid, id: &str) -> Vec<Xid> {
        let Some(group) = home.group() else { return Vec::new() };
        let found = self.view.catalog().identified(&group, id).into_iter();
        found.filter(|xid| self.is_seen(xid)).collect()
    }

    fn get(&self, reference: &Xid) -> Option<Arc<Value>> {
        let version = self.view.version_at(reference).filter(|_| self.is_seen(reference))?;
        let content = version.document?;
        match self.known.get(&content.digest) {
            Some(bytes) => {
                let notation = Notation::of(version.content_type.as_deref());
                notation.parse(bytes.as_ref()?).ok().map(Arc::new)
            }
            None => {
                self.missing.borrow_mut().insert(content.digest, content);
                None
            }
        }
    }
}

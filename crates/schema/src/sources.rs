use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_words::{Xid, json::Value};

use crate::{CompileError, analysis::References, compile::check_dialect, limits};

/// Provides the schemas that a schema refers to: from the caller's view, a folder, or a test.
pub trait SchemaSources {
    /// The schema with this xid; for a resource, its default version. After a `None`, the other
    /// schemas are still requested, so that a caller can fetch all missing ones together.
    fn get(&self, reference: &Xid) -> Option<Arc<Value>>;
}

/// No other schemas.
pub struct NoSources;

impl SchemaSources for NoSources {
    fn get(&self, _: &Xid) -> Option<Arc<Value>> {
        None
    }
}

impl SchemaSources for BTreeMap<Xid, Arc<Value>> {
    fn get(&self, reference: &Xid) -> Option<Arc<Value>> {
        BTreeMap::get(self, reference).cloned()
    }
}

/// All schemas that a schema refers to, directly or not.
pub(crate) fn gather(
    root: &Value,
    sources: &dyn SchemaSources,
) -> Result<BTreeMap<Xid, Arc<Value>>, CompileError> {
    let mut gathering = Gathering {
        sources,
        members: BTreeMap::new(),
        absent: BTreeSet::new(),
        first_absent: None,
        path: Vec::new(),
        bytes: size_of(root),
    };
    gathering.fits()?;
    gathering.follow(root)?;
    match gathering.first_absent {
        Some(error) => Err(error),
        None => Ok(gathering.members),
    }
}

struct Gathering<'a> {
    sources: &'a dyn SchemaSources,
    members: BTreeMap<Xid, Arc<Value>>,
    /// The missing schemas, and the error of the first one.
    absent: BTreeSet<Xid>,
    first_absent: Option<CompileError>,
    path: Vec<Xid>,
    bytes: usize,
}

impl Gathering<'_> {
    /// Follows a document's references depth first, so that a cycle is found. The depth is at most
    /// [`limits::REFERENCES_MAX`], because each step adds a schema.
    fn follow(&mut self, document: &Value) -> Result<(), CompileError> {
        let references = References::of(document);
        for (xid, pointer) in &references.by_xid {
            if let Some(start) = self.path.iter().position(|on_path| on_path == xid) {
                let mut path = self.path[start..].to_vec();
                path.push(xid.clone());
                return Err(CompileError::Cycle { path });
            }
            if self.members.contains_key(xid) || self.absent.contains(xid) {
                continue;
            }
            match self.sources.get(xid) {
                Some(found) => self.add(xid, &found)?,
                None => self.note_absent(xid, pointer)?,
            }
        }
        Ok(())
    }

    fn note_absent(&mut self, xid: &Xid, pointer: &str) -> Result<(), CompileError> {
        self.absent.insert(xid.clone());
        if self.first_absent.is_none() {
            let error =
                CompileError::Missing { reference: xid.clone(), pointer: pointer.to_owned() };
            self.first_absent = Some(match self.path.last() {
                Some(within) => error.within(within),
                None => error,
            });
        }
        self.fits()
    }

    fn add(&mut self, xid: &Xid, found: &Arc<Value>) -> Result<(), CompileError> {
        check_dialect(found).map_err(|error| error.within(xid))?;
        self.bytes = self.bytes.saturating_add(size_of(found));
        self.members.insert(xid.clone(), Arc::clone(found));
        self.fits()?;
        self.path.push(xid.clone());
        self.follow(found).map_err(|error| error.within(xid))?;
        self.path.pop();
        Ok(())
    }

    fn fits(&self) -> Result<(), CompileError> {
        if self.members.len() + self.absent.len() > limits::REFERENCES_MAX {
            return Err(CompileError::TooLarge {
                what: "schemas that it refers to",
                limit: limits::REFERENCES_MAX,
            });
        }
        if self.bytes > limits::SCHEMA_BYTES_MAX {
            return Err(CompileError::TooLarge {
                what: "bytes, including the schemas that it refers to",
                limit: limits::SCHEMA_BYTES_MAX,
            });
        }
        Ok(())
    }
}

/// The approximate size of a value as JSON, without writing it.
fn size_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(number) => number.as_str().len() + 1,
        Value::String(text) => text.len() + 3,
        Value::Array(items) => items.iter().map(size_of).fold(2, usize::saturating_add),
        Value::Object(map) => map
            .iter()
            .map(|(key, member)| key.len() + 4 + size_of(member))
            .fold(2, usize::saturating_add),
    }
}

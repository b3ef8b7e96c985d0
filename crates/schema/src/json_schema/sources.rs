use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_words::{Xid, json::Value};

use crate::{
    CompileError, Dialect, MetaschemaFault, Outline, ReferenceFault,
    json_schema::{
        address::{Address, schema_named},
        compile::{Documents, Schema, check_draft, check_form},
        metaschemas::metaschema,
        vocabulary::DeclaredDialect,
    },
    limits,
};

/// Provides the schemas that a schema refers to: from the caller's view, a folder, or a test.
pub trait SchemaSources {
    /// The schema with this xid; for a resource, its default version. After a `None`, the other
    /// schemas are still requested, so that a caller can fetch all missing ones together.
    fn get(&self, reference: &Xid) -> Option<Arc<Value>>;

    /// The schemas in the group of `home` whose default version has this `$id`.
    fn identified(&self, home: &Xid, id: &str) -> Vec<Xid>;
}

/// No other schemas.
pub struct NoSources;

impl SchemaSources for NoSources {
    fn get(&self, _: &Xid) -> Option<Arc<Value>> {
        None
    }

    fn identified(&self, _: &Xid, _: &str) -> Vec<Xid> {
        Vec::new()
    }
}

impl SchemaSources for BTreeMap<Xid, Arc<Value>> {
    fn get(&self, reference: &Xid) -> Option<Arc<Value>> {
        BTreeMap::get(self, reference).cloned()
    }

    fn identified(&self, home: &Xid, id: &str) -> Vec<Xid> {
        let group = home.group();
        let all = self
            .iter()
            .filter(|(xid, _)| matches!(xid, Xid::Resource { .. }) && xid.group() == group);
        let has_id = |(xid, schema): &(&Xid, &Arc<Value>)| {
            Outline::of(schema, Some(xid)).id.as_deref() == Some(id)
        };
        all.filter(has_id).map(|(xid, _)| xid.clone()).collect()
    }
}

/// A schema with all schemas that it refers to, directly or not.
///
/// What a metaschema refers to is written in a draft: with a `$schema` of the registry at each step,
/// a chain of schemas would be compiled once for each way through it.
pub(crate) fn gather(
    root: &Value,
    home: Option<&Xid>,
    sources: &dyn SchemaSources,
    purpose: Purpose,
) -> Result<Documents, CompileError> {
    let mut gathering = Gathering {
        sources,
        purpose,
        documents: Documents {
            root: Arc::new(root.clone()),
            home: home.cloned(),
            members: BTreeMap::new(),
            links: BTreeMap::new(),
            metaschemas: BTreeMap::new(),
            declared: BTreeMap::new(),
        },
        absent: BTreeSet::new(),
        first_absent: None,
        path: Vec::new(),
        bytes: size_of(root),
    };
    gathering.fits()?;
    let dialect = check_draft(root)?;
    gathering.follow(root, home)?;
    gathering.declare(root, home, dialect)?;
    match gathering.first_absent {
        Some(error) => Err(error),
        None => Ok(gathering.documents),
    }
}

/// What a schema is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To check documents.
    Documents,
    /// To check schemas that name it as their `$schema`.
    Schemas,
}

struct Gathering<'a> {
    sources: &'a dyn SchemaSources,
    purpose: Purpose,
    documents: Documents,
    /// The missing schemas, and the error of the first one.
    absent: BTreeSet<Xid>,
    first_absent: Option<CompileError>,
    path: Vec<Xid>,
    bytes: usize,
}

impl Gathering<'_> {
    /// Follows a document's references depth first, so that a cycle is found. The depth is at most
    /// [`limits::REFERENCES_MAX`], because each step adds a schema.
    fn follow(&mut self, document: &Value, home: Option<&Xid>) -> Result<(), CompileError> {
        let outline = Outline::of(document, home);
        for (xid, pointer) in &outline.named {
            self.load(xid, pointer)?;
        }
        for (address, pointer) in &outline.addressed {
            let Some(xid) = self.find(home, address, pointer)? else {
                self.add_metaschema(address);
                continue;
            };
            let from = self.path.last().cloned();
            self.documents.links.insert((from, address.clone()), xid.clone());
            self.load(&xid, pointer)?;
        }
        Ok(())
    }

    /// The schema with this address, for a document of this resource.
    fn find(
        &mut self,
        home: Option<&Xid>,
        address: &str,
        pointer: &str,
    ) -> Result<Option<Xid>, CompileError> {
        let mut found = match home {
            Some(home) => self.sources.identified(home, address),
            None => Vec::new(),
        };
        if found.len() > 1 {
            return Err(CompileError::Unresolvable {
                pointer: pointer.to_owned(),
                reference: address.to_owned(),
                fault: ReferenceFault::Ambiguous(found),
            });
        }
        if found.is_empty() {
            found.extend(Address::of(None).resolve(address).and_then(|address| address.xid()));
        }
        Ok(found.pop())
    }

    /// Adds the metaschema with this address, if it is one, with those that it refers to.
    fn add_metaschema(&mut self, address: &str) {
        let Some((name, value)) = metaschema(address) else { return };
        if self.documents.metaschemas.insert(name, Arc::clone(value)).is_none() {
            Outline::of(value, None).addressed.keys().for_each(|part| self.add_metaschema(part));
        }
    }

    fn load(&mut self, xid: &Xid, pointer: &str) -> Result<(), CompileError> {
        if let Some(start) = self.path.iter().position(|on_path| on_path == xid) {
            let mut path = self.path[start..].to_vec();
            path.push(xid.clone());
            return Err(CompileError::Cycle { path });
        }
        if self.documents.members.contains_key(xid) || self.absent.contains(xid) {
            return Ok(());
        }
        match self.sources.get(xid) {
            Some(found) => self.add(xid, &found),
            None => self.note_absent(xid, pointer),
        }
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
        let dialect = check_draft(found).map_err(|error| error.within(xid))?;
        self.bytes = self.bytes.saturating_add(size_of(found));
        self.documents.members.insert(xid.clone(), Arc::clone(found));
        self.fits()?;
        self.path.push(xid.clone());
        let home = xid.resource();
        self.follow(found, home.as_ref())
            .and_then(|()| self.declare(found, home.as_ref(), dialect))
            .map_err(|error| error.within(xid))?;
        self.path.pop();
        Ok(())
    }

    /// Notes what the `$schema` of a document says, after everything that it refers to was loaded.
    fn declare(
        &mut self,
        document: &Value,
        home: Option<&Xid>,
        dialect: Option<Dialect>,
    ) -> Result<(), CompileError> {
        let declared = match dialect {
            Some(dialect) => DeclaredDialect::draft(dialect),
            None => match self.custom(document, home)? {
                Some(declared) => declared,
                // It is missing, which is reported at the end.
                None => return Ok(()),
            },
        };
        self.documents.declared.insert(self.path.last().cloned(), declared);
        Ok(())
    }

    /// What a `$schema` says that isn't a draft; none if it is missing.
    fn custom(
        &self,
        document: &Value,
        home: Option<&Xid>,
    ) -> Result<Option<DeclaredDialect>, CompileError> {
        let found = document.get("$schema").and_then(Value::as_str).unwrap_or_default().to_owned();
        let refused = |fault| CompileError::Metaschema { found: found.clone(), fault };
        let address = Address::of(home).resolve(&found);
        let address = address.as_ref().map_or("", Address::as_str);
        if is_its_own(document, home) {
            let declared =
                DeclaredDialect::of_metaschema(document, true, document).map_err(refused)?;
            check_form(document, declared.dialect)?;
            return Ok(Some(declared));
        }
        if self.purpose == Purpose::Schemas {
            return Err(refused(MetaschemaFault::OwnDialect));
        }
        let link = (self.path.last().cloned(), address.to_owned());
        let linked = schema_named(&found).or_else(|| self.documents.links.get(&link).cloned());
        let Some(xid) = linked else { return Err(CompileError::Dialect { found }) };
        let Some(metaschema) = self.documents.members.get(&xid) else { return Ok(None) };
        let is_own = is_its_own(metaschema, xid.resource().as_ref());
        let declared =
            DeclaredDialect::of_metaschema(metaschema, is_own, document).map_err(refused)?;
        check_form(document, declared.dialect)?;
        let compiled = Schema::compile_for(
            metaschema,
            xid.resource().as_ref(),
            self.sources,
            Purpose::Schemas,
        )?;
        match compiled.validate(document) {
            violations if violations.is_empty() => Ok(Some(declared)),
            violations => Err(CompileError::Invalid { violations }),
        }
    }

    fn fits(&self) -> Result<(), CompileError> {
        if self.documents.members.len() + self.absent.len() > limits::REFERENCES_MAX {
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

/// Whether a document's `$schema` is its own `$id`, as the drafts' own are.
fn is_its_own(document: &Value, home: Option<&Xid>) -> bool {
    let named = document.get("$schema").and_then(Value::as_str);
    let address = named.and_then(|text| Address::of(home).resolve(text));
    let id = Outline::of(document, home).id;
    address.is_some_and(|address| id.as_deref() == Some(address.as_str()))
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

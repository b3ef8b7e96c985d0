//! Checks payloads in a program's own process, without a registry.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use muster_words::{Xid, json::Value};
use thiserror::Error;

use crate::{
    BundledSchema, FormattedSchema, Outline, Payload, SchemaBundle, SchemaContext, SchemaFormat,
    SchemaSources, UncheckablePayload, Violation,
};

/// The most schemas that a validator keeps ready. A compiled JSON Schema takes 30 to 40 times the
/// memory of its text.
pub const READY_SCHEMAS_MAX: usize = 1_000;

/// How deeply schemas may name each other by their attribute `references`.
const REFERENCE_DEPTH_MAX: usize = 64;

/// Checks payloads against the schemas of a bundle. Each schema is compiled once, when it is first
/// used; any number of threads may use one validator.
#[derive(Debug)]
pub struct Validator {
    bundle: SchemaBundle,
    /// The schemas of each group that have a `$id`.
    ids: OnceLock<BTreeMap<(Xid, String), Vec<Xid>>>,
    ready: Mutex<ReadySchemas>,
}

/// A schema that was compiled and isn't kept.
#[derive(Debug)]
pub struct CompiledFromBundle {
    /// The schema.
    pub schema: FormattedSchema,
    /// The bytes of its text and of all texts that it refers to.
    pub text_bytes: usize,
}

/// Compiled schemas, each with the number of its last use.
#[derive(Debug, Default)]
struct ReadySchemas {
    schemas: BTreeMap<Xid, (u64, Arc<FormattedSchema>)>,
    uses: u64,
}

/// Why a payload wasn't checked.
#[derive(Debug, Error)]
pub enum ValidatorError {
    /// There is no such schema.
    #[error("there is no schema {xid} in the bundle")]
    Unknown {
        /// The xid that was asked for.
        xid: Xid,
    },
    /// The schema can't be used.
    #[error("{xid} can't be used: {}", first(violations))]
    Schema {
        /// The version of the schema.
        xid: Xid,
        /// What is wrong with it.
        violations: Vec<Violation>,
    },
    /// It has no such message.
    #[error(transparent)]
    Payload(#[from] UncheckablePayload),
}

fn first(violations: &[Violation]) -> &str {
    violations.first().map_or("it can't be read", |one| &one.message)
}

impl Validator {
    /// A validator with the schemas of a bundle.
    #[must_use]
    pub fn new(bundle: SchemaBundle) -> Self {
        Self { bundle, ids: OnceLock::new(), ready: Mutex::default() }
    }

    /// The bundle.
    #[must_use]
    pub const fn bundle(&self) -> &SchemaBundle {
        &self.bundle
    }

    /// Checks a payload against a schema or one of its versions, and returns all violations.
    /// `message` names the message of a Protobuf schema; without it, its first one is meant.
    ///
    /// # Errors
    /// See [`ValidatorError`].
    pub fn check(
        &self,
        schema: &Xid,
        payload: Payload<'_>,
        message: Option<&str>,
    ) -> Result<Vec<Violation>, ValidatorError> {
        Ok(self.schema(schema)?.check(payload, message)?)
    }

    /// A schema or one of its versions, ready to check payloads.
    ///
    /// # Errors
    /// It isn't in the bundle, or can't be used.
    pub fn schema(&self, xid: &Xid) -> Result<Arc<FormattedSchema>, ValidatorError> {
        let found = self.bundle.find(xid);
        let (version, own) = found.ok_or_else(|| ValidatorError::Unknown { xid: xid.clone() })?;
        if let Some(known) = self.ready().find(version) {
            return Ok(known);
        }
        // Not under the lock: others go on with what is ready.
        let read = Arc::new(self.read(version, own)?.schema);
        self.ready().keep(version, &read);
        Ok(read)
    }

    /// A schema or one of its versions, compiled anew and not kept, for callers that bound their
    /// memory themselves.
    ///
    /// # Errors
    /// It isn't in the bundle, or can't be used.
    pub fn compile(&self, xid: &Xid) -> Result<CompiledFromBundle, ValidatorError> {
        let found = self.bundle.find(xid);
        let (version, own) = found.ok_or_else(|| ValidatorError::Unknown { xid: xid.clone() })?;
        self.read(version, own)
    }

    fn ready(&self) -> std::sync::MutexGuard<'_, ReadySchemas> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(
        &self,
        version: &Xid,
        own: &BundledSchema,
    ) -> Result<CompiledFromBundle, ValidatorError> {
        let mut texts = Vec::new();
        self.add_texts(own, &mut texts, &mut BTreeSet::new(), 0);
        let texts: Vec<(&str, &str)> =
            texts.iter().map(|(name, own)| (*name, own.text.as_str())).collect();
        let home = version.resource();
        let beside: usize = texts.iter().map(|(_, text)| text.len()).sum();
        let counted = CountedSources { validator: self, read: Cell::new(own.text.len() + beside) };
        let context = SchemaContext {
            home: home.as_ref(),
            sources: &counted,
            texts: &texts,
            notation: Some(own.notation),
        };
        let read = FormattedSchema::parse(own.format, own.text.as_bytes(), &context);
        let xid = version.clone();
        match read {
            Ok(schema) => Ok(CompiledFromBundle { schema, text_bytes: counted.read.get() }),
            Err(violations) => Err(ValidatorError::Schema { xid, violations }),
        }
    }

    /// Adds what a schema names beside its text, each after what it names itself.
    fn add_texts<'a>(
        &'a self,
        own: &'a BundledSchema,
        texts: &mut Vec<(&'a str, &'a BundledSchema)>,
        seen: &mut BTreeSet<&'a str>,
        depth: usize,
    ) {
        if depth > REFERENCE_DEPTH_MAX {
            return;
        }
        for (name, version) in &own.references {
            let Some((_, named)) = self.bundle.find(version).filter(|_| seen.insert(name)) else {
                continue;
            };
            self.add_texts(named, texts, seen, depth + 1);
            texts.push((name, named));
        }
    }

    fn ids(&self) -> &BTreeMap<(Xid, String), Vec<Xid>> {
        self.ids.get_or_init(|| {
            let mut ids: BTreeMap<_, Vec<Xid>> = BTreeMap::new();
            for (name, version) in self.bundle.names() {
                let Some((_, own)) = self.bundle.find(version) else { continue };
                let value = value_of(own).filter(|_| own.format == SchemaFormat::JsonSchema);
                let id = value.and_then(|value| Outline::of(&value, Some(name)).id);
                if let Some((id, group)) = id.zip(name.group()) {
                    ids.entry((group, id)).or_default().push(name.clone());
                }
            }
            ids
        })
    }
}

/// The schemas of a validator, with the bytes of those that were asked for.
struct CountedSources<'a> {
    validator: &'a Validator,
    read: Cell<usize>,
}

impl SchemaSources for CountedSources<'_> {
    fn identified(&self, home: &Xid, id: &str) -> Vec<Xid> {
        let Some(group) = home.group() else { return Vec::new() };
        self.validator.ids().get(&(group, id.to_owned())).cloned().unwrap_or_default()
    }

    fn get(&self, reference: &Xid) -> Option<Arc<Value>> {
        let (_, own) = self.validator.bundle.find(reference)?;
        self.read.set(self.read.get() + own.text.len());
        value_of(own).map(Arc::new)
    }
}

fn value_of(own: &BundledSchema) -> Option<Value> {
    own.notation.parse(own.text.as_bytes()).ok()
}

impl ReadySchemas {
    fn find(&mut self, version: &Xid) -> Option<Arc<FormattedSchema>> {
        self.uses += 1;
        let (used, schema) = self.schemas.get_mut(version)?;
        *used = self.uses;
        Some(schema.clone())
    }

    /// Keeps a schema. The one that wasn't used for longest goes where there is no room.
    fn keep(&mut self, version: &Xid, schema: &Arc<FormattedSchema>) {
        if self.schemas.len() >= READY_SCHEMAS_MAX {
            let oldest = self.schemas.iter().min_by_key(|(_, (used, _))| *used);
            if let Some(oldest) = oldest.map(|(xid, _)| xid.clone()) {
                self.schemas.remove(&oldest);
            }
        }
        self.schemas.insert(version.clone(), (self.uses, schema.clone()));
    }
}

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::{Arc, OnceLock},
    thread,
};

use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError, Validator};
use muster_words::{
    Xid,
    json::{self, JsonError, Value},
    limits::JSON_DEPTH_MAX,
};
use thiserror::Error;

use crate::{
    Dialect, SchemaSources, Violation,
    address::Address,
    analysis::{Graph, SchemaDocument, analyse},
    bounds, limits,
    meter::{self, Exhausted, metered},
    report::{self, QuotableSchemas},
    sources::gather,
};

/// A compiled JSON Schema, which can validate any number of values on any thread.
///
/// It supports the drafts 4, 6, 7, 2019-09 and 2020-12. A schema without `$schema` is 2020-12;
/// other dialects are refused. `format` is asserted in every draft for the formats that JSON Schema
/// defines (date, date-time, time, duration, email, hostname, ipv4, ipv6, uri, uri-reference, iri,
/// uuid, json-pointer, regex, …), because a registry that accepts "2026-13-45" as a date helps
/// nobody. Unknown formats are ignored. Patterns run on an engine with linear time, so look-around
/// and back-references are refused when the schema is compiled.
pub struct Schema {
    plain: Validator,
    /// The same schema with a meter at every place. It is built on first use, for large documents
    /// and to find all violations.
    metered: OnceLock<Option<Validator>>,
    documents: Documents,
    dialect: Dialect,
    references: BTreeSet<Xid>,
    graph: Graph,
}

/// A schema with all schemas that it refers to.
pub(crate) struct Documents {
    pub(crate) root: Arc<Value>,
    /// The resource that the root is in.
    pub(crate) home: Option<Xid>,
    pub(crate) members: BTreeMap<Xid, Arc<Value>>,
    pub(crate) links: Links,
    /// The metaschemas that they refer to, by their address.
    pub(crate) metaschemas: BTreeMap<&'static str, Arc<Value>>,
}

/// The stored schemas that addresses mean, by the document that refers to them (none for the root)
/// and the address.
pub(crate) type Links = BTreeMap<(Option<Xid>, String), Xid>;

impl Documents {
    /// All documents, each with its xid: the root is the first one, and the others follow by name.
    fn all(&self) -> impl Iterator<Item = (Option<&Xid>, &Arc<Value>)> {
        let members = self.members.iter().map(|(xid, value)| (Some(xid), value));
        let metaschemas = self.metaschemas.values().map(|value| (None, value));
        std::iter::once((None, &self.root)).chain(members).chain(metaschemas)
    }

    /// The document with this index.
    pub(crate) fn at(&self, index: usize) -> Option<&Arc<Value>> {
        self.all().nth(index).map(|(_, value)| value)
    }
}

/// Why a schema can't be used.
#[derive(Debug, Error)]
pub enum CompileError {
    /// The bytes aren't JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// Arrays and objects are nested too deeply.
    #[error("the schema is nested deeper than {JSON_DEPTH_MAX} levels")]
    TooDeep,
    /// `$schema` isn't one of the supported drafts.
    #[error("$schema is {found:?}; supported are draft-04, draft-06, draft-07, 2019-09, 2020-12")]
    Dialect {
        /// The given value.
        found: String,
    },
    /// It violates the meta-schema of its own draft.
    #[error("the schema violates JSON Schema in {} places", violations.len())]
    Invalid {
        /// The violations, located in the schema.
        violations: Vec<Violation>,
    },
    /// A `$ref` names a schema that doesn't exist.
    #[error("there is no {reference}")]
    Missing {
        /// The missing schema.
        reference: Xid,
        /// The place of the `$ref`.
        pointer: String,
    },
    /// A `$ref` or a `$id` leads nowhere.
    #[error("{reference:?} {fault}")]
    Unresolvable {
        /// The place of the keyword.
        pointer: String,
        /// Its text.
        reference: String,
        /// What is wrong with it.
        fault: ReferenceFault,
    },
    /// Schemas refer to each other in a circle.
    #[error("schemas refer to each other in a circle: {}", names(path))]
    Cycle {
        /// The circle; its first schema is repeated at the end.
        path: Vec<Xid>,
    },
    /// A schema that it refers to can't be used.
    #[error("in {reference}, which it refers to: {error}")]
    Broken {
        /// That schema.
        reference: Xid,
        /// Its fault.
        error: Box<CompileError>,
    },
    /// A place leads back to itself without descending into the value, so validation would never
    /// end.
    #[error("{} refers to itself", place(pointer))]
    Endless {
        /// The place.
        pointer: String,
    },
    /// A place leads to so many others for one value that validation would take too long.
    #[error(
        "{} applies more than {} subschemas to one value",
        place(pointer),
        limits::ALTERNATIVES_MAX
    )]
    TooComplex {
        /// The place.
        pointer: String,
    },
    /// A limit is exceeded.
    #[error("the schema has more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

/// Why a reference leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReferenceFault {
    /// No schema has this address.
    #[error(
        "leads nowhere: it is neither the xid of a schema, nor a place in this document, nor the \
         $id of a schema in the same group, nor a draft of JSON Schema"
    )]
    Unknown,
    /// The schema has no such place.
    #[error("leads to no place in the schema that it names")]
    NoPlace,
    /// It isn't a URI reference.
    #[error("is no URI reference (RFC 3986)")]
    Malformed,
    /// Several schemas in the group have this `$id`.
    #[error("is the $id of several schemas: {}; refer to one by its xid", list(.0, ", "))]
    Ambiguous(Vec<Xid>),
}

fn names(path: &[Xid]) -> String {
    list(path, " → ")
}

fn place(pointer: &str) -> &str {
    if pointer.is_empty() { "the schema as a whole" } else { pointer }
}

fn list(xids: &[Xid], between: &str) -> String {
    xids.iter().map(Xid::to_string).collect::<Vec<_>>().join(between)
}

impl CompileError {
    /// The error as violations of the schema document itself.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let (pointer, keyword) = match self {
            Self::Invalid { violations } => return violations.clone(),
            Self::Missing { pointer, .. } | Self::Unresolvable { pointer, .. } => {
                (pointer.as_str(), "$ref")
            }
            Self::Endless { pointer } | Self::TooComplex { pointer } => (pointer.as_str(), "$ref"),
            Self::Cycle { .. } | Self::Broken { .. } => ("", "$ref"),
            Self::Dialect { .. } => ("/$schema", "$schema"),
            Self::Json(_) => ("", "json"),
            Self::TooDeep | Self::TooLarge { .. } => ("", "$schema"),
        };
        vec![Violation::keyword(pointer, keyword, self.to_string())]
    }

    /// The missing schema, if one is the cause, here or in a schema that it refers to.
    #[must_use]
    pub fn missing(&self) -> Option<&Xid> {
        match self {
            Self::Missing { reference, .. } => Some(reference),
            Self::Broken { error, .. } => error.missing(),
            _ => None,
        }
    }

    /// Whether another schema may still come that mends it: one that is missing, here or in a schema
    /// that it refers to.
    #[must_use]
    pub fn awaits_another(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::Unresolvable { fault: ReferenceFault::Unknown, .. } => {
                true
            }
            Self::Broken { error, .. } => error.awaits_another(),
            _ => false,
        }
    }

    /// The error of a schema that refers to the broken one. A cycle already names its schemas.
    pub(crate) fn within(self, reference: &Xid) -> Self {
        match self {
            error @ (Self::Cycle { .. } | Self::Broken { .. } | Self::TooLarge { .. }) => error,
            error => Self::Broken { reference: reference.clone(), error: Box::new(error) },
        }
    }
}

impl Schema {
    /// Parses and compiles a schema.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn parse(bytes: &[u8], sources: &dyn SchemaSources) -> Result<Self, CompileError> {
        Self::compile(&json::parse(bytes)?, sources)
    }

    /// Parses and compiles a schema that is, or will be, a version of this resource. Its relative
    /// references are resolved there, and it may refer to the `$id`s of its group.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn parse_at(
        home: &Xid,
        bytes: &[u8],
        sources: &dyn SchemaSources,
    ) -> Result<Self, CompileError> {
        Self::compile_documents(&json::parse(bytes)?, Some(home), sources)
    }

    /// Compiles a schema. Asks `sources` for the schemas that it refers to by xid, and for those
    /// that they refer to.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn compile(schema: &Value, sources: &dyn SchemaSources) -> Result<Self, CompileError> {
        Self::compile_documents(schema, None, sources)
    }

    fn compile_documents(
        schema: &Value,
        home: Option<&Xid>,
        sources: &dyn SchemaSources,
    ) -> Result<Self, CompileError> {
        let dialect = check_dialect(schema)?;
        let documents = gather(schema, home, sources)?;
        let graph = analyse(&documents.list()?, &documents.links)?;
        let plain = documents.build(dialect, &graph, false)?;
        let references = documents.members.keys().cloned().collect();
        Ok(Self { plain, metered: OnceLock::new(), documents, dialect, references, graph })
    }

    /// The draft of the schema.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// All schemas that its results depend on: the ones that it refers to, directly or not.
    #[must_use]
    pub fn references(&self) -> &BTreeSet<Xid> {
        &self.references
    }

    /// Whether validating a document of this size may take more than some milliseconds.
    #[must_use]
    pub fn may_take_long(&self, bytes: usize) -> bool {
        self.graph.may_take_long(bytes as u64)
    }

    /// Validates a value; without violations, the value is valid. Returns at most
    /// [`VIOLATIONS_MAX`](limits::VIOLATIONS_MAX) violations in the order of the document; the last
    /// one says if there are more.
    #[must_use]
    pub fn validate(&self, value: &Value) -> Vec<Violation> {
        let size = Size::of(value);
        let frames = size.depth.saturating_mul(self.graph.same_depth + 1);
        if frames <= FRAMES_INLINE_MAX {
            return self.check(value, &size);
        }
        thread::scope(|scope| {
            let thread = thread::Builder::new().stack_size(VALIDATE_STACK_BYTES);
            let checked = thread.spawn_scoped(scope, || self.check(value, &size));
            checked.ok().and_then(|checked| checked.join().ok()).unwrap_or_else(too_much)
        })
    }

    fn check(&self, value: &Value, size: &Size) -> Vec<Violation> {
        if self.graph.uncounted(size.steps, size.names) > limits::STEPS_MAX {
            return too_much();
        }
        let verdict = if self.graph.weight.saturating_mul(size.steps) <= limits::UNMETERED_MAX {
            Ok(self.plain.is_valid(value))
        } else {
            self.metered().map_or(Err(Exhausted), |validator| {
                metered(limits::STEPS_MAX, || validator.is_valid(value))
            })
        };
        match verdict {
            Ok(true) => Vec::new(),
            Ok(false) => self.explain(value),
            Err(Exhausted) => too_much(),
        }
    }

    fn explain(&self, value: &Value) -> Vec<Violation> {
        let Some(validator) = self.metered() else { return too_much() };
        let known = QuotableSchemas { documents: Some(&self.documents) };
        let all = metered(limits::STEPS_MAX, || report::all(validator, value, &known));
        all.or_else(|Exhausted| {
            metered(limits::STEPS_MAX, || report::first(validator, value, &known))
        })
        .unwrap_or_else(|Exhausted| too_much())
    }

    #[cfg(test)]
    pub(crate) fn metered_for_tests(&self) -> &Validator {
        self.metered().unwrap_or(&self.plain)
    }

    fn metered(&self) -> Option<&Validator> {
        let build = || self.documents.build(self.dialect, &self.graph, true).ok();
        self.metered.get_or_init(build).as_ref()
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schema")
            .field("dialect", &self.dialect)
            .field("references", &self.references)
            .finish_non_exhaustive()
    }
}

/// The answer if validation takes too long.
fn too_much() -> Vec<Violation> {
    let message = "validating this document takes more than a second; \
                   use a smaller document or a simpler schema";
    vec![Violation::keyword("", "$schema", message)]
}

/// Reads the draft of a schema and validates the schema with its meta-schema.
pub(crate) fn check_dialect(schema: &Value) -> Result<Dialect, CompileError> {
    if depth_of(schema, 0) > JSON_DEPTH_MAX {
        return Err(CompileError::TooDeep);
    }
    let dialect = Dialect::of(schema).map_err(|found| CompileError::Dialect { found })?;
    let meta = match dialect {
        Dialect::Draft4 => jsonschema::draft4::meta::validator(),
        Dialect::Draft6 => jsonschema::draft6::meta::validator(),
        Dialect::Draft7 => jsonschema::draft7::meta::validator(),
        Dialect::Draft201909 => jsonschema::draft201909::meta::validator(),
        Dialect::Draft202012 => jsonschema::draft202012::meta::validator(),
    };
    if meta.is_valid(schema) {
        return Ok(dialect);
    }
    let known = QuotableSchemas::nothing();
    let small = Size::of(schema).steps <= META_REPORT_STEPS_MAX;
    let violations = if small {
        report::all(meta.as_ref(), schema, &known)
    } else {
        report::first(meta.as_ref(), schema, &known)
    };
    Err(CompileError::Invalid { violations })
}

/// For a schema with more values, only the first violation is reported, because all of them are
/// collected before any is cut.
const META_REPORT_STEPS_MAX: u64 = 20_000;

/// The recursion depth that fits any thread's stack: a frame takes about 500 bytes, several per
/// level.
const FRAMES_INLINE_MAX: usize = 400;

/// The stack for deeper validations: 128 levels with 64 alternatives.
const VALIDATE_STACK_BYTES: usize = 64 * 1024 * 1024;

/// The depth of references that can be compiled on the caller's stack.
const COMPILE_INLINE_MAX: usize = 64;

/// The stack for deeper references: [`limits::PLACES_DEPTH_MAX`] places with several kilobytes
/// each. The memory is only reserved, and used as needed.
const COMPILE_STACK_BYTES: usize = 256 * 1024 * 1024;

/// The depth of a value, up to the limit. (The recursion stops there.)
fn depth_of(value: &Value, above: usize) -> usize {
    if above > JSON_DEPTH_MAX {
        return above;
    }
    match value {
        Value::Array(items) => items.iter().map(|item| depth_of(item, above + 1)).max(),
        Value::Object(map) => map.values().map(|member| depth_of(member, above + 1)).max(),
        _ => return above,
    }
    .unwrap_or(above + 1)
}

/// The amount of work in a value.
pub(crate) struct Size {
    pub(crate) steps: u64,
    depth: usize,
    /// The total length of members' names, in bytes.
    names: u64,
}

impl Size {
    pub(crate) fn of(value: &Value) -> Self {
        let below = |size: Self, child: &Value| {
            let child = Self::of(child);
            Self {
                steps: size.steps + child.steps,
                depth: size.depth.max(child.depth + 1),
                names: size.names + child.names,
            }
        };
        let start = Self { steps: 1, depth: 1, names: 0 };
        match value {
            Value::String(text) => Self { steps: 1 + text.len() as u64 / 64, ..start },
            Value::Array(items) => items.iter().fold(start, below),
            Value::Object(map) => {
                let names = map.keys().map(|name| name.len() as u64).sum();
                map.values().fold(Self { names, ..start }, below)
            }
            _ => start,
        }
    }
}

impl Documents {
    fn list(&self) -> Result<Vec<SchemaDocument<'_>>, CompileError> {
        self.all()
            .enumerate()
            .map(|(index, (xid, value))| {
                let dialect =
                    Dialect::of(value).map_err(|found| CompileError::Dialect { found })?;
                let home = if index == 0 { self.home.clone() } else { xid.and_then(Xid::resource) };
                let address = Address::of(home.as_ref());
                let is_metaschema = index > self.members.len();
                Ok(SchemaDocument { xid, value, dialect, address, is_metaschema })
            })
            .collect()
    }

    fn build(
        &self,
        dialect: Dialect,
        graph: &Graph,
        metered: bool,
    ) -> Result<Validator, CompileError> {
        if graph.depth <= COMPILE_INLINE_MAX {
            return self.build_here(dialect, graph, metered);
        }
        thread::scope(|scope| {
            let thread = thread::Builder::new().stack_size(COMPILE_STACK_BYTES);
            let work = || self.build_here(dialect, graph, metered);
            let built = thread.spawn_scoped(scope, work).ok().and_then(|built| built.join().ok());
            let what = "subschemas in a chain of references";
            built.unwrap_or(Err(CompileError::TooLarge { what, limit: COMPILE_INLINE_MAX }))
        })
    }

    fn build_here(
        &self,
        dialect: Dialect,
        graph: &Graph,
        metered: bool,
    ) -> Result<Validator, CompileError> {
        let share = limits::PATTERN_BYTES_TOTAL / graph.patterns.max(1);
        let share = share.min(limits::PATTERN_BYTES_MAX);
        let options = jsonschema::options()
            .with_draft(dialect.draft())
            .should_validate_formats(true)
            .should_ignore_unknown_formats(true)
            .with_pattern_options(PatternOptions::regex().size_limit(share).dfa_size_limit(share));
        let options = bounds::by_digits(options);
        let options = if metered {
            let pattern = meter::pattern(options.clone(), graph.pattern_costs.clone());
            options
                .with_keyword(
                    meter::STEP,
                    meter::keyword(graph.most, graph.asked, graph.pattern_costs.clone()),
                )
                .with_keyword("pattern", pattern)
        } else {
            options
        };
        let mut prepared = self.prepare(graph, metered);
        let root = prepared.remove(0);
        options
            .with_base_uri(canonical(0, 0))
            .with_retriever(Prepared { members: prepared })
            .build(&root)
            .map_err(|error| refused(&error, graph))
    }

    /// The documents in the form that the validator needs: all addresses are replaced by ones that
    /// can't be confused, because the graph has already found out what each reference means.
    fn prepare(&self, graph: &Graph, metered: bool) -> Vec<Arc<Value>> {
        let all = self.all().enumerate();
        all.map(|(index, (_, value))| graph.prepared(index, value, metered)).collect()
    }
}

/// The validator's address of a resource in a document.
pub(crate) fn canonical(document: usize, resource: usize) -> String {
    format!("muster-schema:///{document}/{resource}")
}

/// The document that a validator's address belongs to.
pub(crate) fn document_of(path: &str) -> Option<usize> {
    path.strip_prefix('/')?.split('/').next()?.parse().ok()
}

/// The error for a schema that its draft allows but the validator refuses: a bad pattern, or a
/// `$ref` without a target.
fn refused(error: &ValidationError<'_>, graph: &Graph) -> CompileError {
    match error.kind() {
        jsonschema::error::ValidationErrorKind::Referencing(_) => {
            graph.unresolved().unwrap_or_else(|| CompileError::Unresolvable {
                pointer: error.schema_path().to_string(),
                reference: "$ref".to_owned(),
                fault: ReferenceFault::NoPlace,
            })
        }
        _ => CompileError::Invalid { violations: report::of_schema(error) },
    }
}

/// Gives the validator only the schemas that were collected.
struct Prepared {
    members: Vec<Arc<Value>>,
}

impl Retrieve for Prepared {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let index = document_of(uri.path().as_str()).and_then(|index| index.checked_sub(1));
        let found = index.and_then(|index| self.members.get(index));
        found.map(|value| Value::clone(value)).ok_or_else(|| format!("there is no {uri}").into())
    }
}

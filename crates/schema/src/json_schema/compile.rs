use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::{Arc, OnceLock},
    thread,
};

use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError, Validator};
use muster_words::{Notation, Xid, json::Value, limits::JSON_DEPTH_MAX};

use crate::{
    CompileError, Dialect, ReferenceFault, SchemaSources, Violation,
    json_schema::{
        address::Address,
        analysis::{Graph, SchemaDocument, analyse},
        by_digits::by_digits,
        meter,
        numbers::oversized_numbers,
        report::{self, QuotableSchemas},
        sources::{Purpose, gather},
        vocabulary::DeclaredDialect,
    },
    limits,
    steps::{self, Exhausted, metered},
};

/// A compiled JSON Schema, which can validate any number of values on any thread.
///
/// It supports the drafts 4, 6, 7, 2019-09 and 2020-12. A schema without `$schema` is 2020-12. A
/// `$schema` may also be a schema of the registry, whose `$vocabulary` is respected; other dialects
/// are refused. `format` is an annotation in 2019-09 and 2020-12, as these drafts say, unless the
/// vocabulary asserts it, and is asserted in the drafts before;
/// [`Schema::validate_asserting_formats`] asserts it in all of them. These are the formats that JSON Schema defines (date, date-time, time, duration,
/// email, hostname, ipv4, ipv6, uri, uri-reference, iri, uuid, json-pointer, regex, …); unknown
/// formats are ignored. Patterns run on an engine with linear time, so look-around
/// and back-references are refused when the schema is compiled.
pub struct Schema {
    annotating: Validators,
    /// The same with every `format` asserted. It is built on first use.
    asserting: OnceLock<Option<Validators>>,
    documents: Documents,
    dialect: Dialect,
    references: BTreeSet<Xid>,
    graph: Graph,
}

/// A schema in the forms in which values are validated.
struct Validators {
    plain: Validator,
    /// The same schema with a meter at every place. It is built on first use, for large documents
    /// and to find all violations.
    metered: OnceLock<Option<Validator>>,
    asserts_formats: bool,
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
    /// What the `$schema` of the root (none) and of the members say.
    pub(crate) declared: BTreeMap<Option<Xid>, DeclaredDialect>,
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

impl Schema {
    /// Parses and compiles a schema.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn parse(bytes: &[u8], sources: &dyn SchemaSources) -> Result<Self, CompileError> {
        Self::compile(&Notation::Json.parse(bytes)?, sources)
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
        Self::parse_as(home, Notation::Json, bytes, sources)
    }

    /// The same for a schema in any notation.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn parse_as(
        home: &Xid,
        notation: Notation,
        bytes: &[u8],
        sources: &dyn SchemaSources,
    ) -> Result<Self, CompileError> {
        Self::compile_at(&notation.parse(bytes)?, Some(home), sources)
    }

    /// Compiles a schema. Asks `sources` for the schemas that it refers to by xid, and for those
    /// that they refer to.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn compile(schema: &Value, sources: &dyn SchemaSources) -> Result<Self, CompileError> {
        Self::compile_at(schema, None, sources)
    }

    pub(crate) fn compile_at(
        schema: &Value,
        home: Option<&Xid>,
        sources: &dyn SchemaSources,
    ) -> Result<Self, CompileError> {
        Self::compile_for(schema, home, sources, Purpose::Documents)
    }

    pub(crate) fn compile_for(
        schema: &Value,
        home: Option<&Xid>,
        sources: &dyn SchemaSources,
        purpose: Purpose,
    ) -> Result<Self, CompileError> {
        let documents = gather(schema, home, sources, purpose)?;
        let dialect = documents.declared(None, schema)?.dialect;
        let graph = analyse(&documents.list()?, &documents.links)?;
        let annotating = documents.validators(dialect, &graph, documents.asserts_formats())?;
        let references = documents.members.keys().cloned().collect();
        Ok(Self { annotating, asserting: OnceLock::new(), documents, dialect, references, graph })
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
        self.validate_with(&self.annotating, value)
    }

    /// Validates a value like [`Schema::validate`], and asserts every `format`.
    #[must_use]
    pub fn validate_asserting_formats(&self, value: &Value) -> Vec<Violation> {
        if !self.graph.has_formats {
            return self.validate(value);
        }
        let build = || self.documents.validators(self.dialect, &self.graph, true).ok();
        let asserting = self.asserting.get_or_init(build).as_ref();
        asserting.map_or_else(too_much, |validators| self.validate_with(validators, value))
    }

    fn validate_with(&self, validators: &Validators, value: &Value) -> Vec<Violation> {
        let size = Size::of(value);
        let frames = size.depth.saturating_mul(self.graph.same_depth + 1);
        if frames <= FRAMES_INLINE_MAX {
            return self.check(validators, value, &size);
        }
        thread::scope(|scope| {
            let thread = thread::Builder::new().stack_size(VALIDATE_STACK_BYTES);
            let sign = steps::sign();
            let work = || steps::under(sign, || self.check(validators, value, &size));
            let checked = thread.spawn_scoped(scope, work).ok().and_then(|work| work.join().ok());
            match checked {
                Some(Ok(violations)) => violations,
                Some(Err(stopped)) => steps::stop(stopped),
                None => too_much(),
            }
        })
    }

    fn check(&self, validators: &Validators, value: &Value, size: &Size) -> Vec<Violation> {
        if self.graph.uncounted(size.steps, size.names) > limits::STEPS_MAX {
            return too_much();
        }
        let is_short = self.graph.weight.saturating_mul(size.steps) <= limits::UNMETERED_MAX;
        let validator = if is_short { Some(&validators.plain) } else { self.metered(validators) };
        let verdict = validator.map_or(Err(Exhausted), |validator| {
            // Some keywords count their own steps in either form.
            metered(limits::STEPS_MAX, || validator.is_valid(value))
        });
        match verdict {
            Ok(true) => Vec::new(),
            Ok(false) => self.explain(validators, value),
            Err(Exhausted) => too_much(),
        }
    }

    fn explain(&self, validators: &Validators, value: &Value) -> Vec<Violation> {
        let Some(validator) = self.metered(validators) else { return too_much() };
        let known = QuotableSchemas { documents: Some(&self.documents) };
        // Each error holds its whole path, and names may be long.
        let longest = Size::of(value).longest;
        let all = metered(limits::STEPS_MAX, || {
            meter::with_long_paths(longest, || report::all(validator, value, &known))
        });
        all.or_else(|Exhausted| {
            metered(limits::STEPS_MAX, || report::first(validator, value, &known))
        })
        .unwrap_or_else(|Exhausted| too_much())
    }

    /// The documents that it consists of.
    pub(crate) fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Its places, and where its references lead.
    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    #[cfg(test)]
    pub(crate) fn metered_for_tests(&self) -> &Validator {
        self.metered(&self.annotating).unwrap_or(&self.annotating.plain)
    }

    fn metered<'a>(&self, validators: &'a Validators) -> Option<&'a Validator> {
        let form = ValidatorForm { metered: true, asserts_formats: validators.asserts_formats };
        let build = || self.documents.build(self.dialect, &self.graph, form).ok();
        validators.metered.get_or_init(build).as_ref()
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

/// Reads the draft of a schema and validates the schema with its meta-schema. None if its `$schema`
/// names something else, which may be a schema of the registry.
pub(crate) fn check_draft(schema: &Value) -> Result<Option<Dialect>, CompileError> {
    if depth_of(schema, 0) > JSON_DEPTH_MAX {
        return Err(CompileError::TooDeep);
    }
    match Dialect::of(schema) {
        Ok(dialect) => check_form(schema, dialect).map(|()| Some(dialect)),
        Err(_) if schema.get("$schema").is_some_and(Value::is_string) => Ok(None),
        Err(found) => Err(CompileError::Dialect { found }),
    }
}

/// Validates a schema with the meta-schema of a draft.
pub(crate) fn check_form(schema: &Value, dialect: Dialect) -> Result<(), CompileError> {
    // The meta-schemas' validators would write them out.
    let violations = oversized_numbers(schema);
    if !violations.is_empty() {
        return Err(CompileError::Invalid { violations });
    }
    let meta = match dialect {
        Dialect::Draft4 => jsonschema::draft4::meta::validator(),
        Dialect::Draft6 => jsonschema::draft6::meta::validator(),
        Dialect::Draft7 => jsonschema::draft7::meta::validator(),
        Dialect::Draft201909 => jsonschema::draft201909::meta::validator(),
        Dialect::Draft202012 => jsonschema::draft202012::meta::validator(),
    };
    if meta.is_valid(schema) {
        return Ok(());
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
    /// The length of all names on the longest way to a value, in bytes.
    longest: u64,
}

impl Size {
    pub(crate) fn of(value: &Value) -> Self {
        let below = |size: Self, name: usize, child: &Value| {
            let child = Self::of(child);
            Self {
                steps: size.steps + child.steps,
                depth: size.depth.max(child.depth + 1),
                names: size.names + child.names,
                longest: size.longest.max(child.longest + name as u64),
            }
        };
        let start = Self { steps: 1, depth: 1, names: 0, longest: 0 };
        match value {
            Value::String(text) => Self { steps: 1 + text.len() as u64 / 64, ..start },
            Value::Array(items) => items.iter().fold(start, |size, item| below(size, 0, item)),
            Value::Object(map) => {
                let names = map.keys().map(|name| name.len() as u64).sum();
                let size = Self { names, ..start };
                map.iter().fold(size, |size, (name, member)| below(size, name.len(), member))
            }
            _ => start,
        }
    }
}

impl Documents {
    /// What the `$schema` of a document says; `xid` is none for the root and for metaschemas of
    /// drafts.
    fn declared(&self, xid: Option<&Xid>, value: &Value) -> Result<DeclaredDialect, CompileError> {
        match (Dialect::of(value), self.declared.get(&xid.cloned())) {
            (Ok(dialect), _) => Ok(DeclaredDialect::draft(dialect)),
            (Err(_), Some(declared)) => Ok(*declared),
            (Err(found), None) => Err(CompileError::Dialect { found }),
        }
    }

    /// Whether the `$schema` of one of the documents asserts formats. The validator asserts them in
    /// all documents or in none.
    pub(crate) fn asserts_formats(&self) -> bool {
        self.declared.values().any(|declared| declared.asserts_formats)
    }

    pub(crate) fn list(&self) -> Result<Vec<SchemaDocument<'_>>, CompileError> {
        self.all()
            .enumerate()
            .map(|(index, (xid, value))| {
                let dialect = self.declared(xid, value)?.dialect;
                let home = if index == 0 { self.home.clone() } else { xid.and_then(Xid::resource) };
                let address = Address::of(home.as_ref());
                let is_metaschema = index > self.members.len();
                Ok(SchemaDocument { xid, value, dialect, address, is_metaschema })
            })
            .collect()
    }

    fn validators(
        &self,
        dialect: Dialect,
        graph: &Graph,
        asserts_formats: bool,
    ) -> Result<Validators, CompileError> {
        let form = ValidatorForm { metered: false, asserts_formats };
        let plain = self.build(dialect, graph, form)?;
        Ok(Validators { plain, metered: OnceLock::new(), asserts_formats })
    }

    fn build(
        &self,
        dialect: Dialect,
        graph: &Graph,
        form: ValidatorForm,
    ) -> Result<Validator, CompileError> {
        if graph.depth <= COMPILE_INLINE_MAX {
            return self.build_here(dialect, graph, form);
        }
        thread::scope(|scope| {
            let thread = thread::Builder::new().stack_size(COMPILE_STACK_BYTES);
            let work = || self.build_here(dialect, graph, form);
            let built = thread.spawn_scoped(scope, work).ok().and_then(|built| built.join().ok());
            let what = "subschemas in a chain of references";
            built.unwrap_or(Err(CompileError::TooLarge { what, limit: COMPILE_INLINE_MAX }))
        })
    }

    fn build_here(
        &self,
        dialect: Dialect,
        graph: &Graph,
        form: ValidatorForm,
    ) -> Result<Validator, CompileError> {
        let share = limits::PATTERN_BYTES_TOTAL / graph.patterns.max(1);
        let share = share.min(limits::PATTERN_BYTES_MAX);
        let options = jsonschema::options()
            .with_draft(dialect.draft())
            .should_ignore_unknown_formats(true)
            .with_pattern_options(PatternOptions::regex().size_limit(share).dfa_size_limit(share));
        let options = by_digits(options, graph.has_number_choices);
        let options = match form.asserts_formats {
            true => options.should_validate_formats(true),
            // Each draft does as it says itself.
            false => options,
        };
        let options = if form.metered {
            let pattern = meter::pattern(options.clone(), graph.pattern_costs.clone());
            options
                .with_keyword(meter::STEP, meter::keyword(graph))
                .with_keyword("pattern", pattern)
        } else {
            options
        };
        let mut prepared = self.prepare(graph, form.metered);
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

/// The form of a validator.
#[derive(Clone, Copy)]
struct ValidatorForm {
    /// Whether each place has a meter.
    metered: bool,
    /// Whether every `format` is asserted, whatever the draft.
    asserts_formats: bool,
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

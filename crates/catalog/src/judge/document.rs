use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use muster_model::ResourceType;
use muster_rules::{self as rules, Rule, RuleContext};
use muster_schema::{
    FormattedSchema, FoundViolations, SchemaFormat, Severity, UncheckablePayload, Violation,
    limits::POINTER_BYTES_MAX, oversized_numbers,
};
use muster_words::{
    Notation, NotationError, Xid,
    json::{Map, Value},
    limits::{DOCUMENT_BYTES_MAX, YAML_BYTES_SHORT},
};

use super::{
    DocumentFault, Judge, NoVerdict, Presence, Rejection, Verdict,
    bindings::{
        UnreadContents, binding_documents, holds_rules, holds_schemas, is_among_schemas, schemas_of,
    },
    built_in::{built_in_faults, built_in_schema},
    compiled::SchemaText,
};
use crate::{
    command::SchemaWrite,
    facts::{VersionFacts, each_reference},
    state::Bindings,
};

/// A document to judge.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// Its resource.
    pub xid: &'a Xid,
    /// Its media type.
    pub content_type: Option<&'a str>,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its attributes, if they are known.
    pub attributes: Option<&'a Map<String, Value>>,
    /// How it is registered as a schema, if a command brings it; none if it is stored.
    pub new: Option<&'a SchemaWrite>,
}

impl Judge<'_> {
    /// Judges documents and stores each verdict in `found`, at the document's index. Existing
    /// verdicts stay.
    ///
    /// # Errors
    /// See [`NoVerdict`]. Missing contents of all documents are collected.
    pub fn documents<'d>(
        &self,
        documents: impl Iterator<Item = Document<'d>>,
        found: &mut Vec<Option<Arc<Verdict>>>,
    ) -> Result<(), NoVerdict> {
        let mut missing = UnreadContents::default();
        for (index, document) in documents.enumerate() {
            if found.len() <= index {
                found.push(None);
            }
            if found[index].is_none() {
                let verdict = missing.note_missing(self.document(&document))?;
                found[index] = verdict.map(Arc::new);
            }
        }
        missing.none()
    }

    /// Judges a document. What is wrong with YAML comes with its place in the text, because its
    /// readers have few tools that know JSON Pointers.
    ///
    /// # Errors
    /// See [`NoVerdict`].
    pub fn document(&self, document: &Document<'_>) -> Result<Verdict, NoVerdict> {
        let outcome = self.judged(document);
        match document.notation() {
            Notation::Yaml => located(outcome, document.bytes),
            Notation::Json => outcome,
        }
    }

    fn judged(&self, document: &Document<'_>) -> Result<Verdict, NoVerdict> {
        let (xid, bytes) = (document.xid, document.bytes);
        let kind = self.kind_of(xid).filter(|kind| kind.hasdocument);
        let Some(kind) = kind else { return Ok(Verdict::default()) };
        if bytes.len() > DOCUMENT_BYTES_MAX {
            let fault = DocumentFault::TooLarge { size: bytes.len() };
            return Err(Rejection::Document { xid: xid.clone(), fault }.into());
        }
        let own = xid.group().and_then(|group| self.sources.bindings_of(&group));
        let notation = document.notation();
        let mut verdict = Verdict {
            notation,
            bindings: binding_documents(self.sources, kind, own.as_deref()),
            asserts_format: own.as_ref().is_some_and(|own| own.assert_format),
            message: own.as_ref().and_then(|own| own.message.clone()),
            ..Verdict::default()
        };
        let named = document.content_type.and_then(Notation::named_by);
        let of_program = built_in_schema(kind, xid);
        let must_be_data = !verdict.bindings.is_empty()
            || !kind.aspect.references.is_empty()
            || of_program.is_some()
            || (kind.built_in && named == Some(Notation::Json));
        let is_read = must_be_data || VersionFacts::are_lifted(kind);
        // What an alias stands for may be a thousand times as long as the text.
        let is_long = bytes.len() > YAML_BYTES_SHORT || bytes.contains(&b'*');
        if is_read && notation == Notation::Yaml && is_long {
            self.takes_long()?;
        }
        let value = match is_read.then(|| notation.parse(bytes)).transpose() {
            Ok(value) => value,
            Err(_) if !must_be_data => None,
            Err(error) => {
                let violation = unreadable(&error, named);
                return Err(Rejection::invalid(xid, vec![violation]).into());
            }
        };
        self.check_as_what_it_is(document, kind, &mut verdict)?;
        if let Some(write) = document.new.filter(|_| holds_schemas(kind)) {
            verdict.identity = self.identity(document, &mut verdict)?.map(Arc::new);
            let guid = verdict.identity.as_ref().map(|identity| identity.guid);
            verdict.compatibility = self.sources.compatibility_rule(xid, write, guid);
            verdict.compatibility_group =
                self.sources.compatibility_group(xid).filter(|_| verdict.compatibility.is_some());
        }
        if let Some(rule) = verdict.compatibility {
            self.check_compatibility(document, rule, &mut verdict)?;
        }
        let Some(value) = value else { return Ok(verdict) };
        let mut found = FoundViolations::default();
        if let Some(schema) = of_program {
            found.extend(schema.validate(&value));
            if !found.has_errors() {
                found.extend(built_in_faults(xid, &value));
            }
        }
        found.extend(self.bound_by(document, kind, own.as_deref(), &value, &mut verdict)?);
        self.dangling(kind, &value, &mut found);
        verdict.facts = VersionFacts::of_value(kind, xid, &value);
        if found.has_errors() {
            return Err(Rejection::invalid(xid, found.finish()).into());
        }
        verdict.warnings.extend(found.finish());
        Ok(verdict)
    }

    /// Fails unless it may take more than some milliseconds.
    pub(super) const fn takes_long(&self) -> Result<(), NoVerdict> {
        if self.may_take_long { Ok(()) } else { Err(NoVerdict::Long) }
    }

    /// The resource type of an xid.
    pub(super) fn kind_of(&self, xid: &Xid) -> Option<&ResourceType> {
        let collection = xid.collection()?;
        let resources = collection.resources?;
        let model = self.sources.model();
        model.resource_type(collection.groups.as_str(), resources.as_str()).map(|kind| &**kind)
    }

    /// A rule must compile, and so must a bound schema.
    pub(super) fn check_as_what_it_is(
        &self,
        document: &Document<'_>,
        kind: &ResourceType,
        verdict: &mut Verdict,
    ) -> Result<(), NoVerdict> {
        let xid = document.xid;
        if holds_rules(kind, xid)
            && let Some(id) = xid.id()
            && let Err(error) = Rule::parse(id, document.notation(), document.bytes)
        {
            return Err(Rejection::invalid(xid, vec![error.violation()]).into());
        }
        if !holds_schemas(kind) {
            return Ok(());
        }
        let bound = self.sources.bound_through(xid);
        verdict.format = document.schema_format();
        if let Some(format) = document.schema_format()
            && (format != SchemaFormat::JsonSchema || document.references().is_some())
        {
            self.check_other_format(document, format, !bound.is_empty(), verdict)?;
            return self.check_bound_through(xid, &bound);
        }
        // A text of an unknown format is bound as what it was bound as before it was unknown.
        let text =
            SchemaText { references: None, ..document.schema_text(SchemaFormat::JsonSchema) };
        let compiled = self.compile_schema(xid, text)?;
        verdict.schema_references.extend(compiled.dependencies(self.sources).unwrap_or_default());
        verdict.schema_ids.extend_from_slice(compiled.ids());
        match compiled.schema {
            Ok(_) => verdict.is_schema = true,
            Err(fault) if !bound.is_empty() => {
                let fault = DocumentFault::NoSchema(fault);
                return Err(Rejection::Document { xid: xid.clone(), fault }.into());
            }
            // What it refers to may come later, but before something is bound to it.
            Err(fault) if fault.awaits_another() => {
                let missing = fault.violations().into_iter();
                let warning = |violation| Violation { severity: Severity::Warning, ..violation };
                verdict.warnings.extend(missing.map(warning));
            }
            Err(fault) => verdict.schema_fault = Some(fault.violations().into()),
        }
        self.check_bound_through(xid, &bound)
    }

    /// What leads to a changed schema must go on working, or no document that is bound to it could
    /// be written any more.
    fn check_bound_through(&self, xid: &Xid, bound: &[Xid]) -> Result<(), NoVerdict> {
        let mut missing = UnreadContents::default();
        let others = bound.iter().filter(|name| name.resource().as_ref() != Some(xid));
        for name in others.filter(|name| is_among_schemas(name)) {
            missing.note_missing(self.schema(name))?;
        }
        missing.none()
    }

    /// Checks a document against the bound schemas and rules.
    fn bound_by(
        &self,
        document: &Document<'_>,
        kind: &ResourceType,
        own: Option<&Bindings>,
        value: &Value,
        verdict: &mut Verdict,
    ) -> Result<Vec<Violation>, NoVerdict> {
        let schemas: BTreeSet<&Xid> = schemas_of(kind, own).collect();
        let (mut usable, mut bound) = (Vec::new(), Vec::new());
        let mut missing = UnreadContents::default();
        let mut seen = BTreeSet::new();
        for (xid, _) in verdict.bindings.iter().filter(|(xid, _)| seen.insert(xid)) {
            if schemas.contains(xid) {
                let schema = missing.note_missing(self.schema(xid))?;
                usable.extend(schema.map(|schema| (schema, SchemaUse::of(kind, own, xid))));
            } else {
                bound.extend(missing.note_missing(self.rule(xid))?);
            }
        }
        missing.none()?;
        if !verdict.bindings.is_empty() {
            let oversized = oversized_numbers(value);
            if !oversized.is_empty() {
                return Ok(oversized);
            }
        }
        let schemas =
            || usable.iter().filter_map(|(schema, use_of)| Some((schema.schema()?, use_of)));
        let size = document.bytes.len();
        if schemas().any(|(schema, _)| schema.may_take_long(size)) {
            self.takes_long()?;
        }
        let mut violations: Vec<Violation> = Vec::new();
        for (schema, use_of) in schemas() {
            violations.extend(use_of.check(schema, value));
        }
        if let Some(context) = RuleContext::of(document.xid)
            && !bound.is_empty()
        {
            let found = rules::check(&bound, value, &context, &violations);
            violations.extend(found);
        }
        verdict
            .schema_references
            .extend(usable.into_iter().flat_map(|(schema, _)| schema.dependencies));
        Ok(violations)
    }

    /// Finds references whose targets don't exist.
    fn dangling(&self, kind: &ResourceType, value: &Value, found: &mut FoundViolations) {
        each_reference(&kind.aspect, value, |path, value, target| {
            let severity = match target.as_ref().map(|target| self.sources.presence_of(target)) {
                Some(Presence::There) => return,
                None | Some(Presence::Absent) => Severity::Error,
                Some(Presence::Unknown) => Severity::Warning,
            };
            found.add_with(severity, || {
                let message = match &target {
                    Some(target) => format!("there is no {target}"),
                    None => format!("{} isn't the name of a document", quoted(value)),
                };
                let pointer = path.pointer_within(POINTER_BYTES_MAX);
                Violation { severity, ..Violation::reference(pointer, message) }
            });
        });
    }
}

/// The beginning of a value that isn't a name.
fn quoted(value: &Value) -> String {
    let text = match value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::Array(_) => Cow::Borrowed("a list"),
        Value::Object(_) => Cow::Borrowed("a map"),
        other => Cow::Owned(other.to_string()),
    };
    let text: String = text.chars().take(QUOTE_MAX).collect();
    format!("{text:?}")
}

/// How a bound schema is applied to documents: as its type and its group say.
struct SchemaUse<'a> {
    asserts_formats: bool,
    /// The messages that documents must be; none for the first one.
    messages: BTreeSet<Option<&'a str>>,
}

impl<'a> SchemaUse<'a> {
    /// How the type and the group apply this schema; at least one of them binds it.
    fn of(kind: &'a ResourceType, own: Option<&'a Bindings>, schema: &Xid) -> Self {
        let aspect = &kind.aspect;
        let by_type = (aspect.schema.as_ref() == Some(schema))
            .then_some((aspect.assert_format, aspect.message.as_deref()));
        let by_group = own
            .filter(|own| own.schema.as_ref() == Some(schema))
            .map(|own| (own.assert_format, own.message.as_deref()));
        let both = || by_type.into_iter().chain(by_group);
        Self {
            asserts_formats: both().any(|(asserts, _)| asserts),
            messages: both().map(|(_, message)| message).collect(),
        }
    }

    fn check(&self, schema: &FormattedSchema, value: &Value) -> Vec<Violation> {
        let mut found = Vec::new();
        for message in &self.messages {
            let checked = schema.check_document(value, self.asserts_formats, *message);
            // The schema may have lost the message since it was bound.
            let lost = |error: UncheckablePayload| {
                vec![Violation::keyword("", "message", error.to_string())]
            };
            found.extend(checked.unwrap_or_else(lost));
            if schema.format() != SchemaFormat::Protobuf {
                break;
            }
        }
        found
    }
}

/// How many characters of an invalid name a message quotes.
const QUOTE_MAX: usize = 100;

impl Document<'_> {
    /// How its data is written.
    pub(super) fn notation(&self) -> Notation {
        Notation::of(self.content_type)
    }
}

/// The violation of a document that isn't data, though it must be. If its media type names no
/// notation, it says which there are.
fn unreadable(error: &NotationError, named: Option<Notation>) -> Violation {
    let mut message = error.to_string();
    if named.is_none() {
        message.push_str(
            "; a document here is JSON, or YAML if its media type says so (application/yaml)",
        );
    }
    Violation::keyword("", error.notation().name(), message)
}

/// The same outcome, with the places of its violations in a text that is YAML.
fn located(outcome: Result<Verdict, NoVerdict>, bytes: &[u8]) -> Result<Verdict, NoVerdict> {
    let locate = |violations: &mut [Violation]| {
        let parsed = Notation::Yaml.parse_with_places(bytes);
        for violation in violations {
            violation.place = match &parsed {
                Ok((_, places)) => places.of(&violation.pointer),
                Err(error) => Some(error.place()),
            };
        }
    };
    match outcome {
        Ok(mut verdict) => {
            if !verdict.warnings.is_empty() {
                locate(&mut verdict.warnings);
            }
            if let Some(faults) = &verdict.schema_fault {
                let mut faults = faults.to_vec();
                locate(&mut faults);
                verdict.schema_fault = Some(faults.into());
            }
            Ok(verdict)
        }
        Err(NoVerdict::Rejected(mut rejection)) => {
            if let Rejection::Document { fault: DocumentFault::Invalid(violations), .. } =
                &mut *rejection
            {
                locate(violations);
            }
            Err(NoVerdict::Rejected(rejection))
        }
        Err(other) => Err(other),
    }
}

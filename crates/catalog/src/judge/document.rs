use std::{collections::BTreeSet, sync::Arc};

use muster_model::ResourceType;
use muster_rules::{self as rules, Rule, RuleContext};
use muster_schema::{Schema, Severity, Violation};
use muster_words::{
    Xid,
    json::{self, Value},
    limits::DOCUMENT_BYTES_MAX,
};

use super::{
    DocumentFault, Judge, NoVerdict, Presence, Rejection, Verdict,
    bindings::{
        UnreadContents, binding_documents, holds_rules, holds_schemas, is_among_schemas, schemas_of,
    },
    verdict::schema_violations,
};
use crate::{
    facts::{VersionFacts, reference_fields},
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

    /// Judges a document.
    ///
    /// # Errors
    /// See [`NoVerdict`].
    pub fn document(&self, document: &Document<'_>) -> Result<Verdict, NoVerdict> {
        let (xid, bytes) = (document.xid, document.bytes);
        let kind = self.kind_of(xid).filter(|kind| kind.hasdocument);
        let Some(kind) = kind else { return Ok(Verdict::default()) };
        if bytes.len() > DOCUMENT_BYTES_MAX {
            let fault = DocumentFault::TooLarge { size: bytes.len() };
            return Err(Rejection::Document { xid: xid.clone(), fault }.into());
        }
        let own = xid.group().and_then(|group| self.sources.bindings_of(&group));
        let mut verdict = Verdict {
            bindings: binding_documents(self.sources, kind, own.as_deref()),
            asserts_format: own.as_ref().is_some_and(|own| own.assert_format),
            ..Verdict::default()
        };
        let is_json = document.content_type.is_some_and(is_json);
        let must_be_json = !verdict.bindings.is_empty()
            || !kind.aspect.references.is_empty()
            || (kind.built_in && is_json);
        let value = match json::parse(bytes) {
            _ if !must_be_json && !holds_schemas(kind) => None,
            Ok(value) => Some(value),
            Err(_) if !must_be_json => None,
            Err(error) => {
                let violation = Violation::keyword("", "json", error.to_string());
                return Err(Rejection::invalid(xid, vec![violation]).into());
            }
        };
        self.check_as_what_it_is(document, kind, &mut verdict)?;
        let Some(value) = value else { return Ok(verdict) };
        let mut violations = self.bound_by(document, kind, own.as_deref(), &value, &mut verdict)?;
        violations.extend(self.dangling(kind, &value));
        verdict.facts = VersionFacts::of_value(kind, xid, &value);
        let (errors, warnings): (Vec<_>, Vec<_>) =
            violations.into_iter().partition(Violation::is_error);
        if errors.is_empty() {
            verdict.warnings.extend(warnings);
            return Ok(verdict);
        }
        let all = errors.into_iter().chain(warnings).collect();
        Err(Rejection::invalid(xid, all).into())
    }

    /// The resource type of an xid.
    fn kind_of(&self, xid: &Xid) -> Option<&ResourceType> {
        let collection = xid.collection()?;
        let resources = collection.resources?;
        let model = self.sources.model();
        model.resource_type(collection.groups.as_str(), resources.as_str()).map(|kind| &**kind)
    }

    /// A rule must compile, and so must a bound schema.
    fn check_as_what_it_is(
        &self,
        document: &Document<'_>,
        kind: &ResourceType,
        verdict: &mut Verdict,
    ) -> Result<(), NoVerdict> {
        let xid = document.xid;
        if holds_rules(kind, xid)
            && let Some(id) = xid.id()
            && let Err(error) = Rule::compile(id, document.bytes)
        {
            return Err(Rejection::invalid(xid, vec![error.violation()]).into());
        }
        if !holds_schemas(kind) {
            return Ok(());
        }
        let bound = self.sources.bound_through(xid);
        let compiled = self.compile_schema(xid, document.bytes)?;
        verdict.schema_references.extend(compiled.dependencies(self.sources).unwrap_or_default());
        verdict.schema_ids.extend_from_slice(compiled.ids());
        match compiled.schema {
            Ok(_) => verdict.is_schema = true,
            Err(error) if !bound.is_empty() => {
                let fault = DocumentFault::NoSchema(error);
                return Err(Rejection::Document { xid: xid.clone(), fault }.into());
            }
            // What it refers to may come later, but before something is bound to it.
            Err(error) if error.awaits_another() => {
                let missing = schema_violations(&error).into_iter();
                let warning = |violation| Violation { severity: Severity::Warning, ..violation };
                verdict.warnings.extend(missing.map(warning));
            }
            Err(error) => verdict.schema_fault = Some(schema_violations(&error).into()),
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
                usable.extend(schema.map(|schema| (schema, asserts_format(kind, own, xid))));
            } else {
                bound.extend(missing.note_missing(self.rule(xid))?);
            }
        }
        missing.none()?;
        let schemas =
            || usable.iter().filter_map(|(schema, asserts)| Some((schema.schema()?, *asserts)));
        let size = document.bytes.len();
        if !self.may_take_long && schemas().any(|(schema, _)| schema.may_take_long(size)) {
            return Err(NoVerdict::Long);
        }
        let validated = |(schema, asserts): (&Schema, bool)| match asserts {
            true => schema.validate_asserting_formats(value),
            false => schema.validate(value),
        };
        let mut violations: Vec<Violation> = schemas().flat_map(validated).collect();
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
    fn dangling(&self, kind: &ResourceType, value: &Value) -> Vec<Violation> {
        let mut violations = Vec::new();
        for field in reference_fields(&kind.aspect, value) {
            let Some(target) = field.target else {
                let text: String = field.text.chars().take(QUOTE_MAX).collect();
                let message = format!("{text:?} isn't the name of a document");
                violations.push(Violation::reference(field.pointer, message));
                continue;
            };
            let severity = match self.sources.presence_of(&target) {
                Presence::There => continue,
                Presence::Absent => Severity::Error,
                Presence::Unknown => Severity::Warning,
            };
            let message = format!("there is no {target}");
            violations.push(Violation { severity, ..Violation::reference(field.pointer, message) });
        }
        violations
    }
}

/// Whether a binding of this schema asserts every `format`.
fn asserts_format(kind: &ResourceType, own: Option<&Bindings>, schema: &Xid) -> bool {
    let by_type = kind.aspect.assert_format && kind.aspect.schema.as_ref() == Some(schema);
    by_type || own.is_some_and(|own| own.assert_format && own.schema.as_ref() == Some(schema))
}

/// How many characters of an invalid name a message quotes.
const QUOTE_MAX: usize = 100;

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

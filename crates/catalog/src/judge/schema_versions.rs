use std::{cell::RefCell, sync::Arc};

use muster_schema::{
    Broken, Certainty, FormattedSchema, FoundViolations, SchemaContext, SchemaFormat, Violation,
    check_level,
};
use muster_words::{
    Xid,
    json::{Map, Value},
};

use super::{
    ContentBytes, Dependency, Document, DocumentContent, DocumentFault, Judge, NoVerdict,
    Rejection, SchemaFault, Verdict,
    bindings::UnreadContents,
    compiled::{FollowedSchemas, SchemaText, parsed_schema},
    schema_identity::{UnresolvedReference, references_in},
};
use crate::{schema_settings::metadata_property, state::CompatibilityRule};

/// The most earlier versions with which a new one is compared.
const COMPARED_MAX: usize = 1_000;

/// How many versions are looked at for the one before: the newest, and others where its text is
/// erased. A resource may have tens of thousands.
const NEWEST_READ: usize = 4;

/// The bytes up to which an Avro or Protobuf schema that refers to no other is read and compared in
/// less than a millisecond.
const SHORT_SCHEMA_BYTES: usize = 8 * 1024;

/// A version of a schema that was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierVersion {
    /// Its xid.
    pub xid: Xid,
    /// Its document.
    pub content: DocumentContent,
    /// The size of its document.
    pub bytes: u32,
}

impl DocumentContent {
    /// The format of a schema with these attributes; none if it is in a format that isn't known.
    pub(super) fn schema_format(
        &self,
        attributes: Option<&Map<String, Value>>,
    ) -> Option<SchemaFormat> {
        let named = attributes.and_then(|map| map.get("format")?.as_str());
        let assumed = self.schema.map(|origin| origin.assumed).unwrap_or_default();
        named.map_or(Some(assumed), |named| SchemaFormat::of_stored(Some(named), None))
    }
}

impl Document<'_> {
    /// Its attribute `format`.
    pub(super) fn named_format(&self) -> Option<&str> {
        self.attributes?.get("format")?.as_str()
    }

    /// Its text, as a schema of this format.
    pub(super) fn schema_text(&self, format: SchemaFormat) -> SchemaText<'_> {
        let (notation, references) = (self.notation(), self.references());
        SchemaText { notation, bytes: self.bytes, format, references }
    }

    /// The format of a schema: its attribute `format`, else what its media type says; none if it is
    /// in a format that isn't known.
    pub(super) fn schema_format(&self) -> Option<SchemaFormat> {
        SchemaFormat::of_stored(self.named_format(), self.content_type)
    }
}

impl Judge<'_> {
    /// Checks a schema in Avro or Protobuf. What it refers to may come later, but before something is
    /// bound to it, so until then a name that isn't known is a warning.
    pub(super) fn check_other_format(
        &self,
        document: &Document<'_>,
        format: SchemaFormat,
        is_bound: bool,
        verdict: &mut Verdict,
    ) -> Result<(), NoVerdict> {
        match self.read_new(document, format, verdict)? {
            Ok(schema) => {
                for message in self.sources.bound_messages(document.xid) {
                    if let Err(error) = schema.check_message(Some(&message)) {
                        let fault = DocumentFault::NoSchema(SchemaFault::Message(error));
                        return Err(Rejection::Document { xid: document.xid.clone(), fault }.into());
                    }
                }
                verdict.is_schema = true;
                verdict.warnings.extend_from_slice(schema.warnings());
            }
            Err(fault) if !is_bound && fault.awaits_another() => {
                let warning = |violation| Violation {
                    severity: muster_schema::Severity::Warning,
                    ..violation
                };
                verdict.warnings.extend(fault.violations().into_iter().map(warning));
            }
            Err(fault) => {
                let fault = DocumentFault::NoSchema(fault);
                return Err(Rejection::Document { xid: document.xid.clone(), fault }.into());
            }
        }
        Ok(())
    }

    /// Compares a new version of a schema with those that were there before, as its group asks for.
    pub(super) fn check_compatibility(
        &self,
        document: &Document<'_>,
        rule: CompatibilityRule,
        verdict: &mut Verdict,
    ) -> Result<(), NoVerdict> {
        let xid = document.xid;
        if rule.level.directions().is_empty() {
            return Ok(());
        }
        let needs_all = rule.level.is_transitive() || verdict.compatibility_group.is_some();
        verdict.earlier_at_most = if needs_all { usize::MAX } else { NEWEST_READ };
        verdict.earlier = self.sources.earlier_versions(xid, verdict.earlier_at_most);
        let undecided = |what: String, why: Vec<Violation>| -> NoVerdict {
            let message =
                format!("it can't be compared with other versions, as this group asks for: {what}");
            let first = Violation::keyword("", "undecided", message);
            Rejection::invalid(xid, [vec![first], why].concat()).into()
        };
        let Some(format) = document.schema_format() else {
            let named = document.named_format().unwrap_or_default();
            let what = format!("{named:?} isn't a format that is known here");
            return Err(undecided(what, Vec::new()));
        };
        let count = if rule.level.is_transitive() { verdict.earlier.len() } else { 1 };
        if count > COMPARED_MAX {
            let what = format!(
                "there are more than {COMPARED_MAX}; delete old ones, or ask for a level that isn't \
                 transitive"
            );
            return Err(undecided(what, Vec::new()));
        }
        if !document.schema_text(format).is_short() || !are_short(verdict, count) {
            self.takes_long()?;
        }
        let read = self.read_new(document, format, verdict)?;
        let new =
            read.map_err(|fault| undecided("it can't be read".to_owned(), fault.violations()))?;
        let (mut found, compared) = self.compare(document, &new, (rule, count), verdict)?;
        if compared < count && verdict.earlier.len() == verdict.earlier_at_most {
            verdict.earlier_at_most = usize::MAX;
            verdict.earlier = self.sources.earlier_versions(xid, usize::MAX);
            self.takes_long()?;
            (found, _) = self.compare(document, &new, (rule, count), verdict)?;
        }
        match found.has_errors() {
            true => Err(Rejection::invalid(xid, found.finish()).into()),
            false => Ok(()),
        }
    }

    /// Compares a new version with so many of those before it; returns with how many it was compared.
    fn compare(
        &self,
        document: &Document<'_>,
        new: &FormattedSchema,
        (rule, count): (CompatibilityRule, usize),
        verdict: &mut Verdict,
    ) -> Result<(FoundViolations, usize), NoVerdict> {
        let mut missing = UnreadContents::default();
        let mut found = FoundViolations::default();
        let mut compared = 0;
        for earlier in verdict.earlier.clone() {
            if compared == count || found.is_full() {
                break;
            }
            if let Some(name) = &verdict.compatibility_group {
                let attributes = missing.note_missing(self.attributes_of(&earlier.content))?;
                let metadata = |map: Option<&Map<String, Value>>| {
                    map.and_then(|map| metadata_property(map.get("metadata"), name))
                };
                let theirs = attributes.map(|attributes| metadata(attributes.as_ref()));
                if theirs.is_some_and(|theirs| theirs != metadata(document.attributes)) {
                    continue;
                }
            }
            let read = self.read_earlier(&earlier, verdict);
            let old = missing.note_missing(read)?;
            // What was purged or never was a schema has no readers. What must be fetched may have.
            compared += usize::from(!matches!(old, Some(None)));
            let Some(Some(old)) = old else { continue };
            let compare =
                |old: &&FormattedSchema, direction| old.compare(new, direction, rule.policy);
            let all = check_level(rule.level, [&*old], compare);
            let broken = all.into_iter().flat_map(|one| one.findings);
            found.extend(broken.map(|broken| violation(&broken, &earlier.xid, rule)));
        }
        missing.none()?;
        Ok((found, compared))
    }

    /// The schema that a command brings, with what its attribute `references` names.
    pub(super) fn read_new(
        &self,
        document: &Document<'_>,
        format: SchemaFormat,
        verdict: &mut Verdict,
    ) -> Result<Result<Arc<FormattedSchema>, SchemaFault>, NoVerdict> {
        self.read_with_references(document.xid, document.schema_text(format), verdict)
    }

    /// Reads a schema with what its attribute `references` names.
    pub(super) fn read_with_references(
        &self,
        xid: &Xid,
        text: SchemaText<'_>,
        verdict: &mut Verdict,
    ) -> Result<Result<Arc<FormattedSchema>, SchemaFault>, NoVerdict> {
        let named = match self.referenced(xid, text.references, verdict)? {
            Ok(named) => named.texts,
            Err(unresolved) => {
                let UnresolvedReference { violation, missing } = unresolved;
                let violations = [violation].into();
                return Ok(Err(SchemaFault::Text { format: text.format, violations, missing }));
            }
        };
        if !text.is_short() {
            self.takes_long()?;
        }
        let read = self.read_schema(xid, text, &named, verdict)?;
        Ok(read.map_err(|found| SchemaFault::of_text(text.format, found)))
    }

    /// An earlier version; none if it was purged, or isn't a schema.
    fn read_earlier(
        &self,
        earlier: &EarlierVersion,
        verdict: &mut Verdict,
    ) -> Result<Option<Arc<FormattedSchema>>, NoVerdict> {
        let attributes = self.attributes_of(&earlier.content)?;
        let format = earlier.content.schema_format(attributes.as_ref());
        let Some(format) = format else { return Ok(None) };
        let bytes = match self.sources.bytes_of(&earlier.content.content) {
            ContentBytes::Erased => return Ok(None),
            ContentBytes::Unread => {
                return Err(NoVerdict::Missing([earlier.content.content].into()));
            }
            ContentBytes::Bytes(bytes) => bytes,
        };
        let references = references_in(attributes.as_ref());
        if references.is_some() {
            self.takes_long()?;
        }
        let notation = earlier.content.notation;
        let text = SchemaText { notation, bytes: &bytes, format, references };
        Ok(self.read_with_references(&earlier.xid, text, verdict)?.ok())
    }

    /// Reads a schema, with the stored schemas that it refers to.
    fn read_schema(
        &self,
        xid: &Xid,
        text: SchemaText<'_>,
        texts: &[(String, String)],
        verdict: &mut Verdict,
    ) -> Result<Result<Arc<FormattedSchema>, Vec<Violation>>, NoVerdict> {
        let home = xid.resource().unwrap_or_else(|| xid.clone());
        let followed = FollowedSchemas {
            sources: self.sources,
            names: RefCell::default(),
            ids: RefCell::default(),
            missing: RefCell::default(),
        };
        let texts: Vec<(&str, &str)> =
            texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let context = SchemaContext {
            home: Some(&home),
            sources: &followed,
            texts: &texts,
            notation: Some(text.notation),
        };
        let read = parsed_schema(self.compiled, text.format, text.bytes, &context);
        let missing = followed.missing.into_inner();
        if !missing.is_empty() {
            return Err(NoVerdict::Missing(missing));
        }
        let names = followed.names.into_inner().into_keys();
        let references: Vec<Dependency> = names
            .map(|name| {
                let found = self.sources.content_at(&name);
                (name, found)
            })
            .collect();
        verdict.schema_references.extend(references);
        verdict.schema_ids.extend(followed.ids.into_inner());
        Ok(read)
    }
}

impl SchemaText<'_> {
    /// Whether a schema is read so quickly that it needs no turn of its own.
    fn is_short(&self) -> bool {
        self.format != SchemaFormat::JsonSchema
            && self.references.is_none()
            && self.bytes.len() <= SHORT_SCHEMA_BYTES
    }
}

/// Whether so many earlier versions are compared so quickly that it needs no turn of its own.
fn are_short(verdict: &Verdict, count: usize) -> bool {
    let bytes = verdict.earlier.iter().take(count).map(|earlier| earlier.bytes as usize);
    verdict.compatibility_group.is_none() && bytes.sum::<usize>() <= SHORT_SCHEMA_BYTES
}

/// What a finding of a comparison is for whoever puts the new version.
fn violation(broken: &Broken, earlier: &Xid, rule: CompatibilityRule) -> Violation {
    let version = earlier.id().map_or("", |id| id.as_str());
    let undecided = match broken.certainty {
        Certainty::Broken => "",
        Certainty::Undecided => " for certain",
    };
    let advice = broken.suggestion.as_deref().map(|text| format!("; to pass: {text}"));
    let message = format!(
        "it isn't {} compatible{undecided} with version {version} ({}): {}{}",
        rule.level,
        rule.policy,
        broken.message,
        advice.unwrap_or_default()
    );
    Violation::keyword(broken.path.clone(), broken.rule.clone(), message).bounded()
}

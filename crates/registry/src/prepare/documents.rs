use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use muster_catalog::{
    Catalog, Reason, Refusal,
    decide::{Sight, binds_as_schema, standing},
    facts::{VersionFacts, reference_fields},
    state::Bindings,
    tree::{DocumentPart, Tree, Verdict},
};
use muster_model::ResourceType;
use muster_rules as rules;
use muster_rules::{Rule, RuleContext};
use muster_schema::{Severity, Violation, ViolationSource};
use muster_words::{
    Xid,
    json::{self, Value},
    limits::DOCUMENT_BYTES_MAX,
};

use super::{
    bindings::{refuse, schema_violations},
    bindings_of,
    compiled::{Unusable, compile_rule},
};
use crate::{SubmitError, registry::Heart};

impl Heart {
    /// Checks every document that a tree brings, and leaves the verdicts in it.
    pub(super) async fn check_documents(
        &self,
        sight: Sight<'_>,
        tree: &mut Tree,
        warnings: &mut Vec<Violation>,
    ) -> Result<(), SubmitError> {
        let coming = coming(tree);
        let bound: BTreeMap<Xid, Option<Arc<Bindings>>> = tree
            .groups
            .iter()
            .map(|group| (group.xid.clone(), bindings_of(sight.view, tree.mode, group)))
            .collect();
        for (xid, kind, version) in tree.versions_mut() {
            let content_type = content_type(&version.attributes, &version.document);
            let DocumentPart::Bytes(document) = &mut version.document else { continue };
            let own = xid.group().and_then(|group| bound.get(&group).cloned().flatten());
            let bytes = document.bytes.clone();
            let check = Check { sight, xid, kind, own: own.as_deref(), coming: Some(&coming) };
            let verdict = self.verdict(&check, content_type.as_deref(), &bytes, warnings).await?;
            document.verdict = Some(Arc::new(verdict));
        }
        Ok(())
    }

    /// Checks one stored document again.
    #[expect(clippy::too_many_arguments, reason = "a restore has them from seven places")]
    pub(super) async fn check_one(
        &self,
        view: &Arc<Catalog>,
        xid: &Xid,
        own: Option<&Bindings>,
        content_type: Option<&str>,
        bytes: &Bytes,
        coming: Option<&BTreeSet<Xid>>,
        warnings: &mut Vec<Violation>,
    ) -> Result<Verdict, SubmitError> {
        let kind = xid.collection().and_then(|collection| {
            let resources = collection.resources?;
            view.model.resource_type(collection.groups.as_str(), resources.as_str()).cloned()
        });
        let Some(kind) = kind else { return Err(Refusal::not_found(xid).into()) };
        let resource = xid.resource().unwrap_or_else(|| xid.clone());
        let sight = Sight { view, brought: None };
        let check = Check { sight, xid: &resource, kind: &kind, own, coming };
        self.verdict(&check, content_type, bytes, warnings).await
    }

    async fn verdict(
        &self,
        check: &Check<'_>,
        content_type: Option<&str>,
        bytes: &Bytes,
        warnings: &mut Vec<Violation>,
    ) -> Result<Verdict, SubmitError> {
        if bytes.len() > DOCUMENT_BYTES_MAX {
            let (size, limit) = (bytes.len(), DOCUMENT_BYTES_MAX);
            return Err(Refusal::new(check.xid, Reason::DocumentTooLarge { size, limit }).into());
        }
        let mut verdict = Verdict {
            standing: standing(&check.sight, check.kind, check.own),
            ..Verdict::default()
        };
        let is_json = content_type.is_some_and(is_json);
        let is_bound = !verdict.standing.is_empty() || VersionFacts::are_lifted(check.kind);
        let value = if is_bound || (check.kind.built_in && is_json) {
            Some(json::parse(bytes).map_err(|error| {
                let violation = Violation::keyword(String::new(), "json", error.to_string());
                Refusal::invalid_document(check.xid, vec![violation])
            })?)
        } else {
            None
        };
        self.check_as_what_it_is(check, bytes, &mut verdict).await?;
        if let Some(value) = value {
            let mut violations = self.bound_by(check, bytes, &value, &mut verdict).await?;
            violations.extend(check.dangling(&value));
            verdict.facts = VersionFacts::of_value(check.kind, &value);
            let (errors, warned): (Vec<_>, Vec<_>) =
                violations.into_iter().partition(|found| found.severity == Severity::Error);
            if !errors.is_empty() {
                let all = errors.into_iter().chain(warned).collect();
                return Err(Refusal::invalid_document(check.xid, all).into());
            }
            warnings.extend(warned);
        }
        Ok(verdict)
    }

    /// What the bound schemas and rules find.
    async fn bound_by(
        &self,
        check: &Check<'_>,
        bytes: &[u8],
        value: &Value,
        verdict: &mut Verdict,
    ) -> Result<Vec<Violation>, SubmitError> {
        let schemas: Vec<Xid> = check.schemas().cloned().collect();
        let mut violations = Vec::new();
        for xid in &schemas {
            let compiled =
                self.schema(&check.sight, xid).await.map_err(|unusable| refuse(xid, unusable))?;
            verdict.behind.extend(compiled.behind.iter().cloned());
            let validating = async { compiled.schema.validate(value) };
            violations.extend(if compiled.schema.may_take_long(bytes.len()) {
                self.long_work.run(validating).await
            } else {
                validating.await
            });
        }
        let mut bound: Vec<Arc<Rule>> = Vec::new();
        for (xid, content) in &verdict.standing {
            if schemas.contains(xid) {
                continue;
            }
            if content.is_none() {
                return Err(refuse(xid, Unusable::Missing));
            }
            let rule = self.rule(&check.sight, xid).await;
            bound.push(rule.map_err(|unusable| refuse(xid, unusable))?);
        }
        if let Some(context) = RuleContext::of(check.xid)
            && !bound.is_empty()
        {
            let found = rules::check(&bound, value, &context, &violations);
            violations.extend(found);
        }
        Ok(violations)
    }

    /// A rule must compile when it is put, and a schema where something binds it.
    async fn check_as_what_it_is(
        &self,
        check: &Check<'_>,
        bytes: &[u8],
        verdict: &mut Verdict,
    ) -> Result<(), SubmitError> {
        let Xid::Resource { groups, .. } = check.xid else { return Ok(()) };
        if !check.kind.built_in {
            return Ok(());
        }
        if groups.as_str() == "rulegroups" {
            compile_rule(check.xid, bytes)
                .map_err(|error| Refusal::invalid_document(check.xid, vec![error.violation()]))?;
        }
        if binds_as_schema(check.sight.view, check.kind, check.xid) {
            match self.compile_schema(&check.sight, bytes).await {
                Ok(compiled) => {
                    verdict.is_schema = true;
                    verdict.behind.extend(compiled.behind);
                }
                Err(Unusable::Schema(error)) => {
                    let violations = schema_violations(&error);
                    return Err(Refusal::invalid_document(check.xid, violations).into());
                }
                Err(unusable) => return Err(refuse(check.xid, unusable)),
            }
        }
        Ok(())
    }
}

/// A document on its way through the checks.
struct Check<'a> {
    sight: Sight<'a>,
    /// The resource.
    xid: &'a Xid,
    kind: &'a ResourceType,
    own: Option<&'a Bindings>,
    /// What the same command writes: what it puts together may name each other.
    coming: Option<&'a BTreeSet<Xid>>,
}

impl Check<'_> {
    fn schemas(&self) -> impl Iterator<Item = &Xid> {
        let own = self.own.and_then(|own| own.schema.as_ref());
        self.kind.aspect.schema.iter().chain(own)
    }

    /// Finds the references to what isn't there.
    fn dangling(&self, value: &Value) -> Vec<Violation> {
        let mut violations = Vec::new();
        for field in reference_fields(&self.kind.aspect, value) {
            let Some(target) = field.target else {
                let message = format!("{:?} names no document", shortened(&field.text));
                violations.push(reference(field.pointer, message));
                continue;
            };
            let comes = self.coming.is_some_and(|coming| coming.contains(&target));
            if !comes && !self.sight.view.has(&target) {
                violations.push(reference(field.pointer, format!("there is no {target}")));
            }
        }
        violations
    }
}

/// What a command makes, or writes anew, as far as that can be said before it is decided: the
/// versions whose numbers the server gives aren't known.
fn coming(tree: &Tree) -> BTreeSet<Xid> {
    let mut coming = BTreeSet::new();
    for group in &tree.groups {
        coming.insert(group.xid.clone());
        for node in &group.resources {
            coming.insert(node.xid.clone());
            let versions = node.versions.iter().flatten().chain(&node.default);
            let ids = versions.filter_map(|version| version.id.clone());
            coming.extend(ids.filter_map(|id| node.xid.version(id)));
        }
    }
    coming
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

fn reference(pointer: String, message: String) -> Violation {
    Violation { pointer, source: ViolationSource::Reference, severity: Severity::Error, message }
}

fn content_type(attributes: &json::Map<String, Value>, document: &DocumentPart) -> Option<String> {
    match attributes.get("contenttype") {
        Some(Value::String(text)) => Some(text.clone()),
        _ => match document {
            DocumentPart::Bytes(new) => new.default_content_type.map(ToOwned::to_owned),
            _ => None,
        },
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

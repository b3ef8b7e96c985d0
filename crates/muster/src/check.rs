//! Documents checked as a registry would check them, without one: against the schemas and rules
//! that a model and groups bind, with the same code.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use muster_catalog::facts::reference_fields;
use muster_model::{Model, ResourceType};
use muster_rules as rules;
use muster_rules::{Rule, RuleContext};
use muster_schema::{CompileError, Schema, Severity, Violation, ViolationSource};
use muster_words::{
    Xid,
    json::{self, Value},
};

/// What the checks may look at: documents and groups, of a folder or of a registry.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// Documents.
    pub documents: BTreeMap<Xid, Held>,
    /// Attributes of groups.
    pub groups: BTreeMap<Xid, Value>,
    /// What is known to exist besides.
    pub elsewhere: BTreeSet<Xid>,
    /// Whether nothing exists that isn't here: then what is missing is an error, else a warning.
    pub is_all: bool,
}

/// A document, as it is checked.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its type.
    pub content_type: String,
}

/// Checks documents, and keeps compiled what they are checked against.
pub struct Checker<'a> {
    model: &'a Model,
    holdings: &'a Holdings,
    schemas: BTreeMap<Xid, Arc<Result<Schema, String>>>,
    rules: BTreeMap<Xid, Arc<Result<Arc<Rule>, String>>>,
}

impl<'a> Checker<'a> {
    /// Checks by that model, with what is at hand.
    #[must_use]
    pub const fn new(model: &'a Model, holdings: &'a Holdings) -> Self {
        Self { model, holdings, schemas: BTreeMap::new(), rules: BTreeMap::new() }
    }

    /// Everything that is wrong with a document, errors and warnings.
    pub fn check(&mut self, xid: &Xid, document: &Held) -> Vec<Violation> {
        let kind = resource_type(self.model, xid).filter(|kind| kind.hasdocument);
        let Some(kind) = kind else { return Vec::new() };
        let mut found = as_what_it_is(self.holdings, xid, kind, &document.bytes);
        let (schemas, rules) = self.bindings(xid, kind);
        let is_bound =
            !schemas.is_empty() || !rules.is_empty() || !kind.aspect.references.is_empty();
        if !(is_bound || kind.built_in && is_json(&document.content_type)) {
            return found;
        }
        let value = match json::parse(&document.bytes) {
            Ok(value) => value,
            Err(error) => {
                if found.is_empty() {
                    found.push(Violation::keyword("", "json", error.to_string()));
                }
                return found;
            }
        };
        for schema in schemas {
            match &*self.schema(&schema) {
                Ok(schema) => found.extend(schema.validate(&value)),
                Err(why) => found.push(self.unbound(&schema, why)),
            }
        }
        let bound = self.usable(rules, &mut found);
        if let Some(context) = RuleContext::of(xid) {
            found.extend(rules::check(&bound, &value, &context, &found));
        }
        found.extend(self.references(kind, &value));
        found
    }

    /// The schemas and rules that a document is bound to, by its type and by its group.
    #[must_use]
    pub fn bindings(&self, xid: &Xid, kind: &ResourceType) -> (Vec<Xid>, Vec<Xid>) {
        let own = xid.group().and_then(|group| self.holdings.groups.get(&group)?.get("muster"));
        let text = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        let own_schema: Option<Xid> = own.and_then(|own| text(own.get("schema")?));
        let own_rules = own.and_then(|own| own.get("rules")?.as_array());
        let schemas = kind.aspect.schema.iter().cloned().chain(own_schema);
        let rules = own_rules.into_iter().flatten().filter_map(text);
        (schemas.collect(), kind.aspect.rules.iter().cloned().chain(rules).collect())
    }

    /// The rules that names of rules and of groups of rules stand for, compiled.
    fn usable(&mut self, names: Vec<Xid>, found: &mut Vec<Violation>) -> Vec<Arc<Rule>> {
        let mut bound = Vec::new();
        let mut seen = BTreeSet::new();
        for name in names {
            let members = self.members(&name);
            if members.is_empty() {
                found.push(self.unbound(&name, "isn't there"));
            }
            for rule in members {
                if !seen.insert(rule.clone()) {
                    continue;
                }
                match &*self.rule(&rule) {
                    Ok(rule) => bound.push(Arc::clone(rule)),
                    Err(why) => found.push(self.unbound(&rule, why)),
                }
            }
        }
        bound
    }

    fn members(&self, name: &Xid) -> Vec<Xid> {
        match name {
            Xid::Group { .. } => {
                let documents = self.holdings.documents.keys();
                documents.filter(|xid| xid.group().as_ref() == Some(name)).cloned().collect()
            }
            _ => vec![name.clone()],
        }
    }

    fn schema(&mut self, xid: &Xid) -> Arc<Result<Schema, String>> {
        if let Some(compiled) = self.schemas.get(xid) {
            return Arc::clone(compiled);
        }
        let compiled = match document_of(self.holdings, xid) {
            Some(held) => {
                let sources = Sources(self.holdings);
                Schema::parse(&held.bytes, &sources).map_err(|error| error.to_string())
            }
            None => Err("isn't there".to_owned()),
        };
        let compiled = Arc::new(compiled);
        self.schemas.insert(xid.clone(), Arc::clone(&compiled));
        compiled
    }

    fn rule(&mut self, xid: &Xid) -> Arc<Result<Arc<Rule>, String>> {
        if let Some(compiled) = self.rules.get(xid) {
            return Arc::clone(compiled);
        }
        let resource = xid.resource();
        let id = resource.as_ref().and_then(Xid::id);
        let compiled = match (document_of(self.holdings, xid), id) {
            (Some(held), Some(id)) => {
                Rule::compile(id, &held.bytes).map(Arc::new).map_err(|error| error.to_string())
            }
            _ => Err("isn't there".to_owned()),
        };
        let compiled = Arc::new(compiled);
        self.rules.insert(xid.clone(), Arc::clone(&compiled));
        compiled
    }

    /// A binding that can't be used.
    fn unbound(&self, binding: &Xid, why: &str) -> Violation {
        let message = format!("it is bound to {binding}, which {why}");
        Violation {
            pointer: String::new(),
            source: ViolationSource::Keyword("binding".to_owned()),
            severity: self.severity_of_absence(),
            message,
        }
    }

    const fn severity_of_absence(&self) -> Severity {
        if self.holdings.is_all { Severity::Error } else { Severity::Warning }
    }

    fn references(&self, kind: &ResourceType, value: &Value) -> Vec<Violation> {
        let mut found = Vec::new();
        for named in reference_fields(&kind.aspect, value) {
            let Some(target) = named.target else {
                let text: String = named.text.chars().take(100).collect();
                let message = format!("{text:?} names no document");
                found.push(Violation::reference(named.pointer, message));
                continue;
            };
            let holdings = self.holdings;
            if holdings.documents.contains_key(&target)
                || holdings.elsewhere.contains(&target)
                || holdings.groups.contains_key(&target)
            {
                continue;
            }
            // A folder that has the group has all of it; of other groups it says nothing.
            let has_group =
                target.group().is_some_and(|group| holdings.groups.contains_key(&group));
            let severity = if has_group { Severity::Error } else { self.severity_of_absence() };
            let message = format!("there is no {target}");
            let source = ViolationSource::Reference;
            found.push(Violation { pointer: named.pointer, source, severity, message });
        }
        found
    }
}

/// Schemas that a schema refers to.
struct Sources<'a>(&'a Holdings);

impl muster_schema::SchemaSources for Sources<'_> {
    fn get(&self, reference: &Xid) -> Option<Arc<Value>> {
        json::parse(&document_of(self.0, reference)?.bytes).ok().map(Arc::new)
    }
}

/// The document of a resource; of a version too, because only the default one is at hand.
fn document_of<'a>(holdings: &'a Holdings, xid: &Xid) -> Option<&'a Held> {
    holdings.documents.get(&xid.resource()?)
}

fn resource_type<'a>(model: &'a Model, xid: &Xid) -> Option<&'a ResourceType> {
    let collection = xid.collection()?;
    let resources = collection.resources?;
    model.resource_type(collection.groups.as_str(), resources.as_str()).map(|kind| &**kind)
}

/// A rule must compile, and so must a JSON Schema.
fn as_what_it_is(
    holdings: &Holdings,
    xid: &Xid,
    kind: &ResourceType,
    bytes: &[u8],
) -> Vec<Violation> {
    let Xid::Resource { groups, resource, .. } = xid else { return Vec::new() };
    match groups.as_str() {
        "rulegroups" if kind.built_in => match Rule::compile(resource, bytes) {
            Ok(_) => Vec::new(),
            Err(error) => vec![error.violation()],
        },
        "schemagroups" if kind.built_in && says_it_is_json_schema(bytes) => {
            match Schema::parse(bytes, &Sources(holdings)) {
                Ok(_) => Vec::new(),
                Err(CompileError::Missing { .. }) if !holdings.is_all => Vec::new(),
                Err(error) => {
                    let found = error.violations();
                    let whole = || vec![Violation::keyword("", "schema", error.to_string())];
                    if found.is_empty() { whole() } else { found }
                }
            }
        }
        _ => Vec::new(),
    }
}

/// Schemas of other kinds (Avro) are JSON, too; a JSON Schema says what it is.
fn says_it_is_json_schema(bytes: &[u8]) -> bool {
    json::parse(bytes).is_ok_and(|value| value.get("$schema").is_some())
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use muster_words::{Id, Xid};
use serde_json::{Map, Value};

use super::{
    NoDecision,
    attributes::{check_attributes, check_epoch, check_id, merge},
    draft::{Draft, DraftAttributes, GroupEdit},
};
use crate::{
    Reason, Refusal, ValueFault, classes,
    command::{Mode, Succession},
    schema_settings::SchemaSettings,
    state::Bindings,
    tree::GroupNode,
};
use muster_model::{AttributeOrigin, GroupType};

impl Draft<'_> {
    pub(super) fn write_registry(&mut self, sent: &Map<String, Value>) -> Result<(), NoDecision> {
        let (mode, now, ignore) = (self.mode, self.now, self.ignored_of(&Xid::Registry));
        let state = self.catalog.registry.clone();
        let id = self.catalog.id.clone();
        let mut sent = sent.clone();
        check_id(&Xid::Registry, &mut sent, "registry", id.as_str(), ignore)?;
        check_epoch(&Xid::Registry, &mut sent, Some(state.epoch), ignore)?;
        if mode == Mode::Patch {
            sent = merge(self.stored(state.attributes.as_ref()), sent);
        }
        let model = self.model.clone();
        let checked =
            check_attributes(&Xid::Registry, model.registry(), sent, Some(state.modified), now)?;
        let edit = self.registry_edit();
        edit.attributes = DraftAttributes::New(checked.attributes);
        edit.created = checked.created.unwrap_or(edit.created);
        edit.modified = checked.modified.unwrap_or(now);
        edit.own = true;
        Ok(())
    }

    pub(super) fn write_group_node(&mut self, node: &GroupNode) -> Result<(), NoDecision> {
        match &node.attributes {
            Some(sent) => self.write_group(&node.xid, &node.kind, sent)?,
            None => self.ensure_group(&node.xid, &node.kind)?,
        }
        let members_are_resources = node.attributes.is_none();
        for resource in &node.resources {
            self.write_resource(resource)?;
            // If only versions of a resource are written, the answer shows the versions.
            if members_are_resources && resource.default.is_some() {
                self.members.push(resource.xid.clone());
            }
        }
        if !members_are_resources {
            self.members.push(node.xid.clone());
        }
        Ok(())
    }

    /// Creates a parent that doesn't exist.
    pub(super) fn ensure_group(&mut self, xid: &Xid, kind: &GroupType) -> Result<(), NoDecision> {
        if self.groups.contains_key(xid) || self.catalog.has(xid) {
            return Ok(());
        }
        self.write_group(xid, kind, &Map::new())
    }

    fn write_group(
        &mut self,
        xid: &Xid,
        kind: &GroupType,
        sent: &Map<String, Value>,
    ) -> Result<(), NoDecision> {
        let Some(id) = xid.id() else { return Err(Refusal::not_found(xid).into()) };
        let mut sent = sent.clone();
        let (mode, now, ignore) = (self.mode, self.now, self.ignored_of(xid));
        check_id(xid, &mut sent, &kind.singular, id.as_str(), ignore)?;
        let old = self.catalog.group_at(xid).cloned();
        check_epoch(xid, &mut sent, old.as_ref().map(|group| group.epoch), ignore)?;
        self.check_name(xid, kind.singular.as_str())?;
        let stored_modified = old.as_ref().map(|group| group.modified);
        if let (Mode::Patch, Some(group)) = (mode, &old) {
            sent = merge(self.stored(group.own.attributes.as_ref()), sent);
        }
        if old.is_none() {
            classify(xid, kind, &mut sent);
        }
        let checked = check_attributes(xid, &kind.attributes, sent, stored_modified, now)?;
        if let (Succession::IfDifferent, Some(group)) = (self.succession, &old)
            && checked.created.is_none_or(|created| created == group.own.created)
            && checked.attributes == self.stored(group.own.attributes.as_ref())
        {
            // A plan that is sent again changes nothing.
            return Ok(());
        }
        let bindings = Bindings::read(xid, kind, &checked.attributes)?;
        if old.is_none() {
            let registry = self.registry_edit();
            registry.members = true;
        }
        let created = checked.created.or(old.as_ref().map(|group| group.own.created));
        let edit = GroupEdit {
            attributes: DraftAttributes::New(checked.attributes),
            bindings: Arc::new(bindings),
            created: created.unwrap_or(now),
            modified: checked.modified.unwrap_or(now),
            own: true,
            members: false,
            old,
        };
        self.groups.insert(xid.clone(), edit);
        Ok(())
    }

    /// Refuses a new entity whose id differs only in case from that of another one, which exists or
    /// is created by the same command.
    pub(super) fn check_name(&mut self, xid: &Xid, singular: &str) -> Result<(), Refusal> {
        let Some(id) = xid.id() else { return Ok(()) };
        let clash = |other: &Id| {
            let (singular, id, existing) = (singular.to_owned(), id.clone(), other.clone());
            Err(Refusal::new(xid, Reason::CaseClash { singular, id, existing }))
        };
        if let Some(other) = self.catalog.taken(xid) {
            return if other == *id { Ok(()) } else { clash(&other) };
        }
        match self.names.entry(xid.to_string().to_ascii_lowercase()) {
            Entry::Occupied(other) if other.get() != id => clash(other.get()),
            Entry::Occupied(_) => Ok(()),
            Entry::Vacant(free) => {
                free.insert(id.clone());
                Ok(())
            }
        }
    }
}

/// Sets the classification of a new group of entities, if its class is known.
fn classify(xid: &Xid, kind: &GroupType, sent: &mut Map<String, Value>) {
    const NAME: &str = "classification";
    let known = xid.id().map(Id::as_str).and_then(classes::classification_of);
    if let Some(known) = known
        && kind.built_in
        && kind.plural == "entities"
        && sent.get(NAME).is_none_or(Value::is_null)
    {
        sent.insert(NAME.to_owned(), known.into());
    }
}

impl Bindings {
    /// Reads the bindings in a group's attribute `muster`, if that attribute is the built-in one.
    ///
    /// # Errors
    /// It isn't `{schema, rules}` with valid xids.
    pub fn read(
        xid: &Xid,
        kind: &GroupType,
        attributes: &Map<String, Value>,
    ) -> Result<Self, Refusal> {
        let own = kind.attributes.get("muster");
        match own.is_some_and(|attribute| attribute.origin == AttributeOrigin::BuiltIn) {
            true => Self::of(xid, attributes),
            false => Ok(Self::default()),
        }
    }

    fn of(xid: &Xid, attributes: &Map<String, Value>) -> Result<Self, Refusal> {
        let invalid = |fault: ValueFault| Refusal::invalid_attribute(xid, "muster", fault);
        let Some(aspect) = attributes.get("muster") else { return Ok(Self::default()) };
        let name = |value: &Value| {
            let text = value.as_str().ok_or_else(|| invalid(ValueFault::Binding))?;
            Xid::parse_loosely(text).map_err(|error| invalid(error.into()))
        };
        let schema = aspect.get("schema").filter(|value| !value.is_null()).map(name).transpose()?;
        let rules = match aspect.get("rules") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(rules)) => rules.iter().map(name).collect::<Result<_, _>>()?,
            Some(_) => return Err(invalid(ValueFault::Rules)),
        };
        let message = aspect.get("message").and_then(Value::as_str).map(Arc::from);
        let asserts = aspect.get("assert_format").and_then(Value::as_bool);
        let settings = SchemaSettings::of(aspect).map_err(invalid)?;
        let mut subjects = BTreeMap::new();
        for (name, own) in aspect.get("subjects").and_then(Value::as_object).into_iter().flatten() {
            subjects
                .extend(SchemaSettings::of(own).map_err(invalid)?.map(|own| (name.clone(), own)));
        }
        let assert_format = asserts.unwrap_or(false);
        Ok(Self { schema, message, assert_format, rules, settings, subjects })
    }
}

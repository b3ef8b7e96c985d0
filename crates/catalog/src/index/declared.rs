use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_model::{Model, ResourceType};
use muster_schema::nearest;
use thiserror::Error;

use super::{FieldClass, FieldKey, GROUP, LABEL, STATE, TYPE, Term};

/// The fields that a model indexes, by the names that people write.
#[derive(Clone, Debug, Default)]
pub struct DeclaredFields {
    fields: BTreeMap<String, DeclaredField>,
    /// The fields of each type.
    types: BTreeMap<String, BTreeSet<Arc<FieldKey>>>,
}

/// A field that can be searched.
#[derive(Clone, Debug, Default)]
pub struct DeclaredField {
    /// The field with each class of its values.
    pub keys: BTreeSet<Arc<FieldKey>>,
    /// The types that declare it.
    pub types: BTreeSet<String>,
}

/// Why a field or its value can't be searched for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FieldFault {
    /// No type indexes it.
    #[error("the field {name:?} isn't indexed")]
    NotIndexed {
        /// The name.
        name: String,
        /// The indexed field that was probably meant.
        near: Option<String>,
    },
    /// The value is of another type.
    #[error("{value:?} can't be a value of the field {name:?}")]
    Value {
        /// The field's name.
        name: String,
        /// The value.
        value: String,
        /// The classes of its values.
        classes: Vec<FieldClass>,
    },
    /// There are too many tests.
    #[error("there are more than {max} tests")]
    TooMany {
        /// The most that are allowed.
        max: usize,
    },
    /// It is nested too deeply.
    #[error("it is nested more than {max} levels deep")]
    TooDeep {
        /// The deepest level that is allowed.
        max: usize,
    },
}

impl DeclaredFields {
    /// The fields of a model.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        let mut declared = Self::default();
        for groups in model.group_types() {
            for (plural, kind) in &groups.resources {
                let own = format!("{}/{plural}", groups.plural);
                for indexed in &kind.aspect.indexed {
                    for class in FieldClass::of(indexed.kind) {
                        let key = Arc::new(FieldKey { name: indexed.field.clone(), class: *class });
                        let name = shown(&indexed.field);
                        let field = declared.fields.entry(name).or_default();
                        field.keys.insert(key.clone());
                        field.types.insert(own.clone());
                        declared.types.entry(own.clone()).or_default().insert(key);
                    }
                }
                declared.types.entry(own).or_default();
            }
        }
        declared
    }

    /// The fields of one type.
    #[must_use]
    pub(super) fn of_type(kind: &ResourceType) -> Self {
        let mut declared = Self::default();
        for indexed in &kind.aspect.indexed {
            let field = declared.fields.entry(shown(&indexed.field)).or_default();
            let keys = FieldClass::of(indexed.kind).iter();
            let name = || indexed.field.clone();
            field.keys.extend(keys.map(|class| Arc::new(FieldKey { name: name(), class: *class })));
        }
        declared
    }

    /// The names of the types.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str)
    }

    /// The names of the fields, with the types that declare them.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &DeclaredField)> {
        self.fields.iter().map(|(name, field)| (name.as_str(), field))
    }

    /// The field with a name: one that the model indexes, `type`, `group`, `state`, or `labels.` with
    /// a key.
    ///
    /// # Errors
    /// It isn't indexed.
    pub fn keys(&self, name: &str) -> Result<Vec<Arc<FieldKey>>, FieldFault> {
        if self.is_own(name) {
            let name = name.to_owned();
            return Ok(vec![Arc::new(FieldKey { name, class: FieldClass::Text })]);
        }
        let found = self.fields.get(name).or_else(|| self.fields.get(&shown(name)));
        let not_indexed = || {
            let all = self.fields.keys().map(String::as_str).chain([TYPE, GROUP, STATE]);
            let near = nearest(name, all).map(str::to_owned);
            FieldFault::NotIndexed { name: name.to_owned(), near }
        };
        Ok(found.ok_or_else(not_indexed)?.keys.iter().cloned().collect())
    }

    /// Whether the registry itself knows the field, whatever the model says.
    fn is_own(&self, name: &str) -> bool {
        let is_label = name.strip_prefix(LABEL).is_some_and(|key| !key.is_empty());
        is_label || [TYPE, GROUP, STATE].contains(&name)
    }

    /// Whether a type declares the field of a term.
    pub(super) fn holds(&self, kind: &str, term: &Term) -> bool {
        !term.field.name.starts_with('/')
            || self.types.get(kind).is_some_and(|fields| fields.contains(&term.field))
    }
}

/// A JSON Pointer as people write the field: `/key_features/*` is `key_features`.
fn shown(pointer: &str) -> String {
    let names = pointer.split('/').filter(|step| !step.is_empty() && *step != "*");
    names.collect::<Vec<_>>().join(".")
}

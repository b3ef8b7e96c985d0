//! Serialises a model for `GET /model`: members in the specification's order, without empty ones.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use super::{Attribute, Attributes, Charset, GroupType, Item, Model, ResourceType};

/// Writes members one by one, and keeps the first error.
struct Writer<M: SerializeMap> {
    map: M,
}

impl<M: SerializeMap> Writer<M> {
    fn always<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), M::Error> {
        self.map.serialize_entry(name, value)
    }

    fn some<T: Serialize>(&mut self, name: &str, value: Option<T>) -> Result<(), M::Error> {
        value.map_or(Ok(()), |value| self.map.serialize_entry(name, &value))
    }

    fn notes(&mut self, notes: &Map<String, Value>) -> Result<(), M::Error> {
        let order = [
            "description",
            "documentation",
            "icon",
            "labels",
            "modelversion",
            "modelcompatiblewith",
        ];
        order.into_iter().try_for_each(|name| self.some(name, notes.get(name)))
    }
}

fn writer<S: Serializer>(serializer: S) -> Result<Writer<S::SerializeMap>, S::Error> {
    Ok(Writer { map: serializer.serialize_map(None)? })
}

/// The value, unless it is empty.
fn filled<T>(value: T, is_empty: bool) -> Option<T> {
    (!is_empty).then_some(value)
}

impl Serialize for Charset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Strict => "strict",
            Self::Extended => "extended",
        })
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|attribute| (&attribute.name, attribute)))
    }
}

fn members(attributes: Option<&Attributes>) -> Option<&Attributes> {
    attributes.filter(|attributes| !attributes.is_empty())
}

impl Serialize for Attribute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = writer(serializer)?;
        out.always("name", &self.name)?;
        out.always("type", &self.kind)?;
        out.some("target", self.target.as_ref())?;
        out.some("namecharset", self.charset)?;
        out.some("description", self.description.as_ref())?;
        out.some("enum", filled(&self.choices, self.choices.is_empty()))?;
        // If there are choices, `strict` is always written.
        let strict = self.strict.or_else(|| filled(true, self.choices.is_empty()));
        out.some("strict", strict)?;
        let flags = [
            ("matchversions", self.matchversions),
            ("readonly", self.readonly),
            ("immutable", self.immutable),
            ("required", self.required),
        ];
        for (name, flag) in flags {
            out.some(name, filled(true, !flag))?;
        }
        out.some("default", self.default.as_ref())?;
        out.some("attributes", members(self.attributes.as_ref()))?;
        out.some("item", self.item.as_deref())?;
        out.some("ifvalues", filled(Conditions(self), self.ifvalues.is_empty()))?;
        out.map.end()
    }
}

struct Conditions<'a>(&'a Attribute);
struct Siblings<'a>(&'a Attributes);

impl Serialize for Conditions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cases = self.0.ifvalues.iter();
        serializer.collect_map(cases.map(|(value, siblings)| (value, Siblings(siblings))))
    }
}

impl Serialize for Siblings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = writer(serializer)?;
        out.some("siblingattributes", members(Some(self.0)))?;
        out.map.end()
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = writer(serializer)?;
        out.always("type", &self.kind)?;
        out.some("target", self.target.as_ref())?;
        out.some("namecharset", self.charset)?;
        out.some("attributes", members(self.attributes.as_ref()))?;
        out.some("item", self.item.as_deref())?;
        out.map.end()
    }
}

impl Serialize for ResourceType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = writer(serializer)?;
        out.always("plural", &self.plural)?;
        out.always("singular", &self.singular)?;
        out.notes(&self.notes)?;
        out.always("maxversions", &self.maxversions)?;
        out.always("setversionid", &self.setversionid)?;
        out.always("hasdocument", &self.hasdocument)?;
        out.always("versionmode", self.versionmode.name())?;
        out.always("singleversionroot", &self.singleversionroot)?;
        out.always("validateformat", &self.validateformat)?;
        out.always("validatecompatibility", &self.validatecompatibility)?;
        out.always("strictvalidation", &self.strictvalidation)?;
        let typemap = self.typemap.to_json();
        out.some("typemap", filled(&typemap, typemap.is_empty()))?;
        out.always("attributes", &self.attributes)?;
        out.always("resourceattributes", &self.resource_attributes)?;
        out.always("metaattributes", &self.meta_attributes)?;
        out.map.end()
    }
}

impl Serialize for GroupType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = writer(serializer)?;
        out.always("plural", &self.plural)?;
        out.always("singular", &self.singular)?;
        out.notes(&self.notes)?;
        out.always("attributes", &self.attributes)?;
        out.some("constraints", filled(&self.constraints, self.constraints.is_empty()))?;
        out.some("resources", filled(&self.resources, self.resources.is_empty()))?;
        out.map.end()
    }
}

impl Serialize for Model {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = writer(serializer)?;
        out.notes(&self.notes)?;
        out.always("attributes", &self.attributes)?;
        out.some("groups", filled(&self.groups, self.groups.is_empty()))?;
        out.map.end()
    }
}

//! What a model source says, before anything is made of it: its members, of the JSON types that
//! they must have, and no others.

use std::{collections::BTreeMap, ops::Deref};

use serde_json::{Map, Value};

use super::{Foundation, Kind, ModelFault, attribute::Charset};

mod reading;
pub(super) use reading::Reading;

/// Where something stands in a source, for messages. What says the same in two places is equal.
#[derive(Clone, Debug)]
pub(super) struct Place(String);

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Deref for Place {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// A whole model.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub notes: Map<String, Value>,
    pub attributes: Attributes,
    pub groups: BTreeMap<String, Group>,
}

/// `attributes` and its like.
pub(super) type Attributes = BTreeMap<String, Attribute>;

/// `groups.<STRING>`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub place: Place,
    pub singular: String,
    pub notes: Map<String, Value>,
    pub attributes: Attributes,
    pub imports: Vec<String>,
    pub constraints: Map<String, Value>,
    pub resources: BTreeMap<String, Resource>,
}

/// `groups.<STRING>.resources.<STRING>`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Resource {
    pub place: Place,
    pub singular: String,
    pub notes: Map<String, Value>,
    pub maxversions: Option<u64>,
    pub setversionid: Option<bool>,
    pub hasdocument: Option<bool>,
    pub versionmode: Option<String>,
    pub singleversionroot: Option<bool>,
    pub validateformat: Option<bool>,
    pub validatecompatibility: Option<bool>,
    pub strictvalidation: Option<bool>,
    pub typemap: BTreeMap<String, String>,
    pub attributes: Attributes,
    pub resource_attributes: Attributes,
    pub meta_attributes: Attributes,
    /// The member `muster`, where the foundation has it.
    pub aspect: Option<Map<String, Value>>,
}

/// `attributes.<STRING>`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attribute {
    pub place: Place,
    pub kind: Kind,
    pub target: Option<String>,
    pub charset: Option<Charset>,
    pub description: Option<String>,
    pub choices: Vec<Value>,
    pub strict: Option<bool>,
    pub matchversions: bool,
    pub readonly: bool,
    pub immutable: bool,
    pub required: bool,
    pub default: Option<Value>,
    pub attributes: Attributes,
    pub item: Option<Box<Item>>,
    pub ifvalues: BTreeMap<String, Attributes>,
}

/// `attributes.<STRING>.item`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub place: Place,
    pub kind: Kind,
    pub target: Option<String>,
    pub charset: Option<Charset>,
    pub attributes: Attributes,
    pub item: Option<Box<Item>>,
}

impl Model {
    /// Reads a source whose includes are resolved.
    pub(super) fn read(source: &Value, foundation: Foundation) -> Result<Self, ModelFault> {
        let mut model = Reading::new("model", source)?;
        model.text("$schema")?;
        let notes = model.notes(&["description", "documentation"])?;
        let attributes = attributes(&mut model, "attributes")?;
        let groups =
            model.each("groups", |group, plural| Group::read(group, plural, foundation))?;
        model.done()?;
        Ok(Self { notes, attributes, groups })
    }
}

const NOTES: [&str; 5] =
    ["description", "documentation", "icon", "modelversion", "modelcompatiblewith"];

impl Group {
    fn read(
        mut group: Reading<'_>,
        plural: &str,
        foundation: Foundation,
    ) -> Result<Self, ModelFault> {
        group.same("plural", plural)?;
        let singular = group.needed_text("singular")?;
        let notes = group.notes(&NOTES)?;
        let attributes = attributes(&mut group, "attributes")?;
        let imports = group.texts("ximportresources")?;
        let constraints = constraints(&mut group)?;
        let resources = group
            .each("resources", |resource, plural| Resource::read(resource, plural, foundation))?;
        let place = Place(group.done()?);
        Ok(Self { place, singular, notes, attributes, imports, constraints, resources })
    }
}

/// Constraints are kept in their form and not enforced yet; their shape is checked all the same.
fn constraints(group: &mut Reading<'_>) -> Result<Map<String, Value>, ModelFault> {
    let read = group.each("constraints", |mut constraint, _| {
        let mut kept = Map::new();
        let default = constraint.scalar("default")?;
        let choices = constraint.scalars("enum")?;
        let equals = constraint.text("equals")?.filter(|path| !path.is_empty());
        constraint.done()?;
        kept.extend(default.map(|value| ("default".to_owned(), value)));
        kept.extend((!choices.is_empty()).then(|| ("enum".to_owned(), choices.into())));
        kept.extend(equals.map(|path| ("equals".to_owned(), path.into())));
        Ok(Value::Object(kept))
    })?;
    Ok(read.into_iter().collect())
}

impl Resource {
    fn read(
        mut resource: Reading<'_>,
        plural: &str,
        foundation: Foundation,
    ) -> Result<Self, ModelFault> {
        resource.same("plural", plural)?;
        let singular = resource.needed_text("singular")?;
        let aspect = match foundation {
            Foundation::BuiltIn => resource.object("muster")?.cloned(),
            Foundation::Bare => None,
        };
        let said = Self {
            place: Place(resource.place().to_owned()),
            singular,
            notes: resource.notes(&NOTES)?,
            maxversions: resource.count("maxversions")?,
            setversionid: resource.flag("setversionid")?,
            hasdocument: resource.flag("hasdocument")?,
            versionmode: resource.text("versionmode")?.filter(|mode| !mode.is_empty()),
            singleversionroot: resource.flag("singleversionroot")?,
            validateformat: resource.flag("validateformat")?,
            validatecompatibility: resource.flag("validatecompatibility")?,
            strictvalidation: resource.flag("strictvalidation")?,
            typemap: resource.text_map("typemap")?,
            attributes: attributes(&mut resource, "attributes")?,
            resource_attributes: attributes(&mut resource, "resourceattributes")?,
            meta_attributes: attributes(&mut resource, "metaattributes")?,
            aspect,
        };
        resource.done()?;
        Ok(said)
    }
}

/// Reads a map of attributes.
pub(super) fn attributes(
    reading: &mut Reading<'_>,
    member: &'static str,
) -> Result<Attributes, ModelFault> {
    reading.each(member, Attribute::read)
}

impl Attribute {
    fn read(mut attribute: Reading<'_>, name: &str) -> Result<Self, ModelFault> {
        attribute.same("name", name)?;
        let kind = attribute.kind()?;
        let said = Self {
            place: Place(attribute.place().to_owned()),
            kind,
            target: attribute.text("target")?.filter(|target| !target.is_empty()),
            charset: attribute.charset()?,
            description: attribute.text("description")?.filter(|text| !text.is_empty()),
            choices: attribute.scalars("enum")?,
            strict: attribute.flag("strict")?,
            matchversions: attribute.flag("matchversions")?.unwrap_or(false),
            readonly: attribute.flag("readonly")?.unwrap_or(false),
            immutable: attribute.flag("immutable")?.unwrap_or(false),
            required: attribute.flag("required")?.unwrap_or(false),
            default: attribute.member("default").cloned(),
            attributes: attributes(&mut attribute, "attributes")?,
            item: Item::read(&mut attribute)?,
            ifvalues: attribute.each("ifvalues", |mut case, _| {
                let siblings = attributes(&mut case, "siblingattributes")?;
                case.done()?;
                Ok(siblings)
            })?,
        };
        attribute.done()?;
        Ok(said)
    }
}

impl Item {
    fn read(owner: &mut Reading<'_>) -> Result<Option<Box<Self>>, ModelFault> {
        let Some(mut item) = owner.nested("item")? else { return Ok(None) };
        let kind = item.kind()?;
        let said = Self {
            place: Place(item.place().to_owned()),
            kind,
            target: item.text("target")?.filter(|target| !target.is_empty()),
            charset: item.charset()?,
            attributes: attributes(&mut item, "attributes")?,
            item: Self::read(&mut item)?,
        };
        item.done()?;
        Ok(Some(Box::new(said)))
    }
}

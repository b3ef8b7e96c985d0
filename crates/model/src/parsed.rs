//! The members of a model source, with checked JSON types, before the model is compiled.

use std::{collections::BTreeMap, ops::Deref};

use serde_json::{Map, Value};

use super::{Foundation, Kind, ModelFault, attribute::Charset, labels};

mod object_reader;
pub(super) use object_reader::ObjectReader;

/// A place in a source, for messages. Places are ignored in comparisons.
#[derive(Clone, Debug)]
pub(super) struct SourcePlace(String);

impl PartialEq for SourcePlace {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Deref for SourcePlace {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// A whole model.
#[derive(Clone, Debug, Default)]
pub(super) struct ParsedModel {
    pub notes: Map<String, Value>,
    pub attributes: ParsedAttributes,
    pub groups: BTreeMap<String, ParsedGroup>,
}

/// `attributes` and similar members.
pub(super) type ParsedAttributes = BTreeMap<String, ParsedAttribute>;

/// `groups.<STRING>`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ParsedGroup {
    pub place: SourcePlace,
    pub singular: String,
    pub notes: Map<String, Value>,
    pub attributes: ParsedAttributes,
    pub imports: Vec<String>,
    pub constraints: Map<String, Value>,
    pub resources: BTreeMap<String, ParsedResource>,
}

/// `groups.<STRING>.resources.<STRING>`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ParsedResource {
    pub place: SourcePlace,
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
    pub attributes: ParsedAttributes,
    pub resource_attributes: ParsedAttributes,
    pub meta_attributes: ParsedAttributes,
    /// Muster's extension, if the foundation supports it. Its labels aren't among `notes`.
    pub aspect: Option<Map<String, Value>>,
}

/// `attributes.<STRING>`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ParsedAttribute {
    pub place: SourcePlace,
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
    pub attributes: ParsedAttributes,
    pub item: Option<Box<ParsedItem>>,
    pub ifvalues: BTreeMap<String, ParsedAttributes>,
}

/// `attributes.<STRING>.item`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ParsedItem {
    pub place: SourcePlace,
    pub kind: Kind,
    pub target: Option<String>,
    pub charset: Option<Charset>,
    pub attributes: ParsedAttributes,
    pub item: Option<Box<ParsedItem>>,
}

impl ParsedModel {
    /// Reads a source with resolved includes.
    pub(super) fn read(source: &Value, foundation: Foundation) -> Result<Self, ModelFault> {
        let mut model = ObjectReader::new("model", source)?;
        model.text("$schema")?;
        let notes = model.notes(&["description", "documentation"])?;
        let attributes = attributes(&mut model, "attributes")?;
        let groups =
            model.each("groups", |group, plural| ParsedGroup::read(group, plural, foundation))?;
        model.done()?;
        Ok(Self { notes, attributes, groups })
    }
}

const NOTES: [&str; 5] =
    ["description", "documentation", "icon", "modelversion", "modelcompatiblewith"];

impl ParsedGroup {
    fn read(
        mut group: ObjectReader<'_>,
        plural: &str,
        foundation: Foundation,
    ) -> Result<Self, ModelFault> {
        group.same("plural", plural)?;
        let singular = group.needed_text("singular")?;
        let notes = group.notes(&NOTES)?;
        let attributes = attributes(&mut group, "attributes")?;
        let imports = group.texts("ximportresources")?;
        let constraints = constraints(&mut group)?;
        let resources = group.each("resources", |resource, plural| {
            ParsedResource::read(resource, plural, foundation)
        })?;
        let place = SourcePlace(group.done()?);
        Ok(Self { place, singular, notes, attributes, imports, constraints, resources })
    }
}

/// Constraints are stored as they are and not enforced yet, but their form is checked.
fn constraints(group: &mut ObjectReader<'_>) -> Result<Map<String, Value>, ModelFault> {
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

impl ParsedResource {
    fn read(
        mut resource: ObjectReader<'_>,
        plural: &str,
        foundation: Foundation,
    ) -> Result<Self, ModelFault> {
        resource.same("plural", plural)?;
        let singular = resource.needed_text("singular")?;
        let mut notes = resource.notes(&NOTES)?;
        let aspect = match foundation {
            Foundation::BuiltIn => labels::take_aspect(&mut resource, &mut notes)?,
            Foundation::Bare => None,
        };
        let parsed = Self {
            place: SourcePlace(resource.place().to_owned()),
            singular,
            notes,
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
        Ok(parsed)
    }
}

/// Reads a map of attributes.
pub(super) fn attributes(
    reading: &mut ObjectReader<'_>,
    member: &'static str,
) -> Result<ParsedAttributes, ModelFault> {
    reading.each(member, ParsedAttribute::read)
}

impl ParsedAttribute {
    fn read(mut attribute: ObjectReader<'_>, name: &str) -> Result<Self, ModelFault> {
        attribute.same("name", name)?;
        let kind = attribute.kind()?;
        let parsed = Self {
            place: SourcePlace(attribute.place().to_owned()),
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
            item: ParsedItem::read(&mut attribute)?,
            ifvalues: attribute.each("ifvalues", |mut case, _| {
                let siblings = attributes(&mut case, "siblingattributes")?;
                case.done()?;
                Ok(siblings)
            })?,
        };
        attribute.done()?;
        Ok(parsed)
    }
}

impl ParsedItem {
    fn read(owner: &mut ObjectReader<'_>) -> Result<Option<Box<Self>>, ModelFault> {
        let Some(mut item) = owner.nested("item")? else { return Ok(None) };
        let kind = item.kind()?;
        let parsed = Self {
            place: SourcePlace(item.place().to_owned()),
            kind,
            target: item.text("target")?.filter(|target| !target.is_empty()),
            charset: item.charset()?,
            attributes: attributes(&mut item, "attributes")?,
            item: Self::read(&mut item)?,
        };
        item.done()?;
        Ok(Some(Box::new(parsed)))
    }
}

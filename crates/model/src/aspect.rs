use muster_words::{Collection, Id, Xid};
use serde_json::{Map, Value, json};

use super::{
    Kind, ModelFault, TypeNames,
    limits::{LIST_LENGTH_MAX, beginning},
    parsed::ObjectReader,
};

/// Muster's extension of a resource type: the labels `muster.frozen`, `muster.schema`, `muster.message`,
/// `muster.assert_format`, `muster.rules`, `muster.references` and `muster.indexed` of the type in a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aspect {
    /// Whether the documents of existing versions can't be replaced.
    pub frozen: bool,
    /// The schema that documents must match, or one of its versions.
    pub schema: Option<Xid>,
    /// The message of that schema, if it is a Protobuf schema; without it the first one.
    pub message: Option<String>,
    /// Whether that schema asserts every `format`, also in the drafts where it is an annotation.
    pub assert_format: bool,
    /// The rules, or groups of rules, that documents must comply with.
    pub rules: Vec<Xid>,
    /// The fields that refer to other documents.
    pub references: Vec<Reference>,
    /// The fields that filters and tables can use.
    pub indexed: Vec<Indexed>,
}

/// A field of a document that refers to another document.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// A JSON Pointer; the step `*` stands for every item.
    pub field: String,
    /// The type of the target, such as `/providers/entries`; none, written as `*`, for any.
    pub collection: Option<Collection>,
    /// The group of the target; if none, the field holds an xid.
    pub group: Option<Id>,
}

/// A field of a document that filters and tables can use.
#[derive(Clone, Debug, PartialEq)]
pub struct Indexed {
    /// A JSON Pointer; the step `*` stands for every item.
    pub field: String,
    /// The type of the field's values.
    pub kind: IndexKind,
    /// The heading of its column; if none, tables don't show the field.
    pub title: Option<String>,
}

/// The type of an indexed field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexKind {
    /// A scalar of this type.
    Scalar(Kind),
    /// Two numbers, `[min, max]`.
    Range,
}

impl IndexKind {
    /// The name in the model language.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar(kind) => kind.name(),
            Self::Range => "range",
        }
    }

    fn named(name: &str) -> Option<Self> {
        if name == "range" {
            return Some(Self::Range);
        }
        Kind::named(name).filter(|kind| kind.is_scalar()).map(Self::Scalar)
    }
}

impl Aspect {
    /// Reads the aspect of the type at this place.
    pub(super) fn read(
        place: &str,
        members: &Map<String, Value>,
        names: &TypeNames,
    ) -> Result<Self, ModelFault> {
        let whole = Value::Object(members.clone());
        let mut aspect = ObjectReader::new(&format!("{place}.labels.muster"), &whole)?;
        let frozen = aspect.flag("frozen")?.unwrap_or(false);
        let schema = aspect.text("schema")?;
        let schema = schema.map(|text| bound(&aspect, "schema", &text, names)).transpose()?;
        if !matches!(schema, None | Some(Xid::Resource { .. } | Xid::Version { .. })) {
            return aspect.shape("schema", "the xid of a schema or of one of its versions");
        }
        let message = aspect.text("message")?;
        let assert_format = aspect.flag("assert_format")?.unwrap_or(false);
        let rules = aspect.texts("rules")?;
        let rules: Vec<Xid> = rules
            .iter()
            .map(|text| bound(&aspect, "rules", text, names))
            .collect::<Result<_, _>>()?;
        if !rules.iter().all(|xid| matches!(xid, Xid::Group { .. } | Xid::Resource { .. })) {
            return aspect.shape("rules", "xids of rules or of groups of rules");
        }
        let references = aspect.list("references", |one| Reference::read(one, names))?;
        let indexed = aspect.list("indexed", Indexed::read)?;
        let longest = rules.len().max(references.len()).max(indexed.len());
        if longest > LIST_LENGTH_MAX {
            return aspect.shape("rules, references and indexed", "lists of at most 100 entries");
        }
        aspect.done()?;
        Ok(Self { frozen, schema, message, assert_format, rules, references, indexed })
    }

    /// The aspect in the model language, without empty members.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let mut members = Map::new();
        if self.frozen {
            members.insert("frozen".to_owned(), true.into());
        }
        if let Some(schema) = &self.schema {
            members.insert("schema".to_owned(), schema.to_string().into());
        }
        if let Some(message) = &self.message {
            members.insert("message".to_owned(), message.as_str().into());
        }
        if self.assert_format {
            members.insert("assert_format".to_owned(), true.into());
        }
        let lists: [(&str, Vec<Value>); 3] = [
            ("rules", self.rules.iter().map(|xid| xid.to_string().into()).collect()),
            ("references", self.references.iter().map(Reference::to_json).collect()),
            ("indexed", self.indexed.iter().map(Indexed::to_json).collect()),
        ];
        for (name, list) in lists {
            if !list.is_empty() {
                members.insert(name.to_owned(), list.into());
            }
        }
        members
    }
}

fn bound(
    aspect: &ObjectReader<'_>,
    member: &str,
    text: &str,
    names: &TypeNames,
) -> Result<Xid, ModelFault> {
    match text.parse::<Xid>() {
        Ok(xid) if names.has_types_of(&xid) => Ok(xid),
        _ => aspect.shape(member, "xids of types that the model has"),
    }
}

/// The collection that stands for any.
const ANY: &str = "*";

/// A JSON Pointer (RFC 6901) into a document.
fn field(one: &mut ObjectReader<'_>) -> Result<String, ModelFault> {
    let text = one.needed_text("field")?;
    let escapes_are_whole =
        text.split('~').skip(1).all(|after| after.starts_with('0') || after.starts_with('1'));
    if text.starts_with('/') && escapes_are_whole {
        Ok(text)
    } else {
        one.shape("field", "a JSON Pointer, such as /monthly_cost_range")
    }
}

impl Reference {
    fn read(mut one: ObjectReader<'_>, names: &TypeNames) -> Result<Self, ModelFault> {
        let field = field(&mut one)?;
        let collection = one.needed_text("collection")?;
        let parsed = match collection.parse::<Collection>() {
            Ok(parsed) => Some(parsed),
            Err(_) if collection == ANY => None,
            Err(_) => {
                let expected = "the name of a type, such as /providers/entries, or *";
                return one.shape("collection", expected);
            }
        };
        if let Some(parsed) = &parsed {
            let resources = parsed.resources.as_ref().map(Id::as_str);
            if !names.has(parsed.groups.as_str(), resources) {
                let (place, target) = (one.place().to_owned(), beginning(&collection));
                return Err(ModelFault::Target { place, target });
            }
        }
        let group = match one.text("group")?.map(|text| text.parse()) {
            None => None,
            Some(_) if parsed.is_none() => {
                return one
                    .shape("group", "absent, because the field of any collection has an xid");
            }
            Some(Ok(group)) => Some(group),
            Some(Err(_)) => return one.shape("group", "the id of a group"),
        };
        one.done()?;
        Ok(Self { field, collection: parsed, group })
    }

    fn to_json(&self) -> Value {
        let collection = self.collection.as_ref().map_or(ANY.to_owned(), Collection::to_string);
        let mut members = json!({ "field": self.field, "collection": collection });
        if let (Some(group), Some(members)) = (&self.group, members.as_object_mut()) {
            members.insert("group".to_owned(), group.as_str().into());
        }
        members
    }
}

impl Indexed {
    fn read(mut one: ObjectReader<'_>) -> Result<Self, ModelFault> {
        let field = field(&mut one)?;
        let name = one.needed_text("type")?;
        let Some(kind) = IndexKind::named(&name) else {
            return one.shape("type", "a scalar type or range");
        };
        let title = one.text("title")?.filter(|title| !title.is_empty());
        one.done()?;
        Ok(Self { field, kind, title })
    }

    fn to_json(&self) -> Value {
        let mut members = json!({ "field": self.field, "type": self.kind.name() });
        if let (Some(title), Some(members)) = (&self.title, members.as_object_mut()) {
            members.insert("title".to_owned(), title.as_str().into());
        }
        members
    }
}

use schemars::{
    Schema, SchemaGenerator, generate::SchemaSettings, transform::transform_subschemas,
};
use serde_json::{Map, Value, json};

use crate::operations::{BodyContent, BodyType};

/// Collects the schemas of all types that the document uses.
pub(super) struct Schemas(SchemaGenerator);

impl Schemas {
    pub fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
            settings.meta_schema = None;
            settings.definitions_path = "/components/schemas".into();
        });
        let settings = settings.with_transform(tidy);
        Self(settings.into_generator())
    }

    /// The schema of a type; a reference to it if the type is named.
    pub fn schema(&mut self, of: BodyType) -> Value {
        let mut schema = (of.schema)(&mut self.0);
        tidy(&mut schema);
        schema.to_value()
    }

    /// A body, by media type.
    pub fn content(&mut self, content: BodyContent) -> Option<Map<String, Value>> {
        let (kinds, schema, example): (&[&str], _, _) = match content {
            BodyContent::None => return None,
            BodyContent::Json(of) => (&["application/json"], self.schema(of), (of.sample)()),
            BodyContent::JsonLines(of) => (&["application/jsonl"], self.schema(of), (of.sample)()),
            BodyContent::Events(of) => (&["text/event-stream"], self.schema(of), (of.sample)()),
            BodyContent::Document => {
                let text = "A document, byte for byte as it was put.";
                (
                    &["*/*"],
                    json!({"type": "string", "format": "binary", "description": text}),
                    Value::Null,
                )
            }
            BodyContent::Bytes(kind) => {
                (&[kind], json!({"type": "string", "format": "binary"}), Value::Null)
            }
            BodyContent::Text(kinds, meaning, sample) => {
                (kinds, json!({"type": "string", "description": meaning}), sample.into())
            }
        };
        let mut body = json!({"schema": schema});
        if !example.is_null() {
            body["example"] = example;
        }
        Some(kinds.iter().map(|kind| ((*kind).to_owned(), body.clone())).collect())
    }

    /// The schemas by the names of their types.
    pub fn finish(mut self) -> Map<String, Value> {
        self.0.take_definitions(true)
    }
}

/// Adjusts a schema of schemars to what answers really contain.
fn tidy(schema: &mut Schema) {
    transform_subschemas(&mut tidy, schema);
    let Some(members) = schema.as_object_mut() else { return };
    // Line breaks of the source don't belong to the description.
    if let Some(Value::String(text)) = members.get_mut("description") {
        let paragraphs: Vec<_> = text.split("\n\n").map(|text| text.replace('\n', " ")).collect();
        *text = paragraphs.join("\n\n");
    }
    // An enum with one value.
    if let Some(Value::Array(branches)) = members.get("oneOf")
        && let [Value::Object(only)] = branches.as_slice()
    {
        let only = only.clone();
        members.remove("oneOf");
        members.extend(only);
    }
    let required = members.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| {
        required.as_array().is_some_and(|names| names.iter().any(|required| required == name))
    };
    let Some(Value::Object(properties)) = members.get_mut("properties") else { return };
    for (name, property) in properties {
        let Value::Object(property) = property else { continue };
        // The default applies to readers of a missing member; it says nothing about answers.
        property.remove("default");
        if !is_required(name) {
            leave_out_null(property);
        }
    }
}

/// A member that may be left out is never null: no type here writes `null` for "none".
fn leave_out_null(property: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            property.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(branches)) = property.get_mut("anyOf") {
        branches.retain(|one| one.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = branches.as_slice() {
            let only = only.clone();
            property.remove("anyOf");
            property.extend(only);
        }
    }
}

use muster_client::{ClientError, Query};
use muster_words::{
    Xid,
    json::{self, Value},
};

use crate::{Visitor, place::Location};

/// How deep required members are followed. A schema may refer to itself.
const DEPTH_MAX: usize = 6;

/// The largest skeleton, in bytes. A schema whose members each have many required members grows with
/// every level.
const BYTES_MAX: usize = 64 * 1024;

/// How many elements a list gets, however many it must have.
const ELEMENTS_MAX: u64 = 3;

/// What a new document of a collection begins with: the members that its schema requires.
pub async fn of_collection(visitor: &Visitor, place: &Location) -> String {
    match bound_schema(visitor, place).await {
        Ok(Some(schema)) => of_schema(&schema),
        _ => "{\n}\n".to_owned(),
    }
}

/// The JSON Schema that is bound to the group of a place or to its type.
///
/// # Errors
/// See [`ClientError`].
pub async fn bound_schema(
    visitor: &Visitor,
    place: &Location,
) -> Result<Option<Value>, ClientError> {
    let [groups, group, kind, ..] = place.steps() else { return Ok(None) };
    let model = visitor.client.model().await?.json()?;
    let of_type = ["groups", groups, "resources", kind, "labels", "muster.schema"]
        .into_iter()
        .try_fold(&model, |value, step| value.get(step))
        .and_then(Value::as_str);
    let of_group = of_group(visitor, &format!("/{groups}/{group}")).await;
    let name = of_group.or_else(|| of_type.map(str::to_owned));
    let Some(xid) = name.and_then(|name| name.parse::<Xid>().ok()) else { return Ok(None) };
    let stored = visitor.client.document(&xid).await?;
    Ok(json::parse(&stored.bytes).ok())
}

async fn of_group(visitor: &Visitor, path: &str) -> Option<String> {
    let xid: Xid = path.parse().ok()?;
    let details = visitor.client.details(&xid, &Query::new()).await.ok()?.json().ok()?;
    details.get("muster")?.get("schema")?.as_str().map(str::to_owned)
}

/// The smallest document that has what a schema requires, as far as that can be guessed.
fn of_schema(schema: &Value) -> String {
    let mut out = String::new();
    write(schema, schema, 0, &mut out);
    out.push('\n');
    out
}

fn write(schema: &Value, root: &Value, depth: usize, out: &mut String) {
    let schema = resolved(schema, root);
    if let Some(value) = fixed(schema) {
        out.push_str(&value.to_string());
        return;
    }
    let is_too_large = depth >= DEPTH_MAX || out.len() >= BYTES_MAX;
    match type_of(schema) {
        "object" if is_too_large => out.push_str("{}"),
        "array" if is_too_large => out.push_str("[]"),
        "object" => write_object(schema, root, depth, out),
        "array" => write_array(schema, root, depth, out),
        "integer" | "number" => match schema.get("minimum") {
            Some(minimum) if minimum.is_number() => out.push_str(&minimum.to_string()),
            _ => out.push('0'),
        },
        "boolean" => out.push_str("false"),
        "null" => out.push_str("null"),
        _ => out.push_str("\"\""),
    }
}

/// The schema that a local `$ref` names, through at most as many of them as there are levels.
fn resolved<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let mut found = schema;
    for _ in 0..DEPTH_MAX {
        let pointer = found.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#'));
        match pointer.and_then(|pointer| root.pointer(pointer)) {
            Some(target) => found = target,
            None => break,
        }
    }
    found
}

/// A value that the schema itself names.
fn fixed(schema: &Value) -> Option<&Value> {
    let first =
        |name: &str| schema.get(name).and_then(Value::as_array).and_then(|list| list.first());
    schema
        .get("const")
        .or_else(|| schema.get("default"))
        .or_else(|| first("enum"))
        .or_else(|| first("examples"))
}

fn type_of(schema: &Value) -> &str {
    let named = match schema.get("type") {
        Some(Value::Array(types)) => types.first().and_then(Value::as_str),
        Some(named) => named.as_str(),
        None => None,
    };
    let is_object = || schema.get("properties").is_some() || schema.get("required").is_some();
    match named {
        Some(named) => named,
        None if is_object() => "object",
        None if schema.get("items").is_some() => "array",
        None => "string",
    }
}

fn write_object(schema: &Value, root: &Value, depth: usize, out: &mut String) {
    let required = schema.get("required").and_then(Value::as_array);
    let names: Vec<&str> = required.into_iter().flatten().filter_map(Value::as_str).collect();
    if names.is_empty() {
        out.push_str("{}");
        return;
    }
    out.push('{');
    for (index, name) in names.iter().enumerate() {
        let member = schema.get("properties").and_then(|properties| properties.get(name));
        begin(index, depth, out);
        out.push_str(&Value::from(*name).to_string());
        out.push_str(": ");
        write(member.unwrap_or(&Value::Null), root, depth + 1, out);
    }
    end(depth, out);
    out.push('}');
}

fn write_array(schema: &Value, root: &Value, depth: usize, out: &mut String) {
    let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or_default();
    if least == 0 {
        out.push_str("[]");
        return;
    }
    let tuple = schema.get("prefixItems").and_then(Value::as_array);
    let all = schema.get("items").unwrap_or(&Value::Null);
    out.push('[');
    for index in 0..least.min(ELEMENTS_MAX) {
        let index = index as usize;
        let element = tuple.and_then(|tuple| tuple.get(index)).unwrap_or(all);
        begin(index, depth, out);
        write(element, root, depth + 1, out);
    }
    end(depth, out);
    out.push(']');
}

fn begin(index: usize, depth: usize, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
    end(depth + 1, out);
}

fn end(depth: usize, out: &mut String) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn has_what_the_schema_requires_in_its_order() {
        let schema = json!({
            "type": "object",
            "required": ["z", "kind", "cost", "tags", "on", "more"],
            "properties": {
                "z": {"type": "string"},
                "kind": {"enum": ["cms", "ssg"]},
                "cost": {"type": "array", "minItems": 2, "items": {"type": "integer", "minimum": 5}},
                "tags": {"type": "array"},
                "on": {"type": ["boolean", "null"]},
                "more": {"$ref": "#/$defs/more"},
                "not": {"type": "string"}},
            "$defs": {"more": {"required": ["a"], "properties": {"a": {"const": 1}}}}});
        let expect = "{\n  \"z\": \"\",\n  \"kind\": \"cms\",\n  \"cost\": [\n    5,\n    5\n  ],\n  \
                      \"tags\": [],\n  \"on\": false,\n  \"more\": {\n    \"a\": 1\n  }\n}\n";
        assert_eq!(of_schema(&schema), expect);
    }

    #[test]
    fn ends_with_schemas_that_have_no_end() {
        let again =
            json!({"required": ["a", "b"], "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}});
        assert!(of_schema(&again).len() < BYTES_MAX * 2);
        let names: Vec<String> = (0..200).map(|index| format!("member{index}")).collect();
        let members: serde_json::Map<String, Value> =
            names.iter().map(|name| (name.clone(), json!({"$ref": "#"}))).collect();
        let wide = json!({"required": names, "properties": members});
        assert!(of_schema(&wide).len() < BYTES_MAX * 2);
        assert_eq!(of_schema(&json!({"$ref": "#"})), "\"\"\n");
        assert_eq!(of_schema(&json!(true)), "\"\"\n");
    }
}

use serde_json::{Map, Value};

/// The description of an API, as OpenAPI 3.1.
pub struct Description(Value);

/// An operation of the API.
#[derive(Clone, Copy, Debug)]
pub struct DescribedOperation<'a> {
    /// Its method, in capitals.
    pub method: &'a str,
    /// Its path.
    pub path: &'a str,
    /// Its name, which is also its anchor.
    pub id: &'a str,
    /// What it does.
    pub summary: &'a str,
    /// Everything else.
    pub all: &'a Value,
}

/// The methods in the order in which people look for them.
const METHODS: [(&str, &str); 6] = [
    ("get", "GET"),
    ("head", "HEAD"),
    ("put", "PUT"),
    ("patch", "PATCH"),
    ("post", "POST"),
    ("delete", "DELETE"),
];

impl Description {
    /// A description that was parsed.
    pub const fn new(document: Value) -> Self {
        Self(document)
    }

    /// What everybody should know first.
    pub fn introduction(&self) -> &str {
        self.0.pointer("/info/description").and_then(Value::as_str).unwrap_or_default()
    }

    /// The parts of the API, each with what it is.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        let tags = self.0.get("tags").and_then(Value::as_array);
        tags.into_iter().flatten().map(|tag| (text_of(tag, "name"), text_of(tag, "description")))
    }

    /// The operations of a part, by path.
    pub fn operations(&self, tag: &str) -> Vec<DescribedOperation<'_>> {
        let is_of = |all: &Value| {
            let tags = all.get("tags").and_then(Value::as_array);
            tags.is_some_and(|tags| tags.iter().any(|one| one == tag))
        };
        let mut found = Vec::new();
        for (path, methods) in self.0.get("paths").and_then(Value::as_object).into_iter().flatten()
        {
            for (name, method) in METHODS {
                let Some(all) = methods.get(name).filter(|all| is_of(all)) else { continue };
                let (id, summary) = (text_of(all, "operationId"), text_of(all, "summary"));
                found.push(DescribedOperation { method, path, id, summary, all });
            }
        }
        found
    }

    /// A parameter that several operations have.
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        self.component("parameters")?.get(name)
    }

    /// A type of bodies.
    pub fn schema(&self, name: &str) -> Option<&Value> {
        self.component("schemas")?.get(name)
    }

    /// The names of the types.
    #[cfg(test)]
    pub fn schema_names(&self) -> impl Iterator<Item = &str> {
        self.component("schemas").into_iter().flat_map(|all| all.keys().map(String::as_str))
    }

    fn component(&self, kind: &str) -> Option<&Map<String, Value>> {
        self.0.get("components")?.get(kind)?.as_object()
    }
}

/// A member that is a text; empty if there is none.
pub fn text_of<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The last step of a reference within the description: `LogPage` of
/// `#/components/schemas/LogPage`.
pub fn referred(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()?.rsplit('/').next()
}

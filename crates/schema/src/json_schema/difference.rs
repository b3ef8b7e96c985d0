use muster_words::json::{Map, Value, escape_pointer};

use crate::{
    Broken, ChangeClass, ChangeKind, ChangedPart, Direction, Policy, Schema, SchemaChange,
    compare_json_schemas,
    json_schema::{analysis::holds_named, comparison::is_deciding},
    limits::DIFFERENCES_MAX,
    messages,
};

/// What differs between two versions of a JSON Schema, in the order of their places: at most
/// [`DIFFERENCES_MAX`] changes.
///
/// A change is breaking if a comparison of the two ([`Policy::Sound`]) finds fault with its place in
/// either direction: readers or writers of the old version can fail. Schemas that they refer to
/// aren't part of it.
///
/// ```
/// use muster_schema::{ChangeClass, NoSources, Schema, json_schema_difference};
///
/// let old = Schema::parse(br#"{"title": "Order", "maxLength": 5}"#, &NoSources)?;
/// let new = Schema::parse(br#"{"title": "An order", "maxLength": 9}"#, &NoSources)?;
/// let changes = json_schema_difference(&old, &new);
/// let told: Vec<_> = changes.iter().map(|change| (change.path.as_str(), change.class)).collect();
/// assert_eq!(told, [("/maxLength", ChangeClass::Breaking), ("/title", ChangeClass::Patch)]);
/// # Ok::<(), muster_schema::CompileError>(())
/// ```
#[must_use]
pub fn json_schema_difference(old: &Schema, new: &Schema) -> Vec<SchemaChange> {
    let directions = [Direction::Backward, Direction::Forward];
    let compared =
        directions.map(|direction| compare_json_schemas(old, new, direction, Policy::Sound));
    let mut walk = Walk { found: compared.concat(), changes: Vec::new() };
    walk.schemas(&old.documents().root, &new.documents().root, "");
    walk.changes
}

struct Walk {
    found: Vec<Broken>,
    changes: Vec<SchemaChange>,
}

impl Walk {
    fn schemas(&mut self, old: &Value, new: &Value, path: &str) {
        if old == new {
            return;
        }
        let (Value::Object(ours), Value::Object(theirs)) = (old, new) else {
            self.add(path.to_owned(), ChangedPart::Type, Some(old), Some(new));
            return;
        };
        for (keyword, value) in ours {
            self.keyword((ours, theirs), keyword, (Some(value), theirs.get(keyword)), path);
        }
        for (keyword, value) in theirs {
            if !ours.contains_key(keyword) {
                self.keyword((ours, theirs), keyword, (None, Some(value)), path);
            }
        }
    }

    fn keyword(
        &mut self,
        (ours, theirs): (&Map<String, Value>, &Map<String, Value>),
        keyword: &str,
        (old, new): (Option<&Value>, Option<&Value>),
        above: &str,
    ) {
        if old == new {
            return;
        }
        let path = format!("{above}/{}", escape_pointer(keyword));
        match (keyword, old, new) {
            ("required", ..) => self.required((ours, theirs), above),
            (_, old, new) if holds_named(keyword) => self.named(old, new, &path),
            ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Some(old), Some(new))
                if old.is_array() && new.is_array() =>
            {
                self.lists(old, new, &path);
            }
            (_, Some(old), Some(new)) if is_schema_keyword(keyword) => {
                self.schemas(old, new, &path);
            }
            _ => self.add(path, part_of(keyword), old, new),
        }
    }

    /// Names that are required now, or not any more.
    fn required(
        &mut self,
        (ours, theirs): (&Map<String, Value>, &Map<String, Value>),
        above: &str,
    ) {
        let names = |schema: &Map<String, Value>| -> Vec<String> {
            let list = schema.get("required").and_then(Value::as_array).cloned();
            let list = list.unwrap_or_default().into_iter();
            list.filter_map(|name| name.as_str().map(str::to_owned)).collect()
        };
        let (own, other) = (names(ours), names(theirs));
        let place = |name: &str| {
            let is_listed = |schema: &Map<String, Value>| {
                schema.get("properties").is_some_and(|all| all.get(name).is_some())
            };
            match is_listed(theirs) || is_listed(ours) {
                true => format!("{above}/properties/{}", escape_pointer(name)),
                false => format!("{above}/required"),
            }
        };
        let (required, optional) = (Value::from("required"), Value::from("optional"));
        for name in own.iter().filter(|name| !other.contains(name)) {
            self.add(place(name), ChangedPart::Required, Some(&required), Some(&optional));
        }
        for name in other.iter().filter(|name| !own.contains(name)) {
            self.add(place(name), ChangedPart::Required, Some(&optional), Some(&required));
        }
    }

    /// Schemas by name: those of `properties`, `$defs`, ….
    fn named(&mut self, old: Option<&Value>, new: Option<&Value>, path: &str) {
        let none = Map::new();
        let members = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
        let (ours, theirs) = (members(old), members(new));
        let (ours, theirs) = (ours.as_ref().unwrap_or(&none), theirs.as_ref().unwrap_or(&none));
        for (name, old) in ours {
            let path = format!("{path}/{}", escape_pointer(name));
            match theirs.get(name) {
                Some(new) if old.is_array() => {
                    if old != new {
                        self.add(path, ChangedPart::Constraint, Some(old), Some(new));
                    }
                }
                Some(new) => self.schemas(old, new, &path),
                None => self.add(path, ChangedPart::Member, Some(old), None),
            }
        }
        for (name, new) in theirs {
            if !ours.contains_key(name) {
                let path = format!("{path}/{}", escape_pointer(name));
                self.add(path, ChangedPart::Member, None, Some(new));
            }
        }
    }

    fn lists(&mut self, old: &Value, new: &Value, path: &str) {
        let empty = Vec::new();
        let (ours, theirs) = (old.as_array().unwrap_or(&empty), new.as_array().unwrap_or(&empty));
        for index in 0..ours.len().max(theirs.len()) {
            let path = format!("{path}/{index}");
            match (ours.get(index), theirs.get(index)) {
                (Some(old), Some(new)) => self.schemas(old, new, &path),
                (old, new) => self.add(path, ChangedPart::Member, old, new),
            }
        }
    }

    fn add(&mut self, path: String, part: ChangedPart, old: Option<&Value>, new: Option<&Value>) {
        if self.changes.len() >= DIFFERENCES_MAX {
            return;
        }
        let is_deprecated = path.ends_with("/deprecated") && new == Some(&Value::Bool(true));
        let kind = match (old, new) {
            _ if is_deprecated => ChangeKind::Deprecated,
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Modified,
        };
        let class = match part {
            ChangedPart::Documentation => ChangeClass::Patch,
            ChangedPart::Default => ChangeClass::NonBreaking,
            _ if self.found.iter().any(|found| touches(&found.path, &path)) => {
                ChangeClass::Breaking
            }
            _ => ChangeClass::NonBreaking,
        };
        let (was, is) = (old.map(messages::quote), new.map(messages::quote));
        self.changes.push(SchemaChange { kind, part, path, was, is, class });
    }
}

/// Whether one of two pointers is at or below the other.
fn touches(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_schema_keyword(keyword: &str) -> bool {
    matches!(
        keyword,
        "additionalItems"
            | "additionalProperties"
            | "contains"
            | "contentSchema"
            | "else"
            | "if"
            | "items"
            | "not"
            | "propertyNames"
            | "then"
            | "unevaluatedItems"
            | "unevaluatedProperties"
    )
}

fn part_of(keyword: &str) -> ChangedPart {
    match keyword {
        "type" | "$ref" | "$dynamicRef" | "$recursiveRef" | "$schema" => ChangedPart::Type,
        "default" => ChangedPart::Default,
        "deprecated" => ChangedPart::Documentation,
        keyword if is_deciding(keyword) => ChangedPart::Constraint,
        _ => ChangedPart::Documentation,
    }
}

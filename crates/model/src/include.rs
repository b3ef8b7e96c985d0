//! Resolves `$include` and `$includes` (model, "Includes in the xRegistry Model Data") that point
//! into the same source. The server fetches no URLs for clients.

use serde_json::{Map, Value};

use super::{
    ModelFault,
    limits::{DEPTH_MAX, VALUES_MAX, beginning},
};

/// Replaces the includes in a source with their targets.
pub(super) fn expand(source: &Value) -> Result<Value, ModelFault> {
    Expansion { source, open: Vec::new(), values: 0 }.value(source, 0)
}

struct Expansion<'a> {
    source: &'a Value,
    /// The references that are being resolved, to detect cycles.
    open: Vec<&'a str>,
    values: usize,
}

impl<'a> Expansion<'a> {
    fn value(&mut self, value: &'a Value, depth: usize) -> Result<Value, ModelFault> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(ModelFault::TooLarge);
        }
        if depth > DEPTH_MAX {
            return Err(ModelFault::TooDeep);
        }
        match value {
            Value::Object(members) => self.object(members, depth).map(Value::Object),
            Value::Array(items) => {
                items.iter().map(|item| self.value(item, depth + 1)).collect::<Result<_, _>>()
            }
            scalar => Ok(scalar.clone()),
        }
    }

    fn object(
        &mut self,
        members: &'a Map<String, Value>,
        depth: usize,
    ) -> Result<Map<String, Value>, ModelFault> {
        let mut whole = Map::new();
        for (name, value) in members {
            if name != "$include" && name != "$includes" {
                whole.insert(name.clone(), self.value(value, depth + 1)?);
            }
        }
        for reference in references(members)? {
            for (name, value) in self.included(reference, depth)? {
                whole.entry(name).or_insert(value);
            }
        }
        Ok(whole)
    }

    fn included(
        &mut self,
        reference: &'a str,
        depth: usize,
    ) -> Result<Map<String, Value>, ModelFault> {
        let refuse = |reason| Err(ModelFault::Include { reference: beginning(reference), reason });
        let Some(pointer) = reference.strip_prefix('#') else {
            return refuse("only a JSON Pointer into the same model (#/…) is supported");
        };
        if self.open.contains(&reference) {
            return refuse("it includes itself");
        }
        let Some(target) = self.source.pointer(pointer) else {
            return refuse("its target doesn't exist");
        };
        let Value::Object(members) = target else {
            return refuse("its target isn't an object");
        };
        self.open.push(reference);
        let whole = self.object(members, depth + 1)?;
        self.open.pop();
        Ok(whole)
    }
}

fn references(members: &Map<String, Value>) -> Result<Vec<&str>, ModelFault> {
    let shape = |place: &str, expected| ModelFault::Shape { place: place.to_owned(), expected };
    match (members.get("$include"), members.get("$includes")) {
        (None, None) => Ok(Vec::new()),
        (Some(Value::String(one)), None) => Ok(vec![one]),
        (Some(_), None) => Err(shape("$include", "a string")),
        (None, Some(Value::Array(several))) => several
            .iter()
            .map(|one| one.as_str().ok_or_else(|| shape("$includes", "an array of strings")))
            .collect(),
        (None, Some(_)) => Err(shape("$includes", "an array of strings")),
        (Some(_), Some(_)) => Err(ModelFault::NotThere {
            place: "$includes".to_owned(),
            aspect: "$include",
            reason: "an object can have only one of the two",
        }),
    }
}

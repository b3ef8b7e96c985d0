//! The defaults of fields: whether each fits its type, and has an end.

use std::collections::HashMap;

use muster_words::json::Value;

use crate::{
    avro::{
        fault::AvroFault,
        parse::Parser,
        schema::{AvroSchema, Kind, NodeId, Primitive, Record, Step},
    },
    limits, messages,
};

/// A field, as the number of its record's type and its index.
type FieldId = (NodeId, usize);

/// Checks the defaults of a text whose types are all known.
pub(crate) fn check(parser: &mut Parser) {
    let mut checker = Checker::new();
    let mut needs: HashMap<FieldId, Vec<FieldId>> = HashMap::new();
    for id in parser.take_defaults() {
        let Some(field) = field(&parser.schema, id) else { continue };
        let Some(default) = &field.default else { continue };
        let (place, result) =
            (field.place, checker.fits(&parser.schema, field.of.node, &default.value));
        match result {
            Ok(()) => drop(needs.insert(id, std::mem::take(&mut checker.needs))),
            Err(reason) => {
                let at = parser.place(place, Step::Key("default"));
                parser.problem(at, AvroFault::InvalidDefault { reason });
                checker.needs.clear();
            }
        }
    }
    for id in endless(&needs) {
        let Some(field) = field(&parser.schema, id) else { continue };
        let (place, field) = (field.place, field.name.clone());
        let at = parser.place(place, Step::Key("default"));
        parser.problem(at, AvroFault::EndlessDefault { field });
    }
}

fn field(schema: &AvroSchema, (record, index): FieldId) -> Option<&super::schema::Field> {
    match schema.kind(record) {
        Kind::Record(record) => record.fields.get(index),
        _ => None,
    }
}

/// The fields whose defaults need themselves, in order.
fn endless(needs: &HashMap<FieldId, Vec<FieldId>>) -> Vec<FieldId> {
    // What needs nothing that is left is taken away, until nothing changes; circles are left, and
    // what leads to them.
    let mut needed_by: HashMap<FieldId, Vec<FieldId>> = HashMap::new();
    let mut open: HashMap<FieldId, usize> = HashMap::new();
    for (id, inner) in needs {
        open.insert(*id, inner.len());
        for other in inner {
            needed_by.entry(*other).or_default().push(*id);
        }
    }
    let mut done: Vec<FieldId> =
        needs.values().flatten().filter(|id| !needs.contains_key(*id)).copied().collect();
    done.sort_unstable();
    done.dedup();
    done.extend(open.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id));
    while let Some(id) = done.pop() {
        for user in needed_by.get(&id).into_iter().flatten() {
            if let Some(count) = open.get_mut(user) {
                *count -= 1;
                if *count == 0 {
                    done.push(*user);
                }
            }
        }
    }
    let mut left: Vec<FieldId> =
        open.into_iter().filter(|(_, count)| *count > 0).map(|(id, _)| id).collect();
    left.sort_unstable();
    left
}

/// Whether a default fits a type if each union's default is of its first branch, as it had to be
/// before Avro 1.12.
pub(crate) fn fits_first_branches(schema: &AvroSchema, of: NodeId, default: &Value) -> bool {
    let mut checker = Checker { first_only: true, ..Checker::new() };
    checker.fits(schema, of, default).is_ok()
}

struct Checker {
    steps: u64,
    /// Whether only the first branch of a union will do.
    first_only: bool,
    /// The fields whose defaults the value needs, because it lacks these members.
    needs: Vec<FieldId>,
}

impl Checker {
    fn new() -> Self {
        Self { steps: limits::AVRO_DEFAULT_STEPS_MAX, first_only: false, needs: Vec::new() }
    }

    /// Whether a value is a default of a type. If not, why.
    fn fits(&mut self, schema: &AvroSchema, of: NodeId, value: &Value) -> Result<(), String> {
        self.steps = self.steps.saturating_sub(1);
        if self.steps == 0 {
            return Err(
                "the schema's defaults take too long to check; make them simpler".to_owned()
            );
        }
        let misfit = |needs: &str| Err(format!("{} isn't {needs}", messages::quote(value)));
        match schema.kind(of) {
            Kind::Primitive(primitive) => match needs_of(*primitive, value) {
                None => Ok(()),
                Some(needs) => misfit(needs),
            },
            Kind::Fixed(fixed) => match value.as_str().map(bytes_of) {
                Some(Some(bytes)) if bytes == fixed.size as usize => Ok(()),
                _ => misfit(&format!("a text of {} characters up to U+00FF", fixed.size)),
            },
            Kind::Enum(own) => match value.as_str() {
                Some(symbol) if own.by_symbol.contains_key(symbol) => Ok(()),
                _ => misfit(&format!("a symbol of {}", own.named.full)),
            },
            Kind::Array(items) => match value {
                Value::Array(values) => {
                    values.iter().try_for_each(|value| self.fits(schema, items.node, value))
                }
                _ => misfit("a list"),
            },
            Kind::Map(values) => match value {
                Value::Object(members) => {
                    members.values().try_for_each(|value| self.fits(schema, values.node, value))
                }
                _ => misfit("a map"),
            },
            Kind::Record(record) => self.fits_record(schema, of, record, value),
            Kind::Union(branches) => {
                let count = if self.first_only { 1 } else { branches.len() };
                for branch in branches.iter().take(count) {
                    let before = self.needs.len();
                    if self.fits(schema, branch.node, value).is_ok() {
                        return Ok(());
                    }
                    self.needs.truncate(before);
                }
                misfit("a value of any branch of the union")
            }
        }
    }

    fn fits_record(
        &mut self,
        schema: &AvroSchema,
        id: NodeId,
        record: &Record,
        value: &Value,
    ) -> Result<(), String> {
        let Value::Object(members) = value else {
            return Err(format!("{} isn't a map", messages::quote(value)));
        };
        for (index, field) in record.fields.iter().enumerate() {
            match members.get(&field.name) {
                Some(value) => self.fits(schema, field.of.node, value).map_err(|reason| {
                    messages::cut(format!("in {:?}: {reason}", field.name), 400)
                })?,
                None if field.default.is_some() => {
                    self.steps = self.steps.saturating_sub(1);
                    self.needs.push((id, index));
                }
                None => {
                    return Err(format!("it lacks {:?}, which has no default itself", field.name));
                }
            }
        }
        Ok(())
    }
}

/// What a value would have to be; none if it is that.
pub(crate) fn needs_of(primitive: Primitive, value: &Value) -> Option<&'static str> {
    let (fits, needs) = match primitive {
        Primitive::Null => (value.is_null(), "null"),
        Primitive::Boolean => (value.is_boolean(), "true or false"),
        Primitive::Int => (
            value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            "a whole number of 32 bits",
        ),
        Primitive::Long => (value.as_i64().is_some(), "a whole number of 64 bits"),
        Primitive::Float | Primitive::Double => (is_float(value), "a number"),
        Primitive::Bytes => (
            value.as_str().is_some_and(|text| bytes_of(text).is_some()),
            "a text of characters up to U+00FF",
        ),
        Primitive::String => (value.is_string(), "a text"),
    };
    (!fits).then_some(needs)
}

/// A number, or one of the three that JSON has no numbers for, as Java's library reads and writes
/// them.
fn is_float(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::String(text) => matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity"),
        _ => false,
    }
}

/// How many bytes a text stands for, of which each character is one; none if one can't be.
pub(crate) fn bytes_of(text: &str) -> Option<usize> {
    text.chars().try_fold(0, |count, character| (character <= '\u{ff}').then_some(count + 1))
}

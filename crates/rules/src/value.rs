use std::{borrow::Cow, rc::Rc};

use muster_words::json::{Map, Number, Value};

use super::{EvaluationFault, evaluate::Evaluation, numbers};

/// A value of an expression. It borrows from the document or the rule, or was made by the
/// evaluation. Copies share their content.
#[derive(Clone, Debug)]
pub(super) enum Cel<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Text<'a>),
    List(List<'a>),
    Map(Members<'a>),
    Type(&'static str),
}

/// A text of the document or the rule, or a new one.
#[derive(Clone, Debug)]
pub(super) enum Text<'a> {
    Read(&'a str),
    Made(Rc<str>),
}

/// A list of the document, or a new one.
#[derive(Clone, Debug)]
pub(super) enum List<'a> {
    Read(&'a [Value]),
    Made(Rc<Vec<Cel<'a>>>),
}

/// A map of the document, or a new one.
#[derive(Clone, Debug)]
pub(super) enum Members<'a> {
    Read(&'a Map<String, Value>),
    Made(Rc<Vec<(Cel<'a>, Cel<'a>)>>),
}

impl<'a> Cel<'a> {
    /// A value of a document.
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => numbers::of_json(number),
            Value::String(text) => Self::Text(Text::Read(text)),
            Value::Array(items) => Self::List(List::Read(items)),
            Value::Object(map) => Self::Map(Members::Read(map)),
        }
    }

    pub(super) fn made_text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(Text::Made(text.into()))
    }

    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Uint(_))
    }

    /// CEL's name of the type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Type(_) => "type",
        }
    }

    /// The value as JSON. Each part of it costs steps, because one part may be in it a thousand
    /// times.
    pub(super) fn to_json(
        &self,
        evaluation: &mut Evaluation<'a>,
    ) -> Result<Value, EvaluationFault> {
        evaluation.spend(1)?;
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(whole) => (*whole).into(),
            Self::Uint(whole) => (*whole).into(),
            Self::Double(double) => Number::from_f64(*double)
                .map(Value::Number)
                .ok_or(EvaluationFault::NotJson { found: "a number without a value" })?,
            Self::Text(text) => {
                evaluation.read(text.as_str().len())?;
                text.as_str().into()
            }
            Self::Type(_) => return Err(EvaluationFault::NotJson { found: "a type" }),
            // Copied, because numbers keep all their digits then.
            Self::List(List::Read(items)) => {
                let items = items.iter().map(|item| copied(item, evaluation));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Map(Members::Read(map)) => {
                let members = map.iter().map(|(name, value)| {
                    evaluation.read(name.len())?;
                    Ok((name.clone(), copied(value, evaluation)?))
                });
                Value::Object(members.collect::<Result<_, _>>()?)
            }
            Self::List(list) => {
                let items = list.iter().map(|item| item.to_json(evaluation));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Map(members) => {
                let members = members.iter().map(|(key, value)| {
                    let name = match &key {
                        Cel::Text(text) => text.as_str().to_owned(),
                        key => key_name(key).into_owned(),
                    };
                    evaluation.read(name.len())?;
                    Ok((name, value.to_json(evaluation)?))
                });
                Value::Object(members.collect::<Result<_, _>>()?)
            }
        })
    }

    /// The value as text for a message, with at most `room` characters, so that a large list isn't
    /// written only to be cut.
    pub(super) fn show(&self, room: usize) -> String {
        match self {
            Self::Text(text) => text.as_str().chars().take(room).collect(),
            value => {
                let mut out = String::new();
                value.write(&mut out, room);
                out
            }
        }
    }

    fn write(&self, out: &mut String, room: usize) {
        if out.len() > room {
            return;
        }
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Int(whole) => out.push_str(&whole.to_string()),
            Self::Uint(whole) => out.push_str(&whole.to_string()),
            Self::Double(double) => out.push_str(&numbers::double_text(*double)),
            Self::Text(text) => {
                let start: String = text.as_str().chars().take(room).collect();
                out.push_str(&Value::String(start).to_string());
            }
            Self::Type(name) => out.push_str(name),
            Self::List(list) => {
                out.push('[');
                for index in 0..list.len() {
                    if out.len() > room {
                        break;
                    }
                    out.push_str(if index > 0 { ", " } else { "" });
                    if let Some(item) = list.get(index) {
                        item.write(out, room);
                    }
                }
                out.push(']');
            }
            Self::Map(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if out.len() > room {
                        break;
                    }
                    out.push_str(if index > 0 { ", " } else { "" });
                    key.write(out, room);
                    out.push_str(": ");
                    value.write(out, room);
                }
                out.push('}');
            }
        }
    }
}

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Read(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Read(items) => items.len(),
            Self::Made(items) => items.len(),
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<Cel<'a>> {
        match self {
            Self::Read(items) => items.get(index).map(Cel::of),
            Self::Made(items) => items.get(index).cloned(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Cel<'a>> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl<'a> Members<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Read(map) => map.len(),
            Self::Made(members) => members.len(),
        }
    }

    pub(super) fn iter(&self) -> Box<dyn Iterator<Item = (Cel<'a>, Cel<'a>)> + '_> {
        match self {
            Self::Read(map) => {
                Box::new(map.iter().map(|(k, v)| (Cel::Text(Text::Read(k)), Cel::of(v))))
            }
            Self::Made(members) => Box::new(members.iter().cloned()),
        }
    }

    /// The value of a key; numeric keys are compared by value.
    pub(super) fn get(&self, key: &Cel<'_>) -> Option<Cel<'a>> {
        match (self, key) {
            (Self::Read(map), Cel::Text(text)) => map.get(text.as_str()).map(Cel::of),
            (Self::Read(_), _) => None,
            (Self::Made(members), key) => members
                .iter()
                .find(|(known, _)| same_key(known, key))
                .map(|(_, value)| value.clone()),
        }
    }
}

/// Whether two keys of a map are the same.
pub(super) fn same_key(left: &Cel<'_>, right: &Cel<'_>) -> bool {
    match (left, right) {
        (Cel::Text(a), Cel::Text(b)) => a.as_str() == b.as_str(),
        (Cel::Bool(a), Cel::Bool(b)) => a == b,
        (a, b) => numbers::compare(a, b).flatten().is_some_and(std::cmp::Ordering::is_eq),
    }
}

/// The text of a key in a fault.
pub(super) fn key_name(key: &Cel<'_>) -> Cow<'static, str> {
    Cow::Owned(key.show(80))
}

/// A copy of a value, which costs steps like everything that is written.
pub(super) fn copied(
    value: &Value,
    evaluation: &mut Evaluation<'_>,
) -> Result<Value, EvaluationFault> {
    pay(value, evaluation)?;
    Ok(value.clone())
}

fn pay(value: &Value, evaluation: &mut Evaluation<'_>) -> Result<(), EvaluationFault> {
    evaluation.spend(1)?;
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(number) => evaluation.read(number.as_str().len()),
        Value::String(text) => evaluation.read(text.len()),
        Value::Array(items) => items.iter().try_for_each(|item| pay(item, evaluation)),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            evaluation.read(name.len())?;
            pay(value, evaluation)
        }),
    }
}

use std::collections::HashMap;

use muster_words::json::{Value, escape_pointer};

use super::UnfitReason;
use crate::literal::{Literal, LiteralNode};

/// A document while it is made: its fields in the order of the table.
pub(super) struct Draft {
    fields: Vec<(String, Ordered)>,
    /// What doesn't fit.
    pub faults: Vec<DraftFault>,
}

/// Something in a document that doesn't fit.
pub(super) struct DraftFault {
    pub at: usize,
    pub pointer: String,
    pub reason: UnfitReason,
}

/// A JSON value whose members keep their order.
#[derive(Clone, Debug)]
enum Ordered {
    Plain(Value),
    List(Vec<Ordered>),
    Object(Vec<(String, Ordered)>),
}

impl Draft {
    /// A document from an object.
    pub fn of(node: &LiteralNode) -> Self {
        let mut faults = Vec::new();
        match converted(node, &mut String::new(), &mut faults) {
            Some(Ordered::Object(fields)) => Self { fields, faults },
            _ => Self { fields: Vec::new(), faults },
        }
    }

    /// Whether it has a field.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(other, _)| other == name)
    }

    /// Adds a field at its end.
    pub fn add(&mut self, name: &str, text: String) {
        self.fields.push((name.to_owned(), Ordered::Plain(Value::String(text))));
    }

    /// The text of a field, given by the steps to it; none if it isn't there, or is no text, number
    /// or boolean.
    pub fn text_of(&self, steps: &[String]) -> Option<String> {
        let (first, rest) = steps.split_first()?;
        let mut found = member(&self.fields, first)?;
        for step in rest {
            found = match found {
                Ordered::Object(members) => member(members, step)?,
                Ordered::List(elements) => elements.get(step.parse::<usize>().ok()?)?,
                Ordered::Plain(_) => return None,
            };
        }
        match found {
            Ordered::Plain(Value::String(text)) => Some(text.clone()),
            Ordered::Plain(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            _ => None,
        }
    }

    /// The document as JSON, indented.
    pub fn text(&self) -> String {
        let mut text = String::new();
        write_members(&self.fields, 0, &mut text);
        text.push('\n');
        text
    }
}

fn member<'a>(members: &'a [(String, Ordered)], name: &str) -> Option<&'a Ordered> {
    members.iter().find(|(other, _)| other == name).map(|(_, value)| value)
}

/// The value of a literal; none if there is none. What doesn't fit in it is left out and noted.
fn converted(
    node: &LiteralNode,
    pointer: &mut String,
    faults: &mut Vec<DraftFault>,
) -> Option<Ordered> {
    let mut fault = |at, pointer: &str, reason| {
        faults.push(DraftFault { at, pointer: pointer.to_owned(), reason });
    };
    Some(match &node.value {
        Literal::Null => Ordered::Plain(Value::Null),
        Literal::Absent => return None,
        Literal::Bool(truth) => Ordered::Plain(Value::Bool(*truth)),
        Literal::Number(number) => Ordered::Plain(Value::Number(number.clone())),
        Literal::Text(text) => Ordered::Plain(Value::String(text.clone())),
        Literal::Foreign(text) => {
            fault(node.at, pointer, UnfitReason::Expression(text.clone()));
            return None;
        }
        Literal::List(elements) => {
            let mut values = Vec::with_capacity(elements.len());
            for (index, element) in elements.iter().enumerate() {
                match element.value {
                    Literal::Absent => values.push(Ordered::Plain(Value::Null)),
                    _ => values.extend(below(element, &index.to_string(), pointer, faults)),
                }
            }
            Ordered::List(values)
        }
        Literal::Object(members) => {
            let mut fields: Vec<(&String, Option<Ordered>)> = Vec::with_capacity(members.len());
            let mut places = HashMap::new();
            for member in members {
                let Some(name) = &member.name else {
                    let reason = UnfitReason::NameExpression;
                    faults.push(DraftFault { at: member.at, pointer: pointer.clone(), reason });
                    continue;
                };
                let place = *places.entry(name).or_insert(fields.len());
                if place < fields.len() {
                    let pointer = format!("{pointer}/{}", escape_pointer(name));
                    faults.push(DraftFault { at: member.at, pointer, reason: UnfitReason::Twice });
                }
                let value = below(&member.node, name, pointer, faults);
                match fields.get_mut(place) {
                    Some((_, earlier)) => *earlier = value,
                    None => fields.push((name, value)),
                }
            }
            let there = fields.into_iter().filter_map(|(name, value)| Some((name.clone(), value?)));
            Ordered::Object(there.collect())
        }
    })
}

fn below(
    node: &LiteralNode,
    step: &str,
    pointer: &mut String,
    faults: &mut Vec<DraftFault>,
) -> Option<Ordered> {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(&escape_pointer(step));
    let value = converted(node, pointer, faults);
    pointer.truncate(length);
    value
}

/// The value at a pointer, or the deepest one on the way to it.
pub(super) fn pointer_of<'a>(node: &'a LiteralNode, pointer: &str) -> &'a LiteralNode {
    let mut found = node;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let next = match &found.value {
            Literal::Object(members) => {
                let named = members.iter().rfind(|member| member.name.as_deref() == Some(&*step));
                named.map(|member| &member.node)
            }
            Literal::List(elements) => step.parse().ok().and_then(|at: usize| elements.get(at)),
            _ => None,
        };
        match next {
            Some(next) => found = next,
            None => break,
        }
    }
    found
}

fn write(value: &Ordered, depth: usize, text: &mut String) {
    match value {
        Ordered::Plain(value) => text.push_str(&value.to_string()),
        Ordered::Object(members) => write_members(members, depth, text),
        Ordered::List(elements) if elements.is_empty() => text.push_str("[]"),
        Ordered::List(elements) => {
            for (index, element) in elements.iter().enumerate() {
                text.push(if index == 0 { '[' } else { ',' });
                line(depth + 1, text);
                write(element, depth + 1, text);
            }
            line(depth, text);
            text.push(']');
        }
    }
}

fn write_members(members: &[(String, Ordered)], depth: usize, text: &mut String) {
    if members.is_empty() {
        return text.push_str("{}");
    }
    for (index, (name, value)) in members.iter().enumerate() {
        text.push(if index == 0 { '{' } else { ',' });
        line(depth + 1, text);
        text.push_str(&Value::from(name.as_str()).to_string());
        text.push_str(": ");
        write(value, depth + 1, text);
    }
    line(depth, text);
    text.push('}');
}

fn line(depth: usize, text: &mut String) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

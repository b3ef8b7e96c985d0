use std::{collections::HashMap, str::FromStr};

use thiserror::Error;

use super::{UnfitReason, document::Draft};
use crate::literal::{Literal, LiteralNode};

/// The text isn't a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// A selection is a pointer.
    #[error("a selection begins with a slash, such as /* or /cms/*")]
    NoPointer,
    /// A brace isn't closed, or nothing is in it.
    #[error("a placeholder is a name in braces, such as {{key}} or {{provider_type}}")]
    Placeholder,
}

/// The values of a table that become documents: a JSON Pointer in which `*` stands for any step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSelection(Vec<SelectionStep>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum SelectionStep {
    Any,
    Named(String),
}

/// A selected value, or what stands where one should be.
pub(super) struct Selected<'a> {
    pub steps: Vec<String>,
    pub node: Result<&'a LiteralNode, (&'a LiteralNode, UnfitReason)>,
}

impl FromStr for TableSelection {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let steps = text.strip_prefix('/').ok_or(PatternError::NoPointer)?.split('/');
        let step = |step: &str| match step {
            "*" => SelectionStep::Any,
            named => SelectionStep::Named(unescaped(named)),
        };
        Ok(Self(steps.map(step).collect()))
    }
}

impl TableSelection {
    /// The selected values of a table, in its order.
    pub(super) fn of<'a>(&self, table: &'a LiteralNode) -> Vec<Selected<'a>> {
        let mut found = vec![Selected { steps: Vec::new(), node: Ok(table) }];
        for step in &self.0 {
            found = found.into_iter().flat_map(|selected| below(selected, step)).collect();
        }
        found
    }
}

/// The values one step below another one.
fn below<'a>(selected: Selected<'a>, step: &SelectionStep) -> Vec<Selected<'a>> {
    let Ok(node) = selected.node else { return vec![selected] };
    let wants = |name: &str| match step {
        SelectionStep::Any => true,
        SelectionStep::Named(named) => named == name,
    };
    let at = |name: String, node| {
        let mut steps = selected.steps.clone();
        steps.push(name);
        Selected { steps, node }
    };
    match &node.value {
        Literal::Object(members) => {
            let mut counts: HashMap<&str, usize> = HashMap::new();
            for name in members.iter().filter_map(|member| member.name.as_deref()) {
                *counts.entry(name).or_default() += 1;
            }
            let is_twice = |name: &str| counts.get(name).is_some_and(|count| *count > 1);
            let named = members.iter().filter(|member| member.name.as_deref().is_none_or(wants));
            let found = named.map(|member| match &member.name {
                Some(name) if is_twice(name) => {
                    at(name.clone(), Err((&member.node, UnfitReason::Twice)))
                }
                Some(name) => at(name.clone(), Ok(&member.node)),
                None => at("…".to_owned(), Err((&member.node, UnfitReason::NameExpression))),
            });
            found.collect()
        }
        Literal::List(elements) => {
            let all = elements.iter().enumerate().map(|(index, node)| (index.to_string(), node));
            all.filter(|(index, _)| wants(index)).map(|(index, node)| at(index, Ok(node))).collect()
        }
        Literal::Foreign(text) => {
            let reason = UnfitReason::Expression(text.clone());
            vec![Selected { steps: selected.steps, node: Err((node, reason)) }]
        }
        _ => vec![Selected { steps: selected.steps, node: Err((node, UnfitReason::NoObject)) }],
    }
}

/// A text with placeholders in braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextTemplate(Vec<PatternPart>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum PatternPart {
    Text(String),
    /// The name of the value in its table: the last step to it.
    Key,
    /// The name of what it is in: the step before.
    Parent,
    /// A field of the value, with its name in the pattern.
    Field(String, Vec<String>),
}

/// What placeholders stand for.
pub(super) struct Surroundings<'a> {
    pub steps: &'a [String],
    pub draft: &'a Draft,
}

impl FromStr for TextTemplate {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or(PatternError::Placeholder)?;
            parts.push(PatternPart::Text(before.to_owned()));
            parts.push(match name {
                "" => return Err(PatternError::Placeholder),
                "key" => PatternPart::Key,
                "parent" => PatternPart::Parent,
                pointer if pointer.starts_with('/') => {
                    let steps = pointer.split('/').skip(1).map(unescaped).collect();
                    PatternPart::Field(pointer.to_owned(), steps)
                }
                field => PatternPart::Field(field.to_owned(), vec![field.to_owned()]),
            });
            rest = after;
        }
        parts.push(PatternPart::Text(rest.to_owned()));
        Ok(Self(parts))
    }
}

impl TextTemplate {
    /// The text for a value.
    ///
    /// # Errors
    /// What the value lacks.
    pub(super) fn fill(&self, surroundings: &Surroundings<'_>) -> Result<String, String> {
        let Surroundings { steps, draft } = surroundings;
        let mut text = String::new();
        for part in &self.0 {
            match part {
                PatternPart::Text(part) => text.push_str(part),
                PatternPart::Key => text.push_str(steps.last().ok_or("a key")?),
                PatternPart::Parent => {
                    let parent = steps.len().checked_sub(2).and_then(|at| steps.get(at));
                    text.push_str(parent.ok_or("a parent")?);
                }
                PatternPart::Field(name, steps) => {
                    let found = draft.text_of(steps);
                    text.push_str(&found.ok_or_else(|| format!("the field {name}"))?);
                }
            }
        }
        Ok(text)
    }
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

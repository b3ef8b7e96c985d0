use std::fmt::Write as _;

use muster_history::difference::{Difference, FieldDifference};
use muster_words::{Xid, json::Value};
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::{Plan, Step, StepAction, StepTarget};
use crate::output::{
    Screen, Style, differences::one_line, findings, numbers::separated, sanitized, table::padded,
};

/// The plan for people: what is added, changed and deleted, with the differing fields.
#[must_use]
pub fn render(plan: &Plan, screen: &Screen) -> String {
    let names: Vec<String> = plan.steps().map(name).collect();
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0) + 2;
    let mut out = String::new();
    for unit in &plan.units {
        for step in &unit.steps {
            render_step(step, width, screen, &mut out);
        }
        if unit.steps.len() > 1 {
            let note = "  together: they refer to each other";
            let _ = writeln!(out, "{}", screen.paint(Style::Dim, note));
        }
    }
    out
}

fn name(step: &Step) -> String {
    match &step.target {
        StepTarget::Model => "the model".to_owned(),
        StepTarget::Entity(xid) => xid.to_string().trim_start_matches('/').to_owned(),
    }
}

fn render_step(step: &Step, width: usize, screen: &Screen, out: &mut String) {
    let is_refused = step.findings.iter().any(|finding| !finding.is_warning);
    let style = match step.act {
        _ if is_refused => Style::Removed,
        StepAction::Add => Style::Added,
        StepAction::Delete => Style::Removed,
        StepAction::Change | StepAction::Keep => Style::Changed,
    };
    let version = match step.version {
        _ if is_refused => "refused".to_owned(),
        Some(version) => format!("version {version}"),
        None => String::new(),
    };
    let line = format!("{} {}{version}", step.act.sign(), padded(&name(step), width));
    let _ = writeln!(out, "{}", screen.paint(style, line.trim_end()));
    if step.act == StepAction::Change {
        render_fields(&step.fields, screen, out);
    }
    for line in findings::render(&step.findings, screen, "    ") {
        let _ = writeln!(out, "{line}");
    }
}

fn render_fields(fields: &[FieldDifference], screen: &Screen, out: &mut String) {
    let width = fields.iter().map(|field| field.path.width()).max().unwrap_or(0) + 2;
    for field in fields {
        let style = match &field.difference {
            Difference::Added(_) => Style::Added,
            Difference::Removed(_) => Style::Removed,
            Difference::List { removed, added } if removed.is_empty() && !added.is_empty() => {
                Style::Added
            }
            Difference::List { added, .. } if added.is_empty() => Style::Removed,
            _ => Style::Changed,
        };
        let text = sanitized(&one_line(&field.difference));
        let path = padded(&sanitized(&field.path), width);
        let _ = writeln!(out, "    {path}{}", screen.paint(style, &text));
    }
}

impl StepAction {
    /// The sign that carries the meaning without colour.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Change => "~",
            Self::Delete => "-",
            Self::Keep => "=",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Delete => "delete",
            Self::Keep => "keep",
        }
    }
}

/// `1 to add, 1 to change, 1 to delete, 27 unchanged`, counting documents, and the other changes.
#[must_use]
pub fn summary(plan: &Plan) -> String {
    let count = |act| plan.steps().filter(|step| step.is_document() && step.act == act).count();
    let parts = [
        (count(StepAction::Add), "to add"),
        (count(StepAction::Change), "to change"),
        (count(StepAction::Delete), "to delete"),
        (plan.kept, "unchanged"),
        (plan.refused(), "refused"),
    ];
    let text = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", separated(*count as u64)))
        .collect::<Vec<_>>()
        .join(", ");
    let has_model = plan.steps().any(|step| step.target == StepTarget::Model);
    let is_group = |step: &&Step| matches!(step.target, StepTarget::Entity(Xid::Group { .. }));
    let join = if text.is_empty() { "" } else { "; also " };
    let beside = match (has_model, plan.steps().filter(is_group).count()) {
        (true, 0) => format!("{join}the model"),
        (false, 0) if text.is_empty() => "nothing".to_owned(),
        (false, 0) => String::new(),
        (has_model, count) => {
            let model = if has_model { "the model and " } else { "" };
            format!("{join}{model}{}", crate::output::numbers::counted(count, "group", "groups"))
        }
    };
    text + &beside
}

/// The plan as JSON for programs.
#[must_use]
pub fn to_json(plan: &Plan) -> Value {
    let steps: Vec<Value> = plan.steps().map(step_to_json).collect();
    json!({"steps": steps, "unchanged": plan.kept, "refused": plan.refused()})
}

fn step_to_json(step: &Step) -> Value {
    let mut value = json!({"act": step.act.name()});
    value["target"] = match &step.target {
        StepTarget::Model => "model".into(),
        StepTarget::Entity(xid) => xid.to_string().into(),
    };
    if let Some(version) = step.version {
        value["version"] = version.to_string().into();
    }
    if step.act == StepAction::Change {
        value["fields"] = step.fields.iter().map(field_to_json).collect();
    }
    if !step.findings.is_empty() {
        let finding = |one: &crate::output::Finding| {
            let severity = if one.is_warning { "warning" } else { "error" };
            json!({"file": one.file, "line": one.line, "pointer": one.pointer, "rule": one.rule,
                   "severity": severity, "message": one.message})
        };
        value["violations"] = step.findings.iter().map(finding).collect();
    }
    value
}

fn field_to_json(field: &FieldDifference) -> Value {
    match &field.difference {
        Difference::Added(value) => json!({"field": field.path, "added": value}),
        Difference::Removed(value) => json!({"field": field.path, "removed": value}),
        Difference::Changed(before, after) => {
            json!({"field": field.path, "before": before, "after": after})
        }
        Difference::List { removed, added } => {
            json!({"field": field.path, "lost": removed, "gained": added})
        }
    }
}

use std::fmt::Write as _;

use muster_history::difference::{Difference, FieldDifference};
use muster_wire::{Severity, apply::FailingDocuments};
use muster_words::{Xid, json::Value};
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::{Plan, Step, StepAction, StepTarget};
use crate::{
    FailureCode,
    output::{
        Screen, Style, differences::one_line, findings, numbers::separated, sanitized,
        table::padded,
    },
};

/// The plan for people: what is added, changed and deleted, with the differing fields.
#[must_use]
pub fn render(plan: &Plan, screen: &Screen) -> String {
    let names: Vec<String> = plan.steps().map(Step::name).collect();
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

fn render_step(step: &Step, width: usize, screen: &Screen, out: &mut String) {
    let style = match step.act {
        StepAction::Add => Style::Added,
        StepAction::Delete => Style::Removed,
        StepAction::Change | StepAction::Keep => Style::Changed,
    };
    let (style, sign) = match step.is_refused() {
        true => (Style::Removed, REFUSED),
        false => (style, step.act.sign()),
    };
    let version = match step.version {
        _ if step.is_refused() => "refused".to_owned(),
        Some(version) => format!("version {version}"),
        None => String::new(),
    };
    let line = format!("{sign} {}{version}", padded(&step.name(), width));
    let _ = writeln!(out, "{}", screen.paint(style, line.trim_end()));
    if step.act == StepAction::Change {
        render_fields(&step.fields, screen, out);
    }
    for line in findings::render(&step.findings, screen, "    ") {
        let _ = writeln!(out, "{line}");
    }
    if let Some(refusal) = &step.refusal {
        let code = refusal.code().map_or("", FailureCode::name);
        let _ =
            writeln!(out, "    refused: {}", sanitized(&format!("{}  [{code}]", refusal.what())));
        if let Some(help) = refusal.help_text() {
            let _ = writeln!(out, "    help: {}", sanitized(help));
        }
    }
}

/// The sign of a step that the registry refuses.
const REFUSED: &str = "!";

/// The most documents that are named; a registry names more.
const FAILING_SHOWN_MAX: usize = 10;

/// How many stored documents stop passing, and which; nothing if none is affected.
#[must_use]
pub fn failing(found: &FailingDocuments) -> Vec<String> {
    let FailingDocuments { failing, judged, affected, documents } = found;
    let (judged_text, all) = (separated(*judged), separated(*affected));
    let documents_of = |count: u64, text: &str| {
        format!("{text} {}", if count == 1 { "document" } else { "documents" })
    };
    let count = documents_of(*failing, &separated(*failing));
    let stop = if *failing == 1 { "stops" } else { "stop" };
    let first = match (*failing, judged == affected) {
        (0, true) => return Vec::new(),
        (0, false) => format!(
            "{judged_text} of {} that this affects were checked, and still pass",
            documents_of(*affected, &all)
        ),
        (_, true) => {
            let stored = documents_of(*affected, &all);
            format!("{} of {stored} in the registry {stop} passing", separated(*failing))
        }
        (_, false) => {
            format!("at least {count} {stop} passing; {judged_text} of {all} checked")
        }
    };
    let shown = documents.iter().take(FAILING_SHOWN_MAX);
    let mut lines: Vec<String> = shown
        .map(|document| {
            let error = document.violations.iter().find(|one| one.severity.is(&Severity::Error));
            let why =
                error.map_or_else(String::new, |one| format!("  {}  {}", one.pointer, one.message));
            sanitized(&format!("  {}{why}", document.xid.trim_start_matches('/')))
        })
        .collect();
    let more = usize::try_from(*failing).unwrap_or(usize::MAX).saturating_sub(lines.len());
    if more > 0 {
        let more = separated(more as u64);
        lines.push(format!("  and {more} more; muster validate --server lists all"));
    }
    let colon = if lines.is_empty() { "" } else { ":" };
    lines.insert(0, format!("{first}{colon}"));
    lines
}

/// Differing fields for people, one per line.
pub fn render_fields(fields: &[FieldDifference], screen: &Screen, out: &mut String) {
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
    // What is refused as a whole is refused in each of its steps.
    let refused = if plan.refusal.is_some() { steps.len() } else { plan.refused() };
    let mut value = json!({"steps": steps, "unchanged": plan.kept, "refused": refused});
    if let Some(refusal) = &plan.refusal {
        value["refusal"] = refusal.json();
    }
    value["requests"] = plan.requests.into();
    // Later requests are judged when those before them are done.
    value["judged_requests"] = plan.requests.min(1).into();
    if plan.failing.affected > 0 {
        value["failing"] = serde_json::to_value(&plan.failing).unwrap_or_default();
    }
    if !plan.notes.is_empty() {
        value["notes"] = plan.notes.clone().into();
    }
    value
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
    if let Some(refusal) = &step.refusal {
        value["refusal"] = refusal.json();
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

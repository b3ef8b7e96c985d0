//! Violations of documents, with file and line if there is a file.

use muster_schema::ViolationSource;
use muster_wire::{Severity, Violation, ViolationCause};
use muster_words::{Notation, Places, json::Value};
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::{Screen, Style, sanitized, table::padded};

/// One violation, as it is shown to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The user's file, or the name of the document.
    pub file: String,
    /// The line of the value, if the file has it.
    pub line: Option<usize>,
    /// The place in the document, as a JSON Pointer.
    pub pointer: String,
    /// The rule's id, or the keyword of the schema.
    pub rule: String,
    /// What is wrong.
    pub message: String,
    /// Whether it is only a warning.
    pub is_warning: bool,
}

impl Finding {
    /// A violation from a server, for the file that was sent. `places` are the lines of its values.
    #[must_use]
    pub fn of_answer(violation: &Violation, file: &str, places: &Places) -> Self {
        let rule = match &violation.violated {
            ViolationCause::Keyword(keyword) => {
                ViolationSource::Keyword(keyword.clone()).to_string()
            }
            ViolationCause::Rule(id) => id.clone(),
            ViolationCause::Reference(_) => "reference".to_owned(),
            ViolationCause::Other(members) => members.keys().next().cloned().unwrap_or_default(),
        };
        let (pointer, message) = (&violation.pointer, &violation.message);
        let is_warning = violation.severity.is(&Severity::Warning);
        let found = Self::new((file, places), pointer, rule, message, is_warning);
        let told = violation.line.and_then(|line| usize::try_from(line).ok());
        // Where a document as a whole is meant, its first line says nothing.
        let is_first =
            violation.line == Some(1) && violation.column.is_none_or(|column| column <= 1);
        let told = told.filter(|_| !pointer.is_empty() || !is_first);
        Self { line: found.line.or(told), ..found }
    }

    /// A violation that was found locally.
    #[must_use]
    pub fn of_check(violation: &muster_schema::Violation, file: &str, places: &Places) -> Self {
        let (pointer, message) = (&violation.pointer, &violation.message);
        let rule = violation.source.to_string();
        Self::new((file, places), pointer, rule, message, !violation.is_error())
    }

    /// A document that couldn't be checked, and why.
    #[must_use]
    pub fn not_checked(file: &str, why: &str) -> Self {
        Self::new((file, &Places::default()), "", "not checked".to_owned(), why, false)
    }

    /// The JSON for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let severity = if self.is_warning { "warning" } else { "error" };
        let mut value = json!({
            "file": self.file,
            "pointer": self.pointer,
            "rule": self.rule,
            "severity": severity,
            "message": self.message,
        });
        if let Some(line) = self.line {
            value["line"] = line.into();
        }
        value
    }

    fn new(
        (file, places): (&str, &Places),
        pointer: &str,
        rule: String,
        message: &str,
        is_warning: bool,
    ) -> Self {
        // A file that isn't data has no pointers; the message says where parsing stopped.
        let is_unreadable = matches!(rule.as_str(), "json" | "yaml");
        let stopped = if is_unreadable { line_in(message) } else { None };
        Self {
            file: file.to_owned(),
            line: stopped.or_else(|| line_of(places, pointer)),
            pointer: pointer.to_owned(),
            rule,
            message: message.to_owned(),
            is_warning,
        }
    }
}

/// The line in a parser's message: `line 2, column 5: …`.
fn line_in(message: &str) -> Option<usize> {
    message.strip_prefix("line ")?.split(',').next()?.parse().ok()
}

/// The line of a value. A missing value has none, because the line where it belongs isn't known.
fn line_of(places: &Places, pointer: &str) -> Option<usize> {
    if pointer.is_empty() { None } else { places.of(pointer).map(|place| place.line) }
}

/// The places of the values in a file with this media type; none if it isn't data.
#[must_use]
pub fn places(content_type: Option<&str>, bytes: &[u8]) -> Places {
    let parsed = Notation::of(content_type).parse_with_places(bytes);
    parsed.map(|(_, places)| places).unwrap_or_default()
}

/// The findings as aligned lines: first the errors in their order, then a heading and the warnings.
/// Each line begins with `indent`.
#[must_use]
pub fn render(findings: &[Finding], screen: &Screen, indent: &str) -> Vec<String> {
    let rows: Vec<[String; 4]> = findings.iter().map(row).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let lay = |row: &[String; 4]| {
        let cells = [0, 1, 2].map(|column| padded(&row[column], widths[column] + 2));
        format!("{indent}{}{}", cells.concat(), row[3]).trim_end().to_owned()
    };
    let (warnings, errors): (Vec<_>, Vec<_>) =
        findings.iter().zip(&rows).partition(|(finding, _)| finding.is_warning);
    let mut lines: Vec<String> = errors.into_iter().map(|(_, row)| lay(row)).collect();
    if !warnings.is_empty() {
        let outer = indent.strip_prefix("  ").unwrap_or(indent);
        lines.push(format!("{outer}{}", screen.paint_error(Style::Changed, "warning")));
        lines.extend(warnings.into_iter().map(|(_, row)| lay(row)));
    }
    lines
}

fn row(finding: &Finding) -> [String; 4] {
    let place = match finding.line {
        Some(line) => format!("{}:{line}", finding.file),
        None => finding.file.clone(),
    };
    [place, finding.pointer.clone(), finding.rule.clone(), finding.message.clone()]
        .map(|cell| sanitized(&cell))
}

#[cfg(test)]
mod tests {
    use muster_words::Moment;

    use super::*;

    fn violation(
        pointer: &str,
        violated: ViolationCause,
        severity: Severity,
        text: &str,
    ) -> Violation {
        let (pointer, message) = (pointer.to_owned(), text.to_owned());
        let (line, column) = (None, None);
        Violation {
            subject: None,
            pointer,
            violated,
            severity: severity.into(),
            message,
            line,
            column,
        }
    }

    #[test]
    fn finds_the_line_where_json_ends_in_the_parsers_words() {
        let keyword = ViolationCause::Keyword("json".to_owned());
        let text = "line 2, column 5: expected a comma";
        let found = violation("", keyword, Severity::Error, text);
        assert_eq!(Finding::of_answer(&found, "a.json", &Places::default()).line, Some(2));
    }

    #[test]
    fn names_file_line_pointer_rule_and_message() {
        let document =
            b"{\n \"cms_type\": \"git\",\n \"range\": [280,\n  65],\n \"long\": \"x\"\n}";
        let places = places(None, document);
        let rule = |id: &str| ViolationCause::Rule(id.to_owned());
        let keyword = |name: &str| ViolationCause::Keyword(name.to_owned());
        let findings: Vec<Finding> = [
            violation("/range", rule("ordered"), Severity::Error, "280 is above 65"),
            violation("/long", rule("short"), Severity::Warning, "too long"),
            violation("/cms_type", keyword("enum"), Severity::Error, "\"git\" is none of a, b"),
            violation("/updated", keyword("required"), Severity::Error, "say when"),
            violation("/range/1", ViolationCause::Reference(true), Severity::Error, "gone"),
        ]
        .iter()
        .map(|violation| Finding::of_answer(violation, "a.json", &places))
        .collect();
        let lines = render(&findings, &Screen::plain(Moment::EPOCH), "  ");
        assert_eq!(
            lines,
            [
                "  a.json:3  /range     ordered    280 is above 65",
                "  a.json:2  /cms_type  one of     \"git\" is none of a, b",
                "  a.json    /updated   required   say when",
                "  a.json:4  /range/1   reference  gone",
                "warning",
                "  a.json:5  /long      short      too long",
            ]
        );
    }
}

use std::fmt::Write as _;

use clap::ValueEnum;

use crate::{Failure, output::Screen};

/// A form of results that CI systems read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CiReport {
    /// XML of `JUnit`: a test suite with a case for each comparison or payload
    Junit,
    /// Workflow commands of GitHub Actions, which become annotations
    Github,
}

/// What was checked: one comparison, or one payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CheckedCase {
    /// What it was checked by.
    pub by: String,
    /// What was checked.
    pub name: String,
    pub remarks: Vec<Remark>,
}

/// What is wrong at one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remark {
    /// The file, if it is in one.
    pub file: Option<String>,
    pub line: Option<usize>,
    pub rule: String,
    pub message: String,
    /// Whether the case passes in spite of it.
    pub is_warning: bool,
}

impl CiReport {
    /// Writes the report to standard output.
    pub(super) fn write(
        self,
        screen: &Screen,
        suite: &str,
        cases: &[CheckedCase],
    ) -> Result<(), Failure> {
        let text = match self {
            Self::Junit => junit(suite, cases),
            Self::Github => github(cases),
        };
        screen.write(text.as_bytes())
    }
}

/// A test suite in XML. Warnings fail no case; they are its output.
fn junit(suite: &str, cases: &[CheckedCase]) -> String {
    let failures = cases.iter().filter(|case| case.remarks.iter().any(|one| !one.is_warning));
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\">\n",
        xml(suite),
        cases.len(),
        failures.count(),
    );
    for case in cases {
        let (by, name) = (xml(&case.by), xml(&case.name));
        let _ = write!(out, "  <testcase classname=\"{by}\" name=\"{name}\"");
        if case.remarks.is_empty() {
            out.push_str("/>\n");
            continue;
        }
        out.push_str(">\n");
        let (warnings, errors): (Vec<_>, Vec<_>) =
            case.remarks.iter().partition(|remark| remark.is_warning);
        if let Some(first) = errors.first() {
            let (rule, message) = (xml(&first.rule), xml(&first.message));
            let text = lines(&errors);
            let _ = writeln!(
                out,
                "    <failure type=\"{rule}\" message=\"{message}\">{text}</failure>"
            );
        }
        if !warnings.is_empty() {
            let _ = writeln!(out, "    <system-out>{}</system-out>", lines(&warnings));
        }
        out.push_str("  </testcase>\n");
    }
    out.push_str("</testsuite>\n");
    out
}

/// The remarks as text in XML, a line for each.
fn lines(remarks: &[&Remark]) -> String {
    let line = |remark: &&Remark| {
        let place = match (&remark.file, remark.line) {
            (Some(file), Some(line)) => format!("{file}:{line}: "),
            (Some(file), None) => format!("{file}: "),
            (None, _) => String::new(),
        };
        xml_text(&format!("{place}{}: {}", remark.rule, remark.message))
    };
    remarks.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A workflow command for each remark.
fn github(cases: &[CheckedCase]) -> String {
    let mut out = String::new();
    for case in cases {
        for remark in &case.remarks {
            let level = if remark.is_warning { "warning" } else { "error" };
            let mut properties = Vec::new();
            if let Some(file) = &remark.file {
                properties.push(format!("file={}", property(file)));
                properties.extend(remark.line.map(|line| format!("line={line}")));
            }
            properties.push(format!("title={}", property(&remark.rule)));
            let message = workflow_text(&format!("{}: {}", case.name, remark.message));
            let _ = writeln!(out, "::{level} {}::{message}", properties.join(","));
        }
    }
    out
}

/// The message of a workflow command, which ends with its line.
fn workflow_text(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command, which ends with a comma or a colon.
fn property(text: &str) -> String {
    workflow_text(text).replace(':', "%3A").replace(',', "%2C")
}

/// An attribute's value in XML, whose line breaks and tabs would become spaces.
fn xml(text: &str) -> String {
    xml_text(text).replace('\n', "&#10;").replace('\t', "&#9;")
}

/// Text in XML 1.0, in which most control characters can't stand, not even as references.
fn xml_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\r' => out.push_str("&#13;"),
            '\n' | '\t' => out.push(letter),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// File, line, rule, message, and whether it is a warning.
    type Row<'a> = (Option<&'a str>, Option<usize>, &'a str, &'a str, bool);

    fn case(name: &str, rows: &[Row<'_>]) -> CheckedCase {
        let remark = |&(file, line, rule, message, is_warning): &Row<'_>| Remark {
            file: file.map(str::to_owned),
            line,
            rule: rule.to_owned(),
            message: message.to_owned(),
            is_warning,
        };
        let remarks = rows.iter().map(remark).collect();
        CheckedCase { by: "a.json".to_owned(), name: name.to_owned(), remarks }
    }

    #[test]
    fn writes_workflow_commands_that_end_where_they_should() {
        for (case, expect) in [
            (case("b", &[]), ""),
            (
                case("b", &[(Some("b"), Some(3), "type", "no", false)]),
                "::error file=b,line=3,title=type::b: no\n",
            ),
            (
                case("b", &[(Some("b"), None, "type", "no", true)]),
                "::warning file=b,title=type::b: no\n",
            ),
            (case("b", &[(None, Some(3), "type", "no", false)]), "::error title=type::b: no\n"),
            (
                case("b", &[(Some("a,b:c%"), None, "r:1,2", "50%\r\n::error::x, y", false)]),
                "::error file=a%2Cb%3Ac%25,title=r%3A1%2C2::b: 50%25%0D%0A::error::x, y\n",
            ),
        ] {
            assert_eq!(github(&[case]), expect);
        }
    }

    #[test]
    fn writes_xml_that_every_parser_reads() {
        let empty = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
        for (cases, expect) in [
            (vec![], "<testsuite name=\"s\" tests=\"0\" failures=\"0\" errors=\"0\">\n"),
            (
                vec![case("b", &[])],
                "<testsuite name=\"s\" tests=\"1\" failures=\"0\" errors=\"0\">\n  \
                 <testcase classname=\"a.json\" name=\"b\"/>\n",
            ),
            (
                vec![case(
                    "b",
                    &[(Some("b"), Some(2), "r", "no", false), (None, None, "q", "hm", true)],
                )],
                "<testsuite name=\"s\" tests=\"1\" failures=\"1\" errors=\"0\">\n  \
                 <testcase classname=\"a.json\" name=\"b\">\n    \
                 <failure type=\"r\" message=\"no\">b:2: r: no</failure>\n    \
                 <system-out>q: hm</system-out>\n  </testcase>\n",
            ),
            (
                vec![case("<&\"'\n\t\x1b", &[(None, None, "r", "a]]>\n\u{ffff}\r", false)])],
                "<testsuite name=\"s\" tests=\"1\" failures=\"1\" errors=\"0\">\n  \
                 <testcase classname=\"a.json\" name=\"&lt;&amp;&quot;&apos;&#10;&#9;\u{fffd}\">\n    \
                 <failure type=\"r\" message=\"a]]&gt;&#10;\u{fffd}&#13;\">r: a]]&gt;\n\u{fffd}&#13;</failure>\n  \
                 </testcase>\n",
            ),
        ] {
            assert_eq!(junit("s", &cases), format!("{empty}{expect}</testsuite>\n"));
        }
    }
}

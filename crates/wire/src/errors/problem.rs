use std::{collections::BTreeMap, fmt};

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};

use super::{ErrorBody, ErrorCode, Severity, Violation};

/// Why a request is refused, with the facts of this occurrence. It becomes an [`ErrorBody`] at the
/// border.
///
/// ```
/// use muster_wire::{ErrorCode, Problem};
///
/// let problem = Problem::new(ErrorCode::MISMATCHED_EPOCH)
///     .subject("/providers/cms")
///     .arg("bad_epoch", 3)
///     .arg("epoch", 5);
/// assert_eq!(
///     problem.title(),
///     r#"The specified epoch value (3) for "/providers/cms" does not match its current value (5)."#
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(Box<Said>);

/// What was said; boxed, so that a `Result` with a problem stays small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    code: ErrorCode,
    subject: Option<String>,
    args: BTreeMap<String, String>,
    detail: Option<String>,
    instance: Option<String>,
    source: Option<String>,
    violations: Vec<Violation>,
    more: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A refusal with this code and nothing else said yet.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        Self(Box::new(Said {
            code,
            subject: None,
            args: BTreeMap::new(),
            detail: None,
            instance: None,
            source: None,
            violations: Vec::new(),
            more: Map::new(),
            headers: Vec::new(),
        }))
    }

    /// Says what it is about: an xid or a request path, beginning with `/`.
    #[must_use]
    pub fn subject(mut self, subject: impl fmt::Display) -> Self {
        self.0.subject = Some(subject.to_string());
        self
    }

    /// Gives the value of one `<name>` in the title.
    #[must_use]
    pub fn arg(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.0.args.insert(name.to_owned(), value.to_string());
        self
    }

    /// Says more, for people. Never an internal cause: that belongs in the log.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Names the request, so that the log can be searched for it.
    #[must_use]
    pub fn instance(mut self, request: impl Into<String>) -> Self {
        self.0.instance = Some(request.into());
        self
    }

    /// Names the part of the server that refused.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Lists everything that is wrong with the document.
    #[must_use]
    pub fn violations(mut self, violations: Vec<Violation>) -> Self {
        self.0.violations = violations;
        self
    }

    /// Adds a member of its own to the body, such as `references`.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.more.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header to the answer, such as `Allow` or `Retry-After`.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.code.status()
    }

    /// What it is about, where that was said.
    #[must_use]
    pub fn subject_text(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// Headers that the answer needs beside the body.
    #[must_use]
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.headers
    }

    /// Everything that is wrong with the document.
    #[must_use]
    pub fn violation_list(&self) -> &[Violation] {
        &self.0.violations
    }

    /// The code's title with its arguments put in.
    #[must_use]
    pub fn title(&self) -> String {
        let mut title = String::with_capacity(self.0.code.0.title.len() + 32);
        let mut rest = self.0.code.0.title;
        while let Some((before, name, after)) = next_place(rest) {
            title.push_str(before);
            match self.value_of(name) {
                Some(value) => title.push_str(&value),
                None => {
                    title.push('<');
                    title.push_str(name);
                    title.push('>');
                }
            }
            rest = after;
        }
        // A detail that ends its own sentence must not make two full stops.
        let rest = if title.ends_with('.') { rest.strip_prefix('.').unwrap_or(rest) } else { rest };
        title + rest
    }

    fn value_of(&self, name: &str) -> Option<String> {
        match (name, &self.0.subject) {
            ("subject", Some(subject)) => Some(subject.clone()),
            // An error about the request as a whole may have no subject; a title still reads well.
            ("subject", None) => Some("/".to_owned()),
            _ => self.0.args.get(name).cloned().or_else(|| self.counted(name)),
        }
    }

    /// `<count>` counts what is listed, unless somebody said otherwise.
    fn counted(&self, name: &str) -> Option<String> {
        let listed = match self.0.more.get("references") {
            Some(Value::Array(references)) => (references.len(), "reference", "references"),
            // What is only warned of refuses nothing.
            _ => {
                let errors = self.0.violations.iter().filter(|v| v.severity == Severity::Error);
                (errors.count(), "violation", "violations")
            }
        };
        let (count, one, many) = listed;
        (name == "count").then(|| format!("{count} {}", if count == 1 { one } else { many }))
    }

    /// How it travels.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        let said = &*self.0;
        let mut args = said.args.clone();
        if said.code.0.title.contains("<count>")
            && let Some(count) = self.value_of("count")
        {
            args.insert("count".to_owned(), count);
        }
        ErrorBody {
            type_uri: said.code.type_uri(),
            title: self.title(),
            code: said.code.name().to_owned(),
            detail: said.detail.clone(),
            subject: said.subject.clone(),
            args,
            instance: said.instance.clone(),
            source: said.source.clone(),
            violations: said.violations.clone(),
            more: said.more.clone(),
        }
    }

    /// The body as JSON, indented for people who read it in a terminal.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(&self.body()).unwrap_or_default();
        json.push(b'\n');
        json
    }
}

/// The text before the next `<name>`, the name, and the text behind it.
fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find('<')?;
    let end = start + text[start..].find('>')?;
    Some((&text[..start], &text[start + 1..end], &text[end + 1..]))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  [{}]", self.title(), self.0.code)
    }
}

impl std::error::Error for Problem {}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

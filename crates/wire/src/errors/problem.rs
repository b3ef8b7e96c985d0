use std::{collections::BTreeMap, fmt};

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};

use super::{ErrorBody, ErrorCode, ErrorKind, Severity};

/// Why a request is refused, with the facts of this occurrence. It becomes an [`ErrorBody`] at the
/// border.
///
/// ```
/// use muster_wire::{ErrorKind, Problem};
///
/// let problem = Problem::new(ErrorKind::MismatchedEpoch { bad_epoch: 3, epoch: 5 })
///     .subject("/providers/cms");
/// assert_eq!(
///     problem.title(),
///     r#"The specified epoch value (3) for "/providers/cms" does not match its current value (5)."#
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(Box<Said>);

/// The content of a problem. It is boxed to keep a `Result` with a problem small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    kind: ErrorKind,
    subject: Option<String>,
    detail: Option<String>,
    instance: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A refusal of this kind, without any details.
    #[must_use]
    pub fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Said {
            kind,
            subject: None,
            detail: None,
            instance: None,
            headers: Vec::new(),
        }))
    }

    /// Sets the subject: an xid or a request path, beginning with `/`.
    #[must_use]
    pub fn subject(mut self, subject: impl fmt::Display) -> Self {
        self.0.subject = Some(subject.to_string());
        self
    }

    /// Adds a detail for people. It must not hold an internal cause; that belongs in the log.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Sets the request's id, to find the request in the log.
    #[must_use]
    pub fn instance(mut self, request: impl Into<String>) -> Self {
        self.0.instance = Some(request.into());
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
        self.0.kind.code()
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.code().status()
    }

    /// The subject, if it was set.
    #[must_use]
    pub fn subject_text(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// Headers of the answer, besides the body.
    #[must_use]
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.headers
    }

    /// The code's title with its arguments filled in.
    #[must_use]
    pub fn title(&self) -> String {
        let template = self.code().facts().title;
        let arguments = self.arguments();
        let mut title = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some((before, name, after)) = next_place(rest) {
            title.push_str(before);
            // An error about the whole request may have no subject. The title must be readable
            // then, too.
            title.push_str(match name {
                "subject" => self.subject_text().unwrap_or("/"),
                _ => arguments.get(name).map_or("", String::as_str),
            });
            rest = after;
        }
        // If the detail ends with a full stop, the title's own is dropped.
        let rest = if title.ends_with('.') { rest.strip_prefix('.').unwrap_or(rest) } else { rest };
        title + rest
    }

    /// The arguments by name. The count of a list is one of them if the title names it.
    fn arguments(&self) -> BTreeMap<String, String> {
        let said = self.0.kind.arguments().into_iter();
        let mut arguments: BTreeMap<String, String> =
            said.filter_map(|(name, text)| Some((name.to_owned(), text?))).collect();
        let (count, one, many) = match &self.0.kind {
            ErrorKind::Referenced { references } => (references.len(), "reference", "references"),
            ErrorKind::InvalidDocument { violations } => {
                // Warnings don't refuse a document.
                let errors = violations.iter().filter(|v| v.severity.is(&Severity::Error));
                (errors.count(), "violation", "violations")
            }
            _ => return arguments,
        };
        let counted = match (&self.0.kind, count) {
            // A key with a scope doesn't see what refers to it from elsewhere.
            (ErrorKind::Referenced { .. }, 0) => "references that the key may not see".to_owned(),
            (_, 1) => format!("1 {one}"),
            _ => format!("{count} {many}"),
        };
        arguments.insert("count".to_owned(), counted);
        arguments
    }

    /// The JSON body of the error.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        let said = &*self.0;
        let (mut violations, mut more) = (Vec::new(), Map::new());
        match &said.kind {
            ErrorKind::InvalidDocument { violations: all }
            | ErrorKind::BindingBroken { violations: all, .. } => violations.clone_from(all),
            ErrorKind::Referenced { references } => {
                let all = references.iter().map(ToString::to_string).map(Value::String);
                more.insert("references".to_owned(), all.collect());
            }
            _ => {}
        }
        ErrorBody {
            type_uri: self.code().type_uri(),
            title: self.title(),
            code: Some(self.status().as_u16()),
            reason: self.code().name().to_owned(),
            detail: said.detail.clone(),
            subject: said.subject.clone(),
            args: self.arguments(),
            instance: said.instance.clone(),
            source: None,
            violations,
            more,
        }
    }

    /// The body as JSON, indented for people at a terminal.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(&self.body()).unwrap_or_default();
        json.push(b'\n');
        json
    }
}

/// Splits a text at its next `<name>`: the text before it, the name, and the text after it.
fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find('<')?;
    let end = start + text[start..].find('>')?;
    Some((&text[..start], &text[start + 1..end], &text[end + 1..]))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  [{}]", self.title(), self.code())
    }
}

impl std::error::Error for Problem {}

impl From<ErrorKind> for Problem {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind)
    }
}

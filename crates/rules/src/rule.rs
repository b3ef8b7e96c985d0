use std::sync::Arc;

use muster_schema::{Severity, Violation, ViolationSource, nearest};
use muster_words::{
    Id, Notation, NotationError, Xid,
    json::{self, Map, Value},
};
use thiserror::Error;

use super::{
    EvaluationFault,
    evaluate::{Evaluation, PacedDocument},
    expression::{Expression, ExpressionVariables},
    limits::{MESSAGE_BYTES_MAX, MESSAGE_STEPS_MAX, RULE_BYTES_MAX, STEPS_MAX},
    message::Message,
    value::Cel,
};

/// A compiled business rule, which can check any number of documents on any thread.
#[derive(Debug)]
pub struct Rule {
    id: String,
    severity: Severity,
    pointer: String,
    expression: Expression,
    message: Message,
    description: Option<String>,
}

/// The variables of a rule besides the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleContext {
    /// The resource's xid: `xid`.
    pub xid: String,
    /// The id of its group: `group`.
    pub group: String,
    /// The resource's id: `id`.
    pub id: String,
}

/// Why a document isn't a rule.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum RuleError {
    /// It is too large.
    #[error("a rule has at most {RULE_BYTES_MAX} bytes")]
    TooLarge,
    /// The bytes aren't JSON, or not YAML where that is their media type.
    #[error("{0}")]
    Notation(#[from] NotationError),
    /// It is data, but not an object.
    #[error("a rule has the form {{expression, severity, message, pointer}}")]
    Shape,
    /// A required member is missing.
    #[error("{field} is missing: every rule has expression, severity, message and pointer")]
    Missing {
        /// The member.
        field: &'static str,
    },
    /// A member isn't text.
    #[error("{field} is not text")]
    NotText {
        /// The member.
        field: &'static str,
    },
    /// A member is unknown.
    #[error("{field:?} isn't a member of a rule{}", meant(meant_field.as_deref()))]
    Unknown {
        /// The member.
        field: String,
        /// The member that was probably meant.
        meant_field: Option<String>,
    },
    /// The severity is invalid.
    #[error("{found:?} is neither error nor warning")]
    Severity {
        /// The given text.
        found: String,
    },
    /// The pointer isn't a JSON Pointer.
    #[error(
        "{found:?} isn't a JSON Pointer: a pointer is empty or begins with /, and has ~ only as ~0 or ~1"
    )]
    Pointer {
        /// The given text.
        found: String,
    },
    /// An expression can't be used.
    #[error("{error}")]
    Expression {
        /// The member with the expression: `expression` or `message`.
        field: &'static str,
        /// The fault.
        error: ExpressionError,
    },
}

/// Why a text isn't a valid expression for a rule. Lines and columns count from 1 within the
/// expression.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExpressionError {
    /// It isn't CEL.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
        /// The parser's message.
        reason: String,
    },
    /// The function doesn't exist.
    #[error("column {column}: there is no function {name}{}", meant(meant_name.as_deref()))]
    Function {
        /// The function.
        name: String,
        /// The function that was probably meant.
        meant_name: Option<String>,
        /// The column of its name's first occurrence.
        column: usize,
    },
    /// A function has too many or too few arguments.
    #[error("column {column}: {name} must be called as {usage}")]
    Arguments {
        /// The function.
        name: String,
        /// Its usage.
        usage: &'static str,
        /// The column of its name's first occurrence.
        column: usize,
    },
    /// A variable doesn't exist.
    #[error("column {column}: there is no {name}; the variables are {variables}")]
    Variable {
        /// The name.
        name: String,
        /// The column of its first occurrence.
        column: usize,
        /// Those that there are.
        variables: ExpressionVariables,
    },
    /// The expression uses a part of CEL that rules don't support.
    #[error("an expression can't contain {what}")]
    Unsupported {
        /// The part.
        what: &'static str,
    },
    /// A pattern is invalid or too large.
    #[error("the pattern {pattern:?}: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// The reason.
        reason: String,
    },
    /// A limit is exceeded.
    #[error("it has more than {limit} {what}")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A `${` in a message isn't closed.
    #[error("column {column}: the closing }} of ${{ is missing")]
    Unclosed {
        /// Its column.
        column: usize,
    },
}

fn meant(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

impl RuleError {
    /// The error as a violation of the rule document itself.
    #[must_use]
    pub fn violation(&self) -> Violation {
        let (pointer, keyword) = match self {
            Self::TooLarge => (String::new(), "maxLength"),
            Self::Notation(error) => (String::new(), error.notation().name()),
            Self::Shape => (String::new(), "type"),
            Self::Missing { field } => (format!("/{field}"), "required"),
            Self::NotText { field } => (format!("/{field}"), "type"),
            Self::Unknown { field, .. } => {
                (format!("/{}", json::escape_pointer(field)), "additionalProperties")
            }
            Self::Severity { .. } => ("/severity".to_owned(), "enum"),
            Self::Pointer { .. } => ("/pointer".to_owned(), "format"),
            Self::Expression { field, .. } => (format!("/{field}"), "expression"),
        };
        Violation::keyword(pointer, keyword, self.to_string())
    }
}

impl RuleContext {
    /// The context for an xid; a version has the context of its resource. `None` for a group and
    /// the registry, which have no document.
    #[must_use]
    pub fn of(xid: &Xid) -> Option<Self> {
        let resource = xid.resource()?;
        let Xid::Resource { group, resource: id, .. } = &resource else { return None };
        Some(Self { xid: resource.to_string(), group: group.to_string(), id: id.to_string() })
    }
}

const FIELDS: [&str; 5] = ["expression", "severity", "message", "pointer", "description"];

impl Rule {
    /// Compiles a rule from its document in JSON.
    ///
    /// # Errors
    /// See [`RuleError`].
    pub fn compile(id: &Id, bytes: &[u8]) -> Result<Self, RuleError> {
        Self::parse(id, Notation::Json, bytes)
    }

    /// Compiles a rule from its document.
    ///
    /// # Errors
    /// See [`RuleError`].
    pub fn parse(id: &Id, notation: Notation, bytes: &[u8]) -> Result<Self, RuleError> {
        if bytes.len() > RULE_BYTES_MAX {
            return Err(RuleError::TooLarge);
        }
        let Value::Object(map) = notation.parse(bytes)? else { return Err(RuleError::Shape) };
        if let Some(field) = map.keys().find(|field| !FIELDS.contains(&field.as_str())) {
            let meant_field = nearest(field, FIELDS).map(str::to_owned);
            return Err(RuleError::Unknown { field: field.clone(), meant_field });
        }
        let severity = match text(&map, "severity")? {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            other => return Err(RuleError::Severity { found: other.to_owned() }),
        };
        let pointer = text(&map, "pointer")?;
        if !is_pointer(pointer) {
            return Err(RuleError::Pointer { found: pointer.to_owned() });
        }
        let within = |field| move |error| RuleError::Expression { field, error };
        let message = text(&map, "message")?;
        if message.len() > MESSAGE_BYTES_MAX {
            let error = ExpressionError::TooMuch { what: "bytes", limit: MESSAGE_BYTES_MAX };
            return Err(RuleError::Expression { field: "message", error });
        }
        Ok(Self {
            id: id.to_string(),
            severity,
            pointer: pointer.to_owned(),
            expression: Expression::compile(text(&map, "expression")?, ExpressionVariables::OfRule)
                .map_err(within("expression"))?,
            message: Message::compile(message).map_err(within("message"))?,
            description: match map.get("description") {
                None => None,
                Some(_) => Some(text(&map, "description")?.to_owned()),
            },
        })
    }

    /// The rule's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether a violation refuses a document or is only a warning.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The place in documents that the rule is about.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The author's reason for the rule.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Evaluates the rule; true if the document complies. Also returns the number of steps.
    pub(super) fn holds(
        &self,
        document: PacedDocument<'_>,
        at: &RuleContext,
    ) -> (Result<bool, EvaluationFault>, u32) {
        let mut evaluation = Evaluation::new(document, at, STEPS_MAX);
        let result = evaluation.result(&self.expression).and_then(|value| match value {
            Cel::Bool(holds) => Ok(holds),
            other => Err(EvaluationFault::NotBool { found: other.type_name() }),
        });
        (result, evaluation.steps_taken())
    }

    fn broken(&self, message: String) -> Violation {
        Violation {
            pointer: self.pointer.clone(),
            source: ViolationSource::Rule(self.id.clone()),
            severity: self.severity,
            message,
            place: None,
        }
    }

    fn check(
        &self,
        document: PacedDocument<'_>,
        at: &RuleContext,
        schema: &[Violation],
    ) -> Option<Violation> {
        match self.holds(document, at).0 {
            Ok(true) => None,
            Ok(false) => {
                let mut evaluation = Evaluation::new(document, at, MESSAGE_STEPS_MAX);
                Some(self.broken(self.message.render(&mut evaluation)))
            }
            Err(_) if schema.iter().any(|violation| violation.touches(&self.pointer)) => None,
            Err(fault) => Some(self.broken(format!("can't be checked: {fault}"))),
        }
    }
}

/// Checks a document against rules, in their order. A rule that can't be evaluated counts as
/// violated. It is skipped if the schema already found a violation at its pointer, above it or
/// below it, because it would only repeat that.
#[must_use]
pub fn check(
    rules: &[Arc<Rule>],
    document: &Value,
    at: &RuleContext,
    schema: &[Violation],
) -> Vec<Violation> {
    let paced = PacedDocument::of(document);
    rules.iter().filter_map(|rule| rule.check(paced, at, schema)).collect()
}

fn text<'a>(map: &'a Map<String, Value>, field: &'static str) -> Result<&'a str, RuleError> {
    let value = map.get(field).ok_or(RuleError::Missing { field })?;
    value.as_str().ok_or(RuleError::NotText { field })
}

/// RFC 6901, section 3.
fn is_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && escapes
}

use std::sync::Arc;

use muster_schema::{Severity, Violation, ViolationSource, nearest};
use muster_words::{
    Id, Xid,
    json::{self, JsonError, Map, Value},
};
use thiserror::Error;

use super::{
    EvaluationFault,
    evaluate::Evaluation,
    expression::Expression,
    limits::{MESSAGE_BYTES_MAX, MESSAGE_STEPS_MAX, RULE_BYTES_MAX, STEPS_MAX},
    message::Message,
    value::Cel,
};

/// A business rule, compiled: ready to check any number of documents, on any thread.
#[derive(Debug)]
pub struct Rule {
    id: String,
    severity: Severity,
    pointer: String,
    expression: Expression,
    message: Message,
    description: Option<String>,
}

/// What a rule sees beside the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleContext {
    /// The resource's xid: `xid`.
    pub xid: String,
    /// The id of the group that it lies in: `group`.
    pub group: String,
    /// The resource's id: `id`.
    pub id: String,
}

/// Why a document is no rule.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum RuleError {
    /// It is larger than a rule may be.
    #[error("a rule has at most {RULE_BYTES_MAX} bytes")]
    TooLarge,
    /// The bytes are no JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// It is JSON, but no object.
    #[error("a rule has the form {{expression, severity, message, pointer}}")]
    Shape,
    /// A member that every rule has isn't there.
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
    /// A member that rules don't have.
    #[error("{field:?} is not known here{}", meant(meant_field.as_deref()))]
    Unknown {
        /// The member.
        field: String,
        /// The one that was likely meant.
        meant_field: Option<String>,
    },
    /// The severity is neither of the two.
    #[error("{found:?} is none of error, warning")]
    Severity {
        /// What it is.
        found: String,
    },
    /// The pointer is no JSON Pointer.
    #[error(
        "{found:?} is no JSON Pointer: it is empty, or begins with / and has ~ only as ~0 or ~1"
    )]
    Pointer {
        /// What it is.
        found: String,
    },
    /// An expression can't be used.
    #[error("{error}")]
    Expression {
        /// The member in which it stands: `expression` or `message`.
        field: &'static str,
        /// What is wrong with it.
        error: ExpressionError,
    },
}

/// Why a text is no expression that a rule may have. Lines and columns count from 1, in the
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
        /// What the parser says.
        reason: String,
    },
    /// A function that rules don't have.
    #[error("column {column}: there is no function {name}{}", meant(meant_name.as_deref()))]
    Function {
        /// The function.
        name: String,
        /// The one that was likely meant.
        meant_name: Option<String>,
        /// Where its name first stands.
        column: usize,
    },
    /// A function with too many or too few arguments.
    #[error("column {column}: {name} is written {usage}")]
    Arguments {
        /// The function.
        name: String,
        /// How it is written.
        usage: &'static str,
        /// Where its name first stands.
        column: usize,
    },
    /// A name that means nothing.
    #[error("column {column}: there is no {name}; an expression sees document, xid, group and id")]
    Variable {
        /// The name.
        name: String,
        /// Where it first stands.
        column: usize,
    },
    /// A part of CEL that rules don't have.
    #[error("{what} can't stand in a rule")]
    Unsupported {
        /// The part.
        what: &'static str,
    },
    /// A pattern that isn't one, or that is too large.
    #[error("the pattern {pattern:?}: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It has more of something than fits.
    #[error("it has more {what} than {limit}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How many are taken.
        limit: usize,
    },
    /// A `${` in a message that no `}` closes.
    #[error("column {column}: ${{ is not closed by }}")]
    Unclosed {
        /// Where it stands.
        column: usize,
    },
}

fn meant(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

impl RuleError {
    /// The error as a violation of the rule document itself, for an answer that refuses it.
    #[must_use]
    pub fn violation(&self) -> Violation {
        let (pointer, keyword) = match self {
            Self::TooLarge => (String::new(), "maxLength"),
            Self::Json(_) => (String::new(), "json"),
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
    /// What a rule sees of an entity's name; a version's rules see its resource's. `None` of a
    /// group and of the registry, which have no document.
    #[must_use]
    pub fn of(xid: &Xid) -> Option<Self> {
        let resource = xid.resource()?;
        let Xid::Resource { group, resource: id, .. } = &resource else { return None };
        Some(Self { xid: resource.to_string(), group: group.to_string(), id: id.to_string() })
    }
}

const FIELDS: [&str; 5] = ["expression", "severity", "message", "pointer", "description"];

impl Rule {
    /// Compiles a rule from its document.
    ///
    /// # Errors
    /// See [`RuleError`].
    pub fn compile(id: &Id, bytes: &[u8]) -> Result<Self, RuleError> {
        if bytes.len() > RULE_BYTES_MAX {
            return Err(RuleError::TooLarge);
        }
        let Value::Object(map) = json::parse(bytes)? else { return Err(RuleError::Shape) };
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
            expression: Expression::compile(text(&map, "expression")?)
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

    /// Whether it refuses a document or warns of it.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The place in documents that it is about.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Why it is there, in its author's words.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Evaluates the rule: true where it holds. Also tells how many steps that took.
    pub(super) fn holds(
        &self,
        document: &Value,
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
        }
    }

    fn check(&self, document: &Value, at: &RuleContext, schema: &[Violation]) -> Option<Violation> {
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

/// Checks a document against rules, in their order. A rule that can't be evaluated is broken,
/// unless the schema already found something at its pointer, above it or below it: then it would
/// say the same twice.
#[must_use]
pub fn check(
    rules: &[Arc<Rule>],
    document: &Value,
    at: &RuleContext,
    schema: &[Violation],
) -> Vec<Violation> {
    rules.iter().filter_map(|rule| rule.check(document, at, schema)).collect()
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

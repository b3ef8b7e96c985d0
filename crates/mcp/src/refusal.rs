use muster_client::{ClientError, ErrorResponse};
use muster_wire::ErrorCode;
use rmcp::model::CallToolResult;
use serde_json::{Map, Value, json};

use crate::advice::advice;

/// The most violations that a refusal lists; an assistant mends a few at a time.
const VIOLATIONS_MAX: usize = 25;

/// Why a tool did nothing: a stable name, what happened, and what to do next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    /// The stable name: one of the API's, or one of [`OWN_REASONS`].
    pub reason: String,
    pub message: String,
    pub advice: String,
    /// What else is known, such as violations.
    pub more: Map<String, Value>,
}

/// A reason of this door, with what it means and what to do.
pub(crate) struct OwnReason {
    pub name: &'static str,
    pub meaning: &'static str,
    pub help: &'static str,
}

/// The reasons that only this door has. A name keeps its meaning.
pub(crate) const OWN_REASONS: &[OwnReason] = &[
    OwnReason {
        name: "bad_arguments",
        meaning: "The arguments don't fit the tool's input schema, or contradict each other.",
        help: "Correct the arguments; the tool's description says what each means.",
    },
    OwnReason {
        name: "answer_too_large",
        meaning: "The answer doesn't fit into 64 KiB. If the tool makes changes, they are made.",
        help: "Narrow the question: a smaller place, a smaller limit, or fewer fields.",
    },
    OwnReason {
        name: "confirmation_needed",
        meaning: "The change replaces or removes something, so its plan must be seen first.",
        help: "Call propose_change with the same arguments, show the plan to the person you work for, and call this tool again with the confirmation that it returned.",
    },
    OwnReason {
        name: "confirmation_unknown",
        meaning: "The confirmation was made for other arguments, another tool, another key, or by a server that has restarted since.",
        help: "Call propose_change with exactly the arguments that you will use, and use its confirmation.",
    },
    OwnReason {
        name: "confirmation_expired",
        meaning: "The confirmation is older than five minutes.",
        help: "Call propose_change again; look at the new plan, because something may have changed.",
    },
    OwnReason {
        name: "confirmation_used",
        meaning: "The confirmation was used before; each is good for one try.",
        help: "Read the present state first: the change may be done. If it isn't, call propose_change again.",
    },
    OwnReason {
        name: "plan_changed",
        meaning: "Something that the plan is about changed after the plan was made. Nothing was done.",
        help: "Call propose_change again, and show the new plan before you go on.",
    },
    OwnReason {
        name: "too_many_plans",
        meaning: "Too many confirmations were used within five minutes.",
        help: "Wait a few minutes and propose the change again.",
    },
    OwnReason {
        name: "unreachable",
        meaning: "The registry didn't answer.",
        help: "Try again; if it stays so, ask the person you work for whether the server runs.",
    },
];

impl Refusal {
    /// A refusal for one of [`OWN_REASONS`]; what happened in particular is in `message`.
    pub(crate) fn own(name: &'static str, message: impl Into<String>) -> Self {
        let known = OWN_REASONS.iter().find(|known| known.name == name);
        Self {
            reason: name.to_owned(),
            message: message.into(),
            advice: known.map(|known| known.help).unwrap_or_default().to_owned(),
            more: Map::new(),
        }
    }

    /// The arguments can't be used.
    pub(crate) fn arguments(message: impl Into<String>) -> Self {
        Self::own("bad_arguments", message)
    }

    /// Adds something that is known besides.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// The refusal as JSON.
    pub(crate) fn json(&self) -> Value {
        let mut all = self.more.clone();
        all.insert("reason".to_owned(), self.reason.clone().into());
        all.insert("message".to_owned(), self.message.clone().into());
        all.insert("advice".to_owned(), self.advice.clone().into());
        Value::Object(all)
    }

    /// The refusal as a tool's result.
    pub(crate) fn result(&self) -> CallToolResult {
        CallToolResult::structured_error(self.json())
    }
}

impl From<&ErrorResponse> for Refusal {
    fn from(response: &ErrorResponse) -> Self {
        let code = ErrorCode::find(response.code());
        let mut more = Map::new();
        if let Some(subject) = response.subject() {
            more.insert("subject".to_owned(), subject.into());
        }
        let violations = response.violations();
        if !violations.is_empty() {
            let shown: Vec<Value> =
                violations.iter().take(VIOLATIONS_MAX).map(|one| json!(one)).collect();
            more.insert("violations".to_owned(), shown.into());
            if violations.len() > VIOLATIONS_MAX {
                let left_out = violations.len() - VIOLATIONS_MAX;
                more.insert("violations_left_out".to_owned(), left_out.into());
            }
        }
        if let Some(code) = code {
            more.insert("try_again_unchanged".to_owned(), code.is_retryable().into());
        }
        Self {
            reason: response.code().to_owned(),
            message: response.to_string(),
            advice: code.map_or("Correct the arguments.", advice).to_owned(),
            more,
        }
    }
}

impl From<ClientError> for Refusal {
    fn from(error: ClientError) -> Self {
        match error.refusal() {
            Some(response) => response.into(),
            None => Self::own("unreachable", error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use http::StatusCode;

    use super::*;

    #[test]
    fn keeps_reason_and_advice_of_the_registry() {
        let body = br#"{"type":"urn:muster:error:invalid_document","title":"It doesn't pass.",
            "subject":"/a/b/c/d","violations":[{"pointer":"/a","rule":"r","severity":"error","message":"m"}]}"#;
        let response = ErrorResponse::read(StatusCode::UNPROCESSABLE_ENTITY, body);
        let json = Refusal::from(ClientError::Refused(Box::new(response))).json();
        assert_eq!(json["reason"], "invalid_document");
        assert_eq!(json["message"], "It doesn't pass");
        assert_eq!(json["subject"], "/a/b/c/d");
        assert_eq!(json["violations"][0]["pointer"], "/a");
        assert!(json["advice"].as_str().unwrap().ends_with('.'), "{json}");
    }

    #[test]
    fn has_a_row_for_each_reason_and_none_twice() {
        for (index, own) in OWN_REASONS.iter().enumerate() {
            assert!(ErrorCode::find(own.name).is_none(), "{} is one of the API's", own.name);
            assert!(!OWN_REASONS[..index].iter().any(|other| other.name == own.name));
            assert_eq!(Refusal::own(own.name, "m").advice, own.help);
        }
    }
}

//! Beginnings of conversations that people can choose.

use rmcp::{
    ErrorData,
    model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role},
};

/// The longest argument that a prompt repeats, in bytes.
const ARGUMENT_BYTES_MAX: usize = 64 * 1024;

const REVIEW: &str = "review_schema_change";
const FIND: &str = "find_provider";

/// All prompts.
pub(crate) fn all() -> Vec<Prompt> {
    let argument = |name: &str, text: &str| {
        PromptArgument::new(name).with_description(text).with_required(true)
    };
    vec![
        Prompt::new(
            REVIEW,
            Some("Review a change of a schema before it is made: what it breaks, for whom, and what would pass."),
            Some(vec![
                argument("xid", "The schema, such as /schemagroups/webstack/schemas/provider."),
                argument("schema", "The whole new schema."),
            ]),
        )
        .with_title("Review this schema change"),
        Prompt::new(
            FIND,
            Some("Find the provider that fits a need, and say why."),
            Some(vec![argument(
                "need",
                "What is needed, such as: a CMS below 100 a month that works with Hugo.",
            )]),
        )
        .with_title("Find a provider for this need"),
    ]
}

/// A prompt with its arguments filled in.
pub(crate) fn get(name: &str, arguments: &JsonObject) -> Result<GetPromptResult, ErrorData> {
    let text = match name {
        REVIEW => review(&argument(arguments, "xid")?, &argument(arguments, "schema")?),
        FIND => find(&argument(arguments, "need")?),
        _ => {
            let message = format!("there is no prompt {name}; there are {REVIEW} and {FIND}");
            return Err(ErrorData::invalid_params(message, None));
        }
    };
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]))
}

fn argument(arguments: &JsonObject, name: &str) -> Result<String, ErrorData> {
    let given = arguments.get(name).and_then(|value| value.as_str());
    given
        .filter(|text| !text.is_empty() && text.len() <= ARGUMENT_BYTES_MAX)
        .map(str::to_owned)
        .ok_or_else(|| {
            ErrorData::invalid_params(format!("the argument {name} is missing or too long"), None)
        })
}

fn review(xid: &str, schema: &str) -> String {
    format!(
        "Review this change of the schema {xid} before it is made.

1. Read the present schema with get, and its last changes with history.
2. Call impact with xid and the new schema as document. Look at compatibility (with which stored versions it isn't compatible, and why), at stops_passing (which stored documents would stop passing), and at what refers to it.
3. Say in a few sentences whether the change is safe. For each thing that breaks: the place, whom it breaks, and the smallest change of the schema that would pass.
4. Don't put the schema. If I ask for it afterwards, call propose_change first and show me its plan.

The new schema:

{schema}
"
    )
}

fn find(need: &str) -> String {
    format!(
        "Find the provider that fits this need best: {need}

1. If it is an AI provider or a model, call select_provider with what the need says; its answer is live.
2. Otherwise call list to see which types and groups there are, and then search with a condition over fields, such as monthly_cost_range < 100. If a field isn't indexed, the refusal names those that are. Read the best two or three with get.
3. Recommend one, with its xid, what it costs, why it fits, and what speaks against it. Name the next best. If none fits, say which part of the need none meets.

Use only what the registry says.
"
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use serde_json::json;

    use super::*;

    #[test]
    fn fills_in_what_is_given_and_asks_for_the_rest() {
        for (name, arguments, expect) in [
            (FIND, json!({"need": "cheap"}), Some("cheap")),
            (REVIEW, json!({"xid": "/a/b/c/d", "schema": "{}"}), Some("/a/b/c/d")),
            (REVIEW, json!({"xid": "/a/b/c/d"}), None),
            (FIND, json!({"need": ""}), None),
            (FIND, json!({"need": 1}), None),
            ("sing", json!({}), None),
        ] {
            let found = get(name, arguments.as_object().unwrap()).ok();
            let text = found.map(|found| serde_json::to_string(&found.messages).unwrap());
            assert_eq!(text.is_some(), expect.is_some(), "{name} {arguments}");
            assert!(text.is_none_or(|text| text.contains(expect.unwrap())));
        }
    }

    #[test]
    fn names_tools_that_exist() {
        let texts = [review("", ""), find("")].concat();
        for name in ["get", "history", "impact", "propose_change", "select_provider", "list"] {
            assert!(texts.contains(name) && crate::tools::find(name).is_some(), "{name}");
        }
    }
}

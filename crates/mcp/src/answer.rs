//! Answers that fit into an assistant's memory.

use rmcp::model::CallToolResult;
use serde::Serialize;
use serde_json::Value;

use crate::{
    limits::{ANSWER_BYTES_MAX, ANSWER_TEXT_BYTES_MAX},
    refusal::Refusal,
};

/// A value of the API as JSON.
pub(crate) fn json(value: &impl Serialize) -> Value {
    // What travels as JSON can be written as JSON.
    serde_json::to_value(value).unwrap_or_default()
}

/// A tool's result. What is too large in spite of all limits is replaced by advice.
pub(crate) fn result(value: Value) -> CallToolResult {
    let bytes = size(&value);
    if bytes <= ANSWER_BYTES_MAX {
        return CallToolResult::structured(value);
    }
    let what = format!("the answer has {bytes} bytes, and at most {ANSWER_BYTES_MAX} fit");
    Refusal::own("answer_too_large", what).result()
}

/// Cuts the list at `member` until the whole fits, and says how many items are left out.
pub(crate) fn fit(value: Value, member: &str) -> Value {
    let mut value = value;
    let mut bytes = size(&value);
    let Some(list) = value.get_mut(member).and_then(Value::as_array_mut) else { return value };
    let before = list.len();
    while bytes > ANSWER_BYTES_MAX - NOTE_BYTES {
        let Some(last) = list.pop() else { break };
        bytes -= size(&last).min(bytes);
    }
    let left_out = before - list.len();
    if left_out > 0
        && let Some(all) = value.as_object_mut()
    {
        all.remove("cursor");
        all.insert("left_out".to_owned(), left_out.into());
        let advice = format!(
            "{left_out} more don't fit into one answer: narrow the question, or ask with limit {}",
            before - left_out
        );
        all.insert("advice".to_owned(), advice.into());
    }
    value
}

/// Room for the note about what was left out.
const NOTE_BYTES: usize = 512;

fn size(value: &Value) -> usize {
    value.to_string().len()
}

/// The part of a text that begins at a byte and ends at a character, and where the next one begins.
pub(crate) fn part(text: &str, offset: usize) -> Option<(&str, Option<usize>)> {
    let rest = text.get(offset..)?;
    if rest.len() <= ANSWER_TEXT_BYTES_MAX {
        return Some((rest, None));
    }
    let end = rest.floor_char_boundary(ANSWER_TEXT_BYTES_MAX);
    Some((&rest[..end], Some(offset + end)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use serde_json::json;

    use super::*;

    #[test]
    fn cuts_lists_that_are_too_long_and_says_so() {
        let item = "x".repeat(1000);
        for (count, is_cut) in [(3, false), (60, false), (80, true)] {
            let all = json!({"items": vec![item.clone(); count], "cursor": "/search?after=9"});
            let fitted = fit(all, "items");
            assert!(size(&fitted) <= ANSWER_BYTES_MAX, "{count}");
            assert_eq!(fitted.get("left_out").is_some(), is_cut, "{count}");
            assert_eq!(fitted.get("cursor").is_none(), is_cut, "{count}");
            let shown = fitted["items"].as_array().unwrap().len();
            let left_out = fitted["left_out"].as_u64().unwrap_or(0);
            assert_eq!(shown as u64 + left_out, count as u64);
        }
    }

    #[test]
    fn shows_long_texts_in_parts_that_join() {
        let text = "ü".repeat(ANSWER_TEXT_BYTES_MAX);
        let (mut offset, mut joined) = (0, String::new());
        loop {
            let (part, next) = part(&text, offset).unwrap();
            assert!(part.len() <= ANSWER_TEXT_BYTES_MAX);
            joined.push_str(part);
            match next {
                Some(next) => offset = next,
                None => break,
            }
        }
        assert_eq!(joined, text);
        assert_eq!(part("ü", 1), None);
        assert_eq!(part("a", 1), Some(("", None)));
        assert_eq!(part("a", 2), None);
    }

    #[test]
    fn refuses_what_is_too_large_in_spite_of_all_limits() {
        let large = result(json!({"text": "x".repeat(ANSWER_BYTES_MAX)}));
        assert_eq!(large.is_error, Some(true));
        assert!(large.structured_content.unwrap()["advice"].as_str().unwrap().contains("Narrow"));
        assert_eq!(result(json!({"text": "x"})).is_error, Some(false));
    }
}

use muster_wire::ErrorCode;

/// What to do after a refusal by the registry, with the tools of this door. The registry's own advice
/// names headers, flags and commands, which an assistant doesn't have; it stands where it names none.
pub(crate) fn advice(code: ErrorCode) -> &'static str {
    match code.name() {
        "invalid_document" => {
            "Correct the listed violations; the tool validate judges a document without putting it."
        }
        "referenced" => {
            "Change or delete the documents that refer to it first; the tool references names them."
        }
        "undecided" => {
            "Show both sides to the person you work for, who decides the conflict; the tool get reads them."
        }
        "provider_unavailable" => {
            "Ask select_provider for another one; its answer says why each of the others doesn't fit."
        }
        "provider_failed" => {
            "Ask select_provider for another one, and tell the person you work for which one fails."
        }
        "nothing_hidden" => {
            "The tool history shows what was deleted. What was purged can't be brought back."
        }
        "mismatched_epoch" | "precondition_failed" => {
            "Read it again, apply the change to its present state, and call propose_change again."
        }
        "outcome_unknown" => {
            "Read it again: the change may be done. If it isn't, call propose_change again."
        }
        "headers_too_large" => "Send fewer attributes, or shorter ones.",
        "groups_only"
        | "resources_only"
        | "bad_details"
        | "details_required"
        | "misplaced_epoch"
        | "header_error"
        | "action_not_supported" => {
            "Nothing was done. Check that the xid is of the kind that the tool takes."
        }
        "corrupt" | "content_lost" => {
            "Nothing that you can do mends this: tell the person you work for that the ledger must be verified."
        }
        "key_required" | "key_unknown" | "key_expired" => {
            "Tell the person you work for that this connection needs a valid key; you can't make one."
        }
        "too_many_keys" | "no_key_manager" | "key_in_force" | "host_refused" => {
            "Tell the person you work for: keys and addresses are an administrator's."
        }
        "follower_running" => "Tell the person you work for: only an administrator resumes it.",
        _ => code.facts().help,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_nothing_that_an_assistant_does_not_have() {
        for code in ErrorCode::all() {
            let advice = advice(code);
            let strange =
                ["muster ", "--", "force", "POST", "PATCH", "PUT ", "MUSTER_", "$details", "ETag"];
            for word in strange {
                assert!(!advice.contains(word), "{}: {advice}", code.name());
            }
            assert!(advice.ends_with('.'), "{}: {advice}", code.name());
        }
    }

    #[test]
    fn gives_advice_only_on_codes_that_there_are() {
        let source = include_str!("advice.rs");
        let rows = source.split("_ => code.facts()").next().unwrap_or_default();
        let rows = rows.split("match code.name()").nth(1).unwrap_or_default();
        let words = rows.split('"').skip(1).step_by(2);
        for word in words.filter(|word| !word.contains(' ')) {
            assert!(ErrorCode::find(word).is_some(), "{word}");
        }
    }
}

//! The shape of rule sets. Clients execute the rules; the registry stores and checks them.

use serde_json::Value;

use super::problem::DoorError;

/// The most rules of one kind.
const RULES_MAX: usize = 1_000;

/// Refuses a rule set that clients couldn't execute.
pub(super) fn check(rule_set: &Value) -> Result<(), DoorError> {
    let kinds: [(&str, &[&str]); 3] = [
        ("migrationRules", &["UPGRADE", "DOWNGRADE", "UPDOWN"]),
        ("domainRules", &["WRITE", "READ", "WRITEREAD"]),
        ("encodingRules", &["WRITE", "READ", "WRITEREAD"]),
    ];
    for (kind, modes) in kinds {
        let rules = match rule_set.get(kind) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(rules)) if rules.len() <= RULES_MAX => rules,
            Some(_) => return Err(invalid(format!("{kind} must be a list of rules"))),
        };
        let mut names: Vec<&str> = Vec::new();
        for rule in rules {
            let name = check_rule(rule, modes)?;
            if names.contains(&name) {
                return Err(invalid(format!("Found rule with duplicate name '{name}'")));
            }
            names.push(name);
        }
    }
    Ok(())
}

fn check_rule<'a>(rule: &'a Value, modes: &[&str]) -> Result<&'a str, DoorError> {
    let text = |member: &str| rule.get(member).and_then(Value::as_str);
    let name = text("name").ok_or_else(|| invalid("Missing rule name"))?;
    let mut letters = name.chars();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    let goes_on = letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !begins || !goes_on {
        return Err(invalid(format!("Illegal initial or other character in rule name '{name}'")));
    }
    if text("type").is_none_or(str::is_empty) {
        return Err(invalid(format!("Missing rule type of '{name}'")));
    }
    let mode = text("mode").unwrap_or_default();
    if !mode.is_empty() && !modes.contains(&mode) {
        let known = modes.join(", ");
        return Err(invalid(format!("The mode of rule '{name}' is {mode}; it can be {known}")));
    }
    if let Some(kind) = text("kind").filter(|kind| !["TRANSFORM", "CONDITION"].contains(kind)) {
        return Err(invalid(format!(
            "The kind of rule '{name}' is {kind}; it can be TRANSFORM or CONDITION"
        )));
    }
    for member in ["onSuccess", "onFailure"] {
        let has_two = text(member).is_some_and(|actions| actions.contains(','));
        if has_two && !["WRITEREAD", "UPDOWN"].contains(&mode) {
            return Err(invalid(format!(
                "Rule '{name}' has two actions in {member}, which only WRITEREAD and UPDOWN take"
            )));
        }
    }
    Ok(name)
}

fn invalid(what: impl Into<String>) -> DoorError {
    DoorError::new(42210, what)
}

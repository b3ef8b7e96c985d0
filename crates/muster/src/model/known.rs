use muster_model::{Foundation, Model, ModelFault};
use muster_words::json::{Map, Value};

use super::unusable;
use crate::Failure;

/// How much of a model may be unknown to this release: more than any release adds.
const UNKNOWN_MAX: usize = 1_000;

/// Compiles what this release knows of a model.
pub(super) fn compile_known(source: &Value, foundation: Foundation) -> Result<Model, Failure> {
    let mut source = source.clone();
    for _ in 0..UNKNOWN_MAX {
        match Model::compile(&source, foundation) {
            Ok(model) => return Ok(model),
            Err(fault) if leave_out(&mut source, &fault) => {}
            Err(fault) => return Err(unusable(fault)),
        }
    }
    Model::compile(&source, foundation).map_err(unusable)
}

/// Takes what isn't known out of a source; false if the fault is of another kind.
fn leave_out(source: &mut Value, fault: &ModelFault) -> bool {
    let (place, member) = match fault {
        ModelFault::UnknownMember { place, member } => (place, member.as_str()),
        ModelFault::VersionMode { place, .. } => (place, "versionmode"),
        ModelFault::UnknownType { place, .. } => {
            let Some(object) = object_at(source, place) else { return false };
            object.insert("type".to_owned(), "any".into());
            return true;
        }
        ModelFault::Shape { place, .. } | ModelFault::MissingMember { place, .. } => (place, ""),
        _ => return false,
    };
    if let Some(object) = object_at(source, place).filter(|_| !member.is_empty())
        && object.remove(member).is_some()
    {
        return true;
    }
    // Within an aspect, what isn't known may change what is.
    let labels = place.split_once(".labels.muster");
    let Some((kind, _)) = labels.or_else(|| place.split_once(".muster")) else { return false };
    object_at(source, kind).is_some_and(forget_aspect)
}

/// Takes the aspect out of a type, in both of its forms; false if it has none.
fn forget_aspect(kind: &mut Map<String, Value>) -> bool {
    let had_member = kind.remove("muster").is_some();
    let Some(labels) = kind.get_mut("labels").and_then(Value::as_object_mut) else {
        return had_member;
    };
    let before = labels.len();
    labels.retain(|name, _| !name.starts_with("muster."));
    had_member || labels.len() < before
}

/// The object at a place of a source, as faults write it.
fn object_at<'a>(source: &'a mut Value, place: &str) -> Option<&'a mut Map<String, Value>> {
    let steps = place.split('.').filter(|step| *step != "model");
    let found = steps.into_iter().try_fold(source, |value, step| value.get_mut(step));
    found?.as_object_mut()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_words::json;

    use super::*;

    #[test]
    fn shows_what_it_knows_of_a_newer_servers_model() {
        for (model, type_, resource) in [
            (r#"{"future": 1, "groups": GROUPS}"#, r#""future": {}, "#, ""),
            (r#"{"groups": GROUPS}"#, "", r#", "future": {"a": [1]}, "versionmode": "newest""#),
            (r#"{"groups": GROUPS}"#, "", r#", "muster": {"frozen": true, "future": 1}"#),
            (r#"{"groups": GROUPS}"#, "", r#", "muster": {"frozen": "always"}"#),
            (
                r#"{"groups": GROUPS}"#,
                "",
                r#", "muster": {"indexed": [{"field": "/a", "type": "integer", "unit": "s"}]}"#,
            ),
            (r#"{"groups": GROUPS}"#, "", r#", "labels": {"muster.frozen": "always"}"#),
            (
                r#"{"groups": GROUPS}"#,
                "",
                r#", "labels": {"muster.references": "[{\"field\": \"/a\", \"weak\": true}]"}"#,
            ),
            (
                r#"{"groups": GROUPS}"#,
                r#""attributes": {"n": {"name": "n", "type": "duration", "future": 1}}, "#,
                "",
            ),
        ] {
            let groups = format!(
                r#"{{"teams": {{"singular": "team", {type_}"resources": {{
                    "notes": {{"singular": "note"{resource}}}}}}}}}"#
            );
            let text = model.replace("GROUPS", &groups);
            let source = json::parse(text.as_bytes()).unwrap();
            assert!(Model::compile(&source, Foundation::BuiltIn).is_err(), "{text}");
            let known = compile_known(&source, Foundation::BuiltIn).unwrap();
            assert!(known.resource_type("teams", "notes").is_some(), "{text}");
        }
        // What is wrong in every release stays wrong.
        let source = json::parse(br#"{"groups": {"teams": {}}}"#).unwrap();
        assert!(compile_known(&source, Foundation::BuiltIn).is_err());
    }
}

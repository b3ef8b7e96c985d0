use std::collections::BTreeSet;

use muster_schema::{NoSources, Schema};
use muster_wire::operations::{BodyContent, OPERATIONS, Operation, Verb};

use crate::door::{Door, Reply};

fn operation(id: &str) -> &'static Operation {
    OPERATIONS.iter().find(|operation| operation.id == id).unwrap()
}

/// Whether an answer keeps what the description says of it: its status, its headers and its body.
fn check(description: &serde_json::Value, id: &str, reply: &Reply) {
    let operation = operation(id);
    let outcome = operation.answers.iter().find(|outcome| outcome.status == reply.status);
    let outcome = outcome.unwrap_or_else(|| panic!("{id}: {reply:?}"));
    for name in ["etag", "location", "content-location", "muster-warnings"] {
        let is_said = outcome.headers.iter().any(|header| header.eq_ignore_ascii_case(name));
        assert!(is_said || reply.header(name).is_none(), "{id}: nobody says {name}");
    }
    if matches!(outcome.content, BodyContent::Document | BodyContent::None) {
        return;
    }
    let path = muster_words::json::escape_pointer(operation.path);
    let method = operation.verb.name().to_lowercase();
    let status = reply.status;
    let place = format!("/paths/{path}/{method}/responses/{status}/content/application~1json");
    let mut schema = description.pointer(&place).unwrap()["schema"].clone();
    schema["components"] = description["components"].clone();
    let violations =
        Schema::compile(&schema, &NoSources).unwrap().validate_asserting_formats(&reply.json());
    assert!(violations.is_empty(), "{id}: {violations:?} in {}", reply.text());
}

#[tokio::test]
async fn answers_as_the_description_says() {
    let door = Door::with_our_model().await;
    let description = muster_wire::openapi::document("0.0.0");
    let mut checked = BTreeSet::new();
    for (id, body) in [
        ("putGroup", r#"{"name": "n", "labels": {"a": "b"}}"#),
        ("patchGroup", r#"{"name": "m", "deprecated": {}}"#),
        ("putDocument", "{}"),
        ("putResource", r#"{"name": "n", "contenttype": "application/json", "entry": {"a": 1}}"#),
        ("postDocument", "[]"),
        ("postVersion", r#"{"versionid": "9", "entry": {"a": 2}}"#),
        ("putMeta", "{}"),
        ("putVersion", r#"{"entry": {"a": 3}}"#),
        ("postVersions", r#"{"1": {}}"#),
        ("postResources", r#"{"two": {"entry": {}}}"#),
        ("postResourcesOfTypes", r#"{"entries": {"three": {"entry": {}}}}"#),
        ("postGroups", r#"{"ssg": {}}"#),
        ("postGroupsOfTypes", r#"{"stacks": {"templates": {}}}"#),
        ("patchRegistry", r#"{"name": "ours"}"#),
        ("patchCapabilities", r#"{"pagination": true}"#),
        ("putModelSource", r#"{"attributes": {"owner": {"type": "string"}}}"#),
    ] {
        let operation = operation(id);
        let line = format!("{} {}", operation.verb.name(), below_api(operation));
        check(&description, id, &door.send(&line, &[], body).await);
        checked.insert(id);
    }
    for operation in OPERATIONS.iter().filter(|operation| operation.verb == Verb::Get) {
        if !operation.path.starts_with("/api") {
            continue;
        }
        let plain = format!("GET {}", below_api(operation));
        let lines = [plain.clone(), format!("{plain}?inline=*"), format!("{plain}?doc")];
        for line in lines {
            let reply = door.send(&line, &[], "").await;
            // Not everything has every flag.
            if line == plain || reply.status == 200 {
                check(&description, operation.id, &reply);
                checked.insert(operation.id);
            }
        }
    }
    assert!(checked.len() > 30, "{checked:?}");
}

#[tokio::test]
async fn deletes_as_the_description_says() {
    let door = Door::with_our_model().await;
    let description = muster_wire::openapi::document("0.0.0");
    door.send("PUT /providers/cms/entries/sanity", &[], "{}").await.check("put", 201, &[]);
    for id in ["deleteResource", "deleteGroup"] {
        let line = format!("DELETE {}", below_api(operation(id)));
        check(&description, id, &door.send(&line, &[], "").await);
    }
    let hidden = door.send("GET /providers?deleted", &[], "").await.json();
    let name: muster_wire::entities::HiddenName =
        serde_json::from_value(hidden["cms"].clone()).unwrap();
    assert_eq!(name.xid, "/providers/cms");
}

fn below_api(operation: &Operation) -> String {
    operation.sample_path().trim_start_matches("/api").to_owned()
}

use muster_catalog::command::Mode;
use muster_words::json::Value;

use crate::harness::{Running, delete, entity, put, tree};

/// The documents with violations on a page, and the number of judged documents.
fn found(page: &Value) -> (u64, Vec<String>) {
    let findings = page["findings"].as_array().unwrap();
    let found = findings.iter().map(|found| {
        assert!(!found["violations"].as_array().unwrap().is_empty(), "{found}");
        found["xid"].as_str().unwrap().to_owned()
    });
    (page["documents"].as_u64().unwrap(), found.collect())
}

#[tokio::test]
async fn finds_the_documents_that_no_longer_pass() {
    let running = Running::start().await;
    // More than are read at once, in two groups.
    for number in 100..180 {
        running.submit(put(&format!("/providers/cms/entries/d{number}"), "{}")).await;
    }
    running.submit(put("/providers/cms/entries/named", r#"{"name": "a"}"#)).await;
    running.submit(put("/providers/ssg/entries/one", "{}")).await;
    running.submit(put("/providers/cms/entries/gone", "{}")).await;
    running.submit(delete("/providers/cms/entries/gone", false)).await;
    assert_eq!(found(&running.json("GET /validate").await), (82, vec![]));
    let schema =
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "required": ["name"]}"#;
    running.submit(put("/schemagroups/w/schemas/named", schema)).await;
    for group in ["/providers/cms", "/providers/ssg"] {
        let bound = r#"{"muster": {"schema": "/schemagroups/w/schemas/named"}}"#;
        running.submit(tree(Mode::Patch, entity(group), bound)).await;
    }
    let (documents, all) = found(&running.json("GET /validate").await);
    assert_eq!((documents, all.len()), (83, 81), "{all:?}");
    assert!(all.is_sorted() && !all.iter().any(|xid| xid.ends_with("named")), "{all:?}");
    for (request, documents, count) in [
        ("/validate/providers/cms", 81, 80),
        ("/validate/providers/ssg", 1, 1),
        ("/validate/providers/ssg/entries/one", 1, 1),
        ("/validate/providers/cms/entries/named", 1, 0),
        ("/validate?after=/providers/cms/entries/d170", 12, 10),
        ("/validate?after=%2Fproviders%2Fcms%2Fentries%2Fd179", 3, 1),
        ("/validate/providers/cms?after=/providers/cms/entries/d100", 80, 79),
        ("/validate?after=/providers/ssg/entries/zzz", 1, 0),
        ("/validate?after=/schemagroups/w/schemas/named", 0, 0),
    ] {
        let (judged, found) = found(&running.json(&format!("GET {request}")).await);
        assert_eq!((judged, found.len()), (documents, count), "{request}: {found:?}");
    }
    let page = running.json("GET /validate/providers/ssg/entries/one").await;
    assert_eq!(page["findings"][0]["violations"][0]["keyword"], "required");
    for (request, expect) in [
        ("/validate/providers/cms/entries/nobody", "not_found"),
        ("/validate/providers", "malformed_xid"),
        ("/validate/providers/cms/entries/named/versions/1", "action_not_supported"),
        ("/validate?after=x", "malformed_xid"),
        ("/validate?befor=x", "bad_flag"),
    ] {
        let (_, body) = running.ask(&format!("GET {request}"), &[], "").await;
        assert!(body.contains(&format!("\"{expect}\"")), "{request}: {body}");
    }
}

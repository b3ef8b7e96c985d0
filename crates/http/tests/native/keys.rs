use muster_words::json::{self, Value};

use crate::harness::{Running, put};

fn code(body: &str) -> String {
    let value = json::parse(body.as_bytes()).unwrap_or_default();
    value.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Makes a key and gives its id and its text.
async fn create(running: &Running, with: &[(&str, &str)], body: &str) -> (String, String) {
    let (status, body) = running.ask("POST /keys", with, body).await;
    assert_eq!(status, 201, "{body}");
    let value = json::parse(body.as_bytes()).unwrap();
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap().to_owned();
    assert_eq!(text("role"), "admin");
    (text("id"), format!("Bearer {}", text("key")))
}

#[tokio::test]
async fn a_key_is_made_used_and_revoked_and_then_refused_at_once() {
    let running = Running::start().await;
    assert_eq!(running.ask("GET /status", &[], "").await.0, 200);
    let (first, first_key) = create(&running, &[], r#"{"name": "first"}"#).await;
    let with_first = [("authorization", first_key.as_str())];
    // From the first key on everybody needs one, on this computer too.
    for (headers, expect) in [
        (&[] as &[(&str, &str)], "key_required"),
        (&[("authorization", "Digest abc")], "key_required"),
        (&[("authorization", "Basic abc")], "key_unknown"),
        (&[("authorization", "Bearer abc")], "key_unknown"),
        (&[("authorization", "Bearer muster_00000000_00")], "key_unknown"),
        (&[with_first[0], with_first[0]], "key_unknown"),
        (&[with_first[0], ("authorization", "Bearer abc")], "key_unknown"),
    ] {
        for request in ["GET /status", "GET /changes", "POST /keys", "DELETE /keys/x"] {
            let (status, body) = running.ask(request, headers, "").await;
            assert_eq!((status, code(&body).as_str()), (401, expect), "{request}");
        }
    }
    assert_eq!(running.ask("GET /status", &with_first, "").await.0, 200);
    let (second, second_key) = create(&running, &with_first, "").await;
    let with_second = [("authorization", second_key.as_str())];
    let (_, listed) = running.ask("GET /keys", &with_second, "").await;
    assert!(listed.contains(&first) && listed.contains(&second) && listed.contains("first"));
    for secret in [&first_key["Bearer muster_".len() + 9..], "hash", "salt"] {
        assert!(!listed.contains(secret), "{listed}");
    }
    let (status, _) = running.ask(&format!("DELETE /keys/{first}"), &with_second, "").await;
    assert_eq!(status, 204);
    let (status, body) = running.ask("GET /status", &with_first, "").await;
    assert_eq!((status, code(&body).as_str()), (401, "key_unknown"));
    for id in [first.as_str(), "nobody", "a%20b"] {
        let (status, body) = running.ask(&format!("DELETE /keys/{id}"), &with_second, "").await;
        assert_eq!((status, code(&body).as_str()), (404, "not_found"));
    }
}

#[tokio::test]
async fn the_first_key_is_one_that_can_make_others() {
    let running = Running::start().await;
    let (limited, scoped) = (r#"{"role": "consumer"}"#, r#"{"scope": ["/providers/cms"]}"#);
    for body in [limited, scoped] {
        let (status, said) = running.ask("POST /keys", &[], body).await;
        assert_eq!((status, code(&said).as_str()), (409, "no_key_manager"), "{body}");
    }
    assert_eq!(running.ask("GET /status", &[], "").await.0, 200, "nobody is locked out");
    let (_, key) = create(&running, &[], "{}").await;
    for body in [limited, scoped] {
        assert_eq!(running.ask("POST /keys", &[("authorization", &key)], body).await.0, 201);
    }
    // Where a key was given at the start, that one makes others.
    let ledger = std::sync::Arc::new(muster_journal::MemoryLedger::new());
    let running = Running::over(ledger, Some("correct-horse-battery")).await;
    let given = [("authorization", "Bearer correct-horse-battery")];
    assert_eq!(running.ask("POST /keys", &given, limited).await.0, 201);
}

#[tokio::test]
async fn streams_end_with_what_let_them_in() {
    let running = Running::start().await;
    let mut nobodys = running.follow("", None).await;
    let (one, one_key) = create(&running, &[], "").await;
    assert_eq!(nobodys.next().await, None);
    let with_one = [("authorization", one_key.as_str())];
    let (_, other_key) = create(&running, &with_one, "").await;
    let with_other = [("authorization", other_key.as_str())];
    let mut ones = running.follow_as("", &with_one).await;
    let mut others = running.follow_as("", &with_other).await;
    assert_eq!(running.ask(&format!("DELETE /keys/{one}"), &with_other, "").await.0, 204);
    assert_eq!(ones.next().await, None);
    running.submit(put("/providers/cms/entries/e", "{}")).await;
    assert!(others.next().await.is_some());
}

#[tokio::test]
async fn the_last_key_stays_while_others_can_reach_the_registry() {
    let running = Running::start().await;
    running.gate.set_reachable(true);
    let (one, one_key) = create(&running, &[], "").await;
    let headers = [("authorization", one_key.as_str())];
    let (status, body) = running.ask(&format!("DELETE /keys/{one}"), &headers, "").await;
    assert_eq!((status, code(&body).as_str()), (409, "last_key"));
    let (other, _) = create(&running, &headers, "").await;
    let both = [format!("DELETE /keys/{one}"), format!("DELETE /keys/{other}")];
    let (first, second) =
        tokio::join!(running.ask(&both[0], &headers, ""), running.ask(&both[1], &headers, ""));
    assert_eq!([first.0, second.0].iter().filter(|status| **status == 204).count(), 1);
    // On this computer alone the last one may go, and everybody may come in again.
    let running = Running::start().await;
    let (one, one_key) = create(&running, &[], "").await;
    let headers = [("authorization", one_key.as_str())];
    assert_eq!(running.ask(&format!("DELETE /keys/{one}"), &headers, "").await.0, 204);
    assert_eq!(running.ask("GET /status", &[], "").await.0, 200);
}

#[tokio::test]
async fn keys_outlive_a_restart() {
    let running = Running::start().await;
    let (_, key) = create(&running, &[], r#"{"name": "deploy"}"#).await;
    running.registry.close().await;
    let again = Running::over(running.ledger.clone(), None).await;
    assert_eq!(again.ask("GET /status", &[], "").await.0, 401);
    let (status, body) = again.ask("GET /keys", &[("authorization", &key)], "").await;
    assert_eq!(status, 200);
    assert!(body.contains("deploy"), "{body}");
}

#[tokio::test]
async fn a_given_key_needs_no_ledger() {
    let ledger = std::sync::Arc::new(muster_journal::MemoryLedger::new());
    let running = Running::over(ledger, Some("correct-horse-battery")).await;
    assert_eq!(running.ask("GET /status", &[], "").await.0, 401);
    let headers = [("authorization", "Bearer correct-horse-battery")];
    assert_eq!(running.ask("GET /status", &headers, "").await.0, 200);
}

#[tokio::test]
async fn refuses_other_roles_and_strange_bodies() {
    let running = Running::start().await;
    for (body, expect) in [
        (r#"{"role": "reader"}"#, (400, "role_unknown")),
        (r#"{"name": 1}"#, (400, "parsing_data")),
        ("nonsense", (400, "parsing_data")),
    ] {
        let (status, said) = running.ask("POST /keys", &[], body).await;
        assert_eq!((status, code(&said).as_str()), expect, "{body}");
    }
    assert!(running.registry.catalog().keys.is_empty());
}

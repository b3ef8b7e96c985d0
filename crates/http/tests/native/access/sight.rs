//! What a key with a scope sees of what is there.

use muster_guard::Role;
use muster_words::json::{self, Value};

use super::{
    code,
    served::{KeyState, MadeKey, start},
};
use crate::harness::{Running, put};

fn authorization(keys: &[MadeKey], role: Role, state: KeyState) -> String {
    let made = keys.iter().find(|made| made.role == role && made.state == state).unwrap();
    format!("Bearer {}", *made.key.text())
}

async fn get(running: &Running, key: &str, path: &str) -> (Value, String) {
    let request = format!("GET {path}");
    let (status, head, body) = running.ask_whole(&request, &[("authorization", key)], "").await;
    assert_eq!(status, 200, "{path}: {body}");
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap_or_default();
    (json::parse(body.as_bytes()).unwrap(), tag.trim().to_owned())
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn lists_and_counts_what_lies_in_the_scope_and_nothing_else() {
    let (running, keys) = start(None).await;
    let whole = authorization(&keys, Role::Consumer, KeyState::Good);
    let scoped = authorization(&keys, Role::Consumer, KeyState::Scoped);
    for (path, pointer, all, own) in [
        ("/api", "/providerscount", 2, 1),
        ("/api", "/schemagroupscount", 0, 0),
        ("/api/providers/cms", "/entriescount", 2, 2),
    ] {
        for (key, expect) in [(&whole, all), (&scoped, own)] {
            let (value, _) = get(&running, key, path).await;
            assert_eq!(value.pointer(pointer).and_then(Value::as_u64), Some(expect), "{path}");
        }
    }
    for (path, all, own) in [
        ("/api/providers", &["cms", "ssg"][..], &["cms"][..]),
        ("/api/providers?sort=providerid=desc", &["ssg", "cms"], &["cms"]),
        ("/api/providers?filter=entries.entryid", &["cms", "ssg"], &["cms"]),
        ("/api/providers?filter=entries.entryid=hugo", &["ssg"], &[]),
        ("/api/providers?inline=entries", &["cms", "ssg"], &["cms"]),
        ("/api/providers/cms/entries", &["own", "sanity"], &["own", "sanity"]),
    ] {
        for (key, expect) in [(&whole, all), (&scoped, own)] {
            let (value, _) = get(&running, key, path).await;
            let mut found = names(&value);
            found.sort_unstable();
            let mut expect = expect.to_vec();
            expect.sort_unstable();
            assert_eq!(found, expect, "{path}");
        }
    }
    for (key, expect) in [(&whole, true), (&scoped, false)] {
        for path in ["/api/export", "/api?inline=*", "/api?inline=providers.entries"] {
            let (value, _) = get(&running, key, path).await;
            assert_eq!(value.to_string().contains("hugo"), expect, "{path}");
            assert!(value.to_string().contains("sanity"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_lists_entity_tag_is_another_for_each_scope() {
    let (running, keys) = start(None).await;
    let whole = authorization(&keys, Role::Consumer, KeyState::Good);
    let scoped = authorization(&keys, Role::Consumer, KeyState::Scoped);
    for path in ["/api", "/api/providers", "/api/export", "/api/providers?inline=entries"] {
        let (_, of_all) = get(&running, &whole, path).await;
        let (_, of_some) = get(&running, &scoped, path).await;
        assert!(!of_all.is_empty() && of_all != of_some, "{path}: {of_all} {of_some}");
        for (tag, key, expect) in [
            (&of_all, &whole, 304),
            (&of_some, &scoped, 304),
            (&of_all, &scoped, 200),
            (&of_some, &whole, 200),
        ] {
            let headers = [("authorization", key.as_str()), ("if-none-match", tag)];
            let (status, _) = running.ask(&format!("GET {path}"), &headers, "").await;
            assert_eq!(status, expect, "{path} {tag}");
        }
    }
    // What lies in the scope is the same for everybody.
    let path = "/api/providers/cms/entries/sanity";
    let tags = [get(&running, &whole, path).await.1, get(&running, &scoped, path).await.1];
    assert_eq!(tags[0], tags[1]);
}

#[tokio::test]
async fn the_log_tells_a_scoped_key_of_its_places_alone() {
    let (running, keys) = start(None).await;
    let scoped = authorization(&keys, Role::Auditor, KeyState::Scoped);
    running.ask("DELETE /api/providers/cms", &admin(&keys), "").await;
    for path in ["/log", "/log/providers", "/log/providers/cms", "/log/providers/cms/entries/own"] {
        let (page, _) = get(&running, &scoped, path).await;
        let text = page.to_string();
        assert!(text.contains("/providers/cms") && !text.contains("ssg"), "{path}: {text}");
        assert!(!text.contains("\"key\"") && !text.contains("registry "), "{path}: {text}");
    }
    let (page, _) = get(&running, &scoped, "/log/providers/cms/entries/own").await;
    let made = page.pointer("/entries").and_then(Value::as_array).unwrap().last().unwrap();
    assert_eq!(made.get("name").and_then(Value::as_str), Some("publisher"), "{made}");
}

fn admin(keys: &[MadeKey]) -> [(&'static str, &'static str); 1] {
    let key = authorization(keys, Role::Admin, KeyState::Good);
    [("authorization", key.leak())]
}

#[tokio::test]
async fn a_refusal_counts_who_refers_to_it_from_elsewhere_without_naming_them() {
    let (running, keys) = start(None).await;
    let all = admin(&keys);
    let schema = r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}"#;
    let group = r#"{"muster": {"schema": "/schemagroups/own/schemas/page"}}"#;
    for (request, body) in [
        ("PUT /api/schemagroups/own/schemas/page", schema),
        ("PATCH /api/providers/ssg", group),
        ("PATCH /api/providers/cms", group),
    ] {
        let headers = [all[0], ("content-type", "application/json")];
        let (status, said) = running.ask(request, &headers, body).await;
        assert!(status < 300, "{request}: {said}");
    }
    let body = r#"{"role": "admin", "scope": ["/schemagroups/own", "/providers/cms"]}"#;
    let (_, made) = running.ask("POST /keys", &all, body).await;
    let made = json::parse(made.as_bytes()).unwrap();
    let key = made.get("key").and_then(Value::as_str).unwrap();
    let key = format!("Bearer {key}");
    let headers = [("authorization", key.as_str())];
    let request = "DELETE /api/schemagroups/own/schemas/page";
    let (status, said) = running.ask(request, &headers, "").await;
    assert_eq!((status, code(&said).as_str()), (409, "referenced"), "{said}");
    assert!(said.contains("/providers/cms") && !said.contains("ssg"), "{said}");
    assert!(said.contains("1 more"), "{said}");
}

#[tokio::test]
async fn the_stream_tells_a_scoped_key_of_its_places_and_names_to_those_who_may_read_the_log() {
    let (running, keys) = start(None).await;
    let follow = async |role, state| {
        let key = authorization(&keys, role, state);
        running.follow_as("", &[("authorization", &key)]).await
    };
    let mut scoped = follow(Role::Auditor, KeyState::Scoped).await;
    let mut consumer = follow(Role::Consumer, KeyState::Good).await;
    let all = admin(&keys);
    let headers = [all[0], ("content-type", "application/json")];
    for place in ["/stacks/a/entries/b", "/providers/ssg/entries/c", "/providers/cms/entries/d"] {
        let (status, said) = running.ask(&format!("PUT /api{place}"), &headers, "{}").await;
        assert_eq!(status, 201, "{said}");
    }
    let seen = scoped.some(3).await;
    for event in &seen {
        assert!(event.text("subject").starts_with("/providers/cms"), "{event:?}");
        assert_eq!(event.text("actorname"), "admin");
    }
    let first = consumer.next().await.unwrap();
    assert!(first.text("subject").starts_with('/') && first.text("actorname").is_empty());
}

#[tokio::test]
async fn what_a_key_made_goes_on_being_told_by_its_name_until_that_is_forgotten() {
    let (running, keys) = start(None).await;
    let all = admin(&keys);
    let publisher = keys.iter().find(|made| made.role == Role::Publisher).unwrap();
    let id = publisher.key.id().to_string();
    let told = async || {
        let path = "/log/providers/cms/entries/own";
        let (page, _) = get(&running, all[0].1, path).await;
        let entry = page.pointer("/entries/0").cloned().unwrap();
        assert_eq!(entry.get("actor").and_then(Value::as_str), Some(id.as_str()));
        entry.get("name").and_then(Value::as_str).map(str::to_owned)
    };
    let listed = async |query: &str| {
        let (keys, _) = get(&running, all[0].1, &format!("/keys{query}")).await;
        keys.to_string().contains(&id)
    };
    assert_eq!(told().await.as_deref(), Some("publisher"));
    let forget = format!("DELETE /keys/{id}/record");
    let (status, said) = running.ask(&forget, &all, "").await;
    assert_eq!((status, code(&said).as_str()), (409, "key_in_force"));
    assert_eq!(running.ask(&format!("DELETE /keys/{id}"), &all, "").await.0, 204);
    assert_eq!(told().await.as_deref(), Some("publisher"));
    assert!(!listed("").await && listed("?all").await);
    assert_eq!(running.ask(&forget, &all, "").await.0, 204);
    assert_eq!(told().await, None);
    let (keys, _) = get(&running, all[0].1, "/keys?all").await;
    let mut entries = keys.pointer("/keys").and_then(Value::as_array).unwrap().iter();
    let entry = entries.find(|key| key.get("id").and_then(Value::as_str) == Some(&id)).unwrap();
    assert!(entry.get("name").is_none() && entry.get("role").is_none(), "{entry}");
    // What is kept is sound, and opens again.
    running.registry.verify(|_| {}).await.unwrap();
    running.registry.close().await;
    let again = Running::over(running.ledger.clone(), None).await;
    assert_eq!(again.ask("GET /keys", &all, "").await.0, 200);
}

#[tokio::test]
async fn a_stream_tells_nobody_a_name_that_is_forgotten() {
    let (running, keys) = start(None).await;
    let all = admin(&keys);
    let publisher = keys.iter().find(|made| made.role == Role::Publisher).unwrap();
    let id = publisher.key.id().to_string();
    let begun = running.registry.view().position();
    let query = format!("?after={begun}");
    // While somebody watches, what is rendered for one is kept for all.
    let mut early = running.follow_as("", &all).await;
    let key = format!("Bearer {}", *publisher.key.text());
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    let path = "/api/providers/cms/entries/named";
    let (status, said) = running.ask(&format!("PUT {path}"), &headers, "{}").await;
    assert_eq!(status, 201, "{said}");
    assert_eq!(early.next().await.unwrap().text("actorname"), "publisher");
    let mut between = running.follow_as(&query, &all).await;
    assert_eq!(between.next().await.unwrap().text("actorname"), "publisher");
    for path in [format!("/keys/{id}"), format!("/keys/{id}/record")] {
        assert_eq!(running.ask(&format!("DELETE {path}"), &all, "").await.0, 204);
        let name = if path.ends_with("record") { id.as_str() } else { "publisher" };
        let mut late = running.follow_as(&query, &all).await;
        assert_eq!(late.next().await.unwrap().text("actorname"), name);
    }
    // Who was there before goes on with what comes next.
    running.submit(put("/providers/cms/entries/next", "{}")).await;
    while !early.next().await.unwrap().text("subject").ends_with("/next") {}
}

#[tokio::test]
async fn a_message_is_kept_beside_its_command_and_shown_by_the_log() {
    let (running, keys) = start(None).await;
    let all = admin(&keys);
    let path = "/api/providers/cms/entries/sanity";
    let long = "x".repeat(501);
    for (message, expect) in [
        ("Der%20Preis%20f%C3%A4llt", 200),
        ("the%0Aprice", 400),
        ("%ff", 400),
        ("the%E2%80%A8price", 400),
        ("the%E2%80%A9price", 400),
        ("", 400),
        ("%20%20", 400),
        (long.as_str(), 400),
    ] {
        let headers = [all[0], ("muster-message", message), ("content-type", "application/json")];
        let (status, said) = running.ask(&format!("PUT {path}"), &headers, r#"{"price": 1}"#).await;
        assert_eq!(status, expect, "{message}: {said}");
    }
    let (page, _) = get(&running, all[0].1, "/log/providers/cms/entries/sanity").await;
    let message = page.pointer("/entries/0/message").and_then(Value::as_str);
    assert_eq!(message, Some("Der Preis fällt"));
    running.submit(put("/providers/cms/entries/sanity", "{}")).await;
    let (page, _) = get(&running, all[0].1, "/log").await;
    assert!(page.pointer("/entries/0/message").is_none());
}

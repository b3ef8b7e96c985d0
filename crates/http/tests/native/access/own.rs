//! What is one's own: made under the same key's name.

use muster_words::json::{self, Value};

use super::{code, served::start};
use crate::harness::Running;

async fn publisher(running: &Running, name: &str) -> (String, String) {
    let body = format!(r#"{{"role": "publisher", "name": "{name}"}}"#);
    let (status, said) = running.ask("POST /keys", &[admin()], &body).await;
    assert_eq!(status, 201, "{said}");
    let made = json::parse(said.as_bytes()).unwrap();
    let text = |name: &str| made.get(name).and_then(Value::as_str).unwrap().to_owned();
    (text("id"), format!("Bearer {}", text("key")))
}

/// The key that `start` gives an admin.
fn admin() -> (&'static str, &'static str) {
    let key = muster_guard::ApiKey::new([1; 4], [1; 32]).unwrap();
    ("authorization", format!("Bearer {}", *key.text()).leak())
}

async fn ask(running: &Running, key: &str, request: &str) -> (u16, String) {
    let headers = [("authorization", key), ("content-type", "application/json")];
    let (status, said) = running.ask(request, &headers, "{}").await;
    (status, code(&said))
}

#[tokio::test]
async fn a_key_takes_back_what_was_made_under_its_name_and_nothing_else() {
    let (running, _) = start(None).await;
    let (first_id, first) = publisher(&running, "ci").await;
    let (_, second) = publisher(&running, "ci").await;
    let (_, other) = publisher(&running, "nightly").await;
    let document = "/providers/cms/entries/mine";
    let (put, delete) = (format!("PUT /api{document}"), format!("DELETE /api{document}"));
    let restore = format!("POST /restore{document}");
    let not_own = (403, "not_own".to_owned());
    assert_eq!(ask(&running, &first, &put).await.0, 201);
    // Whoever writes on doesn't make it theirs.
    assert_eq!(ask(&running, &other, &put).await.0, 200);
    assert_eq!(ask(&running, &other, &delete).await, not_own);
    assert_eq!(ask(&running, &other, &format!("{delete}/versions/1")).await, not_own);
    // The key that follows a revoked one of the same name goes on with what that one made.
    let revoke = format!("DELETE /keys/{first_id}");
    assert_eq!(running.ask(&revoke, &[admin()], "").await.0, 204);
    assert_eq!(ask(&running, &second, &delete).await.0, 204);
    assert_eq!(ask(&running, &other, &restore).await, not_own);
    assert_eq!(ask(&running, &second, &restore).await.0, 200);
    // A group is nobody's own.
    assert_eq!(ask(&running, &second, "DELETE /api/providers/cms").await, not_own);
    let all = "DELETE /api/providers/cms/entries";
    let headers = [("authorization", second.as_str())];
    let (status, said) = running.ask(all, &headers, "").await;
    assert_eq!((status, code(&said)), not_own);
    assert_eq!(running.ask(all, &headers, r#"{"mine": {}}"#).await.0, 204);
    // What is made again under a name is whose who made it again.
    assert_eq!(ask(&running, &other, &put).await.0, 201);
    assert_eq!(ask(&running, &second, &delete).await, not_own);
    assert_eq!(ask(&running, &other, &delete).await.0, 204);
}

#[tokio::test]
async fn a_reviewer_approves_and_rejects_what_is_in_review() {
    let (running, keys) = start(None).await;
    let key = |role| {
        let made = keys.iter().find(|made| made.role == role).unwrap();
        format!("Bearer {}", *made.key.text())
    };
    let (publisher, reviewer) =
        (key(muster_guard::Role::Publisher), key(muster_guard::Role::Reviewer));
    let version = "/api/providers/cms/entries/sanity/versions/1$details";
    let patch = async |key: &str, body: &str| {
        let headers = [("authorization", key)];
        let (status, said) = running.ask(&format!("PATCH {version}"), &headers, body).await;
        (status, code(&said))
    };
    let [stable, draft, review] =
        ["stable", "draft", "review"].map(|state| format!(r#"{{"state": "{state}"}}"#));
    let denied = (403, "role_denied".to_owned());
    let headers = [("authorization", publisher.as_str()), ("xregistry-state", "draft")];
    let put = "PUT /api/providers/cms/entries/new";
    assert_eq!(running.ask(put, &headers, "{}").await.0, 201);
    let version = "/api/providers/cms/entries/new/versions/1$details";
    let patch_new = async |key: &str, body: &str| {
        let headers = [("authorization", key)];
        let (status, said) = running.ask(&format!("PATCH {version}"), &headers, body).await;
        (status, code(&said))
    };
    assert_eq!(patch(&reviewer, &stable).await, (409, "not_in_review".to_owned()));
    assert_eq!(patch_new(&reviewer, &stable).await, (409, "not_in_review".to_owned()));
    let nothing = "PATCH /api/providers/cms/entries/nothing$details";
    let headers = [("authorization", reviewer.as_str())];
    let (status, said) = running.ask(nothing, &headers, &stable).await;
    assert_eq!((status, code(&said).as_str()), (409, "not_in_review"), "nothing is created");
    assert_eq!(patch_new(&reviewer, &review).await, denied);
    assert_eq!(patch_new(&publisher, &review).await.0, 200);
    assert_eq!(patch_new(&reviewer, r#"{"name": "x"}"#).await, denied);
    assert_eq!(patch_new(&reviewer, &draft).await.0, 200);
    assert_eq!(patch_new(&publisher, &review).await.0, 200);
    assert_eq!(patch_new(&reviewer, &stable).await.0, 200);
    assert_eq!(patch_new(&reviewer, &draft).await, (409, "not_in_review".to_owned()));
}

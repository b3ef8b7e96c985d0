//! A stream ends within a second when what let its client in is revoked or expires.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use muster_guard::Role;
use muster_journal::{Ledger, LedgerHandle, MemoryLedger};
use muster_model::Foundation;
use muster_registry::{Clock, Genesis, Registry, RegistrySettings};
use muster_words::{
    Moment,
    json::{self, Value},
};

use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use super::served::serve;
use crate::harness::{Running, clock, put};

/// A registry whose clock is this computer's.
async fn opened() -> (Registry, Arc<dyn Ledger>) {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let now = || {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Moment::from_microseconds(i64::try_from(since.as_micros()).unwrap()).unwrap()
    };
    let clock = Clock { now: Arc::new(now), ..clock() };
    let mut settings = RegistrySettings::new(Foundation::BuiltIn, clock);
    settings.genesis = Some(Genesis { registry: "test".parse().unwrap(), actor: "test".into() });
    let registry = Registry::open(Box::new(LedgerHandle(ledger.clone())), settings).await.unwrap();
    (registry, ledger)
}

/// A server of such a registry.
async fn start(anonymous: Option<Role>) -> Running {
    let (registry, ledger) = opened().await;
    serve(registry, ledger, anonymous).await
}

/// Makes a key; its id and what is sent.
async fn create(running: &Running, with: &[(&str, &str)], body: &str) -> (String, String) {
    let (status, body) = running.ask("POST /keys", with, body).await;
    assert_eq!(status, 201, "{body}");
    let value = json::parse(body.as_bytes()).unwrap();
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap().to_owned();
    (text("id"), format!("Bearer {}", text("key")))
}

#[tokio::test]
async fn ends_when_a_key_is_revoked_or_expires_and_no_other() {
    let running = start(Some(Role::Consumer)).await;
    let (_, admin) = create(&running, &[], "{}").await;
    let all = [("authorization", admin.as_str())];
    let (id, revoked) = create(&running, &all, r#"{"role": "consumer"}"#).await;
    let body = r#"{"role": "publisher", "expires": "2s", "scope": ["/providers/cms"]}"#;
    let (_, expiring) = create(&running, &all, body).await;
    let made = Instant::now();
    let mut revoked = running.follow_as("", &[("authorization", &revoked)]).await;
    let mut expired = running.follow_as("", &[("authorization", &expiring)]).await;
    let mut anonymous = running.follow_as("", &[]).await;
    let began = Instant::now();
    assert_eq!(running.ask(&format!("DELETE /keys/{id}"), &all, "").await.0, 204);
    assert_eq!(revoked.next().await, None);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(expired.next().await, None);
    let left = made.elapsed();
    assert!(left > Duration::from_millis(1_500) && left < Duration::from_secs(3), "{left:?}");
    running.submit(put("/providers/cms/entries/e", "{}")).await;
    assert!(anonymous.next().await.is_some());
    // The connection on which the key was good knows that it isn't any more.
    let headers = [("authorization", expiring.as_str())];
    let (status, body) = running.ask("GET /api", &headers, "").await;
    assert_eq!((status, super::code(&body).as_str()), (401, "key_expired"));
}

/// The streams of AI providers: a request and its body, what comes first, and what comes last.
const OF_PROVIDERS: [(&str, &str, &str, &str); 5] = [
    ("GET /providers/events", "", ": events of AI providers", ""),
    ("GET /events", "", "retry: 1000", ""),
    ("POST /providers/chat", CHAT, "hello", "the key isn't valid any more"),
    ("POST /providers/openai/v1/chat/completions", CHAT, "hello", "the key isn't valid any more"),
    ("POST /providers/anthropic/v1/messages", CHAT, "hello", "the key isn't valid any more"),
];

const CHAT: &str = r#"{"model": "tiny", "max_tokens": 9, "stream": true,
    "messages": [{"role": "user", "content": "hello"}]}"#;

/// Reads until a text came, or, without one, to the end. Returns everything that came.
async fn read_until(stream: &mut TcpStream, text: Option<&str>) -> String {
    let mut bytes = Vec::new();
    loop {
        let read = stream.read_buf(&mut bytes);
        let read = timeout(Duration::from_secs(20), read).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&bytes);
        if read == 0 || text.is_some_and(|text| said.contains(text)) {
            return said.into_owned();
        }
    }
}

#[tokio::test]
async fn streams_of_providers_end_within_a_second_of_their_key() {
    let (registry, ledger) = opened().await;
    let running = Running::serve(registry, ledger, None, Arc::default()).await;
    let (_, admin) = create(&running, &[], "{}").await;
    let all = [("authorization", admin.as_str())];
    for (request, body, first, last) in OF_PROVIDERS {
        let (id, key) = create(&running, &all, r#"{"role": "admin"}"#).await;
        let mut revoked = running.begin(request, &[("authorization", &key)], body).await;
        let begun = read_until(&mut revoked, Some(first)).await;
        assert!(begun.contains(first), "{request}: {begun}");
        // What is written meanwhile ends nothing.
        running.submit(put("/providers/cms/entries/e", "{}")).await;
        let began = Instant::now();
        assert_eq!(running.ask(&format!("DELETE /keys/{id}"), &all, "").await.0, 204);
        let said = read_until(&mut revoked, None).await;
        assert!(began.elapsed() < Duration::from_secs(1), "{request}: {:?}", began.elapsed());
        assert!(said.contains(last) && !said.contains("[DONE]"), "{request}: {said}");
        let with = r#"{"role": "admin", "expires": "2s"}"#;
        let (_, key) = create(&running, &all, with).await;
        let made = Instant::now();
        let mut expired = running.begin(request, &[("authorization", &key)], body).await;
        let begun = read_until(&mut expired, Some(first)).await;
        assert!(begun.contains(first), "{request}: {begun}");
        let said = read_until(&mut expired, None).await;
        let left = made.elapsed();
        assert!(left > Duration::from_millis(1_500) && left < Duration::from_secs(3), "{left:?}");
        assert!(said.contains(last), "{request}: {said}");
    }
}

#[tokio::test]
async fn a_heartbeat_comes_although_others_write_outside_of_the_scope() {
    let running = start(None).await;
    let (_, admin) = create(&running, &[], "{}").await;
    let body = r#"{"role": "consumer", "scope": ["/providers/cms"]}"#;
    let (_, key) = create(&running, &[("authorization", &admin)], body).await;
    let headers = [("authorization", key.as_str())];
    let mut follower = running.follow_as("", &headers).await;
    // From here on the time is the test's: it goes on when nothing is left to do.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let others = async {
        loop {
            running.submit(put("/providers/ssg/entries/e", "{}")).await;
            // sleeps: in the test's own time, less than the longest silence of a stream
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
    };
    let id = tokio::select! {
        id = follower.heartbeat() => id,
        () = others => unreachable!(),
    };
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    // A client that resumes there is behind everything that it wasn't told.
    assert_eq!(id, running.registry.view().position().to_string());
    tokio::time::resume();
    let resumed = [headers[0], ("last-event-id", id.as_str())];
    let mut again = running.follow_as("", &resumed).await;
    running.submit(put("/providers/cms/entries/e", "{}")).await;
    assert_eq!(again.next().await.unwrap().text("subject"), "/providers/cms");
}

#[tokio::test]
async fn one_connection_follows_its_key() {
    let running = start(None).await;
    let (_, admin) = create(&running, &[], "{}").await;
    let all = [("authorization", admin.as_str())];
    running.submit(put("/providers/cms/entries/e", "{}")).await;
    let (id, key) = create(&running, &all, r#"{"role": "consumer"}"#).await;
    let mut connection = running.connect().await;
    let path = "/api/providers/cms/entries/e";
    for _ in 0..3 {
        assert_eq!(connection.get(path, Some(&key)).await, 200);
    }
    assert_eq!(connection.get(path, Some("Bearer nobody")).await, 401);
    assert_eq!(connection.get(path, None).await, 401);
    assert_eq!(connection.get(path, Some(&key)).await, 200);
    assert_eq!(running.ask(&format!("DELETE /keys/{id}"), &all, "").await.0, 204);
    assert_eq!(connection.get(path, Some(&key)).await, 401);
    assert_eq!(connection.get(path, Some(&admin)).await, 200);
}

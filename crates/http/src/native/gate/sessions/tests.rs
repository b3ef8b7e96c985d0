#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use muster_guard::GivenKey;

use super::*;
use crate::native::gate::{Access, tests as gates};

const KEY: &str = "correct-horse-battery";

fn here() -> SocketAddr {
    "127.0.0.1:1".parse().unwrap()
}

async fn sessions() -> Arc<Sessions> {
    let access = Access { given: GivenKey::new(KEY).ok(), anonymous: None };
    Sessions::new(gates::open(access).await.1)
}

#[tokio::test]
async fn begins_with_a_key_and_ends_when_somebody_signs_out() {
    let sessions = sessions().await;
    assert!(sessions.begin("wrong", here()).is_err());
    let (id, other) = (sessions.begin(KEY, here()).unwrap(), sessions.begin(KEY, here()).unwrap());
    let session = sessions.find(&id).unwrap();
    assert_eq!(&*session.principal.id, "admin");
    let token = session.token.as_bytes();
    for (sent, expect) in [
        (token, true),
        (&token[1..], false),
        (b"".as_slice(), false),
        (sessions.find(&other).unwrap().token.as_bytes(), false),
    ] {
        assert_eq!(session.has_token(sent), expect, "{sent:?}");
    }
    assert!(sessions.find("").is_none() && sessions.find(KEY).is_none());
    let over = tokio::spawn(async move { session.life.over().await });
    sessions.end(&id);
    over.await.unwrap();
    assert!(sessions.find(&id).is_none() && sessions.find(&other).is_some());
}

#[tokio::test(start_paused = true)]
async fn ends_after_half_an_hour_without_a_request() {
    let sessions = sessions().await;
    let id = sessions.begin(KEY, here()).unwrap();
    for _ in 0..3 {
        tokio::time::advance(IDLE_TIME - Duration::from_secs(1)).await;
        assert!(sessions.find(&id).is_some());
    }
    tokio::time::advance(IDLE_TIME).await;
    assert!(sessions.find(&id).is_none());
    assert!(sessions.open.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn makes_room_by_ending_the_one_that_was_used_longest_ago() {
    let sessions = sessions().await;
    let first = sessions.begin(KEY, here()).unwrap();
    tokio::time::advance(Duration::from_millis(1)).await;
    let second = sessions.begin(KEY, here()).unwrap();
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(sessions.find(&first).is_some());
    for _ in 2..=SESSIONS_OF_ONE_MAX {
        sessions.begin(KEY, here()).unwrap();
    }
    assert!(sessions.find(&first).is_some() && sessions.find(&second).is_none());
    assert_eq!(sessions.open.lock().len(), SESSIONS_OF_ONE_MAX);
}

#[tokio::test(start_paused = true)]
async fn streams_end_with_their_session_and_go_on_while_it_is_used() {
    let sessions = sessions().await;
    let id = sessions.begin(KEY, here()).unwrap();
    let session = sessions.find(&id).unwrap();
    let over = tokio::spawn(async move { session.life.over().await });
    for _ in 0..3 {
        tokio::time::advance(IDLE_TIME - Duration::from_secs(1)).await;
        assert!(sessions.find(&id).is_some() && !over.is_finished());
    }
    // Nobody uses it any more: the paused clock goes on to the end.
    over.await.unwrap();
    assert!(sessions.find(&id).is_none());
}

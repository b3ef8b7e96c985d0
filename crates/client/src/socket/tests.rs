#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use muster_words::{Position, json::Value};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{Call, Client, ClientError, Query, StreamItem, StreamStart};

/// The headers of the requests that arrived, by connection.
type Heads = Arc<Mutex<Vec<Vec<String>>>>;

/// Serves each connection with the answers of its script, one per request, and closes it.
async fn server(scripts: Vec<Vec<String>>) -> (String, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let heads = Heads::default();
    let arrived = heads.clone();
    tokio::spawn(async move {
        for script in scripts {
            let (stream, _) = listener.accept().await.unwrap();
            arrived.lock().unwrap().push(Vec::new());
            tokio::spawn(answer(stream, script, arrived.clone()));
        }
    });
    (address, heads)
}

async fn answer(mut stream: TcpStream, script: Vec<String>, heads: Heads) {
    for answer in script {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).await.unwrap() == 0 {
                return;
            }
            request.push(byte[0]);
        }
        let head = String::from_utf8(request).unwrap();
        heads.lock().unwrap().last_mut().unwrap().push(head);
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn ok(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nmuster-position: 7\r\n\r\n{body}")
}

fn client(address: &str) -> Client {
    let timeouts = Timeouts { answer: Duration::from_millis(300), ..Timeouts::default() };
    Client::new(
        Arc::new(Socket::new(address, timeouts, &TrustedRoots::System).unwrap()),
        Some("muster_a_b"),
    )
}

fn get(path: &str) -> Call {
    Call::new(http::Method::GET, path, &Query::new())
}

#[test]
fn reads_addresses_and_refuses_what_is_none() {
    for (text, expect) in [
        ("http://127.0.0.1:8080", Ok(("127.0.0.1:8080", "http://127.0.0.1:8080"))),
        ("127.0.0.1:8080", Ok(("127.0.0.1:8080", "http://127.0.0.1:8080"))),
        (
            "http://registry.example/below/",
            Ok(("registry.example:80", "http://registry.example/below")),
        ),
        ("http://[::1]:9", Ok(("[::1]:9", "http://[::1]:9"))),
        ("https://a", Ok(("a:443", "https://a"))),
        ("https://a:8443/b", Ok(("a:8443", "https://a:8443/b"))),
        ("ftp://a", Err(AddressError::Form("ftp://a".into()))),
        ("http://user@a", Err(AddressError::Form("http://***@a".into()))),
        ("http://a?b", Err(AddressError::Form("http://a?b".into()))),
        ("http://a:99999", Err(AddressError::Form("http://a:99999".into()))),
        ("", Err(AddressError::Form(String::new()))),
    ] {
        let read =
            text.parse::<Address>().map(|address| (address.target.clone(), address.to_string()));
        assert_eq!(read, expect.map(|(a, b)| (a.to_owned(), b.to_owned())), "{text}");
    }
}

#[tokio::test]
async fn keeps_a_connection_and_makes_another_when_it_was_closed() {
    let (address, heads) = server(vec![vec![ok("1"), ok("2")], vec![ok("3")], vec![ok("4")]]).await;
    let client = client(&address);
    for (index, connections) in [(1, 1), (2, 1), (3, 2), (4, 3)] {
        let answer = client.call(get("/x")).await.unwrap();
        assert_eq!(answer.json().unwrap(), Value::from(index));
        assert_eq!(answer.position(), Some(Position(7)));
        assert_eq!(heads.lock().unwrap().len(), connections, "request {index}");
    }
}

#[tokio::test]
async fn sends_host_and_key() {
    let (address, heads) = server(vec![vec![ok("1")]]).await;
    client(&address).call(get("/a?b=c")).await.unwrap();
    let head = heads.lock().unwrap()[0][0].clone();
    let host = address.strip_prefix("http://").unwrap();
    assert!(head.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {host}\r\n")), "{head}");
    assert!(head.contains("authorization: Bearer muster_a_b\r\n"), "{head}");
}

#[tokio::test]
async fn says_what_stood_in_the_way() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let place = format!("http://{free}");
    let refused = client(&place).call(get("/")).await.unwrap_err();
    assert_eq!(refused, TransportError::Refused { place: place.clone() }.into());

    let half = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\nmuster-position: 7\r\n\r\nhalf".to_owned();
    let (address, _) = server(vec![vec![half]]).await;
    let broken = client(&address).call(get("/")).await.unwrap_err();
    assert!(matches!(broken, ClientError::Transport(TransportError::Broken { .. })), "{broken}");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("http://{}", silent.local_addr().unwrap());
    let late = client(&place).call(get("/")).await.unwrap_err();
    let after = Duration::from_millis(300);
    assert_eq!(late, TransportError::Timeout { place, after }.into());
}

#[tokio::test]
async fn does_not_repeat_a_write_that_may_have_happened() {
    let (address, heads) = server(vec![vec![ok("1"), String::new()], vec![ok("2")]]).await;
    let client = client(&address);
    client.call(get("/")).await.unwrap();
    let write = Call::new(http::Method::POST, "/", &Query::new());
    let error = client.call(write).await.unwrap_err();
    assert!(matches!(error, ClientError::Transport(TransportError::Broken { .. })), "{error}");
    assert_eq!(heads.lock().unwrap().len(), 1);
}

/// A whole event with this id, in the stream's format.
fn event(id: &str) -> String {
    let kind = r#""specversion": "1.0", "type": "io.xregistry.group.updated""#;
    let what = r#""source": "http://a/api", "subject": "/dirs/d1", "xregcorrelationid": "c""#;
    let time = "1970-01-01T00:00:00Z";
    format!("id: {id}\ndata: {{{kind}, {what}, \"id\": \"{id}\", \"time\": \"{time}\"}}\n\n")
}

#[tokio::test]
async fn follows_changes_across_a_lost_connection() {
    let stream = |events: &str| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nmuster-position: 7";
        format!("{head}\r\n\r\n{events}")
    };
    let (address, heads) = server(vec![
        vec![stream(&format!("{}{}id: 5.1\ndata: {{", event("4.1"), event("4.2")))],
        vec![stream(&event("5.1"))],
    ])
    .await;
    let mut changes = client(&address).changes(StreamStart::After(Position(3)));
    let mut seen = Vec::new();
    let mut lost = 0;
    while seen.len() < 3 {
        match changes.next_item().await.unwrap() {
            StreamItem::Change(change) => seen.push(change.id),
            StreamItem::Lost(_) => lost += 1,
            StreamItem::Connected => {}
        }
    }
    assert_eq!((seen, lost), (vec!["4.1".to_owned(), "4.2".into(), "5.1".into()], 1));
    let heads = heads.lock().unwrap();
    assert!(heads[0][0].starts_with("GET /changes?after=3 "), "{heads:?}");
    assert!(heads[1][0].contains("last-event-id: 4.2\r\n"), "{heads:?}");
}

#[tokio::test]
async fn takes_nobody_elses_answer_for_a_registrys() {
    let answer = |head: &str, body: &str| {
        format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    };
    for (answer, expect) in [
        (answer("200 OK\r\ncontent-type: text/html", "<html>"), "text/html without the position"),
        (answer("204 No Content", ""), "nothing without the position"),
        (answer("302 Found\r\nlocation: /login", ""), "a redirect to /login"),
    ] {
        let (address, _) = server(vec![vec![answer]]).await;
        let error = client(&address).call(get("/api")).await.unwrap_err();
        assert!(matches!(error, ClientError::Unexpected { .. }), "{error}");
        assert!(error.to_string().contains(expect), "{error}");
    }
    let elsewhere = "303 See Other\r\nlocation: https://else.where/a\r\nmuster-position: 7";
    for (head, expect) in
        [(elsewhere, Some("https://else.where/a")), ("200 OK\r\nmuster-position: 7", None)]
    {
        let (address, _) = server(vec![vec![answer(head, "")]]).await;
        let xid = "/configs/a/entries/e".parse().unwrap();
        let document = client(&address).document(&xid).await.unwrap();
        assert_eq!(document.elsewhere.as_deref(), expect);
    }
    for (answer, expect) in [
        (answer("404 Not Found", "<html>no such page</html>"), false),
        (answer("404 Not Found", r#"{"type":"x#api_not_found","title":"T."}"#), false),
        (answer("404 Not Found", r#"{"type":"x#not_found","title":"T."}"#), true),
    ] {
        let (address, _) = server(vec![vec![answer.clone()]]).await;
        let error = client(&address).call(get("/api")).await.unwrap_err();
        assert_eq!(error.is_absent(), expect, "{answer}");
    }
}

#[tokio::test]
async fn sends_nothing_where_a_condition_would_be_lost() {
    let (address, heads) = server(vec![vec![ok("1")]]).await;
    for value in ["\"1\"\r", "\"1\"\n", "\"1\"\u{e9}\u{0}"] {
        let call = get("/x").header(http::header::IF_MATCH, value);
        let error = client(&address).call(call).await.unwrap_err();
        assert_eq!(error, ClientError::Unsendable { header: "if-match".into() }, "{value:?}");
    }
    assert!(heads.lock().unwrap().is_empty());
}

#[tokio::test]
async fn follows_pages_below_a_path_and_not_in_a_circle() {
    let page = |next: &str, body: &str| {
        let link =
            if next.is_empty() { String::new() } else { format!("link: <{next}>;rel=next\r\n") };
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\n{link}muster-position: 7\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    };
    let next = "http://other.example/below/api/x?after=a";
    let script = vec![page(next, r#"{"a":{}}"#), page("", r#"{"b":{}}"#)];
    let (address, heads) = server(vec![script]).await;
    let all = client(&format!("{address}/below")).all("/x", &Query::new()).await.unwrap();
    assert_eq!(all.entries.len(), 2);
    assert!(heads.lock().unwrap()[0][1].starts_with("GET /below/api/x?after=a "));

    let circle = vec![page("/api/x", r#"{"a":{}}"#); 3];
    let (address, _) = server(vec![circle]).await;
    let error = client(&address).all("/x", &Query::new()).await.unwrap_err();
    assert!(error.to_string().contains("in a circle"), "{error}");
}

#[tokio::test]
async fn comes_back_to_where_it_began_though_nothing_had_happened() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nmuster-position: 7\r\n\r\n";
    let again = format!("{head}{}", event("8.1"));
    let (address, heads) = server(vec![vec![head.to_owned()], vec![again]]).await;
    let mut changes = client(&address).changes(StreamStart::Now);
    assert!(matches!(changes.next_item().await.unwrap(), StreamItem::Connected));
    assert!(matches!(changes.next_item().await.unwrap(), StreamItem::Lost(_)));
    assert!(matches!(changes.next_item().await.unwrap(), StreamItem::Connected));
    assert!(matches!(changes.next_item().await.unwrap(), StreamItem::Change(_)));
    let heads = heads.lock().unwrap();
    assert!(heads[0][0].starts_with("GET /changes "), "{heads:?}");
    assert!(heads[1][0].starts_with("GET /changes?after=7 "), "{heads:?}");
}

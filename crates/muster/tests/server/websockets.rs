//! The change stream over WebSocket (RFC 6455), as a client that we didn't write sees it.

use std::{
    io::{ErrorKind, Write as _},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tungstenite::{
    Error, HandshakeError, Message, WebSocket, client::IntoClientRequest as _,
    protocol::frame::coding::CloseCode,
};

use crate::{
    client::{Ask, Client, Stream},
    harness::{PATIENCE, Server},
};

type Socket = WebSocket<Stream>;

/// Opens a socket; where the server refuses, with which status and reason.
fn open(server: &Server, query: &str, headers: &[(&str, &str)]) -> Result<Socket, (u16, String)> {
    let host = if crate::TLS { "wss" } else { "ws" };
    let mut request = format!("{host}://localhost/changes{query}").into_client_request().unwrap();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let stream = Client::connect(server.address).stream;
    match tungstenite::client(request, stream) {
        Ok((socket, answer)) => {
            assert!(answer.headers().contains_key("muster-position"));
            Ok(socket)
        }
        Err(HandshakeError::Failure(Error::Http(answer))) => {
            let body = answer.body().as_deref().unwrap_or_default();
            let body: Value = serde_json::from_slice(body).unwrap_or_default();
            let reason = body["reason"].as_str().unwrap_or_default();
            Err((answer.status().as_u16(), reason.to_owned()))
        }
        Err(other) => panic!("{other}"),
    }
}

/// The next text of a socket.
fn text(socket: &mut Socket) -> String {
    loop {
        match socket.read().unwrap() {
            Message::Text(text) => return text.as_str().to_owned(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other}"),
        }
    }
}

/// Reads to the end, which the server begins with a code.
fn end(socket: &mut Socket) -> Option<CloseCode> {
    let mut code = None;
    loop {
        match socket.read() {
            Ok(Message::Close(frame)) => code = frame.map(|frame| frame.code),
            Ok(_) => {}
            Err(Error::ConnectionClosed) => return code,
            Err(other) => panic!("{other} after {code:?}"),
        }
    }
}

fn event(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn put(server: &Server, name: &str, value: u32) {
    let answer = server.put(&format!("/api/configs/app/entries/{name}"), value.to_string());
    assert!(answer.status < 300, "{answer:?}");
}

/// How many streams there are.
fn watchers(server: &Server, key: &str) -> u64 {
    server.ask(&with_key(Ask::get("/status"), key)).expect(200).json()["watchers"].as_u64().unwrap()
}

/// Waits until no stream is left.
fn wait_until_alone(server: &Server, key: &str) {
    let until = Instant::now() + PATIENCE;
    while watchers(server, key) > 0 {
        assert!(Instant::now() < until, "a stream stays");
        // sleeps: between looks at a number, which can only be asked for.
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A request with a key, if there is one.
fn with_key(ask: Ask, key: &str) -> Ask {
    if key.is_empty() { ask } else { ask.header("Authorization", key) }
}

/// Makes a key: its id, and the header that sends it.
pub fn key(server: &Server, by: &str, request: &Value) -> (String, String) {
    let ask = Ask::json("POST", "/keys", request.to_string());
    let made = server.ask(&with_key(ask, by)).expect(201).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), format!("Bearer {}", text("key")))
}

#[test]
fn tells_what_server_sent_events_tell_of_the_past_and_live() {
    let server = Server::in_memory(&[]);
    for value in 0..20 {
        put(&server, &format!("e{}", value % 7), value);
    }
    server.delete("/api/configs/app/entries/e1").expect(204);
    let mut stream = Client::connect(server.address);
    assert_eq!(stream.begin("/changes?after=0"), Some(200));
    let mut socket = open(&server, "?after=0", &[]).unwrap();
    let (mut live, mut texts) = (open(&server, "", &[]).unwrap(), Vec::new());
    // What follows comes live to all three.
    for value in 20..30 {
        put(&server, &format!("e{}", value % 7), value);
    }
    let last = server.position();
    let is_last = |text: &str| event(text)["id"] == format!("{last}.2");
    while !texts.last().is_some_and(|text: &String| is_last(text)) {
        texts.push(text(&mut socket));
    }
    let told = stream.read_until(&format!("data: {}\n", texts[texts.len() - 1]));
    let streamed: Vec<_> = told
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .take(texts.len())
        .map(str::to_owned)
        .collect();
    assert_eq!(texts.len(), streamed.len());
    assert_eq!(texts, streamed);
    assert!(texts.len() > 50, "{}", texts.len());
    let first = text(&mut live);
    let from = texts.iter().position(|text| *text == first).unwrap();
    for expect in &texts[from + 1..] {
        assert_eq!(text(&mut live), *expect);
    }
    // From any event on the rest is the same, within a command too.
    for at in [0, 1, 5, texts.len() - 2] {
        let after = event(&texts[at])["id"].as_str().unwrap().to_owned();
        for (query, headers) in [
            (format!("?after={after}"), vec![]),
            ("?after=0".to_owned(), vec![("Last-Event-ID", after.as_str())]),
        ] {
            let mut resumed = open(&server, &query, &headers).unwrap();
            assert_eq!(text(&mut resumed), texts[at + 1], "{after}");
        }
    }
    // A client that ends is answered, and leaves nothing behind.
    for socket in [&mut socket, &mut live] {
        socket.close(None).unwrap();
        assert_eq!(end(socket), None);
    }
    drop(stream);
    wait_until_alone(&server, "");
}

#[test]
fn refuses_as_the_other_form_does_before_it_answers() {
    let server = Server::in_memory(&[]);
    put(&server, "e", 1);
    for (query, headers, expect) in [
        ("?after=99", &[][..], (400, "bad_position")),
        ("?after=x", &[], (400, "bad_position")),
        ("?befor=1", &[], (400, "bad_request")),
        ("", &[("Sec-WebSocket-Version", "8")], (400, "header_error")),
        ("", &[("Sec-WebSocket-Key", "short")], (400, "header_error")),
    ] {
        let (status, reason) = open(&server, query, headers).err().unwrap();
        assert_eq!(status, expect.0, "{query} {headers:?} {reason}");
        if expect.1 != "bad_request" {
            assert_eq!(reason, expect.1, "{query} {headers:?}");
        }
    }
    // The connection goes on after a refusal, and other requests with an upgrade are answered.
    let mut client = Client::connect(server.address);
    let ask = |path: &str, upgrade: &str| {
        Ask::get(path).header("Connection", "Upgrade").header("Upgrade", upgrade)
    };
    client.ask(&ask("/changes", "websocket")).refused(400, "header_error");
    // A proxy on the way may take the headers out that belong to a connection.
    let cut = Ask::get("/changes").header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    client.ask(&cut).refused(400, "header_error");
    client.ask(&ask("/api", "websocket")).expect(200);
    client.ask(&ask("/api", "h2c")).expect(200);
    wait_until_alone(&server, "");
}

#[test]
fn opens_for_no_page_of_another_origin() {
    let foreign = [("Origin", "https://evil.example")];
    let origin = if crate::TLS { "https://localhost" } else { "http://localhost" };
    let allowed = "https://console.example";
    let refused = |server: &Server, headers: &[(&str, &str)]| {
        open(server, "", headers).err().unwrap_or_else(|| panic!("{headers:?} may"))
    };
    let expect = (403, "origin_refused".to_owned());
    // Without keys, for everybody on this computer.
    let server = Server::with(&["--memory"], &[("MUSTER_HTTP_ALLOWED_ORIGINS", allowed)]);
    assert_eq!(refused(&server, &foreign), expect);
    assert_eq!(refused(&server, &[("Origin", "null")]), expect);
    open(&server, "", &[("Origin", origin)]).unwrap();
    open(&server, "", &[("Origin", allowed)]).unwrap();
    // With keys too, whatever comes with the request.
    let (_, admin) = key(&server, "", &json!({"role": "admin"}));
    let with_key = ("Authorization", admin.as_str());
    assert_eq!(refused(&server, &[foreign[0], with_key]), expect);
    open(&server, "", &[with_key, ("Origin", allowed)]).unwrap();
    assert_eq!(refused(&server, &[]), (401, "key_required".to_owned()));
    // A session of the console is for its own pages alone.
    let secret = admin.trim_start_matches("Bearer ");
    let form = Ask::new("POST", "/console/sign-in").body(format!("key={secret}&to=%2Fconsole"));
    let form = form.header("Content-Type", "application/x-www-form-urlencoded");
    let signed_in = server.ask(&form).expect(303);
    let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let cookie = ("Cookie", cookie.as_str());
    let same = ("Sec-Fetch-Site", "same-origin");
    open(&server, "", &[cookie, ("Origin", origin)]).unwrap();
    open(&server, "", &[cookie, same, ("Origin", origin)]).unwrap();
    for headers in [
        [cookie, foreign[0]],
        [cookie, ("Origin", "null")],
        [cookie, ("Origin", allowed)],
        [cookie, ("Origin", "http://other.localhost")],
    ] {
        let (status, _) = refused(&server, &headers);
        assert_eq!(status, 403, "{headers:?}");
        assert_eq!(refused(&server, &[&headers[..], &[same]].concat()), expect, "{headers:?}");
        let crossing = [&headers[..], &[("Sec-Fetch-Site", "same-site")]].concat();
        assert_eq!(refused(&server, &crossing).0, 401, "{headers:?}");
    }
    // Without an origin it comes from no browser, and a cookie alone says nothing.
    assert_eq!(refused(&server, &[cookie]).0, 401);
    wait_until_alone(&server, &admin);
}

#[test]
fn ends_with_its_key_or_session_and_tells_what_a_key_may_see() {
    let server = Server::in_memory(&[]);
    put(&server, "first", 1);
    server.put("/api/configs/other/entries/a", "1").expect(201);
    let (_, admin) = key(&server, "", &json!({"role": "admin"}));
    let scoped = json!({"role": "consumer", "scope": ["/configs/other"]});
    let (id, consumer) = key(&server, &admin, &scoped);
    let mut socket = open(&server, "?after=0", &[("Authorization", &consumer)]).unwrap();
    for _ in 0..3 {
        let subject = event(&text(&mut socket))["subject"].as_str().unwrap().to_owned();
        assert!(subject.starts_with("/configs/other"), "{subject}");
    }
    let began = Instant::now();
    let revoke = Ask::new("DELETE", format!("/keys/{id}")).header("Authorization", &admin);
    assert!(server.ask(&revoke).status < 300);
    assert_eq!(end(&mut socket), Some(CloseCode::Policy));
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
    let refused = open(&server, "", &[("Authorization", &consumer)]).err().unwrap();
    assert_eq!(refused, (401, "key_unknown".to_owned()));
    // One that expires needs nothing else to happen.
    let (_, short) = key(&server, &admin, &json!({"role": "consumer", "expires": "6s"}));
    let mut socket = open(&server, "", &[("Authorization", &short)]).unwrap();
    assert_eq!(end(&mut socket), Some(CloseCode::Policy));
    wait_until_alone(&server, &admin);
}

#[test]
fn says_that_it_stops() {
    let server = Server::in_memory(&[]);
    let mut sockets: Vec<_> = (0..3).map(|_| open(&server, "", &[]).unwrap()).collect();
    let stopping = std::thread::spawn(move || server.stop());
    for socket in &mut sockets {
        assert_eq!(end(socket), Some(CloseCode::Away));
    }
    let (status, log) = stopping.join().unwrap();
    assert!(status.success(), "{log}");
}

#[test]
fn answers_no_more_pings_than_a_client_takes() {
    /// More than what the kernel keeps for both directions of a connection.
    const PING_BYTES: usize = 64 * 1024 * 1024;
    let server = Server::in_memory(&[]);
    let mut socket = open(&server, "", &[]).unwrap();
    let ping = [&[0x89, 0x80 | 125, 0, 0, 0, 0][..], &[b'p'; 125]].concat();
    let pings = ping.repeat(1024);
    let stream = socket.get_mut();
    stream.tcp().set_write_timeout(Some(Duration::from_secs(3))).unwrap();
    let mut sent = 0;
    while sent < PING_BYTES {
        // It may take a part of them, and what comes next must go on with the rest.
        match stream.write(&pings[sent % pings.len()..]) {
            Ok(length) => sent += length,
            Err(error) => {
                let is_full = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                assert!(is_full, "{error}");
                break;
            }
        }
    }
    // The server would have to hold the answers to all of them.
    assert!(sent < PING_BYTES);
    drop(socket);
    wait_until_alone(&server, "");
}

#[test]
fn bears_clients_that_send_what_they_should_not() {
    let server = Server::in_memory(&[]);
    let masked = |first: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).unwrap() | 0x80;
        [&[first, length, 0, 0, 0, 0], payload].concat()
    };
    for (name, bytes, expect) in [
        ("text", masked(0x81, b"hello"), CloseCode::Unsupported),
        ("bytes", masked(0x82, b"hello"), CloseCode::Unsupported),
        ("no UTF-8", masked(0x81, b"\xff\xfe"), CloseCode::Invalid),
        ("not masked", vec![0x81, 1, b'a'], CloseCode::Protocol),
        ("a reserved bit", masked(0xC1, b"a"), CloseCode::Protocol),
        ("a reserved kind", masked(0x83, b"a"), CloseCode::Protocol),
        ("a part of a ping", masked(0x09, b"a"), CloseCode::Protocol),
        ("the rest of nothing", masked(0x80, b"a"), CloseCode::Protocol),
        (
            "a long ping",
            [&[0x89, 0xFE, 0, 126, 0, 0, 0, 0][..], &[0; 126]].concat(),
            CloseCode::Protocol,
        ),
        (
            "garbage",
            b"GET /changes HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
            CloseCode::Protocol,
        ),
        ("a frame of 8 KiB", vec![0x81, 0xFE, 0x20, 0, 0, 0, 0, 0], CloseCode::Size),
        (
            "a frame of 2^63 bytes",
            vec![0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0],
            CloseCode::Size,
        ),
        (
            "a message of 6 KiB in parts",
            [0x01, 0x00, 0x00]
                .iter()
                .flat_map(|first| [&[*first, 0xFE, 8, 0, 0, 0, 0, 0][..], &[b'a'; 2048]].concat())
                .collect(),
            CloseCode::Size,
        ),
    ] {
        let mut socket = open(&server, "", &[]).unwrap();
        socket.get_mut().write_all(&bytes).unwrap();
        socket.get_mut().flush().unwrap();
        assert_eq!(end(&mut socket), Some(expect), "{name}");
    }
    // A client that leaves in the middle of a frame, or without a word, takes nothing with it.
    for bytes in [&[][..], &[0x81], &[0x81, 0xFE, 0, 200, 1]] {
        let mut socket = open(&server, "", &[]).unwrap();
        socket.get_mut().write_all(bytes).unwrap();
        drop(socket);
    }
    wait_until_alone(&server, "");
    put(&server, "e", 1);
}

#[test]
fn answers_pings_while_events_come_and_pings_where_none_do() {
    let server = Server::in_memory(&[]);
    put(&server, "e", 1);
    let mut quiet = open(&server, "", &[]).unwrap();
    let mut socket = open(&server, "?after=0", &[]).unwrap();
    let (mut pongs, mut events) = (0, 0);
    for value in 0..50 {
        put(&server, "e", value);
        socket.send(Message::Ping(vec![7; 100].into())).unwrap();
    }
    let position = server.position();
    while pongs == 0 || events < 50 {
        match socket.read().unwrap() {
            Message::Pong(bytes) => {
                assert_eq!(&bytes[..], &[7; 100]);
                pongs += 1;
            }
            Message::Text(_) => events += 1,
            other => panic!("{other}"),
        }
    }
    // After a quarter of a minute without events it says up to where there is nothing to tell.
    loop {
        match quiet.read().unwrap() {
            Message::Ping(id) if id[..] == *position.to_string().as_bytes() => break,
            Message::Ping(_) | Message::Text(_) => {}
            other => panic!("{other}"),
        }
    }
}

#[test]
fn lets_go_of_a_client_that_never_reads_and_keeps_writes_going() {
    let server = Server::with(&["--memory"], &[("MUSTER_TIMEOUTS_STALL_S", "2")]);
    let many = |from: u32| -> String {
        let entries = (from..from + 8_000).map(|number| (format!("e{number}"), json!({})));
        Value::Object(entries.collect()).to_string()
    };
    server.post("/api/configs/app/entries", many(0)).expect(200);
    let before = server.resident_bytes();
    let mut sockets: Vec<_> = (0..5).map(|_| open(&server, "?after=0", &[]).unwrap()).collect();
    assert_eq!(watchers(&server, ""), 5);
    for round in 1..4 {
        server.post("/api/configs/app/entries", many(8_000 * round)).expect(200);
    }
    wait_until_alone(&server, "");
    // 5 × 16 MB of events were there for them.
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 400 << 20, "{grown}");
    // What was under way is cut off, in the middle of a message or not.
    for socket in &mut sockets {
        while socket.read().is_ok() {}
    }
    put(&server, "e1", 2);
}

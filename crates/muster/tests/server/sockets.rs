//! Connections that are slow, halved, many, or lie about where they come from.

use std::{net::TcpStream, time::Duration};

use crate::{
    client::{Ask, Client},
    harness::Server,
};

const PATH: &str = "/api/configs/app/entries/x";

#[test]
fn applies_nothing_of_half_a_request() {
    let server = Server::in_memory(&[]);
    let whole = Ask::json("PUT", PATH, "\"0123456789\"").bytes();
    let position = server.position();
    for end in [1, 10, 40, whole.len() - 12, whole.len() - 1] {
        let mut client = Client::connect(server.address);
        client.send_what_it_takes(&whole[..end]);
        drop(client);
    }
    let chunked = "PUT /api/configs/app/entries/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in ["", "1", "1\r\n", "1\r\n1", "1\r\n1\r\n", "1\r\n1\r\n0"] {
        let mut client = Client::connect(server.address);
        client.send_what_it_takes(format!("{chunked}{body}").as_bytes());
        drop(client);
    }
    server.get(PATH).refused(404, "not_found");
    assert_eq!(server.position(), position);
    let text = server.raw(format!("{chunked}1\r\n1\r\n0\r\n\r\n").as_bytes());
    assert!(text.starts_with("HTTP/1.1 201"), "{text}");
}

#[test]
fn ends_slow_requests_with_408() {
    let settings = [("MUSTER_TIMEOUTS_HEAD_S", "1"), ("MUSTER_TIMEOUTS_IDLE_S", "1")];
    let server = Server::with(&["--memory"], &settings);
    let position = server.position();
    let mut slow = Client::connect(server.address);
    slow.send_what_it_takes(b"GET /api HTTP/1.1\r\nHost: loc");
    let mut idle = Client::connect(server.address);
    idle.ask(&Ask::get("/api")).expect(200);
    let answer = slow.answer(false).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (408, "too_slow"));
    assert_eq!((slow.rest().as_str(), idle.rest().as_str()), ("", ""));
    assert_eq!(server.position(), position);
}

#[test]
fn refuses_what_two_readers_would_read_differently() {
    let server = Server::in_memory(&[]);
    let position = server.position();
    let smuggled = "PUT /api/configs/app/entries/smuggled HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1";
    for lengths in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\x0bchunked\r\n",
        "X: a\r\n Transfer-Encoding: chunked\r\n",
        "Content-Length\x00: 5\r\n",
    ] {
        let text =
            format!("PUT {PATH} HTTP/1.1\r\nHost: localhost\r\n{lengths}\r\n0\r\n\r\n{smuggled}");
        let answer = server.raw(text.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400"), "{lengths:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{lengths:?}: {answer}");
    }
    for text in [
        format!(
            "PUT {PATH} HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nContent-Length: 1\r\n\r\n1"
        ),
        format!("PUT {PATH} HTTP/1.1\r\nContent-Length: 1\r\n\r\n1"),
        format!("PUT  {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("PUT {PATH} HTTP/1.1\r\nHost: local host\r\nContent-Length: 1\r\n\r\n1"),
        "PRI * HTTP/1.1\r\n\r\n".to_owned(),
        "\0\0\0\0\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\0\x01\0\x01\r\n\r\n".to_owned(),
    ] {
        let mut client = Client::connect(server.address);
        client.send_what_it_takes(text.as_bytes());
        let answer = client.answer(false).unwrap();
        assert_eq!(answer.status, 400, "{text:?}");
    }
    assert_eq!(server.position(), position);
}

#[test]
fn answers_only_for_this_computer_and_its_own_pages() {
    let server = Server::in_memory(&[]);
    let host = format!("127.0.0.1:{}", server.address.port());
    let position = server.position();
    for (name, value, status, code) in [
        ("Host", "evil.example", 421, "host_refused"),
        ("Host", "127.0.0.1.evil.example", 421, "host_refused"),
        ("Host", "localhost.evil.example:80", 421, "host_refused"),
        ("Host", "0.0.0.0", 421, "host_refused"),
        ("Origin", "https://evil.example", 403, "origin_refused"),
        ("Origin", "http://localhost.evil.example", 403, "origin_refused"),
        ("Origin", "null", 403, "origin_refused"),
    ] {
        let ask = Ask::json("PUT", PATH, "1").header(name, value);
        server.ask(&ask).refused(status, code);
        let upgrade = Ask::get(PATH).header(name, value).header("Upgrade", "websocket");
        server.ask(&upgrade).refused(status, code);
    }
    server.ask(&Ask::get("/api").header("Host", "evil.example")).refused(421, "host_refused");
    server.ask(&Ask::get("/api").header("X-Forwarded-Host", "evil.example")).expect(200);
    assert_eq!(server.position(), position);
    let own = Ask::json("PUT", PATH, "1")
        .header("Host", &host)
        .header("Origin", format!("http://{host}"));
    let answer = server.ask(&own).expect(201);
    assert!(
        answer.header("location").unwrap().starts_with(&format!("{}://{host}/api", crate::SCHEME))
    );
    let read = server.ask(&Ask::get(PATH).header("Origin", "https://evil.example")).expect(200);
    assert_eq!(read.header("access-control-allow-origin"), None);
}

#[test]
fn refuses_header_bombs() {
    let server = Server::in_memory(&[]);
    let many: String = (0..5_000).map(|number| format!("x{number}: 1\r\n")).collect();
    let same = "xRegistry-labels.a: 1\r\n".repeat(2_500);
    let large = format!("x: {}\r\n", "a".repeat(100_000));
    for headers in [&many, &same, &large] {
        let mut client = Client::connect(server.address);
        client.send_what_it_takes(
            format!("GET /api HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").as_bytes(),
        );
        let answer = client.answer(false).unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (431, "headers_too_large"));
    }
}

#[test]
fn serves_beside_thousands_of_idle_connections() {
    let limit = files_max();
    let count = 3_000.min(limit.saturating_sub(200) / 2);
    let server = Server::in_memory(&[]);
    server.put(PATH, "1").expect(201);
    let before = server.resident_bytes();
    let mut silent = Vec::new();
    let mut half = Vec::new();
    for number in 0..count {
        if number % 2 == 0 {
            silent.push(TcpStream::connect(server.address).unwrap());
        } else {
            let mut client = Client::connect(server.address);
            client.send_what_it_takes(b"PUT /api/configs/app/entries/y HTTP/1.1\r\nHost: loc");
            half.push(client);
        }
    }
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 64 * 1024 * count as u64 + 32 * 1024 * 1024, "{grown} bytes for {count}");
    let mut client = Client::connect(server.address);
    for _ in 0..20 {
        client.ask(&Ask::get(PATH)).expect(200);
    }
    server.put(PATH, "2").expect(200);
    server.get("/api/configs/app/entries/y").refused(404, "not_found");
}

/// How many files a process may have open.
fn files_max() -> usize {
    let text = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(1_024)
}

#[test]
fn holds_no_more_for_clients_that_do_not_read() {
    let server = Server::in_memory(&[]);
    let body = vec![b'a'; 1024 * 1024];
    server.ask(&Ask::new("PUT", PATH).body(body)).expect(201);
    let before = server.resident_bytes();
    let mut greedy = Vec::new();
    for _ in 0..20 {
        let client = Client::connect(server.address);
        client.stream.tcp().set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut client = client;
        // Two hundred answers of a megabyte each, of which none is read.
        client.send_what_it_takes(&Ask::get(PATH).bytes().repeat(200));
        greedy.push(client);
    }
    server.get(PATH).expect(200);
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 256 * 1024 * 1024, "{grown} bytes");
}

/// What a server says to bytes until it ends the connection, as far as two ways of answering must
/// agree: each answer's status and whether it has the document.
fn told(server: &Server, text: &str) -> Vec<(String, bool)> {
    let answer = server.raw(text.as_bytes());
    let answers = answer.split("HTTP/1.1 ").skip(1);
    answers.map(|one| (one[..3].to_owned(), one.contains("\"the document\""))).collect()
}

#[test]
fn answers_from_memory_what_it_would_answer_otherwise() {
    let settings = [("MUSTER_TIMEOUTS_HEAD_S", "1"), ("MUSTER_TIMEOUTS_IDLE_S", "1")];
    let server = Server::with(&["--memory"], &settings);
    server.put(PATH, "\"the document\"").expect(201);
    server.put("/api/configs/app/entries/y", "0").expect(201);
    let host = "Host: localhost\r\n";
    let tag = server.get(PATH).expect(200).etag();
    let end = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let put =
        "PUT /api/configs/app/entries/y HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1";
    for request in [
        format!("GET TARGET HTTP/1.1\r\n{host}\r\n"),
        format!("GET TARGET HTTP/1.1\r\n{host}\r\nGET TARGET HTTP/1.1\r\n{host}\r\n"),
        format!("GET TARGET HTTP/1.1\r\n{host}\r\n{put}GET TARGET HTTP/1.1\r\n{host}\r\n"),
        format!("GET TARGET HTTP/1.1\r\n{host}If-None-Match: {tag}\r\n\r\n"),
        format!("GET TARGET HTTP/1.1\r\n{host}If-None-Match: *\r\n\r\n"),
        format!("GET TARGET HTTP/1.1\r\n{host}If-None-Match: x\r\n\r\n"),
        format!(
            "GET TARGET HTTP/1.1\r\n{host}If-None-Match: \"x\"\r\nIf-None-Match: {tag}\r\n\r\n"
        ),
        format!("GET TARGET HTTP/1.1\r\n{host}If-None-Match:\r\n\r\n"),
        format!("GET TARGET HTTP/1.1\r\n{host}If-Match: \"x\"\r\n\r\n"),
        format!("GET TARGET HTTP/1.1\r\n{host}Accept-Encoding: gzip;q=0\r\n\r\n"),
        format!("GET TARGET HTTP/1.1\r\n{host}Connection: close\r\n\r\n"),
        format!(
            "GET TARGET HTTP/1.1\r\n{host}Connection: Keep-Alive, Upgrade\r\nUpgrade: h2c\r\n\r\n"
        ),
        format!("GET TARGET HTTP/1.1\r\n{host}{host}\r\n"),
        "GET TARGET HTTP/1.1\r\n\r\n".to_owned(),
        "GET TARGET HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(),
        "GET TARGET HTTP/1.1\r\nHost:\r\n\r\n".to_owned(),
        "GET TARGET HTTP/1.1\r\nHost: local host\r\n\r\n".to_owned(),
        "GET TARGET HTTP/1.1\r\nHost: localhost/x\r\n\r\n".to_owned(),
        "GET TARGET HTTP/1.1\r\nhOST:localhost \r\n\r\n".to_owned(),
        "GET TARGET HTTP/1.1\r\nHost : localhost\r\n\r\n".to_owned(),
        "GET TARGET HTTP/1.1\r\nHost: local\x00host\r\n\r\n".to_owned(),
        format!("GET TARGET HTTP/1.1\r\n{host}Accept: a\r\n b\r\n\r\n"),
        format!("GET TARGET HTTP/1.1\r\n{host}Accept: a\rX: b\r\n\r\n"),
        format!("GET TARGET HTTP/1.1\r\n{host}Accept a\r\n\r\n"),
        format!("GET TARGET HTTP/1.1\r\n{host}: a\r\n\r\n"),
        format!("GET TARGET HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nGET /"),
        format!("GET TARGET HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("GET TARGET HTTP/1.1\r\n{host}Origin: http://localhost\r\n\r\n"),
        format!("GET  TARGET HTTP/1.1\r\n{host}\r\n"),
        format!("GET TARGET  HTTP/1.1\r\n{host}\r\n"),
        format!("GET TARGET HTTP/1.2\r\n{host}\r\n"),
        format!("get TARGET HTTP/1.1\r\n{host}\r\n"),
        format!(" GET TARGET HTTP/1.1\r\n{host}\r\n"),
        format!("\r\nGET TARGET HTTP/1.1\r\n{host}\r\n"),
        format!("GET http://localhostTARGET HTTP/1.1\r\n{host}\r\n"),
        format!("GET TARGET#x HTTP/1.1\r\n{host}\r\n"),
        "GET TARGET HTTP/1.1\nHost: localhost\n\n".to_owned(),
        format!("GET TARGET HTTP/1.1\r\n{host}X: {}\r\n\r\n", "a".repeat(5_000)),
        format!("GET TARGET HTTP/1.1\r\n{host}Accept: {}\r\n\r\n", "a".repeat(5_000)),
        format!("GET TARGET HTTP/1.1\r\n{host}Accept: {}\r\n\r\n", "a".repeat(70_000)),
        format!("GET TARGET HTTP/1.1\r\n{host}Accept: half"),
    ] {
        // Kept in memory, and not: a query that nobody knows changes nothing else.
        server.get(PATH).expect(200);
        let from_memory = told(&server, &(request.replace("TARGET", PATH) + end));
        let otherwise =
            told(&server, &(request.replace("TARGET", &format!("{PATH}?unknown")) + end));
        assert_eq!(from_memory, otherwise, "{request:.300}");
    }
}

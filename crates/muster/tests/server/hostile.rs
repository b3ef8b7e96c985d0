//! Requests that nobody sends by mistake: each is refused by its name, and nothing moves.

use std::time::{Duration, Instant};

use crate::{
    client::{Answer, Ask, Client},
    harness::Server,
};

/// Longer than any refusal may take, in a debug build on a busy machine.
const TIME: Duration = Duration::from_secs(20);

/// More memory than the server may hold after refusals.
const BYTES: u64 = 512 * 1024 * 1024;

/// What stands in bodies and headers that are refused, and must never stand in the log.
const SECRET: &str = "do-not-write-this-down";

/// Sends everything, and fails the test unless each is refused so and the ledger stays where it is.
fn refuses(server: &mut Server, cases: Vec<(&str, Ask, u16, &str)>) {
    let position = server.position();
    let mut wrong = Vec::new();
    for (name, ask, status, code) in cases {
        let began = Instant::now();
        let ask = ask.header("X-Secret", SECRET);
        let answer = Client::connect(server.address).ask(&ask);
        let took = began.elapsed();
        if (answer.status, answer.code().as_str()) != (status, code) || took > TIME {
            let text = String::from_utf8_lossy(&answer.body);
            wrong.push(format!("{name}: {} after {took:?}, {text:.300}", answer.status));
            continue;
        }
        if !code.is_empty() {
            answer.refused(status, code);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(server.position(), position, "something was applied");
    assert!(server.is_running());
    server.get("/health/ready").expect(200);
    assert!(server.resident_bytes() < BYTES, "{} bytes", server.resident_bytes());
    let log = server.log();
    assert!(!log.contains(SECRET) && !log.contains("ERROR"), "{log}");
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn refuses_documents_that_are_none() {
    let mut server = Server::in_memory(&[]);
    server.put("/api/configs/app/entries/there", "1").expect(201);
    let put = |body: &[u8]| Ask::json("PUT", "/api/configs/app/entries/x", body);
    let deep = nested(10_000);
    let deeper = "[{\"a\":".repeat(1_000_000);
    let bad = (422, "invalid_document");
    let cases = [
        ("nothing", b"" as &[u8], bad),
        ("an open brace", b"{", bad),
        ("a comma too many", b"{\"a\":1,}", bad),
        ("a second value", b"{} {}", bad),
        ("a comment", b"{} // do-not-write-this-down", bad),
        ("no number", b"NaN", bad),
        ("a leading zero", b"01", bad),
        ("single quotes", b"{'a':1}", bad),
        ("a byte order mark", b"\xEF\xBB\xBF{}", bad),
        ("UTF-16", b"\xFF\xFE{\0}\0", bad),
        ("bytes that are no text", b"\"\xC3\x28\"", bad),
        ("an encoded surrogate", b"\"\xED\xA0\x80\"", bad),
        ("a lone surrogate", br#""\ud800""#, bad),
        ("surrogates the wrong way round", br#""\udc00\ud800""#, bad),
        ("a lone surrogate in a key", br#"{"\udfff":1}"#, bad),
        ("a control character", b"\"a\0b\"", bad),
        ("a key twice", br#"{"a":1,"b":2,"a":3}"#, bad),
        ("a key twice, spelt otherwise", br#"{"a":1,"\u0061":3}"#, bad),
        ("a key twice, far down", br#"[[[{"x":{"a":1,"a":1}}]]]"#, bad),
        ("10,000 levels", deep.as_bytes(), bad),
        ("2,000,000 levels, open", deeper.as_bytes(), (413, "document_too_large")),
    ];
    let cases = cases.map(|(name, body, (status, code))| (name, put(body), status, code));
    refuses(&mut server, cases.into());
}

#[test]
fn refuses_bodies_above_the_limits() {
    let mut server = Server::in_memory(&[]);
    let path = "/api/configs/app/entries/x";
    let bytes = |count: usize| vec![b' '; count];
    let put = |body: Vec<u8>| Ask::new("PUT", path).body(body);
    let claims = |length: &str| {
        // Nothing of it is sent, and nobody waits for it.
        Ask::new("DELETE", path).header("Content-Length", length)
    };
    let huge_map =
        format!("{{\"configs\":{{\"app\":{{\"name\":\"{}\"}}}}}}", "a".repeat(9_000_000));
    let many: String = (0..20_001).map(|number| format!(",\"e{number}\":{{}}")).collect();
    let many = format!("{{{}}}", &many[1..]);
    let cases = vec![
        (
            "20,001 documents",
            Ask::json("POST", "/api/configs/app/entries", many),
            413,
            "command_too_large",
        ),
        ("a document above 4 MiB", put(bytes(4 * 1024 * 1024 + 1)), 413, "document_too_large"),
        ("a body above 8 MiB", put(bytes(8 * 1024 * 1024 + 1)), 413, "body_too_large"),
        ("a map above 8 MiB", Ask::json("POST", "/api", huge_map), 413, "body_too_large"),
        ("a length of 1 TB", claims("1099511627776"), 413, "body_too_large"),
        ("a length beyond 64 bits", claims("99999999999999999999999"), 400, "bad_request"),
        (
            "a compressed body",
            put(b"1".into()).header("Content-Encoding", "gzip"),
            415,
            "unsupported_encoding",
        ),
    ];
    refuses(&mut server, cases);
    server.ask(&put(bytes(4 * 1024 * 1024))).expect(201);
}

#[test]
fn refuses_attributes_of_the_wrong_kind() {
    let mut server = Server::in_memory(&[]);
    server.put("/api/configs/app/entries/x", "1").expect(201);
    let deep = format!("{{\"labels\":{}}}", nested(10_000));
    let long = format!("{{\"name\":\"{}\"}}", "a".repeat(5_000));
    let long_id = format!("{{\"configs\":{{\"{}\":{{}}}}}}", "a".repeat(10_000));
    let group = "/api/configs/app";
    let parsing = (400, "parsing_data");
    let invalid = (400, "invalid_attribute");
    let cases: Vec<(&str, &str, &str, (u16, &str))> = vec![
        ("PATCH", group, "", (400, "missing_body")),
        ("PATCH", group, "[]", parsing),
        ("PATCH", group, "null", parsing),
        ("PATCH", group, "\"do-not-write-this-down\"", parsing),
        ("PATCH", group, r#"{"name":"#, parsing),
        ("PATCH", group, r#"{"name":"a","name":"b"}"#, parsing),
        ("PATCH", group, r#"{"name":"\ud800"}"#, parsing),
        ("PATCH", group, &deep, parsing),
        ("PATCH", group, &long, invalid),
        ("PATCH", group, r#"{"name":{"a":1}}"#, invalid),
        ("PATCH", group, r#"{"labels":3}"#, invalid),
        ("PATCH", group, r#"{"labels":{"a":1}}"#, invalid),
        ("PATCH", group, r#"{"labels":{"A B":"1"}}"#, invalid),
        ("PATCH", group, r#"{"createdat":"yesterday"}"#, invalid),
        ("PATCH", group, r#"{"createdat":"9999-99-99T99:99:99Z"}"#, invalid),
        ("PATCH", group, r#"{"epoch":18446744073709551616}"#, invalid),
        ("PATCH", group, r#"{"epoch":1e400}"#, invalid),
        ("PATCH", group, r#"{"epoch":true}"#, invalid),
        ("PATCH", group, r#"{"muster":"yes"}"#, invalid),
        ("PATCH", group, r#"{"muster":{"schema":"/../x"}}"#, invalid),
        ("PATCH", group, r#"{"do-not-write-this-down":1}"#, (400, "invalid_attribute")),
        ("POST", "/api", r#"{"configs":[]}"#, invalid),
        ("POST", "/api", r#"{"configs":{"a":3}}"#, (400, "bad_request")),
        ("POST", "/api", r#"{"configs":{"..":{}}}"#, (400, "invalid_attribute")),
        ("POST", "/api", r#"{"configs":{"a/b":{}}}"#, (400, "invalid_attribute")),
        ("POST", "/api", r#"{"configs":{"a\u0000":{}}}"#, (400, "invalid_attribute")),
        ("POST", "/api", r#"{"configs":{"":{}}}"#, (400, "invalid_attribute")),
        ("POST", "/api", &long_id, (400, "invalid_attribute")),
        ("POST", "/api", r#"{"nothing":{"a":{}}}"#, (400, "groups_only")),
        ("POST", group, r#"{"nothing":{"a":{}}}"#, (400, "resources_only")),
        ("PATCH", "/api/configs/app/entries/x$details", r#"{"contenttype":"a\r\nb: c"}"#, invalid),
        ("PATCH", "/api/configs/app/entries/x$details", r#"{"entrybase64":"%%%"}"#, invalid),
        ("PATCH", "/api/configs/app/entries/x$details", r#"{"state":"STABLE"}"#, invalid),
        ("PUT", "/api/capabilities", r#"{"flags":"all"}"#, (400, "capability_error")),
        ("PUT", "/api/capabilities", r#"{"nothing":1}"#, (400, "capability_unknown")),
    ];
    let cases = cases.into_iter().map(|(method, path, body, (status, code))| {
        let method = if method == "PUT" {
            "PUT"
        } else if method == "POST" {
            "POST"
        } else {
            "PATCH"
        };
        (body, Ask::json(method, path, body), status, code)
    });
    refuses(&mut server, cases.collect());
}

#[test]
fn refuses_names_that_lead_elsewhere() {
    let mut server = Server::in_memory(&[]);
    server.put("/api/configs/app/entries/x", "1").expect(201);
    let long = "a".repeat(10_000);
    let mut cases = Vec::new();
    for (name, write, read) in [
        ("..", "invalid_attribute", "not_found"),
        (".", "invalid_attribute", "not_found"),
        ("%2e%2e", "invalid_attribute", "not_found"),
        ("..%2f..%2fetc%2fpasswd", "api_not_found", "api_not_found"),
        ("a%2Fb", "api_not_found", "api_not_found"),
        ("a%5cb", "invalid_attribute", "not_found"),
        ("a%00b", "invalid_attribute", "not_found"),
        ("%00", "invalid_attribute", "not_found"),
        ("a%0d%0aSet-Cookie:%20b", "invalid_attribute", "not_found"),
        ("%ff%fe", "api_not_found", "api_not_found"),
        ("%c0%ae%c0%ae", "api_not_found", "api_not_found"),
        ("%", "api_not_found", "api_not_found"),
        ("%zz", "api_not_found", "api_not_found"),
        ("%252e%252e", "invalid_attribute", "not_found"),
        ("%F0%9F%98%80", "invalid_attribute", "not_found"),
        ("%EF%BC%8E%EF%BC%8E", "invalid_attribute", "not_found"),
        ("a%20", "invalid_attribute", "not_found"),
        ("a;b", "invalid_attribute", "not_found"),
        ("-a", "invalid_attribute", "not_found"),
        ("a%24details", "", ""),
        (&long, "invalid_attribute", "not_found"),
    ] {
        for prefix in
            ["/api/configs/", "/api/configs/app/entries/", "/api/configs/app/entries/x/versions/"]
        {
            let path = format!("{prefix}{name}");
            let status = |code: &str| if code == "invalid_attribute" { 400 } else { 404 };
            if write.is_empty() {
                // An encoded $ is one all the same: this asks for details of what isn't there.
                let code = if prefix == "/api/configs/" { "bad_details" } else { "not_found" };
                let status = if code == "bad_details" { 400 } else { 404 };
                cases.push((name, Ask::get(path), status, code));
                continue;
            }
            cases.push((name, Ask::json("PUT", path.clone(), "{}"), status(write), write));
            cases.push((name, Ask::get(path), status(read), read));
        }
    }
    for path in ["/../api/configs", "/%2e%2e/", "//evil.example/api", "/api%2fconfigs"] {
        cases.push(("outside", Ask::get(path), 404, "api_not_found"));
    }
    cases.push(("outside", Ask::get("/api/../etc/passwd"), 404, "not_found"));
    refuses(&mut server, cases.into_iter().collect());
}

#[test]
fn lets_no_value_become_a_header_of_its_own() {
    let server = Server::in_memory(&[]);
    let path = "/api/configs/app/entries/x";
    let ask = Ask::json("PUT", path, "1").header("xRegistry-name", "a%0D%0ASet-Cookie:%20b=c");
    server.ask(&ask).expect(201);
    let details = r#"{"description":"x\r\nSet-Cookie: b=c","labels":{"l":"\r\n\r\n<script>"}}"#;
    server.patch(&format!("{path}$details"), details).expect(200);
    let has_cookie = |answer: &Answer| answer.header("set-cookie").is_some();
    let answers = [server.get(path), server.ask(&Ask::new("HEAD", path))];
    for answer in answers {
        let answer = answer.expect(200);
        assert!(!has_cookie(&answer), "{answer:?}");
        assert_eq!(answer.header("xregistry-name"), Some("a%0D%0ASet-Cookie: b=c"));
    }
    let answer = server.get("/api/configs/%0d%0aSet-Cookie:%20b=c");
    assert!(!has_cookie(&answer), "{answer:?}");
    // A document is never a page of this origin.
    let page = Ask::new("PUT", "/api/configs/app/entries/page").header("Content-Type", "text/html");
    server.ask(&page.body("<script>fetch('/api')</script>")).expect(201);
    let page = server.get("/api/configs/app/entries/page").expect(200);
    assert!(page.header("content-security-policy").unwrap().contains("sandbox"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
}

#[test]
fn refuses_queries_and_conditions_that_nobody_means() {
    let mut server = Server::in_memory(&[]);
    server.put("/api/configs/app/entries/x", "1").expect(201);
    let list = |query: &str| Ask::get(format!("/api/configs/app/entries?{query}"));
    let document = || Ask::get("/api/configs/app/entries/x");
    let inline = format!("inline={}", "a.".repeat(20_000));
    let path = format!("filter={}=1", "a.".repeat(20_000));
    let huge = format!("x={}", "a".repeat(70_000));
    let many_tags = "\"a\",".repeat(15_000) + "b";
    let cases = vec![
        ("a limit beyond 64 bits", list("limit=18446744073709551616"), 400, "bad_flag"),
        ("a negative limit", list("limit=-1"), 400, "bad_flag"),
        ("an offset that is none", list("limit=1&sort=name&offset=x"), 400, "bad_cursor"),
        ("a cursor that is none", list("limit=1&after=%00%ff..%2f"), 400, "bad_cursor"),
        ("an open bracket", list("filter=a[=1"), 400, "bad_filter"),
        ("an index beyond 64 bits", list("filter=a[99999999999999999999]=1"), 400, "bad_filter"),
        ("a path that ends in a dot", list(&path), 400, "bad_filter"),
        ("a wildcard that compares", list("filter=a>*"), 400, "bad_filter"),
        ("null that compares", list("filter=a>null"), 400, "bad_filter"),
        ("nothing beside excludeall", list("filter=excludeall,a"), 400, "bad_filter"),
        ("a long path to inline", list(&inline), 400, "inline_noninlineable"),
        ("two orders", list("sort=a=up"), 400, "bad_sort"),
        ("a query above the limit", list(&huge), 431, "headers_too_large"),
        ("tags without an end", document().header("If-Match", many_tags), 400, "header_error"),
        ("a star among tags", document().header("If-Match", "\"a\", *"), 400, "header_error"),
        (
            "a filter in a write",
            Ask::json("PUT", "/api/configs/a?filter=[", "{}"),
            400,
            "bad_filter",
        ),
        ("an epoch that is none", Ask::new("DELETE", "/api/configs/app?epoch=x"), 400, "bad_flag"),
        (
            "a default that is none",
            Ask::json("PUT", "/api/configs/app/entries/x?setdefaultversionid=..", "1"),
            400,
            "bad_defaultversionid",
        ),
        (
            "an unknown thing to ignore",
            Ask::json("PUT", "/api/configs/a?ignore=all", "{}"),
            400,
            "bad_ignore",
        ),
        (
            "a percent sign in a header",
            Ask::json("PUT", "/api/configs/app/entries/x", "1").header("xRegistry-name", "%zz"),
            400,
            "header_error",
        ),
        (
            "a document in a header",
            Ask::json("PUT", "/api/configs/app/entries/x", "1").header("xRegistry-entry", "1"),
            400,
            "extra_xregistry_header",
        ),
    ];
    refuses(&mut server, cases);
    // Long but right.
    let tags =
        format!("{}{}", "\"a\",".repeat(12_000), server.get("/api/configs/app/entries/x").etag());
    server.ask(&document().header("If-Match", tags)).expect(200);
}

#[test]
fn answers_dear_filters_in_time_or_not_at_all() {
    let server = Server::in_memory(&["--bare"]);
    let model = r#"{"groups":{"shelves":{"plural":"shelves","singular":"shelf","attributes":{"*":{"type":"any"}}}}}"#;
    server.put("/api/modelsource", model).expect(200);
    let text = "a".repeat(4_000);
    let mut body = String::from("{\"shelves\":{");
    for number in 0..1_500 {
        let comma = if number == 0 { "" } else { "," };
        body.push_str(&format!(
            "{comma}\"s{number}\":{{\"description\":\"{text}\",\"m\":[[[[[1]]]]]}}"
        ));
    }
    server.post("/api", body + "}}").expect(200);
    let stars = format!("filter=description={}b", "*a".repeat(15_000));
    let long = format!("filter=description=*{}b", "a".repeat(50_000));
    let alternatives = vec!["filter=description=*b*"; 2_500].join("&");
    let conditions = format!("filter={}", vec!["description=*a*"; 3_500].join(","));
    let steps = format!("filter=m{}=1", "[*]".repeat(20_000));
    let anything = format!("filter={}=1", vec!["*"; 20_000].join("."));
    let presence = format!("filter={}", vec!["m"; 30_000].join(","));
    for query in [&stars, &long, &alternatives, &conditions, &steps, &anything, &presence] {
        let began = Instant::now();
        let answer = server.get(&format!("/api/shelves?{query}"));
        let took = began.elapsed();
        let is_fair =
            matches!((answer.status, answer.code().as_str()), (200, _) | (400, "bad_filter"));
        assert!(is_fair && took < TIME, "{query:.60}: {} after {took:?}", answer.status);
    }
}

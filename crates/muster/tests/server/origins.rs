//! Web pages of other origins (CORS), as browsers ask for them.

use crate::{
    client::{Answer, Ask},
    harness::Server,
};

const CONSOLE: &str = "https://console.example";
const DOCUMENT: &str = "/api/configs/app/entries/first";

fn preflight(server: &Server, origin: &str) -> Answer {
    let ask = Ask::new("OPTIONS", DOCUMENT).header("Origin", origin);
    let ask = ask.header("Access-Control-Request-Method", "PUT");
    server.ask(&ask.header("Access-Control-Request-Headers", "authorization,if-match"))
}

#[test]
fn pages_of_an_allowed_origin_may_use_the_server_with_a_key() {
    let settings = [
        ("MUSTER_HTTP_ALLOWED_ORIGINS", "https://console.example, http://localhost:5173"),
        ("MUSTER_API_KEY", "correct-horse-battery-staple"),
    ];
    let server = Server::with(&["--memory"], &settings);
    let answer = preflight(&server, CONSOLE).expect(204);
    for (name, expect) in [
        ("access-control-allow-origin", CONSOLE),
        ("access-control-allow-headers", "authorization,if-match"),
        ("access-control-allow-methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
        ("access-control-max-age", "600"),
        ("vary", "origin"),
    ] {
        assert_eq!(answer.header(name), Some(expect), "{name}");
    }
    preflight(&server, "https://evil.example").refused(401, "key_required");
    let with = |ask: Ask, origin: &str| ask.header("Origin", origin);
    let key = |ask: Ask| ask.header("Authorization", "Bearer correct-horse-battery-staple");
    for origin in [CONSOLE, "http://localhost:5173"] {
        let answer = server.ask(&key(with(Ask::json("PUT", DOCUMENT, "1"), origin)));
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    }
    // Answers from memory, refusals and streams are shared as well.
    for _ in 0..2 {
        let answer = server.ask(&key(with(Ask::get(DOCUMENT), CONSOLE))).expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), Some(CONSOLE));
        assert_eq!(answer.header("access-control-expose-headers"), Some("*"));
        assert!(answer.headers.iter().any(|(name, to)| name == "vary" && to == "origin"));
    }
    let refused = server.ask(&with(Ask::get(DOCUMENT), CONSOLE)).refused(401, "key_required");
    assert_eq!(refused.header("access-control-allow-origin"), Some(CONSOLE));
    let other = server.ask(&key(with(Ask::get(DOCUMENT), "https://evil.example"))).expect(200);
    assert_eq!(other.header("access-control-allow-origin"), None);
    assert_eq!(other.header("access-control-expose-headers"), None);
    // A cache between must not give a page what was asked for without an origin, from memory or not.
    for path in [DOCUMENT, DOCUMENT, "/api/configs", "/nowhere"] {
        let answer = server.ask(&key(Ask::get(path)));
        assert!(answer.headers.iter().any(|(name, to)| name == "vary" && to == "origin"), "{path}");
    }
}

#[test]
fn a_star_is_for_everybody_but_opens_no_registry_without_keys() {
    let named = [("MUSTER_HTTP_ALLOWED_ORIGINS", CONSOLE)];
    let star = [("MUSTER_HTTP_ALLOWED_ORIGINS", "*")];
    for (settings, expect) in [(&named[..], 201), (&star, 403), (&[], 403)] {
        let server = Server::with(&["--memory"], settings);
        let put = Ask::json("PUT", DOCUMENT, "1").header("Origin", CONSOLE);
        server.ask(&put).expect(expect);
        let read = server.ask(&Ask::get("/api").header("Origin", CONSOLE)).expect(200);
        let is_shared = read.header("access-control-allow-origin").is_some();
        assert_eq!(is_shared, !settings.is_empty(), "{settings:?}");
    }
}

#[test]
fn refuses_settings_that_name_no_origin() {
    let scratch = tempfile::TempDir::new().unwrap();
    let file = scratch.path().join("muster.toml");
    std::fs::write(&file, "[http]\nallowed_origins = [\"console.example\"]\n").unwrap();
    let serve = ["serve", "--memory", "--listen", "127.0.0.1:0"];
    let refused = crate::harness::run(scratch.path(), &serve).expect(2);
    assert!(refused.err.contains("\"console.example\" isn't an origin"), "{refused:?}");
}

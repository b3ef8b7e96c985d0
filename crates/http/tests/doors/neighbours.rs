//! Who may come in: hosts, origins, keys.

use std::sync::atomic::Ordering;

use crate::harness::{Running, short};

#[tokio::test]
async fn answers_only_for_this_computers_names_while_nobody_needs_a_key() {
    let server = Running::start(short()).await;
    let rebound = "Host: evil.example\r\n";
    let foreign = "Host: localhost:1\r\nOrigin: https://evil.example\r\n";
    let image = "Host: localhost:1\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n";
    let followed = "Host: localhost:1\r\nSec-Fetch-Site: cross-site\r\n\
                    Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
                    Sec-Fetch-User: ?1\r\n";
    let steered = followed.replace("Sec-Fetch-User: ?1\r\n", "");
    let other_port = image.replace("cross-site", "same-site");
    let own = "Host: localhost:1\r\nOrigin: http://localhost:1\r\n";
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n";
    let foreign_upgrade = format!("{foreign}{upgrade}");
    // A page of this server has its scheme.
    let scheme = if crate::TLS { "https" } else { "http" };
    let own_upgrade = format!("Host: localhost:1\r\nOrigin: {scheme}://localhost:1\r\n{upgrade}");
    for (method, path, headers, expect) in [
        ("GET", "/api/document", "Host: localhost:1\r\n", None),
        ("GET", "/api/document", "Host: 127.0.0.1\r\n", None),
        ("GET", "/api/document", "Host: [::1]:9\r\n", None),
        ("GET", "/api/document", rebound, Some((421, "host_refused"))),
        ("POST", "/api/echo", rebound, Some((421, "host_refused"))),
        ("GET", "/metrics", rebound, Some((421, "host_refused"))),
        ("GET", "/health/live", rebound, None),
        ("GET", "/api/document", foreign, None),
        ("HEAD", "/api/document", foreign, None),
        ("GET", "/api/document?inline=*", foreign, Some((403, "origin_refused"))),
        ("GET", "/api/export", foreign, Some((403, "origin_refused"))),
        ("GET", "/api/export/", foreign, Some((403, "origin_refused"))),
        ("GET", "/metrics", foreign, Some((403, "origin_refused"))),
        ("GET", "/metrics", image, Some((403, "origin_refused"))),
        ("GET", "/api/document?inline=*", image, Some((403, "origin_refused"))),
        ("GET", "/api/document", image, None),
        ("GET", "/metrics", &other_port, Some((403, "origin_refused"))),
        ("GET", "/metrics", &steered, Some((403, "origin_refused"))),
        ("GET", "/metrics", followed, None),
        ("GET", "/metrics", own, None),
        ("GET", "/health/live", foreign, None),
        ("POST", "/api/echo", foreign, Some((403, "origin_refused"))),
        ("OPTIONS", "/api/echo", foreign, Some((403, "origin_refused"))),
        (
            "POST",
            "/api/echo",
            "Host: localhost:1\r\nOrigin: null\r\n",
            Some((403, "origin_refused")),
        ),
        ("POST", "/api/echo", own, None),
        ("GET", "/api/document", &foreign_upgrade, Some((403, "origin_refused"))),
        ("GET", "/api/document", &own_upgrade, None),
        ("GET", "/api/document", "", Some((400, "header_error"))),
        (
            "GET",
            "/api/document",
            "Host: localhost\r\nHost: localhost\r\n",
            Some((400, "header_error")),
        ),
        ("GET", "http://localhost/api/document", "Host: localhost\r\n", None),
        ("GET", "http://localhost:80/api/document", "Host: localhost\r\n", None),
        ("GET", "http://evil.example/api/document", rebound, Some((421, "host_refused"))),
        ("GET", "http://localhost/api/document", rebound, Some((400, "header_error"))),
        (
            "GET",
            "http://me@localhost/api/document",
            "Host: me@localhost\r\n",
            Some((400, "header_error")),
        ),
        ("GET", "/api/document", "Host: local host\r\n", Some((400, "header_error"))),
        ("GET", "/api/document", "Host: localhost/x\r\n", Some((400, "header_error"))),
    ] {
        let mut client = server.connect().await;
        client.send(format!("{method} {path} HTTP/1.1\r\n{headers}\r\n")).await;
        let answer = client.answer_to(method).await;
        match expect {
            None => assert_eq!(answer.status, 200, "{method} {path} {headers}"),
            Some((status, code)) => {
                assert_eq!((answer.status, answer.code().as_str()), (status, code), "{headers}");
            }
        }
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn asks_for_a_key_once_there_is_one_and_then_for_nothing_else() {
    let server = Running::start(short()).await;
    server.gate.open.store(false, Ordering::Relaxed);
    for (path, headers, expect) in [
        ("/api/document", "", Some((401, "key_required"))),
        ("/api/document", "Authorization: Bearer wrong\r\n", Some((401, "key_unknown"))),
        ("/api/document", "Authorization: Bearer right\r\n", None),
        ("/api/document", "Authorization: Bearer right\r\nOrigin: https://a.example\r\n", None),
        ("/metrics", "", Some((401, "key_required"))),
        ("/health/live", "", None),
        // Only the probes' own paths need no key.
        ("/api/health/live", "", Some((401, "key_required"))),
        ("/api/configs/health/entries/e", "", Some((401, "key_required"))),
        ("/healthy", "", Some((401, "key_required"))),
    ] {
        let answer = server
            .ask(format!("GET {path} HTTP/1.1\r\nHost: registry.example\r\n{headers}\r\n"))
            .await;
        match expect {
            None => assert_eq!(answer.status, 200, "{path} {headers}"),
            Some((status, code)) => {
                assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}");
                let schemes = "Bearer, Basic realm=\"muster\", charset=\"UTF-8\"";
                assert_eq!(answer.header("www-authenticate"), Some(schemes));
            }
        }
    }
}

//! The past: what a read with `at` shows is what was there.

use tempfile::TempDir;

use crate::{
    client::Ask,
    harness::{Server, run},
};

const PATHS: [&str; 7] = [
    "/api",
    "/api/configs",
    "/api/configs/app",
    "/api/configs/app/entries?inline=entry",
    "/api/configs/app/entries/a",
    "/api/configs/app/entries/a$details",
    "/api/configs/app/entries/a/versions",
];

/// The path with `at`.
fn at(path: &str, when: &str) -> String {
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}at={when}")
}

#[test]
fn every_read_of_the_past_is_what_was_read_then() {
    let server = Server::in_memory(&[]);
    let mut seen = Vec::new();
    let steps = [
        Ask::json("PUT", "/api/configs/app/entries/a", "1"),
        Ask::json("POST", "/api/configs/app/entries/a", "2"),
        Ask::json("PATCH", "/api/configs/app", r#"{"name":"App"}"#),
        Ask::json("PUT", "/api/configs/app/entries/b", r#"{"b":true}"#),
        Ask::new("DELETE", "/api/configs/app/entries/a"),
        Ask::json("PUT", "/api/modelsource", r#"{"groups":{"dirs":{"singular":"dir"}}}"#),
        Ask::new("POST", "/restore/configs/app/entries/a"),
        Ask::json("PATCH", "/api", r#"{"description":"later"}"#),
    ];
    for step in &steps {
        let done = server.ask(step);
        assert!(done.status < 300, "{} {}: {done:?}", step.method, step.path);
        let answers = PATHS.map(|path| server.get(path));
        let modified = server.get("/log?limit=1").expect(200).json();
        let time = modified["entries"][0]["time"].as_str().unwrap().to_owned();
        seen.push((server.position(), time, answers));
    }
    for (position, time, answers) in &seen {
        for (path, then) in PATHS.iter().zip(answers) {
            for when in [position.to_string(), time.clone(), time.replace('Z', "%2B00:00")] {
                let now = server.get(&at(path, &when));
                assert_eq!(now.status, then.status, "{path} at {when}: {now:?}");
                if then.status == 200 {
                    assert_eq!(now.text(), then.text(), "{path} at {when}");
                    let position = now.header("muster-position").unwrap();
                    assert_eq!(Some(position), then.header("muster-position"), "{path}");
                }
            }
        }
    }
    // Its entity tag is that of then, so nobody overwrites the present with it.
    let (position, _, answers) = &seen[0];
    let old = server.get(&at(PATHS[4], &position.to_string()));
    assert_eq!(old.header("etag"), answers[4].header("etag"));
    let tag = old.header("etag").unwrap().to_owned();
    let fresh = Ask::get(at(PATHS[4], &position.to_string())).header("If-None-Match", &tag);
    server.ask(&fresh).expect(304);
    let stale = Ask::json("PUT", PATHS[4], "3").header("If-Match", tag);
    server.ask(&stale).refused(412, "precondition_failed");
}

#[test]
fn the_past_has_a_beginning_and_an_end_and_keeps_what_was_purged_out() {
    let server = Server::in_memory(&[]);
    server.put("/api/configs/app/entries/a", "\"secret\"").expect(201);
    let there = server.position();
    server.delete("/api/configs/app/entries/a").expect(204);
    server.get(&at("/api/configs/app/entries/a", &there.to_string())).expect(200);
    server.delete("/api/configs/app/entries/a?purge").expect(204);
    let gone = server.get(&at("/api/configs/app/entries/a", &there.to_string()));
    gone.refused(410, "purged");
    let head = server.position();
    for (when, detail) in [
        ((head + 1).to_string(), "above the newest position"),
        ("1999-01-01T00:00:00Z".to_owned(), "the registry began at"),
        ("-62135596800".to_owned(), "neither a position"),
        ("1900-01-01T00:00:00-05:00".to_owned(), "the registry began at"),
        ("2999-01-01T00:00:00Z".to_owned(), "in the future"),
        ("yesterday".to_owned(), "neither a position"),
        (String::new(), "neither a position"),
        ("99999999999999999999999".to_owned(), "neither a position"),
    ] {
        let refused = server.get(&at("/api/configs", &when));
        assert!(refused.text().contains(detail), "{when}: {}", refused.text());
        refused.refused(400, "bad_position");
    }
    // Without a value it names no time either; a part of another name isn't it.
    server.get("/api/configs?at").refused(400, "bad_position");
    server.get("/api/configs?flat=1").expect(200);
    server.get(&at("/api/configs/app/entries/a", "0")).refused(404, "not_found");
    for method in ["PUT", "PATCH", "DELETE"] {
        let ask = Ask::json(method, "/api/configs/app/entries/a?at=1", "1");
        server.ask(&ask).refused(400, "bad_flag");
    }
    assert_eq!(server.position(), head);
}

/// A number below `below` that follows from a seed.
fn next(seed: &mut u64, below: u64) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from((*seed >> 33) % below).unwrap()
}

/// Whatever happens, a read of the past answers what was answered then: by the server that was
/// there, and by one that folded the ledger again from its beginning.
#[test]
fn the_past_of_random_histories_is_what_was_read_then() {
    for mut seed in 1..=4_u64 {
        let data = TempDir::new().unwrap();
        let server = Server::on(data.path(), &[]);
        let mut seen = Vec::new();
        for _ in 0..40 {
            let group = format!("/configs/g{}", next(&mut seed, 2));
            let entry = format!("{group}/entries/{}", ["a", "b"][next(&mut seed, 2)]);
            let name = [&group, &entry][next(&mut seed, 2)];
            let number = next(&mut seed, 90).to_string();
            let ask = match next(&mut seed, 9) {
                0..=2 => Ask::json("PUT", format!("/api{entry}"), number),
                3 => Ask::json("PUT", format!("/api{entry}/versions/1"), number),
                4 => {
                    Ask::json("PATCH", format!("/api{group}"), format!("{{\"name\":\"{number}\"}}"))
                }
                5 => Ask::new("DELETE", format!("/api{name}")),
                6 => Ask::new("POST", format!("/restore{name}")),
                7 => Ask::json("POST", format!("/api{entry}"), number),
                _ => {
                    let to = next(&mut seed, server.position());
                    Ask::json("POST", "/rollback", format!("{{\"to\":{{\"position\":{to}}}}}"))
                }
            };
            server.ask(&ask);
            let paths = ["/api/configs?inline=entries.entry".to_owned(), format!("/api{entry}")];
            let answers = paths.map(|path| (server.get(&path), path));
            seen.push((server.position(), answers));
        }
        let check = |server: &Server| {
            for (position, answers) in &seen {
                for (then, path) in answers {
                    let now = server.get(&at(path, &position.to_string()));
                    assert_eq!(now.status, then.status, "{path} at {position}");
                    if then.status == 200 {
                        let (now, then) = (without_ports(now.text()), without_ports(then.text()));
                        assert_eq!(now, then, "{path} at {position}");
                    }
                }
            }
        };
        check(&server);
        server.stop();
        check(&Server::on(data.path(), &[]));
    }
}

/// A text without the ports in its URLs, which differ between two servers.
fn without_ports(text: &str) -> String {
    let parts: Vec<&str> = text.split("http://127.0.0.1:").collect();
    let cut = parts.into_iter().map(|part| match part.find("/api") {
        Some(at) if part[..at].bytes().all(|byte| byte.is_ascii_digit()) => &part[at..],
        _ => part,
    });
    cut.collect()
}

#[test]
fn commands_show_the_past() {
    let scratch = TempDir::new().unwrap();
    let server = Server::in_memory(&[]);
    let url = server.url("127.0.0.1");
    server.put("/api/configs/app/entries/a", "1").expect(201);
    let then = server.position();
    server.put("/api/configs/app/entries/a", "2").expect(200);
    server.put("/api/configs/app/entries/b", "1").expect(201);
    let show = |words: &[&str]| run(scratch.path(), &[words, &["--server", &url]].concat());
    let old = show(&["get", "configs/app/entries/a", "--at", &then.to_string()]).expect(0);
    assert_eq!(old.out.trim(), "1");
    assert_eq!(show(&["get", "configs/app/entries/a", "--at", "0m"]).expect(0).out.trim(), "2");
    let listed = show(&["list", "configs/app", "--at", &then.to_string(), "--output", "json"]);
    assert!(!listed.expect(0).out.contains("\"b\""));
    for (when, code) in [("soon", "usage"), ("9999999", "bad_position"), ("90d", "bad_position")] {
        let refused = show(&["get", "configs/app/entries/a", "--at", when]);
        assert!(refused.err.contains(&format!("[{code}]")), "{when}: {refused:#?}");
        assert!(refused.err.contains("help:"), "{when}: {refused:#?}");
    }
}

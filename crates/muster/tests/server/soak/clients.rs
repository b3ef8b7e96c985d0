//! Those that change nothing: readers, listers, and those that are refused.

use std::time::{Duration, Instant};

use super::{GROUP, Talk, pause};
use crate::client::Ask;

/// Reads small documents and gives how long each took. A document that is written again and again
/// never goes back.
pub fn read_small(mut talk: Talk<'_>) -> Vec<Duration> {
    let mut waits = Vec::new();
    let mut last = [0; 8];
    for count in 0.. {
        let document = count % last.len();
        let (path, expected) = match document {
            0 => (format!("{GROUP}/entries/small"), [200, 200]),
            _ => (format!("{GROUP}/entries/w0-{document}"), [200, 404]),
        };
        talk.rest();
        let asked = Instant::now();
        let Some(answer) = talk.ask(&Ask::get(path.as_str()), &expected) else { break };
        waits.push(asked.elapsed());
        if answer.status == 200 {
            let number = answer.json()["number"].as_u64().unwrap();
            assert!(number >= last[document], "{path} went back from {}", last[document]);
            last[document] = number;
        }
        pause(5);
    }
    waits
}

/// Lists in every way.
pub fn list(mut talk: Talk<'_>) -> Vec<Duration> {
    let paths = [
        format!("{GROUP}/entries?inline=entry&limit=50"),
        format!("{GROUP}/entries?limit=20"),
        format!("{GROUP}/entries?deleted"),
        format!("{GROUP}?inline=entries"),
        "/api?inline=*".to_owned(),
        "/api/export".to_owned(),
        "/log?limit=100".to_owned(),
        "/log/configs/soak?limit=20".to_owned(),
        "/metrics".to_owned(),
        "/health/ready".to_owned(),
        format!("{GROUP}/entries/small/versions"),
    ];
    for path in paths.iter().cycle() {
        if talk.ask(&Ask::get(path.as_str()), &[200]).is_none() {
            break;
        }
        pause(40);
    }
    Vec::new()
}

/// Sends what must be refused, and looks that nothing of it is there.
pub fn provoke(mut talk: Talk<'_>) -> Vec<Duration> {
    let new = format!("{GROUP}/entries/refused");
    let old = format!("{GROUP}/entries/small");
    let valid = r#"{"number":1,"text":"refused"}"#;
    let asks = [
        (Ask::json("PUT", new.as_str(), r#"{"number":-1,"text":""}"#), 422),
        (Ask::json("PUT", new.as_str(), r#"{"number":1,"text":"","other":1}"#), 422),
        (Ask::json("PUT", new.as_str(), r#"{"number":"#), 422),
        (Ask::json("PUT", new.as_str(), "9".repeat(5 * 1024 * 1024)), 413),
        (Ask::json("PUT", old.as_str(), valid).header("If-Match", "\"other\""), 412),
        (Ask::json("PUT", old.as_str(), valid).header("If-None-Match", "*"), 412),
        (Ask::new("DELETE", new.as_str()), 404),
        (Ask::get(new.as_str()), 404),
        (Ask::get("/changes?after=99999999999"), 400),
        (Ask::get(format!("{GROUP}/entries?purge")), 400),
    ];
    for (ask, status) in asks.iter().cycle() {
        if talk.ask(ask, &[*status]).is_none() {
            break;
        }
        // After a body that was refused early the connection is no good to go on with.
        if *status == 413 {
            talk.client = None;
        }
        let Some(small) = talk.ask(&Ask::get(old.as_str()), &[200]) else { break };
        assert_eq!(small.json()["text"], "small", "what was refused is there");
        pause(30);
    }
    Vec::new()
}

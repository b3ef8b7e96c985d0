//! SIGKILL under load: what was acknowledged is there, and no command is there by half.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, sync::mpsc, time::Duration};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    client::{Ask, Client},
    harness::{Server, run},
};

const ROUNDS: u64 = 20;
const CLIENTS: u64 = 6;

/// What one client sent to one server, in order, and how much of it was acknowledged.
#[derive(Debug, Default)]
struct SentWrites {
    writes: Vec<Write>,
    acknowledged: usize,
}

/// One request.
#[derive(Clone, Debug)]
enum Write {
    /// A new document.
    One(String),
    /// Two new documents in one request.
    Two(String, String),
    /// The client's own document, once more.
    Again(String, u64),
}

impl Write {
    fn next(round: u64, client: u64, number: u64) -> Self {
        let name = format!("{round}-{client}-{number}");
        match number % 3 {
            0 => Self::One(name),
            1 => Self::Two(format!("{name}-a"), format!("{name}-b")),
            _ => Self::Again(format!("{round}-{client}"), number),
        }
    }

    fn ask(&self) -> Ask {
        let path = |name: &str| format!("/api/configs/app/entries/{name}");
        match self {
            Self::One(name) => Ask::json("PUT", path(name), format!("[{name:?}]")),
            Self::Again(name, number) => Ask::json("PUT", path(name), number.to_string()),
            Self::Two(a, b) => {
                let body = format!(
                    r#"{{"entries":{{"{a}":{{"entry":["{a}"]}},"{b}":{{"entry":["{b}"]}}}}}}"#
                );
                Ask::json("POST", "/api/configs/app", body)
            }
        }
    }
}

/// Writes until the server is gone.
fn write(address: SocketAddr, round: u64, number: u64, first: &mpsc::Sender<()>) -> SentWrites {
    let mut sent = SentWrites::default();
    let Ok(mut client) = Client::try_connect(address) else { return sent };
    for count in 0.. {
        let write = Write::next(round, number, count);
        sent.writes.push(write.clone());
        match client.try_ask(&write.ask()) {
            Some(answer) => {
                assert!(matches!(answer.status, 200 | 201), "{answer:?}");
                sent.acknowledged += 1;
                // Nobody waits for more than the first.
                let _ = first.send(());
            }
            None => break,
        }
    }
    sent
}

/// One server's life: written to by several, killed in the middle.
fn live(data: &Path, round: u64) -> Vec<SentWrites> {
    let server = Server::on(data, &[]);
    let address = server.address;
    let (first, acknowledged) = mpsc::channel();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let first = first.clone();
                scope.spawn(move || write(address, round, number, &first))
            })
            .collect();
        acknowledged.recv().unwrap();
        // sleeps: the moment of the crash is what the test varies, from none to 60 ms.
        std::thread::sleep(Duration::from_micros(round * 7_919 % 60_000));
        server.kill();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

fn documents(server: &Server) -> BTreeMap<String, Value> {
    let all = server.get("/api/configs/app/entries?inline=entry&limit=1000000").expect(200).json();
    let all = all.as_object().unwrap().iter();
    all.map(|(id, document)| (id.clone(), document["entry"].clone())).collect()
}

/// Fails the test unless what is there is what may be there.
fn check(sent: &SentWrites, there: &BTreeMap<String, Value>) {
    let mut own: (Option<u64>, Option<u64>) = (None, None);
    let mut own_name = None;
    for (index, write) in sent.writes.iter().enumerate() {
        let is_acknowledged = index < sent.acknowledged;
        let is_there = |name: &String| {
            let document = there.get(name);
            assert!(document.is_none_or(|document| document[0] == **name), "{name}: {document:?}");
            document.is_some()
        };
        match write {
            Write::One(name) => assert!(is_there(name) || !is_acknowledged, "{name} is lost"),
            Write::Two(a, b) => {
                assert_eq!(is_there(a), is_there(b), "half of a command is there: {a}");
                assert!(is_there(a) || !is_acknowledged, "{a} is lost");
            }
            Write::Again(name, number) => {
                own_name = Some(name);
                own.1 = Some(*number);
                if is_acknowledged {
                    own.0 = Some(*number);
                }
            }
        }
    }
    if let Some(name) = own_name {
        let number = there.get(name).and_then(Value::as_u64);
        assert!(number >= own.0 && number <= own.1, "{name}: {number:?} is not in {own:?}");
    }
}

#[test]
fn loses_nothing_that_was_acknowledged_and_keeps_no_half_of_a_command() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("registry");
    let mut all: Vec<SentWrites> = Vec::new();
    let mut unanswered = 0;
    for round in 0..ROUNDS {
        let sent = live(&data, round);
        unanswered += sent.iter().filter(|sent| sent.acknowledged < sent.writes.len()).count();
        all.extend(sent);
        let server = Server::on(&data, &[]);
        let there = documents(&server);
        for sent in &all {
            check(sent, &there);
        }
        assert!(server.stop().0.success());
    }
    let acknowledged: usize = all.iter().map(|sent| sent.acknowledged).sum();
    // Else the test would show nothing.
    assert!(acknowledged > 100 && unanswered > 20, "{acknowledged} {unanswered}");
    run(scratch.path(), &["ledger", "verify", "--data", data.to_str().unwrap()]).expect(0);
}

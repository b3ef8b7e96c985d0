//! Everything at once, for a while: writes, reads, listings, refusals, purges, watchers that come
//! and go, stops and kills. Nothing acknowledged is lost, nothing purged comes back, nobody misses
//! a change, and memory stays where it was.
//!
//! `SOAK_SECONDS=1800` takes longer than a minute; `tests/long` does so with a release build.

#![expect(clippy::print_stdout, reason = "what was measured is told with --nocapture")]

mod clients;
mod measures;
mod watching;
mod writing;

use std::{
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread::ScopedJoinHandle,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use self::{measures::Measures, watching::Watcher, writing::Writer};
use crate::{
    client::{Answer, Ask, Client},
    harness::{Server, run},
};

/// How long it takes, where nothing else is said.
const SECONDS: u64 = 60;

/// The first server lives through half of the time; the others share the rest.
const OTHERS: u32 = 5;

const WRITERS: u64 = 2;
const WATCHERS: u64 = 3;

/// Where everything happens. Its documents have to obey a schema.
const GROUP: &str = "/api/configs/soak";

/// What the clients of a server are told by whoever ends it.
#[derive(Debug, Default)]
struct Signs {
    /// The server is about to end.
    ends: AtomicBool,
    /// Nobody asks for a while, so that memory can be looked at.
    rests: AtomicBool,
}

/// The connection of one client to one server.
struct Talk<'a> {
    address: SocketAddr,
    signs: &'a Signs,
    client: Option<Client>,
}

impl<'a> Talk<'a> {
    fn new(address: SocketAddr, signs: &'a Signs) -> Self {
        Self { address, signs, client: None }
    }

    /// Whether the server is about to end.
    fn ends(&self) -> bool {
        self.signs.ends.load(Ordering::SeqCst)
    }

    /// Waits while nobody may ask.
    fn rest(&self) {
        while self.signs.rests.load(Ordering::SeqCst) {
            pause(5);
        }
    }

    /// Asks, and expects one of these answers; none: the server ended meanwhile.
    fn ask(&mut self, ask: &Ask, expected: &[u16]) -> Option<Answer> {
        self.rest();
        if self.ends() {
            return None;
        }
        let connected = match self.client.take() {
            Some(client) => Some(client),
            None => Client::try_connect(self.address).ok(),
        };
        let answered = connected.and_then(|mut client| {
            let answer = client.try_ask(ask)?;
            Some((answer, client))
        });
        let what = format!("{} {}", ask.method, ask.path);
        let Some((answer, client)) = answered else {
            assert!(self.ends(), "an unexpected error: {what} was not answered");
            return None;
        };
        if answer.status == 503 && self.ends() {
            return None;
        }
        let said = String::from_utf8_lossy(&answer.body);
        let status = answer.status;
        assert!(expected.contains(&status), "an unexpected error: {what} gave {status}: {said}");
        if answer.header("connection") != Some("close") {
            self.client = Some(client);
        }
        Some(answer)
    }
}

/// Waits between two requests of one client.
fn pause(milliseconds: u64) {
    // sleeps: the soak sets how much is asked in a second, and for how many.
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// What outlives a server.
struct Soak {
    time: Duration,
    writers: Vec<Writer>,
    watchers: Vec<Watcher>,
    measures: Measures,
}

impl Soak {
    fn new(time: Duration) -> Self {
        Self {
            time,
            writers: (0..WRITERS).map(Writer::new).collect(),
            watchers: (0..WATCHERS).map(Watcher::new).collect(),
            measures: Measures::default(),
        }
    }

    /// How many states the registry has got so far by what was acknowledged.
    fn states(&self) -> u64 {
        self.writers.iter().map(Writer::states).sum()
    }

    /// One server's life, from its start to its end.
    fn live(&mut self, data: &Path, time: Duration, is_killed: bool) {
        let server = begin(data);
        self.check(&server);
        let states = self.states();
        let signs = Signs::default();
        let until = Instant::now() + time;
        let work = (self.time / 80).clamp(Duration::from_millis(500), Duration::from_secs(10));
        let Self { writers, watchers, measures, .. } = self;
        std::thread::scope(|scope| {
            let talk = || Talk::new(server.address, &signs);
            let mut clients: Vec<ScopedJoinHandle<'_, Vec<Duration>>> = Vec::new();
            let counts: Vec<_> = writers.iter().map(Writer::counter).collect();
            for writer in writers.iter_mut() {
                let talk = talk();
                clients.push(scope.spawn(move || writer.write(talk)));
            }
            for watcher in watchers.iter_mut() {
                let talk = talk();
                clients.push(scope.spawn(move || watcher.watch(&talk)));
            }
            for client in [clients::read_small, clients::list, clients::provoke] {
                let talk = talk();
                clients.push(scope.spawn(move || client(talk)));
            }
            while Instant::now() < until && !clients.iter().any(ScopedJoinHandle::is_finished) {
                std::thread::sleep(work); // sleeps: how long they work between two looks.
                signs.rests.store(true, Ordering::SeqCst);
                pause(200);
                let written = counts.iter().map(|count| count.load(Ordering::Relaxed)).sum();
                measures.note_memory(server.resident_bytes(), written);
                signs.rests.store(false, Ordering::SeqCst);
            }
            signs.ends.store(true, Ordering::SeqCst);
            let log = server.log();
            let error = log.lines().find(|line| line.contains("\"level\":\"ERROR\""));
            assert!(error.is_none(), "an unexpected error in the log: {error:?}");
            if is_killed {
                server.kill();
            } else {
                let (status, log) = server.stop();
                assert!(status.success(), "{status}: {log}");
            }
            for client in clients {
                match client.join() {
                    Ok(waits) => measures.waits.extend(waits),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
        self.measures.end_life();
        assert!(self.states() > states, "nothing was written");
    }

    /// What is there after a start is what was acknowledged.
    fn check(&mut self, server: &Server) {
        let path = format!("{GROUP}/entries?inline=entry&limit=1000000");
        let there = server.get(&path).expect(200).json();
        for writer in &mut self.writers {
            writer.check(&there);
        }
    }

    /// The last words: every change was seen, and once.
    fn check_watchers(&self, server: &Server) {
        let whole = watching::all_changes(server);
        for watcher in &self.watchers {
            watcher.check(&whole);
        }
        for writer in &self.writers {
            writer.check_told(&whole);
        }
    }
}

/// Starts a server whose caches are full soon, and which gives back at once what it frees: so
/// neither is taken for growth.
fn begin(data: &Path) -> Server {
    let flags = ["--data", data.to_str().unwrap()];
    let cache = ("MUSTER_LIMITS_CACHE_BYTES", "1048576");
    let settings = [cache, ("MUSTER_LOG_FORMAT", "json"), ("MIMALLOC_PURGE_DELAY", "0")];
    Server::with(&flags, &settings)
}

/// Makes the group, a document for those that only read, and a ledger that is larger than what the
/// database keeps of it in memory.
fn prepare(data: &Path) {
    let server = begin(data);
    let schema = json!({
        "type": "object",
        "required": ["number", "text"],
        "properties": {"number": {"type": "integer", "minimum": 0}, "text": {"type": "string"}},
        "additionalProperties": false,
    });
    server.put("/api/schemagroups/soak/schemas/entry", schema.to_string()).expect(201);
    server.put(GROUP, r#"{"muster":{"schema":"/schemagroups/soak/schemas/entry"}}"#).expect(201);
    server.put(&format!("{GROUP}/entries/small"), r#"{"number":0,"text":"small"}"#).expect(201);
    let mut client = Client::connect(server.address);
    for number in 0..1_000 {
        let text = format!("{number:8} ").repeat(500);
        let other = Ask::json("PUT", "/api/configs/other/entries/one", format!("{text:?}"));
        assert!(matches!(client.ask(&other).status, 200 | 201));
    }
    drop(client);
    assert!(server.stop().0.success());
}

#[test]
fn nothing_is_lost_and_nothing_grows_while_everything_happens_at_once() {
    let seconds = std::env::var("SOAK_SECONDS").ok().map(|text| text.parse().unwrap());
    let time = Duration::from_secs(seconds.unwrap_or(SECONDS));
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("data");
    prepare(&data);
    let mut soak = Soak::new(time);
    soak.live(&data, time / 2, true);
    for other in 1..=OTHERS {
        soak.live(&data, time / 2 / OTHERS, other % 2 == 0);
    }
    let server = begin(&data);
    soak.check(&server);
    for writer in &mut soak.writers {
        writer.purge_the_rest(&server);
    }
    soak.check(&server);
    soak.check_watchers(&server);
    assert!(server.stop().0.success());
    writing::check_that_no_secret_is_left(&data);
    run(scratch.path(), &["ledger", "verify", "--data", data.to_str().unwrap()]).expect(0);
    println!("{} states", soak.states());
    if let Err(found) = soak.measures.judge(time) {
        panic!("{found}");
    }
}

/// The number that a document holds.
fn number_in(document: &Value) -> Option<u64> {
    document["entry"]["number"].as_u64()
}

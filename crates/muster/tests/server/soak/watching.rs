//! Those that watch: they come, follow for a while, and go on later where they left.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use super::{GROUP, Talk};
use crate::{
    client::Ask,
    harness::{PATIENCE, Server},
};

/// One change as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub position: u64,
    /// Its place among the changes of its command.
    place: u64,
    pub subject: String,
}

impl Change {
    fn of(id: &str, text: &str) -> Self {
        let event: Value = serde_json::from_str(text).unwrap();
        assert_eq!(event["id"], id, "{text}");
        let (position, place) = id.split_once('.').unwrap();
        Self {
            position: position.parse().unwrap(),
            place: place.parse().unwrap(),
            subject: event["subject"].as_str().unwrap().to_owned(),
        }
    }
}

/// A stream of changes, line by line.
struct Stream {
    lines: BufReader<TcpStream>,
    id: String,
}

/// What a stream tells.
enum Told {
    Change(Change),
    /// Something else: a comment, or how far nothing happened.
    Mark,
    End,
}

impl Stream {
    fn begin(address: SocketAddr, after: &str) -> Option<Self> {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // HTTP/1.0 has no chunks, so that lines are lines.
        let ask = Ask::get("/changes").header("Last-Event-ID", after);
        let ask = String::from_utf8(ask.bytes()).unwrap().replace("HTTP/1.1", "HTTP/1.0");
        stream.write_all(ask.as_bytes()).ok()?;
        let mut lines = BufReader::new(stream);
        let mut status = String::new();
        lines.read_line(&mut status).ok()?;
        if status.is_empty() || status.contains(" 503 ") {
            return None;
        }
        assert!(status.contains(" 200 "), "a stream after {after} was refused: {status}");
        Some(Self { lines, id: after.to_owned() })
    }

    fn next(&mut self) -> Told {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(0) => return Told::End,
            Ok(_) if !line.ends_with('\n') => return Told::End,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("a stream tells nothing, not even that nothing happens")
            }
            Err(_) => return Told::End,
        }
        let line = line.trim_end();
        if let Some(id) = line.strip_prefix("id: ") {
            id.clone_into(&mut self.id);
        } else if let Some(text) = line.strip_prefix("data: ") {
            return Told::Change(Change::of(&self.id, text));
        }
        Told::Mark
    }
}

/// One that follows from the very beginning, on many streams one after the other.
pub struct Watcher {
    number: u64,
    streams: u64,
    last: String,
    seen: Vec<Change>,
}

impl Watcher {
    pub fn new(number: u64) -> Self {
        Self { number, streams: 0, last: "0".to_owned(), seen: Vec::new() }
    }

    /// Watches until the server ends.
    pub fn watch(&mut self, talk: &Talk<'_>) -> Vec<Duration> {
        while !talk.ends() {
            let Some(mut stream) = Stream::begin(talk.address, &self.last) else {
                assert!(talk.ends(), "an unexpected error: a stream was not answered");
                break;
            };
            self.streams += 1;
            // The first one stays; the others leave after a while, in the middle of whatever comes.
            let patience = match self.number {
                0 => u64::MAX,
                number => 20 + (self.streams * 7_919 * number) % 300,
            };
            let mut changes = 0;
            while changes < patience {
                match stream.next() {
                    Told::Change(change) => {
                        self.take(change);
                        self.last.clone_from(&stream.id);
                        changes += 1;
                    }
                    Told::Mark => {}
                    Told::End => {
                        assert!(talk.ends(), "an unexpected error: a stream ended");
                        break;
                    }
                }
            }
        }
        Vec::new()
    }

    fn take(&mut self, change: Change) {
        if let Some(last) = self.seen.last() {
            let is_later = (change.position, change.place) > (last.position, last.place);
            assert!(is_later, "{change:?} was told after {last:?}");
        }
        self.seen.push(change);
    }

    /// Fails the test unless it saw everything from the beginning, without gaps and repeats.
    pub fn check(&self, whole: &[Change]) {
        let number = self.number;
        let seen = self.seen.len();
        assert!(seen > whole.len() / 2, "watcher {number} saw {seen} of {} changes", whole.len());
        for (seen, told) in self.seen.iter().zip(whole) {
            assert_eq!(seen, told, "watcher {number} missed a change, or saw one that is gone");
        }
        assert!(seen <= whole.len(), "watcher {number} saw changes that are gone");
        println!("watcher {number}: {seen} changes over {} streams", self.streams);
    }
}

/// Every change of the ledger, told at once, up to one that is made for that.
pub fn all_changes(server: &Server) -> Vec<Change> {
    let last = server.put(&format!("{GROUP}/entries/small"), r#"{"number":0,"text":"last"}"#);
    let end = last.expect(200).position();
    let mut stream = Stream::begin(server.address, "0").unwrap();
    let mut whole: Vec<Change> = Vec::new();
    while whole.last().is_none_or(|change| change.position < end) {
        match stream.next() {
            Told::Change(change) => whole.push(change),
            Told::Mark => {}
            Told::End => panic!("the stream ended before position {end}"),
        }
    }
    whole
}

//! Those that write: what was acknowledged to each of them, and what may have happened besides.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

use super::{GROUP, Talk, number_in, pause, watching::Change};
use crate::{client::Ask, harness::Server};

/// Documents that one writer writes again and again.
const DOCUMENTS: u64 = 40;

/// What only purged documents hold.
const SECRET: &str = "what nobody may read again";

/// A document as it must be, or, where an answer never came, as it may be.
#[derive(Clone, Debug)]
struct Known {
    number: Option<u64>,
    unanswered: Option<Option<u64>>,
}

/// A client that writes documents which nobody else writes.
pub struct Writer {
    name: String,
    next: u64,
    documents: BTreeMap<String, Known>,
    purged: Vec<String>,
    /// What was answered, by position: the document that was written there.
    told: BTreeMap<u64, String>,
    states: Arc<AtomicU64>,
}

impl Writer {
    pub fn new(number: u64) -> Self {
        Self {
            name: format!("w{number}"),
            next: 1,
            documents: BTreeMap::new(),
            purged: Vec::new(),
            told: BTreeMap::new(),
            states: Arc::default(),
        }
    }

    pub fn states(&self) -> u64 {
        self.states.load(Ordering::Relaxed)
    }

    pub fn counter(&self) -> Arc<AtomicU64> {
        self.states.clone()
    }

    /// Writes until the server ends.
    pub fn write(&mut self, mut talk: Talk<'_>) -> Vec<Duration> {
        while self.step(&mut talk).is_some() {
            pause(15);
        }
        Vec::new()
    }

    fn step(&mut self, talk: &mut Talk<'_>) -> Option<()> {
        let number = self.next;
        self.next += 1;
        let name = format!("{}-{}", self.name, number % DOCUMENTS);
        match number % 20 {
            3 => {
                let name = format!("{}-purged-{number}", self.name);
                let put = put(&name, number, SECRET);
                self.tell(talk, &put, &[201], &[&name], Some(number))?;
                self.tell(talk, &purge(&name), &[204], &[&name], None)?;
                self.documents.remove(&name);
                self.purged.push(name);
            }
            7 => {
                let (a, b) = (self.twin("a"), self.twin("b"));
                let text = text(number);
                let document = format!(r#"{{"entry":{{"number":{number},"text":"{text}"}}}}"#);
                let body = format!(r#"{{"entries":{{"{a}":{document},"{b}":{document}}}}}"#);
                let both = Ask::json("POST", GROUP, body);
                self.tell(talk, &both, &[200, 201], &[&a, &b], Some(number))?;
            }
            11 if self.documents.get(&name).is_some_and(|known| known.number.is_some()) => {
                let delete = Ask::new("DELETE", path(&name));
                self.tell(talk, &delete, &[204], &[&name], None)?;
            }
            _ => {
                let put = put(&name, number, &text(number));
                self.tell(talk, &put, &[200, 201], &[&name], Some(number))?;
            }
        }
        Some(())
    }

    fn twin(&self, which: &str) -> String {
        format!("{}-twin-{which}", self.name)
    }

    /// Sends a write and keeps what is known of its documents, whether it is answered or not.
    fn tell(
        &mut self,
        talk: &mut Talk<'_>,
        ask: &Ask,
        expected: &[u16],
        names: &[&String],
        number: Option<u64>,
    ) -> Option<()> {
        for name in names {
            let known = self.documents.entry((*name).clone());
            let known = known.or_insert(Known { number: None, unanswered: None });
            known.unanswered = Some(number);
        }
        let answer = talk.ask(ask, expected)?;
        for name in names {
            self.documents.insert((*name).clone(), Known { number, unanswered: None });
        }
        self.told.insert(answer.position(), names[0].clone());
        self.states.fetch_add(names.len() as u64, Ordering::Relaxed);
        Some(())
    }

    /// Fails the test unless what is there is what was acknowledged, or what wasn't answered.
    pub fn check(&mut self, there: &Value) {
        for (name, known) in &mut self.documents {
            let found = there.get(name).map(|document| number_in(document).unwrap());
            let is_known = found == known.number || Some(found) == known.unanswered;
            assert!(
                is_known,
                "{name} is lost: it holds {found:?} where {known:?} was acknowledged"
            );
            *known = Known { number: found, unanswered: None };
        }
        let number = |which: &str| self.documents.get(&self.twin(which)).map(|known| known.number);
        assert_eq!(number("a"), number("b"), "half of a command of {} is there", self.name);
        for name in &self.purged {
            assert!(there.get(name).is_none(), "{name} was purged and is back");
        }
    }

    /// Purges what should have been purged when a server ended.
    pub fn purge_the_rest(&mut self, server: &Server) {
        let marker = format!("{}-purged-", self.name);
        let rest: Vec<_> =
            self.documents.keys().filter(|name| name.starts_with(&marker)).cloned().collect();
        for name in rest {
            let status = server.ask(&purge(&name)).status;
            assert!(matches!(status, 204 | 404), "the purge of {name} gave {status}");
            self.documents.remove(&name);
            self.purged.push(name);
        }
    }

    /// Fails the test unless everything that was acknowledged is among the changes.
    pub fn check_told(&self, changes: &[Change]) {
        for (position, name) in &self.told {
            let xid = format!("/configs/soak/entries/{name}");
            let from = changes.partition_point(|change| change.position < *position);
            let mut command =
                changes[from..].iter().take_while(|change| change.position == *position);
            let is_there = command.any(|change| change.subject.starts_with(&xid));
            assert!(is_there, "no watcher is told of {name} at position {position}");
        }
    }
}

fn path(name: &str) -> String {
    format!("{GROUP}/entries/{name}")
}

fn purge(name: &str) -> Ask {
    Ask::new("DELETE", format!("{}?purge", path(name)))
}

fn put(name: &str, number: u64, text: &str) -> Ask {
    Ask::json("PUT", path(name), format!(r#"{{"number":{number},"text":"{text}"}}"#))
}

/// A text of about a kilobyte, another one for each number.
fn text(number: u64) -> String {
    format!("{number:016} ").repeat(64)
}

/// Fails the test if any file of the directory holds what was purged.
pub fn check_that_no_secret_is_left(data: &Path) {
    for file in std::fs::read_dir(data).unwrap() {
        let file = file.unwrap().path();
        let bytes = if file.is_file() { std::fs::read(&file).unwrap() } else { Vec::new() };
        let secret = SECRET.as_bytes();
        let is_left = bytes
            .iter()
            .enumerate()
            .any(|(at, byte)| *byte == secret[0] && bytes[at..].starts_with(secret));
        assert!(!is_left, "{} holds what was purged", file.display());
    }
}

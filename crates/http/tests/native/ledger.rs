use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use muster_catalog::command::Mode;
use muster_journal::{
    AppendError, Batch, Corrupt, Damage, Ledger, LedgerReader, MemoryLedger, ReadError,
};
use muster_ledger::{EntryBytes, Head};
use muster_words::{
    ContentRef, Digest, Position,
    json::{self, Value},
};
use tokio::{io::AsyncReadExt, sync::Semaphore, time::timeout};

use crate::harness::{Event, PATIENCE, Running, delete, entity, put, tree};

/// A ledger of which one entry or content goes bad on its medium, and that can be made to wait.
struct DamagedLedger {
    inner: MemoryLedger,
    /// The entry that is bad; 0: none.
    entry: AtomicU64,
    /// The entry beside which a content is bad; 0: none.
    content: AtomicU64,
    /// Reads of entries take a permit each.
    permits: Semaphore,
}

impl DamagedLedger {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryLedger::new(),
            entry: AtomicU64::new(0),
            content: AtomicU64::new(0),
            permits: Semaphore::new(1_000_000),
        })
    }
}

#[async_trait]
impl LedgerReader for DamagedLedger {
    async fn head(&self) -> Result<Head, ReadError> {
        self.inner.head().await
    }

    async fn read(&self, after: Position, limit: NonZeroU32) -> Result<Vec<EntryBytes>, ReadError> {
        let _permit = self.permits.acquire().await.unwrap();
        let mut entries = self.inner.read(after, limit).await?;
        let bad = Position(self.entry.load(Ordering::Relaxed));
        for entry in entries.iter_mut().filter(|entry| entry.position == bad) {
            // Another moment: it still decodes, and is another entry.
            let mut other = entry.decode().unwrap();
            other.moment = other.moment.next();
            *entry = other.encode().unwrap();
        }
        Ok(entries)
    }

    async fn leaves(&self, after: Position, limit: NonZeroU32) -> Result<Vec<Digest>, ReadError> {
        self.inner.leaves(after, limit).await
    }

    async fn contents(&self, wanted: &[ContentRef]) -> Result<Vec<Option<Bytes>>, ReadError> {
        let bad = Position(self.content.load(Ordering::Relaxed));
        match wanted.iter().find(|content| content.position == bad) {
            Some(content) => Err(ReadError::Corrupt(Corrupt {
                position: content.position,
                damage: Damage::ContentChanged {
                    expected: content.digest,
                    found: Digest::of(b"something else"),
                },
            })),
            None => self.inner.contents(wanted).await,
        }
    }

    async fn moved(&self, position: Position) -> Result<(), ReadError> {
        self.inner.moved(position).await
    }
}

#[async_trait]
impl Ledger for DamagedLedger {
    async fn append(&self, head: Head, batch: &Batch) -> Result<Head, AppendError> {
        self.inner.append(head, batch).await
    }
}

fn lines(body: &str) -> Vec<Value> {
    body.lines().map(|line| json::parse(line.as_bytes()).unwrap()).collect()
}

#[tokio::test]
async fn verifies_what_holds() {
    let running = Running::start().await;
    for number in 0..5 {
        running.submit(put(&format!("/providers/cms/entries/e{number}"), "{}")).await;
    }
    running.submit(delete("/providers/cms/entries/e1", true)).await;
    let (status, body) = running.ask("POST /ledger/verify", &[], "").await;
    assert_eq!(status, 200);
    let lines = lines(&body);
    let verdict = lines.last().unwrap();
    assert_eq!(verdict.get("verified"), Some(&Value::Bool(true)), "{body}");
    let count = |name: &str| verdict.get(name).and_then(Value::as_u64).unwrap();
    assert_eq!(count("entries"), running.registry.view().position().0);
    assert_eq!(count("purged"), 1);
    let first = lines.first().unwrap();
    assert_eq!(first.get("of").and_then(Value::as_u64), Some(count("entries")));
    let shown = running.json("GET /ledger").await;
    assert_eq!(shown.get("position").and_then(Value::as_u64), Some(count("entries")));
    assert_eq!(shown.get("origin").and_then(Value::as_str), Some("test/changes"));
    assert_eq!(running.ask("GET /ledger/checkpoint", &[], "").await.0, 404);
}

#[tokio::test]
async fn names_the_first_thing_that_is_wrong() {
    for (entry, content, code, position) in
        [(4, 0, "chain_broken", 5), (0, 3, "content_changed", 3), (3, 5, "chain_broken", 4)]
    {
        let ledger = DamagedLedger::new();
        let running = Running::over(ledger.clone(), None).await;
        for number in 0..5 {
            running.submit(put(&format!("/providers/cms/entries/e{number}"), "{}")).await;
        }
        ledger.entry.store(entry, Ordering::Relaxed);
        ledger.content.store(content, Ordering::Relaxed);
        let (status, body) = running.ask("POST /ledger/verify", &[], "").await;
        assert_eq!(status, 200);
        let lines = lines(&body);
        let verdict = lines.last().unwrap();
        assert_eq!(verdict.get("verified"), Some(&Value::Bool(false)), "{body}");
        let fault = |name: &str| verdict.pointer(&format!("/fault/{name}")).cloned();
        assert_eq!(fault("reason"), Some(code.into()), "{body}");
        assert_eq!(fault("position"), Some(position.into()), "{body}");
        if code == "content_changed" {
            let xid = "/providers/cms/entries/e1/versions/1";
            assert_eq!(fault("xid"), Some(xid.into()), "{body}");
        }
    }
}

#[tokio::test]
async fn one_verification_runs_at_a_time() {
    let ledger = DamagedLedger::new();
    let running = Running::over(ledger.clone(), None).await;
    running.submit(put("/providers/cms/entries/one", "{}")).await;
    // The first one waits for its reads.
    let all = ledger.permits.acquire_many(1_000_000).await.unwrap();
    let mut first = running.begin("POST /ledger/verify", &[], "").await;
    let (mut told, mut bytes) = (String::new(), [0; 1024]);
    while !told.contains("\"checked\":0") {
        let read = timeout(PATIENCE, first.read(&mut bytes)).await.unwrap().unwrap();
        assert!(read > 0, "{told}");
        told += std::str::from_utf8(&bytes[..read]).unwrap();
    }
    let second = running.ask("POST /ledger/verify", &[], "").await;
    assert_eq!(second.0, 409);
    assert!(second.1.contains("verification_running"), "{}", second.1);
    drop(all);
    timeout(PATIENCE, first.read_to_string(&mut told)).await.unwrap().unwrap();
    assert!(told.contains("\"verified\":true"), "{told}");
    let again = running.ask("POST /ledger/verify", &[], "").await;
    assert!(again.1.contains("\"verified\":true"), "{}", again.1);
}

#[tokio::test]
async fn a_damaged_content_takes_words_and_no_events_from_the_stream() {
    let ledger = DamagedLedger::new();
    let first = Running::over(ledger.clone(), None).await;
    let one = "/providers/cms/entries/one";
    first.submit(put(one, "{}")).await;
    let patch = |body: &str| tree(Mode::Patch, entity(one), body);
    let bad = first.submit(patch(r#"{"name": "A"}"#)).await.position;
    let last = first.submit(patch(r#"{"name": "B"}"#)).await.position;
    first.registry.close().await;
    let again = Running::over(ledger.clone(), None).await;
    ledger.content.store(bad.0, Ordering::Relaxed);
    let events = again.follow("?after=0", None).await.until(&format!("{last}.2")).await;
    let told: Vec<String> = events.iter().rev().take(2).map(Event::short).collect();
    let resource = format!("resource.updated {one}");
    assert_eq!(told, [resource, format!("version.updated {one}/versions/1")]);
    assert!(events.iter().rev().take(2).all(|event| event.changed().is_empty()));
}

//! What is erased is gone: from the ledger, from the file, and after a crash between an append and
//! its purge.

use std::{num::NonZeroU32, path::Path};

use async_trait::async_trait;
use bytes::Bytes;
use muster_catalog::command::Mode;
use muster_journal::{AppendError, Batch, LedgerReader, MemoryLedger, ReadError};
use muster_ledger::{EntryBytes, Head};
use muster_stores::{SqliteLedger, sqlite::Options};
use muster_words::{ContentRef, Digest, Position};

use super::*;
use crate::commands::*;

/// Bytes that are easily found in a file.
const SECRET: &str = "this sentence must not be found on the medium";

/// A ledger whose process dies between an append and its purge: the purge is lost.
struct PurgeLosingLedger(Arc<dyn Ledger>);

#[async_trait]
impl LedgerReader for PurgeLosingLedger {
    async fn head(&self) -> Result<Head, ReadError> {
        self.0.head().await
    }

    async fn read(&self, after: Position, limit: NonZeroU32) -> Result<Vec<EntryBytes>, ReadError> {
        self.0.read(after, limit).await
    }

    async fn leaves(&self, after: Position, limit: NonZeroU32) -> Result<Vec<Digest>, ReadError> {
        self.0.leaves(after, limit).await
    }

    async fn contents(&self, wanted: &[ContentRef]) -> Result<Vec<Option<Bytes>>, ReadError> {
        self.0.contents(wanted).await
    }

    async fn moved(&self, position: Position) -> Result<(), ReadError> {
        self.0.moved(position).await
    }
}

#[async_trait]
impl Ledger for PurgeLosingLedger {
    async fn append(&self, head: Head, batch: &Batch) -> Result<Head, AppendError> {
        let batch = Batch { purges: Vec::new(), ..batch.clone() };
        self.0.append(head, &batch).await
    }
}

fn secret(number: u32) -> String {
    format!("[{number},\"{}\"]", SECRET.repeat(60))
}

/// Writes, hides, rewrites and erases a name in many ways; answers what it erased.
async fn write_and_erase(registry: &Registry) {
    let name = "/configs/app/entries/doomed";
    let labels = format!(r#"{{"labels":{{"a":"{SECRET}"}}}}"#);
    for command in [
        put(name, &secret(1)),
        put(name, &secret(2)),
        post(name, &secret(3)),
        patch(name, &labels),
        delete(&format!("{name}/versions/1")),
        delete(name),
        put(name, &secret(4)),
        patch(name, &labels),
        delete(name),
        restore(name),
        put("/configs/app/entries/stays", "[\"stays\"]"),
        purge(name),
    ] {
        registry.submit(command, &by()).await.unwrap();
    }
}

/// Whether a document of ours answers from a ledger.
async fn secrets(ledger: &dyn Ledger) -> usize {
    documents(ledger).await.keys().filter(|text| text.contains(SECRET)).count()
}

#[tokio::test]
async fn a_purge_that_a_crash_cut_off_is_repeated_at_the_next_start() {
    let below: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let ticks = CountingClock::default();
    let forgetful: Arc<dyn Ledger> = Arc::new(PurgeLosingLedger(below.clone()));
    let registry = open(&forgetful, &ticks).await;
    write_and_erase(&registry).await;
    registry.close().await;
    assert!(secrets(&*below).await > 0, "the purge was lost");
    let registry = open(&below, &ticks).await;
    assert_eq!(secrets(&*below).await, 0);
    assert!(documents(&*below).await.contains_key("[\"stays\"]"));
    let verdict = registry.verify(|_| {}).await.unwrap();
    assert!(verdict.purged >= 5, "{verdict:?}");
}

fn holds_secret(directory: &Path) -> bool {
    std::fs::read_dir(directory).unwrap().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
    })
}

/// A copy of the files as they are now: this process mustn't open the live ones.
fn copied(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new("cp");
    command.arg("-r").arg(directory.join(".")).arg(copy.path());
    assert!(command.status().unwrap().success());
    copy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_hidden_and_erased_is_gone_from_the_file_and_its_log() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("changes.db");
    let sqlite = Arc::new(SqliteLedger::open(&path, "changes", Options::default()).unwrap());
    let ticks = CountingClock::default();
    let forgetful: Arc<dyn Ledger> = Arc::new(PurgeLosingLedger(sqlite.clone()));
    let registry = open(&forgetful, &ticks).await;
    write_and_erase(&registry).await;
    registry.close().await;
    drop((registry, forgetful));
    assert!(holds_secret(copied(directory.path()).path()), "the search finds what is there");
    let ledger: Arc<dyn Ledger> = sqlite.clone();
    let registry = open(&ledger, &ticks).await;
    assert!(!holds_secret(copied(directory.path()).path()), "erased at the start");
    write_and_erase(&registry).await;
    assert!(!holds_secret(copied(directory.path()).path()), "erased with its command");
    registry.verify(|_| {}).await.unwrap();
    registry.close().await;
    sqlite.close().await;
    assert!(!holds_secret(directory.path()), "and when all is closed");
}

/// Erases a name after commands, and looks for what they wrote.
async fn gone_after(commands: Vec<muster_catalog::command::Command>, erased: &str) -> Registry {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &CountingClock::default()).await;
    for command in commands {
        registry.submit(command, &by()).await.unwrap();
    }
    assert!(secrets(&*ledger).await > 0);
    registry.submit(purge(erased), &by()).await.unwrap();
    assert_eq!(secrets(&*ledger).await, 0, "{erased}");
    registry.verify(|_| {}).await.unwrap();
    registry
}

#[tokio::test]
async fn a_name_is_erased_from_every_incarnation_of_what_it_lay_in() {
    let (group, name) = ("/configs/app", "/configs/app/entries/doomed");
    let version = "/configs/app/entries/doomed/versions/2";
    let other = || put("/configs/app/entries/other", "[\"other\"]");
    let first = || put(name, "[\"first\"]");
    let cases = [
        // There, and hidden.
        (vec![put(name, &secret(1))], name),
        (vec![put(name, &secret(1)), delete(name)], name),
        // Hidden with its group, which came again with it or without it.
        (vec![put(name, &secret(1)), other(), delete(group), put(name, "[0]")], name),
        (vec![put(name, &secret(1)), delete(name), first(), delete(group), first()], name),
        // A version that its resource was hidden with.
        (vec![first(), post(name, &secret(2)), delete(name), first(), post(name, "[2]")], version),
        // The group itself.
        (vec![put(name, &secret(1)), delete(name), other()], group),
        (vec![put(name, &secret(1)), delete(group), other(), put(name, &secret(2))], group),
        // The last version.
        (vec![put(name, &secret(1))], "/configs/app/entries/doomed/versions/1"),
    ];
    for (commands, erased) in cases {
        gone_after(commands, erased).await;
    }
}

#[tokio::test]
async fn what_comes_back_has_no_part_that_was_erased() {
    let (group, name) = ("/configs/app", "/configs/app/entries/doomed");
    let other = put("/configs/app/entries/other", "[\"other\"]");
    let commands = vec![put(name, &secret(1)), other, delete(group), put(name, "[0]")];
    let registry = gone_after(commands, name).await;
    registry.submit(delete(group), &by()).await.unwrap();
    registry.submit(restore(group), &by()).await.unwrap();
    registry.submit(delete(group), &by()).await.unwrap();
    assert!(!registry.view().has(&xid(name)));
    registry.verify(|_| {}).await.unwrap();
}

#[tokio::test]
async fn equal_bytes_of_two_documents_of_one_command_are_erased_one_by_one() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &CountingClock::default()).await;
    let document = "{\"equal\":1}";
    let attributes = r#"{"contenttype":"application/json","labels":{"a":"b"},"entry":{"equal":1}}"#;
    let body = format!(r#"{{"entries":{{"a":{attributes},"b":{attributes}}}}}"#);
    registry.submit(tree(Mode::Post, entity("/configs/app"), &body), &by()).await.unwrap();
    registry.submit(purge("/configs/app/entries/a"), &by()).await.unwrap();
    assert_eq!(documents(&*ledger).await[document].len(), 1);
    let left = registry.view().version_at(&xid("/configs/app/entries/b")).unwrap().clone();
    let found = ledger
        .contents(&[left.document.unwrap().reference(), left.attributes.unwrap().reference()])
        .await
        .unwrap();
    assert_eq!(found[0].as_deref(), Some(document.as_bytes()));
    assert!(found[1].is_some());
    registry.verify(|_| {}).await.unwrap();
}

#[tokio::test]
async fn what_has_the_same_name_but_for_case_stays() {
    for (gone, there) in [
        ("/configs/app", "/configs/App"),
        ("/configs/app", "/configs/APP/entries/b"),
        ("/configs/app/entries/a", "/configs/app/entries/A"),
    ] {
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let registry = open(&ledger, &CountingClock::default()).await;
        let document = |name: &str| match name.contains("/entries/") {
            true => put(name, "{}"),
            false => put(&format!("{name}/entries/a"), "{}"),
        };
        for command in [document(gone), delete(gone), document(there), purge(gone)] {
            registry.submit(command, &by()).await.unwrap();
        }
        assert!(registry.view().has(&xid(there)), "{there}");
        assert!(!registry.catalog().hides(&xid(gone)), "{gone}");
        registry.verify(|_| {}).await.unwrap();
    }
}

#[tokio::test]
async fn what_another_writer_erases_leaves_our_memory_too() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let ticks = CountingClock::default();
    let ours = open(&ledger, &ticks).await;
    let name = "/configs/app/entries/doomed";
    ours.submit(put(name, &secret(1)), &by()).await.unwrap();
    let content = ours.view().version_at(&xid(name)).unwrap().document.unwrap();
    assert!(ours.contents(&[content]).await.unwrap()[0].is_some());
    let theirs = open(&ledger, &ticks).await;
    theirs.submit(purge(name), &by()).await.unwrap();
    // Our next append meets theirs.
    ours.submit(put("/configs/app/entries/stays", "[]"), &by()).await.unwrap();
    assert_eq!(ours.contents(&[content]).await.unwrap(), [None]);
}

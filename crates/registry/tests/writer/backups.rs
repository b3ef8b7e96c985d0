//! Backups: whole while the registry goes on, refused when a byte is wrong, and restored as they
//! were.

use muster_journal::{LedgerReader, MemoryLedger};
use muster_ledger::Signer;
use muster_registry::{
    BackupCheck, BackupError, BackupFrames, BackupItem, BackupRestoration, CheckedBackup,
    CheckpointFile, RestoreError,
};
use muster_seal::KeyPair;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::commands::*;

fn signer(ledger: &str) -> Signer {
    Signer::new(format!("test/{ledger}").parse().unwrap(), KeyPair::from_seed(&[7; 32]))
}

fn signed(folder: &TempDir, ledger: &str) -> RegistrySettings {
    let mut settings = settings(Foundation::BuiltIn, CountingClock::default().clock());
    let path = folder.path().join("changes.checkpoint");
    settings.checkpoint = Some(CheckpointFile::new(path, signer(ledger)));
    settings
}

async fn opened(folder: &TempDir, ledger: &Arc<dyn Ledger>) -> Registry {
    let settings = signed(folder, "changes");
    Registry::open(Box::new(LedgerHandle(ledger.clone())), settings).await.unwrap()
}

/// A few documents, of which one was erased and one has two states with equal bytes.
async fn write_some(registry: &Registry) {
    for command in [
        put("/configs/app/entries/a", "[1]"),
        put("/configs/app/entries/b", "[1]"),
        put("/configs/app/entries/doomed", "[\"secret\"]"),
        put("/configs/app/entries/a", "[2]"),
        purge("/configs/app/entries/doomed"),
        delete("/configs/app/entries/b"),
    ] {
        registry.submit(command, &by()).await.unwrap();
    }
}

async fn bytes_of(registry: &Registry) -> Vec<u8> {
    let mut stream = registry.backup().unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        bytes.extend_from_slice(&piece);
    }
    bytes
}

/// Reads a backup in pieces of this size.
fn read(bytes: &[u8], size: usize) -> Result<(CheckedBackup, Vec<BackupItem>), BackupError> {
    let (mut frames, mut check) = (BackupFrames::default(), BackupCheck::default());
    let mut items = Vec::new();
    for piece in bytes.chunks(size) {
        frames.feed(piece);
        while let Some(frame) = frames.next(check.position())? {
            items.extend(check.take(frame)?);
        }
    }
    if frames.has_rest() {
        return Err(BackupError::Truncated { after: check.position() });
    }
    Ok((check.end(None)?, items))
}

async fn example() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = opened(&folder, &ledger).await;
    write_some(&registry).await;
    let bytes = bytes_of(&registry).await;
    registry.close().await;
    bytes
}

#[tokio::test]
async fn is_read_the_same_in_pieces_of_any_size() {
    let bytes = example().await;
    let (whole, items) = read(&bytes, bytes.len()).unwrap();
    assert_eq!((whole.entries, whole.contents, whole.purged), (7, 3, 1));
    for size in [1, 2, 7, 64, 1_000] {
        let (again, same) = read(&bytes, size).unwrap();
        assert_eq!((again.head, same), (whole.head, items.clone()), "{size}");
    }
    assert!(!bytes.windows(6).any(|window| window == b"secret"), "what was erased isn't in it");
}

#[tokio::test]
async fn every_changed_byte_and_every_missing_end_is_noticed() {
    let bytes = example().await;
    for place in 0..bytes.len() {
        for bit in [0x01, 0x20, 0x80] {
            let mut changed = bytes.clone();
            changed[place] ^= bit;
            // Base64 has bits that mean nothing at the end of a signature; they are refused as well.
            assert!(read(&changed, 4_096).is_err(), "byte {place}, bit {bit}");
        }
        let cut = read(&bytes[..place], 4_096);
        assert!(matches!(cut, Err(BackupError::Truncated { .. })), "cut at {place}: {cut:?}");
    }
    let more = [bytes.as_slice(), b"Z\0\0\0\0"].concat();
    assert!(matches!(read(&more, 4_096), Err(BackupError::Damaged { .. })));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(rest in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(read(&rest, 7).is_err());
        prop_assert!(read(&[b"muster backup 1\n".as_slice(), &rest].concat(), 7).is_err());
    }
}

#[tokio::test]
async fn another_key_and_a_later_format_are_refused() {
    let bytes = example().await;
    let (mut frames, mut check) = (BackupFrames::default(), BackupCheck::default());
    frames.feed(&bytes);
    while let Some(frame) = frames.next(check.position()).unwrap() {
        check.take(frame).unwrap();
    }
    let other = signer("other");
    let refused = check.end(Some(other.verifier()));
    assert!(matches!(refused, Err(BackupError::OtherKey { .. })), "{refused:?}");
    let later = [b"muster backup 2\n".as_slice(), &bytes[16..]].concat();
    assert!(matches!(read(&later, 99), Err(BackupError::Newer(format)) if format == "2"));
    assert!(matches!(read(b"PK\x03\x04", 99), Err(BackupError::Foreign)));
}

async fn restored(bytes: &[u8], name: &str) -> Arc<dyn Ledger> {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let (backup, items) = read(bytes, 4_096).unwrap();
    let mut restoration =
        BackupRestoration::begin(Box::new(LedgerHandle(ledger.clone()))).await.unwrap();
    for item in items {
        restoration.add(item).await.unwrap();
    }
    restoration.finish(&backup, name, &CountingClock::default().clock()).await.unwrap();
    ledger
}

#[tokio::test]
async fn is_restored_as_it_was_under_another_name() {
    let bytes = example().await;
    let ledger = restored(&bytes, "changes-2").await;
    let folder = tempfile::tempdir().unwrap();
    // The former key can't sign it any more.
    let old = signed(&folder, "changes");
    let refused = Registry::open(Box::new(LedgerHandle(ledger.clone())), old).await;
    assert!(matches!(refused, Err(OpenError::Checkpoint(_))));
    let new = signed(&folder, "changes-2");
    let registry = Registry::open(Box::new(LedgerHandle(ledger.clone())), new).await.unwrap();
    assert_eq!(registry.view().catalog().origin(), "test/changes-2");
    let verified = registry.verify(|_| {}).await.unwrap();
    let (backup, _) = read(&bytes, 4_096).unwrap();
    assert_eq!(verified.entries, backup.entries + 1);
    // It goes on, and a backup of it begins with the same entries.
    registry.submit(restore("/configs/app/entries/b"), &by()).await.unwrap();
    let again = bytes_of(&registry).await;
    let entries = |bytes: &[u8]| {
        let items = read(bytes, 4_096).unwrap().1.into_iter();
        let entries = items.filter(|item| matches!(item, BackupItem::Entry(_)));
        entries.collect::<Vec<_>>()
    };
    assert!(entries(&again).starts_with(&entries(&bytes)));
    registry.close().await;
    let full = BackupRestoration::begin(Box::new(LedgerHandle(ledger))).await;
    assert!(matches!(full, Err(RestoreError::NotEmpty(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn is_whole_while_others_write_and_erase() {
    let folder = tempfile::tempdir().unwrap();
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = opened(&folder, &ledger).await;
    let writer = tokio::spawn({
        let registry = registry.clone();
        async move {
            for count in 0..2_000 {
                let name = format!("/configs/app/entries/e{}", count % 50);
                registry.submit(put(&name, &format!("[{count}]")), &by()).await.unwrap();
                if count % 3 == 0 {
                    registry.submit(purge(&name), &by()).await.unwrap();
                }
            }
        }
    });
    let mut purged = 0;
    while !writer.is_finished() {
        let acknowledged = registry.view().position().0;
        let (backup, _) = read(&bytes_of(&registry).await, 4_096).unwrap();
        assert!(backup.entries >= acknowledged);
        purged += backup.purged;
    }
    assert!(purged > 0);
    writer.await.unwrap();
    registry.close().await;
    let reader: Arc<dyn LedgerReader> = ledger;
    assert!(reader.head().await.unwrap().position.0 > 100);
}

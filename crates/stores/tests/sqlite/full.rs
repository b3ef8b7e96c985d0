use std::{
    num::NonZeroU32,
    process::{Command, Stdio},
};

use bytes::Bytes;
use muster_journal::{AppendError, Ledger as _, LedgerReader as _, conformance::sample_batch};
use muster_words::{ContentRef, Digest, Position};

use super::*;

/// A batch of one entry with a content of a size.
fn large(head: Head, salt: u64, size: usize) -> Batch {
    let mut batch = sample_batch(head, salt, 1);
    let bytes = Bytes::from(vec![salt as u8; size]);
    let content = ContentRef { position: head.position.next(), digest: Digest::of(&bytes) };
    batch.contents.push((content, bytes));
    batch
}

/// Appends until there is no room; answers the head and what was refused.
async fn fill(ledger: &SqliteLedger, mut head: Head) -> (Head, Batch) {
    for salt in 0..10_000 {
        let batch = large(head, salt, 40_000);
        match ledger.append(head, &batch).await {
            Ok(after) => head = after,
            Err(error) => {
                assert!(matches!(error, AppendError::Full), "{error:?}");
                return (head, batch);
            }
        }
    }
    assert!(head == Head::EMPTY, "the ledger was never full");
    (head, Batch::default())
}

/// Whether everything up to the head is there, and nothing else.
async fn check_whole(ledger: &SqliteLedger, head: Head) {
    assert_eq!(ledger.head().await.unwrap(), head);
    let entries = ledger.read(Position::ZERO, NonZeroU32::MAX).await.unwrap();
    assert_eq!(Head::after(entries.last().unwrap()), head);
    for entry in entries {
        let content = ContentRef { position: entry.position, digest: Digest::of(b"equal") };
        assert!(ledger.contents(&[content]).await.unwrap()[0].is_some(), "{content:?}");
    }
}

#[tokio::test]
async fn a_full_ledger_is_read_and_goes_on_when_a_purge_made_room() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { pages_max: NonZeroU32::new(100), ..Options::default() };
    let path = file(directory.path());
    let ledger = SqliteLedger::open(&path, "changes", options).unwrap();
    let (head, refused) = fill(&ledger, Head::EMPTY).await;
    for _ in 0..3 {
        let answer = ledger.append(head, &refused).await;
        assert!(matches!(answer, Err(AppendError::Full)), "{answer:?}");
        check_whole(&ledger, head).await;
        let absent = refused.contents[0].0;
        assert_eq!(ledger.contents(&[absent]).await.unwrap(), [None]);
    }
    let bytes = vec![1; 40_000];
    let large = ContentRef { position: Position(2), digest: Digest::of(&bytes) };
    assert!(ledger.contents(&[large]).await.unwrap()[0].is_some());
    let purge = Batch { purges: vec![large], ..Batch::default() };
    ledger.append(head, &purge).await.unwrap();
    let head = ledger.append(head, &refused).await.unwrap();
    check_whole(&ledger, head).await;
    drop(ledger);
    check_whole(&open(directory.path()), head).await;
}

#[tokio::test]
async fn a_batch_over_the_limit_is_too_large_and_a_smaller_one_passes() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { batch_bytes_max: 10_000, ..Options::default() };
    let ledger = SqliteLedger::open(&file(directory.path()), "changes", options).unwrap();
    let answer = ledger.append(Head::EMPTY, &large(Head::EMPTY, 1, 10_000)).await;
    assert!(matches!(answer, Err(AppendError::TooLarge)), "{answer:?}");
    let head = ledger.append(Head::EMPTY, &large(Head::EMPTY, 1, 9_000)).await.unwrap();
    check_whole(&ledger, head).await;
}

/// Runs `fills_up` of this program under a shell command that ends with `exec "$0" "$@"`, and fails
/// the test unless it ran and passed.
fn check_fills_up_under(shell: &str, directory: &Path, room: &str) {
    let output = Command::new("sh")
        .args(["-c", shell])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full::fills_up", "--ignored", "--nocapture"])
        .env("LEDGER_DIRECTORY", directory)
        .env("LEDGER_ROOM", room)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    // A name that no test has passes, too.
    assert!(output.status.success() && said.contains("1 passed"), "{}: {said}", output.status);
}

#[tokio::test]
async fn a_limit_on_the_files_size_refuses_appends_and_is_survived() {
    let directory = tempfile::tempdir().unwrap();
    // 4 MiB in units of 512 bytes; without the trap the signal would end the process.
    let shell = r#"trap '' XFSZ; ulimit -S -f 8192; exec "$0" "$@""#;
    check_fills_up_under(shell, directory.path(), "limit");
    let ledger = open(directory.path());
    let head = ledger.head().await.unwrap();
    assert!(head.position > Position(20));
    check_whole(&ledger, head).await;
}

#[tokio::test]
async fn a_full_file_system_refuses_appends_and_is_survived() {
    let directory = tempfile::tempdir().unwrap();
    let may_mount = Command::new("unshare")
        .args(["--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs"])
        .arg(directory.path())
        .status();
    if !may_mount.is_ok_and(|status| status.success()) {
        // Elsewhere the limit on the file's size stands for a full disk.
        // Past cargo's capture of what a test prints, so that `./test` counts and names it.
        let left_out =
            b"\nleft out: the ledger on a full file system, because this user may not mount one\n";
        std::io::Write::write_all(&mut std::io::stderr(), left_out).unwrap();
        return;
    }
    let shell = r#"exec unshare --map-root-user --mount sh -c '
        mount -t tmpfs -o size=6m tmpfs "$LEDGER_DIRECTORY" &&
        dd if=/dev/zero of="$LEDGER_DIRECTORY/ballast" bs=1M count=2 status=none &&
        exec "$0" "$@"' "$0" "$@""#;
    check_fills_up_under(shell, directory.path(), "ballast");
}

#[tokio::test]
#[ignore = "run by the tests above, in a process that has little room"]
async fn fills_up() {
    let directory = PathBuf::from(std::env::var("LEDGER_DIRECTORY").unwrap());
    let ledger = open(&directory);
    let (head, refused) = fill(&ledger, Head::EMPTY).await;
    check_whole(&ledger, head).await;
    for salt in 0..20 {
        let size = 40_000 + 10_000 * usize::try_from(salt).unwrap();
        let answer = ledger.append(head, &large(head, salt, size)).await;
        assert!(matches!(answer, Err(AppendError::Full)), "{answer:?}");
        check_whole(&ledger, head).await;
    }
    if std::env::var("LEDGER_ROOM").unwrap() == "limit" {
        let process = std::process::id().to_string();
        let mut raise = Command::new("prlimit");
        raise.args(["--pid", &process, "--fsize=unlimited:unlimited"]);
        assert!(raise.status().unwrap().success());
    } else {
        std::fs::remove_file(directory.join("ballast")).unwrap();
    }
    let mut head = ledger.append(head, &refused).await.unwrap();
    for salt in 0..10 {
        head = ledger.append(head, &large(head, salt, 40_000)).await.unwrap();
    }
    check_whole(&ledger, head).await;
    ledger.close().await;
    check_whole(&open(&directory), head).await;
}

//! A full disk: refused, read, and recovered from without opening anything again.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use muster_stores::{SqliteLedger, sqlite::Options};

use super::*;
use crate::commands::*;

const BYTES: usize = 40_000;

fn document(marker: u64) -> String {
    format!("[\"{marker}\",\"{}\"]", "x".repeat(BYTES))
}

fn name(marker: u64) -> String {
    format!("/configs/app/entries/e{marker}")
}

/// Puts documents until there is no room; answers how many fitted.
async fn fill(registry: &Registry) -> u64 {
    for marker in 0..5_000 {
        match registry.submit(put(&name(marker), &document(marker)), &by()).await {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(code(&error), "disk_full");
                return marker;
            }
        }
    }
    panic!("it was never full");
}

/// Everything that fitted is read, from the ledger and not from memory.
async fn read_all(ledger: &dyn Ledger, registry: &Registry, count: u64) {
    let view = registry.catalog();
    assert_eq!(view.documents, count);
    for marker in 0..count {
        let content = view.version_at(&xid(&name(marker))).unwrap().document.unwrap();
        let found = ledger.contents(&[content.reference()]).await.unwrap();
        assert_eq!(found[0].as_deref(), Some(document(marker).as_bytes()));
    }
}

/// Fills the ledger of a directory, makes room, and goes on.
async fn fill_and_recover(directory: &Path, options: Options, make_room: impl Fn(&Path)) {
    let path = directory.join("changes.db");
    let sqlite = Arc::new(SqliteLedger::open(&path, "changes", options).unwrap());
    let ledger: Arc<dyn Ledger> = sqlite.clone();
    let registry = open(&ledger, &CountingClock::default()).await;
    let fitted = fill(&registry).await;
    assert!(fitted >= 5, "{fitted}");
    let position = registry.view().position();
    for round in 0..3 {
        // Many at once, none of them small enough.
        let commands: Vec<_> = (0..8)
            .map(|index| {
                let registry = registry.clone();
                let marker = fitted + index;
                let large = document(marker).repeat(1 + round);
                let large = format!("[{}]", large.replace("][", "],["));
                tokio::spawn(
                    async move { registry.submit(put(&name(marker), &large), &by()).await },
                )
            })
            .collect();
        for command in commands {
            let error = command.await.unwrap().unwrap_err();
            assert_eq!(code(&error), "disk_full");
        }
        read_all(&*ledger, &registry, fitted).await;
        assert_eq!(registry.view().position(), position);
    }
    make_room(directory);
    for marker in fitted..fitted + 10 {
        registry.submit(put(&name(marker), &document(marker)), &by()).await.unwrap();
    }
    read_all(&*ledger, &registry, fitted + 10).await;
    registry.verify(|_| {}).await.unwrap();
    registry.close().await;
    sqlite.close().await;
    drop(registry);
    let ledger: Arc<dyn Ledger> =
        Arc::new(SqliteLedger::open(&path, "changes", Options::default()).unwrap());
    let registry = open(&ledger, &CountingClock::default()).await;
    read_all(&*ledger, &registry, fitted + 10).await;
    registry.close().await;
}

/// Runs `fills_up` of this program under a shell command that ends with `exec "$0" "$@"`, and fails
/// the test unless it ran and passed.
fn check_fills_up_under(shell: &str, directory: &Path, room: &str) {
    let output = Command::new("sh")
        .args(["-c", shell])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full::fills_up", "--ignored", "--nocapture"])
        .env("MUSTER_FULL_DIRECTORY", directory)
        .env("MUSTER_FULL_ROOM", room)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    // A name that no test has passes, too.
    assert!(output.status.success() && said.contains("1 passed"), "{}: {said}", output.status);
}

#[test]
fn a_limit_on_the_files_size_refuses_writes_and_serves_reads_until_it_is_raised() {
    let directory = tempfile::tempdir().unwrap();
    // 3 MiB in units of 512 bytes; without the trap the signal would end the process.
    let shell = r#"trap '' XFSZ; ulimit -S -f 6144; exec "$0" "$@""#;
    check_fills_up_under(shell, directory.path(), "limit");
}

#[test]
fn a_full_file_system_refuses_writes_and_serves_reads_until_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let may_mount = Command::new("unshare")
        .args(["--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs"])
        .arg(directory.path())
        .status();
    if !may_mount.is_ok_and(|status| status.success()) {
        // Elsewhere the limit on the file's size stands for a full disk.
        // Past cargo's capture of what a test prints, so that `./test` counts and names it.
        let left_out = b"\nleft out: the registry on a full file system, because this user may not mount one\n";
        std::io::Write::write_all(&mut std::io::stderr(), left_out).unwrap();
        return;
    }
    let shell = r#"exec unshare --map-root-user --mount sh -c '
        mount -t tmpfs -o size=6m tmpfs "$MUSTER_FULL_DIRECTORY" &&
        dd if=/dev/zero of="$MUSTER_FULL_DIRECTORY/ballast" bs=1M count=2 status=none &&
        exec "$0" "$@"' "$0" "$@""#;
    check_fills_up_under(shell, directory.path(), "ballast");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the tests above, in a process that has little room"]
async fn fills_up() {
    let directory = PathBuf::from(std::env::var("MUSTER_FULL_DIRECTORY").unwrap());
    let by_limit = std::env::var("MUSTER_FULL_ROOM").unwrap() == "limit";
    fill_and_recover(&directory, Options::default(), |directory| {
        if by_limit {
            let process = std::process::id().to_string();
            let mut raise = Command::new("prlimit");
            raise.args(["--pid", &process, "--fsize=unlimited:unlimited"]);
            assert!(raise.status().unwrap().success());
        } else {
            std::fs::remove_file(directory.join("ballast")).unwrap();
        }
    })
    .await;
}

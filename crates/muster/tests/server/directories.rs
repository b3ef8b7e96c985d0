//! Data directories that aren't what they were: none is served, and the refusal says why.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::harness::{Ran, Server, run};

/// A directory with a registry in it, that no server has open.
struct Kept {
    scratch: TempDir,
}

impl Kept {
    fn make() -> Self {
        let kept = Self { scratch: TempDir::new().unwrap() };
        kept.write("first");
        kept
    }

    fn write(&self, name: &str) {
        let server = Server::on(&self.data(), &[]);
        server.put(&format!("/api/configs/app/entries/{name}"), "1").expect(201);
        assert!(server.stop().0.success());
    }

    fn data(&self) -> PathBuf {
        self.scratch.path().join("registry")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.data().join(name)
    }

    fn serve(&self) -> Ran {
        serve(self.scratch.path(), &self.data())
    }

    fn verify(&self) -> Ran {
        let data = self.data();
        run(self.scratch.path(), &["ledger", "verify", "--data", data.to_str().unwrap()])
    }
}

fn serve(folder: &Path, data: &Path) -> Ran {
    run(folder, &["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
}

#[test]
fn refuses_folders_that_are_somebody_elses() {
    let scratch = TempDir::new().unwrap();
    std::fs::write(scratch.path().join("letters.txt"), "dear").unwrap();
    let refused = serve(scratch.path(), scratch.path()).expect(1);
    assert!(refused.err.contains("foreign_folder"), "{refused:#?}");
    let left: Vec<_> = std::fs::read_dir(scratch.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing was left behind: {left:?}");
}

#[test]
fn refuses_a_format_of_a_later_release() {
    let kept = Kept::make();
    for text in ["2\n", "99", "", "x", "-1", "1.5"] {
        std::fs::write(kept.file("FORMAT"), text).unwrap();
        let refused = kept.serve().expect(1);
        assert!(refused.err.contains("format_newer"), "{text:?} {refused:#?}");
    }
    std::fs::write(kept.file("FORMAT"), "1").unwrap();
    kept.write("second");
}

#[test]
fn refuses_a_ledger_that_has_lost_its_end() {
    let kept = Kept::make();
    let before = std::fs::read(kept.file("changes.db")).unwrap();
    kept.write("second");
    let after = std::fs::read(kept.file("changes.db")).unwrap();
    std::fs::write(kept.file("changes.db"), before).unwrap();
    let refused = kept.serve().expect(1);
    assert!(refused.err.contains("tail_missing"), "{refused:#?}");
    let refused = kept.verify().expect(3);
    assert!(refused.err.contains("tail_missing"), "{refused:#?}");
    std::fs::write(kept.file("changes.db"), after).unwrap();
    kept.verify().expect(0);
    kept.write("third");
}

#[test]
fn refuses_files_that_were_changed() {
    let kept = Kept::make();
    let whole = std::fs::read(kept.file("changes.checkpoint")).unwrap();
    let key = std::fs::read(kept.file("keys/ledger.key")).unwrap();
    let changed = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    for (file, bytes) in [
        ("changes.checkpoint", Vec::new()),
        ("changes.checkpoint", whole[..whole.len() / 2].to_vec()),
        ("changes.checkpoint", changed(&whole, 3)),
        ("changes.checkpoint", changed(&whole, whole.len() - 8)),
        ("changes.checkpoint", vec![0; 100_000]),
        ("keys/ledger.key", Vec::new()),
        ("keys/ledger.key", changed(&key, key.len() - 8)),
        ("changes.db", b"not a database at all, but long enough to be looked at".repeat(100)),
    ] {
        let before = std::fs::read(kept.file(file)).unwrap();
        std::fs::write(kept.file(file), bytes).unwrap();
        let refused = kept.serve().expect(1);
        assert!(
            refused.err.contains("help: ") && !refused.err.contains("panicked"),
            "{refused:#?}"
        );
        std::fs::write(kept.file(file), before).unwrap();
    }
    kept.verify().expect(0);
    // Without its key nobody could sign; a new one would be another registry's.
    std::fs::remove_file(kept.file("keys/ledger.key")).unwrap();
    kept.serve().expect(1);
    assert!(!kept.file("keys/ledger.key").exists());
}

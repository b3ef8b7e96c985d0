#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use muster_seal::KeyPair;
use muster_words::Digest;

use super::*;

fn file(folder: &Path) -> Arc<CheckpointFile> {
    let signer = Signer::new("test/changes".parse().unwrap(), KeyPair::from_seed(&[7; 32]));
    CheckpointFile::new(folder.join("changes.checkpoint"), signer)
}

/// The trees of a growing ledger, from its first entry on.
fn trees(count: u64) -> Vec<MerkleTree> {
    let mut tree = MerkleTree::default();
    let grown = (0..count).map(|number| {
        tree.append(Digest::of(&number.to_be_bytes()));
        tree.clone()
    });
    grown.collect()
}

fn kept(file: &CheckpointFile) -> u64 {
    file.read().unwrap().unwrap().0.size
}

#[test]
fn an_older_checkpoint_never_replaces_a_newer_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let trees = trees(64);
    // Older trees may arrive after newer ones, and are ignored.
    for (size, expect) in [(10, 10), (3, 10), (10, 10), (64, 64), (63, 64)] {
        file.keep_now(&trees[size - 1]);
        assert_eq!((kept(&file), file.position()), (expect, Position(expect)));
    }
}

#[test]
fn a_checkpoint_that_is_replaced_is_read_whole_and_only_grows() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let trees = trees(240);
    file.keep_now(&trees[0]);
    std::thread::scope(|scope| {
        for lane in 0..4 {
            let (file, trees) = (&file, &trees);
            scope.spawn(move || {
                for tree in trees.iter().skip(lane).step_by(4) {
                    // The thread and direct calls write at the same time.
                    file.keep(tree);
                    file.keep_now(tree);
                }
            });
        }
        let mut last = 0;
        while last < 200 {
            let size = kept(&file);
            assert!(size >= last, "from {last} back to {size}");
            last = size;
        }
    });
    assert_eq!(kept(&file), 240);
    let (checkpoint, _) = file.read().unwrap().unwrap();
    assert_eq!(checkpoint.root, trees[239].root());
}

#[test]
fn what_could_not_be_written_is_written_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let trees = trees(3);
    file.keep_now(&trees[0]);
    // A folder at the temporary file's path makes the write fail.
    let beside = folder.path().join("changes.checkpoint.new");
    fs::create_dir(&beside).unwrap();
    file.keep_now(&trees[1]);
    assert_eq!((kept(&file), file.position()), (1, Position(1)), "the old one stays");
    fs::remove_dir(&beside).unwrap();
    file.keep_now(&trees[1]);
    assert_eq!((kept(&file), file.position()), (2, Position(2)));
}

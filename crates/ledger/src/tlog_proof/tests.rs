#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use muster_seal::{KeyPair, note::Signer};
use proptest::prelude::*;

use super::*;
use crate::{
    MerkleTree,
    tree::{inclusion_proof, subtrees},
};

fn signer(name: &str) -> Signer {
    Signer::new(name.parse().unwrap(), KeyPair::from_seed(&[7; 32]))
}

fn leaves(size: u64) -> Vec<Digest> {
    (0..size).map(|n| Digest::of(&n.to_be_bytes())).collect()
}

fn proof(index: u64, size: u64) -> TlogProof {
    let leaves = leaves(size);
    let signer = signer("registry.example/changes");
    let checkpoint = Checkpoint::of(signer.verifier().name().clone(), &MerkleTree::of(&leaves));
    TlogProof {
        extra: Some(b"more".to_vec()),
        index,
        hashes: inclusion_proof(index, size, subtrees(&leaves)).unwrap(),
        checkpoint: checkpoint.sign(&signer).unwrap(),
    }
}

#[test]
fn is_written_as_the_specification_says() {
    let text = proof(2, 3).to_string();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
    assert_eq!(lines.next(), Some("extra bW9yZQ=="));
    assert_eq!(lines.next(), Some("index 2"));
    let root = MerkleTree::of(&leaves(2)).root();
    assert_eq!(lines.next(), Some(STANDARD.encode(root.0).as_str()));
    assert_eq!(lines.next(), Some(""));
    assert_eq!(lines.next(), Some("registry.example/changes"));
    assert_eq!(lines.next(), Some("3"));
}

#[test]
fn is_read_back_and_verified() {
    let key = signer("registry.example/changes").verifier().clone();
    for (index, size) in [(0, 1), (2, 3), (299, 300), (0, 300), (255, 300), (256, 300)] {
        let proof = proof(index, size);
        for extra in [None, Some(Vec::new()), Some(b"x".to_vec())] {
            let proof = TlogProof { extra, ..proof.clone() };
            assert_eq!(TlogProof::parse(&proof.to_string()), Ok(proof));
        }
        let leaf = leaves(size)[index as usize];
        assert_eq!(proof.verify(&leaf, &key).unwrap().size, size);
    }
}

#[test]
fn proves_nothing_else() {
    let key = signer("registry.example/changes").verifier().clone();
    let whole = proof(5, 300);
    let leaf = leaves(300)[5];
    let path = |proof: TlogProof| matches!(proof.verify(&leaf, &key), Err(TlogProofError::Path(_)));
    let mut other = whole.clone();
    other.hashes[3].0[9] ^= 1;
    assert!(path(other));
    assert!(path(TlogProof { index: 6, ..whole.clone() }));
    assert!(path(TlogProof { index: 300, ..whole.clone() }));
    assert!(path(TlogProof { hashes: whole.hashes[1..].to_vec(), ..whole.clone() }));
    assert!(path(TlogProof { checkpoint: proof(5, 299).checkpoint, ..whole.clone() }));
    assert!(matches!(
        whole.verify(&leaves(300)[6], &key),
        Err(TlogProofError::Path(ProofError::Root))
    ));
    let foreign = signer("other.example/changes").verifier().clone();
    assert!(matches!(whole.verify(&leaf, &foreign), Err(TlogProofError::Checkpoint(_))));
    let resigned = whole.checkpoint.replace("\n300\n", "\n301\n");
    let resigned = TlogProof { checkpoint: resigned, ..whole };
    assert!(matches!(resigned.verify(&leaf, &key), Err(TlogProofError::Checkpoint(_))));
}

#[test]
fn names_the_malformed_line() {
    let text = proof(2, 3).to_string();
    for (from, to, line) in [
        ("proof@v1", "proof@v2", 1),
        ("extra bW9yZQ==", "extra bW9yZQ", 2),
        ("extra ", "Extra ", 2),
        ("index 2", "index 02", 3),
        ("index 2", "index +2", 3),
        ("index 2", "index", 3),
        ("index 2\n", "index 2\nAAAA\n", 4),
        ("index 2\n", "", 3),
    ] {
        let changed = text.replace(from, to);
        assert_eq!(TlogProof::parse(&changed), Err(TlogProofError::Line { line }), "{to}");
    }
    assert_eq!(TlogProof::parse(""), Err(TlogProofError::Line { line: 0 }));
    let path = vec![Digest::of(b"x"); 65];
    let long = TlogProof { hashes: path, ..proof(2, 3) }.to_string();
    assert_eq!(TlogProof::parse(&long), Err(TlogProofError::Line { line: 68 }));
}

proptest! {
    /// What is read is written again byte for byte, and nothing stops the reader.
    #[test]
    fn reads_any_change_of_a_proof_without_harm(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = proof(2, 3).to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(proof) = TlogProof::parse(&text)
        {
            prop_assert_eq!(proof.to_string(), text);
        }
    }
}

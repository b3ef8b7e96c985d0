use base64::{Engine as _, engine::general_purpose::STANDARD};
use muster_ledger::{
    Checkpoint,
    tree::{verify_consistency, verify_inclusion},
};
use muster_words::{Digest, json::Value};
use tempfile::TempDir;

use crate::harness::{Running, put};

fn digest(value: &Value, name: &str) -> Digest {
    value.get(name).and_then(Value::as_str).unwrap().parse().unwrap()
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap()
}

fn hashes(value: &Value) -> Vec<Digest> {
    let hashes = value.get("hashes").and_then(Value::as_array).unwrap();
    hashes.iter().map(|hash| hash.as_str().unwrap().parse().unwrap()).collect()
}

/// The checkpoint in a proof, verified with the registry's key.
fn signed(running: &Running, value: &Value) -> Option<Checkpoint> {
    let note = value.get("checkpoint")?.as_str().unwrap();
    let key = running.registry.checkpoint().unwrap().verifier();
    Some(Checkpoint::open(note.as_bytes(), key).unwrap())
}

#[tokio::test]
async fn proves_every_entry_in_every_tree() {
    let folder = TempDir::new().unwrap();
    let running = Running::signing(folder.path(), 300).await;
    let size = running.registry.view().position().0;
    for (position, of) in [(1, 1), (1, 2), (2, 2), (256, 256), (256, 257), (257, 257), (3, size)] {
        let query = format!("GET /ledger/proofs/inclusion?position={position}&size={of}");
        let proof = running.json(&query).await;
        assert_eq!((number(&proof, "position"), number(&proof, "size")), (position, of));
        let (leaf, root) = (digest(&proof, "leaf"), digest(&proof, "root"));
        assert_eq!(verify_inclusion(&leaf, position - 1, of, &root, &hashes(&proof)), Ok(()));
        let entry = proof.get("entry").and_then(Value::as_str).unwrap();
        assert_eq!(Digest::of_parts(&[&[0], &STANDARD.decode(entry).unwrap()]), leaf);
        assert_eq!(signed(&running, &proof).is_some(), of == size, "{of}");
    }
    // Without a size it is the newest checkpoint.
    let proof = running.json("GET /ledger/proofs/inclusion?position=300").await;
    let checkpoint = signed(&running, &proof).unwrap();
    assert_eq!(checkpoint.size, number(&proof, "size"));
    assert_eq!(checkpoint.root, digest(&proof, "root"));
}

#[tokio::test]
async fn proves_that_an_older_ledger_is_a_beginning() {
    let folder = TempDir::new().unwrap();
    let running = Running::signing(folder.path(), 300).await;
    let size = running.registry.view().position().0;
    for (from, to) in [(0, 1), (1, 1), (1, 2), (255, 256), (256, 300), (257, size), (size, size)] {
        let proof =
            running.json(&format!("GET /ledger/proofs/consistency?from={from}&to={to}")).await;
        let (old, new) = (digest(&proof, "from_root"), digest(&proof, "to_root"));
        assert_eq!(verify_consistency(from, &old, to, &new, &hashes(&proof)), Ok(()), "{from}");
        assert_eq!(signed(&running, &proof).is_some(), to == size);
    }
    let proof = running.json("GET /ledger/proofs/consistency?from=7").await;
    assert_eq!(signed(&running, &proof).unwrap().size, number(&proof, "to"));
}

#[tokio::test]
async fn says_why_there_is_no_such_proof() {
    let folder = TempDir::new().unwrap();
    let running = Running::signing(folder.path(), 3).await;
    let size = running.registry.view().position().0;
    let beyond = size + 1;
    for (query, code, why) in [
        ("inclusion".to_owned(), "bad_request", "the parameter position is needed".to_owned()),
        ("consistency".to_owned(), "bad_request", "the parameter from is needed".to_owned()),
        ("inclusion?position=0".to_owned(), "bad_position", format!("the first {size} entries")),
        (
            format!("inclusion?position={beyond}"),
            "bad_position",
            format!("the first {size} entries"),
        ),
        (
            format!("inclusion?position=1&size={beyond}"),
            "bad_position",
            format!("the ledger has {size} entries"),
        ),
        (
            "inclusion?position=1&size=18446744073709551615".to_owned(),
            "bad_position",
            format!("the ledger has {size} entries"),
        ),
        ("inclusion?position=2&size=1".to_owned(), "bad_position", "the first 1 ".to_owned()),
        ("inclusion?position=1&size=0".to_owned(), "bad_position", "the first 0 ".to_owned()),
        ("consistency?from=3&to=2".to_owned(), "bad_position", "it is larger than 2".to_owned()),
        ("consistency?from=-1".to_owned(), "bad_position", "a position is a number".to_owned()),
        (
            format!("consistency?from=1&to={beyond}"),
            "bad_position",
            format!("the ledger has {size} entries"),
        ),
        ("inclusion?position=1&sizes=2".to_owned(), "bad_flag", "sizes".to_owned()),
    ] {
        let (status, body) = running.ask(&format!("GET /ledger/proofs/{query}"), &[], "").await;
        assert_eq!(status, 400, "{query}: {body}");
        assert!(body.contains(&format!("\"reason\": \"{code}\"")), "{query}: {body}");
        assert!(body.contains(&why), "{query}: {body}");
    }
}

#[tokio::test]
async fn a_registry_in_memory_proves_without_a_signature() {
    let running = Running::start().await;
    running.submit(put("/providers/cms/entries/one", "{}")).await;
    let proof = running.json("GET /ledger/proofs/inclusion?position=1").await;
    assert_eq!(number(&proof, "size"), running.registry.view().position().0);
    assert_eq!(proof.get("checkpoint"), None);
}

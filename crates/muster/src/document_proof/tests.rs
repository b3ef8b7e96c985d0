#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use muster_catalog::changes::{Change, ContentName, Hidden, VersionWritten};
use muster_ledger::{
    CommandId, Entry, MerkleTree, Record, Signer,
    tree::{inclusion_proof, subtrees},
};
use muster_seal::KeyPair;

use super::*;

fn signer() -> Signer {
    Signer::new("test/changes".parse().unwrap(), KeyPair::from_seed(&[7; 32]))
}

fn entry(position: u64, changes: &[Change]) -> EntryBytes {
    let record = |change: &Change| {
        let (kind, body) = change.encode();
        Record { kind, skippable: false, body }
    };
    let entry = Entry {
        position: Position(position),
        moment: Moment::EPOCH,
        actor: "someone".to_owned(),
        command: CommandId([1; 16]),
        part: 1,
        parts: 1,
        request: None,
        trace: None,
        idempotency: None,
        previous: Digest::of(b"previous"),
        changes: changes.iter().map(record).collect(),
    };
    entry.encode().unwrap()
}

fn written(xid: &str, document: &[u8]) -> Change {
    Change::VersionWritten(VersionWritten {
        version: xid.parse().unwrap(),
        attributes: Some(ContentName::new(b"{}")),
        epoch: 1,
        created: Moment::EPOCH,
        modified: Moment::EPOCH,
        ancestor: "1".parse().unwrap(),
        document: Some(ContentName::new(document)),
        content_type: None,
        state: muster_catalog::Lifecycle::default(),
    })
}

const VERSION: &str = "/a/b/c/d/versions/1";

/// A ledger of three entries, and the proof of one of them.
fn proof(position: u64, xid: &str, current: Option<u64>) -> TlogProof {
    let hidden = Change::Hidden(Hidden { xid: "/a/b".parse().unwrap() });
    let entries = [
        entry(1, &[written("/a/b/c/e/versions/1", b"other"), written(VERSION, b"it")]),
        entry(2, &[hidden]),
        entry(3, &[written("/a/b/c/dd/versions/1", b"more")]),
    ];
    let leaves: Vec<Digest> = entries.iter().map(EntryBytes::leaf).collect();
    let signer = signer();
    let checkpoint = Checkpoint::of(signer.verifier().name().clone(), &MerkleTree::of(&leaves));
    let index = position - 1;
    TlogProof {
        extra: extra(&xid.parse().unwrap(), &entries[index as usize], current),
        index,
        hashes: inclusion_proof(index, 3, subtrees(&leaves)).unwrap(),
        checkpoint: checkpoint.sign(&signer).unwrap(),
    }
}

#[test]
fn says_what_the_entry_says_and_nothing_else() {
    let key = signer().verifier().clone();
    let proven = check(&proof(1, VERSION, Some(3)), &key).unwrap();
    assert_eq!(proven.document, Some(Digest::of(b"it")));
    assert_eq!(proven.position, Position(1));
    assert_eq!(proven.what.len(), 1, "{:?}", proven.what);
    let parts: Vec<&str> = proven.contents.iter().map(|content| content.part.as_str()).collect();
    assert_eq!(parts, ["attributes", "document"]);
    assert_eq!(proven.current, Some(3));
    // What took it along says so.
    let later = check(&proof(2, "/a/b/c/d", None), &key).unwrap();
    assert_eq!(later.what, ["/a/b was deleted"]);
    assert_eq!(later.document, None);
    // A name that only begins alike isn't it.
    assert_eq!(proof(3, "/a/b/c/d", None).extra, None);
}

#[test]
fn believes_nothing_that_only_the_extra_data_say() {
    let key = signer().verifier().clone();
    let whole = proof(1, VERSION, None);
    let changed = |from: &str, to: &str| {
        let extra = String::from_utf8(whole.extra.clone().unwrap()).unwrap();
        assert!(extra.contains(from), "{from} isn't in {extra}");
        let extra = Some(extra.replace(from, to).into_bytes());
        check(&TlogProof { extra, ..whole.clone() }, &key).unwrap_err()
    };
    let digest = Digest::of(b"it").to_string();
    let other = Digest::of(b"another").to_string();
    for (from, to, why) in [
        (digest.as_str(), other.as_str(), "digests aren't those in its entry"),
        ("\"size\":2}", "\"size\":3}", "digests aren't those in its entry"),
        (VERSION, "/a/b/c/d/versions/2", "its entry isn't about /a/b/c/d/versions/2"),
        (VERSION, "a", "xid is malformed"),
        ("\"entry\":\"", "\"entry\":\"AAAA", "leads to another root"),
        ("\"entry\":\"", "\"entry\":\"!", "isn't Base64"),
        ("{\"xid\"", "{\"name\"", "aren't those of a document"),
    ] {
        let said = changed(from, to);
        assert!(said.contains(why), "{from}: {said}");
    }
    let bare = TlogProof { extra: None, ..whole };
    assert!(check(&bare, &key).unwrap_err().contains("carries no entry"));
}

#[test]
fn a_file_holds_one_proof_or_several() {
    let proofs = [proof(1, VERSION, None), proof(2, VERSION, None), proof(1, VERSION, Some(3))];
    for count in 1..=3 {
        let text: String = proofs[..count].iter().map(ToString::to_string).collect();
        assert_eq!(parse_all(&text).unwrap(), proofs[..count]);
    }
    for (text, why) in [
        (String::new(), "doesn't begin with"),
        ("x".to_owned(), "doesn't begin with"),
        (format!("{}{}", proofs[0], TLOG_PROOF_HEADER), "signature"),
        (format!("{TLOG_PROOF_HEADER}\n"), "proof 1: line"),
        (format!("{}{TLOG_PROOF_HEADER}\nindex x\n\n", proofs[0]), "proof 2: line 2"),
    ] {
        match parse_all(&text) {
            Err(said) => assert!(said.contains(why), "{said}"),
            // What follows a checkpoint is part of it, and then isn't signed.
            Ok(read) => assert!(check(&read[0], signer().verifier()).is_err(), "{text}"),
        }
    }
}

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use muster_seal::{KeyPair, note::KeyId};
use proptest::prelude::*;

use super::*;

fn signer(name: &str) -> Signer {
    Signer::new(name.parse().unwrap(), KeyPair::from_seed(&[7; 32]))
}

fn ours() -> Signer {
    signer("acme/changes")
}

fn checkpoint() -> Checkpoint {
    let origin = origin(&"acme".parse().unwrap(), "changes").unwrap();
    Checkpoint { origin, size: 20_852_163, root: Digest::of(b"root") }
}

/// Opens any text that our key has signed.
fn open(text: &str) -> Result<Checkpoint, CheckpointError> {
    Checkpoint::open(ours().sign(text).unwrap().as_bytes(), ours().verifier())
}

/// The text of the example in C2SP tlog-checkpoint.
#[test]
fn reads_the_text_of_the_specifications_example() {
    let text = "example.com/behind-the-sofa\n20852163\n\
                CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let read = Checkpoint::read(text).unwrap();
    assert_eq!(read.origin.as_str(), "example.com/behind-the-sofa");
    assert_eq!(read.size, 20_852_163);
    let root = "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62";
    assert_eq!(read.root.to_string(), root);
    assert_eq!(read.to_string(), text);
}

/// Go's golang.org/x/mod/sumdb/note makes the same bytes from the same text and key.
#[test]
fn signs_as_go_does_and_opens_it() {
    let expect = "acme/changes\n20852163\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n\n\
                  — acme/changes Q5Eae3RAIzLHDdC3TPJU7ATxEoI7mnwAnFOGApk5PDUnVzlssg/4/a7IxAQ3gwm5\
                  oE2F03CoPG64Nq7KdCiDho9HsgQ=\n";
    assert_eq!(checkpoint().sign(&ours()).as_deref(), Ok(expect));
    assert_eq!(Checkpoint::open(expect.as_bytes(), ours().verifier()), Ok(checkpoint()));
    let key = "acme/changes+43911a7b+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
    assert_eq!(ours().verifier().to_string(), key);
}

#[test]
fn an_empty_ledger_has_a_checkpoint_too() {
    let empty = Checkpoint::of("acme/changes".parse().unwrap(), &MerkleTree::default());
    let expect = "acme/changes\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    assert_eq!(empty.to_string(), expect);
    assert_eq!(open(expect), Ok(empty));
}

#[test]
fn refuses_texts_in_another_form() {
    let root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    for (text, line) in [
        ("\n".to_owned(), 2),
        (format!("\n5\n{root}\n"), 1),
        (format!("acme changes\n5\n{root}\n"), 1),
        (format!("acme+changes\n5\n{root}\n"), 1),
        ("acme/changes\n".to_owned(), 2),
        (format!("acme/changes\n\n{root}\n"), 2),
        (format!("acme/changes\n05\n{root}\n"), 2),
        (format!("acme/changes\n00\n{root}\n"), 2),
        (format!("acme/changes\n+5\n{root}\n"), 2),
        (format!("acme/changes\n-5\n{root}\n"), 2),
        (format!("acme/changes\n5 \n{root}\n"), 2),
        (format!("acme/changes\n0x5\n{root}\n"), 2),
        (format!("acme/changes\n٥\n{root}\n"), 2),
        (format!("acme/changes\n18446744073709551616\n{root}\n"), 2),
        ("acme/changes\n5\n".to_owned(), 3),
        ("acme/changes\n5\n\n".to_owned(), 3),
        (format!("acme/changes\n5\n{}\n", &root[..43]), 3),
        (format!("acme/changes\n5\n{}V=\n", &root[..42]), 3),
        (format!("acme/changes\n5\n{}\n", &root[..40]), 3),
        (format!("acme/changes\n5\nAAAA{root}\n"), 3),
        (format!("acme/changes\n5\n {root}\n"), 3),
        (format!("acme/changes\n5\n{root}\nmore\n"), 4),
        (format!("acme/changes\n5\n{root}\n\n"), 4),
    ] {
        assert_eq!(open(&text), Err(CheckpointError::Line { line }), "{text:?}");
    }
    let largest = format!("acme/changes\n18446744073709551615\n{root}\n");
    assert_eq!(open(&largest).map(|checkpoint| checkpoint.size), Ok(u64::MAX));
}

#[test]
fn refuses_another_ledgers_checkpoint_and_key() {
    let (ours, other) = (ours(), signer("acme/access"));
    let [expected, found] = [&ours, &other].map(|signer| signer.verifier().name().clone());
    let text = checkpoint().to_string().replace("changes", "access");
    let error = CheckpointError::Origin { expected: expected.clone(), found: found.clone() };
    assert_eq!(open(&text), Err(error));
    let error = SignError::Origin { origin: expected, signer: found };
    assert_eq!(checkpoint().sign(&other), Err(error));
    let note = other.sign(&text).unwrap();
    let error = CheckpointError::Note(NoteError::Unknown);
    assert_eq!(Checkpoint::open(note.as_bytes(), ours.verifier()), Err(error));
}

#[test]
fn a_changed_number_breaks_the_signature() {
    let signed = checkpoint().sign(&ours()).unwrap();
    let id: KeyId = ours().verifier().id();
    let error = CheckpointError::Note(NoteError::Signature { name: checkpoint().origin, id });
    let changed = signed.replace("20852163", "20852162");
    assert_eq!(Checkpoint::open(changed.as_bytes(), ours().verifier()), Err(error));
}

proptest! {
    #[test]
    fn comes_back_as_it_was_signed(size: u64, root: [u8; 32]) {
        let checkpoint = Checkpoint { size, root: Digest(root), ..checkpoint() };
        let signed = checkpoint.sign(&ours()).unwrap();
        prop_assert_eq!(Checkpoint::open(signed.as_bytes(), ours().verifier()), Ok(checkpoint));
    }

    #[test]
    fn any_text_is_refused_or_the_one_form(text in "[a-z/]{1,4}\n[0-9+]{1,4}\n[A-Za-z0-9/=\n]{0,46}\n") {
        if let Ok(checkpoint) = Checkpoint::read(&text) {
            prop_assert_eq!(checkpoint.to_string(), text);
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(note: Vec<u8>, text: String) {
        prop_assert!(Checkpoint::open(&note, ours().verifier()).is_err());
        prop_assert!(Checkpoint::read(&text).is_err());
    }
}

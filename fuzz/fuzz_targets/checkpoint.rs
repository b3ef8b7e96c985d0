//! Checkpoints: notes as they come, and any text that our own key has signed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use muster_ledger::{Checkpoint, Signer};
use muster_seal::KeyPair;

static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let name = "fuzz/changes".parse().expect("it is a name");
    Signer::new(name, KeyPair::from_seed(&[7; 32]))
});

fuzz_target!(|bytes: &[u8]| {
    assert!(Checkpoint::open(bytes, SIGNER.verifier()).is_err(), "nobody has signed this");
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(note) = SIGNER.sign(text) else { return };
    if let Ok(checkpoint) = Checkpoint::open(note.as_bytes(), SIGNER.verifier()) {
        assert_eq!(checkpoint.to_string(), text);
    }
});

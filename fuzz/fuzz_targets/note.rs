//! Signed notes and the texts of their keys.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_seal::note::{KeyName, Signer, Verifier, open};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = text.parse::<KeyName>();
    if let Ok(signer) = text.parse::<Signer>() {
        let again: Signer = signer.secret_text().parse().expect("a key's own text is a key");
        assert_eq!(again.verifier(), signer.verifier());
    }
    let (key, note) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(verifier) = key.parse::<Verifier>() {
        assert_eq!(verifier.to_string().parse::<Verifier>().as_ref(), Ok(&verifier));
        let _ = open(note.as_bytes(), &[verifier]);
    }
});

//! Entries of the ledger: what decodes is canonical, byte for byte, but for extensions of later
//! releases, which are passed over.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_ledger::Entry;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = Entry::decode(bytes) {
        let again = entry.encode().expect("what was decoded can be encoded");
        assert!(again.bytes.len() <= bytes.len());
        if again.bytes.len() == bytes.len() {
            assert_eq!(&again.bytes[..], bytes);
        }
        assert_eq!(again.decode().as_ref(), Ok(&entry));
    }
});

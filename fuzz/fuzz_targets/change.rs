//! Changes, as an entry's records hold them: the first two bytes are the kind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_catalog::changes::Change;

fuzz_target!(|bytes: &[u8]| {
    let [high, low, body @ ..] = bytes else { return };
    let kind = u16::from_be_bytes([*high, *low]);
    if let Ok(change) = Change::decode(kind, body) {
        let (kind_again, bytes_again) = change.encode();
        assert_eq!(kind_again, kind);
        assert_eq!(Change::decode(kind, &bytes_again).expect("it was decoded before"), change);
        let _ = (change.subject(), change.contents().count());
    }
});

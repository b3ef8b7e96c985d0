//! Proofs, paths of tiles and bundles of entries: what is read is written again byte for byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_ledger::{
    Tile, TlogProof,
    tile::{bundle, entries_in},
};

fuzz_target!(|bytes: &[u8]| {
    let owned = bytes.to_vec().into();
    if let Ok(entries) = entries_in(&owned) {
        let again = bundle(entries.iter().map(|entry| &entry[..]));
        assert_eq!(again.expect("what was read fits"), owned);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(tile) = Tile::parse(text) {
        assert_eq!(tile.to_string(), text);
        assert!(tile.spans().count() <= 256);
    }
    if let Ok(proof) = TlogProof::parse(text) {
        assert_eq!(proof.to_string(), text);
    }
});

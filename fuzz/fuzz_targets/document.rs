//! JSON documents: what parses keeps its meaning, and its canonical form is one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_words::json::{parse, parse_with_places, to_canonical};

fuzz_target!(|bytes: &[u8]| {
    let parsed = parse(bytes);
    let placed = parse_with_places(bytes);
    assert_eq!(parsed.is_ok(), placed.is_ok());
    let (Ok(value), Ok((with_places, _))) = (parsed, placed) else { return };
    assert_eq!(value, with_places);
    let canonical = to_canonical(&value);
    let again = parse(&canonical).expect("the canonical form is JSON");
    assert_eq!(again, value);
    assert_eq!(to_canonical(&again), canonical);
});

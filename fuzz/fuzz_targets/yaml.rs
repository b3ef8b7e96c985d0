//! YAML documents: what is read is a value of JSON, and JSON's reader reads it as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_words::{
    json::{parse as parse_json, to_canonical},
    yaml::{parse, parse_with_places},
};

fuzz_target!(|bytes: &[u8]| {
    let parsed = parse(bytes);
    let placed = parse_with_places(bytes);
    assert_eq!(parsed.is_ok(), placed.is_ok());
    let (Ok(value), Ok((with_places, places))) = (parsed, placed) else { return };
    assert_eq!(value, with_places);
    assert!(places.of("").is_some());
    let canonical = to_canonical(&value);
    assert_eq!(parse_json(&canonical).as_ref(), Ok(&value));
    assert_eq!(parse(&canonical).as_ref(), Ok(&value));
    if let Ok(as_json) = parse_json(bytes) {
        assert_eq!(as_json, value);
    }
});

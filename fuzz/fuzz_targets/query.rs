//! Paths and queries of reads: flags, filters, orders, inlining, cursors. The input is what follows
//! `/api`, and behind a line's end an If-None-Match.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use muster_model::Foundation;
use muster_fuzz::Door;

static DOOR: LazyLock<Door> = LazyLock::new(|| Door::open(Foundation::BuiltIn));

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let Ok(path) = std::str::from_utf8(lines.next().unwrap_or_default()) else { return };
    let headers: Vec<(&str, &[u8])> =
        lines.next().map(|tags| ("If-None-Match", tags)).into_iter().collect();
    let position = DOOR.position();
    DOOR.send("GET", &format!("/api{path}"), &headers, b"");
    assert_eq!(DOOR.position(), position, "a read has changed something");
});

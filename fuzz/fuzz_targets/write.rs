//! Writes: a method, a path, a header and a body, each on a line of its own. A refused one leaves
//! the ledger where it is.
#![no_main]

use std::sync::Mutex;

use libfuzzer_sys::fuzz_target;
use muster_model::Foundation;
use muster_fuzz::Door;

/// After so many writes the registry is made anew: a finding needs no long history.
const WRITES_MAX: u64 = 500;

static DOOR: Mutex<Option<Door>> = Mutex::new(None);

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, path, header, body) = (line(), line(), line(), line());
    let method = match method.first() {
        Some(b'P') => "PUT",
        Some(b'A') => "PATCH",
        Some(b'O') => "POST",
        _ => "DELETE",
    };
    let Ok(path) = std::str::from_utf8(path) else { return };
    let mut parts = header.splitn(2, |byte| *byte == b':');
    let name = std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
    let headers: Vec<(&str, &[u8])> = parts.next().map(|value| (name, value)).into_iter().collect();
    // Taken out while it is asked: one that failed isn't asked again.
    let kept = DOOR.lock().ok().and_then(|mut kept| kept.take());
    let door = kept.filter(|door| door.position() < WRITES_MAX);
    let door = door.unwrap_or_else(|| Door::open(Foundation::BuiltIn));
    let position = door.position();
    let status = door.send(method, &format!("/api{path}"), &headers, body);
    if status.is_none_or(|status| !status.is_success()) {
        assert_eq!(door.position(), position, "{status:?}, and yet something changed");
    }
    if let Ok(mut kept) = DOOR.lock() {
        *kept = Some(door);
    }
});

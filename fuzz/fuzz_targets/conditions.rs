//! Lists of entity tags, and values of headers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_wire::{
    etag::{EntityTagCondition, EntityTag, Rendition},
    headers::{decode, encode},
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = decode(bytes) {
        let written = encode(&text);
        assert!(written.bytes().all(|byte| (0x21..=0x7E).contains(&byte)));
        assert_eq!(decode(written.as_bytes()).as_deref(), Ok(text.as_str()));
    }
    let Ok(condition) = EntityTagCondition::parse(bytes) else { return };
    let nothing = |_: Rendition| None::<EntityTag>;
    assert!(!condition.if_match(nothing) && !condition.if_none_match_names(nothing));
    let EntityTagCondition::Tags(tags) = &condition else { return };
    for tag in tags.iter().flatten() {
        let written = tag.to_string();
        let same = EntityTagCondition::Tags(vec![Some(*tag)]);
        assert_eq!(EntityTagCondition::parse(written.as_bytes()).as_ref(), Ok(&same));
        assert!(condition.if_none_match_names(|rendition| {
            Some(*tag).filter(|tag| tag.rendition == rendition)
        }));
    }
});

//! Ids, xids, types of xids, digests and moments: what is read is written as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_wire::changes::EventId;
use muster_words::{Collection, Digest, Id, Moment, Xid};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(id) = text.parse::<Id>() {
        assert_eq!(id.as_str(), text);
    }
    if let Ok(xid) = text.parse::<Xid>() {
        assert_eq!(xid.to_string(), text);
        assert_eq!(Xid::parse_loosely(text).as_ref(), Ok(&xid));
        let _ = (xid.parent(), xid.resource(), xid.group(), xid.collection(), xid.id());
    }
    if let Ok(xid) = Xid::parse_loosely(text) {
        assert_eq!(xid.to_string().parse::<Xid>().as_ref(), Ok(&xid));
    }
    if let Ok(collection) = text.parse::<Collection>() {
        assert_eq!(collection.to_string(), text);
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string().parse::<Digest>().as_ref(), Ok(&digest));
    }
    if let Ok(moment) = Moment::parse(text) {
        assert_eq!(Moment::parse(&moment.to_string()).as_ref(), Ok(&moment));
    }
    if let Ok(event) = text.parse::<EventId>() {
        assert_eq!(event.to_string().parse::<EventId>().as_ref(), Ok(&event));
    }
});

//! JSON Schemas: one is compiled, and documents meet it. What follows a zero byte is a document.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use muster_schema::{NoSources, Schema};
use muster_words::json::{Value, parse};

static DOCUMENTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let texts = [
        r#"{"a":[1,2,3],"b":"text","c":{"d":null,"e":1.5},"n":9007199254740993}"#,
        r#"[[],{},"",0,-1.5e3,true,null]"#,
        "\"2026-11-21T10:00:00Z\"",
        "1e400",
    ];
    texts.iter().map(|text| parse(text.as_bytes()).expect("it is JSON")).collect()
});

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let schema = parts.next().unwrap_or_default();
    let Ok(schema) = Schema::parse(schema, &NoSources) else { return };
    let sent = parts.next().and_then(|document| parse(document).ok());
    for document in DOCUMENTS.iter().chain(&sent) {
        let found = schema.validate(document);
        assert!(found.len() <= muster_schema::limits::VIOLATIONS_MAX + 1);
    }
});

//! Business rules: an expression, or a whole rule, is compiled and asked about a document.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use muster_rules::{Rule, RuleContext, check};
use muster_words::{
    Id, Xid,
    json::{Map, Value, parse, to_canonical},
};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = br#"{"a":[1,2,3],"b":"text","c":{"d":null,"e":1.5},"n":9007199254740993,"t":true}"#;
    parse(text).expect("it is JSON")
});
static ID: LazyLock<Id> = LazyLock::new(|| "fuzz".parse().expect("it is an id"));
static XID: LazyLock<Xid> =
    LazyLock::new(|| "/configs/app/entries/x".parse().expect("it is an xid"));

fn ask(bytes: &[u8]) {
    let Ok(rule) = Rule::compile(&ID, bytes) else { return };
    let at = RuleContext::of(&XID).expect("a document has a context");
    let rule = [Arc::new(rule)];
    let found = check(&rule, &DOCUMENT, &at, &[]);
    assert_eq!(check(&rule, &DOCUMENT, &at, &[]), found, "a rule gives one answer");
}

fuzz_target!(|bytes: &[u8]| {
    ask(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (expression, message) = text.split_once('\0').unwrap_or((text, "broken"));
    let members = [
        ("expression", expression),
        ("message", message),
        ("severity", "error"),
        ("pointer", "/a"),
    ];
    let rule: Map<String, Value> =
        members.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    ask(&to_canonical(&Value::Object(rule)));
});

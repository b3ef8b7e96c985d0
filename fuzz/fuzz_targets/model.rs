//! Models: what compiles can be printed, and compiles again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_model::{Foundation, Model};
use muster_words::json::parse;

fuzz_target!(|bytes: &[u8]| {
    let Ok(source) = parse(bytes) else { return };
    for foundation in [Foundation::Bare, Foundation::BuiltIn] {
        let Ok(model) = Model::compile(&source, foundation) else { continue };
        let again = Model::compile(model.source(), foundation).expect("its source is a model");
        assert_eq!(again.to_json(), model.to_json());
    }
});

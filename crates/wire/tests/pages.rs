//! The reference's pages say what the source says.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::fs;

fn reference(name: &str) -> String {
    let path = format!("{}/../../docs/reference/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn the_committed_description_is_the_table_of_operations() {
    let committed: serde_json::Value = serde_json::from_str(&reference("openapi.json")).unwrap();
    assert!(
        committed == muster_wire::openapi::document(env!("CARGO_PKG_VERSION")),
        "docs/reference/openapi.json is outdated: \
         cargo run -q -p muster-wire --example pages openapi > docs/reference/openapi.json"
    );
}

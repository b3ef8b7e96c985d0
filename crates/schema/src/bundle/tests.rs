#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;

fn xid(text: &str) -> Xid {
    text.parse().unwrap()
}

fn bundle() -> SchemaBundle {
    let mut bundle = SchemaBundle::default();
    let id = xid("/schemagroups/s/schemas/id/versions/3");
    let record = r#"{"type":"record","name":"R","fields":[{"name":"id","type":"Id"}]}"#;
    bundle.add(
        id.clone(),
        BundledSchema::new(SchemaFormat::Avro, r#"{"type":"fixed","name":"Id","size":2}"#),
    );
    bundle.add(
        xid("/schemagroups/s/schemas/r/versions/1"),
        BundledSchema {
            references: vec![("Id".to_owned(), id)],
            ..BundledSchema::new(SchemaFormat::Avro, record)
        },
    );
    bundle.name(xid("/schemagroups/s/schemas/r"), xid("/schemagroups/s/schemas/r/versions/1"));
    bundle
}

#[test]
fn what_is_written_is_read_and_written_as_the_same_bytes() {
    let bytes = bundle().write().unwrap();
    let read = SchemaBundle::read(&bytes).unwrap();
    assert_eq!(read, bundle());
    assert_eq!(read.write().unwrap(), bytes);
    let digest = Digest::of(&bytes).to_string();
    assert_eq!(digest, BYTES, "the form of bundles is fixed: {}", String::from_utf8_lossy(&bytes));
}

/// The digest of the bundle above, as the first release wrote it.
const BYTES: &str = "f2bbb65d9f8beb53d22433174e4d326ad33e73afea1d45960d7871b8d06cade1";

#[test]
fn every_change_of_a_bundle_is_found() {
    let bytes = bundle().write().unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    for (from, to, expect) in [
        (r#"\"size\":2"#, r#"\"size\":3"#, "the text of /schemagroups/s/schemas/id/versions/3"),
        (r#""name":"Id","xid""#, r#""name":"Ie","xid""#, "it was changed"),
        (r#""format":"avro""#, r#""format":"jsonschema""#, "it was changed"),
        (r#""format":"avro""#, r#""format":"xsd""#, "isn't a format"),
        ("bundle/1", "bundle/2", "only \"muster-schema-bundle/1\" is known"),
        (r#""form""#, r#""fort""#, "no member \"form\""),
        (r#""names""#, r#""nanes""#, "unknown field"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let told = SchemaBundle::read(changed.as_bytes()).unwrap_err().to_string();
        assert!(told.contains(expect), "{from}: {told}");
    }
    // Cut off anywhere, and any single byte changed.
    for end in 0..bytes.len() {
        let told = SchemaBundle::read(&bytes[..end]).unwrap_err().to_string();
        assert!(told.starts_with("it is cut off"), "{end}: {told}");
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(SchemaBundle::read(&changed).is_err(), "byte {at}");
    }
}

#[test]
fn a_bundle_that_lacks_something_is_neither_written_nor_read() {
    let mut lacking = bundle();
    lacking.schemas.remove(&xid("/schemagroups/s/schemas/id/versions/3"));
    let told = lacking.write().unwrap_err().to_string();
    assert!(told.contains("lacks /schemagroups/s/schemas/id/versions/3"), "{told}");
}

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use muster_words::json::{self, Value};

use super::*;
use crate::{NoSources, SchemaContext};

fn value(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn text(format: SchemaFormat, sent: &str) -> String {
    let context = SchemaContext { home: None, sources: &NoSources, texts: &[], notation: None };
    let schema = FormattedSchema::parse(format, sent.as_bytes(), &context).unwrap();
    schema.confluent_text(sent.as_bytes())
}

/// What is hashed, in the order of Confluent's `Schema.updateHash`: these are MD5s of the texts on
/// the right.
#[test]
fn the_guid_is_the_md5_of_all_parts() {
    let plain = |text: &str| SchemaGuid(Md5::digest(text).into());
    let references = [ReferencedVersion { name: "n".into(), subject: "s".into(), version: 2 }];
    let metadata =
        value(r#"{"properties":{"b":"2","a":"1"},"tags":{"t":["x"]},"sensitive":["a"]}"#);
    let rules = value(
        r#"{"domainRules":[{"name":"r","kind":"CONDITION","mode":"WRITE","type":"CEL","disabled":false}]}"#,
    );
    let parts = IdentityParts::default();
    let check = |parts, expected| assert_eq!(SchemaGuid::of("text", parts), plain(expected));
    check(parts, "text");
    check(IdentityParts { references: &references, ..parts }, "textns\0\0\0\u{2}");
    check(IdentityParts { metadata: Some(&metadata), ..parts }, "text\u{1}txa1b2a");
    check(IdentityParts { rule_set: Some(&rules), ..parts }, "text\u{1}rCONDITIONWRITECEL");
}

#[test]
fn a_guid_is_read_as_it_is_shown() {
    let guid = SchemaGuid::of("\"int\"", IdentityParts::default());
    assert_eq!(guid.to_string().parse(), Ok(guid));
    assert_eq!(guid.to_string().replace('-', "").parse(), Ok(guid));
    for wrong in
        ["", "no", "d629bb05-ad85-3d20-fbcb-895de3c459", "é629bb05ad853d20fbcb895de3c459f7"]
    {
        assert!(wrong.parse::<SchemaGuid>().is_err(), "{wrong}");
    }
}

#[test]
fn texts_are_what_confluent_shows() {
    let check = |format, sent: &str, shown: &str| assert_eq!(text(format, sent), shown);
    check(SchemaFormat::Avro, r#"{"type": "string"}"#, r#""string""#);
    check(
        SchemaFormat::JsonSchema,
        "{ \"type\" : \"object\",\n \"a\": [1.50, \"x y\"], \"$id\":\"b\"}",
        r#"{"type":"object","a":[1.50,"x y"],"$id":"b"}"#,
    );
    check(SchemaFormat::JsonSchema, "type: string\n", r#"{"type":"string"}"#);
}

/// What Confluent's clients keep: computed from the texts on the left by a program of its own.
#[test]
fn guids_stay_what_they_are() {
    let guid = |format, sent: &str, references: &[ReferencedVersion]| {
        let parts = IdentityParts { references, ..IdentityParts::default() };
        SchemaGuid::of(&text(format, sent), parts).to_string()
    };
    let money =
        [ReferencedVersion { name: "shop.Money".into(), subject: "money".into(), version: 3 }];
    let record = r#"{"name": "Order", "namespace": "shop", "type": "record", "fields": [{"name": "id", "type": "long"}]}"#;
    let object = r#"{ "type": "object", "properties": { "id": { "type": "integer" } } }"#;
    let message = "syntax = \"proto3\"; message Order { int64 id = 1; /* its number */ }";
    for (format, sent, references, expected) in [
        (SchemaFormat::Avro, r#""string""#, &[][..], "095d71cf-1255-6b9d-5e33-0ad575b3df5d"),
        (SchemaFormat::Avro, record, &[], "4f33bf48-d05f-5792-d9b4-97941ab511c5"),
        (SchemaFormat::Avro, r#""string""#, &money, "562ce2e0-79be-562d-ab48-3a88c72db4d7"),
        (SchemaFormat::JsonSchema, object, &[], "829b7819-0431-161a-0079-eb9d4cf0c17c"),
        (SchemaFormat::Protobuf, message, &[], "bf5545ae-99a9-3dc9-6b8c-80b7136425c2"),
    ] {
        assert_eq!(guid(format, sent, references), expected, "{sent}");
    }
}

//! Drives the Confluent door with the crate schema_registry_converter. Arguments: the URL, and a key
//! or "". A line for each thing that was tried; the first that fails ends it. The crate can't delete.

use apache_avro::types::Value as AvroValue;
use schema_registry_converter::{
    async_impl::{
        avro::{AvroDecoder, AvroEncoder},
        json::{JsonDecoder, JsonEncoder},
        proto_raw::{ProtoRawDecoder, ProtoRawEncoder},
        schema_registry::{
            SrSettings, get_all_subjects, get_all_versions, get_schema_by_guid, get_schema_by_id,
            get_schema_by_subject_and_version, is_compatible_schema, post_schema,
        },
    },
    schema_registry_common::{SchemaType, SubjectNameStrategy, SuppliedSchema},
};
use serde_json::json;

fn record(fields: &str) -> SuppliedSchema {
    let text = format!(r#"{{"type":"record","name":"Order","namespace":"shop","fields":[{fields}]}}"#);
    SuppliedSchema::new(Some("shop.Order".to_owned()), SchemaType::Avro, text)
}

const ID: &str = r#"{"name":"id","type":"long"}"#;
const NOTE: &str = r#",{"name":"note","type":["null","string"],"default":null}"#;
const OTHER: &str = r#"{"name":"id","type":"string"}"#;

async fn registers_and_evolves(settings: &SrSettings) {
    let subject = || "rust-value".to_owned();
    let first = post_schema(settings, subject(), record(ID)).await.unwrap();
    let again = post_schema(settings, subject(), record(ID)).await.unwrap();
    assert_eq!(first.id, again.id);
    let wider = record(&format!("{ID}{NOTE}"));
    assert!(is_compatible_schema(settings, subject(), wider.clone()).await.unwrap());
    let second = post_schema(settings, subject(), wider).await.unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(get_all_versions(settings, subject()).await.unwrap(), [1, 2]);
    assert!(get_all_subjects(settings).await.unwrap().contains(&subject()));
    let latest = get_schema_by_subject_and_version(settings, "rust-value", None).await.unwrap();
    assert_eq!((latest.id, latest.version), (second.id, Some(2)));
    let by_id = get_schema_by_id(first.id, settings).await.unwrap();
    assert_eq!(by_id.schema, record(ID).schema);
    let guid = by_id.guid.expect("a guid");
    assert_eq!(get_schema_by_guid(&guid, settings).await.unwrap().schema, by_id.schema);
    println!("ok: rust registers and evolves");
}

async fn is_refused(settings: &SrSettings) {
    let subject = || "rust-value".to_owned();
    assert!(!is_compatible_schema(settings, subject(), record(OTHER)).await.unwrap());
    let refused = post_schema(settings, subject(), record(OTHER)).await.unwrap_err();
    assert!(!refused.retriable, "{refused}");
    get_schema_by_id(4_000_000, settings).await.unwrap_err();
    get_schema_by_subject_and_version(settings, "nobody", None).await.unwrap_err();
    println!("ok: rust is refused");
}

async fn round_trips(settings: &SrSettings) {
    let strategy = |schema| SubjectNameStrategy::TopicNameStrategyWithSchema("rust-trips".to_owned(), false, schema);
    let sent = vec![("id", AvroValue::Long(7))];
    let encoder = AvroEncoder::new(settings.clone());
    let bytes = encoder.encode(sent, strategy(record(ID))).await.unwrap();
    let read = AvroDecoder::new(settings.clone()).decode(Some(&bytes)).await.unwrap();
    assert_eq!(read.value, AvroValue::Record(vec![("id".to_owned(), AvroValue::Long(7))]));

    let object = r#"{"$schema":"http://json-schema.org/draft-07/schema#","title":"Trip","type":"object","properties":{"id":{"type":"integer"}}}"#;
    let schema = SuppliedSchema::new(None, SchemaType::Json, object.to_owned());
    let named = |topic: &str, schema| SubjectNameStrategy::TopicNameStrategyWithSchema(topic.to_owned(), false, schema);
    let encoder = JsonEncoder::new(settings.clone());
    let bytes = encoder.encode(&json!({"id": 7}), named("rust-json", schema)).await.unwrap();
    let read = JsonDecoder::new(settings.clone()).decode(Some(&bytes)).await.unwrap();
    assert_eq!(read.expect("a value").value, json!({"id": 7}));

    let message = "syntax = \"proto3\"; package shop; message Trip { int64 id = 1; }";
    let schema = SuppliedSchema::new(None, SchemaType::Protobuf, message.to_owned());
    let encoder = ProtoRawEncoder::new(settings.clone());
    let payload = [8, 7];
    let bytes = encoder.encode(&payload, "shop.Trip", named("rust-proto", schema)).await.unwrap();
    let read = ProtoRawDecoder::new(settings.clone()).decode(Some(&bytes)).await.unwrap();
    let read = read.expect("a message");
    assert_eq!((read.full_name.as_str(), &*read.bytes), ("shop.Trip", &payload[..]));
    println!("ok: rust round trips");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (url, key) = (arguments.next().expect("a URL"), arguments.next().unwrap_or_default());
    let mut settings = SrSettings::new_builder(url);
    settings.no_proxy();
    if !key.is_empty() {
        settings.set_basic_authorization("anybody", Some(&key));
    }
    let settings = settings.build().unwrap();
    registers_and_evolves(&settings).await;
    is_refused(&settings).await;
    round_trips(&settings).await;
}

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use muster_guard::{
    addresses::{AddressFilter, AddressRefused},
    secret_references::SecretSources,
};
use muster_words::Position;
use serde_json::json;

use super::*;
use crate::{
    changes::{ChangeId, DocumentChangeKind},
    http_sender::SystemResolver,
    scripted::Scripted,
    target::TargetKind,
    trust,
};

const KEY: &str = "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn record(key: &str, data: impl Into<Bytes>) -> KinesisRecord {
    KinesisRecord { key: key.to_owned(), data: data.into() }
}

/// Sends records to the service at a URL, with a key.
async fn sent(url: &str, key: &'static str, records: &[KinesisRecord]) -> Vec<TryOutcome> {
    let filter = AddressFilter::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let sender = HttpSender::new(filter, trust(None).unwrap(), Arc::new(SystemResolver));
    let sources = SecretSources { variable: Arc::new(move |_| Some(key.to_owned())) };
    let secrets = SecretList::read(&["env:KEY 127.0.0.1".to_owned()], sources).unwrap();
    let target = RelayTarget::read(json!({
        "kind": "kinesis", "url": url, "stream": "s", "region": "eu-west-1",
        "credentials": "env:KEY", "timeout_seconds": 5,
    }));
    let target = target.unwrap();
    let TargetKind::Kinesis(kinesis) = &target.kind else { panic!("{target:?}") };
    let now = Moment::parse("2015-08-30T12:36:00Z").unwrap();
    put(&sender, &secrets, (&target, kinesis), records, now).await
}

fn says(text: &str) -> TryOutcome {
    TryOutcome::Failed(TryFailure::Answer(text.to_owned()))
}

#[tokio::test]
async fn a_request_is_the_one_that_the_api_documents_and_is_signed() {
    let stored = r#"{"Records": [{"SequenceNumber": "1", "ShardId": "a"},
        {"SequenceNumber": "2", "ShardId": "b"}], "FailedRecordCount": 0}"#;
    let server = Scripted::start(&[(200, stored)]).await;
    let records = [record("/configs/a", "{\"a\":1}"), record("/configs/b", "{}")];
    let outcomes = sent(&server.url, KEY, &records).await;
    assert_eq!(outcomes, [TryOutcome::Taken, TryOutcome::Taken]);
    let [asked] = &server.asked()[..] else { panic!("{:?}", server.asked()) };
    assert_eq!(asked.line, "POST /");
    let expect = "{\"StreamName\":\"s\",\"Records\":[\
                  {\"Data\":\"eyJhIjoxfQ==\",\"PartitionKey\":\"/configs/a\"},\
                  {\"Data\":\"e30=\",\"PartitionKey\":\"/configs/b\"}]}";
    assert_eq!(asked.body, expect);
    assert_eq!(asked.headers["content-type"], "application/x-amz-json-1.1");
    assert_eq!(asked.headers["x-amz-target"], "Kinesis_20131202.PutRecords");
    assert_eq!(asked.headers["x-amz-date"], "20150830T123600Z");
    assert!(!asked.headers.contains_key("x-amz-security-token"));
    let signature = &asked.headers["authorization"];
    let begin = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/kinesis/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=";
    assert!(signature.starts_with(begin), "{signature}");
    // The token of a key that ends is signed as well.
    sent(&server.url, "id:word:token", &records).await;
    let asked = server.asked().pop().unwrap();
    assert_eq!(asked.headers["x-amz-security-token"], "token");
    let signature = &asked.headers["authorization"];
    assert!(signature.contains("x-amz-date;x-amz-security-token;x-amz-target,"), "{signature}");
}

#[tokio::test]
async fn each_record_has_its_own_outcome_and_what_a_shard_does_not_take_is_sent_again() {
    let busy = r#"{"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate"}"#;
    let broken = r#"{"ErrorCode": "InternalFailure", "ErrorMessage": "Internal"}"#;
    let stored = r#"{"SequenceNumber": "1", "ShardId": "a"}"#;
    let answer = |records: &[&str]| format!(r#"{{"Records": [{}]}}"#, records.join(","));
    let records = [record("/a", "1"), record("/b", "2"), record("/c", "3")];
    let [first, second] = [answer(&[stored, busy, broken]), answer(&[busy, stored])];
    let (third, never) = (answer(&[stored]), answer(&[stored, busy, broken]));
    let server = Scripted::start(&[(200, &first), (200, &second), (200, &third)]).await;
    let taken = TryOutcome::Taken;
    assert_eq!(
        sent(&server.url, KEY, &records).await,
        [taken.clone(), taken.clone(), taken.clone()]
    );
    let counts = server.asked().into_iter().map(|asked| asked.body.matches("\"Data\"").count());
    assert_eq!(counts.collect::<Vec<_>>(), [3, 2, 1]);
    let still = answer(&[busy, broken]);
    let server = Scripted::start(&[(200, &never), (200, &still)]).await;
    let outcomes = sent(&server.url, KEY, &records).await;
    assert_eq!(outcomes, [taken, says(SLOW), says("InternalFailure: Internal")]);
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_record_that_is_too_large_is_not_sent_and_holds_up_no_other() {
    let stored = r#"{"Records": [{"SequenceNumber": "1", "ShardId": "a"}]}"#;
    let server = Scripted::start(&[(200, stored)]).await;
    let large = |bytes: usize| record("/a", vec![b'1'; bytes]);
    let outcomes = sent(&server.url, KEY, &[large(1_048_575), large(1_048_574)]).await;
    let too_large = TryFailure::TooLarge { bytes_max: Some(1_048_576) };
    assert_eq!(outcomes, [TryOutcome::Failed(too_large.clone()), TryOutcome::Taken]);
    let outcomes = sent(&server.url, KEY, &[large(1_048_575)]).await;
    assert_eq!(outcomes, [TryOutcome::Failed(too_large)]);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn only_what_is_too_large_by_itself_is_refused_for_it() {
    let stored = r#"{"Records": [{"SequenceNumber": "1", "ShardId": "a"}]}"#;
    let both = r#"{"Records": [{"SequenceNumber": "1"}, {"SequenceNumber": "2"}]}"#;
    let large = r#"{"__type": "RequestEntityTooLargeException"}"#;
    let records = ["/a", "/b", "/c", "/d"].map(|key| record(key, "1"));
    for (status, body, expect) in [
        (413, "", TryOutcome::Status { status: 413, retry_after: None }),
        (400, large, TryOutcome::Failed(TryFailure::TooLarge { bytes_max: None })),
    ] {
        // All; the first half; the second half, and its halves.
        let answers = [(status, body), (200, both), (status, body), (200, stored), (status, body)];
        let server = Scripted::start(&answers).await;
        let taken = TryOutcome::Taken;
        let outcomes = sent(&server.url, KEY, &records).await;
        assert_eq!(outcomes, [taken.clone(), taken.clone(), taken, expect]);
        let counts = server.asked().into_iter().map(|asked| asked.body.matches("\"Data\"").count());
        assert_eq!(counts.collect::<Vec<_>>(), [4, 2, 2, 1, 1]);
    }
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let status = |status| TryOutcome::Status { status, retry_after: None };
    let error = |code: &str| format!(r#"{{"__type": "{code}", "message": "no \u0007more"}}"#);
    for (code, body, expect) in [
        (
            400,
            error("com.amazonaws.kinesis.v20131202#ResourceNotFoundException"),
            says(
                "the key's account has no stream s in eu-west-1: make it, or name another one in \
                 `stream`, or its region",
            ),
        ),
        (
            400,
            error("AccessDeniedException"),
            says(
                "the key may not write to the stream s in eu-west-1 (kinesis:PutRecords, and \
                 kms:GenerateDataKey if it is encrypted)",
            ),
        ),
        (
            400,
            error("UnrecognizedClientException"),
            says(
                "it doesn't know the key (UnrecognizedClientException): check the secret of \
                 `credentials`",
            ),
        ),
        (
            400,
            error("ExpiredTokenException"),
            says(
                "the key's time is over (ExpiredTokenException): renew the secret of `credentials`",
            ),
        ),
        (
            403,
            error("InvalidSignatureException"),
            says(
                "it doesn't accept the signature (InvalidSignatureException): check the secret of \
                 `credentials`, the region eu-west-1, and this server's clock",
            ),
        ),
        (400, error("ProvisionedThroughputExceededException"), says(SLOW)),
        (
            400,
            error("ValidationException"),
            TryOutcome::Failed(TryFailure::Content("ValidationException: no more".to_owned())),
        ),
        (
            400,
            r#"{"__type": "KMSDisabledException", "Message": "a"}"#.to_owned(),
            says("KMSDisabledException: a"),
        ),
        (
            400,
            error("SomeException"),
            TryOutcome::Failed(TryFailure::Content("SomeException: no more".to_owned())),
        ),
        (
            400,
            "<html>".to_owned(),
            TryOutcome::Failed(TryFailure::Content("status 400".to_owned())),
        ),
        (500, error("InternalFailure"), says("InternalFailure: no more")),
        (404, "<html>".to_owned(), says("status 404")),
        (403, "<Error><Code>Some</Code></Error>".to_owned(), says("Some")),
        (503, String::new(), status(503)),
        (429, String::new(), status(429)),
        (200, "{}".to_owned(), TryOutcome::Failed(TryFailure::Broken)),
        (200, r#"{"Records": []}"#.to_owned(), TryOutcome::Failed(TryFailure::Broken)),
    ] {
        let server = Scripted::start(&[(code, &body)]).await;
        let records = [record("/a", "1"), record("/b", "2")];
        assert_eq!(sent(&server.url, KEY, &records).await, [expect.clone(), expect], "{body}");
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn one_record_alone_is_not_at_fault_for_what_nobody_knows() {
    let body = r#"{"__type": "SomeException", "message": "no more"}"#;
    let server = Scripted::start(&[(400, body)]).await;
    let outcomes = sent(&server.url, KEY, &[record("/a", "1")]).await;
    assert_eq!(outcomes, [says("SomeException: no more")]);
}

#[tokio::test]
async fn nothing_goes_to_an_address_that_is_refused_or_without_a_key() {
    let expected = "KEY_ID:SECRET, with :TOKEN behind it for a key that ends";
    for (url, key, expect) in [
        ("https://10.0.0.1", KEY, TryFailure::Refused(AddressRefused::Network)),
        ("http://8.8.8.8", KEY, TryFailure::Refused(AddressRefused::ClearText)),
        ("http://127.0.0.1:9", "word", TryFailure::Credentials { expected }),
        ("http://127.0.0.1:9", KEY, TryFailure::Unreachable),
    ] {
        let outcomes = sent(url, key, &[record("/a", "1")]).await;
        assert_eq!(outcomes, [TryOutcome::Failed(expect)], "{url}");
    }
    // The settings list the secret for another host.
    let outcomes = sent("http://127.0.0.2:9", KEY, &[record("/a", "1")]).await;
    assert!(matches!(outcomes[..], [TryOutcome::Failed(TryFailure::Secret(_))]), "{outcomes:?}");
}

#[test]
fn a_record_has_the_key_of_its_document_group_or_type() {
    let long = "x".repeat(120);
    let name = format!("/{}/{long}/entries/{long}", "configs");
    for (resource, key, expect) in [
        ("/configs/web/entries/limits", "document", "/configs/web/entries/limits"),
        ("/configs/web/entries/limits", "group", "/configs/web"),
        ("/configs/web/entries/limits", "type", "/configs"),
        (&name, "group", &format!("/configs/{long}")),
        (&name, "document", &Digest::of(name.as_bytes()).to_string()),
    ] {
        let change = DocumentChange {
            id: ChangeId { position: Position(7), index: 0 },
            begin: Position(6),
            resource: resource.parse().unwrap(),
            kind: DocumentChangeKind::Updated,
            moment: Moment::EPOCH,
            cause: None,
        };
        let target = RelayTarget::read(json!({
            "kind": "kinesis", "url": "https://kinesis.eu-west-3.amazonaws.com",
            "credentials": "env:KEY", "partition_key": key,
        }));
        let TargetKind::Kinesis(kinesis) = target.unwrap().kind else { panic!("{key}") };
        assert_eq!((&*kinesis.region, &*kinesis.stream), ("eu-west-3", "registry-events"));
        let record = KinesisRecord::new(&kinesis, &change, Bytes::from_static(b"{}"));
        assert_eq!(record.key, expect, "{key}");
        assert!(record.key.chars().count() <= KEY_LETTERS_MAX && record.bytes() > 2);
    }
}

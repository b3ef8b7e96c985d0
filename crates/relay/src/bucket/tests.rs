#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use muster_guard::{
    addresses::{AddressFilter, AddressRefused},
    secret_references::SecretSources,
};
use muster_words::Position;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{
    changes::{ChangeId, DocumentChangeKind},
    http_sender::SystemResolver,
    target::TargetKind,
    trust,
};

#[test]
fn an_answer_says_what_is_wrong() {
    let says = |text: &str| TryOutcome::Failed(TryFailure::Answer(text.to_owned()));
    let error = "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>None \u{7}here\
                 </Message></Error>";
    let status = |status| TryOutcome::Status { status, retry_after: None };
    for (code, body, expect) in [
        (200, "", TryOutcome::Taken),
        (412, "", TryOutcome::Taken),
        (404, error, says("NoSuchBucket: None here")),
        (403, "<Error><Code>AccessDenied</Code></Error>", says("AccessDenied")),
        (301, "<Error><Code>Moved", says("status 301")),
        (500, "", says("status 500")),
        (
            400,
            "<Error><Code>EntityTooLarge</Code><Message>big</Message></Error>",
            TryOutcome::Failed(TryFailure::TooLarge { bytes_max: None }),
        ),
        (413, "", status(413)),
        (503, "<Error><Code>SlowDown</Code></Error>", status(503)),
    ] {
        let body = body.as_bytes().to_vec();
        let received = Received { status: code, headers: HeaderMap::new(), body };
        assert_eq!(outcome(&received), expect, "{code}");
    }
}

/// An S3 server of a test, with one bucket whose objects are files.
struct Versitygw {
    child: Child,
    endpoint: String,
    folder: TempDir,
}

impl Drop for Versitygw {
    fn drop(&mut self) {
        // It ends with the test, whatever became of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Versitygw {
    /// Starts versitygw (Apache-2.0) from `MUSTER_TEST_VERSITYGW` or the path. None if there is none.
    async fn start() -> Option<Self> {
        let program =
            std::env::var("MUSTER_TEST_VERSITYGW").unwrap_or_else(|_| "versitygw".to_owned());
        let folder = tempfile::tempdir().unwrap();
        let (root, sidecar) = (folder.path().join("buckets"), folder.path().join("attributes"));
        fs::create_dir_all(root.join("changes")).unwrap();
        fs::create_dir(&sidecar).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let started = Command::new(program)
            .env("ROOT_ACCESS_KEY", "test")
            .env("ROOT_SECRET_KEY", "testtest")
            .args(["--port", &address, "--quiet", "posix", "--sidecar"])
            .arg(&sidecar)
            .arg(&root)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = started else {
            let why = "left out: targets that are buckets against a real server, because versitygw \
                       isn't there: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0, \
                       and name it in MUSTER_TEST_VERSITYGW\n";
            // cargo hides what a test that passes prints with eprintln!.
            std::io::stderr().write_all(why.as_bytes()).unwrap();
            return None;
        };
        let end = Instant::now() + Duration::from_secs(20);
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            assert!(Instant::now() < end, "versitygw doesn't listen");
            assert!(child.try_wait().unwrap().is_none(), "versitygw ended");
            // sleeps: between two looks at what another process does.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Some(Self { child, endpoint: format!("http://{address}"), folder })
    }

    /// The files in the bucket, with what they hold.
    fn objects(&self) -> Vec<(String, String)> {
        let folder: PathBuf = self.folder.path().join("buckets/changes/of/web/events");
        let mut found: Vec<(String, String)> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        found.sort();
        found
    }
}

fn change(kind: DocumentChangeKind) -> DocumentChange {
    DocumentChange {
        id: ChangeId { position: Position(1_204), index: 3 },
        begin: Position(1_203),
        resource: "/configs/web/entries/limits".parse().unwrap(),
        kind,
        moment: Moment::EPOCH,
        cause: None,
    }
}

/// The delivery of a change to the bucket at a URL, with a key.
async fn delivered(url: &str, key: &str, id: &str, body: &'static str) -> TryOutcome {
    let filter = AddressFilter::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let sender = HttpSender::new(filter, trust(None).unwrap(), Arc::new(SystemResolver));
    let key = key.to_owned();
    let sources = SecretSources { variable: Arc::new(move |_| Some(key.clone())) };
    let secrets = SecretList::read(&["env:KEY 127.0.0.1".to_owned()], sources).unwrap();
    let document = json!({"kind": "bucket", "url": url, "credentials": "env:KEY"});
    let target = RelayTarget::read(document).unwrap();
    let TargetKind::Bucket(bucket) = &target.kind else { panic!("{target:?}") };
    let change = change(DocumentChangeKind::Updated);
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = Moment::from_microseconds(i64::try_from(seconds.as_micros()).unwrap()).unwrap();
    let body = Bytes::from_static(body.as_bytes());
    let delivery = BucketDelivery { change: &change, id, body, now };
    deliver(&sender, &secrets, (&target, bucket), delivery).await
}

#[tokio::test]
async fn an_event_is_written_once_and_never_over_another_one() {
    let Some(server) = Versitygw::start().await else { return };
    let place = format!("{}/changes/of/web/", server.endpoint);
    let (one, other) = (format!("msg_{}", "a".repeat(32)), format!("msg_{}", "b".repeat(32)));
    for (id, body) in [(&one, "{\"a\":1}"), (&one, "{\"a\":2}"), (&other, "{\"a\":3}")] {
        assert_eq!(delivered(&place, "test:testtest", id, body).await, TryOutcome::Taken);
    }
    let name = |id: &str| format!("00000000000000001204-000003-updated-{}.json", id.repeat(16));
    assert_eq!(
        server.objects(),
        [(name("a"), "{\"a\":1}".to_owned()), (name("b"), "{\"a\":3}".to_owned())]
    );
    for (url, key, expect) in [
        (place.clone(), "test:wrong", "SignatureDoesNotMatch: "),
        (format!("{}/nothing/of", server.endpoint), "test:testtest", "NoSuchBucket: "),
    ] {
        let outcome = delivered(&url, key, "msg_c", "{}").await;
        let TryOutcome::Failed(TryFailure::Answer(text)) = outcome else { panic!("{outcome:?}") };
        assert!(text.starts_with(expect), "{text}");
    }
    assert_eq!(server.objects().len(), 2);
}

#[tokio::test]
async fn nothing_goes_to_an_address_that_is_refused_or_without_a_key() {
    for (url, key, expect) in [
        ("https://10.0.0.1/changes", "id:secret", TryFailure::Refused(AddressRefused::Network)),
        ("http://8.8.8.8/changes", "id:secret", TryFailure::Refused(AddressRefused::ClearText)),
        (
            "http://127.0.0.1:9/changes",
            "secret",
            TryFailure::Credentials {
                expected: "KEY_ID:SECRET, with :TOKEN behind it for a key that ends",
            },
        ),
        ("http://127.0.0.1:9/changes", "id:secret", TryFailure::Unreachable),
    ] {
        let outcome = delivered(url, key, "msg_a", "{}").await;
        assert_eq!(outcome, TryOutcome::Failed(expect), "{url}");
    }
    // The settings list the secret for another host.
    let outcome = delivered("http://127.0.0.2:9/changes", "id:secret", "msg_a", "{}").await;
    assert!(matches!(outcome, TryOutcome::Failed(TryFailure::Secret(_))), "{outcome:?}");
}

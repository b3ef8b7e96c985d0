#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::*;
use crate::{
    MARKER_PATH, publish,
    publish::tests::{
        AFTER, BEFORE, Documents, GONE, check_names, conforms, done, options, read_site,
    },
};

const KEY: (&str, &str) = ("test", "testtest");

/// An S3 server of a test, with one bucket.
struct Versitygw {
    child: Child,
    endpoint: String,
    _folder: TempDir,
}

impl Drop for Versitygw {
    fn drop(&mut self) {
        // It ends with the test, whatever became of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts versitygw (Apache-2.0) from `MUSTER_TEST_VERSITYGW` or the path. None if there is none.
fn versitygw() -> Option<Versitygw> {
    let program = std::env::var("MUSTER_TEST_VERSITYGW").unwrap_or_else(|_| "versitygw".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let (root, sidecar) = (folder.path().join("buckets"), folder.path().join("attributes"));
    std::fs::create_dir_all(root.join("site")).unwrap();
    std::fs::create_dir(&sidecar).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let started = Command::new(program)
        .env("ROOT_ACCESS_KEY", KEY.0)
        .env("ROOT_SECRET_KEY", KEY.1)
        .args(["--port", &address, "--quiet", "posix", "--sidecar"])
        .arg(&sidecar)
        .arg(&root)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else {
        let why = "left out: buckets against a real server, because versitygw isn't there: \
                   go install github.com/versity/versitygw/cmd/versitygw@v1.8.0, and name it in \
                   MUSTER_TEST_VERSITYGW\n";
        // cargo hides what a test that passes prints with eprintln!.
        std::io::stderr().write_all(why.as_bytes()).unwrap();
        return None;
    };
    let end = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(&address).is_err() {
        assert!(Instant::now() < end, "versitygw doesn't listen");
        assert!(child.try_wait().unwrap().is_none(), "versitygw ended");
        // sleeps: between two looks at what another process does.
        thread::sleep(Duration::from_millis(10));
    }
    Some(Versitygw { child, endpoint: format!("http://{address}"), _folder: folder })
}

fn access(endpoint: &str) -> BucketAccess {
    BucketAccess {
        key_id: KEY.0.to_owned(),
        secret: KEY.1.to_owned(),
        endpoint: endpoint.to_owned(),
        ..BucketAccess::default()
    }
}

fn bucket(server: &Versitygw, place: &str) -> BucketDestination {
    BucketDestination::new(place, &access(&server.endpoint)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_keeps_the_contract_and_holds_a_whole_site() {
    let Some(server) = versitygw() else { return };
    conforms(&bucket(&server, "site/contract")).await;
    let place: Arc<dyn SiteDestination> = Arc::new(bucket(&server, "site/a/b"));
    done(&Documents::new(100, &BEFORE), &place).await;
    let after = Documents::new(200, &AFTER);
    let report = done(&after, &place).await;
    assert!(report.requests <= 40, "{}", report.requests);
    assert_eq!(read_site(&place).await.position, 200);
    check_names(&place, &after, &GONE).await;
    assert!(done(&after, &place).await.is_unchanged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_publishers_of_a_bucket_the_latest_state_stays_whole() {
    let Some(server) = versitygw() else { return };
    let server = Arc::new(server);
    done(&Documents::new(100, &BEFORE), &{
        let place: Arc<dyn SiteDestination> = Arc::new(bucket(&server, "site/race"));
        place
    })
    .await;
    let runs = (1..=6_u64).map(|number| {
        let place: Arc<dyn SiteDestination> = Arc::new(bucket(&server, "site/race"));
        tokio::spawn(async move {
            let files = if number % 2 == 0 { &AFTER } else { &BEFORE };
            // Whoever is too slow is refused, or finds what it would have written.
            let _ = publish(&Documents::new(100 + number, files), &place, &options()).await;
        })
    });
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap();
    }
    let place: Arc<dyn SiteDestination> = Arc::new(bucket(&server, "site/race"));
    read_site(&place).await;
    let last = Documents::new(200, &AFTER);
    done(&last, &place).await;
    read_site(&place).await;
    check_names(&place, &last, &GONE).await;
    assert_eq!(place.read(MARKER_PATH).await.unwrap(), None);
}

/// A server that takes everything, whatever the condition is.
fn careless() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut read = Vec::new();
            let mut buffer = [0; 4_096];
            while !read.ends_with(b"{}") {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => read.extend_from_slice(&buffer[..count]),
                }
            }
            let answer =
                "HTTP/1.1 200 OK\r\netag: \"1\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ignores_conditions_is_refused() {
    let destination = BucketDestination::new("site", &access(&careless())).unwrap();
    let refused = destination.begin().await.map(drop).unwrap_err();
    assert!(refused.to_string().contains("ignores conditions"), "{refused}");
}

#[test]
fn a_bucket_needs_a_key() {
    let missing = BucketDestination::new("site", &BucketAccess::default());
    match missing {
        Err(error) => assert_eq!(error, BadPlace::NoKey),
        Ok(_) => panic!("there is no key"),
    }
    assert!(!format!("{:?}", access("http://a")).contains("testtest"));
}

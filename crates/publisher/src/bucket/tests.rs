#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod servers;

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    sync::Arc,
    thread,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use muster_words::Digest;

use self::servers::{BucketServer, KEY, access};
use super::*;
use crate::{
    AzureAccess, GoogleAccess, LargeFiles, MARKER_PATH, Pieces, PublishError, large_files_at,
    publish,
    publish::tests::{
        AFTER, BEFORE, Documents, GONE, check_names, conforms, done, kill_after, options, race,
        read_site,
    },
};

/// Checks that run against the server of each scheme.
macro_rules! against {
    ($scheme:ident, $module:ident) => {
        mod $module {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_bucket_keeps_the_contract_and_holds_a_whole_site() {
                let Some(server) = BucketServer::start(BucketScheme::$scheme).await else { return };
                keeps_the_contract_and_holds_a_whole_site(&server).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn an_absent_bucket_and_a_wrong_key_are_named() {
                let Some(server) = BucketServer::start(BucketScheme::$scheme).await else { return };
                names_an_absent_bucket_and_a_wrong_key(&server).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn of_many_publishers_of_a_bucket_the_latest_state_stays_whole() {
                let Some(server) = BucketServer::start(BucketScheme::$scheme).await else { return };
                latest_state_of_many_publishers_stays_whole(&server).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn large_files_come_and_go_whole() {
                // Google's stand-in has neither lists nor uploads in parts.
                if BucketScheme::$scheme == BucketScheme::Google {
                    return;
                }
                let Some(server) = BucketServer::start(BucketScheme::$scheme).await else { return };
                keeps_large_files(&server.bucket("site/safe~1 [a]")).await;
            }

            mod kills {
                use super::*;

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn at_each_step_leave_readers_of_a_bucket_one_state() {
                    let server = BucketServer::start(BucketScheme::$scheme).await;
                    let Some(server) = server else { return };
                    kills_at_each_step(&server).await;
                }
            }
        }
    };
}

against!(Amazon, amazon_server);
against!(Google, google_server);
against!(Azure, azure_server);

fn place(server: &BucketServer, place: &str) -> Arc<dyn SiteDestination> {
    Arc::new(server.bucket(place))
}

async fn keeps_the_contract_and_holds_a_whole_site(server: &BucketServer) {
    conforms(&server.bucket("site/contract")).await;
    let place = place(server, "site/a/b");
    done(&Documents::new(100, &BEFORE), &place).await;
    let after = Documents::new(200, &AFTER);
    let report = done(&after, &place).await;
    assert!(report.requests <= 40, "{}", report.requests);
    assert_eq!(read_site(&place).await.position, 200);
    check_names(&place, &after, &GONE).await;
    assert!(done(&after, &place).await.is_unchanged);
}

struct Counted(Vec<Result<Bytes, String>>);

#[async_trait]
impl Pieces for Counted {
    async fn next(&mut self) -> Result<Option<Bytes>, String> {
        self.0.pop().transpose()
    }
}

/// Larger than a part, and than what is read at once.
async fn keeps_large_files(files: &dyn LargeFiles) {
    let piece = |byte: u8| Ok(Bytes::from(vec![byte; 5 * 1024 * 1024]));
    let path = "2026-11/a.backup";
    files.write(path, &mut Counted((0..7).map(piece).collect())).await.unwrap();
    let broken = [Err("it isn't sound".to_owned()), piece(1), piece(2), piece(3)];
    let refused = files.write("2026-11/b.backup", &mut Counted(broken.into())).await;
    assert!(refused.unwrap_err().to_string().contains("it isn't sound"));
    let paths = async || files.paths(&|path| path.ends_with(".backup")).await.unwrap();
    assert_eq!(paths().await, [path]);
    assert!(files.paths(&|_| false).await.unwrap().is_empty());
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    assert_eq!(files.copy(path, &copy).await.unwrap(), Some(()));
    let expect: Vec<u8> = (0..7).rev().flat_map(|byte| vec![byte; 5 * 1024 * 1024]).collect();
    assert!(std::fs::read(&copy).unwrap() == expect, "the bytes differ");
    assert_eq!(files.copy("none", &folder.path().join("none")).await.unwrap(), None);
    LargeFiles::remove(files, path).await.unwrap();
    LargeFiles::remove(files, path).await.unwrap();
    assert!(paths().await.is_empty());
}

#[tokio::test]
async fn a_folder_keeps_large_files_and_two_writers_never_mix() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let files = large_files_at(place, &BucketAccess::default()).unwrap();
    keeps_large_files(&*files).await;
    let writes = (0..8_u8).map(|byte| {
        let files = files.clone();
        tokio::spawn(async move {
            let pieces = (0..20).map(|_| Ok(Bytes::from(vec![byte; 10_000]))).collect();
            files.write("a", &mut Counted(pieces)).await.is_ok()
        })
    });
    let mut made = 0;
    for write in writes.collect::<Vec<_>>() {
        made += u32::from(write.await.unwrap());
    }
    let bytes = std::fs::read(folder.path().join("a")).unwrap();
    let is_of_one = bytes.iter().all(|byte| Some(byte) == bytes.first());
    assert_eq!((made, bytes.len(), is_of_one), (1, 200_000, true));
    assert_eq!(files.paths(&|_| true).await.unwrap(), ["a"], "no draft is left");
}

async fn names_an_absent_bucket_and_a_wrong_key(server: &BucketServer) {
    let absent = server.bucket("absent/a");
    let refused =
        [absent.begin().await.map(drop).unwrap_err(), absent.read("a").await.unwrap_err()];
    for refused in refused {
        assert_eq!(refused.to_string(), "there is no bucket absent", "{:?}", server.scheme);
    }
    let wrong = BucketDestination::new(server.scheme, "site/b", &server.wrong_key()).unwrap();
    let wrong: Arc<dyn SiteDestination> = Arc::new(wrong);
    match publish(&Documents::new(100, &BEFORE), &wrong, &options()).await {
        Err(PublishError::Destination(DestinationError::Denied { .. })) => {}
        other => panic!("{:?}: {other:?}", server.scheme),
    }
}

async fn latest_state_of_many_publishers_stays_whole(server: &BucketServer) {
    race(|number| place(server, &format!("site/two/{number}"))).await;
    done(&Documents::new(100, &BEFORE), &place(server, "site/race")).await;
    let runs = (1..=6_u64).map(|number| {
        let place = place(server, "site/race");
        tokio::spawn(async move {
            let files = if number % 2 == 0 { &AFTER } else { &BEFORE };
            // Whoever is too slow is refused, or finds what it would have written.
            let _ = publish(&Documents::new(100 + number, files), &place, &options()).await;
        })
    });
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap();
    }
    let place = place(server, "site/race");
    read_site(&place).await;
    let last = Documents::new(200, &AFTER);
    done(&last, &place).await;
    read_site(&place).await;
    check_names(&place, &last, &GONE).await;
    assert_eq!(place.read(MARKER_PATH).await.unwrap(), None);
}

async fn kills_at_each_step(server: &BucketServer) {
    let (mut steps, mut states) = (0, BTreeSet::new());
    loop {
        let place = place(server, &format!("site/killed/{steps}"));
        let (ended, state) = kill_after(steps, false, &place).await;
        states.extend(state);
        steps += 1;
        if ended {
            break;
        }
    }
    assert!(steps > 15, "{steps}");
    assert_eq!(states, [100, 200].into());
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
            let answer = "HTTP/1.1 200 OK\r\netag: \"1\"\r\nx-goog-generation: 1\r\n\
                          content-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ignores_conditions_is_refused() {
    for scheme in [BucketScheme::Amazon, BucketScheme::Google, BucketScheme::Azure] {
        let mut access = access(scheme, &careless(), Path::new(""));
        "given".clone_into(&mut access.google.token);
        let destination = BucketDestination::new(scheme, "site", &access).unwrap();
        let refused = destination.begin().await.map(drop).unwrap_err();
        assert!(refused.to_string().contains("ignores conditions"), "{scheme:?}: {refused}");
    }
}

/// A shared access signature for a container (Microsoft's reference: "Create a service SAS").
fn signature(access: &AzureAccess, container: &str) -> String {
    let (permissions, expiry, version) = ("rcwd", "2099-01-01T00:00:00Z", "2020-12-06");
    let resource = format!("/blob/{}/{container}", access.account);
    let text = format!("{permissions}\n\n{expiry}\n{resource}\n\n\n\n{version}\nc\n\n\n\n\n\n\n");
    let mac = mac(&BASE64_STANDARD.decode(&access.key).unwrap(), text.as_bytes());
    let mac = BASE64_STANDARD.encode(mac).replace('+', "%2B").replace('=', "%3D");
    format!("?sv={version}&sr=c&sp={permissions}&se={expiry}&sig={mac}")
}

/// HMAC with SHA-256 (RFC 2104) and a key of less than 64 bytes.
fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let pad = |with: u8| -> Vec<u8> {
        (0..64).map(|at| key.get(at).copied().unwrap_or_default() ^ with).collect()
    };
    let inner = Digest::of(&[&pad(0x36), text].concat());
    Digest::of(&[&pad(0x5c)[..], &inner.0].concat()).0.to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_takes_a_shared_access_signature() {
    let Some(server) = BucketServer::start(BucketScheme::Azure).await else { return };
    let mut access = server.access.clone();
    access.azure.signature = signature(&access.azure, "site");
    access.azure.key.clear();
    let destination = BucketDestination::new(BucketScheme::Azure, "site/signed", &access).unwrap();
    conforms(&destination).await;
}

#[test]
fn a_bucket_needs_a_key_that_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        GoogleAccess { key_file: path.to_str().unwrap().to_owned(), ..GoogleAccess::default() }
    };
    let google = |google: GoogleAccess| BucketAccess { google, ..BucketAccess::default() };
    let azure = |key: &str, signature: &str| {
        let (account, key, signature) = ("a".to_owned(), key.to_owned(), signature.to_owned());
        let azure = AzureAccess { account, key, signature, ..AzureAccess::default() };
        BucketAccess { azure, ..BucketAccess::default() }
    };
    let user = r#"{"type": "authorized_user", "client_id": "1"}"#;
    let broken = r#"{"type": "service_account", "private_key": "x"}"#;
    let gone = GoogleAccess { key_file: "/absent.json".to_owned(), ..GoogleAccess::default() };
    for (scheme, access, expect) in [
        (BucketScheme::Amazon, BucketAccess::default(), "AWS_SECRET_ACCESS_KEY"),
        (BucketScheme::Google, BucketAccess::default(), "GOOGLE_APPLICATION_CREDENTIALS"),
        (BucketScheme::Google, google(gone), "/absent.json: No such file"),
        (BucketScheme::Google, google(file("a", "{")), "is no credential of Google"),
        (BucketScheme::Google, google(file("b", user)), "GOOGLE_OAUTH_ACCESS_TOKEN"),
        (BucketScheme::Google, google(file("c", broken)), "private key can't be read"),
        (BucketScheme::Azure, BucketAccess::default(), "AZURE_STORAGE_ACCOUNT_NAME"),
        (BucketScheme::Azure, azure("", ""), "AZURE_STORAGE_SAS_TOKEN"),
        (BucketScheme::Azure, azure("?", ""), "AZURE_STORAGE_ACCOUNT_KEY: it isn't in base 64"),
        (BucketScheme::Azure, azure("", "sig"), "AZURE_STORAGE_SAS_TOKEN: it isn't"),
    ] {
        match BucketDestination::new(scheme, "site", &access) {
            Err(error) => assert!(error.to_string().contains(expect), "{expect}: {error}"),
            Ok(_) => panic!("{expect}"),
        }
    }
    let access = access(BucketScheme::Amazon, "a", Path::new(""));
    assert!(!format!("{access:?}").contains(KEY.1));
    assert!(!format!("{:?}", azure("secret", "secret")).contains("secret"));
}

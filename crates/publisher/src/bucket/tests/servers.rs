use std::{
    io::Write as _,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use object_store::{
    azure::{AzureAccessKey, AzureAuthorizer, AzureCredential},
    client::{HttpRequest, HttpRequestBody, HttpService as _},
};
use tempfile::TempDir;

use super::super::connector::OwnConnections;
use crate::{
    AmazonAccess, AzureAccess, BucketAccess, BucketDestination, BucketScheme, GoogleAccess,
};

/// The account of each server, and its secret.
pub(super) const KEY: (&str, &str) = ("test", "testtest");

/// A server of buckets that a test starts, with the bucket `site`.
pub(super) struct BucketServer {
    child: Child,
    pub(super) scheme: BucketScheme,
    pub(super) access: BucketAccess,
    _folder: TempDir,
}

impl Drop for BucketServer {
    fn drop(&mut self) {
        // It ends with the test, whatever became of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl BucketServer {
    /// Starts the server of a scheme. None if there is none on this machine.
    pub(super) async fn start(scheme: BucketScheme) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let (variable, program, package) = match scheme {
            BucketScheme::Amazon => (
                "MUSTER_TEST_VERSITYGW",
                "versitygw",
                "go install github.com/versity/versitygw/cmd/versitygw@v1.8.0",
            ),
            BucketScheme::Google => {
                ("MUSTER_TEST_GCS", "muster-test-gcs", "go build in the folder tests/gcs")
            }
            BucketScheme::Azure => {
                ("MUSTER_TEST_AZURITE", "azurite-blob", "npm install azurite@3.35.0")
            }
        };
        let named = std::env::var(variable).unwrap_or_else(|_| program.to_owned());
        let mut command = Command::new(named);
        // A server of Node writes where it is started.
        command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        match scheme {
            BucketScheme::Amazon => versitygw(&mut command, &address, folder.path()),
            BucketScheme::Google => {
                command.args(["--address", &address, "--key-file", "key.json", "--bucket", "site"]);
            }
            BucketScheme::Azure => azurite(&mut command, port),
        }
        let Ok(mut child) = command.spawn() else {
            let why = format!(
                "left out: buckets of {scheme:?} against a real server, because {program} isn't \
                 there: {package}, and name it in {variable}\n"
            );
            // cargo hides what a test that passes prints with eprintln!.
            std::io::stderr().write_all(why.as_bytes()).unwrap();
            return None;
        };
        let end = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(&address).is_err() {
            assert!(Instant::now() < end, "{program} doesn't listen");
            assert!(child.try_wait().unwrap().is_none(), "{program} ended");
            // sleeps: between two looks at what another process does.
            thread::sleep(Duration::from_millis(10));
        }
        let access = access(scheme, &address, folder.path());
        let server = Self { child, scheme, access, _folder: folder };
        if scheme == BucketScheme::Azure {
            server.create_container().await;
        }
        Some(server)
    }

    pub(super) fn bucket(&self, place: &str) -> BucketDestination {
        BucketDestination::new(self.scheme, place, &self.access).unwrap()
    }

    /// The same server with a key that it doesn't know.
    pub(super) fn wrong_key(&self) -> BucketAccess {
        let mut access = self.access.clone();
        "other".clone_into(&mut access.amazon.secret);
        "other".clone_into(&mut access.google.token);
        access.azure.key = BASE64_STANDARD.encode("other");
        access
    }

    /// Azurite has no containers at first.
    async fn create_container(&self) {
        let AzureAccess { account, key, endpoint, .. } = &self.access.azure;
        let uri = format!("{endpoint}/site?restype=container");
        let request = http::Request::put(uri).header("content-length", "0");
        let mut request: HttpRequest = request.body(HttpRequestBody::empty()).unwrap();
        let key = AzureCredential::AccessKey(AzureAccessKey::try_new(key).unwrap());
        AzureAuthorizer::new(&key, account).try_authorize(&mut request).unwrap();
        let answer = OwnConnections::default().call(request).await.unwrap();
        assert_eq!(answer.status(), http::StatusCode::CREATED);
    }
}

fn versitygw(command: &mut Command, address: &str, folder: &Path) {
    let (root, sidecar) = (folder.join("buckets"), folder.join("attributes"));
    std::fs::create_dir_all(root.join("site")).unwrap();
    std::fs::create_dir(&sidecar).unwrap();
    command
        .env("ROOT_ACCESS_KEY", KEY.0)
        .env("ROOT_SECRET_KEY", KEY.1)
        .args(["--port", address, "--quiet", "posix", "--sidecar"])
        .arg(&sidecar)
        .arg(&root);
}

fn azurite(command: &mut Command, port: u16) {
    command
        .env("AZURITE_ACCOUNTS", format!("{}:{}", KEY.0, BASE64_STANDARD.encode(KEY.1)))
        .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
        .args(["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]);
}

pub(super) fn access(scheme: BucketScheme, address: &str, folder: &Path) -> BucketAccess {
    let none = BucketAccess::default();
    match scheme {
        BucketScheme::Amazon => BucketAccess {
            amazon: AmazonAccess {
                key_id: KEY.0.to_owned(),
                secret: KEY.1.to_owned(),
                endpoint: format!("http://{address}"),
                ..AmazonAccess::default()
            },
            ..none
        },
        BucketScheme::Google => BucketAccess {
            google: GoogleAccess {
                key_file: folder.join("key.json").to_string_lossy().into_owned(),
                token: String::new(),
                endpoint: address.to_owned(),
            },
            ..none
        },
        BucketScheme::Azure => BucketAccess {
            azure: AzureAccess {
                account: KEY.0.to_owned(),
                key: BASE64_STANDARD.encode(KEY.1),
                signature: String::new(),
                endpoint: format!("http://{address}/{}", KEY.0),
            },
            ..none
        },
    }
}

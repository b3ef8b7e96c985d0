use std::{fs::File, io::Read as _};

use object_store::{ObjectStore, gcp::GoogleCloudStorageBuilder};
use serde::{Deserialize, Serialize};

use super::connector::OwnConnections;
use crate::{BadPlace, BucketScheme, GoogleAccess};

/// The address of Google's own service.
const ENDPOINT: &str = "https://storage.googleapis.com";

/// The largest file with a key, in bytes: one has about 2,400.
const KEY_BYTES_MAX: u64 = 64 * 1024;

/// The variable that names the file.
const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// The kind of credential that can sign without asking another server.
const KIND: &str = "service_account";

/// What is read of a service account's key. The file may also name other servers, which must not
/// decide where the site goes.
#[derive(Serialize, Deserialize)]
struct AccountKey {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    client_email: String,
    #[serde(default)]
    private_key_id: String,
    #[serde(default)]
    private_key: String,
}

/// A bucket of Google Cloud Storage. The service account's key signs a token here, so nobody but
/// the service itself is asked.
pub(super) fn store(bucket: &str, access: &GoogleAccess) -> Result<Box<dyn ObjectStore>, BadPlace> {
    let endpoint = match access.endpoint.trim_end_matches('/') {
        "" => ENDPOINT.to_owned(),
        whole if whole.contains("://") => whole.to_owned(),
        // As Google's own libraries read it.
        host => format!("http://{host}"),
    };
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(bucket)
        .with_base_url(&endpoint)
        .with_http_connector(OwnConnections::default());
    builder = match (access.token.as_str(), access.key_file.as_str()) {
        ("", "") => return Err(BadPlace::NoKey(BucketScheme::Google)),
        ("", file) => builder.with_service_account_key(account_key(file)?),
        (token, _) => builder.with_bearer_token(token),
    };
    match builder.build() {
        Ok(store) => Ok(Box::new(store)),
        Err(_) if access.token.is_empty() => Err(broken("its private key can't be read")),
        Err(error) => Err(BadPlace::Address(error.to_string())),
    }
}

/// The key in a file, without what isn't used.
fn account_key(path: &str) -> Result<String, BadPlace> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(KEY_BYTES_MAX).read_to_string(&mut text));
    read.map_err(|error| broken(format!("{path}: {error}")))?;
    let key: AccountKey = serde_json::from_str(&text)
        .map_err(|error| broken(format!("{path} is no credential of Google: {error}")))?;
    if key.kind != KIND {
        let what = "a service account's key is needed. For another credential, set a token in \
                    GOOGLE_OAUTH_ACCESS_TOKEN (gcloud auth print-access-token)";
        return Err(broken(format!("{path} is of the kind {}, but {what}", key.kind)));
    }
    serde_json::to_string(&key).map_err(|error| broken(error.to_string()))
}

fn broken(what: impl Into<String>) -> BadPlace {
    BadPlace::BrokenKey { variable: VARIABLE, what: what.into() }
}

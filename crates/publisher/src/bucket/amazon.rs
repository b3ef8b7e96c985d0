use object_store::{ObjectStore, aws::AmazonS3Builder};

use super::connector::OwnConnections;
use crate::{AmazonAccess, BadPlace, BucketScheme};

/// The region of a bucket, if nobody says it.
const REGION: &str = "us-east-1";

/// A bucket of S3, or of a server that speaks the same.
pub(super) fn store(bucket: &str, access: &AmazonAccess) -> Result<Box<dyn ObjectStore>, BadPlace> {
    if access.key_id.is_empty() || access.secret.is_empty() {
        return Err(BadPlace::NoKey(BucketScheme::Amazon));
    }
    let region = if access.region.is_empty() { REGION } else { &access.region };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region)
        .with_access_key_id(&access.key_id)
        .with_secret_access_key(&access.secret)
        .with_http_connector(OwnConnections::default());
    if !access.token.is_empty() {
        builder = builder.with_token(&access.token);
    }
    if !access.endpoint.is_empty() {
        // The operator has named this address; a server of a test has no certificate.
        builder = builder.with_endpoint(access.endpoint.trim_end_matches('/'));
        builder = builder.with_allow_http(access.endpoint.starts_with("http://"));
    }
    let store = builder.build().map_err(|error| BadPlace::Address(error.to_string()))?;
    Ok(Box::new(store))
}

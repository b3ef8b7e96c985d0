use std::{collections::BTreeMap, fmt, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use thiserror::Error;

use super::{PurgeError, RequestPurge, SitePurge};

/// With what CloudFront is reached. Whoever starts the program gives it; documents never do.
#[derive(Clone, Default)]
pub struct PurgeAccess {
    /// The id of the access key.
    pub key_id: String,
    /// The access key's secret.
    pub secret: String,
    /// The token of a key that expires; empty for one that doesn't.
    pub token: String,
    /// The address of a server that isn't AWS; empty for AWS.
    pub endpoint: String,
}

impl fmt::Debug for PurgeAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PurgeAccess").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Why a text doesn't say how a CDN is purged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadPurge {
    /// It has another form.
    #[error("{0:?} is neither cloudfront:ID nor a method and an address")]
    Form(String),
    /// There is no key.
    #[error("CloudFront needs a key: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")]
    NoKey,
    /// A header can't be sent.
    #[error("the header {0} can't be sent")]
    Header(String),
    /// Its address can't be used.
    #[error(transparent)]
    Unusable(#[from] PurgeError),
}

/// How the CDN is purged that a text names: `cloudfront:ID`, or a method and an address such as
/// `PURGE https://cdn.example/{path}`.
///
/// # Errors
/// See [`BadPurge`].
pub fn purge_at(
    text: &str,
    headers: &BTreeMap<String, String>,
    access: &PurgeAccess,
) -> Result<Arc<dyn SitePurge>, BadPurge> {
    if let Some(id) = text.strip_prefix("cloudfront:") {
        return cloudfront(id, access);
    }
    let form = || BadPurge::Form(text.chars().take(200).collect());
    let (method, address) = text.split_once(' ').ok_or_else(form)?;
    let is_method = method.bytes().all(|letter| letter.is_ascii_uppercase());
    let method: Method = method.parse().ok().filter(|_| is_method).ok_or_else(form)?;
    let mut sent = HeaderMap::new();
    for (name, value) in headers {
        let bad = || BadPurge::Header(name.clone());
        let parsed: HeaderName = name.parse().map_err(|_| bad())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
        value.set_sensitive(true);
        sent.insert(parsed, value);
    }
    Ok(Arc::new(RequestPurge::new(method, address.trim(), sent)?))
}

fn cloudfront(id: &str, access: &PurgeAccess) -> Result<Arc<dyn SitePurge>, BadPurge> {
    if access.key_id.is_empty() || access.secret.is_empty() {
        return Err(BadPurge::NoKey);
    }
    Ok(Arc::new(super::CloudFrontPurge::new(id, access)?))
}

//! How the CDNs before published sites are told what changed.

use std::{collections::BTreeMap, sync::Arc};

use muster_guard::secret_references::{SecretReference, SecretReferenceError};
use muster_publisher::{BadPurge, PurgeAccess, SitePurge, purge_at};

use crate::{Failure, bounded_file, settings::SiteArea};

/// The largest file with a header's value, in bytes.
const VALUE_BYTES_MAX: u64 = 16 * 1024;

/// The CDNs that the settings name, by the names of the destinations before which they are.
///
/// # Errors
/// A setting can't be understood.
pub(super) fn purges(
    area: &SiteArea,
    environment: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Arc<dyn SitePurge>>, Failure> {
    let mut headers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for text in &area.purge_headers {
        let (name, header) = named("site.purge_headers", text)?;
        headers.entry(name).or_default().push(header.to_owned());
    }
    let mut purges = BTreeMap::new();
    for text in &area.purges {
        let (name, how) = named("site.purges", text)?;
        let headers = headers.remove(name).unwrap_or_default();
        let purge = purge(how, &headers, environment).map_err(|failure| {
            Failure::usage(format!("site.purges: {name}: {}", failure.what()))
                .help("muster config default explains the setting")
        })?;
        purges.insert(name.to_owned(), purge);
    }
    match headers.into_keys().next() {
        Some(name) => Err(Failure::usage(format!("site.purge_headers: {name} has no purge"))
            .help("name the same destination in site.purges")),
        None => Ok(purges),
    }
}

/// How a CDN is purged: `cloudfront:ID`, or a method and an address, with headers such as
/// `Fastly-Key: env:FASTLY_KEY`.
///
/// # Errors
/// It can't be understood, or a secret isn't there.
pub fn purge(
    how: &str,
    headers: &[String],
    environment: &BTreeMap<String, String>,
) -> Result<Arc<dyn SitePurge>, Failure> {
    let mut sent = BTreeMap::new();
    for header in headers {
        let (name, value) = header.split_once(':').ok_or_else(|| {
            Failure::usage("a header has a name and a value, with a colon between")
                .help("for one: Fastly-Key: env:FASTLY_KEY")
        })?;
        sent.insert(name.trim().to_owned(), value_of(name.trim(), value.trim(), environment)?);
    }
    let bucket = super::bucket_access(environment).amazon;
    let named = ["AWS_ENDPOINT_URL_CLOUDFRONT", "AWS_ENDPOINT_URL"];
    let endpoint = named.iter().find_map(|name| environment.get(*name)).cloned();
    let access = PurgeAccess {
        key_id: bucket.key_id,
        secret: bucket.secret,
        token: bucket.token,
        endpoint: endpoint.unwrap_or_default(),
    };
    purge_at(how, &sent, &access).map_err(|error| {
        let help = match error {
            BadPurge::NoKey => "set them in the environment",
            BadPurge::Header(_) => "a value is printable, and a name has letters and dashes",
            BadPurge::Form(_) | BadPurge::Unusable(_) => {
                "for one: cloudfront:E2QWRUHAPOMQZL, or PURGE https://cdn.example/{path}"
            }
        };
        Failure::usage(error.to_string()).help(help)
    })
}

/// The value of a header, which may be a secret that lies elsewhere.
fn value_of(
    name: &str,
    value: &str,
    environment: &BTreeMap<String, String>,
) -> Result<String, Failure> {
    if !SecretReference::is_meant(value) {
        return Ok(value.to_owned());
    }
    let bad = |what: String| Failure::usage(format!("the header {name}: {what}"));
    let reference: SecretReference =
        value.parse().map_err(|error: SecretReferenceError| bad(error.to_string()))?;
    let found = match &reference {
        SecretReference::Environment(variable) => environment.get(variable).cloned(),
        SecretReference::File(path) => {
            let bytes = bounded_file::read(path.as_ref(), VALUE_BYTES_MAX);
            bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok())
        }
    };
    let found = found.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    found.ok_or_else(|| bad(format!("there is no {reference}")))
}

fn named<'a>(setting: &str, text: &'a str) -> Result<(&'a str, &'a str), Failure> {
    let parts = text.split_once('=').map(|(name, rest)| (name.trim(), rest.trim()));
    parts.filter(|(name, rest)| !name.is_empty() && !rest.is_empty()).ok_or_else(|| {
        Failure::usage(format!("{setting}: {text:?} isn't the name of a destination and a purge"))
            .help("write it as web=cloudfront:E2QWRUHAPOMQZL, or web=PURGE https://cdn.example/{path}")
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn reads_how_cdns_are_purged_and_says_what_is_wrong() {
        let environment = BTreeMap::from([
            ("KEY".to_owned(), "secret-value\n".to_owned()),
            ("EMPTY".to_owned(), String::new()),
        ]);
        for (purges_of, headers, expect) in [
            (vec![], vec![], Ok(0)),
            (vec!["web=PURGE https://cdn.example/{path}"], vec![], Ok(1)),
            (vec!["web=POST https://cdn.example/all"], vec!["web=Fastly-Key: env:KEY"], Ok(1)),
            (vec!["web=POST https://cdn.example/all"], vec!["web=X: plain"], Ok(1)),
            (vec!["web"], vec![], Err("isn't the name")),
            (vec!["web=purge https://cdn.example"], vec![], Err("neither")),
            (vec!["web=PURGE cdn.example/{path}"], vec![], Err("http")),
            (vec!["web=PURGE ftp://cdn.example/{path}"], vec![], Err("http")),
            (vec!["web=PURGE https://a/{path}"], vec!["web=X: env:NONE"], Err("no env:NONE")),
            (vec!["web=PURGE https://a/{path}"], vec!["web=X: env:EMPTY"], Err("no env:EMPTY")),
            (vec!["web=PURGE https://a/{path}"], vec!["web=nothing"], Err("a colon")),
            (vec!["web=PURGE https://a/{path}"], vec!["web=a b: c"], Err("the header a b")),
            (vec![], vec!["web=X: plain"], Err("has no purge")),
        ] {
            let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            let area = SiteArea {
                purges: own(&purges_of),
                purge_headers: own(&headers),
                ..SiteArea::default()
            };
            let read = purges(&area, &environment);
            match (read, expect) {
                (Ok(read), Ok(count)) => assert_eq!(read.len(), count, "{purges_of:?}"),
                (Err(failure), Err(expect)) => {
                    assert!(failure.what().contains(expect), "{}", failure.what());
                    assert!(!failure.what().contains("secret-value"), "{}", failure.what());
                }
                (read, _) => panic!("{purges_of:?} {headers:?}: {}", read.is_ok()),
            }
        }
    }
}

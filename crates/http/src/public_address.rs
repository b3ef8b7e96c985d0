use std::sync::Arc;

use http::Uri;
use thiserror::Error;

use crate::host::is_loopback;

/// The address under which clients know the registry (`--public-url`), without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicAddress(Arc<str>);

/// The text is no address with which URLs can begin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "a public address is http:// or https:// with a host and no query, such as https://registry.example"
)]
pub struct PublicAddressError;

impl PublicAddress {
    /// Reads an address. Scheme and host get small letters, as browsers write them (RFC 3986, 6.2.2.1).
    ///
    /// # Errors
    /// It isn't absolute, has another scheme than http or https, or has a query or user.
    pub fn parse(text: &str) -> Result<Self, PublicAddressError> {
        let text = text.trim_end_matches('/');
        let uri: Uri = text.parse().map_err(|_| PublicAddressError)?;
        let http = matches!(uri.scheme_str(), Some("http" | "https"));
        let is_plain = uri.query().is_none() && !text.contains('#');
        let host = uri.authority().filter(|host| http && is_plain && !host.as_str().contains('@'));
        let host = host.ok_or(PublicAddressError)?.as_str();
        let path_begin = text.find("://").map_or(0, |scheme| scheme + 3) + host.len();
        let (origin, path) = text.split_at_checked(path_begin).ok_or(PublicAddressError)?;
        Ok(Self([&origin.to_ascii_lowercase(), path].concat().into()))
    }

    /// The beginning of absolute URLs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether only this computer knows the registry by it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let uri: Option<Uri> = self.0.parse().ok();
        uri.as_ref().and_then(Uri::authority).is_some_and(|host| is_loopback(host.as_str()))
    }

    pub(crate) fn base(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_public_addresses_that_urls_can_begin_with() {
        for (text, expect) in [
            ("https://registry.example", Some("https://registry.example")),
            ("https://registry.example/", Some("https://registry.example")),
            ("http://10.0.0.7:8080/muster/", Some("http://10.0.0.7:8080/muster")),
            ("HTTPS://Registry.Example/Muster", Some("https://registry.example/Muster")),
            ("ftp://registry.example", None),
            ("registry.example", None),
            ("/muster", None),
            ("https://registry.example/?a=1", None),
            ("https://me@registry.example", None),
            ("", None),
        ] {
            let address = PublicAddress::parse(text);
            assert_eq!(address.as_ref().ok().map(PublicAddress::as_str), expect, "{text:?}");
        }
    }

    #[test]
    fn knows_what_only_this_computer_reaches() {
        for (text, expect) in [
            ("http://127.0.0.1:8080", true),
            ("https://localhost/muster", true),
            ("http://[::1]:9000", true),
            ("http://registry.localhost", true),
            ("https://registry.example", false),
            ("http://10.0.0.7:8080/muster", false),
            ("http://localhost.example", false),
        ] {
            let address = PublicAddress::parse(text);
            assert_eq!(address.is_ok_and(|address| address.is_loopback()), expect, "{text}");
        }
    }
}

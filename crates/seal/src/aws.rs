//! Amazon's signatures of requests, version 4 (AWS General Reference, "Signature Version 4").

use muster_words::{Digest, Moment};
use ring::hmac;

/// A key, as whoever holds it gives it.
#[derive(Clone, Copy)]
pub struct AwsKey<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its secret.
    pub secret: &'a str,
    /// What a key has that ends after some hours.
    pub token: Option<&'a str>,
}

/// For which service a signature is good, and where.
#[derive(Clone, Copy, Debug)]
pub struct AwsScope<'a> {
    /// The region, such as `us-east-1`.
    pub region: &'a str,
    /// The name of the service, such as `s3`.
    pub service: &'a str,
}

/// The parts of a request that are signed.
#[derive(Clone, Copy, Debug)]
pub struct AwsRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, encoded as it is sent.
    pub path: &'a str,
    /// The query, as it is sent.
    pub query: &'a str,
    /// The name of the server, with its port if it isn't the usual one.
    pub host: &'a str,
    /// Headers besides the host, the time and the key's own, with their names in lower case.
    pub headers: &'a [(&'static str, String)],
    /// The body.
    pub body: &'a [u8],
}

/// All headers that a signed request needs but its host: those that were given, the time, the
/// digest of the body (for S3, which asks for it), the key's token, and the signature.
#[must_use]
pub fn signed_headers(
    key: AwsKey<'_>,
    scope: AwsScope<'_>,
    request: &AwsRequest<'_>,
    now: Moment,
) -> Vec<(&'static str, String)> {
    let (stamp, body) = (stamp_of(now), Digest::of(request.body).to_string());
    let is_s3 = scope.service == "s3";
    let mut headers = request.headers.to_vec();
    headers.push(("host", request.host.to_owned()));
    headers.push(("x-amz-date", stamp.clone()));
    if is_s3 {
        headers.push(("x-amz-content-sha256", body.clone()));
    }
    headers.extend(key.token.map(|token| ("x-amz-security-token", token.to_owned())));
    headers.sort_unstable();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let lines: String =
        headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let names = names.join(";");
    // Every service but S3 wants the path encoded once more.
    let path = if is_s3 { request.path.to_owned() } else { encoded(request.path) };
    let canonical =
        format!("{}\n{path}\n{}\n{lines}\n{names}\n{body}", request.method, request.query);
    let authorization = authorization(key, scope, (&stamp, &names), &canonical);
    headers.retain(|(name, _)| *name != "host");
    headers.push(("authorization", authorization));
    headers
}

fn authorization(
    key: AwsKey<'_>,
    AwsScope { region, service }: AwsScope<'_>,
    (stamp, names): (&str, &str),
    canonical: &str,
) -> String {
    let day = stamp.get(..8).unwrap_or_default();
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let digest = Digest::of(canonical.as_bytes());
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}");
    let mut signing = mac(format!("AWS4{}", key.secret).as_bytes(), day);
    for part in [region, service, "aws4_request"] {
        signing = mac(signing.as_ref(), part);
    }
    let signature = mac(signing.as_ref(), &text);
    let signature: String = signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let id = key.id;
    format!(
        "AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
}

/// A moment as signatures write it: `20130524T000000Z`.
fn stamp_of(moment: Moment) -> String {
    let text = moment.to_string();
    let seconds = text.split(['.', 'Z']).next().unwrap_or_default();
    let plain: String = seconds.chars().filter(|letter| !"-:".contains(*letter)).collect();
    format!("{plain}Z")
}

fn encoded(path: &str) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// HMAC with SHA-256 (RFC 2104).
fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    fn check(
        (secret, service): (&str, &str),
        request: &AwsRequest<'_>,
        (now, signature): (&str, &str),
    ) {
        let id = if service == "s3" { "AKIAIOSFODNN7EXAMPLE" } else { "AKIDEXAMPLE" };
        let key = AwsKey { id, secret, token: None };
        let scope = AwsScope { region: "us-east-1", service };
        let headers = signed_headers(key, scope, request, Moment::parse(now).unwrap());
        let found = headers.iter().find(|(name, _)| *name == "authorization");
        let found = &found.unwrap().1;
        assert!(found.ends_with(&format!("Signature={signature}")), "{found}");
        assert!(!headers.iter().any(|(name, _)| *name == "host"));
    }

    #[test]
    fn signs_as_the_published_examples_do() {
        // Amazon's test suite for version 4, "get-vanilla".
        check(
            ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "service"),
            &AwsRequest {
                method: "GET",
                path: "/",
                query: "",
                host: "example.amazonaws.com",
                headers: &[],
                body: b"",
            },
            (
                "2015-08-30T12:36:00Z",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
        );
        // Amazon S3, signature calculations, "PUT Object".
        check(
            ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "s3"),
            &AwsRequest {
                method: "PUT",
                path: "/test%24file.text",
                query: "",
                host: "examplebucket.s3.amazonaws.com",
                headers: &[
                    ("date", "Fri, 24 May 2013 00:00:00 GMT".to_owned()),
                    ("x-amz-storage-class", "REDUCED_REDUNDANCY".to_owned()),
                ],
                body: b"Welcome to Amazon S3.",
            },
            (
                "2013-05-24T00:00:00Z",
                "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            ),
        );
    }
}

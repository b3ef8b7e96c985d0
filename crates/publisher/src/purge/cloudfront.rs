use std::{collections::BTreeSet, fmt::Write as _};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use muster_client::{Socket, Timeouts, Transport as _, TrustedRoots, encoded_step};
use muster_seal::aws::{AwsKey, AwsRequest, AwsScope, signed_headers};
use tokio::time::timeout;

use super::{
    ORDER_TIME_MAX, PurgeAccess, PurgeError, PurgeOrder, SitePurge, Untold,
    requests::{origin_of, sent, slow},
};

/// CloudFront's own address. All distributions are managed there.
const ENDPOINT: &str = "https://cloudfront.amazonaws.com";

/// The region and the name of the service in signatures.
const REGION: &str = "us-east-1";
const SERVICE: &str = "cloudfront";

/// The version of the API, which is a part of each address and of the body's name space.
const VERSION: &str = "2020-05-31";

/// More paths than these are ordered by folders: AWS charges by path, and a folder counts as one.
const PATHS_MAX: usize = 15;

/// A distribution of CloudFront. All files of a publication are one request (`CreateInvalidation`
/// of its API).
pub struct CloudFrontPurge {
    distribution: String,
    access: PurgeAccess,
    host: String,
    socket: Socket,
}

impl CloudFrontPurge {
    /// A distribution by its id, such as `E2QWRUHAPOMQZL`.
    ///
    /// # Errors
    /// The id or the address that manages it can't be used.
    pub fn new(distribution: &str, access: &PurgeAccess) -> Result<Self, PurgeError> {
        let unusable = |what: &dyn std::fmt::Display| PurgeError::Unusable(what.to_string());
        let is_id = |text: &str| {
            !text.is_empty() && text.bytes().all(|letter| letter.is_ascii_alphanumeric())
        };
        if !is_id(distribution) {
            return Err(unusable(&format!("{distribution:?} isn't the id of a distribution")));
        }
        let endpoint = if access.endpoint.is_empty() { ENDPOINT } else { &access.endpoint };
        let endpoint: Uri = endpoint.parse().map_err(|error| unusable(&error))?;
        let origin =
            origin_of(&endpoint).ok_or_else(|| unusable(&"its address isn't one of http"))?;
        let socket = Socket::new(&origin, Timeouts::default(), &TrustedRoots::System);
        let socket = socket.map_err(|error| unusable(&error))?;
        let host = endpoint.authority().map(ToString::to_string).unwrap_or_default();
        Ok(Self { distribution: distribution.to_owned(), access: access.clone(), host, socket })
    }

    /// The request, signed for the time of the order.
    fn request(&self, order: &PurgeOrder) -> Result<Request<Bytes>, PurgeError> {
        let unusable = |what: &dyn std::fmt::Display| PurgeError::Unusable(what.to_string());
        let body = body(&patterns(order), &order.reference);
        let path = format!("/{VERSION}/distribution/{}/invalidation", self.distribution);
        let PurgeAccess { key_id, secret, token, .. } = &self.access;
        let token = Some(token.as_str()).filter(|token| !token.is_empty());
        let parts = AwsRequest {
            method: "POST",
            path: &path,
            query: "",
            host: &self.host,
            headers: &[("content-type", "application/xml".to_owned())],
            body: body.as_bytes(),
        };
        let scope = AwsScope { region: REGION, service: SERVICE };
        let signed = signed_headers(AwsKey { id: key_id, secret, token }, scope, &parts, order.now);
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.parse().map_err(|error| unusable(&error))?;
        for (name, value) in signed {
            let mut value = HeaderValue::from_str(&value).map_err(|error| unusable(&error))?;
            value.set_sensitive(name != header::CONTENT_TYPE.as_str());
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        Ok(request)
    }
}

#[async_trait]
impl SitePurge for CloudFrontPurge {
    async fn purge(&self, order: &PurgeOrder) -> Result<(), Untold> {
        let asked = async { sent(&self.socket, self.request(order)?).await };
        let told = timeout(ORDER_TIME_MAX, asked).await;
        let told = told.unwrap_or_else(|_| Err(slow(self.socket.place())));
        told.map_err(|error| Untold { error, paths: order.paths.clone() })
    }
}

/// The paths of an order as CloudFront knows them: each with a star, for its compressed forms; of
/// many files in one folder, the folder.
fn patterns(order: &PurgeOrder) -> BTreeSet<String> {
    let base: Option<Uri> = order.base_url.parse().ok();
    let base = base.as_ref().map_or("", Uri::path).trim_end_matches('/');
    let of = |path: &String| {
        let encoded: Vec<String> = path.split('/').map(encoded_step).collect();
        format!("{base}/{}*", encoded.join("/"))
    };
    if order.paths.len() <= PATHS_MAX {
        return order.paths.iter().map(of).collect();
    }
    let folder = |path: &String| match path.split_once('/') {
        Some((folder, _)) => format!("{base}/{}/*", encoded_step(folder)),
        None => of(path),
    };
    order.paths.iter().map(folder).collect()
}

/// The body of `CreateInvalidation`.
fn body(patterns: &BTreeSet<String>, reference: &str) -> String {
    let mut items = String::new();
    for pattern in patterns {
        let _ = write!(items, "<Path>{}</Path>", escaped(pattern));
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <InvalidationBatch xmlns=\"http://cloudfront.amazonaws.com/doc/{VERSION}/\">\
         <Paths><Quantity>{}</Quantity><Items>{items}</Items></Paths>\
         <CallerReference>{}</CallerReference></InvalidationBatch>",
        patterns.len(),
        escaped(reference)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use muster_words::Moment;

    use super::*;

    fn order(paths: &[&str]) -> PurgeOrder {
        PurgeOrder {
            base_url: "https://cdn.example/site/".to_owned(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            reference: "muster-7 & more".to_owned(),
            now: Moment::EPOCH,
        }
    }

    #[test]
    fn orders_few_files_by_name_and_many_by_folder() {
        let few = patterns(&order(&["manifest.json", "providers/cms/a b.json"]));
        assert_eq!(
            few.into_iter().collect::<Vec<_>>(),
            ["/site/manifest.json*", "/site/providers/cms/a%20b.json*"]
        );
        let names: Vec<String> = (0..20).map(|number| format!("stacks/s/{number}.json")).collect();
        let mut many: Vec<&str> = names.iter().map(String::as_str).collect();
        many.push("manifest.json");
        let many = patterns(&order(&many));
        assert_eq!(
            many.into_iter().collect::<Vec<_>>(),
            ["/site/manifest.json*", "/site/stacks/*"]
        );
    }

    #[test]
    fn writes_what_the_api_documents() {
        let patterns = BTreeSet::from(["/a*".to_owned(), "/b&c*".to_owned()]);
        assert_eq!(
            body(&patterns, "<x>"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><InvalidationBatch \
             xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><Paths><Quantity>2</Quantity>\
             <Items><Path>/a*</Path><Path>/b&amp;c*</Path></Items></Paths>\
             <CallerReference>&lt;x&gt;</CallerReference></InvalidationBatch>"
        );
    }

    #[test]
    fn signs_for_its_own_service_and_tells_the_secret_to_nobody() {
        let access = PurgeAccess {
            key_id: "AKIDEXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI".to_owned(),
            token: String::new(),
            endpoint: "http://127.0.0.1:1".to_owned(),
        };
        for id in ["", "E1/../E2", "E1?x"] {
            assert!(CloudFrontPurge::new(id, &access).is_err(), "{id:?}");
        }
        let purge = CloudFrontPurge::new("E2EXAMPLE", &access);
        let request = purge.ok().and_then(|purge| purge.request(&order(&["a"])).ok());
        let request = request.unwrap_or_default();
        assert_eq!(request.uri(), "/2020-05-31/distribution/E2EXAMPLE/invalidation");
        let signed = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let signed = signed.unwrap_or_default();
        assert!(signed.contains("/us-east-1/cloudfront/aws4_request"), "{signed}");
        assert!(!format!("{request:?}").contains(&access.secret));
    }
}

use std::{collections::BTreeSet, future::ready, pin::pin, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use muster_client::{Socket, Timeouts, Transport as _, TrustedRoots, encoded_step, read_to_end};
use tokio::time::{Instant, timeout, timeout_at};

use super::{ORDER_TIME_MAX, PurgeError, PurgeOrder, SitePurge, Untold};

/// How many requests run at once.
const AT_ONCE: usize = 8;

/// How often each request is tried, and how long the first pause is; it doubles. Who isn't told by
/// then is told with the next publication.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(250);

/// The largest answer that is read, in bytes, and for how long.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const BODY_TIME_MAX: Duration = Duration::from_secs(2);

/// How much of a refusal is told, in characters.
const SAID_MAX: usize = 200;

/// What stands for a file's path in an address.
const PATH: &str = "{path}";

/// The forms in which a file lies in a site.
const FORMS: [&str; 3] = ["", ".gz", ".br"];

/// A CDN that takes a request for each file, or one for all of them: Varnish, Fastly, bunny.net,
/// a cache of nginx.
pub struct RequestPurge {
    method: Method,
    /// The address, in which `{path}` stands for the file.
    template: String,
    headers: HeaderMap,
    socket: Socket,
}

impl RequestPurge {
    /// A CDN that is asked in this way. The headers may hold keys, which are told to nobody else.
    ///
    /// # Errors
    /// The address is none.
    pub fn new(method: Method, template: &str, headers: HeaderMap) -> Result<Self, PurgeError> {
        let unusable = |what: &dyn std::fmt::Display| PurgeError::Unusable(what.to_string());
        let sample = template.replace(PATH, "a").parse::<Uri>();
        let origin = sample.ok().as_ref().and_then(origin_of);
        let origin = origin.ok_or_else(|| unusable(&"its address isn't one of http or https"))?;
        let socket = Socket::new(&origin, Timeouts::default(), &TrustedRoots::System);
        let socket = socket.map_err(|error| unusable(&error))?;
        Ok(Self { method, template: template.to_owned(), headers, socket })
    }

    /// The addresses to ask, without their origin, each with the file that it is about; none: with
    /// all.
    fn targets(&self, order: &PurgeOrder) -> Vec<(String, Option<String>)> {
        let below = |address: String| -> Option<String> {
            let uri: Uri = address.parse().ok()?;
            Some(uri.path_and_query()?.as_str().to_owned())
        };
        if !self.template.contains(PATH) {
            return below(self.template.clone()).map(|whole| (whole, None)).into_iter().collect();
        }
        let encoded =
            |path: String| path.split('/').map(encoded_step).collect::<Vec<_>>().join("/");
        let target = |path: &String, form| {
            let address = self.template.replace(PATH, &encoded(format!("{path}{form}")));
            Some((below(address)?, Some(path.clone())))
        };
        let files = order.paths.iter();
        files.flat_map(|path| FORMS.iter().filter_map(move |form| target(path, form))).collect()
    }

    async fn ask(&self, target: String) -> Result<(), PurgeError> {
        let mut tries = 1;
        loop {
            match self.try_once(&target).await {
                Err(error) if error.is_passing() && tries < TRIES => {
                    tokio::time::sleep(PAUSE * 2_u32.pow(tries - 1)).await;
                    tries += 1;
                }
                done => return done,
            }
        }
    }

    async fn try_once(&self, target: &str) -> Result<(), PurgeError> {
        let unusable = |error: http::Error| PurgeError::Unusable(error.to_string());
        let request = Request::builder().method(self.method.clone()).uri(target);
        let mut request = request.body(Bytes::new()).map_err(unusable)?;
        *request.headers_mut() = self.headers.clone();
        match sent(&self.socket, request).await {
            // There was no copy: some caches say so.
            Err(PurgeError::Refused { status: 404 | 410, .. }) => Ok(()),
            done => done,
        }
    }
}

#[async_trait]
impl SitePurge for RequestPurge {
    async fn purge(&self, order: &PurgeOrder) -> Result<(), Untold> {
        let end = Instant::now() + ORDER_TIME_MAX;
        let asked = stream::iter(self.targets(order)).map(|(target, path)| async move {
            let told = timeout_at(end, self.ask(target)).await;
            let error = told.unwrap_or_else(|_| Err(slow(self.socket.place()))).err()?;
            Some((path, error))
        });
        let mut failed = pin!(asked.buffer_unordered(AT_ONCE).filter_map(ready));
        let Some((first, error)) = failed.next().await else { return Ok(()) };
        let mut paths: BTreeSet<String> = first.into_iter().collect();
        while let Some((path, _)) = failed.next().await {
            paths.extend(path);
        }
        // One request is about all files.
        let paths = if paths.is_empty() { order.paths.clone() } else { paths };
        Err(Untold { error, paths })
    }
}

/// The scheme and the host of an address.
pub(super) fn origin_of(address: &Uri) -> Option<String> {
    let scheme = address.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
    Some(format!("{scheme}://{}", address.authority()?))
}

/// Why a CDN wasn't told that has no answer in time.
pub(super) fn slow(place: &str) -> PurgeError {
    PurgeError::Unreachable(format!("{place} takes too long"))
}

/// Sends a request, and reads the answer. What is said beside a success is read only if it comes at
/// once, so that the connection can be used again.
pub(super) async fn sent(socket: &Socket, request: Request<Bytes>) -> Result<(), PurgeError> {
    let unreachable =
        |error: muster_client::TransportError| PurgeError::Unreachable(error.to_string());
    let (head, body) = socket.send(request).await.map_err(unreachable)?.into_parts();
    let read = read_to_end(body, ANSWER_BYTES_MAX, BODY_TIME_MAX, socket.place());
    let read = timeout(BODY_TIME_MAX, read).await;
    if head.status.is_success() {
        return Ok(());
    }
    let said = read.ok().and_then(Result::ok).map(|bytes| readable(&bytes)).unwrap_or_default();
    Err(refused(socket.place(), head.status, &said))
}

fn refused(place: &str, status: StatusCode, said: &str) -> PurgeError {
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    PurgeError::Refused { place: place.to_owned(), status: status.as_u16(), said }
}

/// The beginning of an answer, on one line.
fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(SAID_MAX).collect()
}

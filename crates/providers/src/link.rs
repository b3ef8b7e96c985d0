//! Connections to one provider: HTTP/1.1, within TLS for https, kept open between requests.
//!
//! Calls and probes have links of their own, so that a probe never takes a connection from a call.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    Fault, ProviderFaultKind,
    answer_budget::{AnswerBudget, HeldBytes},
};

/// How long a connection may take, with resolving its name and TLS.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// The most idle connections that are kept to one provider.
const IDLE_MAX: usize = 32;

/// The most bytes of an answer that isn't a stream. Answers of models are far smaller.
pub(crate) const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The most bytes of an answer that is read to say what went wrong.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// How long an answer may pause once it has begun. Models think between words.
const STALL_TIME: Duration = Duration::from_secs(60);

/// How long an answer that isn't a stream may take from its first byte to its last. A server that
/// sends a byte now and then never stalls, and would never end.
const WHOLE_TIME: Duration = Duration::from_secs(600);

/// Which addresses may be connected to.
pub trait AddressPolicy: Send + Sync {
    /// Whether a URL may be called at all; the message says what to do.
    ///
    /// # Errors
    /// It may not.
    fn check_url(&self, url: &str) -> Result<(), String>;

    /// Whether a connection to this address may be made, with TLS or without: requests carry keys.
    /// Names are resolved first, so that a name can't lead to where an address couldn't.
    fn permits(&self, address: IpAddr, is_encrypted: bool) -> bool;
}

/// Every address, for an application that calls only what it names itself.
pub struct EveryAddress;

impl AddressPolicy for EveryAddress {
    fn check_url(&self, _url: &str) -> Result<(), String> {
        Ok(())
    }

    fn permits(&self, _address: IpAddr, _is_encrypted: bool) -> bool {
        true
    }
}

/// How connections within TLS are made, and whose signatures are trusted.
pub type ProviderTls = Arc<ClientConfig>;

/// What all links share.
#[derive(Clone)]
pub(crate) struct LinkSurroundings {
    pub(crate) addresses: Arc<dyn AddressPolicy>,
    /// Who may sign certificates; none: whoever this system trusts.
    pub(crate) tls: Option<ProviderTls>,
    /// Counts open connections.
    pub(crate) open: Arc<AtomicUsize>,
    pub(crate) budget: AnswerBudget,
}

/// The connections to one origin.
pub(crate) struct Link {
    base_url: String,
    host: String,
    port: u16,
    authority: HeaderValue,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    idle: Mutex<Vec<http1::SendRequest<Full<Bytes>>>>,
    around: LinkSurroundings,
}

impl Link {
    /// A link to the origin of a base URL. It connects with the first request. Whether the URL may
    /// be called is [`Self::check`]ed where a refusal is seen.
    pub(crate) fn new(base_url: &str, around: LinkSurroundings) -> Result<Self, Fault> {
        let wrong = |message: String| Fault::new(ProviderFaultKind::InvalidRequest, message);
        let uri: Uri =
            base_url.parse().map_err(|_| wrong(format!("{base_url} isn't an address")))?;
        let authority = uri.authority().ok_or_else(|| wrong("the address has no host".into()))?;
        let is_secure = uri.scheme_str() == Some("https");
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let tls = match is_secure {
            true => {
                let name = ServerName::try_from(host.clone()).map_err(|e| wrong(e.to_string()))?;
                let config = around.tls.clone().map_or_else(tls_config, Ok)?;
                Some((TlsConnector::from(config), name))
            }
            false => None,
        };
        Ok(Self {
            base_url: base_url.to_owned(),
            host,
            port: authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 }),
            authority: HeaderValue::from_str(authority.as_str())
                .map_err(|error| wrong(error.to_string()))?,
            tls,
            idle: Mutex::default(),
            around,
        })
    }

    /// Whether its base URL may be called at all.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let wrong = |message| Fault::new(ProviderFaultKind::InvalidRequest, message);
        self.around.addresses.check_url(&self.base_url).map_err(wrong)
    }

    /// Sends a request, and returns the answer when it begins.
    pub(crate) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        answer_time: Duration,
    ) -> Result<Answer, Fault> {
        request.headers_mut().insert(header::HOST, self.authority.clone());
        // The provider may have closed an idle connection. What wasn't sent goes to another.
        while let Some(mut sender) = self.kept() {
            match timeout(answer_time, sender.try_send_request(request)).await {
                Ok(Ok(response)) => return Ok(self.answered(sender, response)),
                Ok(Err(mut error)) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(broken(error.error())),
                },
                Err(_) => return Err(too_late(answer_time)),
            }
        }
        let mut sender = self.connect().await?;
        match timeout(answer_time, sender.send_request(request)).await {
            Ok(Ok(response)) => Ok(self.answered(sender, response)),
            Ok(Err(error)) => Err(broken(&error)),
            Err(_) => Err(too_late(answer_time)),
        }
    }

    /// Connects, and closes at once: whether the provider can be reached.
    pub(crate) async fn reach(&self) -> Result<(), Fault> {
        self.connect().await.map(drop)
    }

    /// Closes the connections that nobody uses.
    pub(crate) fn close(&self) {
        self.idle.lock().clear();
    }

    fn kept(&self) -> Option<http1::SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock();
        idle.retain(|sender| !sender.is_closed());
        let ready = idle.iter().rposition(http1::SendRequest::is_ready)?;
        Some(idle.swap_remove(ready))
    }

    fn answered(
        &self,
        sender: http1::SendRequest<Full<Bytes>>,
        response: Response<Incoming>,
    ) -> Answer {
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_MAX {
            idle.push(sender);
        }
        let (head, body) = response.into_parts();
        let held = self.around.budget.part();
        Answer { status: head.status.as_u16(), headers: head.headers, body, held }
    }

    async fn connect(&self) -> Result<http1::SendRequest<Full<Bytes>>, Fault> {
        timeout(CONNECT_TIME, self.connect_now()).await.unwrap_or_else(|_| {
            Err(Fault::new(
                ProviderFaultKind::Timeout,
                format!("no connection to {} in 10 s", self.host),
            ))
        })
    }

    async fn connect_now(&self) -> Result<http1::SendRequest<Full<Bytes>>, Fault> {
        let down = |what: String| Fault::new(ProviderFaultKind::Network, what);
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found = found.map_err(|_| down(format!("the name {} has no address", self.host)))?;
        // Whether an address was refused, or which one, would tell what is in the network.
        let is_encrypted = self.tls.is_some();
        let permits = |address, tls| self.around.addresses.permits(address, tls);
        let allowed: Vec<SocketAddr> =
            found.filter(|address| permits(address.ip(), is_encrypted)).collect();
        if allowed.is_empty() {
            let what = format!("{} has no address that this server may connect to", self.host);
            // The request is as it should be, and another provider may take it.
            return Err(down(what));
        }
        let stream = TcpStream::connect(&*allowed).await;
        let stream = stream.map_err(|error| {
            down(format!("{}:{} can't be reached: {error}", self.host, self.port))
        })?;
        stream.set_nodelay(true).map_err(|error| down(error.to_string()))?;
        match &self.tls {
            None => self.begin(stream).await,
            Some((connector, name)) => {
                let greeted = connector.connect(name.clone(), stream).await;
                // What it says may name who else is there: those that the certificate is for.
                let greeted = greeted.map_err(|error| {
                    let what = format!("TLS with {} failed", self.host);
                    Fault { said: Some(format!("{what}: {error}")), ..down(what) }
                })?;
                self.begin(greeted).await
            }
        }
    }

    async fn begin<S>(&self, stream: S) -> Result<http1::SendRequest<Full<Bytes>>, Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let begun = http1::Builder::new().max_buf_size(1024 * 1024).handshake(TokioIo::new(stream));
        let (sender, connection) = begun.await.map_err(|error| broken(&error))?;
        let counted = Counted::one(&self.around.open);
        // It ends with its sender; what went wrong reaches whoever waits for the answer.
        tokio::spawn(async move {
            let _ = connection.await;
            drop(counted);
        });
        Ok(sender)
    }
}

/// One of the things that are counted, until it is dropped.
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub(crate) fn one(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer whose body is still on its way.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    held: HeldBytes,
}

/// A whole body. It holds its part of the budget until it is dropped, so it is kept until what it
/// says has been read.
pub(crate) struct WholeBody {
    bytes: Bytes,
    _held: HeldBytes,
}

impl std::ops::Deref for WholeBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Answer {
    /// Whether it says that the request worked.
    pub(crate) const fn is_good(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let frame = timeout(STALL_TIME, self.body.frame()).await;
            let frame = frame.map_err(|_| {
                Fault::new(ProviderFaultKind::Timeout, "the answer stopped in the middle")
            })?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(broken(&error)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) if !bytes.is_empty() => return Ok(Some(bytes)),
                    _ => {}
                },
            }
        }
    }

    /// Holds so many bytes of the shared budget, for whoever reads the body piece by piece.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Fault> {
        self.held.set(bytes)
    }

    /// The whole body.
    pub(crate) async fn whole(&mut self) -> Result<WholeBody, Fault> {
        let late = || Fault::new(ProviderFaultKind::Timeout, "the answer didn't end in time");
        timeout(WHOLE_TIME, self.collected()).await.unwrap_or_else(|_| Err(late()))
    }

    async fn collected(&mut self) -> Result<WholeBody, Fault> {
        let most = if self.is_good() { ANSWER_BYTES_MAX } else { ERROR_BYTES_MAX };
        let mut all = BytesMut::new();
        while let Some(bytes) = self.next().await? {
            if all.len() + bytes.len() > most {
                if !self.is_good() {
                    break;
                }
                let what = format!("the answer has more than {most} bytes");
                return Err(Fault::new(ProviderFaultKind::ProviderError, what));
            }
            self.held.set(all.len() + bytes.len())?;
            all.extend_from_slice(&bytes);
        }
        let held = self.held.taken();
        Ok(WholeBody { bytes: all.freeze(), _held: held })
    }
}

fn broken(error: &hyper::Error) -> Fault {
    let mut said = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        said = format!("{said}: {cause}");
        source = cause.source();
    }
    let kind = if error.is_parse() {
        ProviderFaultKind::ProviderError
    } else {
        ProviderFaultKind::Network
    };
    Fault::new(kind, format!("the connection broke: {said}"))
}

fn too_late(time: Duration) -> Fault {
    Fault::new(ProviderFaultKind::Timeout, format!("no answer within {} ms", time.as_millis()))
}

/// TLS with whoever this system trusts; read once, because it costs milliseconds.
fn tls_config() -> Result<Arc<ClientConfig>, Fault> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    let made = CONFIG.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err("this system has no certificates of authorities".to_owned());
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    });
    made.clone().map_err(|message| Fault::new(ProviderFaultKind::Network, message))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may")]

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Answers each request with so many bytes.
    async fn answering(length: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = [0; 1024];
                let _ = stream.read(&mut asked).await;
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(&vec![b'a'; length]).await;
            }
        });
        url
    }

    #[tokio::test]
    async fn answers_share_one_budget_and_give_it_back() {
        let budget = AnswerBudget::of(250_000);
        let around = LinkSurroundings {
            addresses: Arc::new(EveryAddress),
            tls: None,
            open: Arc::default(),
            budget: budget.clone(),
        };
        let link = Link::new(&answering(100_000).await, around).unwrap();
        let read = async || {
            let request = Request::builder().uri("/").body(Full::default()).unwrap();
            let mut answer = link.send(request, Duration::from_secs(10)).await.unwrap();
            answer.whole().await
        };
        let (first, second) = (read().await.unwrap(), read().await.unwrap());
        assert_eq!((first.len(), budget.held()), (100_000, 200_000));
        let third = read().await.map(drop).unwrap_err();
        assert_eq!((third.kind, budget.held()), (ProviderFaultKind::Busy, 200_000));
        drop(first);
        let fourth = read().await.unwrap();
        drop((second, fourth));
        assert_eq!(budget.held(), 0);
    }
}

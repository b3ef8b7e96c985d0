use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, InvalidDnsNameError, ServerName, pem::PemObject as _},
};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Who may sign a server's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TrustedRoots {
    /// Whoever this system trusts.
    #[default]
    System,
    /// Whoever has a certificate in this file of PEM, and nobody else.
    File(PathBuf),
}

/// Why nobody can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TrustError {
    /// The file of certificates can't be read.
    #[error("{} can't be read: {cause}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// The file holds no certificate.
    #[error("{} holds no certificate in PEM that can sign others", file.display())]
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// The system trusts nobody.
    #[error("this system has no certificates of authorities")]
    NoneInSystem,
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Setup(String),
}

/// Why a server can't be spoken with, although it is there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TlsFault {
    /// Its certificate is signed by nobody who is trusted.
    #[error("its certificate is signed by nobody who is trusted here")]
    UnknownAuthority,
    /// Its certificate is for others.
    #[error("its certificate is for {}", if names.is_empty() { "other names".to_owned() } else { names.join(", ") })]
    OtherName {
        /// Whom it is for.
        names: Vec<String>,
    },
    /// Its certificate has expired, by this computer's clock.
    #[error("its certificate has expired")]
    Expired,
    /// Its certificate isn't valid yet, by this computer's clock.
    #[error("its certificate isn't valid yet")]
    NotYetValid,
    /// Its certificate is that of an authority, as `openssl req -x509` makes it.
    #[error("its certificate is for signing others, and can't be a server's own")]
    Authority,
    /// It speaks no TLS.
    #[error("it speaks http without TLS")]
    ClearText,
    /// Anything else.
    #[error("TLS failed: {0}")]
    Other(String),
}

/// HTTP/2 in a greeting of TLS (RFC 9113, 3.3).
const HTTP_2: &[u8] = b"h2";

/// TLS with one server.
pub(crate) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// TLS with the server of this name, which may be an address.
    pub(crate) fn new(host: &str, roots: &TrustedRoots) -> Result<Self, TrustError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let setup = |error: &dyn ToString| TrustError::Setup(error.to_string());
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|error: InvalidDnsNameError| setup(&error))?;
        let trusted = match roots {
            TrustedRoots::System => system_roots()?,
            TrustedRoots::File(file) => roots_in(file)?,
        };
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| setup(&error))?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        config.alpn_protocols = vec![HTTP_2.to_vec(), b"http/1.1".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    pub(crate) async fn greet(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, TlsFault> {
        let greeted = self.connector.connect(self.name.clone(), stream).await;
        greeted.map_err(|error| fault(&error))
    }
}

/// Whether both sides chose HTTP/2.
pub(crate) fn speaks_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP_2)
}

fn system_roots() -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    // Systems have some that no library reads; what counts is who is left.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TrustError::NoneInSystem) } else { Ok(roots) }
}

fn roots_in(file: &Path) -> Result<RootCertStore, TrustError> {
    let path = || file.to_owned();
    let bytes = fs::read(file)
        .map_err(|error| TrustError::Unreadable { file: path(), cause: error.to_string() })?;
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let (added, _) = roots.add_parsable_certificates(found.unwrap_or_default());
    if added == 0 { Err(TrustError::NoCertificate { file: path() }) } else { Ok(roots) }
}

/// What a failed greeting means for who asked.
fn fault(error: &io::Error) -> TlsFault {
    use rustls::{CertificateError as Certificate, Error, InvalidMessage};
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    match cause {
        Some(Error::InvalidCertificate(refused)) => match refused {
            Certificate::UnknownIssuer | Certificate::BadSignature => TlsFault::UnknownAuthority,
            Certificate::Expired | Certificate::ExpiredContext { .. } => TlsFault::Expired,
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                TlsFault::NotYetValid
            }
            Certificate::NotValidForName => TlsFault::OtherName { names: Vec::new() },
            Certificate::NotValidForNameContext { presented, .. } => {
                let names = presented.iter().filter_map(|name| presented_name(name)).collect();
                TlsFault::OtherName { names }
            }
            // The library has no public type for this one.
            other if other.to_string().contains("CaUsedAsEndEntity") => TlsFault::Authority,
            other => TlsFault::Other(other.to_string()),
        },
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => TlsFault::ClearText,
        _ => TlsFault::Other(error.to_string()),
    }
}

/// The name or the address in a text such as `DnsName("localhost")` or `IpAddress(127.0.0.1)`.
fn presented_name(text: &str) -> Option<String> {
    let address = text.strip_prefix("IpAddress(").and_then(|rest| rest.strip_suffix(')'));
    address.or_else(|| text.split('"').nth(1)).map(str::to_owned)
}

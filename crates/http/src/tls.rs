//! TLS for connections: 1.2 and 1.3 by rustls on `ring`, with a certificate and a key from files.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustls::{
    RootCertStore, ServerConfig,
    client::verify_server_cert_signed_by_trust_anchor,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
    sign::{CertifiedKey, SingleCertAndKey},
};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Bytes of a file with certificates or a key: chains have some kilobytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The protocols that a client may choose from (RFC 7301), the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
const HTTP2: &[u8] = b"h2";

/// A second of the year 9999: no certificate is valid for longer (RFC 5280, 4.1.2.5).
const END_OF_TIME_S: u64 = 253_402_300_799;

/// What a server needs to speak TLS.
#[derive(Clone)]
pub struct Tls {
    certificate: Arc<Certificate>,
}

impl Tls {
    /// TLS with a certificate that may be replaced while connections use it.
    #[must_use]
    pub const fn new(certificate: Arc<Certificate>) -> Self {
        Self { certificate }
    }

    /// Greets a client; answers its connection, and whether it speaks HTTP/2.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<(Box<TlsStream<TcpStream>>, bool)> {
        let acceptor = TlsAcceptor::from(self.certificate.config());
        let stream = acceptor.accept(stream).await.inspect_err(|error| {
            tracing::debug!(%error, "a connection's TLS couldn't begin");
        })?;
        let speaks_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
        Ok((Box::new(stream), speaks_http2))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A certificate with its chain and its key, from two files, which may be one.
#[derive(Debug)]
pub struct Certificate {
    chain_file: PathBuf,
    key_file: PathBuf,
    current: RwLock<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    /// The bytes of both files, to tell a pair that is another from one that was only touched.
    bytes: (Vec<u8>, Vec<u8>),
    expires: Option<SystemTime>,
}

/// Why a certificate can't be used.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file isn't there, or can't be read.
    #[error("{} can't be read: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no certificate in PEM.
    #[error("{} holds no certificate in PEM", file.display())]
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// A file holds no private key in PEM.
    #[error("{} holds no private key in PEM", file.display())]
    NoKey {
        /// The file.
        file: PathBuf,
    },
    /// A key is protected by a password, and nobody is there to type it.
    #[error("the private key in {} is encrypted", file.display())]
    EncryptedKey {
        /// The file.
        file: PathBuf,
    },
    /// A key is of a kind that isn't known, or broken.
    #[error("the private key in {} can't be used: {source}", file.display())]
    UnusableKey {
        /// The file.
        file: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A certificate is broken.
    #[error("the certificate in {} can't be used: {source}", file.display())]
    UnusableCertificate {
        /// The file.
        file: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The key is another certificate's.
    #[error(
        "the private key in {} doesn't belong to the certificate in {}",
        key.display(), certificate.display()
    )]
    OtherKey {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
    },
    /// TLS can't be set up: the system gives no random numbers, for one.
    #[error("TLS can't be set up: {0}")]
    Setup(rustls::Error),
}

impl CertificateError {
    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "check the file's name, and that this user may read it",
            Self::NoCertificate { .. } => {
                "it begins with -----BEGIN CERTIFICATE-----, the server's own certificate first, then those that sign it"
            }
            Self::NoKey { .. } => {
                "it begins with -----BEGIN PRIVATE KEY-----, or EC or RSA PRIVATE KEY"
            }
            Self::EncryptedKey { .. } => {
                "write it without its password: openssl pkey -in FILE -out KEY; and let only this user read it"
            }
            Self::UnusableKey { .. } => {
                "use an ECDSA key on P-256 or P-384, Ed25519, or RSA of 2048 bits or more"
            }
            Self::UnusableCertificate { .. } => "use an X.509 certificate of version 3",
            Self::OtherKey { .. } => {
                "give the key that the certificate was made with; the certificate of the server is the first one in its file"
            }
            Self::Setup(_) => "see that the system has a source of random numbers",
        }
    }
}

impl CertificateError {
    /// The same error with the names of its files alone, for those who needn't know where they lie.
    #[must_use]
    pub fn without_folders(mut self) -> Self {
        let shorten = |file: &mut PathBuf| {
            if let Some(name) = file.file_name() {
                *file = name.into();
            }
        };
        match &mut self {
            Self::Unreadable { file, .. }
            | Self::NoCertificate { file }
            | Self::NoKey { file }
            | Self::EncryptedKey { file }
            | Self::UnusableKey { file, .. }
            | Self::UnusableCertificate { file, .. } => shorten(file),
            Self::OtherKey { key, certificate } => {
                shorten(key);
                shorten(certificate);
            }
            Self::Setup(_) => {}
        }
        self
    }
}

impl Certificate {
    /// Reads a certificate and its key.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn read(chain_file: &Path, key_file: &Path) -> Result<Arc<Self>, CertificateError> {
        let loaded = Loaded::read(chain_file, key_file)?;
        let (chain_file, key_file) = (chain_file.to_owned(), key_file.to_owned());
        Ok(Arc::new(Self { chain_file, key_file, current: RwLock::new(loaded) }))
    }

    /// Reads the files again. Connections that begin from now on get what is in them, also of
    /// clients that were here before; those that are open go on. Answers whether it is another certificate or key.
    ///
    /// # Errors
    /// See [`CertificateError`]: then the old one goes on being used.
    pub fn reload(&self) -> Result<bool, CertificateError> {
        let loaded = Loaded::read(&self.chain_file, &self.key_file)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let is_other = current.bytes != loaded.bytes;
        // Tickets are good for as long as their certificate.
        if is_other {
            *current = loaded;
        }
        Ok(is_other)
    }

    /// The files, that of the certificate first.
    #[must_use]
    pub fn files(&self) -> [&Path; 2] {
        [&self.chain_file, &self.key_file]
    }

    /// When it expires, if that can be told.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).expires
    }

    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).config)
    }
}

impl Loaded {
    fn read(chain_file: &Path, key_file: &Path) -> Result<Self, CertificateError> {
        let bytes = (contents(chain_file)?, contents(key_file)?);
        let chain = chain(&bytes.0, chain_file)?;
        let signer = private_key(&bytes.1, key_file)?;
        let signer = provider().key_provider.load_private_key(signer).map_err(|source| {
            CertificateError::UnusableKey { file: key_file.to_owned(), source }
        })?;
        let expires = chain.first().and_then(expiry);
        let key = CertifiedKey::new(chain, signer);
        match key.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                let (key, certificate) = (key_file.to_owned(), chain_file.to_owned());
                return Err(CertificateError::OtherKey { key, certificate });
            }
            Err(source) => {
                let file = chain_file.to_owned();
                return Err(CertificateError::UnusableCertificate { file, source });
            }
        }
        let config = config(key).map_err(CertificateError::Setup)?;
        Ok(Self { config, bytes, expires })
    }
}

/// How connections begin with a certificate. Who comes back is greeted by a ticket (RFC 8446,
/// 4.6.1), whose keys change every six hours. Tickets are a certificate's own,
/// because who comes back by one is shown no other certificate.
fn config(key: CertifiedKey) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(provider());
    let mut config = builder
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    config.ticketer = ring::Ticketer::new()?;
    Ok(Arc::new(config))
}

fn contents(file: &Path) -> Result<Vec<u8>, CertificateError> {
    let unreadable = |source| CertificateError::Unreadable { file: file.to_owned(), source };
    let size = fs::metadata(file).map_err(unreadable)?.len();
    if size > FILE_BYTES_MAX {
        let text = format!("it has {size} bytes; {FILE_BYTES_MAX} are the most");
        return Err(unreadable(io::Error::new(io::ErrorKind::FileTooLarge, text)));
    }
    fs::read(file).map_err(unreadable)
}

fn chain(bytes: &[u8], file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(CertificateError::NoCertificate { file: file.to_owned() }),
    }
}

fn private_key(bytes: &[u8], file: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let file = || file.to_owned();
    let has = |text: &[u8]| memchr::memmem::find(bytes, text).is_some();
    // PKCS #8 says so in its label (RFC 7468, 11), older forms in a header.
    if has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED") {
        return Err(CertificateError::EncryptedKey { file: file() });
    }
    PrivateKeyDer::from_pem_slice(bytes).map_err(|_| CertificateError::NoKey { file: file() })
}

/// When a certificate expires. A verifier is asked whether it is still valid at the end of time,
/// because nothing smaller reads a certificate, and its refusal says until when it was.
fn expiry(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let end = UnixTime::since_unix_epoch(Duration::from_secs(END_OF_TIME_S));
    let algorithms = provider().signature_verification_algorithms.all;
    let nobody = RootCertStore::empty();
    let refused =
        verify_server_cert_signed_by_trust_anchor(&parsed, &nobody, &[], end, algorithms).err()?;
    match refused {
        rustls::Error::InvalidCertificate(rustls::CertificateError::ExpiredContext {
            not_after,
            ..
        }) => Some(UNIX_EPOCH + Duration::from_secs(not_after.as_secs())),
        _ => None,
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

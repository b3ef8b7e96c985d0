//! A certificate that the server of a test shows, and how its clients trust it.

use std::{
    net::TcpStream,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use tempfile::TempDir;

/// A connection within TLS.
pub type Secure = StreamOwned<ClientConnection, TcpStream>;

/// A certificate of this process's own, in files.
pub struct Identity {
    folder: TempDir,
    roots: RootCertStore,
}

pub static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = TempDir::new().unwrap();
    let texts = [
        pem("CERTIFICATE", pair.cert.der()),
        pem("PRIVATE KEY", &pair.signing_key.serialize_der()),
    ];
    std::fs::write(folder.path().join("both.pem"), texts.concat()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).unwrap();
    Identity { folder, roots }
});

impl Identity {
    /// The file with the certificate and its key.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("both.pem")
    }

    pub fn greet(&self, stream: TcpStream) -> Secure {
        greet(stream, self.roots.clone())
    }
}

/// Begins TLS with a server that is called localhost; the handshake comes with the first bytes.
pub fn greet(stream: TcpStream, roots: RootCertStore) -> Secure {
    greet_as(&Arc::new(trusting(roots, rustls::DEFAULT_VERSIONS)), stream)
}

/// The same by a client that may have been there before.
pub fn greet_as(client: &Arc<ClientConfig>, stream: TcpStream) -> Secure {
    let session = ClientConnection::new(client.clone(), "localhost".try_into().unwrap());
    StreamOwned::new(session.unwrap(), stream)
}

/// A client that trusts these authorities, and speaks these versions of TLS.
pub fn trusting(
    roots: RootCertStore,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Bytes in the form of RFC 7468.
pub fn pem(label: &str, bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

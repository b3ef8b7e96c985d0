use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use thiserror::Error;

/// Why nobody can be trusted.
#[derive(Debug, Error)]
pub enum RootsError {
    /// The file can't be read, or holds no certificate.
    #[error("{0} can't be read, or holds no certificate in PEM that can sign others")]
    File(String),
    /// TLS can't be set up.
    #[error("TLS can't be set up")]
    Setup(#[from] rustls::Error),
}

/// How connections within TLS are made: to whom the system trusts, and to whom the certificates in
/// a file have signed.
///
/// # Errors
/// See [`RootsError`].
pub fn trust(file: Option<&Path>) -> Result<Arc<ClientConfig>, RootsError> {
    let mut roots = RootCertStore::empty();
    // Systems have some that no library reads; what counts is who is left.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = file {
        let unreadable = || RootsError::File(file.display().to_string());
        let bytes = std::fs::read(file).map_err(|_| unreadable())?;
        let found = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
        if roots.add_parsable_certificates(found.unwrap_or_default()).0 == 0 {
            return Err(unreadable());
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

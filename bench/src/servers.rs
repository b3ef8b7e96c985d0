//! What is measured: our server, and what stands beside it.

pub(crate) mod bare;
pub(crate) mod etcd;
pub(crate) mod litellm;
pub(crate) mod muster;
pub(crate) mod nginx;
pub(crate) mod posts;
pub(crate) mod proxy;
pub(crate) mod receiver;
pub(crate) mod upstream;

/// A certificate and its key, as files of PEM.
pub(crate) struct Pair {
    pub certificate: std::path::PathBuf,
    pub key: std::path::PathBuf,
}

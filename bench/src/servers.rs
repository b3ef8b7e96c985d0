//! What is measured: our server, and what stands beside it.

pub(crate) mod bare;
pub(crate) mod etcd;
pub(crate) mod muster;
pub(crate) mod nginx;

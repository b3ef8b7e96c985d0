use muster_seal::{
    jws,
    note::{Signer, Verifier},
};
use muster_wire::manifest::{ReadManifest, SiteKey};

/// The keys of a site.
#[derive(Debug)]
pub struct SiteKeys {
    /// Signs with the newest key.
    pub signer: Signer,
    /// The keys that came after the first one, up to that one.
    pub later: Vec<SiteKey>,
}

impl SiteKeys {
    /// Whether one of them has signed a manifest.
    #[must_use]
    pub fn have_signed(&self, read: &ReadManifest) -> bool {
        let mut known: Vec<Verifier> =
            self.later.iter().filter_map(|one| one.key.parse().ok()).collect();
        known.push(self.signer.verifier().clone());
        let signature = read.manifest.signature.as_deref();
        signature.is_some_and(|one| jws::verify_detached(one, &read.signed_part, &known).is_ok())
    }
}

/// Reads the keys, and makes the first one where there is none. None: this registry signs nothing.
pub type ReadKeys = Box<dyn Fn() -> Result<Option<SiteKeys>, String> + Send + Sync>;

/// A key that comes after the present one, signed by it.
#[must_use]
pub fn next_key(present: &Signer, next: &Verifier) -> SiteKey {
    let mut key = SiteKey { key: next.to_string(), signature: String::new() };
    key.signature = jws::sign_detached(present, &key.signed_part());
    key
}

/// The keys of a list up to the present one. A rotation that was interrupted may have listed one
/// more.
#[must_use]
pub fn later_keys(listed: Vec<SiteKey>, present: &Verifier) -> Vec<SiteKey> {
    let present = present.to_string();
    match listed.iter().position(|one| one.key == present) {
        Some(last) => listed.into_iter().take(last + 1).collect(),
        None => Vec::new(),
    }
}

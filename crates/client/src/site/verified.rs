use std::collections::BTreeMap;

use bytes::Bytes;
use muster_seal::{
    jws::{self, JwsError},
    note::Verifier,
};
use muster_wire::manifest::{Manifest, ManifestError, ManifestFile};
use muster_words::Moment;
use thiserror::Error;

/// A manifest that was checked, with a way from all spellings of names to files.
#[derive(Clone, Debug)]
pub struct VerifiedManifest {
    /// The manifest.
    pub manifest: Manifest,
    /// Its bytes.
    pub bytes: Bytes,
    /// The path of each file whose name has other spellings, by the one without `-`.
    spellings: BTreeMap<String, String>,
}

/// Why a manifest isn't used.
#[derive(Debug, Error)]
pub enum ManifestRefused {
    /// It isn't one.
    #[error(transparent)]
    Form(#[from] ManifestError),
    /// No trusted key has signed it.
    #[error("the manifest isn't signed by a trusted key: {0}")]
    Signature(JwsError),
    /// It carries no signature.
    #[error("the manifest isn't signed")]
    Unsigned,
    /// It is older than one that was read before: somebody shows an earlier state.
    #[error("the manifest {found} is older than {seen}, which was read before")]
    Older {
        /// Its number.
        found: u64,
        /// The largest number that was read.
        seen: u64,
    },
    /// It is too old: somebody may be holding news back.
    #[error("the manifest has expired at {0}")]
    Expired(String),
    /// It is of another channel.
    #[error("the manifest is of the channel {found}, not of {wanted}")]
    Channel {
        /// Its channel.
        found: String,
        /// The one that was asked for.
        wanted: String,
    },
}

impl VerifiedManifest {
    /// Reads and checks a manifest. Whether it is new enough is [`VerifiedManifest::check_age`].
    ///
    /// # Errors
    /// See [`ManifestRefused`].
    pub fn read(
        bytes: Bytes,
        key: Option<&Verifier>,
        channel: Option<&str>,
    ) -> Result<Self, ManifestRefused> {
        let read = Manifest::read(&bytes)?;
        if let Some(key) = key {
            let trusted = newest_key(key, &read.manifest);
            let signature = read.manifest.signature.as_deref();
            let signature = signature.ok_or(ManifestRefused::Unsigned)?;
            let verified = jws::verify_detached(signature, &read.signed_part, [&trusted]);
            verified.map_err(ManifestRefused::Signature)?;
        }
        let manifest = read.manifest;
        if let Some(wanted) = channel.filter(|wanted| **wanted != manifest.channel) {
            let (found, wanted) = (manifest.channel, wanted.to_owned());
            return Err(ManifestRefused::Channel { found, wanted });
        }
        let paths = manifest.files.keys();
        let spellings = paths.map(|path| (alike(path), path.clone())).collect();
        Ok(Self { manifest, bytes, spellings })
    }

    /// Checks that it is no older than what was read before, and hasn't expired.
    ///
    /// # Errors
    /// See [`ManifestRefused`].
    pub fn check_age(&self, seen: u64, now: Moment) -> Result<(), ManifestRefused> {
        let found = self.manifest.version;
        if found < seen {
            return Err(ManifestRefused::Older { found, seen });
        }
        match self.manifest.expires_at() {
            Some(end) if end > now => Ok(()),
            _ => Err(ManifestRefused::Expired(self.manifest.expires.clone())),
        }
    }

    /// A file, by its own name or by another spelling of it.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<(&str, &ManifestFile)> {
        let files = &self.manifest.files;
        let (path, file) = files
            .get_key_value(path)
            .or_else(|| files.get_key_value(self.spellings.get(&alike(path))?))?;
        Some((path, file))
    }

    /// The path of a document in any category of a collection, such as a stack's by its type.
    #[must_use]
    pub fn find(&self, collection: &str, name: &str) -> Option<String> {
        let categories = self.manifest.collection(collection)?;
        let wanted = name.replace('-', "_");
        categories.iter().find_map(|(category, names)| {
            // A document's own spelling wins.
            let own = names.iter().find(|one| *one == name);
            let found = own.or_else(|| names.iter().find(|one| one.replace('-', "_") == wanted))?;
            Some(format!("{collection}/{category}/{found}.json"))
        })
    }
}

/// The newest key that a trusted one leads to.
fn newest_key(trusted: &Verifier, manifest: &Manifest) -> Verifier {
    let mut newest = trusted.clone();
    for link in &manifest.keys {
        let is_next = jws::verify_detached(&link.signature, &link.signed_part(), [&newest]).is_ok();
        if let (true, Ok(next)) = (is_next, link.key.parse::<Verifier>()) {
            newest = next;
        }
    }
    newest
}

/// Names that differ only in `-` and `_` are the same name. Folders keep their spelling.
fn alike(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/{}", name.replace('-', "_")),
        None => path.to_owned(),
    }
}

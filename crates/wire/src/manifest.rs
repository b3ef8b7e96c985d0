//! The manifest of a published site: which files there are, with their digests, until when it may
//! be believed, and who signed it.
//!
//! A manifest is published in the canonical form of JSON, byte for byte: a reader that finds
//! another form refuses it. So every byte of the file is under its signature.

use std::collections::BTreeMap;

use muster_words::{
    Digest, Moment,
    json::{self, JsonError, Value},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use thiserror::Error;

use crate::Sample;

/// The version of the manifest's form.
pub const MANIFEST_SCHEMA_VERSION: &str = "1.0.0";

/// The path of the manifest in a site.
pub const MANIFEST_PATH: &str = "manifest.json";

/// The path of what is answered for a file that isn't there.
pub const FALLBACK_PATH: &str = "fallback.json";

/// The folder of the copies that are named after their digests.
pub const OBJECTS: &str = "objects/sha256";

/// The folder of earlier manifests.
pub const HISTORY: &str = "history";

/// The member with the signature of all others.
const SIGNATURE: &str = "signature";

/// Names of documents by category.
pub type Categories = BTreeMap<String, Vec<String>>;

/// The table of contents of a published site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// The version of the manifest's form.
    pub schema_version: String,
    /// When what is published last changed, in UTC (RFC 3339).
    pub last_updated: String,
    /// The providers of each category, by their own names.
    #[serde(default)]
    pub providers: Categories,
    /// The stacks of each category, by their own names.
    #[serde(default)]
    pub stacks: Categories,
    /// Other collections, and the names in their groups.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub collections: BTreeMap<String, Categories>,
    /// Where the files lie.
    pub cdn_urls: CdnUrls,
    /// Each file, by its path. A file is also at `objects/sha256/<sha256>`, where it never changes.
    pub files: BTreeMap<String, ManifestFile>,
    /// The id of the registry.
    pub registry: String,
    /// The channel, such as `production`.
    pub channel: String,
    /// The number of this publication: later ones of the same site have larger numbers. It is a time
    /// in microseconds since 1970.
    pub version: u64,
    /// The number of the publication before, whose manifest is in `history`; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<u64>,
    /// The same time for people, such as `v20270131-120000`.
    pub tag: String,
    /// The position of the ledger that is shown.
    pub position: u64,
    /// From when on the manifest counts, in UTC (RFC 3339).
    pub issued: String,
    /// Until when it may be believed, in UTC (RFC 3339). It is renewed before.
    pub expires: String,
    /// The ledger's checkpoint at that position, a signed note (C2SP tlog-checkpoint).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// The keys that came after the first one, each signed by the one before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<SiteKey>,
    /// The signature of this manifest without this member, in canonical JSON: a detached JSON Web
    /// Signature (RFC 7515 and 7797, Ed25519).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Where the files of a site lie.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CdnUrls {
    /// The address under which every file lies.
    pub base: String,
    /// The address of the manifest.
    pub manifest: String,
}

/// One file of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManifestFile {
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// The version of the document.
    pub version: String,
}

/// A key with which a site was signed after an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SiteKey {
    /// The public key.
    pub key: String,
    /// Its signature by the key before it.
    pub signature: String,
}

/// What is rendered as a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManifestRequest {
    /// The channel; `production`, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The address under which the files will lie; this server's own, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The collections; providers and stacks, if nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<String>,
    /// The number of the manifest that is published now; the new one is larger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<u64>,
}

/// Why bytes aren't a manifest.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// They aren't JSON.
    #[error("it isn't JSON: {0}")]
    Json(#[from] JsonError),
    /// A member is missing or has another type.
    #[error("it isn't a manifest: {0}")]
    Shape(#[from] serde_json::Error),
    /// They say the same in other bytes.
    #[error("it isn't in the canonical form of JSON, so its signature doesn't cover each byte")]
    Form,
    /// A digest, a time or a path is malformed.
    #[error("its {0} is malformed")]
    Value(&'static str),
}

/// A manifest that was read from bytes, and the bytes that its signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadManifest {
    /// The manifest.
    pub manifest: Manifest,
    /// What is signed.
    pub signed_part: Vec<u8>,
}

impl Manifest {
    /// The bytes that are published.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // A manifest has only texts as keys.
        json::to_canonical(&serde_json::to_value(self).unwrap_or_default())
    }

    /// What the signature covers.
    #[must_use]
    pub fn signed_part(&self) -> Vec<u8> {
        Self { signature: None, ..self.clone() }.to_bytes()
    }

    /// Reads a manifest, without verifying its signature.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn read(bytes: &[u8]) -> Result<ReadManifest, ManifestError> {
        let mut value = json::parse(bytes)?;
        if json::to_canonical(&value) != bytes {
            return Err(ManifestError::Form);
        }
        let manifest: Self = serde_json::from_value(value.clone())?;
        manifest.check()?;
        // A member that a later release added is signed, too.
        if let Value::Object(members) = &mut value {
            members.remove(SIGNATURE);
        }
        Ok(ReadManifest { manifest, signed_part: json::to_canonical(&value) })
    }

    /// When it stops being believed.
    #[must_use]
    pub fn expires_at(&self) -> Option<Moment> {
        Moment::parse(&self.expires).ok()
    }

    /// The names by category of a collection.
    #[must_use]
    pub fn collection(&self, name: &str) -> Option<&Categories> {
        match name {
            "providers" => Some(&self.providers),
            "stacks" => Some(&self.stacks),
            other => self.collections.get(other),
        }
    }

    /// Everything that is published under it is the same as under another one, apart from when.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.files == other.files
            && self.providers == other.providers
            && self.stacks == other.stacks
            && self.collections == other.collections
            && self.cdn_urls == other.cdn_urls
            && self.channel == other.channel
            && self.registry == other.registry
            && self.keys == other.keys
            && self.signature.is_some() == other.signature.is_some()
    }

    fn check(&self) -> Result<(), ManifestError> {
        let is_path = |path: &str| {
            let steps = path.split('/');
            !path.is_empty()
                && path.bytes().all(|byte| (b'!'..=b'~').contains(&byte) && byte != b'\\')
                && steps.into_iter().all(|step| !step.is_empty() && step != "." && step != "..")
        };
        if !self.files.keys().all(|path| is_path(path)) {
            return Err(ManifestError::Value("path of a file"));
        }
        let is_digest =
            |text: &str| text.parse::<Digest>().is_ok_and(|one| one.to_string() == text);
        if !self.files.values().all(|file| is_digest(&file.sha256)) {
            return Err(ManifestError::Value("digest of a file"));
        }
        match (Moment::parse(&self.issued), self.expires_at()) {
            (Ok(_), Some(_)) => Ok(()),
            _ => Err(ManifestError::Value("time")),
        }
    }
}

impl SiteKey {
    /// What the key before it signs.
    #[must_use]
    pub fn signed_part(&self) -> Vec<u8> {
        format!("key of a site: {}", self.key).into_bytes()
    }
}

/// The path of a file among the copies that never change.
#[must_use]
pub fn object_path(sha256: &str) -> String {
    format!("{OBJECTS}/{sha256}")
}

/// The path of an earlier manifest.
#[must_use]
pub fn history_path(version: u64) -> String {
    format!("{HISTORY}/{version}.json")
}

/// The JSON Schema of a manifest, for a site whose registry has none of its own.
#[must_use]
pub fn schema_bytes() -> Vec<u8> {
    json::to_canonical(schemars::schema_for!(Manifest).as_value())
}

/// The tag of a version: its time for people, `vYYYYMMDD-HHMMSS`.
#[must_use]
pub fn tag_of(version: u64) -> String {
    let moment = i64::try_from(version).ok().and_then(|time| Moment::from_microseconds(time).ok());
    let text = moment.unwrap_or(Moment::EPOCH).to_string();
    let digits = |range| -> String {
        let part: &str = text.get(range).unwrap_or_default();
        part.chars().filter(char::is_ascii_digit).collect()
    };
    format!("v{}-{}", digits(0..10), digits(11..19))
}

impl Sample for Manifest {
    fn sample() -> Self {
        let file =
            ManifestFile { sha256: "9c1f02aa".repeat(8), size: 2216, version: "2".to_owned() };
        let base = "https://cdn.example";
        Self {
            schema_version: MANIFEST_SCHEMA_VERSION.to_owned(),
            last_updated: "2027-01-31T12:00:00Z".to_owned(),
            providers: [("cms".to_owned(), vec!["sanity".to_owned()])].into(),
            stacks: Categories::new(),
            collections: BTreeMap::new(),
            cdn_urls: CdnUrls { base: base.to_owned(), manifest: format!("{base}/manifest.json") },
            files: [("providers/cms/sanity.json".to_owned(), file)].into(),
            registry: "7f3a19c2".to_owned(),
            channel: "production".to_owned(),
            version: 1_801_396_800_000_000,
            previous: None,
            tag: "v20270131-120000".to_owned(),
            position: 1204,
            issued: "2027-01-31T12:00:00Z".to_owned(),
            expires: "2027-03-02T12:00:00Z".to_owned(),
            checkpoint: None,
            keys: Vec::new(),
            signature: Some("eyJhbGciOiJFZERTQSJ9..c2lnbmF0dXJl".to_owned()),
        }
    }
}

impl Sample for ManifestRequest {
    fn sample() -> Self {
        let value = json!({"channel": "production", "base_url": "https://cdn.example"});
        serde_json::from_value(value).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn reads_what_it_writes_and_refuses_every_other_form() {
        let manifest = Manifest::sample();
        let bytes = manifest.to_bytes();
        let read = Manifest::read(&bytes).unwrap();
        assert_eq!(read.manifest, manifest);
        assert_eq!(read.signed_part, manifest.signed_part());
        let pretty = serde_json::to_vec_pretty(&manifest).unwrap();
        assert!(matches!(Manifest::read(&pretty), Err(ManifestError::Form)));
        let text = String::from_utf8(bytes).unwrap();
        for (from, to) in [
            ("providers/cms/sanity.json\":{", "../sanity.json\":{"),
            ("providers/cms/sanity.json\":{", "/sanity.json\":{"),
            ("9c1f02aa9c", "9C1F02AA9c"),
            ("2027-03-02T12", "2027-03-02 at 12"),
            ("\"files\":{", "\"folders\":{"),
        ] {
            assert!(text.contains(from), "{from}");
            assert!(Manifest::read(text.replace(from, to).as_bytes()).is_err(), "{to}");
        }
    }

    #[test]
    fn a_member_of_a_later_release_is_signed_too() {
        let mut value = serde_json::to_value(Manifest::sample()).unwrap();
        value["zone"] = "eu".into();
        let read = Manifest::read(&json::to_canonical(&value)).unwrap();
        assert!(String::from_utf8(read.signed_part).unwrap().contains(r#""zone":"eu""#));
    }

    #[test]
    fn a_tag_is_the_time_for_people() {
        for (version, expect) in [
            (1_801_396_800_000_000, "v20270131-120000"),
            (1_801_396_800_123_456, "v20270131-120000"),
            (0, "v19700101-000000"),
            (u64::MAX, "v19700101-000000"),
        ] {
            assert_eq!(tag_of(version), expect);
        }
    }
}

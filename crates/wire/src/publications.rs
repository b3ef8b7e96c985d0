//! Publications: documents that say what is published where, and what became of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Sample;

/// The collection of groups in which publications lie.
pub const PUBLICATIONS: &str = "publications";

/// A publication: a document in `/publications`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// The name of a destination that the server's settings list.
    pub destination: String,
    /// The address under which the files are read.
    pub base_url: String,
    /// The channel; `production`, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The collections; providers and stacks, if nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<String>,
    /// Whether each change is published; true, if nothing is said. If false, somebody publishes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_change: Option<bool>,
    /// The xid of another publication, whose files are published as they are there: what was tried
    /// in one channel reaches the other one byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// All publications, and how each stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicationList {
    /// The publications, sorted by xid.
    pub publications: Vec<PublicationStatus>,
}

/// How a publication stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicationStatus {
    /// The xid of the document.
    pub xid: String,
    /// The name of its destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Its channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Whether each change is published.
    pub on_change: bool,
    /// The tag of what this server published last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The position that it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a publication has published at some time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EarlierPublication {
    /// The xid of the publication.
    pub xid: String,
    /// The number of the manifest.
    pub version: u64,
    /// Its time for people.
    pub tag: String,
    /// The position that it showed.
    pub position: u64,
    /// When it was signed, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub issued: String,
}

/// What a publication did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicationOutcome {
    /// Where the site lies: the xid of the publication, or a folder.
    pub to: String,
    /// Whether it was only tried.
    #[serde(default)]
    pub dry_run: bool,
    /// Whether everything was there already.
    pub unchanged: bool,
    /// The channel.
    pub channel: String,
    /// The number of the manifest.
    pub version: u64,
    /// Its time for people.
    pub tag: String,
    /// The position that it shows.
    pub position: u64,
    /// Until when the manifest may be believed.
    pub expires: String,
    /// The number of the manifest before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How many files the site has.
    pub files: u64,
    /// How many files weren't there under their digests.
    pub objects: u64,
    /// The named files that were written.
    pub written: Vec<String>,
    /// The named files that were removed.
    pub removed: Vec<String>,
    /// Why the CDN couldn't be told that its copies are outdated. The next publication tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purge_error: Option<String>,
    /// How many objects were removed, because no manifest of the last 30 days names them, or because
    /// their documents were hard-deleted.
    #[serde(default)]
    pub cleaned: u64,
    /// Why not all of them could be removed. The next publication goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleaning_error: Option<String>,
}

impl Sample for Publication {
    fn sample() -> Self {
        Self {
            destination: "web".to_owned(),
            base_url: "https://cdn.example".to_owned(),
            channel: Some("production".to_owned()),
            collections: Vec::new(),
            on_change: None,
            from: None,
        }
    }
}

impl Sample for PublicationList {
    fn sample() -> Self {
        let status = PublicationStatus {
            xid: "/publications/site/entries/production".to_owned(),
            destination: Some("web".to_owned()),
            channel: Some("production".to_owned()),
            on_change: true,
            tag: Some("v20270131-120000".to_owned()),
            position: Some(1204),
            error: None,
        };
        Self { publications: vec![status] }
    }
}

impl Sample for EarlierPublication {
    fn sample() -> Self {
        Self {
            xid: "/publications/site/entries/production".to_owned(),
            version: 1_801_396_800_000_000,
            tag: "v20270131-120000".to_owned(),
            position: 1204,
            issued: "2027-01-31T12:00:00Z".to_owned(),
        }
    }
}

impl Sample for PublicationOutcome {
    fn sample() -> Self {
        Self {
            to: "/publications/site/entries/production".to_owned(),
            channel: "production".to_owned(),
            version: 1_801_396_800_000_000,
            tag: "v20270131-120000".to_owned(),
            position: 1204,
            expires: "2027-03-02T12:00:00Z".to_owned(),
            files: 33,
            objects: 1,
            written: vec!["providers/cms/sanity.json".to_owned()],
            ..Self::default()
        }
    }
}

use std::collections::BTreeMap;

use bytes::Bytes;
use muster_catalog::{Content, View, entity::Entity};
use muster_model::{GroupType, ResourceType};
use muster_wire::manifest::{self, Categories, FALLBACK_PATH, ManifestFile};
use muster_words::{Digest, Notation, Xid};
use serde_json::json;
use thiserror::Error;

/// The collections of a site, unless others are named.
pub const DEFAULT_COLLECTIONS: [&str; 2] = ["providers", "stacks"];

/// The collection in which schemas lie.
const SCHEMA_GROUPS: &str = "schemagroups";

/// The id of the schema for the manifest, beside the schemas of documents.
const MANIFEST_SCHEMA: &str = "manifest";

/// The version of files that aren't documents of the registry.
const GENERATED: &str = "1";

/// The files of a site without their bytes, and the names that its manifest lists.
#[derive(Clone, Debug, Default)]
pub struct SiteContents {
    /// The files by path.
    pub files: BTreeMap<String, SiteFile>,
    /// The names by category, of each collection.
    pub collections: BTreeMap<String, Categories>,
    /// How many documents aren't published, because they aren't JSON or aren't approved yet.
    pub left_out: u64,
}

/// One file of a site.
#[derive(Clone, Debug)]
pub struct SiteFile {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The version of the document.
    pub version: String,
    /// Where its bytes are.
    pub bytes: FileBytes,
}

/// Where the bytes of a file are.
#[derive(Clone, Debug)]
pub enum FileBytes {
    /// In the ledger.
    Stored(Content),
    /// Here.
    Generated(Bytes),
}

/// The model has no such collection of documents.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the model has no collection {0} of documents")]
pub struct UnknownCollection(pub String);

impl SiteContents {
    /// What a view shows of these collections.
    ///
    /// # Errors
    /// The model doesn't have one of them.
    pub fn of<'a>(
        view: &View,
        collections: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, UnknownCollection> {
        let mut contents = Self::default();
        for plural in collections {
            let kind = view.model().group_type(plural);
            let kind = kind.filter(|kind| kind.resources.values().any(|one| one.hasdocument));
            let kind = kind.ok_or_else(|| UnknownCollection(plural.to_owned()))?;
            contents.add_collection(view, kind);
            contents.add_schema(view, kind);
        }
        contents.add_generated();
        Ok(contents)
    }

    fn add_collection(&mut self, view: &View, kind: &GroupType) {
        let mut categories = Categories::new();
        for group in Entity::Registry.members_after(view, &kind.plural, None) {
            let mut names = Vec::new();
            for resources in kind.resources.values().filter(|one| one.hasdocument) {
                let folder = folder(kind, group.id(), resources);
                for member in group.members_after(view, &resources.plural, None) {
                    if self.add_document(&folder, &member) {
                        names.push(member.id().to_owned());
                    }
                }
            }
            names.sort();
            names.dedup();
            categories.insert(group.id().to_owned(), names);
        }
        self.collections.insert(kind.plural.clone(), categories);
    }

    /// Adds a document, unless it isn't published.
    fn add_document(&mut self, folder: &str, member: &Entity<'_>) -> bool {
        let Some(version) = member.version() else { return false };
        let is_approved = version.state.is_published();
        let is_json = Notation::of(version.content_type.as_deref()) == Notation::Json;
        let Some(content) = member.document().filter(|_| is_approved && is_json) else {
            self.left_out += 1;
            return false;
        };
        let file = SiteFile::stored(content, version.id.as_str());
        self.files.insert(format!("{folder}/{}.json", member.id()), file);
        true
    }

    /// Adds the schema that the documents of a collection must match, and the manifest's beside it.
    fn add_schema(&mut self, view: &View, kind: &GroupType) {
        let bound = kind.resources.values().find_map(|one| one.aspect.schema.as_ref());
        let Some(bound) = bound else { return };
        self.add_stored(view, bound, &format!("{}.schema.json", kind.singular));
        if let Xid::Resource { group, .. } | Xid::Version { group, .. } = bound {
            let beside = format!("/{SCHEMA_GROUPS}/{group}/schemas/{MANIFEST_SCHEMA}");
            if let Ok(xid) = beside.parse() {
                self.add_stored(view, &xid, &manifest_schema_path());
            }
        }
    }

    fn add_stored(&mut self, view: &View, xid: &Xid, path: &str) {
        if let Some(version) = view.version_at(xid)
            && let Some(content) = version.document
        {
            self.files.insert(path.to_owned(), SiteFile::stored(content, version.id.as_str()));
        }
    }

    fn add_generated(&mut self) {
        let path = manifest_schema_path();
        self.files
            .entry(path)
            .or_insert_with(|| SiteFile::generated(manifest::schema_bytes().into()));
        self.files.insert(FALLBACK_PATH.to_owned(), SiteFile::generated(fallback()));
    }

    /// The table of files for a manifest.
    #[must_use]
    pub fn table(&self) -> BTreeMap<String, ManifestFile> {
        let listed = |file: &SiteFile| ManifestFile {
            sha256: file.digest.to_string(),
            size: file.size,
            version: file.version.clone(),
        };
        self.files.iter().map(|(path, file)| (path.clone(), listed(file))).collect()
    }
}

impl SiteFile {
    fn stored(content: Content, version: &str) -> Self {
        Self {
            digest: content.digest,
            size: content.size.into(),
            version: version.to_owned(),
            bytes: FileBytes::Stored(content),
        }
    }

    fn generated(bytes: Bytes) -> Self {
        Self {
            digest: Digest::of(&bytes),
            size: bytes.len() as u64,
            version: GENERATED.to_owned(),
            bytes: FileBytes::Generated(bytes),
        }
    }
}

/// The folder of a group's documents. The name of their type is left out where it is the only one.
fn folder(kind: &GroupType, group: &str, resources: &ResourceType) -> String {
    match kind.resources.len() {
        1 => format!("{}/{group}", kind.plural),
        _ => format!("{}/{group}/{}", kind.plural, resources.plural),
    }
}

/// The document whose file has a path; none if the view's model has no such place, or if it is a
/// file of another kind.
pub(crate) fn document_at(view: &View, path: &str) -> Option<Xid> {
    let (folder, name) = path.strip_suffix(".json")?.rsplit_once('/')?;
    let steps: Vec<&str> = folder.split('/').collect();
    let kind = view.model().group_type(steps.first()?)?;
    let resources = match steps.as_slice() {
        [_, _] if kind.resources.len() == 1 => kind.resources.keys().next()?.as_str(),
        [_, _, resources] => *resources,
        _ => return None,
    };
    format!("/{}/{}/{resources}/{name}", kind.plural, steps.get(1)?).parse().ok()
}

fn manifest_schema_path() -> String {
    format!("{MANIFEST_SCHEMA}.schema.json")
}

/// What a web server answers for a file that isn't there.
fn fallback() -> Bytes {
    let value = json!({
        "status": "degraded",
        "reason": "not_found",
        "message": "There is no such file on this site. manifest.json lists all files.",
        "manifest": manifest::MANIFEST_PATH,
    });
    muster_words::json::to_canonical(&value).into()
}

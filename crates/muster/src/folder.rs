//! A catalog in a folder: the layout that `muster apply` and `muster validate` read.
//!
//! ```text
//! model.json                                  the model, if it is more than the built-in one
//! <groups>/<group>.attributes.json            attributes of a group; YAML works as well
//! <groups>/<group>/<id>.<ext>                 a document, if groups hold one resource type
//! <groups>/<group>/<resources>/<id>.<ext>     a document, if groups hold several types
//! <groups>/<group>/…/<id>.attributes.json     attributes of the document beside it
//! manifest.json                               names of all documents; only `validate` reads it
//! .musterignore                               patterns of names to ignore, as in .gitignore
//! ```
//!
//! Names that begin with a dot are ignored, and so are files beside `model.json`, each `README.md`
//! and what `.musterignore` says. Anything else that doesn't fit is an error, because a document
//! that is silently left out is noticed much later.

mod error;
mod ignored;
mod names;
mod walk;
mod write;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use muster_model::{Foundation, Model};
use muster_words::{
    Id, Notation, Xid,
    json::{Map, Value},
};

pub use error::{FolderError, FolderFault};
pub use names::{FileName, content_type, known_content_type};
pub use write::NewFolder;

use crate::model::{FOLDER_LABEL, FolderModel, only_resources};

/// The file at the root of a catalog.
pub const MODEL_FILE: &str = "model.json";

/// The file at the root of a catalog that names all its documents.
pub const MANIFEST_FILE: &str = "manifest.json";

/// A catalog as it is in a folder, before a model gives its folders a meaning.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// The path of the folder.
    pub root: PathBuf,
    /// The model, if the folder has one.
    pub model: Option<Value>,
    /// The bytes of the manifest, if the folder has one.
    pub manifest: Option<bytes::Bytes>,
    /// The groups that have a folder or attributes.
    pub groups: BTreeMap<Xid, GroupFiles>,
    /// The documents, sorted by path.
    pub documents: Vec<DocumentFile>,
}

/// The files of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupFiles {
    /// Its attributes.
    pub attributes: Option<AttributesFile>,
}

/// Attributes beside a document or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributesFile {
    /// The path, from the root.
    pub path: String,
    /// The content.
    pub members: Map<String, Value>,
}

/// A document in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentFile {
    /// The path, from the root.
    pub path: String,
    /// Its group's type and id.
    pub group: Xid,
    /// The folder within the group, if there is one: the plural name of the resource type.
    pub resources: Option<Id>,
    /// Its id.
    pub id: Id,
    /// Its media type, from its attributes or from its extension.
    pub content_type: String,
    /// Its bytes.
    pub bytes: bytes::Bytes,
    /// Its attributes, if it has any.
    pub attributes: Option<AttributesFile>,
}

impl Folder {
    /// Reads a whole catalog.
    ///
    /// # Errors
    /// See [`FolderFault`].
    pub fn read(root: &Path) -> Result<Self, FolderError> {
        walk::read(root)
    }

    /// What the folder says about the model. None if it has no `model.json`, or if that is empty:
    /// then it has no opinion.
    #[must_use]
    pub fn said_model(&self) -> Option<FolderModel> {
        let said = self.model.as_ref()?.as_object().filter(|members| !members.is_empty())?;
        let labels = said.get("labels");
        let own = labels.and_then(|labels| labels.get(FOLDER_LABEL)).and_then(Value::as_str);
        let folder = match own {
            Some(own) => own.to_owned(),
            None => self.root.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        };
        let (said, foundation) = (said.clone(), Foundation::BuiltIn);
        Some(FolderModel { folder, said, foundation, dropped: Vec::new() })
    }

    /// The documents with their xids, according to the model.
    ///
    /// # Errors
    /// The name of a folder isn't a type, or a document could be of several types.
    pub fn documents(&self, model: &Model) -> Result<BTreeMap<Xid, &DocumentFile>, FolderError> {
        let mut found: BTreeMap<Xid, &DocumentFile> = BTreeMap::new();
        for document in &self.documents {
            let xid = document.xid(model)?;
            if let Some(other) = found.insert(xid, document) {
                let fault = FolderFault::Twice { other: other.path.clone() };
                return Err(FolderError::of(&document.path, fault));
            }
        }
        Ok(found)
    }
}

impl DocumentFile {
    /// The document's xid, according to the model.
    ///
    /// # Errors
    /// See [`Folder::documents`].
    pub fn xid(&self, model: &Model) -> Result<Xid, FolderError> {
        let refused = |fault| Err(FolderError::of(&self.path, fault));
        let Xid::Group { groups, group } = &self.group else {
            return refused(FolderFault::Layout);
        };
        let Some(kind) = model.group_type(groups.as_str()) else {
            let names = model.group_types().map(|kind| kind.plural.as_str());
            let nearest = muster_schema::nearest(groups.as_str(), names).map(str::to_owned);
            return refused(FolderFault::UnknownType { name: groups.to_string(), nearest });
        };
        let resources: Id = match (&self.resources, only_resources(kind)) {
            (Some(named), _) if kind.resources.contains_key(named.as_str()) => named.clone(),
            (Some(named), _) => {
                let names = kind.resources.keys().map(String::as_str);
                let nearest = muster_schema::nearest(named.as_str(), names).map(str::to_owned);
                return refused(FolderFault::UnknownType { name: named.to_string(), nearest });
            }
            (None, Some(only)) => match only.plural.parse() {
                Ok(only) => only,
                Err(_) => return refused(FolderFault::Layout),
            },
            (None, None) => {
                let types = kind.resources.keys().cloned().collect();
                return refused(FolderFault::Ambiguous { types });
            }
        };
        let (groups, group, resource) = (groups.clone(), group.clone(), self.id.clone());
        Ok(Xid::Resource { groups, group, resources, resource })
    }

    /// The file as an object, in JSON or YAML.
    ///
    /// # Errors
    /// It isn't an object.
    pub fn object(&self) -> Result<Map<String, Value>, FolderError> {
        object(&self.path, Notation::of(Some(&self.content_type)), &self.bytes)
    }

    /// The attributes to set, without the media type.
    #[must_use]
    pub fn set(&self) -> Map<String, Value> {
        let mut members =
            self.attributes.as_ref().map(|file| file.members.clone()).unwrap_or_default();
        members.remove("contenttype");
        members
    }
}

/// The root of a file's catalog: the nearest folder above it that has a model.
#[must_use]
pub fn root_above(path: &Path) -> Option<PathBuf> {
    let absolute = std::fs::canonicalize(path).ok()?;
    let above = absolute.ancestors().find(|folder| folder.join(MODEL_FILE).is_file());
    above.map(Path::to_owned)
}

/// The catalog that was probably meant by a folder that isn't one: the nearest one above it, or the
/// only one in it.
#[must_use]
pub fn likely_root(folder: &Path) -> Option<PathBuf> {
    let is_root = |folder: &Path| folder.join(MODEL_FILE).is_file();
    if is_root(folder) {
        return None;
    }
    let mut above = folder.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above.find(|above| is_root(above)) {
        return Some(above.to_owned());
    }
    let within = std::fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let mut within = within.filter(|path| is_root(path));
    within.next().filter(|_| within.next().is_none())
}

/// Parses an object.
fn object(path: &str, notation: Notation, bytes: &[u8]) -> Result<Map<String, Value>, FolderError> {
    let refused = |fault| Err(FolderError::of(path, fault));
    match notation.parse(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => refused(FolderFault::NoObject(notation)),
        Err(error) => refused(FolderFault::NoData { error }),
    }
}

#[cfg(test)]
mod tests;

//! A catalogue in a folder: the layout that `muster apply` and `muster validate` read.
//!
//! ```text
//! model.json                                  the model, if it is more than the built-in one
//! <groups>/<group>.attributes.json            attributes of a group
//! <groups>/<group>/<id>.<ext>                 a document, where groups hold one type
//! <groups>/<group>/<resources>/<id>.<ext>     a document, where they hold several
//! <groups>/<group>/…/<id>.attributes.json     attributes of the document beside it
//! ```
//!
//! Names that begin with a dot are left alone, and so are files beside `model.json`. Whatever else
//! doesn't fit is refused: a document that was silently left out is found out much later.

mod error;
mod names;
mod walk;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use muster_words::{
    Id, Xid,
    json::{self, Map, Value},
};

pub use error::{FolderError, FolderFault};
pub use names::{FileName, content_type};

use crate::shape::ModelShape;

/// The file that marks the root of a catalogue.
pub const MODEL_FILE: &str = "model.json";

/// A catalogue as it lies in a folder, before a model says what its folders are.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// Where it lies.
    pub root: PathBuf,
    /// The model, if the folder has one.
    pub model: Option<Value>,
    /// The groups that have a folder or attributes.
    pub groups: BTreeMap<Xid, GroupFiles>,
    /// The documents, by where they lie.
    pub documents: Vec<DocumentFile>,
}

/// What a folder says of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupFiles {
    /// Its attributes, and the file they stand in.
    pub attributes: Option<AttributesFile>,
}

/// Attributes beside a document or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributesFile {
    /// The file, from the root.
    pub path: String,
    /// What it says.
    pub members: Map<String, Value>,
}

/// A document as it lies in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentFile {
    /// The file, from the root.
    pub path: String,
    /// Its group's type and id.
    pub group: Xid,
    /// The folder in the group, where there is one: the plural name of its type.
    pub resources: Option<Id>,
    /// Its id.
    pub id: Id,
    /// Its type, by its extension or as its attributes say.
    pub content_type: String,
    /// Its bytes.
    pub bytes: bytes::Bytes,
    /// Its attributes, if there are any.
    pub attributes: Option<AttributesFile>,
}

impl Folder {
    /// Reads a catalogue whole.
    ///
    /// # Errors
    /// See [`FolderFault`].
    pub fn read(root: &Path) -> Result<Self, FolderError> {
        walk::read(root)
    }

    /// The documents with their xids, as the model's types have them.
    ///
    /// # Errors
    /// A folder has the name of no type, or a document could be of several.
    pub fn documents(
        &self,
        shape: &ModelShape,
    ) -> Result<BTreeMap<Xid, &DocumentFile>, FolderError> {
        let mut found: BTreeMap<Xid, &DocumentFile> = BTreeMap::new();
        for document in &self.documents {
            let xid = document.xid(shape)?;
            if let Some(other) = found.insert(xid, document) {
                let fault = FolderFault::Twice { other: other.path.clone() };
                return Err(FolderError::of(&document.path, fault));
            }
        }
        Ok(found)
    }
}

impl DocumentFile {
    /// The document's name, as the model's types have it.
    ///
    /// # Errors
    /// See [`Folder::documents`].
    pub fn xid(&self, shape: &ModelShape) -> Result<Xid, FolderError> {
        let refused = |fault| Err(FolderError::of(&self.path, fault));
        let Xid::Group { groups, group } = &self.group else {
            return refused(FolderFault::Layout);
        };
        let Some(kind) = shape.groups.get(groups.as_str()) else {
            let names = shape.groups.keys().map(String::as_str);
            let nearest = muster_schema::nearest(groups.as_str(), names).map(str::to_owned);
            return refused(FolderFault::UnknownType { name: groups.to_string(), nearest });
        };
        let resources: Id = match (&self.resources, shape.only_resources(groups.as_str())) {
            (Some(named), _) if kind.resources.contains_key(named.as_str()) => named.clone(),
            (Some(named), _) => {
                let names = kind.resources.keys().map(String::as_str);
                let nearest = muster_schema::nearest(named.as_str(), names).map(str::to_owned);
                return refused(FolderFault::UnknownType { name: named.to_string(), nearest });
            }
            (None, Some(only)) => match only.parse() {
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

    /// The file as a JSON object.
    ///
    /// # Errors
    /// It is none.
    pub fn object(&self) -> Result<Map<String, Value>, FolderError> {
        object(&self.path, &self.bytes)
    }

    /// The attributes that are set with the document, but for its type.
    #[must_use]
    pub fn set(&self) -> Map<String, Value> {
        let mut members =
            self.attributes.as_ref().map(|file| file.members.clone()).unwrap_or_default();
        members.remove("contenttype");
        members
    }
}

/// The root of the catalogue in which a file lies: the nearest folder above it that has a model.
#[must_use]
pub fn root_above(path: &Path) -> Option<PathBuf> {
    let absolute = std::fs::canonicalize(path).ok()?;
    let above = absolute.ancestors().find(|folder| folder.join(MODEL_FILE).is_file());
    above.map(Path::to_owned)
}

/// The catalogue that somebody likely meant who named a folder that is none: the nearest above it
/// that has a model, or the only one in it.
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

/// Reads JSON that must be an object.
fn object(path: &str, bytes: &[u8]) -> Result<Map<String, Value>, FolderError> {
    let refused = |fault| Err(FolderError::of(path, fault));
    match json::parse(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => refused(FolderFault::NoObject),
        Err(error) => refused(FolderFault::Json(error)),
    }
}

#[cfg(test)]
mod tests;

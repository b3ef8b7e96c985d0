use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs, io,
    path::{Path, PathBuf},
};

use muster_words::{Id, Notation, Xid, json::Value, limits::DOCUMENT_BYTES_MAX};

use super::{
    AttributesFile, DocumentFile, FileName, Folder, FolderError, FolderFault, MANIFEST_FILE,
    MODEL_FILE, content_type, ignored::IgnoredNames, object,
};
use crate::bounded_file;

/// The maximum number of files in a catalog. All of them must fit into memory.
pub const FILES_MAX: usize = 100_000;

/// The most bytes of a folder's files, which are all held in memory: 256 MiB, hundreds of times what
/// the largest folder of metadata has.
pub const FOLDER_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Reads a catalog.
pub(super) fn read(root: &Path) -> Result<Folder, FolderError> {
    let shown = root.display().to_string();
    let canonical = fs::canonicalize(root).map_err(|error| unreadable(&shown, &error))?;
    if !canonical.is_dir() {
        let fault = FolderFault::Unreadable("it isn't a folder".to_owned());
        return Err(FolderError::of(&shown, fault));
    }
    let ignored = IgnoredNames::read(&canonical)?;
    let mut walk = Walk {
        root: canonical.clone(),
        files: 0,
        bytes_read: 0,
        folder: Folder::default(),
        ignored,
    };
    walk.folder.root = canonical;
    for one in walk.list("")? {
        match one.kind {
            Kind::Folder => walk.group_type(&one)?,
            Kind::File if one.name == MODEL_FILE => {
                let bytes = walk.bytes(&one.path)?;
                let model = object(&one.path, Notation::Json, &bytes)?;
                walk.folder.model = Some(Value::Object(model));
            }
            Kind::File if matches!(one.name.as_str(), "model.yaml" | "model.yml") => {
                return one.refused(FolderFault::ModelName);
            }
            Kind::File if one.name == MANIFEST_FILE => {
                walk.folder.manifest = Some(walk.bytes(&one.path)?.into());
            }
            Kind::File => {}
        }
    }
    Ok(walk.folder)
}

struct Walk {
    root: PathBuf,
    files: usize,
    bytes_read: u64,
    folder: Folder,
    ignored: IgnoredNames,
}

/// A file or a folder within a folder.
struct FolderItem {
    /// Its path from the root.
    path: String,
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

impl FolderItem {
    fn id(&self, text: &str) -> Result<Id, FolderError> {
        text.parse().map_err(|error| FolderError::of(&self.path, FolderFault::Name(error)))
    }

    fn refused<T>(&self, fault: FolderFault) -> Result<T, FolderError> {
        Err(FolderError::of(&self.path, fault))
    }
}

/// The documents and the attributes in one folder, by id.
#[derive(Default)]
struct Pairs {
    documents: BTreeMap<Id, DocumentFile>,
    attributes: BTreeMap<Id, AttributesFile>,
}

impl Walk {
    fn group_type(&mut self, folder: &FolderItem) -> Result<(), FolderError> {
        let groups = folder.id(&folder.name)?;
        for one in self.list(&folder.path)? {
            let xid = |group| Xid::Group { groups: groups.clone(), group };
            if one.kind == Kind::Folder {
                let xid = xid(one.id(&one.name)?);
                self.folder.groups.entry(xid.clone()).or_default();
                self.group(&one, &xid)?;
                continue;
            }
            let FileName::Attributes { id, extension } = FileName::read(&one.name) else {
                return one.refused(FolderFault::Layout);
            };
            let attributes = self.attributes(&one, extension)?;
            let xid = xid(one.id(id)?);
            let files = self.folder.groups.entry(xid).or_default();
            if let Some(other) = files.attributes.replace(attributes) {
                return one.refused(FolderFault::Twice { other: other.path });
            }
        }
        Ok(())
    }

    fn group(&mut self, folder: &FolderItem, group: &Xid) -> Result<(), FolderError> {
        let mut pairs = Pairs::default();
        for one in self.list(&folder.path)? {
            if one.kind == Kind::Folder {
                let resources = one.id(&one.name)?;
                let mut inner = Pairs::default();
                for one in self.list(&one.path)? {
                    self.file(&one, group, Some(&resources), &mut inner)?;
                }
                self.join(inner)?;
            } else {
                self.file(&one, group, None, &mut pairs)?;
            }
        }
        self.join(pairs)
    }

    fn file(
        &mut self,
        one: &FolderItem,
        group: &Xid,
        resources: Option<&Id>,
        pairs: &mut Pairs,
    ) -> Result<(), FolderError> {
        if one.kind == Kind::Folder {
            return one.refused(FolderFault::Layout);
        }
        let (id, extension) = match FileName::read(&one.name) {
            FileName::Attributes { id, extension } => {
                let attributes = self.attributes(one, extension)?;
                return match pairs.attributes.insert(one.id(id)?, attributes) {
                    None => Ok(()),
                    Some(other) => one.refused(FolderFault::Twice { other: other.path }),
                };
            }
            FileName::Document { id, extension } => (one.id(id)?, extension),
        };
        let document = DocumentFile {
            path: one.path.clone(),
            group: group.clone(),
            resources: resources.cloned(),
            id: id.clone(),
            content_type: content_type(extension).to_owned(),
            bytes: self.bytes(&one.path)?.into(),
            attributes: None,
        };
        match pairs.documents.entry(id) {
            Entry::Vacant(free) => {
                free.insert(document);
                Ok(())
            }
            Entry::Occupied(other) => {
                one.refused(FolderFault::Twice { other: other.get().path.clone() })
            }
        }
    }

    /// Joins each document with the attributes beside it.
    fn join(&mut self, mut pairs: Pairs) -> Result<(), FolderError> {
        for (id, attributes) in pairs.attributes {
            let Some(document) = pairs.documents.get_mut(&id) else {
                return Err(FolderError::of(&attributes.path, FolderFault::Orphan));
            };
            if let Some(Value::String(content_type)) = attributes.members.get("contenttype") {
                document.content_type.clone_from(content_type);
            }
            document.attributes = Some(attributes);
        }
        self.folder.documents.extend(pairs.documents.into_values());
        Ok(())
    }

    fn attributes(
        &mut self,
        one: &FolderItem,
        extension: &str,
    ) -> Result<AttributesFile, FolderError> {
        let notation = Notation::of(Some(content_type(extension)));
        let members = object(&one.path, notation, &self.bytes(&one.path)?)?;
        Ok(AttributesFile { path: one.path.clone(), members })
    }

    /// The content of a folder by name, without names that begin with a dot and those that are to
    /// be ignored.
    fn list(&mut self, folder: &str) -> Result<Vec<FolderItem>, FolderError> {
        let entries = fs::read_dir(self.root.join(folder));
        let mut all = Vec::new();
        for entry in entries.map_err(|error| unreadable(folder, &error))? {
            let entry = entry.map_err(|error| unreadable(folder, &error))?;
            let name = entry
                .file_name()
                .into_string()
                .map_err(|name| FolderError::of(&name.to_string_lossy(), FolderFault::NotUtf8))?;
            if name.starts_with('.') {
                continue;
            }
            self.files += 1;
            if self.files > FILES_MAX {
                return Err(FolderError::of(folder, FolderFault::TooMany));
            }
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let kind = self.kind(&path)?;
            if self.ignored.has(&path, kind == Kind::Folder) {
                continue;
            }
            all.push(FolderItem { path, name, kind });
        }
        all.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(all)
    }

    /// The kind of a path. Links are followed if they stay within the root.
    fn kind(&self, path: &str) -> Result<Kind, FolderError> {
        let full = self.root.join(path);
        let real = fs::canonicalize(&full).map_err(|error| unreadable(path, &error))?;
        if !real.starts_with(&self.root) {
            let fault = FolderFault::Outside(real.display().to_string());
            return Err(FolderError::of(path, fault));
        }
        let metadata = fs::metadata(&real).map_err(|error| unreadable(path, &error))?;
        if metadata.is_dir() {
            Ok(Kind::Folder)
        } else if metadata.is_file() {
            Ok(Kind::File)
        } else {
            Err(FolderError::of(path, FolderFault::Special))
        }
    }

    fn bytes(&mut self, path: &str) -> Result<Vec<u8>, FolderError> {
        let full = self.root.join(path);
        let size = fs::metadata(&full).map_err(|error| unreadable(path, &error))?.len();
        if size > DOCUMENT_BYTES_MAX as u64 {
            return Err(FolderError::of(path, FolderFault::TooLarge { size }));
        }
        self.bytes_read += size;
        if self.bytes_read > FOLDER_BYTES_MAX {
            return Err(FolderError::of(path, FolderFault::FolderTooLarge));
        }
        bounded_file::read(&full, DOCUMENT_BYTES_MAX as u64)
            .map_err(|error| unreadable(path, &error))
    }
}

fn unreadable(path: &str, error: &io::Error) -> FolderError {
    FolderError::of(path, FolderFault::Unreadable(error.to_string()))
}

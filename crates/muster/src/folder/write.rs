use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use muster_model::{Foundation, Model};
use muster_wire::{
    apply::{DocumentToApply, GroupToApply},
    export::ExportLine,
};
use muster_words::{
    Xid,
    json::{Map, Value},
};

use super::{MODEL_FILE, content_type, names::FileName};
use crate::backup_file::draft_of;
use crate::{Failure, OwnCode, model::only_resources};

/// Writes an export as a folder that [`super::Folder`] reads. The folder gets its name when it is
/// complete; dropped before, it is removed.
pub struct NewFolder {
    root: PathBuf,
    draft: PathBuf,
    is_kept: bool,
    shown: String,
    model: Option<Model>,
}

/// The extensions of known media types, the usual one first.
const EXTENSIONS: [&str; 6] = ["json", "yaml", "toml", "xml", "md", "txt"];

impl NewFolder {
    /// Begins a folder.
    ///
    /// # Errors
    /// It holds something already, or can't be made.
    pub fn create(root: &Path, shown: &str) -> Result<Self, Failure> {
        let refused = |error: io::Error| unwritable(shown, &error);
        let there = match fs::read_dir(root) {
            Ok(mut there) => there.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(refused(error)),
        };
        if there {
            return Err(Failure::new(OwnCode::FileExists, format!("{shown} isn't empty")).help(
                "choose another folder: what is in this one would be mixed up with the export",
            ));
        }
        let draft = draft_of(root);
        fs::create_dir_all(&draft).map_err(refused)?;
        let (root, shown) = (root.to_owned(), shown.to_owned());
        Ok(Self { root, draft, is_kept: false, shown, model: compiled(&Map::new()) })
    }

    /// Lays the folder out for this model, without writing it.
    #[must_use]
    pub fn under(mut self, model: Model) -> Self {
        self.model = Some(model);
        self
    }

    /// Writes what a line says.
    pub fn write(&mut self, line: &ExportLine) -> Result<(), Failure> {
        match line {
            ExportLine::Registry(_) | ExportLine::End(_) => Ok(()),
            ExportLine::Model(model) => {
                self.model = compiled(model);
                self.json(Path::new(MODEL_FILE), model)
            }
            ExportLine::Group(group) => self.group(group),
            ExportLine::Document(document) => self.document(document),
        }
    }

    /// Ends the folder.
    ///
    /// # Errors
    /// It can't be brought to disk.
    pub fn finish(mut self) -> Result<(), Failure> {
        let placed = fs::File::open(&self.draft)
            .and_then(|folder| folder.sync_all())
            .and_then(|()| fs::rename(&self.draft, &self.root));
        placed.map_err(|error| unwritable(&self.shown, &error))?;
        self.is_kept = true;
        Ok(())
    }

    fn group(&mut self, group: &GroupToApply) -> Result<(), Failure> {
        // A server may send anything; only the name of a group becomes a path.
        let parsed = group.xid.parse::<Xid>().ok();
        let Some(Xid::Group { groups, group: id }) = parsed else {
            return Err(unexpected(&group.xid));
        };
        let path = PathBuf::from(groups.as_str()).join(id.as_str());
        let folder = self.draft.join(&path);
        fs::create_dir_all(&folder).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => same_file(&path),
            _ => self.refused(&error),
        })?;
        if group.attributes.is_empty() {
            return Ok(());
        }
        self.json(&with_suffix(&path, ".attributes.json"), &group.attributes)
    }

    fn document(&mut self, document: &DocumentToApply) -> Result<(), Failure> {
        let parsed = document.xid.parse::<Xid>().ok().and_then(|xid| {
            let (groups, group) = xid.group_ids()?;
            let (resources, resource) = xid.resource_ids()?;
            Some([groups, group, resources, resource].map(ToString::to_string))
        });
        let Some([groups, group, resources, id]) = parsed else {
            return Err(unexpected(&document.xid));
        };
        let mut folder = PathBuf::from(&groups).join(&group);
        if self.has_several(&groups, &resources) {
            folder.push(&resources);
        }
        let mut attributes = document.attributes.clone();
        let kind = attributes.get("contenttype").and_then(Value::as_str).unwrap_or_default();
        let extension = extension(&id, kind);
        if extension.is_some() {
            attributes.remove("contenttype");
        }
        let name = match extension {
            Some(extension) => format!("{id}.{extension}"),
            None => format!("{id}.bin"),
        };
        let bytes = document.bytes().map_err(|_| {
            Failure::new(
                OwnCode::UnexpectedAnswer,
                format!("{}: its Base64 is broken", document.xid),
            )
        })?;
        if let Some(bytes) = bytes {
            self.bytes(&folder.join(name), &bytes)?;
        }
        if attributes.is_empty() {
            return Ok(());
        }
        self.json(&folder.join(format!("{id}.attributes.json")), &attributes)
    }

    /// Whether groups of this type hold several types of documents.
    fn has_several(&self, groups: &str, resources: &str) -> bool {
        let kind = self.model.as_ref().and_then(|model| model.group_type(groups));
        let Some(kind) = kind else { return true };
        only_resources(kind).is_none_or(|only| only.plural != resources)
    }

    fn json(&mut self, path: &Path, members: &Map<String, Value>) -> Result<(), Failure> {
        let mut text = serde_json::to_vec_pretty(members).unwrap_or_default();
        text.push(b'\n');
        self.bytes(path, &text)
    }

    fn bytes(&mut self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        let whole = self.draft.join(path);
        if let Some(folder) = whole.parent() {
            fs::create_dir_all(folder).map_err(|error| self.refused(&error))?;
        }
        // Some file systems don't tell upper from lower case.
        let file = fs::OpenOptions::new().write(true).create_new(true).open(whole);
        match file.and_then(|mut file| file.write_all(bytes)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(same_file(path)),
            written => written.map_err(|error| self.refused(&error)),
        }
    }

    fn refused(&self, error: &io::Error) -> Failure {
        unwritable(&self.shown, error)
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.is_kept {
            // What is left of it is of no use; that it can't be removed changes nothing.
            let _ = fs::remove_dir_all(&self.draft);
        }
    }
}

fn same_file(path: &Path) -> Failure {
    let what = format!("two things would be the same file, {}", path.display());
    Failure::new(OwnCode::BadFolder, what).help("use --format jsonl")
}

fn unexpected(xid: &str) -> Failure {
    let what = format!("the server sent {xid:?} as the name of something");
    Failure::new(OwnCode::UnexpectedAnswer, what).help("check which server answers")
}

fn compiled(model: &Map<String, Value>) -> Option<Model> {
    let source = Value::Object(model.clone());
    let compiled = Model::compile(&source, Foundation::BuiltIn);
    compiled.or_else(|_| Model::compile(&source, Foundation::Bare)).ok()
}

/// The extension from which the media type follows, if there is one.
fn extension(id: &str, kind: &str) -> Option<&'static str> {
    let fits = |extension: &&&str| {
        let name = format!("{id}.{extension}");
        content_type(extension) == kind
            && FileName::read(&name) == FileName::Document { id, extension }
    };
    EXTENSIONS.iter().find(fits).copied()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn unwritable(shown: &str, error: &io::Error) -> Failure {
    Failure::new(OwnCode::System, format!("{shown}: {error}"))
        .help("check that you may write to it, and that its disk isn't full")
}

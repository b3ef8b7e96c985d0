use muster_words::{IdError, Notation, NotationError, limits::DOCUMENT_BYTES_MAX};
use thiserror::Error;

use super::walk::{FILES_MAX, FOLDER_BYTES_MAX};
use crate::{Failure, OwnCode};

/// Why a folder isn't a catalog.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path}: {fault}")]
pub struct FolderError {
    /// The file or folder, from the root.
    pub path: String,
    /// What is wrong with it.
    pub fault: FolderFault,
}

/// The faults of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FolderFault {
    /// It doesn't exist, or can't be read.
    #[error("it can't be read: {0}")]
    Unreadable(String),
    /// A link leads out of the folder.
    #[error("it leads out of the folder, to {0}")]
    Outside(String),
    /// It is neither a file nor a folder, but for example a pipe or a device.
    #[error("it is neither a file nor a folder")]
    Special,
    /// It is larger than a document may be.
    #[error("it has {size} bytes; a document has at most {DOCUMENT_BYTES_MAX}")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
    },
    /// There are too many files.
    #[error("there are more than {FILES_MAX} files")]
    TooMany,
    /// The files are too large together.
    #[error("the folder's files have more than {FOLDER_BYTES_MAX} bytes up to this one")]
    FolderTooLarge,
    /// Its name isn't UTF-8.
    #[error("its name isn't UTF-8")]
    NotUtf8,
    /// Its name isn't an id.
    #[error("its name isn't an id: {0}")]
    Name(IdError),
    /// A catalog has nothing at this place.
    #[error("a catalog has nothing at this place")]
    Layout,
    /// There is no document for these attributes.
    #[error("there is no document beside it for these attributes")]
    Orphan,
    /// A group's attribute `muster` has the wrong form.
    #[error(
        "muster has the form {{schema, rules}}: the xid of a schema, and a list of xids of rules"
    )]
    Bindings,
    /// Two files have the same xid.
    #[error("{other} is the same document")]
    Twice {
        /// The other file.
        other: String,
    },
    /// The folder's name isn't a type.
    #[error("the model has no type {name}")]
    UnknownType {
        /// The folder's name.
        name: String,
        /// The type that was probably meant.
        nearest: Option<String>,
    },
    /// Groups of this type hold several types of resources.
    #[error("it could be one of {}", types.join(", "))]
    Ambiguous {
        /// The types.
        types: Vec<String>,
    },
    /// It isn't JSON, or not YAML where its name says so.
    #[error("it isn't {}: {error}", shown(.error.notation()))]
    NoData {
        /// Where and why.
        error: NotationError,
    },
    /// It is data, but not an object.
    #[error("it must be {}", match .0 { Notation::Json => "a JSON object", Notation::Yaml => "a map" })]
    NoObject(Notation),
    /// A model has this name, and only in JSON.
    #[error("a folder's model is {}", super::MODEL_FILE)]
    ModelName,
}

const fn shown(notation: Notation) -> &'static str {
    match notation {
        Notation::Json => "JSON",
        Notation::Yaml => "acceptable YAML",
    }
}

impl FolderError {
    pub(crate) fn of(path: &str, fault: FolderFault) -> Self {
        Self { path: path.to_owned(), fault }
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        let help = match &error.fault {
            FolderFault::UnknownType { nearest: Some(nearest), .. } => {
                format!("did you mean {nearest}?")
            }
            FolderFault::Ambiguous { .. } => {
                "put it into a folder with the name of its type".to_owned()
            }
            FolderFault::Orphan => {
                "<id>.attributes.json belongs beside <id>.<ext>, and <group>.attributes.json beside the group's folder".to_owned()
            }
            FolderFault::Layout => {
                "documents are <groups>/<group>/<id>.<ext>; names that begin with a dot are left alone".to_owned()
            }
            FolderFault::TooLarge { .. } => {
                "store the large content elsewhere, and put a document that refers to it".to_owned()
            }
            FolderFault::Outside(_) => {
                "copy the file into the folder; a catalog must not link to files outside it".to_owned()
            }
            FolderFault::Twice { .. } => {
                "an id may occur only once in a group, with any extension; remove one of the files"
                    .to_owned()
            }
            FolderFault::Name(_) | FolderFault::NotUtf8 => {
                "an id has letters, digits and - . _ ~ : @; it is the file's name up to its extension"
                    .to_owned()
            }
            FolderFault::Bindings => {
                "for example {\"schema\": \"/schemagroups/own/schemas/page\", \"rules\": [\"/rulegroups/own\"]}".to_owned()
            }
            FolderFault::NoData { .. } | FolderFault::NoObject(_) | FolderFault::Unreadable(_) => {
                return Self::new(OwnCode::BadFolder, error.to_string());
            }
            FolderFault::ModelName => {
                "write the model as JSON; documents and attributes may be YAML".to_owned()
            }
            FolderFault::TooMany | FolderFault::FolderTooLarge => {
                "apply its parts one by one; .musterignore leaves out what is no document".to_owned()
            }
            FolderFault::Special | FolderFault::UnknownType { .. } => {
                "muster apply --help shows the layout of a catalog".to_owned()
            }
        };
        Self::new(OwnCode::BadFolder, error.to_string()).help(help)
    }
}

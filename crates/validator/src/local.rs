use std::{
    fs, io,
    path::{Path, PathBuf},
};

use muster_schema::{
    BundledSchema, SCHEMA_TYPES, SchemaBundle, SchemaBundleError, SchemaFormat, hashed_id,
    notation_of,
};
use muster_words::{Notation, Xid, XidError};
use thiserror::Error;

/// The group of local schemas whose names say no other.
pub const LOCAL_GROUP: &str = "local";

/// The version of a local schema whose name says no other.
const VERSION: &str = "1";

/// The files that are read of one folder, because each is compared with each, and how deeply.
const FILES_MAX: usize = 1_000;
const DEPTH_MAX: usize = 32;

/// The bytes of one file: what a document of a registry may have.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A schema that an application has itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalSchema {
    /// What it is written in.
    pub format: SchemaFormat,
    /// Its text.
    pub text: String,
    /// The names that the text uses for other local schemas, each with the local name of that one.
    /// Where a text has another schema's name in quotes, this needn't be said.
    pub references: Vec<(String, String)>,
}

impl LocalSchema {
    /// A schema that names others at most by their local names.
    #[must_use]
    pub fn new(format: SchemaFormat, text: impl Into<String>) -> Self {
        Self { format, text: text.into(), references: Vec::new() }
    }
}

/// Why local schemas can't be used.
#[derive(Debug, Error)]
pub enum LocalSchemaError {
    /// A name isn't one of a schema.
    #[error("{name:?} isn't the name of a schema: {error}")]
    Name {
        /// The name.
        name: String,
        /// The fault.
        error: XidError,
    },
    /// A file can't be read.
    #[error("{}: {error}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// There are too many files, or one is too large.
    #[error("{}: a folder of schemas has at most {FILES_MAX} files, {DEPTH_MAX} deep, of at most {FILE_BYTES_MAX} bytes each", file.display())]
    TooLarge {
        /// The file or the folder.
        file: PathBuf,
    },
    /// A reference leads to nothing.
    #[error(transparent)]
    Bundle(#[from] SchemaBundleError),
}

/// Local schemas as a bundle. A name is an xid such as `schemagroups/shop/schemas/order`, with or
/// without a version, or any other text, by which the schema is asked for then.
///
/// # Errors
/// See [`LocalSchemaError`].
pub fn local_bundle(
    schemas: impl IntoIterator<Item = (String, LocalSchema)>,
) -> Result<SchemaBundle, LocalSchemaError> {
    let mut placed = Vec::new();
    for (name, own) in schemas {
        let version = version_of(&name)?;
        placed.push((name, version, own));
    }
    let mut bundle = SchemaBundle::default();
    for (name, version, own) in &placed {
        let mut references = Vec::new();
        for (used, named) in &own.references {
            references.push((used.clone(), version_of(named)?));
        }
        // What a text has in quotes: Protobuf's imports and the full names of Avro's types.
        let others = placed.iter().filter(|(other, _, others)| {
            other != name
                && own.format != SchemaFormat::JsonSchema
                && others.format == own.format
                && own.text.contains(&format!("\"{other}\""))
        });
        for (other, at, _) in others {
            if !references.iter().any(|(used, _)| used == other) {
                references.push((other.clone(), at.clone()));
            }
        }
        let notation = match own.format {
            SchemaFormat::JsonSchema => notation_of(own.text.as_bytes()),
            _ => Notation::Json,
        };
        let text = own.text.clone();
        bundle
            .add(version.clone(), BundledSchema { format: own.format, notation, text, references });
        if let Some(resource) = version.resource() {
            bundle.name(resource, version.clone());
        }
    }
    Ok(bundle)
}

/// The schemas in the files of a folder: `.json`, `.yaml`, `.yml`, `.avsc` and `.proto`. A file at
/// `schemagroups/<group>/schemas/<id>` has that name; a `.proto` file has its path, as imports say
/// it; and any other file has its path without the ending.
///
/// # Errors
/// See [`LocalSchemaError`].
pub fn local_folder(folder: &Path) -> Result<SchemaBundle, LocalSchemaError> {
    let mut files = Vec::new();
    list(folder, &mut files, 0)?;
    files.sort();
    let mut schemas = Vec::new();
    for file in files {
        let fault = |error| LocalSchemaError::File { file: file.clone(), error };
        if fs::metadata(&file).map_err(fault)?.len() > FILE_BYTES_MAX {
            return Err(LocalSchemaError::TooLarge { file });
        }
        let text = fs::read_to_string(&file).map_err(fault)?;
        let path = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        let format = SchemaFormat::of_file(&path);
        let stem = path.rsplit_once('.').map_or(path.as_str(), |(stem, _)| stem);
        let is_placed = stem.starts_with("schemagroups/") && Xid::parse_loosely(stem).is_ok();
        let name = match format {
            SchemaFormat::Protobuf if !is_placed => path.as_str(),
            _ => stem,
        };
        schemas.push((path.clone(), name.to_owned(), LocalSchema::new(format, text)));
    }
    let files: Vec<(String, String)> = schemas
        .iter()
        .filter(|(_, _, own)| own.format == SchemaFormat::JsonSchema)
        .map(|(path, name, _)| (path.clone(), name.clone()))
        .collect();
    local_bundle(schemas.into_iter().map(|(path, name, mut own)| {
        if own.format == SchemaFormat::JsonSchema {
            // A `$ref` to a file says its ending.
            let others = files
                .iter()
                .filter(|(other, _)| *other != path && own.text.contains(&format!("\"{other}")));
            own.references = others.cloned().collect();
        }
        (name, own)
    }))
}

/// Adds the files of a folder and of those in it. Attributes of groups and schemas, which an export
/// has beside them, are no schemas.
fn list(folder: &Path, files: &mut Vec<PathBuf>, depth: usize) -> Result<(), LocalSchemaError> {
    let fault = |error| LocalSchemaError::File { file: folder.to_owned(), error };
    if depth > DEPTH_MAX {
        return Err(LocalSchemaError::TooLarge { file: folder.to_owned() });
    }
    for entry in fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            list(&path, files, depth + 1)?;
            continue;
        }
        let end = name.rsplit_once('.').map(|(_, end)| end).unwrap_or_default();
        let is_schema = matches!(end, "json" | "yaml" | "yml" | "avsc" | "proto");
        if is_schema && !name.contains(".attributes.") {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(LocalSchemaError::TooLarge { file: folder.to_owned() });
        }
    }
    Ok(())
}

/// The version that a local name means.
fn version_of(name: &str) -> Result<Xid, LocalSchemaError> {
    let found = schema_xid(name).and_then(|xid| match xid {
        Xid::Version { .. } => Ok(xid),
        other => {
            let version = VERSION.parse().ok().and_then(|version| other.version(version));
            version.ok_or(XidError::Shape)
        }
    });
    found.map_err(|error| LocalSchemaError::Name { name: name.to_owned(), error })
}

/// The xid that a name is, or that a local schema of that name has.
pub(crate) fn schema_xid(name: &str) -> Result<Xid, XidError> {
    let is_xid = name.trim_start_matches('/').starts_with("schemagroups/");
    if is_xid { Xid::parse_loosely(name) } else { local_xid(name) }
}

/// The xid of a schema that isn't named by one.
fn local_xid(name: &str) -> Result<Xid, XidError> {
    let (groups, schemas) = SCHEMA_TYPES;
    let of = |id: &str| format!("/{groups}/{LOCAL_GROUP}/{schemas}/{id}").parse();
    // A relative `$ref` leads to a name that can be an id; other names have one that stands for them.
    match name.contains('/') {
        false => of(name).or_else(|error| hashed_id(name).map_or(Err(error), |id| of(id.as_str()))),
        true => hashed_id(name).map_or(Err(XidError::Shape), |id| of(id.as_str())),
    }
}

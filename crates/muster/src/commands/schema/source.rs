use std::path::{Path, PathBuf};

use clap::Args;
use muster_client::{Client, ClientError};
use muster_schema::SchemaFormat;
use muster_wire::schemas::{SchemaReference, SchemaSource};
use muster_words::{Xid, limits::DOCUMENT_BYTES_MAX};

use crate::{Context, Failure, OwnCode, arguments::ConnectionArguments, bounded_file, composition};

/// How schemas are read that a command names.
#[derive(Debug, Args)]
pub struct SchemaFlags {
    /// The format of files: jsonschema, avro or protobuf [default: by the file's name]
    #[arg(long, value_name = "FORMAT")]
    format: Option<SchemaFormat>,
    /// A schema that Avro schemas refer to, or a file that Protobuf schemas import; may be repeated
    #[arg(long = "reference", value_name = "NAME=FILE")]
    references: Vec<String>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// A schema that a command names: a file, or the xid of a stored one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    File(PathBuf),
    Stored(Xid),
}

impl Named {
    /// What a text names. A file that exists comes first.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let path = Path::new(text);
        if path.exists() || text.starts_with("./") || text.starts_with("../") {
            return Ok(Self::File(path.to_owned()));
        }
        match Xid::parse_loosely(text) {
            Ok(xid @ (Xid::Resource { .. } | Xid::Version { .. })) => Ok(Self::Stored(xid)),
            _ => Err(Failure::usage(format!("there is no file {text}, and it isn't an xid"))
                .help("name a file, or a stored schema such as schemagroups/shop/schemas/order")),
        }
    }

    /// How people see it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stored(xid) => xid.to_string().trim_start_matches('/').to_owned(),
        }
    }
}

impl SchemaFlags {
    /// A client: for a registry, or where only files are named, for an empty one in this process.
    pub(super) async fn client(
        &self,
        context: &Context,
        named: &[&Named],
    ) -> Result<Client, Failure> {
        let needs_registry = named.iter().any(|named| matches!(named, Named::Stored(_)));
        if needs_registry || self.connection.is_named() {
            return self.connection.client(context).await;
        }
        Ok(Client::new(composition::open_empty().await?, None))
    }

    /// The schema as a request has it.
    pub(super) fn source(&self, named: &Named) -> Result<SchemaSource, Failure> {
        let format = self.format.map(|format| format.to_string());
        match named {
            Named::Stored(xid) => {
                let references = self.references()?;
                let xid = Some(xid.to_string());
                Ok(SchemaSource { xid, format, references, ..SchemaSource::default() })
            }
            Named::File(path) => Ok(SchemaSource {
                schema: Some(read(path)?.into()),
                format: Some(self.format_of(path).to_string()),
                references: self.references()?,
                ..SchemaSource::default()
            }),
        }
    }

    /// The client of the registry that the flags name, or of the usual one.
    pub(super) async fn registry(&self, context: &Context) -> Result<Client, Failure> {
        self.connection.client(context).await
    }

    /// The format of a file: the one that was said, else by its name.
    pub(super) fn format_of(&self, path: &Path) -> SchemaFormat {
        self.format.unwrap_or_else(|| SchemaFormat::of_file(&path.to_string_lossy()))
    }

    /// Whether schemas were named that the others refer to.
    pub(super) const fn has_references(&self) -> bool {
        !self.references.is_empty()
    }

    /// The schemas that the others refer to.
    pub(super) fn references(&self) -> Result<Vec<SchemaReference>, Failure> {
        let reference = |text: &String| {
            let (name, file) = text.split_once('=').ok_or_else(|| {
                Failure::usage(format!("--reference {text} has no ="))
                    .help("--reference shop/money.proto=money.proto")
            })?;
            Ok(SchemaReference { name: name.to_owned(), schema: read(Path::new(file))?.into() })
        };
        self.references.iter().map(reference).collect()
    }
}

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    bounded_file::read_text(path, DOCUMENT_BYTES_MAX as u64).map_err(|error| {
        Failure::new(OwnCode::BadFile, format!("{}: {error}", path.display()))
            .help("name a file with a schema or a payload")
    })
}

/// A refusal with the names that the command has for the members of its request.
pub(super) fn told(error: ClientError, names: &[(&str, String)]) -> Failure {
    let ClientError::Refused(mut refusal) = error else { return error.into() };
    if let Some(subject) = &mut refusal.body.subject
        && let Some((_, shown)) = names.iter().find(|(member, _)| member == subject)
    {
        subject.clone_from(shown);
    }
    Failure::from(*refusal)
}

use std::{fmt, sync::Arc};

use muster_words::Digest;
use prost_reflect::{
    DescriptorPool, FileDescriptor, MessageDescriptor, prost_types::FileDescriptorProto,
};
use thiserror::Error;

use super::{
    ProtobufError,
    link::{Linked, link, link_changed},
};

/// A Protobuf schema with all files that it imports. Copying it copies a pointer.
#[derive(Clone)]
pub struct ProtobufSchema {
    file: FileDescriptor,
    canonical: Arc<str>,
    /// Whether the file's last import isn't in the text.
    implies_import: bool,
}

/// The schema has no message of this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the schema has no message {name:?}; {}", known(messages))]
pub struct UnknownMessage {
    /// The name that was asked for; empty if the schema has no message at all.
    pub name: String,
    /// The names of its messages, at most a dozen.
    pub messages: Vec<String>,
}

impl fmt::Debug for ProtobufSchema {
    /// The canonical text: the descriptors would follow types without end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProtobufSchema").field(&self.canonical).finish()
    }
}

fn known(messages: &[String]) -> String {
    match messages {
        [] => "it has no messages".to_owned(),
        messages => format!("it has {}", messages.join(", ")),
    }
}

impl ProtobufSchema {
    /// Reads a schema: a `.proto` text, or the base64 of a serialised `FileDescriptorProto`.
    /// `references` are the files that it and they may import, by their import path; their order
    /// doesn't matter, and what isn't imported isn't read.
    ///
    /// # Errors
    /// What is wrong with it, with places. Nothing is fetched: an import that is neither a
    /// reference nor built in is an error that names it.
    ///
    /// ```
    /// use muster_schema::protobuf::{ProtobufFault, ProtobufSchema};
    ///
    /// let text = "syntax = \"proto3\";\nimport \"shop/money.proto\";\n";
    /// let error = ProtobufSchema::parse(text, &[]).unwrap_err();
    /// let problem = &error.problems[0];
    /// assert_eq!(problem.fault, ProtobufFault::ImportNotFound);
    /// assert_eq!(problem.place.map(|place| (place.line, place.column)), Some((2, 1)));
    /// ```
    pub fn parse(text: &str, references: &[(&str, &str)]) -> Result<Self, ProtobufError> {
        Self::of(link(text, references)?)
    }

    /// The schema after a change of its file as it was written. `references` are those with which it
    /// was parsed.
    ///
    /// # Errors
    /// What is wrong with it now.
    pub(crate) fn changed(
        &self,
        references: &[(&str, &str)],
        change: impl FnOnce(&mut FileDescriptorProto),
    ) -> Result<Self, ProtobufError> {
        Self::of(link_changed(&self.canonical, references, change)?)
    }

    fn of(Linked { file, written, names_syntax }: Linked) -> Result<Self, ProtobufError> {
        let canonical: Arc<str> = super::print::written(&file, &written, names_syntax).into();
        if canonical.is_empty() {
            // Comments and semicolons only.
            return Err(ProtobufError::one(super::ProtobufFault::Empty, "the schema is empty"));
        }
        let linked = file.file_descriptor_proto().dependency.len();
        let implies_import = linked > written.dependency.len();
        Ok(Self { file, canonical, implies_import })
    }

    /// Reads a schema from bytes; see [`Self::parse`].
    ///
    /// # Errors
    /// As there, and bytes that aren't UTF-8.
    pub fn parse_bytes(bytes: &[u8], references: &[(&str, &str)]) -> Result<Self, ProtobufError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let valid = String::from_utf8_lossy(valid);
            let place = super::fault::place_of(&valid, valid.len());
            let problem = super::ProtobufProblem::new(
                super::ProtobufFault::NotUtf8,
                "the schema isn't UTF-8 from here on",
            );
            ProtobufError::from(problem.at(Some(place)))
        })?;
        Self::parse(text, references)
    }

    /// The schema as text, in one form: without comments, names and options as they were written.
    /// It follows the canonical string of Confluent's registry; see
    /// docs/reference/compatibility/protobuf.md for where it can't.
    #[must_use]
    pub fn canonical_text(&self) -> &str {
        &self.canonical
    }

    /// The schema as text in its normal form: names in full, fields by number, options and imports
    /// sorted. Schemas that differ only in what has no meaning have the same.
    #[must_use]
    pub fn normalised_text(&self) -> String {
        super::print::normalised(&self.file, self.implies_import)
    }

    /// The base64 of the serialised `FileDescriptorProto`, without its name and without places.
    #[must_use]
    pub fn serialised(&self) -> String {
        super::print::serialised(&self.file)
    }

    /// The SHA-256 of the canonical text.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        Digest::of(self.canonical.as_bytes())
    }

    /// The package; empty if it has none.
    #[must_use]
    pub fn package(&self) -> &str {
        self.file.package_name()
    }

    /// The import paths of the files that the schema itself imports.
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        self.file.file_descriptor_proto().dependency.clone()
    }

    /// The full names of the messages at the top of the schema, in their order.
    #[must_use]
    pub fn message_names(&self) -> Vec<String> {
        self.file.messages().map(|message| message.full_name().to_owned()).collect()
    }

    /// The message of a full name, of a name within the package, or the first one.
    pub(crate) fn message(&self, name: Option<&str>) -> Result<MessageDescriptor, UnknownMessage> {
        let found = match name {
            None => self.file.messages().next(),
            Some(name) => {
                let name = name.strip_prefix('.').unwrap_or(name);
                let pool = self.pool();
                pool.get_message_by_name(name).or_else(|| {
                    pool.get_message_by_name(&format!("{}.{name}", self.file.package_name()))
                })
            }
        };
        found.ok_or_else(|| UnknownMessage {
            name: name.unwrap_or_default().to_owned(),
            messages: self.message_names().into_iter().take(crate::limits::CHOICES_MAX).collect(),
        })
    }

    pub(crate) fn file(&self) -> &FileDescriptor {
        &self.file
    }

    pub(super) fn pool(&self) -> &DescriptorPool {
        self.file.parent_pool()
    }
}

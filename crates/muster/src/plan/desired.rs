use std::collections::{BTreeMap, BTreeSet};

use muster_catalog::facts::referenced_documents;
use muster_client::DocumentUpload;
use muster_model::Model;
use muster_words::{
    Notation, Xid,
    json::{Map, Value},
};

use crate::{
    folder::{Folder, FolderError},
    model::{FolderModel, resource_type},
    output::Finding,
};

/// The state that a folder describes.
#[derive(Clone, Debug, Default)]
pub struct DesiredState {
    /// The registry's model with what the folder says, if it says something.
    pub model: Option<Value>,
    /// What the folder says about the model, to say it again where somebody else was faster.
    pub said_model: Option<FolderModel>,
    /// Groups with the attributes in the folder. A group without attributes is created together
    /// with its first document.
    pub groups: BTreeMap<Xid, Map<String, Value>>,
    /// Documents.
    pub documents: BTreeMap<Xid, DesiredDocument>,
    /// Groups without documents, of types that the folder takes away.
    pub gone_groups: Vec<Xid>,
    /// The group types that the folder has.
    pub group_types: BTreeSet<String>,
}

/// A document in the folder.
#[derive(Clone, Debug, Default)]
pub struct DesiredDocument {
    /// Its file, relative to the folder's root.
    pub path: String,
    /// The request for it.
    pub sent: DocumentUpload,
    /// The documents that it refers to.
    pub refers_to: Vec<Xid>,
    /// Its violations.
    pub findings: Vec<Finding>,
}

impl DesiredState {
    /// Reads a folder according to a model.
    ///
    /// # Errors
    /// Something in the folder has no type.
    pub fn read(folder: &Folder, model: &Model) -> Result<Self, FolderError> {
        let mut wanted = Self::default();
        for (xid, files) in &folder.groups {
            let attributes = files.attributes.as_ref().map(|file| file.members.clone());
            wanted.groups.insert(xid.clone(), attributes.unwrap_or_default());
            wanted.group_types.extend(xid.collection().map(|one| one.groups.to_string()));
        }
        for (xid, file) in folder.documents(model)? {
            let kind = resource_type(model, &xid);
            let attributes_alone = kind.is_some_and(|kind| !kind.hasdocument);
            let mut sent = DocumentUpload {
                bytes: file.bytes.clone(),
                content_type: file.content_type.clone(),
                attributes: file.set(),
                singular: kind.map(|kind| kind.singular.clone()).unwrap_or_default(),
                attributes_alone,
                ..DocumentUpload::default()
            };
            // If resources have no documents, the file holds their attributes.
            if attributes_alone {
                sent.attributes.extend(file.object()?);
            }
            let notation = Notation::of(Some(&file.content_type));
            let refers_to =
                kind.map(|kind| referenced_documents(kind, &xid, notation, &file.bytes));
            let refers_to = refers_to.into_iter().flatten().collect();
            let document =
                DesiredDocument { path: file.path.clone(), sent, refers_to, findings: Vec::new() };
            wanted.documents.insert(xid, document);
        }
        Ok(wanted)
    }

    /// The same with a model.
    #[must_use]
    pub fn with_model(self, said_model: FolderModel, merged: Value) -> Self {
        Self { model: Some(merged), said_model: Some(said_model), ..self }
    }
}

//! The model of a registry or a folder, for commands.

mod known;
mod merge;

use std::sync::Arc;

pub use merge::{FOLDER_LABEL, FolderModel, TypeName};
use muster_client::{Client, ClientError};
use muster_model::{Foundation, GroupType, Model, ModelFault, ResourceType};
use muster_wire::ErrorCode;
use muster_words::{
    Xid,
    json::{Map, Value},
};

use crate::{Failure, folder::Folder};

/// The model of a registry.
#[derive(Clone, Debug)]
pub(crate) struct RegistryModel {
    /// The user's part.
    pub source: Value,
    /// Its entity tag, for a change of exactly this state.
    pub tag: Option<String>,
    /// The model in force.
    pub model: Model,
    foundation: Foundation,
}

impl RegistryModel {
    /// Reads it.
    pub async fn read(client: &Client) -> Result<Self, Failure> {
        Self::read_by(client, compile).await
    }

    async fn read_by(
        client: &Client,
        compile: fn(&Value, Foundation) -> Result<Model, Failure>,
    ) -> Result<Self, Failure> {
        let (source, tag) = source_of(client).await?;
        let shown = client.model().await?.json()?;
        let has =
            |plural: &str| shown.get("groups").is_some_and(|groups| groups.get(plural).is_some());
        let model = compile(&source, Foundation::BuiltIn);
        let (model, foundation) = match model {
            Ok(model) if model.group_types().all(|kind| has(&kind.plural)) => {
                (model, Foundation::BuiltIn)
            }
            // A bare registry doesn't have the built-in types.
            _ if !has("rulegroups") => (compile(&source, Foundation::Bare)?, Foundation::Bare),
            model => (model?, Foundation::BuiltIn),
        };
        Ok(Self { source, tag, model, foundation })
    }

    /// The model with what a folder says: its source and its compiled form.
    pub fn with(&self, said: &mut FolderModel) -> Result<(Value, Model), Failure> {
        said.foundation = self.foundation;
        let source = said.merged_into(&self.source);
        let model = compile(&source, self.foundation)?;
        Ok((model.source().clone(), model))
    }
}

/// The user's part of a registry's model, with its entity tag. A weak tag can't be a condition, so
/// it isn't returned.
pub(crate) async fn source_of(client: &Client) -> Result<(Value, Option<String>), ClientError> {
    let answer = client.model_source().await?;
    let tag = answer.header("etag").filter(|tag| !tag.starts_with("W/")).map(str::to_owned);
    Ok((answer.json()?, tag))
}

/// The model in force in a registry.
pub(crate) async fn of_registry(client: &Client) -> Result<Model, Failure> {
    Ok(RegistryModel::read(client).await?.model)
}

/// As [`of_registry`], for commands that only show what is there. What a newer server's model says
/// and this release doesn't know is left out.
pub(crate) async fn to_show(client: &Client) -> Result<Model, Failure> {
    Ok(RegistryModel::read_by(client, known::compile_known).await?.model)
}

/// The model of a folder, merged with the built-in model.
pub(crate) fn of_folder(folder: &Folder) -> Result<Model, Failure> {
    let source = folder.model.clone().unwrap_or_else(|| Value::Object(Map::new()));
    let model = compile(&source, Foundation::BuiltIn)?;
    model.check_labels(Foundation::BuiltIn).map_err(unusable)?;
    Ok(model)
}

fn compile(source: &Value, foundation: Foundation) -> Result<Model, Failure> {
    Model::compile(source, foundation).map_err(unusable)
}

fn unusable(fault: ModelFault) -> Failure {
    Failure::new(ErrorCode::ModelError, format!("the model can't be used: {fault}"))
        .help("muster model get --full shows the model in force")
}

/// The resource type of an xid or of its resource.
#[must_use]
pub(crate) fn resource_type<'a>(model: &'a Model, xid: &Xid) -> Option<&'a Arc<ResourceType>> {
    let collection = xid.collection()?;
    model.resource_type(collection.groups.as_str(), collection.resources?.as_str())
}

/// A group type's resource type, if it has only one.
#[must_use]
pub(crate) fn only_resources(kind: &GroupType) -> Option<&Arc<ResourceType>> {
    let mut types = kind.resources.values();
    types.next().filter(|_| types.next().is_none())
}

/// The fields that tables show, each as a JSON Pointer and a heading.
pub(crate) fn columns(kind: &ResourceType) -> impl Iterator<Item = (&str, &str)> {
    let indexed = kind.aspect.indexed.iter();
    indexed.filter_map(|field| Some((field.field.as_str(), field.title.as_deref()?)))
}

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Instant};

use include_dir::{Dir, include_dir};
use muster_catalog::Catalog;
use muster_client::Client;
use muster_model::{Foundation, Model};
use muster_words::{Id, Xid, json};

use super::{Example, assembly::Assembly, clock::random, open::in_process};
use crate::{
    Failure, OwnCode,
    folder::Folder,
    model::{FolderModel, RegistryModel},
    output::{ColorChoice, Format, Screen, progress::ProgressLine},
    plan::{self, CurrentState, DesiredState, Plan, StepAction},
};

/// The example, as it was when this program was built.
static EXAMPLE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../catalogs/webstack");

/// Loads the example into a registry that is empty or holds only a part of it; does nothing to any
/// other.
///
/// Existing entities aren't put again, so the next start completes an interrupted load. If somebody
/// changed or deleted a part since, the load does nothing: the example is theirs then.
///
/// # Errors
/// The example can't be unpacked, or is refused.
pub(super) async fn fill(assembly: &Arc<Assembly>) -> Result<Option<Example>, Failure> {
    let began = Instant::now();
    let folder = read_example()?;
    let model = model_of(&folder)?;
    if has_others(&assembly.registry.catalog(), &folder, &model)? {
        tracing::warn!("the registry already holds other documents; the example wasn't loaded");
        return Ok(None);
    }
    let client = Client::new(Arc::new(in_process(assembly, "the registry".to_owned())), None);
    let registry = RegistryModel::read(&client).await?;
    let mut wanted = DesiredState::read(&folder, &model)?;
    if let Some(said) = folder.said_model() {
        // The folder is a scratch folder, so its own name says nothing.
        let mut said = FolderModel { folder: "webstack".to_owned(), ..said };
        let (merged, _) = registry.with(&mut said)?;
        wanted = wanted.with_model(said, merged);
    }
    let there = CurrentState::read(&client, &wanted, &registry, false).await?;
    let plan = Plan::compute(&wanted, &there, false);
    if plan.is_empty() {
        return Ok(None);
    }
    // An interrupted load leaves entities out, but never changes or deletes any.
    let view = assembly.registry.catalog();
    let is_whole = view.hidden.is_empty() && view.purged.is_empty();
    if !is_whole || plan.steps().any(|step| step.act != StepAction::Add) {
        tracing::warn!("the example was changed since it was loaded; it stays as it is");
        return Ok(None);
    }
    let total = plan.steps().count();
    let silent = Screen::of_process(Format::Json, ColorChoice::Never, true);
    let mut progress = ProgressLine::new(&silent, "filling", total);
    let outcome = plan::execute(&client, &plan, (&wanted, &there), false, &mut progress).await;
    if let Some(failure) = outcome.failed.into_iter().next() {
        return Err(failure);
    }
    Ok(Some(count(&folder, &model, began)?))
}

/// Unpacks the example into a folder, because only folders can be read as catalogs.
fn read_example() -> Result<Folder, Failure> {
    let name: String = random::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = Scratch(std::env::temp_dir().join(format!("muster-example-{name}")));
    std::fs::create_dir(&folder.0).and_then(|()| EXAMPLE.extract(&folder.0)).map_err(|error| {
        Failure::new(OwnCode::Example, format!("the example can't be read: {error}"))
    })?;
    Ok(Folder::read(&folder.0)?)
}

/// A folder that is removed when it is dropped.
struct Scratch(std::path::PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let path: &Path = &self.0;
        if let Err(error) = std::fs::remove_dir_all(path) {
            tracing::debug!(%error, "a scratch folder couldn't be removed");
        }
    }
}

fn model_of(folder: &Folder) -> Result<Model, Failure> {
    let source = folder.model.clone().unwrap_or_else(|| json::Value::Object(json::Map::new()));
    Model::compile(&source, Foundation::BuiltIn)
        .map_err(|fault| Failure::new(OwnCode::Example, format!("the example's model: {fault}")))
}

/// Whether the registry holds a group or a document that isn't part of the example.
fn has_others(view: &Catalog, folder: &Folder, model: &Model) -> Result<bool, Failure> {
    let is_ours = |groups: &Id, group: &Id| {
        let (groups, group) = (groups.clone(), group.clone());
        folder.groups.contains_key(&Xid::Group { groups, group })
    };
    let mut groups = view.groups.iter();
    if groups.any(|(groups, all)| all.values().any(|group| !is_ours(groups, &group.id))) {
        return Ok(true);
    }
    let own: BTreeSet<Xid> = folder.documents(model)?.into_keys().collect();
    let found = view.groups.iter().flat_map(|(groups, all)| {
        all.values().flat_map(move |group| {
            group.resources.iter().flat_map(move |(resources, collection)| {
                collection.values().map(move |resource| Xid::Resource {
                    groups: groups.clone(),
                    group: group.id.clone(),
                    resources: resources.clone(),
                    resource: resource.id.clone(),
                })
            })
        })
    });
    let mut found = found;
    Ok(found.any(|xid| !own.contains(&xid)))
}

fn count(folder: &Folder, model: &Model, began: Instant) -> Result<Example, Failure> {
    let mut example = Example { providers: 0, stacks: 0, took: began.elapsed() };
    for xid in folder.documents(model)?.into_keys() {
        let Some(collection) = xid.collection() else { continue };
        match collection.groups.as_str() {
            "providers" => example.providers += 1,
            "stacks" => example.stacks += 1,
            _ => {}
        }
    }
    Ok(example)
}

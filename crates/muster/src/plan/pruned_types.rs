//! Finds the types that a folder brought, no longer names, and that nothing uses.

use muster_client::{Client, ClientError, Query};
use muster_words::{Xid, json::Value};

use crate::{
    folder::Folder,
    model::{FolderModel, TypeName},
    output::numbers::counted,
};

/// What goes with the types of a folder.
#[derive(Clone, Debug, Default)]
pub struct PrunedTypes {
    /// Groups of these types; none of them has documents.
    pub groups: Vec<Xid>,
    /// The types that stay, each with the reason.
    pub notes: Vec<String>,
}

impl PrunedTypes {
    /// Notes in the folder's model which types go. A type goes only if this folder brought it, and
    /// never while it has documents.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn find(
        client: &Client,
        folder: &Folder,
        said: &mut FolderModel,
        there: &Value,
    ) -> Result<Self, ClientError> {
        let mut pruned = Self::default();
        for name in said.gone(there) {
            let shown = shown(&name);
            let is_filled =
                |xid: &Xid| xid.group_ids().is_some_and(|(groups, _)| groups.as_str() == name.0);
            if name.1.is_none() && folder.groups.keys().any(is_filled) {
                let note = format!("the type {shown} stays: the folder has groups of it");
                pruned.notes.push(note);
                continue;
            }
            let (groups, documents) = used(client, &name).await?;
            if documents > 0 {
                let count = usize::try_from(documents).unwrap_or(usize::MAX);
                let count = counted(count, "document", "documents");
                pruned.notes.push(format!("the type {shown} stays: it has {count}"));
                continue;
            }
            if name.1.is_none() {
                pruned.groups.extend(groups);
            }
            said.dropped.push(name);
        }
        Ok(pruned)
    }
}

fn shown((groups, resources): &TypeName) -> String {
    match resources {
        None => groups.clone(),
        Some(resources) => format!("{groups}/{resources}"),
    }
}

/// The groups of a type, and the number of documents of the type.
async fn used(
    client: &Client,
    (groups, resources): &TypeName,
) -> Result<(Vec<Xid>, u64), ClientError> {
    let (mut found, mut documents) = (Vec::new(), 0);
    for (id, group) in client.all(&format!("/{groups}"), &Query::new()).await?.entries {
        found.extend(format!("/{groups}/{id}").parse::<Xid>());
        let members = group.as_object().into_iter().flatten();
        let counts = members.filter_map(|(name, count)| {
            let plural = name.strip_suffix("count")?;
            let is_meant = resources.as_ref().is_none_or(|resources| resources == plural);
            // An attribute that only ends in `count` has no URL beside it.
            let is_collection = is_meant && group.get(format!("{plural}url")).is_some();
            count.as_u64().filter(|_| is_collection)
        });
        documents += counts.sum::<u64>();
    }
    Ok((found, documents))
}

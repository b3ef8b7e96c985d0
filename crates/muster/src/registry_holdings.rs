//! What a registry has, for checks on this side of the wire.

use std::collections::BTreeSet;

use muster_client::{Client, Query};
use muster_words::Xid;

use crate::{
    Context, Failure,
    check::{Held, Holdings},
    output::progress::Progress,
    shape::Shape,
};

/// Reads every document of a registry, and the attributes of its groups.
pub(crate) async fn read(
    context: &Context,
    client: &Client,
    shape: &Shape,
) -> Result<Holdings, Failure> {
    let mut holdings = Holdings { is_all: true, ..Holdings::default() };
    let mut progress = Progress::new(&context.screen, "reading documents", 0);
    for (groups, kind) in &shape.groups {
        for (group, attributes) in client.all(&format!("/{groups}"), &Query::new()).await?.entries {
            let Ok(xid) = format!("/{groups}/{group}").parse::<Xid>() else { continue };
            for (resources, kind) in &kind.resources {
                if !kind.has_document {
                    continue;
                }
                let collection = format!("{xid}/{resources}");
                for id in client.all(&collection, &Query::new()).await?.entries.keys() {
                    let Ok(xid) = format!("{collection}/{id}").parse::<Xid>() else { continue };
                    if let Some(held) = fetch(client, &xid).await? {
                        holdings.documents.insert(xid, held);
                        progress.step();
                    }
                }
            }
            holdings.groups.insert(xid, attributes);
        }
    }
    Ok(holdings)
}

/// Adds what documents are bound to and the holdings lack, with what that refers to.
pub(crate) async fn add_bound(
    client: &Client,
    holdings: &mut Holdings,
    bound: BTreeSet<Xid>,
) -> Result<(), Failure> {
    for xid in bound {
        if let Xid::Group { .. } = &xid {
            add_group(client, holdings, &xid).await?;
            continue;
        }
        let Some(xid) = xid.resource() else { continue };
        if !holdings.documents.contains_key(&xid)
            && let Some(held) = fetch(client, &xid).await?
        {
            holdings.documents.insert(xid, held);
        }
    }
    Ok(())
}

/// Adds the rules of a group that the holdings lack.
async fn add_group(client: &Client, holdings: &mut Holdings, group: &Xid) -> Result<(), Failure> {
    let collection = format!("{group}/rules");
    for id in client.names(&collection).await {
        let Ok(xid) = format!("{collection}/{id}").parse::<Xid>() else { continue };
        if holdings.documents.contains_key(&xid) {
            continue;
        }
        if let Some(held) = fetch(client, &xid).await? {
            holdings.documents.insert(xid, held);
        }
    }
    Ok(())
}

/// A document, unless it has gone or has none.
async fn fetch(client: &Client, xid: &Xid) -> Result<Option<Held>, Failure> {
    match client.document(xid).await {
        Ok(document) if document.elsewhere.is_some() => Ok(None),
        Ok(document) => {
            let content_type = document.content_type.unwrap_or_default();
            Ok(Some(Held { bytes: document.bytes, content_type }))
        }
        Err(error) if error.refusal().is_some() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

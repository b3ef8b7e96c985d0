use muster_client::{Client, Query};
use muster_wire::deleted::{DeletedName, DeletedPage};
use muster_words::Xid;

use crate::{
    Context, Failure,
    commands::get::explain,
    output::{
        Screen, Style, Table,
        numbers::{counted, separated},
        sanitized, times,
    },
};

/// Lists the deleted names at a place: in a group or in a collection, or all of them.
pub(super) async fn deleted(
    context: &Context,
    client: &Client,
    collection: &str,
    limit: Option<usize>,
) -> Result<(), Failure> {
    let place = match collection.trim_matches('/') {
        "" => String::new(),
        inside => format!("/{}", inside.strip_suffix("/versions").unwrap_or(inside)),
    };
    let mut whole = DeletedPage::default();
    loop {
        let after = whole.names.last().map(|last| last.xid.clone());
        let page = match client.deleted(&place, &Query::new().with_some("after", after)).await {
            Ok(answer) => answer.read()?,
            Err(error) => match place.parse::<Xid>() {
                Ok(xid) => return Err(explain(client, &xid, error).await),
                Err(_) => return Err(error.into()),
            },
        };
        let is_last = page.next.is_none() || page.names.is_empty();
        whole.names.extend(page.names);
        let is_enough = limit.is_some_and(|limit| whole.names.len() >= limit);
        if is_last || is_enough {
            break;
        }
    }
    whole.names.truncate(limit.unwrap_or(usize::MAX));
    let screen = &context.screen;
    if !screen.is_table() {
        return screen.value(&serde_json::to_value(&whole).unwrap_or_default());
    }
    if !whole.names.is_empty() {
        screen.write(table(screen, &whole.names).render(screen).as_bytes())?;
    }
    let note = counted(whole.names.len(), "deleted name", "deleted names");
    screen.note(&screen.paint_error(Style::Dim, &note));
    if let Some(last) = whole.names.last() {
        let note = format!("muster restore {} restores it", shown(last));
        screen.note(&screen.paint_error(Style::Dim, &note));
    }
    Ok(())
}

fn table(screen: &Screen, names: &[DeletedName]) -> Table {
    let mut table = Table::new(["name", "kind", "position", "deleted", "by"]).numbers(2);
    for one in names {
        let who = one.name.clone().or_else(|| one.actor.clone()).unwrap_or_default();
        table.row([
            shown(one),
            one.kind.to_string(),
            separated(one.position),
            times::at(screen, &one.time),
            who,
        ]);
    }
    table
}

fn shown(one: &DeletedName) -> String {
    sanitized(one.xid.trim_start_matches('/'))
}

use clap::Args;
use muster_client::{Client, Query};
use muster_wire::propagation::LinkList;

use super::{RowFilter, shown};
use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    output::{Table, numbers::separated, times},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster propagation sessions
  muster propagation sessions --target targets/ops/entries/hook
  muster propagation sessions --output json | jq '.sessions[] | select(.behind > 0)'

";

/// List the routes with their targets, and how far each is
#[derive(Debug, Args)]
pub struct LinksArguments {
    #[command(flatten)]
    filter: RowFilter,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// The routes with their targets, page by page.
pub(super) async fn all(client: &Client, query: &Query, limit: usize) -> Result<LinkList, Failure> {
    let mut list = client.propagation_links(query).await?.read()?;
    while let Some(after) = list.next.take().filter(|_| list.sessions.len() < limit) {
        let page = client.propagation_links(&query.clone().with("after", after)).await?.read()?;
        list.sessions.extend(page.sessions);
        list.next = page.next;
    }
    list.sessions.truncate(limit);
    Ok(list)
}

impl LinksArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let list = all(&client, &self.filter.query(&client).await?, self.filter.limit).await?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&serde_json::json!(list));
        }
        if list.sessions.is_empty() {
            screen.note("no routes in force; muster propagation unidirectional --help");
        } else {
            let mut table =
                Table::new(["route", "target", "state", "position", "behind", "dead", "why"])
                    .numbers(3)
                    .numbers(4)
                    .numbers(5);
            for link in list.sessions {
                let behind = match link.behind {
                    0 => "0".to_owned(),
                    entries => format!("{} ({})", separated(entries), times::aged(link.behind_s)),
                };
                table.row([
                    shown(&link.route),
                    shown(&link.target),
                    link.state,
                    separated(link.position),
                    behind,
                    separated(link.dead),
                    link.reason.unwrap_or_default(),
                ]);
            }
            screen.write(table.render(screen).as_bytes())?;
        }
        for broken in list.broken {
            screen.note(&format!("{}: {}", shown(&broken.xid), broken.reason));
        }
        Ok(())
    }
}

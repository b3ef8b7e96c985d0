use clap::Args;
use serde_json::json;

use super::{RowFilter, shown};
use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    output::{Table, times},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster propagation events
  muster propagation events --target targets/ops/entries/hook

";

/// List what happened to routes and targets lately
#[derive(Debug, Args)]
pub struct PropagationEventsArguments {
    #[command(flatten)]
    filter: RowFilter,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl PropagationEventsArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let answer = client.propagation_events(&self.filter.query(&client).await?).await?;
        let mut page = answer.read()?;
        self.filter.newest(&mut page.events);
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&json!(page));
        }
        if page.events.is_empty() {
            screen.note("nothing happened since the server started");
            return Ok(());
        }
        let mut table = Table::new(["when", "event", "route", "target", "detail"]);
        for event in page.events {
            table.row([
                times::at(screen, &event.time),
                event.event_type,
                shown(&event.route),
                shown(&event.target),
                event.detail,
            ]);
        }
        screen.write(table.render(screen).as_bytes())
    }
}

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
  muster propagation logs
  muster propagation logs --route routes/ops/entries/services --limit 20

";

/// List the newest tries of deliveries
#[derive(Debug, Args)]
pub struct PropagationLogsArguments {
    #[command(flatten)]
    filter: RowFilter,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl PropagationLogsArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let answer = client.propagation_logs(&self.filter.query(&client).await?).await?;
        let mut page = answer.read()?;
        self.filter.newest(&mut page.tries);
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&json!(page));
        }
        if page.tries.is_empty() {
            screen.note("nothing was sent since the server started");
            return Ok(());
        }
        let mut table = Table::new(["when", "event", "document", "target", "try", "ms", "outcome"])
            .numbers(4)
            .numbers(5);
        for one in page.tries {
            table.row([
                times::at(screen, &one.time),
                one.event,
                shown(&one.xid),
                shown(&one.target),
                one.attempt.to_string(),
                one.took_ms.to_string(),
                one.outcome,
            ]);
        }
        screen.write(table.render(screen).as_bytes())
    }
}

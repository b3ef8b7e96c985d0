use clap::Args;

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
        let answer = client.propagation_logs(&self.filter.query()).await?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer.json()?);
        }
        let page = answer.read()?;
        if page.tries.is_empty() {
            screen.note("nothing was sent since the server started");
            return Ok(());
        }
        let mut table = Table::new(["when", "event", "document", "target", "try", "ms", "outcome"])
            .numbers(4)
            .numbers(5);
        let skipped = page.tries.len().saturating_sub(self.filter.limit);
        for one in page.tries.into_iter().skip(skipped) {
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

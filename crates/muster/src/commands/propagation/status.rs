use clap::Args;
use serde_json::json;

use super::shown;
use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    output::{Table, numbers::separated},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster propagation status
  muster propagation status --output json | jq .metrics

";

/// Show the targets, and what was delivered
#[derive(Debug, Args)]
pub struct PropagationStatusArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl PropagationStatusArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let targets = client.propagation_targets().await?;
        let metrics = client.propagation_metrics().await?;
        let screen = &context.screen;
        if !screen.is_table() {
            let targets = targets.json()?.get("targets").cloned().unwrap_or_default();
            return screen.value(&json!({"targets": targets, "metrics": metrics.json()?}));
        }
        let (targets, counts) = (targets.read()?.targets, metrics.read()?);
        if targets.is_empty() {
            screen.note("no targets; muster put targets/GROUP/entries/NAME FILE makes one");
        } else {
            let mut table = Table::new(["target", "kind", "breaker", "running", "state", "place"]);
            for target in targets {
                table.row([
                    shown(&target.target),
                    target.kind,
                    target.breaker,
                    format!("{} of {}", target.in_flight, target.max_in_flight),
                    match target.enabled {
                        true => target.held.unwrap_or_else(|| "on".to_owned()),
                        false => "off".to_owned(),
                    },
                    target.place,
                ]);
            }
            screen.write(table.render(screen).as_bytes())?;
        }
        screen.line(&format!(
            "{} delivered, {} failed, {} tried again, {} given up, {} waiting",
            separated(counts.delivered),
            separated(counts.failed),
            separated(counts.retried),
            separated(counts.dead),
            separated(counts.waiting)
        ))
    }
}

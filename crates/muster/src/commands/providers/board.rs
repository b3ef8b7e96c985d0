use std::time::Duration;

use clap::Args;

use super::{list::table, takes_calls};
use crate::{Context, Failure, arguments::ConnectionArguments, output::Style};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster providers board
  muster providers board --every 1 --times 3

";

/// Clears the screen and goes to its beginning.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Watch status, breakers, latency and calls of AI providers
#[derive(Debug, Args)]
pub struct ProviderBoardArguments {
    /// How often it is drawn, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
    /// Draw it this often and end; without it, until it is stopped
    #[arg(long, value_name = "COUNT")]
    times: Option<u64>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ProviderBoardArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let screen = &context.screen;
        let mut drawn = 0;
        loop {
            let answer = client.live_providers().await?;
            if screen.is_table() {
                let list = answer.read()?;
                let open = list.providers.iter().filter(|one| takes_calls(one)).count();
                let clear = if screen.is_terminal { CLEAR } else { "" };
                let rows = table(&list.providers).render(screen);
                screen.write(format!("{clear}{rows}").as_bytes())?;
                let line = format!("taking calls: {open} of {}", list.providers.len());
                screen.line(&screen.paint(Style::Dim, &line))?;
            } else {
                screen.next_value(&answer.json()?)?;
            }
            drawn += 1;
            if self.times.is_some_and(|times| drawn >= times) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_secs(self.every)).await;
        }
    }
}

use std::io::IsTerminal as _;

use clap::Args;

use crate::{Context, Failure, OwnCode, arguments::ConnectionArguments, output::Style};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster mcp
  muster mcp --server https://registry.example --key-file ~/.muster-key
  muster mcp --data ./registry

In the settings of an assistant, which starts the command itself:
  {\"mcpServers\": {\"muster\": {\"command\": \"muster\", \"args\": [\"mcp\", \"--key-file\", \"/home/me/.muster-key\"]}}}

";

/// Let an AI assistant use the registry (Model Context Protocol)
#[derive(Debug, Args)]
pub struct McpArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl McpArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        if std::io::stdin().is_terminal() {
            let note = "an assistant starts this command and speaks to it; Ctrl-C stops it";
            context.screen.note(&context.screen.paint_error(Style::Dim, note));
        }
        muster_mcp::serve_standard_streams(client)
            .await
            .map_err(|what| Failure::new(OwnCode::System, what))
    }
}

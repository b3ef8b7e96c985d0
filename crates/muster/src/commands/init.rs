use std::path::PathBuf;

use clap::Args;

use crate::{Context, Failure, composition};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster init
  muster init --data /var/lib/muster --registry-id registry.example

";

/// Create a data directory with an empty registry
#[derive(Debug, Args)]
pub struct InitArguments {
    /// The data directory [default: MUSTER_DATA, or muster in your data folder]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The registry's id [default: a random one]
    #[arg(long, value_name = "ID")]
    registry_id: Option<String>,
}

impl InitArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let directory = self.data.map_or_else(|| context.own_data_directory(), Ok)?;
        let set = &context.settings.server.registry_id;
        let id = self.registry_id.as_deref().or((!set.is_empty()).then_some(set.as_str()));
        let made = composition::make(context, &directory, id)?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&serde_json::json!({
                "data": directory.display().to_string(),
                "registryid": made.registry_id,
                "signer": made.signer,
            }));
        }
        let shown = context.shown(&directory);
        let signer = super::ledger::verify::signer(&made.signer);
        screen.line(&format!("registry {} in {shown}, signed by {signer}", made.registry_id))
    }
}

use clap::{Args, Subcommand};
use muster_wire::propagation::PropagationAction;

use super::act;
use crate::{Context, Failure, arguments::ConnectionArguments};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster propagation breaker reset targets/ops/entries/hook

";

/// Close the circuit breaker of a target
#[derive(Debug, Subcommand)]
pub enum BreakerCommand {
    #[command(before_help = EXAMPLES)]
    Reset(BreakerResetArguments),
}

/// Close the circuit breaker, so that deliveries try at once
#[derive(Debug, Args)]
pub struct BreakerResetArguments {
    /// The target: its xid, or its name
    #[arg(value_name = "TARGET")]
    target: String,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl BreakerCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self::Reset(reset) = self;
        let what = (PropagationAction::ResetBreaker, reset.target.as_str());
        act(context, &reset.connection, what, "its circuit breaker is closed").await
    }
}

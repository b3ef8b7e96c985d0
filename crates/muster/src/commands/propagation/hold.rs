use clap::Args;
use muster_wire::propagation::PropagationAction;

use super::act;
use crate::{Context, Failure, arguments::ConnectionArguments};

/// Examples of the command `pause`.
pub const PAUSE_EXAMPLES: &str = "\
Examples:
  muster propagation pause hook
  muster propagation pause targets/ops/entries/hook

";

/// Examples of the command `resume`.
pub const RESUME_EXAMPLES: &str = "\
Examples:
  muster propagation resume targets/ops/entries/hook

";

/// Examples of the command `retry`.
pub const RETRY_EXAMPLES: &str = "\
Examples:
  muster propagation retry targets/ops/entries/hook

";

/// A target.
#[derive(Debug, Args)]
struct NamedTarget {
    /// The target: its xid, or its name
    #[arg(value_name = "TARGET")]
    target: String,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Send nothing more to a target; nothing is lost
#[derive(Debug, Args)]
pub struct PauseArguments {
    #[command(flatten)]
    named: NamedTarget,
}

/// Send to a target again, after a pause or after it was disabled
#[derive(Debug, Args)]
pub struct ResumeArguments {
    #[command(flatten)]
    named: NamedTarget,
}

/// Let the waiting deliveries to a target try now
#[derive(Debug, Args)]
pub struct RetryArguments {
    #[command(flatten)]
    named: NamedTarget,
}

impl NamedTarget {
    async fn act(
        &self,
        context: &Context,
        action: PropagationAction,
        said: &str,
    ) -> Result<(), Failure> {
        act(context, &self.connection, (action, &self.target), said).await
    }
}

impl PauseArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        self.named.act(context, PropagationAction::Pause, "paused").await
    }
}

impl ResumeArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        self.named.act(context, PropagationAction::Resume, "on").await
    }
}

impl RetryArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        self.named.act(context, PropagationAction::Retry, "tries now").await
    }
}

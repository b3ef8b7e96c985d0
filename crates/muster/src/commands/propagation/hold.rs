use clap::Args;
use muster_wire::propagation::{PropagationAction, PropagationRequest, TargetReport};

use super::{act, shown, target_named};
use crate::{Context, Failure, OwnCode, arguments::ConnectionArguments, output::numbers::counted};

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

/// Why nothing is tried, and what to do about it.
fn closed(target: &TargetReport, name: &str) -> Option<(String, String)> {
    if !target.enabled {
        let what = format!("nothing is sent to {name}: its document says \"enabled\": false");
        return Some((what, format!("put {name} with \"enabled\": true")));
    }
    if let Some(reason) = &target.held {
        let what = format!("nothing is sent to {name} now: {reason}");
        return Some((what, format!("muster propagation resume {name}")));
    }
    let is_open = target.breaker != "closed";
    is_open.then(|| {
        let what =
            format!("the circuit breaker of {name} is {}, so nothing is tried", target.breaker);
        (what, format!("muster propagation breaker reset {name} tries at once"))
    })
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
        let client = self.named.connection.client(context).await?;
        let target = target_named(&client, &self.named.target).await?;
        let action = PropagationAction::Retry;
        let request =
            PropagationRequest { action, target: Some(target.clone()), letters: Vec::new() };
        let answer = client.act_on_propagation(&request).await?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer.json()?);
        }
        let (name, tried) = (shown(&target), answer.read()?.done);
        if tried > 0 {
            let tried = usize::try_from(tried).unwrap_or(usize::MAX);
            let tried = counted(tried, "delivery is", "deliveries are");
            return screen.line(&format!("{name}  {tried} tried now"));
        }
        let listed = client.propagation_targets().await?.read()?.targets;
        let status = listed.into_iter().find(|one| one.target == target);
        let closed = status.as_ref().and_then(|one| closed(one, &name));
        match closed {
            Some((why, help)) => Err(Failure::new(OwnCode::System, why).help(help)),
            None => screen.line(&format!("{name}  no delivery waits")),
        }
    }
}

//! Live AI providers.

pub mod add;
pub mod board;
pub mod control;
pub mod discover;
pub mod explain;
pub mod health;
pub mod list;
pub mod remove;
pub mod select;
pub mod show;

use clap::Subcommand;
use muster_client::ClientError;
use muster_providers::ProviderName;
use muster_wire::providers::{LiveHealthReport, LiveProviderReport};

use crate::{Context, Failure, output::Style};

/// List, add, watch and control live AI providers
#[derive(Debug, Subcommand)]
pub enum ProvidersCommand {
    #[command(before_help = list::EXAMPLES)]
    List(list::ProviderListArguments),
    #[command(before_help = show::EXAMPLES)]
    Show(show::ProviderShowArguments),
    #[command(before_help = add::EXAMPLES)]
    Add(add::ProviderAddArguments),
    #[command(before_help = remove::EXAMPLES)]
    Remove(remove::ProviderRemoveArguments),
    /// Start a provider that was stopped, or that couldn't get ready
    #[command(before_help = control::START)]
    Start(control::ProviderControlArguments),
    /// Stop a provider; one that a document declares is disabled there
    #[command(before_help = control::STOP)]
    Stop(control::ProviderControlArguments),
    /// Stop a provider and start it
    #[command(before_help = control::RESTART)]
    Restart(control::ProviderControlArguments),
    /// Probe a provider now
    #[command(before_help = control::PROBE)]
    Probe(control::ProviderControlArguments),
    /// Close a provider's circuit breaker and forget its failures
    #[command(before_help = control::RESET)]
    Reset(control::ProviderControlArguments),
    #[command(before_help = health::EXAMPLES)]
    Health(health::ProviderHealthArguments),
    #[command(before_help = discover::EXAMPLES)]
    Discover(discover::ProviderDiscoverArguments),
    #[command(before_help = explain::EXAMPLES)]
    Explain(explain::ProviderExplainArguments),
    #[command(before_help = select::EXAMPLES)]
    Select(select::ProviderSelectArguments),
    #[command(before_help = board::EXAMPLES)]
    Board(board::ProviderBoardArguments),
}

impl ProvidersCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Add(add) => add.run(context).await,
            Self::Remove(remove) => remove.run(context).await,
            Self::Start(control) => control.run(context, "start").await,
            Self::Stop(control) => control.run(context, "stop").await,
            Self::Restart(control) => control.run(context, "restart").await,
            Self::Probe(control) => control.run(context, "probe").await,
            Self::Reset(control) => control.run(context, "reset").await,
            Self::Health(health) => health.run(context).await,
            Self::Discover(discover) => discover.run(context).await,
            Self::Explain(explain) => explain.run(context).await,
            Self::Select(select) => select.run(context).await,
            Self::Board(board) => board.run(context).await,
        }
    }
}

/// Checks a name before it becomes part of a path, and proposes one in place of what isn't one.
fn named(text: &str) -> Result<ProviderName, Failure> {
    text.parse().map_err(|error: muster_providers::ProviderNameError| {
        let failure = Failure::usage(error.to_string());
        match ProviderName::proposed_for(text) {
            Some(proposed) => failure.help(format!("such as {proposed}")),
            None => failure.help("such as openai, or local-1"),
        }
    })
}

fn explained(error: ClientError, name: &ProviderName) -> Failure {
    let is_absent = error.is_absent();
    let failure = Failure::from(error);
    if !is_absent {
        return failure;
    }
    failure
        .with_message(format!("there is no live provider {name}"))
        .help("muster providers list shows all; muster providers explain says what declares one")
}

/// The colour of a provider's status.
fn status_style(provider: &LiveProviderReport) -> Style {
    match provider.status.as_str() {
        "ready" if takes_calls(provider) => Style::Added,
        "ready" => Style::Changed,
        "error" => Style::Removed,
        _ => Style::Dim,
    }
}

/// Whether calls go to a provider now: it is ready, and neither cut off nor at rest.
fn takes_calls(provider: &LiveProviderReport) -> bool {
    let breaker = &provider.health.breaker;
    provider.status == "ready" && breaker.reopens_in_ms.is_none() && breaker.rests_for_ms.is_none()
}

/// Health and breaker in a few words.
fn condition(health: &LiveHealthReport) -> String {
    let breaker = &health.breaker;
    let seconds = |ms: u64| ms.div_ceil(1_000);
    match (breaker.reopens_in_ms, breaker.rests_for_ms) {
        (Some(wait), _) => format!("cut off, tried again in {} s", seconds(wait)),
        (None, Some(rest)) => format!("rests for {} s", seconds(rest)),
        (None, None) if breaker.state == "half-open" => "on trial".to_owned(),
        (None, None) => health.health.clone(),
    }
}

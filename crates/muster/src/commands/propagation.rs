//! Propagation.

pub mod breaker;
pub mod dead_letters;
pub mod events;
pub mod hold;
pub mod links;
pub mod logs;
pub mod spread;
pub mod status;

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use muster_client::{Client, Query};
use muster_wire::propagation::{PropagationAction, PropagationRequest};
use muster_words::Xid;

use self::spread::patterns;
use crate::{Context, Failure, arguments::ConnectionArguments};

/// Send changes to others, and see how far each route is
#[derive(Debug, Subcommand)]
pub enum PropagationCommand {
    #[command(before_help = status::EXAMPLES)]
    Status(status::PropagationStatusArguments),
    #[command(before_help = links::EXAMPLES)]
    Sessions(links::LinksArguments),
    #[command(before_help = events::EXAMPLES)]
    Events(events::PropagationEventsArguments),
    #[command(before_help = logs::EXAMPLES)]
    Logs(logs::PropagationLogsArguments),
    #[command(before_help = hold::RETRY_EXAMPLES)]
    Retry(hold::RetryArguments),
    /// List, replay and remove deliveries that were given up
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLettersCommand),
    #[command(before_help = hold::PAUSE_EXAMPLES)]
    Pause(hold::PauseArguments),
    #[command(before_help = hold::RESUME_EXAMPLES)]
    Resume(hold::ResumeArguments),
    /// Close the circuit breaker of a target
    #[command(subcommand)]
    Breaker(breaker::BreakerCommand),
    #[command(before_help = spread::UNIDIRECTIONAL_EXAMPLES)]
    Unidirectional(spread::UnidirectionalArguments),
    #[command(before_help = spread::BIDIRECTIONAL_EXAMPLES)]
    Bidirectional(spread::BidirectionalArguments),
    #[command(before_help = spread::MULTICAST_EXAMPLES)]
    Multicast(spread::MulticastArguments),
    #[command(before_help = spread::BROADCAST_EXAMPLES)]
    Broadcast(spread::BroadcastArguments),
    #[command(before_help = patterns::FAN_OUT_EXAMPLES)]
    FanOut(patterns::FanOutArguments),
    #[command(before_help = patterns::CHAIN_EXAMPLES)]
    Chain(patterns::ChainArguments),
    #[command(before_help = patterns::MESH_EXAMPLES)]
    Mesh(patterns::MeshArguments),
}

impl PropagationCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Status(status) => status.run(context).await,
            Self::Sessions(links) => links.run(context).await,
            Self::Events(events) => events.run(context).await,
            Self::Logs(logs) => logs.run(context).await,
            Self::Retry(retry) => retry.run(context).await,
            Self::DeadLetters(letters) => letters.run(context).await,
            Self::Pause(pause) => pause.run(context).await,
            Self::Resume(resume) => resume.run(context).await,
            Self::Breaker(breaker) => breaker.run(context).await,
            Self::Unidirectional(spread) => spread.run(context).await,
            Self::Bidirectional(spread) => spread.run(context).await,
            Self::Multicast(spread) => spread.run(context).await,
            Self::Broadcast(spread) => spread.run(context).await,
            Self::FanOut(pattern) => pattern.run(context).await,
            Self::Chain(pattern) => pattern.run(context).await,
            Self::Mesh(pattern) => pattern.run(context).await,
        }
    }
}

/// Which rows are shown.
#[derive(Debug, Default, Args)]
pub struct RowFilter {
    /// Only of this route: its xid, or its name
    #[arg(long, value_name = "ROUTE")]
    route: Option<String>,
    /// Only of this target: its xid, or its name
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// At most this many rows
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = at_least_one)]
    limit: usize,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.replace([',', '_'], "").parse() {
        Ok(0) => Err("it must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}

impl RowFilter {
    async fn query(&self, client: &Client) -> Result<Query, Failure> {
        let mut query = Query::new();
        if let Some(route) = &self.route {
            query = query.with("route", route_named(client, route).await?);
        }
        if let Some(target) = &self.target {
            query = query.with("target", target_named(client, target).await?);
        }
        Ok(query)
    }

    /// The newest rows, as many as are asked for.
    fn newest<T>(&self, rows: &mut Vec<T>) {
        rows.drain(..rows.len().saturating_sub(self.limit));
    }
}

/// The xid of a target that is given by its xid or its name.
async fn target_named(client: &Client, text: &str) -> Result<String, Failure> {
    if text.contains('/') {
        return checked("target", client, text).await;
    }
    let listed = client.propagation_targets().await?.read()?.targets;
    only("target", text, listed.into_iter().map(|one| one.target))
}

/// The xid of a route that is given by its xid or its name.
async fn route_named(client: &Client, text: &str) -> Result<String, Failure> {
    if text.contains('/') {
        return checked("route", client, text).await;
    }
    let listed = links::all(client, &Query::new(), usize::MAX).await?.sessions;
    only("route", text, listed.into_iter().map(|one| one.route))
}

/// An xid that is given whole. One of another type, or one that isn't there, is a slip.
async fn checked(what: &str, client: &Client, text: &str) -> Result<String, Failure> {
    let xid = xid_of(text);
    let wrong = |why: String| {
        let example = format!("{what}s/ops/entries/hook");
        Failure::usage(why).help(format!("the xid of a {what} is like {example}"))
    };
    let name: Xid = xid.parse().map_err(|_| wrong(format!("{text} isn't an xid")))?;
    let groups = name.group_ids().map(|(groups, _)| format!("{groups}"));
    if !matches!(name, Xid::Resource { .. }) || groups.as_deref() != Some(&*format!("{what}s")) {
        return Err(wrong(format!("{text} isn't the name of a {what}")));
    }
    match client.document(&name).await {
        Ok(_) => Ok(xid),
        Err(error) if error.is_absent() => {
            Err(Failure::usage(format!("there is no {what} {text}"))
                .help("muster propagation status lists the targets, and sessions the routes"))
        }
        Err(error) => Err(error.into()),
    }
}

/// The only xid with this name.
fn only(what: &str, name: &str, all: impl Iterator<Item = String>) -> Result<String, Failure> {
    let found: BTreeSet<String> = all.filter(|xid| xid.rsplit('/').next() == Some(name)).collect();
    let mut names = found.iter();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only.clone()),
        (None, _) => Err(Failure::usage(format!("there is no {what} {name} in force"))
            .help("muster propagation status lists the targets, and sessions the routes")),
        _ => {
            let several: Vec<String> = found.iter().map(|xid| shown(xid)).collect();
            Err(Failure::usage(format!("{name} is the name of several {what}s"))
                .help(format!("name one of {}", several.join(", "))))
        }
    }
}

/// An xid as the server writes it.
fn xid_of(text: &str) -> String {
    format!("/{}", text.trim_matches('/'))
}

/// Without the slash at the beginning, as commands show xids.
fn shown(xid: &str) -> String {
    xid.trim_start_matches('/').to_owned()
}

/// The name of a target: an xid, or its last part where that is enough.
async fn act(
    context: &Context,
    connection: &ConnectionArguments,
    (action, target): (PropagationAction, &str),
    said: &str,
) -> Result<(), Failure> {
    let client = connection.client(context).await?;
    let target = target_named(&client, target).await?;
    let request = PropagationRequest { action, target: Some(target.clone()), letters: Vec::new() };
    let answer = client.act_on_propagation(&request).await?;
    let screen = &context.screen;
    if !screen.is_table() {
        return screen.value(&answer.json()?);
    }
    screen.line(&format!("{}  {said}", shown(&target)))
}

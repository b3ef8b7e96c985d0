//! `fan-out`, `chain` and `mesh`: each makes the routes and the targets that the pattern means, at all
//! registries of it. Run again, it makes only what isn't there.

use std::path::PathBuf;

use clap::Args;
use muster_catalog::sync::ConflictPolicy;
use muster_client::Client;
use serde_json::{Value, json};

use super::{
    GROUP, OnceArguments, PlanArguments, Spread, SpreadArguments, apply, checks, difference,
    policy, refs, slug,
    url_arguments::{UrlArguments, UrlKind},
};
use crate::{
    Context, Failure,
    commands::{
        delete::confirm,
        propagation::{shown, xid_of},
    },
    output::{Style, numbers::counted},
    plan::StepAction,
};

/// Examples of the command `fan-out`.
pub const FAN_OUT_EXAMPLES: &str = "\
Examples:
  muster propagation fan-out configs/app --targets hook,archive
  muster propagation fan-out entities --targets https://a.example,https://b.example --kind registry --yes

";

/// Examples of the command `chain`.
pub const CHAIN_EXAMPLES: &str = "\
Examples:
  muster propagation chain configs --through https://b.example,https://c.example --dry-run
  muster propagation chain configs --through https://b.example,https://c.example --peer-key-files b.key --secrets env:B_KEY,env:C_KEY

";

/// Examples of the command `mesh`.
pub const MESH_EXAMPLES: &str = "\
Examples:
  muster propagation mesh configs --registries https://b.example,https://c.example --dry-run
  muster propagation mesh configs --registries https://b.example,https://c.example --peer-key-files b.key,c.key --secrets env:B_KEY,env:C_KEY --conflict last-writer

";

/// What is sent, and what all patterns take.
#[derive(Debug, Args)]
struct PatternArguments {
    /// What is sent: the xid of a document, a group or a collection
    #[arg(value_name = "SOURCE")]
    source: String,
    #[command(flatten)]
    plan: PlanArguments,
}

/// How the other registries are written to, and how the servers write to each other.
#[derive(Debug, Args)]
struct PeerArguments {
    /// Files with the API keys with which this command makes routes at the other registries, in
    /// their order; one file is for all of them
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    peer_key_files: Vec<PathBuf>,
    /// References of the keys with which the servers send to the other registries, in their order,
    /// such as env:B_KEY; one reference is for all of them
    #[arg(long, value_name = "REFERENCES", value_delimiter = ',')]
    secrets: Vec<String>,
}

/// Send changes to several targets, to each at its own pace
#[derive(Debug, Args)]
pub struct FanOutArguments {
    /// Where it is sent: xids or names of targets, or URLs, with commas between
    #[arg(long, value_name = "TARGETS", value_delimiter = ',', required = true)]
    targets: Vec<String>,
    #[command(flatten)]
    urls: UrlArguments,
    #[command(flatten)]
    pattern: PatternArguments,
}

/// Send changes from here to a registry, from there to the next one, and so on
#[derive(Debug, Args)]
pub struct ChainArguments {
    /// The registries behind this one, in order: URLs with commas between
    #[arg(long, value_name = "URLS", value_delimiter = ',', required = true)]
    through: Vec<String>,
    #[command(flatten)]
    peers: PeerArguments,
    #[command(flatten)]
    pattern: PatternArguments,
}

/// Exchange changes between this registry and others, each with each
#[derive(Debug, Args)]
pub struct MeshArguments {
    /// The other registries: URLs with commas between
    #[arg(long, value_name = "URLS", value_delimiter = ',', required = true)]
    registries: Vec<String>,
    /// What decides if two changed a document: manual, merge, source-wins, target-wins, last-writer
    /// or highest-version
    #[arg(long, value_name = "POLICY", default_value = "manual")]
    conflict: String,
    #[command(flatten)]
    peers: PeerArguments,
    #[command(flatten)]
    pattern: PatternArguments,
}

impl FanOutArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let spread = Spread {
            mode: "multicast",
            conflict: None,
            named: checks::names(&self.targets)?,
            once: OnceArguments::default(),
            urls: self.urls,
        };
        self.pattern.spread().run(context, spread).await
    }
}

impl ChainArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let urls = distinct(&self.through)?;
        let mut network = Network::of(context, &self.pattern, &self.peers, &urls).await?;
        for next in 0..urls.len() {
            network.connect(next, next, ("unidirectional", None))?;
        }
        network.make(context, "chain").await
    }
}

impl MeshArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let conflict = policy(&self.conflict)?;
        let urls = distinct(&self.registries)?;
        let mut network = Network::of(context, &self.pattern, &self.peers, &urls).await?;
        // A route in both directions at one of two registries is enough for both.
        for from in 0..urls.len() {
            for to in from..urls.len() {
                network.connect(from, to, ("bidirectional", Some(conflict)))?;
            }
        }
        network.make(context, "mesh").await
    }
}

impl PatternArguments {
    fn spread(self) -> SpreadArguments {
        SpreadArguments { source: self.source, plan: self.plan }
    }
}

impl PeerArguments {
    /// What is given for a registry: in the order of the registries, or once for all.
    fn one_of<T>(all: &[T], number: usize) -> Option<&T> {
        if all.len() == 1 { all.first() } else { all.get(number) }
    }

    fn check(&self, count: usize) -> Result<(), Failure> {
        for (flag, given) in
            [("--peer-key-files", self.peer_key_files.len()), ("--secrets", self.secrets.len())]
        {
            // The last registry of a chain needs no route, and so no key of this command.
            if given > count || (given > 1 && given + 1 < count) {
                return Err(Failure::usage(format!("{flag} has {given} for {count} registries"))
                    .help("give one for all of them, or one for each in their order"));
            }
        }
        Ok(())
    }
}

/// The URLs without a slash at their ends, each once.
fn distinct(urls: &[String]) -> Result<Vec<String>, Failure> {
    let mut all: Vec<String> = Vec::new();
    for url in urls {
        let url = url.trim().trim_end_matches('/').to_owned();
        if !url.contains("://") {
            return Err(Failure::usage(format!("{url} isn't the address of a registry"))
                .help("write it as https://b.example"));
        }
        if all.contains(&url) {
            return Err(Failure::usage(format!("{url} is there twice")));
        }
        all.push(url);
    }
    Ok(all)
}

/// This registry and the others of a pattern.
struct Network<'a> {
    arguments: &'a PatternArguments,
    peers: &'a PeerArguments,
    urls: &'a [String],
    source: String,
    /// Where the routes begin.
    from: Value,
    /// Where documents are put: here, and at each registry that gets routes.
    places: Vec<NetworkPlace>,
}

/// A registry with the documents that a pattern needs there.
struct NetworkPlace {
    name: String,
    client: Client,
    documents: Vec<(String, Value)>,
}

/// What is to be done at a registry.
type PlacePlan = Vec<StepAction>;

impl<'a> Network<'a> {
    async fn of(
        context: &Context,
        arguments: &'a PatternArguments,
        peers: &'a PeerArguments,
        urls: &'a [String],
    ) -> Result<Self, Failure> {
        peers.check(urls.len())?;
        let PlanArguments { connection, explanation, .. } = &arguments.plan;
        let own = arguments.plan.client(context).await?;
        if let Some(own) = urls.iter().find(|url| own.place().trim_end_matches('/') == **url) {
            return Err(Failure::usage(format!("{own} is this registry itself"))
                .help("name the other registries; this one is part of the pattern"));
        }
        let mut places =
            vec![NetworkPlace { name: "here".to_owned(), client: own, documents: Vec::new() }];
        // The last one gets no route: the others lead to it.
        for (number, url) in urls.iter().enumerate().take(urls.len().saturating_sub(1)) {
            let key_file = PeerArguments::one_of(&peers.peer_key_files, number);
            let client = connection.peer(context, url, key_file.map(PathBuf::as_path))?;
            let client = explanation.of(client)?;
            places.push(NetworkPlace { name: url.clone(), client, documents: Vec::new() });
        }
        let source = xid_of(&arguments.source);
        checks::source(context, &places[0].client, &source).await?;
        let from = arguments.plan.beginning(context)?;
        if from.is_number() && places.len() > 1 {
            return Err(Failure::usage(
                "a position is one ledger's own, and there are several here",
            )
            .help("--from takes now, beginning, a time or a span such as 2h"));
        }
        Ok(Self { arguments, peers, urls, source, from, places })
    }

    /// Adds a route with its target at a place (0 is here) to one of the other registries.
    fn connect(
        &mut self,
        from: usize,
        to: usize,
        (mode, conflict): (&str, Option<ConflictPolicy>),
    ) -> Result<(), Failure> {
        let url = &self.urls[to];
        let secret = PeerArguments::one_of(&self.peers.secrets, to).cloned();
        let (target, document) = UrlArguments::of(UrlKind::Registry, secret).target(url)?;
        let targets = [target.clone()];
        let mut route = super::route(self.from.clone(), mode, (&self.source, &targets), false)?;
        if let Some(policy) = conflict {
            route["conflict"] = policy.name().into();
        }
        let name = slug(&[&[self.source.as_str(), mode], &*refs(&targets)].concat());
        let documents = &mut self.places[from].documents;
        documents.push((target, document));
        documents.push((format!("/routes/{GROUP}/entries/{name}"), route));
        Ok(())
    }

    /// Shows what is to be done at each registry, asks, and does it.
    async fn make(&self, context: &Context, pattern: &str) -> Result<(), Failure> {
        let mut plans: Vec<PlacePlan> = Vec::new();
        for place in &self.places {
            plans.push(place.plan().await?);
        }
        self.show(context, &plans)?;
        let count = plans.iter().flatten().filter(|step| is_change(step)).count();
        let screen = &context.screen;
        if count > 0 && !self.arguments.plan.dry_run {
            confirm(context, self.arguments.plan.yes, "Put these documents?")?;
            // The far end first, so that whatever arrives somewhere goes on from there.
            for (number, (place, plan)) in self.places.iter().zip(&plans).enumerate().rev() {
                if plan.iter().any(is_change) {
                    let done = &self.places[number + 1..];
                    place.put().await.map_err(|failure| after(failure, place, done))?;
                }
            }
        }
        if !screen.is_table() {
            let places = self.places.iter().zip(&plans);
            let places: Vec<Value> = places.map(|(place, plan)| place.json(plan)).collect();
            let is_done = !self.arguments.plan.dry_run;
            return screen.value(
                &json!({"pattern": pattern, "registries": places, "changes": count, "applied": is_done}),
            );
        }
        if count == 0 {
            screen.note("nothing to change");
        } else if !self.arguments.plan.dry_run {
            screen.note(&format!("the {pattern} sends from now on"));
        }
        Ok(())
    }

    fn show(&self, context: &Context, plans: &[PlacePlan]) -> Result<(), Failure> {
        let screen = &context.screen;
        if !screen.is_table() {
            return Ok(());
        }
        for (place, plan) in self.places.iter().zip(plans) {
            screen.line(&screen.paint(Style::Heading, &place.name))?;
            for ((xid, document), step) in place.documents.iter().zip(plan) {
                screen.line(&format!("{} {}  {document}", step.sign(), shown(xid)))?;
            }
        }
        let all: usize = plans.iter().map(Vec::len).sum();
        let registries = counted(plans.len(), "registry", "registries");
        screen.line(&format!("{} at {registries}", counted(all, "document", "documents")))
    }
}

impl NetworkPlace {
    async fn plan(&self) -> Result<PlacePlan, Failure> {
        let mut plan = Vec::new();
        for (xid, document) in &self.documents {
            let step = difference(&self.client, xid, document).await;
            plan.push(step.map_err(|failure| self.told(failure))?);
        }
        Ok(plan)
    }

    async fn put(&self) -> Result<(), Failure> {
        let answer = apply(&self.client, &self.documents, None).await;
        answer.map(drop).map_err(|failure| self.told(failure))
    }

    fn told(&self, failure: Failure) -> Failure {
        let what = format!("{}: {}", self.name, failure.what());
        failure.with_message(what)
    }

    fn json(&self, plan: &PlacePlan) -> Value {
        let documents = self.documents.iter().zip(plan);
        let one = |((xid, document), step): (&(String, Value), &StepAction)| {
            planned(xid, document, *step)
        };
        json!({"registry": self.name, "documents": documents.map(one).collect::<Vec<_>>()})
    }
}

/// What is to be done to a document, for programs.
pub(super) fn planned(xid: &str, document: &Value, step: StepAction) -> Value {
    let action = match step {
        StepAction::Add => "add",
        StepAction::Keep => "keep",
        StepAction::Change | StepAction::Delete => "change",
    };
    json!({"xid": xid, "action": action, "document": document})
}

fn is_change(step: &StepAction) -> bool {
    !matches!(step, StepAction::Keep)
}

/// The failure at a registry after others have their documents already.
fn after(failure: Failure, place: &NetworkPlace, done: &[NetworkPlace]) -> Failure {
    if done.is_empty() {
        return failure;
    }
    let names: Vec<&str> = done.iter().map(|one| one.name.as_str()).collect();
    let help = format!(
        "{} has its documents already; run the same again when {} takes them",
        names.join(", "),
        place.name
    );
    failure.help(help)
}

//! `unidirectional`, `bidirectional`, `multicast` and `broadcast`: each makes the route and the targets that it means,
//! as a plan first.

mod checks;
pub mod patterns;
mod url_arguments;

use std::{path::Path, time::Duration};

use clap::Args;
use muster_catalog::sync::ConflictPolicy;
use muster_client::{Answer, Client, Query};
use muster_wire::{
    apply::{ApplyReport, ApplyRequest, DocumentToApply},
    propagation::LinkReport,
};
use muster_words::Digest;
use serde_json::{Map, Value, json};

use self::url_arguments::{UrlArguments, UrlKind};
use super::{links, shown, target_named, xid_of};
use crate::{
    Context, Failure,
    arguments::{ConnectionArguments, Explanation},
    commands::{delete::confirm, put},
    output::numbers::{counted, separated},
    plan::StepAction,
};

/// Examples of the command `unidirectional`.
pub const UNIDIRECTIONAL_EXAMPLES: &str = "\
Examples:
  muster propagation unidirectional --source configs/app --target https://hooks.example/in
  muster propagation unidirectional --source entities --target targets/ops/entries/hook --yes
  muster propagation unidirectional --source configs --target https://b.example --kind registry --once
  muster propagation unidirectional --source providers --target tls://nats.example --secret env:NATS_CREDS
  muster propagation unidirectional --source providers --target kafkas://kafka.example/registry-events
  muster propagation unidirectional --source providers --target https://kinesis.eu-west-1.amazonaws.com/registry-events --kind kinesis --secret env:STREAM_KEY

";

/// Examples of the command `bidirectional`.
pub const BIDIRECTIONAL_EXAMPLES: &str = "\
Examples:
  muster propagation bidirectional --source configs --target https://b.example
  muster propagation bidirectional --source configs --target https://b.example --conflict last-writer
  muster propagation bidirectional --source configs --target https://b.example --secret env:PEER_KEY --from beginning
  muster propagation bidirectional --source configs/app/entries/web --target b --payload @web.json --yes

";

/// Examples of the command `multicast`.
pub const MULTICAST_EXAMPLES: &str = "\
Examples:
  muster propagation multicast --source configs/app --targets hook,archive

";

/// Examples of the command `broadcast`.
pub const BROADCAST_EXAMPLES: &str = "\
Examples:
  muster propagation broadcast --source entities --exclude archive

";

/// The groups of what these commands make.
const GROUP: &str = "muster";

/// How often the progress of a route that runs once is asked for.
const LOOK_TIME: Duration = Duration::from_millis(200);

/// How often a route may be looked for that isn't there: it is there within milliseconds, unless none
/// of its targets is in force.
const LOOKS_MAX: u32 = 25;

/// What is sent, from where on, and what all of these commands take.
#[derive(Debug, Args)]
struct SpreadArguments {
    /// What is sent: the xid of a document, a group or a collection
    #[arg(long, value_name = "SOURCE")]
    source: String,
    #[command(flatten)]
    plan: PlanArguments,
}

/// Where what is made begins, and whether it is made.
#[derive(Debug, Args)]
struct PlanArguments {
    /// Where to begin: now, beginning, a position, a time, or a span such as 2h: so long ago
    /// [default: now]
    #[arg(long, value_name = "WHEN")]
    from: Option<String>,
    /// Show the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl PlanArguments {
    /// The registry here.
    async fn client(&self, context: &Context) -> Result<Client, Failure> {
        self.explanation.of(self.connection.client(context).await?)
    }

    /// Where routes begin.
    fn beginning(&self, context: &Context) -> Result<Value, Failure> {
        checks::beginning(self.from.as_deref().unwrap_or("now"), context.screen.now)
    }
}

/// Sending once.
#[derive(Debug, Default, Args)]
struct OnceArguments {
    /// Send what there is now, wait until it is delivered, and then nothing more
    #[arg(long, conflicts_with = "from")]
    once: bool,
    #[command(flatten)]
    payload: PayloadArguments,
}

/// A document that is put first.
#[derive(Debug, Default, Args)]
struct PayloadArguments {
    /// Put this JSON as the source's new version first, then send it once; @ with a file, or - for
    /// standard input
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    payload: Option<String>,
}

impl PayloadArguments {
    /// The bytes, which are put as they are, and what they say.
    fn read(&self) -> Result<Option<(Vec<u8>, Value)>, Failure> {
        let bytes = match self.payload.as_deref() {
            None => return Ok(None),
            Some("-") => put::read_document(Path::new("-"))?,
            Some(text) => match text.strip_prefix('@') {
                Some(file) => put::read_document(Path::new(file))?,
                None => text.as_bytes().to_vec(),
            },
        };
        match muster_words::json::parse(&bytes) {
            Ok(parsed) => Ok(Some((bytes, parsed))),
            Err(error) => Err(Failure::usage(format!("--payload isn't JSON: {error}"))),
        }
    }
}

impl OnceArguments {
    const fn is_asked(&self) -> bool {
        self.once || self.payload.payload.is_some()
    }
}

/// One of these commands: the route that it means.
struct Spread {
    mode: &'static str,
    conflict: Option<ConflictPolicy>,
    /// The targets, or those that are left out.
    named: Vec<String>,
    once: OnceArguments,
    urls: UrlArguments,
}

/// Send changes to one target
#[derive(Debug, Args)]
pub struct UnidirectionalArguments {
    /// Where it is sent: the xid or the name of a target, or a URL with http, https, ws, wss, nats,
    /// tls, kafka or kafkas
    #[arg(long, value_name = "TARGET")]
    target: String,
    #[command(flatten)]
    urls: UrlArguments,
    #[command(flatten)]
    once: OnceArguments,
    #[command(flatten)]
    spread: SpreadArguments,
}

/// Send changes to another registry, and take those that are made there
#[derive(Debug, Args)]
pub struct BidirectionalArguments {
    /// The other registry: the xid or the name of a target, or a URL
    #[arg(long, value_name = "TARGET")]
    target: String,
    /// What decides if both changed a document: manual, merge, source-wins, target-wins, last-writer
    /// or highest-version
    #[arg(long, value_name = "POLICY", default_value = "manual")]
    conflict: String,
    /// The reference of the other registry's key, for a target that is given as a URL
    #[arg(long, value_name = "REFERENCE")]
    secret: Option<String>,
    /// Put this JSON as the source's new version when the route is there, and wait until it is
    /// delivered; @ with a file, or - for standard input
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    payload: Option<String>,
    #[command(flatten)]
    spread: SpreadArguments,
}

/// Send changes to several targets
#[derive(Debug, Args)]
pub struct MulticastArguments {
    /// Where it is sent: xids or names of targets, or URLs, with commas between
    #[arg(long, value_name = "TARGETS", value_delimiter = ',', required = true)]
    targets: Vec<String>,
    #[command(flatten)]
    urls: UrlArguments,
    #[command(flatten)]
    once: OnceArguments,
    #[command(flatten)]
    spread: SpreadArguments,
}

/// Send changes to all targets, also to those that are made later
#[derive(Debug, Args)]
pub struct BroadcastArguments {
    /// Targets that are left out: xids or names, with commas between
    #[arg(long, value_name = "TARGETS", value_delimiter = ',')]
    exclude: Vec<String>,
    #[command(flatten)]
    once: OnceArguments,
    #[command(flatten)]
    spread: SpreadArguments,
}

impl UnidirectionalArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let spread = Spread {
            mode: "unidirectional",
            conflict: None,
            named: checks::names(&[self.target])?,
            once: self.once,
            urls: self.urls,
        };
        self.spread.run(context, spread).await
    }
}

impl BidirectionalArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let policy = policy(&self.conflict)?;
        let spread = Spread {
            mode: "bidirectional",
            conflict: Some(policy),
            named: checks::names(&[self.target])?,
            once: OnceArguments {
                once: false,
                payload: PayloadArguments { payload: self.payload },
            },
            urls: UrlArguments::of(UrlKind::Registry, self.secret),
        };
        self.spread.run(context, spread).await
    }
}

impl MulticastArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let spread = Spread {
            mode: "multicast",
            conflict: None,
            named: checks::names(&self.targets)?,
            once: self.once,
            urls: self.urls,
        };
        self.spread.run(context, spread).await
    }
}

impl BroadcastArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let named = checks::names(&self.exclude)?;
        if let Some(url) = named.iter().find(|one| one.contains("://")) {
            return Err(Failure::usage(format!("{url} isn't the name of a target"))
                .help("muster propagation status lists the targets"));
        }
        let spread = Spread {
            mode: "broadcast",
            conflict: None,
            named,
            once: self.once,
            urls: UrlArguments::default(),
        };
        self.spread.run(context, spread).await
    }
}

fn policy(text: &str) -> Result<ConflictPolicy, Failure> {
    text.parse().map_err(|_| {
        let names: Vec<&str> = ConflictPolicy::ALL.iter().map(|one| one.name()).collect();
        Failure::usage(format!("{text} is no policy for conflicts"))
            .help(format!("one of {}", names.join(", ")))
    })
}

impl SpreadArguments {
    async fn run(self, context: &Context, spread: Spread) -> Result<(), Failure> {
        let Spread { mode, conflict, named, once, urls } = spread;
        let payload = once.payload.read()?;
        let client = self.plan.client(context).await?;
        let source = xid_of(&self.source);
        checks::source(context, &client, &source).await?;
        let mut documents = Vec::new();
        let mut targets = Vec::new();
        for name in &named {
            if !name.contains("://") {
                let target = target_named(&client, name).await?;
                if conflict.is_some() {
                    checks::is_registry(&client, &target).await?;
                }
                targets.push(target);
                continue;
            }
            let (xid, document) = urls.target(name)?;
            documents.push((xid.clone(), document));
            targets.push(xid);
        }
        urls.check_used(!documents.is_empty())?;
        // A route in both directions goes on, so what is put is a change that it sends.
        let is_once = once.is_asked() && conflict.is_none();
        let mut route = route(self.plan.beginning(context)?, mode, (&source, &targets), is_once)?;
        if let Some(policy) = conflict {
            route["conflict"] = policy.name().into();
        }
        let name = slug(&[&[source.as_str(), mode], &*refs(&targets)].concat());
        let name = if is_once { once_name(&name, context) } else { name };
        let route_xid = format!("/routes/{GROUP}/entries/{name}");
        let is_other = difference(&client, &route_xid, &route).await? == StepAction::Change;
        checks::may_begin(&route_xid, is_other, self.plan.from.as_deref())?;
        documents.push((route_xid.clone(), route));
        let mut raw = None;
        if let Some((bytes, payload)) = payload {
            raw = Some((source.clone(), bytes));
            // A route that runs once begins with what is there; others with what comes.
            let place = if is_once { 0 } else { documents.len() };
            documents.insert(place, (source.clone(), payload));
        }
        show(context, &client, &documents, self.plan.dry_run).await?;
        if self.plan.dry_run {
            return Ok(());
        }
        confirm(context, self.plan.yes, "Put these documents?")?;
        let made = Made { mode, is_once, targets, route: route_xid, raw };
        made.put(context, &client, documents).await
    }
}

/// What one of these commands makes.
struct Made {
    mode: &'static str,
    is_once: bool,
    targets: Vec<String>,
    route: String,
    /// The xid and the bytes of what is put as it was given.
    raw: Option<(String, Vec<u8>)>,
}

impl Made {
    async fn put(
        &self,
        context: &Context,
        client: &Client,
        mut documents: Vec<(String, Value)>,
    ) -> Result<(), Failure> {
        let place = documents.iter().position(|(xid, _)| *xid == self.route);
        let later = documents.split_off(place.map_or(documents.len(), |place| place + 1));
        let mut answer = apply(client, &documents, self.raw.as_ref()).await?;
        if !later.is_empty() {
            // The route runs from its own position on, so what it is to send comes after it.
            wait(context, client, (&self.route, None)).await?;
            answer = apply(client, &later, self.raw.as_ref()).await?;
            let position = answer.position().map(|position| position.0);
            wait(context, client, (&self.route, position)).await?;
            dead(client, &self.route).await?;
        } else if self.is_once {
            wait(context, client, (&self.route, None)).await?;
            dead(client, &self.route).await?;
        }
        let screen = &context.screen;
        if !screen.is_table() {
            let (route, targets) = (&self.route, &self.targets);
            return screen
                .value(&json!({"route": route, "targets": targets, "answer": answer.json()?}));
        }
        let said = match self.mode {
            "bidirectional" => "sends and takes from now on",
            _ if self.is_once => "sent once",
            _ => "sends from now on",
        };
        screen.line(&format!("{}  {said}", shown(&self.route)))
    }
}

/// Puts documents, but for targets that are there.
async fn apply(
    client: &Client,
    documents: &[(String, Value)],
    raw: Option<&(String, Vec<u8>)>,
) -> Result<Answer<ApplyReport>, Failure> {
    let mut wanted = Vec::new();
    for (xid, document) in documents {
        let is_target = xid.starts_with("/targets/");
        if !is_target || difference(client, xid, document).await? != StepAction::Keep {
            wanted.push((xid, document));
        }
    }
    let all = wanted.into_iter().map(|(xid, document)| match raw {
        Some((source, bytes)) if source == xid => to_apply(xid, bytes),
        _ => to_apply(xid, document.to_string().as_bytes()),
    });
    let request = ApplyRequest { documents: all.collect(), ..ApplyRequest::default() };
    Ok(client.apply(&request, None).await?)
}

/// The document of a route.
fn route(
    from: Value,
    mode: &str,
    (source, targets): (&str, &[String]),
    is_once: bool,
) -> Result<Value, Failure> {
    if source.split('/').count() > 5 {
        return Err(Failure::usage(format!("{} has too many parts", shown(source)))
            .help("the source is a collection, a group or a document"));
    }
    let mut route = Map::new();
    route.insert("mode".to_owned(), mode.into());
    route.insert("select".to_owned(), json!({"collections": [source]}));
    let member = if mode == "broadcast" { "exclude" } else { "targets" };
    if !targets.is_empty() {
        route.insert(member.to_owned(), json!(targets));
    }
    if is_once {
        route.insert("once".to_owned(), true.into());
    } else {
        route.insert("from".to_owned(), from);
    }
    Ok(Value::Object(route))
}

fn refs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// A name of letters, digits and hyphens that tells what it is from, and that no other parts have.
fn slug(parts: &[&str]) -> String {
    let whole = parts.join(" ");
    let digest = Digest::of(whole.as_bytes()).to_string();
    let hex: String = digest.chars().filter(char::is_ascii_hexdigit).collect();
    let plain: String = parts
        .first()
        .copied()
        .unwrap_or_default()
        .chars()
        .map(
            |letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' },
        )
        .collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let readable: String = words.join("-").chars().take(40).collect();
    format!("{}-{}", readable.trim_matches('-'), &hex[hex.len() - 8..])
}

/// A route that runs once has a name of its own each time.
fn once_name(name: &str, context: &Context) -> String {
    format!("{name}-{}", context.screen.now.microseconds())
}

fn to_apply(xid: &str, document: &[u8]) -> DocumentToApply {
    let mut attributes = Map::new();
    attributes.insert("contenttype".to_owned(), "application/json".into());
    DocumentToApply::new(xid.to_owned(), Some(document), attributes)
}

/// Shows what would be put, and what of it is there already: as a table, or as a value where that is
/// all that is wanted.
async fn show(
    context: &Context,
    client: &Client,
    documents: &[(String, Value)],
    is_all: bool,
) -> Result<(), Failure> {
    let screen = &context.screen;
    if !screen.is_table() && !is_all {
        return Ok(());
    }
    let mut plan = Vec::new();
    for (xid, document) in documents {
        let action = difference(client, xid, document).await?;
        if screen.is_table() {
            screen.line(&format!("{} {}  {document}", action.sign(), shown(xid)))?;
        }
        plan.push(patterns::planned(xid, document, action));
    }
    if !screen.is_table() {
        return screen.value(&json!({"dry_run": true, "documents": plan}));
    }
    screen.line(&counted(documents.len(), "document to put", "documents to put"))
}

/// Whether a target that is there has every member that is wanted. Somebody may have given it a key, or
/// other limits, and it stays as it is.
fn has_all(there: &[u8], wanted: &Value) -> bool {
    let there = muster_words::json::parse(there).ok();
    let (Some(Value::Object(there)), Value::Object(wanted)) = (there, wanted) else { return false };
    wanted.iter().all(|(name, value)| there.get(name) == Some(value))
}

/// What putting a document would do to the one of its name.
async fn difference(client: &Client, xid: &str, document: &Value) -> Result<StepAction, Failure> {
    // What isn't the name of a document is refused when it is put.
    let Ok(name) = xid.parse() else { return Ok(StepAction::Add) };
    match client.document(&name).await {
        Ok(there) if muster_words::json::parse(&there.bytes).ok().as_ref() == Some(document) => {
            Ok(StepAction::Keep)
        }
        Ok(there) if xid.starts_with("/targets/") && has_all(&there.bytes, document) => {
            Ok(StepAction::Keep)
        }
        Ok(_) => Ok(StepAction::Change),
        Err(error) if error.is_absent() => Ok(StepAction::Add),
        Err(error) => Err(error.into()),
    }
}

/// Waits until a route that runs once is finished, or until any other runs and is past a position,
/// and shows how far it is.
async fn wait(
    context: &Context,
    client: &Client,
    (route, position): (&str, Option<u64>),
) -> Result<(), Failure> {
    let query = Query::new().with("route", route);
    let mut told = String::new();
    let mut looks = 0;
    loop {
        let list = links::all(client, &query, usize::MAX).await?;
        let waiting: u64 = list.sessions.iter().map(|link| link.waiting).sum();
        if !list.sessions.is_empty() && list.sessions.iter().all(|link| is_done(link, position)) {
            return Ok(());
        }
        looks += 1;
        if list.sessions.is_empty() && looks > LOOKS_MAX {
            return Err(Failure::usage(
                "no target of the route is in force: each is disabled or read as a stream",
            )
            .help("muster propagation status lists the targets"));
        }
        if let Some(held) = list.sessions.iter().find(|link| link.state == "held") {
            let (target, reason) = (shown(&held.target), held.reason.clone().unwrap_or_default());
            let what = format!("nothing is sent to {target} now ({reason}); it is sent later");
            let help = format!("muster propagation resume {target}");
            return Err(Failure::new(crate::OwnCode::System, what).help(help));
        }
        let stuck = list.sessions.iter().find_map(|link| link.reason.clone());
        let now = match stuck {
            Some(reason) => format!("{} to go; {reason}", separated(waiting)),
            None => format!("{} to go", separated(waiting)),
        };
        if now != told {
            context.screen.note(&now);
            told = now;
        }
        tokio::time::sleep(LOOK_TIME).await;
    }
}

/// Whether nothing is left to do for a link: it ran once, or it is past the position.
fn is_done(link: &LinkReport, position: Option<u64>) -> bool {
    if link.mode != "bidirectional" {
        return link.state == "finished";
    }
    position.is_none_or(|position| link.position >= position && link.waiting == 0)
}

/// Fails if something couldn't be delivered.
async fn dead(client: &Client, route: &str) -> Result<(), Failure> {
    let query = Query::new().with("route", route);
    let letters = client.dead_letters(&query).await?.read()?.letters;
    match letters.first() {
        None => Ok(()),
        Some(first) => {
            let count = counted(letters.len(), "delivery", "deliveries");
            Err(Failure::new(
                crate::OwnCode::System,
                format!("{count} couldn't be made; the first: {}", first.reason),
            )
            .help("muster propagation dead-letters list"))
        }
    }
}

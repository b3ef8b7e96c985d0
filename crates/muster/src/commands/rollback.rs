use clap::{ArgGroup, Args};
use muster_client::Client;
use muster_publisher::DEFAULT_COLLECTIONS;
use muster_wire::{
    ErrorCode, OrOther,
    publications::Publication,
    rollback::{RollbackAct, RollbackReport, RollbackRequest, RollbackTo},
};
use muster_words::{Moment, Xid};
use serde_json::json;

use super::{
    apply::refused_in,
    delete::confirm,
    get::explain,
    past::{When, version, when},
    publish,
};
use crate::{
    Context, Failure, OwnCode,
    arguments::{ConnectionArguments, Explanation},
    output::{differences::field_difference, numbers::counted, numbers::separated},
    plan::{self, Plan, Request, Step, StepAction, StepTarget, Unit},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster rollback providers/cms/entries/sanity --to v2
  muster rollback providers/cms --hours-ago 3 --dry-run
  muster rollback providers/cms --to 2027-01-31T12:00:00Z
  muster rollback --all --to 1,204 --message \"The import was wrong\"
  muster rollback --publication production --version-id v20270131-120000
  muster rollback --sync s1f0c52aa9b21 --since 2h

";

/// Give documents and groups an earlier state again; the history stays
#[derive(Debug, Args)]
#[command(override_usage = "muster rollback [OPTIONS] <WHAT> <WHEN>")]
#[command(group = ArgGroup::new("what").args(["place", "all", "publication", "sync"]).required(true).multiple(true))]
#[command(group = ArgGroup::new("when").args(["to", "hours_ago", "version_id", "sync"]).required(true))]
pub struct RollbackArguments {
    /// A document, a group or a collection, such as providers/cms
    #[arg(value_name = "XID", conflicts_with_all = ["all", "publication"])]
    place: Option<String>,
    /// Roll back everything
    #[arg(long, conflicts_with = "publication")]
    all: bool,
    /// The earlier state: a version of the document (v2), a position (1,204 or @1204), a time
    /// (2027-01-31T12:00:00Z), or this long ago (2h, 7d)
    #[arg(long, value_name = "WHEN")]
    to: Option<String>,
    /// The state this many hours ago
    #[arg(long, value_name = "COUNT")]
    hours_ago: Option<u32>,
    /// Roll back what a publication shows, and publish it
    #[arg(long, value_name = "NAME")]
    publication: Option<String>,
    /// The state that a publication showed with this number or this tag
    #[arg(long, value_name = "VERSION", requires = "publication")]
    version_id: Option<String>,
    /// Undo what this sync with another registry wrote, everywhere or at XID, unless it was changed
    /// since; muster log shows its id
    #[arg(long, value_name = "ID", conflicts_with = "publication")]
    sync: Option<String>,
    /// Undo only what the sync wrote after this position or time, or in this long until now
    #[arg(long, value_name = "WHEN", requires = "sync")]
    since: Option<String>,
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

impl RollbackArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        if self.since.is_some() && self.sync.is_none() {
            return Err(Failure::usage(
                "--since goes with --sync; --to names the state to go back to",
            ));
        }
        let client = self.explanation.of(self.connection.client(context).await?)?;
        if let Some(name) = &self.publication {
            return self.publication(context, &client, name).await;
        }
        let place = self.place.as_deref().map(|place| format!("/{}", place.trim_matches('/')));
        let place = place.filter(|place| place != "/");
        let to = self.target(context, &client, place.as_deref()).await?;
        self.roll_back(
            context,
            &client,
            RollbackRequest { xid: place, to, ..RollbackRequest::default() },
        )
        .await
    }

    async fn roll_back(
        &self,
        context: &Context,
        client: &Client,
        request: RollbackRequest,
    ) -> Result<(), Failure> {
        let report = match client.roll_back(&request, true).await {
            Ok(answer) => answer.read()?,
            Err(error) => return Err(explained(client, &request, error).await),
        };
        let planned_at = report.position;
        let target = named_target(&request.to, &report);
        let plan = plan_of(report);
        let shown = shown_place(&request);
        self.show(context, &plan, &shown, &target)?;
        if plan.is_empty() || self.dry_run {
            return refused_in(context, &plan, "in the plan", HELP);
        }
        refused_in(context, &plan, "nothing was changed", HELP)?;
        confirm(context, self.yes, "Roll back?")?;
        // What was shown is done, or nothing. A sync goes on; what it brings meanwhile stays.
        let request = match request.to.sync {
            Some(_) => {
                let to = RollbackTo { until: Some(planned_at), ..request.to };
                RollbackRequest { to, ..request }
            }
            None => RollbackRequest { unchanged_since: Some(planned_at), ..request },
        };
        let report = match client.roll_back(&request, false).await {
            Ok(answer) => answer.read()?,
            Err(error) => return Err(explained(client, &request, error).await),
        };
        done(context, &report, &undoing(&request, planned_at))
    }

    /// Rolls back the collections of a publication, and publishes it.
    async fn publication(
        &self,
        context: &Context,
        client: &Client,
        name: &str,
    ) -> Result<(), Failure> {
        let (xid, collections) = published(client, name).await?;
        let to = match &self.version_id {
            Some(version) => shown_with(client, &xid, version).await?,
            None => self.target(context, client, None).await?,
        };
        for collection in in_order(client, collections, &to).await? {
            let request = RollbackRequest {
                xid: Some(collection),
                to: to.clone(),
                ..RollbackRequest::default()
            };
            self.roll_back(context, client, request).await?;
        }
        if self.dry_run {
            return Ok(());
        }
        let outcome = client.run_publication(&xid, false).await?.read()?;
        publish::show(context, &outcome)
    }

    /// The state that the flags name.
    async fn target(
        &self,
        context: &Context,
        client: &Client,
        place: Option<&str>,
    ) -> Result<RollbackTo, Failure> {
        let of_time = |time| RollbackTo { time: Some(time), ..RollbackTo::default() };
        if let Some(sync) = &self.sync {
            let since = match &self.since {
                None => None,
                Some(text) => Some(when("since", text, context)?.text()),
            };
            return Ok(RollbackTo { sync: Some(sync.clone()), since, ..RollbackTo::default() });
        }
        let Some(text) = &self.to else {
            let age = i64::from(self.hours_ago.unwrap_or_default()) * 3_600_000_000;
            let time = context.screen.now.microseconds().saturating_sub(age);
            let time = Moment::from_microseconds(time).map_err(|_| {
                Failure::usage("--hours-ago goes back further than there are times")
            })?;
            return Ok(of_time(time.to_string()));
        };
        if let Some(version) = version(client, place.unwrap_or_default(), ("to", text)).await? {
            return Ok(RollbackTo { version: Some(version), ..RollbackTo::default() });
        }
        Ok(match when("to", text, context)? {
            When::Position(position) => {
                RollbackTo { position: Some(position), ..RollbackTo::default() }
            }
            When::Time(time) => of_time(time),
        })
    }

    fn show(
        &self,
        context: &Context,
        plan: &Plan,
        place: &str,
        target: &str,
    ) -> Result<(), Failure> {
        let screen = &context.screen;
        if !screen.is_table() {
            return match (self.dry_run, plan.is_empty()) {
                (true, _) => screen.value(&plan::to_json(plan)),
                (false, true) => screen.value(&json!({"applied": 0, "notes": plan.notes})),
                (false, false) => Ok(()),
            };
        }
        if plan.is_empty() {
            let what = match self.sync.is_some() {
                true => "nothing to change: nothing says what the sync wrote".to_owned(),
                false => format!("nothing to change: {place} says what it said at {target}"),
            };
            screen.line(&what)?;
            return plan.notes.iter().try_for_each(|note| screen.line(note));
        }
        screen.write(plan::render(plan, screen).as_bytes())?;
        let back = if self.sync.is_some() { "back to before" } else { "back to" };
        screen.line(&format!("\n{}, {back} {target}", plan::summary(plan)))?;
        let failing = plan::failing(&plan.failing);
        failing.iter().chain(&plan.notes).try_for_each(|line| screen.line(line))
    }
}

/// What is said of the command that undoes this one. A sync wrote some documents among others, so what
/// undoes one of them is named.
fn undoing(request: &RollbackRequest, position: u64) -> String {
    match (&request.to.sync, request.xid.as_deref()) {
        (Some(_), None) => {
            format!("muster rollback XID --to @{position} undoes this for one document")
        }
        (_, place) => {
            let place = place.map_or("--all", |place| place.trim_matches('/'));
            format!("muster rollback {place} --to @{position} undoes this")
        }
    }
}

/// A publication, and the paths of its collections.
async fn published(client: &Client, name: &str) -> Result<(Xid, Vec<String>), Failure> {
    let all = publish::stored::named(client, Some(name)).await?;
    let Some(xid) = all.into_iter().next() else {
        return Err(Failure::new(OwnCode::NoFile, format!("there is no publication {name}")));
    };
    let document = client.document(&xid).await?;
    let publication: Publication = serde_json::from_slice(&document.bytes).map_err(|error| {
        Failure::new(OwnCode::BadFile, format!("{xid} isn't a publication: {error}"))
    })?;
    if let Some(from) = publication.from {
        let what = format!("{xid} takes its files from {from}");
        return Err(Failure::usage(what).help("roll back that one, then publish this one"));
    }
    let collections = match publication.collections.is_empty() {
        true => DEFAULT_COLLECTIONS.map(str::to_owned).to_vec(),
        false => publication.collections,
    };
    Ok((xid, collections.into_iter().map(|one| format!("/{one}")).collect()))
}

/// The collections in an order in which their references allow it: what refers to a new document
/// goes before that document does, and what refers to a deleted one comes after it.
async fn in_order(
    client: &Client,
    collections: Vec<String>,
    to: &RollbackTo,
) -> Result<Vec<String>, Failure> {
    let Some(first) = collections.first().cloned() else { return Ok(collections) };
    let request =
        RollbackRequest { xid: Some(first), to: to.clone(), ..RollbackRequest::default() };
    let is_refused = match client.roll_back(&request, true).await {
        Ok(answer) => !answer.read()?.refused.is_empty(),
        Err(_) => true,
    };
    Ok(if is_refused { collections.into_iter().rev().collect() } else { collections })
}

/// The state that a publication showed with a number or a tag.
async fn shown_with(client: &Client, xid: &Xid, version: &str) -> Result<RollbackTo, Failure> {
    match client.published(xid, version).await {
        Ok(found) => {
            let position = Some(found.read()?.position);
            Ok(RollbackTo { position, ..RollbackTo::default() })
        }
        Err(error) if error.is_absent() => {
            let name = xid.to_string();
            let name = name.trim_start_matches('/');
            let what = format!("{name} never published {version}");
            Err(Failure::new(ErrorCode::NotFound, what).help(
                "muster publish --list shows the tag of the newest; the folder history at its destination has all numbers, and --to takes a time instead",
            ))
        }
        Err(error) => Err(error.into()),
    }
}

const HELP: &str = "roll back a part of it, or put these documents as they should be first";

fn shown_place(request: &RollbackRequest) -> String {
    let place = request.xid.as_deref().map(|xid| xid.trim_start_matches('/'));
    place.unwrap_or("everything").to_owned()
}

fn named_target(to: &RollbackTo, report: &RollbackReport) -> String {
    match (&to.version, report.to) {
        _ if to.sync.is_some() => "the sync".to_owned(),
        (Some(version), _) => format!("version {version}"),
        (None, Some(position)) => format!("position {}", separated(position)),
        (None, None) => "that time".to_owned(),
    }
}

/// The plan of a rollback, in the form of `muster apply`.
fn plan_of(report: RollbackReport) -> Plan {
    let mut plan = Plan { requests: 1, failing: report.failing, ..Plan::default() };
    for step in report.steps {
        let Ok(xid) = step.xid.parse() else { continue };
        let (act, request) = match step.act {
            OrOther::Known(RollbackAct::Add) => {
                (StepAction::Add, Request::Patch(Default::default()))
            }
            OrOther::Known(RollbackAct::Delete) => (StepAction::Delete, Request::Delete),
            _ => (StepAction::Change, Request::Patch(Default::default())),
        };
        let mut planned = Step::new(StepTarget::Entity(xid), act, request);
        planned.version = step.version.and_then(|version| version.parse().ok());
        planned.fields = step.fields.into_iter().filter_map(field_difference).collect();
        plan.units.push(Unit { steps: vec![planned], wave: 0 });
    }
    for refused in report.refused {
        plan::note_refused(&mut plan, refused, |_| None);
    }
    if report.is_cut {
        plan.notes.push("the registry may refuse more; it stopped looking after a second".into());
    }
    if report.other_model {
        plan.notes.push("the model was another one then; it stays as it is now".into());
    }
    plan.notes.extend(named(&report.purged, "purged since, and can't come back:"));
    plan.notes.extend(named(&report.kept, "changed after that, and so left alone:"));
    plan
}

/// How many names are shown.
const NAMES_SHOWN_MAX: usize = 10;

/// Names about which something is said.
fn named(names: &[String], what: &str) -> Vec<String> {
    if names.is_empty() {
        return Vec::new();
    }
    let count = counted(names.len(), "name was", "names were");
    let mut lines = vec![format!("{count} {what}")];
    let shown = names.iter().take(NAMES_SHOWN_MAX);
    lines.extend(shown.map(|name| format!("  {}", name.trim_start_matches('/'))));
    let more = names.len().saturating_sub(NAMES_SHOWN_MAX);
    lines.extend((more > 0).then(|| format!("  and {} more", separated(more as u64))));
    lines
}

fn done(context: &Context, report: &RollbackReport, undoing: &str) -> Result<(), Failure> {
    let screen = &context.screen;
    if !screen.is_table() {
        let value = json!({
            "applied": report.steps.len(),
            "position": report.position,
            "purged": report.purged,
        });
        return screen.value(&value);
    }
    let changes = counted(report.steps.len(), "change", "changes");
    screen.line(&format!("rolled back {changes} at position {}", separated(report.position)))?;
    screen.note(&screen.paint_error(crate::output::Style::Dim, undoing));
    Ok(())
}

/// Adds to "not found" the name that was probably meant.
async fn explained(
    client: &Client,
    request: &RollbackRequest,
    error: muster_client::ClientError,
) -> Failure {
    match request.xid.as_deref().and_then(|xid| xid.parse::<Xid>().ok()) {
        Some(xid) => explain(client, &xid, error).await,
        None => error.into(),
    }
}

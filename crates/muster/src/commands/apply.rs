use std::path::PathBuf;

use clap::Args;
use muster_client::Client;
use muster_words::Xid;
use serde_json::json;

use super::delete::confirm;
use crate::{
    Context, Failure, OwnCode,
    arguments::{ConnectionArguments, Explanation},
    document_set::{DocumentSet, Judgement},
    folder::{self, Folder, FolderError},
    model::RegistryModel,
    output::{
        Finding, findings,
        numbers::{counted, separated},
        progress::ProgressLine,
    },
    plan::{self, CurrentState, DesiredState, Plan, PlanOutcome, PrunedTypes, Step, StepAction},
};
use muster_wire::ErrorCode;

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster apply catalog --dry-run
  muster apply catalog
  muster apply catalog --prune --yes

The folder holds:
  <groups>/<group>/<id>.<ext>                documents
  <groups>/<group>/<resources>/<id>.<ext>    documents, where groups hold several types
  <groups>/<group>/<id>.attributes.json      attributes of the document beside it
  <groups>/<group>.attributes.json           attributes of a group
  model.json                                 the types that the folder adds or changes
Documents and attributes may be YAML, too: <id>.yaml, <id>.attributes.yml

";

/// Bring a registry in line with a folder: shows a plan, then applies it
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// The folder
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Show the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete what isn't in the folder, but only in group types that the folder has, and types that
    /// it brought and nothing uses
    #[arg(long)]
    prune: bool,
    /// Apply the rest if some changes are refused
    #[arg(long)]
    keep_going: bool,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ApplyArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let folder = Folder::read(&self.folder).map_err(|error| self.explain(error))?;
        if folder.model.is_none() && folder.groups.is_empty() {
            let what = format!("{} doesn't hold a catalog", self.folder.display());
            return Err(self.with_likely_folder(
                Failure::new(OwnCode::NoDocuments, what)
                    .help("muster apply --help shows the layout of a catalog"),
            ));
        }
        let client = self.explanation.of(self.connection.client(context).await?)?;
        let registry = RegistryModel::read(&client).await?;
        let mut said = folder.said_model();
        let pruned = match &mut said {
            Some(said) if self.prune => {
                PrunedTypes::find(&client, &folder, said, &registry.source).await?
            }
            _ => PrunedTypes::default(),
        };
        let (merged, model) = match &mut said {
            Some(said) => registry.with(said)?,
            None => (registry.source.clone(), registry.model.clone()),
        };
        let mut wanted =
            DesiredState::read(&folder, &model).map_err(|error| self.explain(error))?;
        if let Some(said) = said {
            wanted = wanted.with_model(said, merged);
        }
        wanted.gone_groups = pruned.groups;
        let there = CurrentState::read(&client, &wanted, &registry, self.prune).await?;
        let changing = changing(&wanted, &there);
        let mut holdings =
            DocumentSet::of_folder(&folder, model, true).map_err(|error| self.explain(error))?;
        self.check(&client, &mut holdings, (&mut wanted, &there), &changing).await?;
        let mut plan = Plan::compute(&wanted, &there, self.prune);
        plan.notes = pruned.notes;
        plan::try_out(&client, &mut plan, (&wanted, &there)).await?;
        self.show(context, &plan)?;
        if plan.is_empty() || self.dry_run {
            return refused_in(context, &plan, "in the plan", REFUSED_HELP);
        }
        if !self.keep_going {
            refused_in(context, &plan, "nothing was changed", REFUSED_HELP)?;
        }
        let only_adds = plan.steps().all(|step| step.act == StepAction::Add);
        let asks = context.screen.can_ask && context.screen.is_table();
        confirm(context, self.yes || only_adds && !asks, "Apply?")?;
        let total = plan.steps().count();
        let mut progress = ProgressLine::new(&context.screen, "applying", total);
        let outcome =
            plan::execute(&client, &plan, (&wanted, &there), self.keep_going, &mut progress).await;
        drop(progress);
        self.report(context, &plan, outcome)
    }

    /// The failure to show for a folder that isn't a catalog.
    fn explain(&self, error: FolderError) -> Failure {
        self.with_likely_folder(Failure::from(error))
    }

    /// Adds a suggestion for the folder that was probably meant.
    fn with_likely_folder(&self, failure: Failure) -> Failure {
        match folder::likely_root(&self.folder) {
            Some(root) => failure.help(format!("did you mean {}?", root.display())),
            None => failure,
        }
    }

    /// Judges every document that would be sent, as the server would.
    async fn check(
        &self,
        client: &Client,
        holdings: &mut DocumentSet,
        (wanted, there): (&mut DesiredState, &CurrentState),
        changing: &[Xid],
    ) -> Result<(), Failure> {
        there.documents.keys().for_each(|xid| holdings.note_existing(xid));
        for (xid, attributes) in &there.groups {
            holdings.add_group_there(xid, attributes);
        }
        let judged = holdings.judge_all(Some(client), changing).await?;
        for (xid, judgement) in changing.iter().zip(judged) {
            let Some(document) = wanted.documents.get_mut(xid) else { continue };
            // Paths in the current folder are shown without "./".
            let path = match self.folder.strip_prefix(".") {
                Ok(below) => below.join(&document.path),
                Err(_) => self.folder.join(&document.path),
            };
            let path = path.display().to_string();
            let places = findings::places(Some(&document.sent.content_type), &document.sent.bytes);
            document.findings = match judgement {
                Judgement::Found(found) => {
                    found.iter().map(|one| Finding::of_check(one, &path, &places)).collect()
                }
                // It depends on what the key may not read. The registry judges it with the plan.
                Judgement::NotChecked(_) => Vec::new(),
            };
        }
        Ok(())
    }

    fn show(&self, context: &Context, plan: &Plan) -> Result<(), Failure> {
        let screen = &context.screen;
        if !screen.is_table() {
            return match (self.dry_run, plan.is_empty()) {
                (true, _) => screen.value(&plan::to_json(plan)),
                (false, true) => screen.value(&json!({"applied": 0, "unchanged": plan.kept})),
                (false, false) => Ok(()),
            };
        }
        if plan.is_empty() {
            let documents = counted(plan.kept, "document", "documents");
            let verb = if plan.kept == 1 { "matches" } else { "match" };
            screen.line(&format!("nothing to change: {documents} already {verb} the folder"))?;
            return plan.notes.iter().try_for_each(|note| screen.line(note));
        }
        screen.write(plan::render(plan, screen).as_bytes())?;
        screen.line(&format!("\n{}", plan::summary(plan)))?;
        if plan.requests > 1 {
            let steps = format!("in {} steps", separated(plan.requests as u64));
            screen.line(&format!("{steps}, each as a whole or not at all: {SECTIONS}"))?;
            screen.line(plan::LATER_STEPS)?;
        }
        let failing = plan::failing(&plan.failing);
        failing.iter().chain(&plan.notes).try_for_each(|line| screen.line(line))
    }

    fn report(&self, context: &Context, plan: &Plan, outcome: PlanOutcome) -> Result<(), Failure> {
        let screen = &context.screen;
        let total = outcome.done + outcome.left;
        if outcome.left == 0 {
            return if screen.is_table() {
                screen.line(&format!("applied {}", counted(outcome.done, "change", "changes")))?;
                // The plan above names them.
                let failing = plan::failing(&outcome.failing);
                failing.first().map_or(Ok(()), |line| screen.line(line.trim_end_matches(':')))
            } else {
                for line in findings::render(&findings_in(plan), screen, "  ") {
                    screen.note(&line);
                }
                let mut value = json!({"applied": outcome.done, "unchanged": plan.kept});
                if outcome.failing.affected > 0 {
                    value["failing"] = serde_json::to_value(&outcome.failing).unwrap_or_default();
                }
                screen.value(&value)
            };
        }
        let changes = counted(total, "change", "changes");
        let done = format!("applied {} of {changes}", separated(outcome.done as u64));
        let folder = self.folder.display();
        let again =
            format!("muster apply {folder} continues from there; it doesn't repeat what is done");
        if outcome.interrupted {
            let what = format!("stopped: {done}");
            return Err(Failure::new(OwnCode::Interrupted, what).help(again));
        }
        for failure in &outcome.failed {
            if let Some(text) = failure.render(screen) {
                screen.note(&text);
            }
        }
        let skipped = plan.refused();
        let refused = outcome.failed.len() + skipped;
        let verb = if refused == 1 { "was" } else { "were" };
        let what = format!("{done}; {refused} {verb} refused");
        let found = if screen.is_table() { Vec::new() } else { findings_in(plan) };
        Err(Failure::new(OwnCode::PartlyApplied, what).findings(found).help(again))
    }
}

/// What the steps of a large plan are.
const SECTIONS: &str = "the model, schemas and rules; documents; deletions";

/// The documents that would be sent.
fn changing(wanted: &DesiredState, there: &CurrentState) -> Vec<Xid> {
    let plan = Plan::compute(wanted, there, false);
    plan.steps().filter(|step| step.is_document()).filter_map(|step| step.xid().cloned()).collect()
}

/// What to do about refused steps.
const REFUSED_HELP: &str =
    "correct what the plan shows as refused, or apply the rest with --keep-going";

/// Fails if the plan has refused steps. For people, the plan already shows why.
pub(super) fn refused_in(
    context: &Context,
    plan: &Plan,
    what: &str,
    help: &str,
) -> Result<(), Failure> {
    if let Some(refusal) = &plan.refusal {
        return Err(refusal.clone());
    }
    let refused: Vec<&Step> = plan.steps().filter(|step| step.is_refused()).collect();
    let Some(first) = refused.first() else { return Ok(()) };
    let verb = if refused.len() == 1 { "is" } else { "are" };
    let count = match refused.iter().all(|step| step.is_document()) {
        true => counted(refused.len(), "document", "documents"),
        false => counted(refused.len(), "change", "changes"),
    };
    let code = first.refusal.as_ref().and_then(Failure::code).cloned();
    let code = code.unwrap_or_else(|| ErrorCode::InvalidDocument.into());
    let found = if context.screen.is_table() { Vec::new() } else { findings_in(plan) };
    Err(Failure::new(code, format!("{count} {verb} refused; {what}")).findings(found).help(help))
}

fn findings_in(plan: &Plan) -> Vec<Finding> {
    plan.steps().flat_map(|step| step.findings.iter().cloned()).collect()
}

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use muster_catalog::{
    Catalog, Content, Reason, Refusal,
    decide::{
        NoDecision, PreparedAction, PreparedCommand, PreparedRestore, Preview, preview, revived,
    },
    judge::{
        CommandSources, ContentBytes, Document, Judge, NoVerdict, PendingChanges, WriteVerdicts,
    },
    state::{HiddenEntity, Version},
    tree::WriteTree,
};
use muster_schema::{Stopped, Violation, stoppable};
use muster_words::{
    ContentRef, Xid,
    limits::{BATCH_BYTES_MAX, BATCH_COMMANDS_MAX, PREPARE_ROUNDS_MAX},
};

use crate::{
    SubmitError,
    attended::stop_sign,
    cache::{CachedAttributes, Fetched},
    registry::RegistryInner,
};

/// How often the judge is asked again with what it lacked: once for what is bound, and once for
/// each schema that is only known after another one was read.
const JUDGE_ROUNDS_MAX: usize = muster_schema::limits::REFERENCES_MAX + PREPARE_ROUNDS_MAX;

/// Contents that were read for one judgement; None for purged ones.
type Read = BTreeMap<ContentRef, Option<Bytes>>;

/// A view together with the content of a command.
#[derive(Clone, Copy)]
pub(crate) struct CommandView<'a> {
    pub view: &'a Catalog,
    pub pending: PendingChanges<'a>,
    pub preview: Option<&'a Preview>,
    /// The contents of a catalog that isn't stored, because it was only tried.
    pub unstored: &'a UnstoredContents,
}

/// Contents that no ledger holds.
pub(crate) type UnstoredContents = BTreeMap<ContentRef, Bytes>;

impl<'a> CommandView<'a> {
    /// A stored view, with a command.
    pub const fn new(view: &'a Catalog, pending: PendingChanges<'a>) -> Self {
        const NOTHING: &UnstoredContents = &BTreeMap::new();
        Self { view, pending, preview: None, unstored: NOTHING }
    }
}

impl RegistryInner {
    /// Judges the documents of a write and stores the verdicts in it. Returns their warnings.
    ///
    /// If the write changes something that its documents depend on, they are judged against the
    /// state after the write, because the writer compares with that state.
    pub(super) async fn judge_write(
        &self,
        view: &Catalog,
        prepared: &mut PreparedCommand,
        fetched: &Fetched,
    ) -> Result<Vec<Violation>, SubmitError> {
        let PreparedAction::Write(action) = &prepared.action else { return Ok(Vec::new()) };
        let began = Instant::now();
        let (mut outcome, depends_on_itself) = self.judge_tree(view, &action.tree, None).await;
        let is_judged = matches!(&outcome, Ok(_) | Err(SubmitError::Refused(_)));
        if is_judged
            && depends_on_itself
            && let Some(preview) = self.preview(view, prepared, fetched).await?
        {
            (outcome, _) = self.judge_tree(view, &action.tree, Some(&preview)).await;
        }
        if let Some(passes) = is_validation(&outcome) {
            self.validations.count(passes, began.elapsed());
        }
        let found = outcome?;
        match &mut prepared.action {
            PreparedAction::Write(action) => Ok(found.store_in(&mut action.tree)),
            _ => Ok(Vec::new()),
        }
    }

    async fn judge_tree(
        &self,
        view: &Catalog,
        tree: &WriteTree,
        preview: Option<&Preview>,
    ) -> (Result<WriteVerdicts, SubmitError>, bool) {
        let mut found = WriteVerdicts::default();
        let mut depends_on_itself = false;
        let command_view =
            CommandView { preview, ..CommandView::new(view, PendingChanges::Tree(tree)) };
        let judge = |judge: &Judge<'_>, sources: &CommandSources<'_>| {
            let outcome = judge.write(tree, &mut found);
            depends_on_itself |= sources.depends_on_itself();
            outcome
        };
        let outcome = self.judge(command_view, judge).await;
        (outcome.map(|()| found), depends_on_itself)
    }

    /// Previews the state after a write; none if only the writer can tell.
    pub(super) async fn preview(
        &self,
        view: &Catalog,
        prepared: &PreparedCommand,
        fetched: &Fetched,
    ) -> Result<Option<Preview>, SubmitError> {
        let mut fetched = fetched.clone();
        // The writer's moment will be later, but is chosen in the same way.
        let now = (self.settings.clock.now)().max(view.moment.next());
        for _ in 0..PREPARE_ROUNDS_MAX {
            let stored_attributes = CachedAttributes { cache: &self.contents, fetched: &fetched };
            match preview(view, &stored_attributes, prepared, now) {
                Ok(found) => return Ok(Some(found)),
                Err(NoDecision::Missing(missing)) => {
                    let names = missing.iter().map(Content::reference);
                    fetched.extend(names.zip(self.maps(&missing).await?));
                }
                Err(NoDecision::Refused(refusal)) => return Err(SubmitError::Refused(refusal)),
                Err(NoDecision::Stale | NoDecision::Unjudged(_)) => break,
            }
        }
        Ok(None)
    }

    /// Judges deleted documents, before they are restored, against the present state.
    pub(super) async fn judge_restored(
        &self,
        view: &Catalog,
        (xid, hidden): (&Xid, &HiddenEntity),
        besides: &BTreeSet<Xid>,
    ) -> Result<(PreparedRestore, Vec<Violation>), SubmitError> {
        let mut action =
            PreparedRestore { xid: xid.clone(), of: Some(hidden.stamp), verdicts: BTreeMap::new() };
        let mut warnings = Vec::new();
        for chunk in chunks(revived(xid, hidden)) {
            let contents: Vec<Content> = chunk.iter().map(|(_, _, content)| *content).collect();
            let mut documents = Vec::new();
            let attributes = chunk.iter().map(|(name, version, _)| (name, version.attributes));
            let attributes = self.schema_attributes(attributes).await?;
            let bytes = self.fetch(&contents).await?;
            for (((name, version, _), bytes), attributes) in chunk.iter().zip(bytes).zip(attributes)
            {
                let resource = name.resource().ok_or_else(|| Refusal::not_found(name))?;
                documents.extend(bytes.map(|bytes| (name, version, resource, bytes, attributes)));
            }
            let mut found = Vec::new();
            let command_view = CommandView::new(view, PendingChanges::Hidden(xid, hidden, besides));
            let judge = |judge: &Judge<'_>, _: &CommandSources<'_>| {
                let all =
                    documents.iter().map(|(_, version, resource, bytes, attributes)| Document {
                        xid: resource,
                        content_type: version.content_type.as_deref(),
                        bytes,
                        attributes: attributes.as_deref(),
                        new: None,
                    });
                judge.documents(all, &mut found)
            };
            self.judge(command_view, judge).await?;
            for ((name, ..), verdict) in documents.iter().zip(found) {
                let Some(verdict) = verdict else { continue };
                warnings.extend(verdict.warnings.iter().cloned());
                action.verdicts.insert((*name).clone(), verdict);
            }
        }
        Ok((action, warnings))
    }

    /// Asks the judge, repeatedly if it lacks contents.
    pub(crate) async fn judge<T: Send>(
        &self,
        command_view: CommandView<'_>,
        mut ask: impl FnMut(&Judge<'_>, &CommandSources<'_>) -> Result<T, NoVerdict> + Send,
    ) -> Result<T, SubmitError> {
        let mut read = Read::new();
        let mut may_take_long = false;
        for _ in 0..JUDGE_ROUNDS_MAX {
            let mut once = || {
                let judging = || self.judge_once(command_view, &read, may_take_long, &mut ask);
                stoppable(&stop_sign(), judging)
            };
            let outcome = match may_take_long {
                true => self.long_work.run(async { once() }).await,
                false => once(),
            };
            match outcome.map_err(|Stopped| SubmitError::TooLong)? {
                Ok(found) => return Ok(found),
                Err(NoVerdict::Rejected(rejection)) => return Err(Refusal::from(*rejection).into()),
                Err(NoVerdict::Long) => may_take_long = true,
                Err(NoVerdict::Missing(missing)) => {
                    let names: Vec<ContentRef> = missing.into_iter().collect();
                    let contents = self.fetch_named(&names).await?;
                    read.extend(names.into_iter().zip(contents));
                }
            }
        }
        tracing::error!("the judge lacks what was given to it");
        Err(SubmitError::Fault)
    }

    fn judge_once<T>(
        &self,
        command_view: CommandView<'_>,
        read: &Read,
        may_take_long: bool,
        ask: &mut impl FnMut(&Judge<'_>, &CommandSources<'_>) -> Result<T, NoVerdict>,
    ) -> Result<T, NoVerdict> {
        let bytes_of = |content: &ContentRef| match read.get(content) {
            Some(Some(bytes)) => ContentBytes::Bytes(bytes.clone()),
            Some(None) => ContentBytes::Erased,
            None => {
                let known = command_view.unstored.get(content).cloned();
                let known = known.or_else(|| self.contents.raw(*content));
                known.map_or(ContentBytes::Unread, ContentBytes::Bytes)
            }
        };
        let sources = CommandSources::new(
            command_view.view,
            command_view.pending,
            command_view.preview,
            &bytes_of,
        );
        let judge = Judge { sources: &sources, compiled: &self.compiled, may_take_long };
        ask(&judge, &sources)
    }
}

/// Whether the documents of a write pass what is bound to them; none if nothing is, or if it could
/// not be found out.
fn is_validation(outcome: &Result<WriteVerdicts, SubmitError>) -> Option<bool> {
    match outcome {
        Ok(found) => {
            let mut verdicts = found.documents.iter().flatten();
            verdicts.any(|verdict| !verdict.bindings.is_empty()).then_some(true)
        }
        Err(SubmitError::Refused(refusal)) => {
            matches!(&*refusal.reason, Reason::InvalidDocument { .. }).then_some(false)
        }
        Err(_) => None,
    }
}

/// Splits versions with documents into chunks, limited in number and size.
fn chunks(versions: Vec<(Xid, Arc<Version>)>) -> Vec<Vec<(Xid, Arc<Version>, Content)>> {
    let mut chunks: Vec<Vec<_>> = Vec::new();
    let mut bytes = usize::MAX;
    for (name, version) in versions {
        let Some(content) = version.document else { continue };
        bytes = bytes.saturating_add(content.size as usize);
        match chunks.last_mut() {
            Some(chunk) if bytes <= BATCH_BYTES_MAX && chunk.len() < BATCH_COMMANDS_MAX => {
                chunk.push((name, version, content));
            }
            _ => {
                bytes = content.size as usize;
                chunks.push(vec![(name, version, content)]);
            }
        }
    }
    chunks
}

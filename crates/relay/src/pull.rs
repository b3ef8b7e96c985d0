//! The way back of a route in both directions: asks the other registry what changed there, fetches
//! those documents that the route selects, and takes them as if they had been sent.

mod restores;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method};
use muster_guard::{Principal, Role, secret_references::COLLECTIONS_THAT_NAME_SECRETS};
use muster_registry::{
    CommandOrigin, IncomingDocument, SubmitError, SyncError, SyncOutcome, SyncWay, SyncedDocument,
};
use muster_rules::Mapping;
use muster_wire::sync::{SyncChanged, SyncChanges, SyncRestore};
use muster_words::{Id, Position, Xid};
use thiserror::Error;
use tokio::{sync::watch, task::JoinSet, time::Instant};

use self::restores::{life_of, resumed};
use crate::{
    carried,
    decision::{TryFailure, TryOutcome},
    http_sender::Received,
    link::{Link, is_stopping},
    mapped::{self, MapError},
    peer::{PeerCall, StateError, UNREADABLE, check_peer, sync_id},
    route::Beginning,
    store::{PeerRecord, StoreError},
    webhook::outcome,
};

/// How long the other registry may wait for something new before it answers, in seconds.
const WAIT_SECONDS: u64 = 20;

/// The longest pause after a failure.
const REST_MAX: Duration = Duration::from_secs(60);

/// The first pause after a failure.
const REST: Duration = Duration::from_millis(500);

/// How many documents are fetched at once.
const AT_ONCE: usize = 8;

/// How many documents may wait to be taken before no more are asked for.
const WAITING_MAX: usize = 1_000;

/// The largest list of changes, in bytes: a thousand names, each with a vector of 64 registries.
const LIST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Collections of which nothing is fetched besides those that name secrets: who may publish is the
/// matter of each registry, and a conflict is about what its own registry holds.
const NOT_FETCHED: [&str; 2] = ["publications", "conflicts"];

/// Who gives the commands.
pub const PULL_ACTOR: &str = "propagation";

/// What people may see of a link's way back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InboundProgress {
    /// The other registry, once it is known.
    pub peer: Option<Id>,
    /// Everything there at or before this position was taken.
    pub mark: Position,
    /// The entries there after it.
    pub behind: u64,
    /// Documents that couldn't be taken yet.
    pub waiting: u64,
    /// Documents that were taken since the start.
    pub taken: u64,
    /// Why nothing goes on, or why a document waits.
    pub error: Option<String>,
}

/// Why a round of asking ended.
#[derive(Debug, Error)]
enum PullError {
    #[error("{0}")]
    Failed(TryFailure),
    #[error("{0}")]
    Answered(TryOutcome),
    #[error("the other registry's release can't be asked what changed")]
    Older,
    #[error(
        "the other registry has reached position {head} and had reached {mark} before: it was replaced; delete the route, and put it again"
    )]
    Behind { head: Position, mark: Position },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TryFailure> for PullError {
    fn from(failure: TryFailure) -> Self {
        Self::Failed(failure)
    }
}

/// The way back of a link.
pub struct Puller {
    link: Arc<Link>,
    by: CommandOrigin,
}

/// What a puller keeps while it runs.
struct Pulling {
    record: PeerRecord,
    /// Everything up to here was asked for.
    asked: Position,
    /// And as many documents of the command after it.
    index: u64,
    /// The documents that couldn't be taken, each with the mark that it holds back.
    waiting: BTreeMap<Xid, Position>,
    rest: Duration,
    /// The pause before everything is asked for again, because the other registry was restored.
    restored_rest: Duration,
}

impl Puller {
    /// The way back of a link.
    #[must_use]
    pub fn new(link: Arc<Link>) -> Self {
        let principal = Arc::new(Principal::new(PULL_ACTOR, Role::Admin));
        Self { link, by: CommandOrigin { principal, request: None, trace: None } }
    }

    /// Runs until it is told to stop. After a failure it rests, longer each time.
    pub async fn run(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let mut rest = REST;
        loop {
            let began = Instant::now();
            let ended = tokio::select! {
                biased;
                () = is_stopping(&mut stopping) => return,
                ended = self.clone().run_once() => ended,
            };
            if let Err(error) = ended {
                tracing::debug!(route = %self.link.key.route, %error, "nothing can be fetched now");
                self.show(|shown| shown.error = Some(error.to_string()));
            }
            // It went well for a while.
            rest = if began.elapsed() > REST_MAX { REST } else { rest };
            let receiver = &self.link.receiver;
            tokio::select! {
                () = is_stopping(&mut stopping) => return,
                () = receiver.rest(Instant::now() + rest, receiver.nudges()) => {}
            }
            rest = (rest * 2).min(REST_MAX);
        }
    }

    fn call(&self) -> Result<PeerCall<'_>, TryFailure> {
        PeerCall::of(&self.link.depot, &self.link.receiver.target).ok_or(TryFailure::Broken)
    }

    async fn run_once(self: Arc<Self>) -> Result<(), PullError> {
        self.link.receiver.let_go().await;
        let record = self.call()?.known_peer(&self.link.key, &self.link.life).await?;
        if record.peer == *self.link.depot.registry.view().id() {
            return Err(TryFailure::Itself.into());
        }
        let record = self.begun(record).await?;
        let mark = record.mark.unwrap_or_default();
        self.show(|shown| {
            shown.peer = Some(record.peer.clone());
            shown.mark = mark;
        });
        let mut pulling = Pulling {
            record,
            asked: mark,
            index: 0,
            waiting: BTreeMap::new(),
            rest: REST,
            restored_rest: REST,
        };
        loop {
            self.link.receiver.let_go().await;
            // What a round that ends here has taken is taken, and is asked for again.
            tokio::select! {
                biased;
                () = self.link.receiver.until_held() => {}
                ended = self.clone().round(&mut pulling) => ended?,
            }
        }
    }

    /// The record with the mark at which a new way back begins.
    async fn begun(&self, mut record: PeerRecord) -> Result<PeerRecord, PullError> {
        if record.mark.is_some() {
            return Ok(record);
        }
        let after = self.first().await?;
        let page = self.changes(&record.peer, after.map(|after| (after, 0)), 0).await?;
        record.restored = life_of(&page.restores)?;
        record.mark = Some(after.unwrap_or(Position(page.position)));
        let store = &self.link.depot.store;
        store.save_peer(&self.link.key, record.clone()).await?;
        store.note_restored(&self.link.key, record.restored.clone()).await?;
        Ok(record)
    }

    /// After which position a new way back begins; none: with what comes next. What this registry had
    /// taken before it was restored from a backup isn't remembered, so it asks for everything: what is
    /// held already isn't fetched.
    async fn first(&self) -> Result<Option<Position>, PullError> {
        let registry = &self.link.depot.registry;
        let restored = registry.view().restores().next_back();
        let is_all = match (self.link.route.from, restored) {
            (Beginning::First, _) => true,
            (_, None) => false,
            (_, Some((restored, _))) => {
                let put_at = registry.view_at_time(self.link.created).await;
                put_at.map_err(|_| TryFailure::Unread)?.position() < restored
            }
        };
        Ok(is_all.then_some(Position::ZERO))
    }

    /// Goes back to where the other registry was restored from a backup, if it was since it was
    /// asked last.
    async fn gone_back(
        &self,
        pulling: &mut Pulling,
        restores: &[SyncRestore],
    ) -> Result<bool, PullError> {
        let mark = pulling.record.mark.unwrap_or_default();
        let known = pulling.record.restored.as_ref().map(Id::as_str);
        let Some(mark) = resumed(known, restores, mark) else { return Ok(false) };
        tracing::info!(route = %self.link.key.route, %mark, "the other registry was restored");
        // One that says so all the time isn't asked all the time.
        let receiver = &self.link.receiver;
        receiver.rest(Instant::now() + pulling.restored_rest, receiver.nudges()).await;
        pulling.restored_rest = (pulling.restored_rest * 2).min(REST_MAX);
        let life = life_of(restores)?;
        self.link.send_again(life.clone()).await;
        pulling.record.mark = Some(mark);
        pulling.record.restored.clone_from(&life);
        // Where they wait is a position of before.
        pulling.waiting.clear();
        (pulling.asked, pulling.index) = (mark, 0);
        let store = &self.link.depot.store;
        store.save_peer(&self.link.key, pulling.record.clone()).await?;
        store.note_restored(&self.link.key, life).await?;
        self.show(|shown| shown.mark = mark);
        Ok(true)
    }

    /// Asks once what changed, and takes it.
    async fn round(self: Arc<Self>, pulling: &mut Pulling) -> Result<(), PullError> {
        let wait = if pulling.waiting.is_empty() { WAIT_SECONDS } else { 1 };
        let began = Instant::now();
        let mut documents: Vec<Xid> = Vec::new();
        let before = pulling.asked;
        let mut next = (before, pulling.index);
        let page = self.changes(&pulling.record.peer, Some(next), wait).await?;
        if self.gone_back(pulling, &page.restores).await? {
            return Ok(());
        }
        if page.head < before.0 {
            return Err(PullError::Behind { head: Position(page.head), mark: before });
        }
        if pulling.waiting.len() < WAITING_MAX {
            // A position of before would ask the same again.
            if page.position >= before.0 {
                next = (Position(page.position), page.index);
            }
            let behind = page.head.saturating_sub(next.0.0);
            self.show(|shown| shown.behind = behind);
            documents.extend(page.documents.iter().filter_map(|changed| self.wanted(changed)));
        }
        let has_rested = !pulling.waiting.is_empty();
        documents.extend(pulling.waiting.keys().cloned());
        documents.sort_unstable();
        documents.dedup();
        let had = pulling.waiting.len();
        self.clone().take_all(pulling, documents, before).await?;
        let is_new = next != (pulling.asked, pulling.index);
        (pulling.asked, pulling.index) = next;
        self.note(pulling).await?;
        // What still can't be taken waits longer each time.
        pulling.rest = match has_rested && pulling.waiting.len() >= had {
            true => (pulling.rest * 2).min(REST_MAX),
            false => REST,
        };
        // A registry that doesn't wait although it has nothing new isn't asked all the time.
        let is_hasty = began.elapsed() < REST;
        if !is_new && (is_hasty || !pulling.waiting.is_empty()) {
            let receiver = &self.link.receiver;
            receiver.rest(Instant::now() + pulling.rest, receiver.nudges()).await;
        }
        Ok(())
    }

    /// Takes documents, some at once.
    async fn take_all(
        self: Arc<Self>,
        pulling: &mut Pulling,
        documents: Vec<Xid>,
        before: Position,
    ) -> Result<(), PullError> {
        let peer = pulling.record.peer.clone();
        let mut error = None;
        for some in documents.chunks(AT_ONCE) {
            let mut tasks = JoinSet::new();
            for xid in some {
                let (puller, peer, xid) = (self.clone(), peer.clone(), xid.clone());
                tasks.spawn(async move {
                    let done = puller.take(&peer, &xid).await;
                    (xid, done)
                });
            }
            while let Some(ended) = tasks.join_next().await {
                let Ok((xid, done)) = ended else { return Err(TryFailure::Unread.into()) };
                match done {
                    Ok(()) => {
                        pulling.waiting.remove(&xid);
                    }
                    Err(TakeError::Pull(failed)) => return Err(failed),
                    // Its next change is asked for like any other.
                    Err(TakeError::NoData(told)) => {
                        self.tell("sync.refused", &xid, Some(told));
                        pulling.waiting.remove(&xid);
                    }
                    Err(TakeError::Refused { told, .. })
                        if !self.link.route.blocks_on_failure() =>
                    {
                        self.tell("sync.refused", &xid, Some(told));
                        pulling.waiting.remove(&xid);
                    }
                    Err(TakeError::Later(reason)) => {
                        error = Some(format!("{xid} waits: {reason}"));
                        pulling.waiting.entry(xid).or_insert(before);
                    }
                    Err(TakeError::Refused { reason, told }) => {
                        if !pulling.waiting.contains_key(&xid) {
                            self.tell("sync.waits", &xid, Some(told));
                        }
                        error = Some(format!("{xid} waits: {reason}"));
                        pulling.waiting.entry(xid).or_insert(before);
                    }
                }
            }
        }
        let waiting = pulling.waiting.len() as u64;
        if pulling.waiting.len() >= WAITING_MAX {
            error = Some(format!(
                "{waiting} documents wait, so nothing more is asked for until some are taken; {}",
                error.unwrap_or_default()
            ));
        }
        self.show(|shown| {
            shown.waiting = waiting;
            if waiting == 0 || error.is_some() {
                shown.error = error;
            }
        });
        Ok(())
    }

    /// Stores the mark: the lowest position after which something isn't taken yet.
    async fn note(&self, pulling: &mut Pulling) -> Result<(), PullError> {
        let held = pulling.waiting.values().min().copied();
        let mark = held.map_or(pulling.asked, |held| held.min(pulling.asked));
        if pulling.record.mark == Some(mark) {
            return Ok(());
        }
        pulling.record.mark = Some(mark);
        self.link.depot.store.save_peer(&self.link.key, pulling.record.clone()).await?;
        self.show(|shown| shown.mark = mark);
        Ok(())
    }

    /// The name of a document that may have to be fetched: the route selects its place, and its vector
    /// says something new.
    fn wanted(&self, changed: &SyncChanged) -> Option<Xid> {
        let xid: Xid = changed.xid.parse().ok()?;
        let (groups, _) = xid.group_ids()?;
        let groups = groups.as_str();
        // A document that names secrets isn't believed to another registry, whatever a route says.
        if COLLECTIONS_THAT_NAME_SECRETS.contains(&groups)
            || NOT_FETCHED.contains(&groups)
            || !self.link.route.selector.has_place(&xid)
        {
            return None;
        }
        let there = carried::vector_of(&changed.vector).ok()?;
        let here = self.link.depot.registry.view().known_vector(&xid);
        (!there.is_within(&here)).then_some(xid)
    }

    /// Fetches a document and takes it.
    async fn take(&self, peer: &Id, xid: &Xid) -> Result<(), TakeError> {
        let registry = &self.link.depot.registry;
        let call = self.call().map_err(PullError::Failed)?;
        let Some(state) = call.state(peer, xid).await? else { return Ok(()) };
        let own = registry.view().id().clone();
        let way = SyncWay {
            sync: sync_id(&self.link.key.route, [&own, peer]),
            route: Some(self.link.key.route.clone()),
            sides: muster_catalog::sync::SyncSides { source: own, target: peer.clone() },
            policy: self.link.route.conflict,
        };
        let incoming = carried::incoming(&state, &way)
            .map_err(|_| TakeError::refused(UNREADABLE.to_owned()))?;
        // Only this name was compared with what the route selects.
        if incoming.xid != *xid {
            return Err(TakeError::refused(ANOTHER.to_owned()));
        }
        if !self.selects(&incoming).await? {
            return Ok(());
        }
        let incoming = match self.link.route.transforms() {
            Some(mapping) => self.mapped(mapping, incoming).await?,
            None => incoming,
        };
        match registry.sync(&incoming, &self.by).await {
            Ok(done) => {
                self.done(xid, &done);
                Ok(())
            }
            Err(SyncError::Submit(
                SubmitError::Unavailable | SubmitError::Closed | SubmitError::DiskFull,
            )) => Err(PullError::Failed(TryFailure::Unread).into()),
            Err(SyncError::Submit(SubmitError::Refused(refusal))) => Err(TakeError::Refused {
                told: mapped::told_of(&refusal),
                reason: SubmitError::Refused(refusal).to_string(),
            }),
            // It may be taken later, as it is.
            Err(error @ (SyncError::Erased | SyncError::Submit(_))) => {
                Err(TakeError::Later(error.to_string()))
            }
            Err(error) => Err(TakeError::refused(error.to_string())),
        }
    }

    /// A document as it is here: put into what is here now.
    async fn mapped(
        &self,
        mapping: &Mapping,
        mut incoming: IncomingDocument,
    ) -> Result<IncomingDocument, TakeError> {
        let Some(theirs) = &incoming.content else { return Ok(incoming) };
        let registry = &self.link.depot.registry;
        let local = registry.document_state(&registry.view(), &incoming.xid).await;
        let local = local.map_err(|_| PullError::Failed(TryFailure::Unread))?;
        let mapping =
            async { mapped::inbound(mapping, &incoming.xid, theirs, local.content.as_ref()) };
        let mapped = registry.long_work().run(mapping).await;
        let mapped = mapped.map_err(TakeError::of_mapping)?;
        self.tell("sync.invalid", &incoming.xid, mapped.told);
        incoming.content = mapped.document;
        incoming.base = Some(local.vector);
        Ok(incoming)
    }

    fn done(&self, xid: &Xid, done: &SyncedDocument) {
        if done.outcome != SyncOutcome::Held {
            self.show(|shown| shown.taken += 1);
        }
        let warnings = (!done.warnings.is_empty()).then(|| mapped::told(&done.warnings));
        let is_told = self.link.route.notifies_on_warning();
        self.tell("sync.warning", xid, warnings.filter(|_| is_told));
        if let SyncOutcome::Conflict(name) = &done.outcome {
            self.tell("sync.conflict", xid, Some(name.to_string()));
        }
    }

    /// Says something about a document.
    fn tell(&self, kind: &'static str, xid: &Xid, text: Option<String>) {
        if let Some(text) = text {
            self.link.depot.say(kind, &self.link.key, format!("{xid}: {text}"));
        }
    }

    /// Whether the route selects a document by what it says; a deleted one by what it said here.
    async fn selects(&self, incoming: &IncomingDocument) -> Result<bool, PullError> {
        let selector = &self.link.route.selector;
        if !selector.must_read() {
            return Ok(true);
        }
        let registry = &self.link.depot.registry;
        let view = registry.view();
        let local = registry.document_state(&view, &incoming.xid).await;
        let local = local.map_err(|_| TryFailure::Unread)?.content;
        let Some(content) = incoming.content.as_ref().or(local.as_ref()) else { return Ok(true) };
        if !selector.holds(&content.attributes, Some(content.state.as_str())) {
            return Ok(false);
        }
        let has_class = selector.has_class(registry, &view, &incoming.xid).await;
        Ok(has_class.map_err(|_| TryFailure::Unread)?)
    }

    async fn changes(
        &self,
        peer: &Id,
        after: Option<(Position, u64)>,
        wait: u64,
    ) -> Result<SyncChanges, PullError> {
        let call = self.call()?;
        // Half of the time is left for the answer.
        let wait = wait.min(call.target.deadline.as_secs() / 2);
        let path = match after {
            Some((after, 0)) => format!("/sync?after={after}&wait={wait}"),
            Some((after, index)) => format!("/sync?after={after}&index={index}&wait={wait}"),
            None => "/sync".to_owned(),
        };
        let answer =
            call.ask(Method::GET, &path, HeaderMap::new(), Bytes::new(), LIST_BYTES_MAX).await?;
        match answer.status {
            200 => {}
            404 => return Err(PullError::Older),
            400 => return self.refused(peer, after.map(|(after, _)| after), &answer).await,
            _ => return Err(PullError::Answered(outcome(&answer))),
        }
        let page: SyncChanges =
            serde_json::from_slice(&answer.body).map_err(|_| TryFailure::Broken)?;
        check_peer(peer, &page.registry)?;
        Ok(page)
    }

    /// What the other registry says of itself if it hasn't reached a position any more; else why it
    /// refuses the request.
    async fn refused(
        &self,
        peer: &Id,
        after: Option<Position>,
        answer: &Received,
    ) -> Result<SyncChanges, PullError> {
        if let Some(mark) = after {
            let page = Box::pin(self.changes(peer, None, 0)).await?;
            if page.head < mark.0 {
                return Ok(page);
            }
        }
        Err(PullError::Answered(outcome(answer)))
    }

    fn show(&self, change: impl FnOnce(&mut InboundProgress)) {
        let mut shown = self.link.progress.inbound.lock();
        change(shown.get_or_insert_with(InboundProgress::default));
    }
}

/// What is said of an answer about something else.
const ANOTHER: &str = "the other registry answers with another document";

/// Why a document wasn't taken.
enum TakeError {
    /// Nothing can be taken now.
    Pull(PullError),
    /// This one can't be taken as it is. What is told has no values of the document.
    Refused { reason: String, told: String },
    /// This one can never be mapped, because it isn't data.
    NoData(String),
    /// This one can't be taken now.
    Later(String),
}

impl TakeError {
    fn refused(reason: String) -> Self {
        Self::Refused { told: reason.clone(), reason }
    }

    fn of_mapping(error: MapError) -> Self {
        match error {
            MapError::NoData("there") => Self::NoData(error.to_string()),
            error => Self::refused(error.to_string()),
        }
    }
}

impl From<PullError> for TakeError {
    fn from(error: PullError) -> Self {
        Self::Pull(error)
    }
}

impl From<StateError> for TakeError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Failed(failure) => PullError::Failed(failure).into(),
            StateError::Answered(outcome) => PullError::Answered(outcome).into(),
            StateError::Unreadable => Self::refused(UNREADABLE.to_owned()),
        }
    }
}

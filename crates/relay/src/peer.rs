//! Another registry: documents that go there, with what their states hold, and the calls of its API.

mod older;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use muster_catalog::{View, sync::SyncContent};
use muster_registry::{DocumentState, SyncError};
use muster_rules::Mapping;
use muster_wire::{
    ErrorCode, Violation, ViolationCause,
    sync::{SyncDocument, SyncOutcomeWord, SyncReport, SyncRequest, SyncState},
};
use muster_words::{Digest, Id, Xid, json, limits::BODY_BYTES_MAX};
use thiserror::Error;

use crate::{
    carried,
    changes::DocumentChange,
    decision::{TryFailure, TryOutcome, shown},
    delivery::Depot,
    event::ChangedDocument,
    http_sender::{ANSWER_BYTES_MAX, Received, Sending},
    link::{LinkProgress, PeerLife},
    mapped::{self, Mapped},
    route::{Route, RouteMode},
    store::{LinkKey, PeerRecord},
    target::RelayTarget,
    webhook::outcome,
};

/// The largest state of a document, in bytes: as it travels it may be twice as long as it is.
const STATE_BYTES_MAX: usize = 2 * BODY_BYTES_MAX;

/// What is said of an answer that this release can't read.
pub(crate) const UNREADABLE: &str = "what the other registry says of it can't be understood; a newer \
                                     release may have written it";

/// Why the state of a document in another registry isn't known.
#[derive(Debug, Error)]
pub enum StateError {
    /// There was no answer, or it was another registry's.
    #[error("{0}")]
    Failed(#[from] TryFailure),
    /// It says something else.
    #[error("{0}")]
    Answered(TryOutcome),
    /// This release can't read it.
    #[error("{UNREADABLE}")]
    Unreadable,
}

/// What was asked of one registry isn't taken from another one at its address.
pub(crate) fn check_peer(expected: &Id, found: &str) -> Result<(), TryFailure> {
    if expected.as_str() == found {
        return Ok(());
    }
    let found = found.parse().map_err(|_| TryFailure::Broken)?;
    Err(TryFailure::OtherRegistry { expected: expected.clone(), found })
}

/// A document on its way to another registry.
pub struct PeerDelivery<'a> {
    /// The route and the target.
    pub link: &'a LinkKey,
    /// Which life of them it is.
    pub life: &'a str,
    /// Where it is noted that the other registry was restored.
    pub progress: &'a LinkProgress,
    /// What the route says.
    pub route: &'a Route,
    /// The change.
    pub change: &'a DocumentChange,
    /// The document after it.
    pub document: &'a ChangedDocument,
}

/// What became of a delivery to another registry, and what is told about the document.
#[derive(Debug)]
pub struct PeerOutcome {
    /// The outcome; none if there is nothing in the document that is mapped.
    pub outcome: Option<TryOutcome>,
    /// The conflict that waits in the other registry.
    pub conflict: Option<String>,
    /// What it breaks of the schema of the mapping.
    pub invalid: Option<String>,
    /// What the other registry warns of.
    pub warnings: Option<String>,
}

impl From<TryOutcome> for PeerOutcome {
    fn from(outcome: TryOutcome) -> Self {
        Self { outcome: Some(outcome), conflict: None, invalid: None, warnings: None }
    }
}

/// Sends the state of a document after a change. What the other registry holds already changes
/// nothing there, so registries that send to each other come to rest.
pub async fn deliver(
    depot: &Depot,
    target: &RelayTarget,
    delivery: PeerDelivery<'_>,
) -> PeerOutcome {
    let mut rounds = 0;
    loop {
        rounds += 1;
        match sent(depot, target, &delivery).await {
            Ok(outcome) => return outcome,
            // It is mapped into what the other registry says now.
            Err(TryFailure::ChangedThere) if rounds < ROUNDS_MAX => {}
            Err(failure) => return TryOutcome::Failed(failure).into(),
        }
    }
}

/// How often a document is mapped anew within one try, because it changes in the other registry.
const ROUNDS_MAX: usize = 8;

async fn sent(
    depot: &Depot,
    target: &RelayTarget,
    delivery: &PeerDelivery<'_>,
) -> Result<PeerOutcome, TryFailure> {
    let call = PeerCall::of(depot, target).ok_or(TryFailure::Broken)?;
    let own = depot.registry.view().id().clone();
    let PeerRecord { peer, restored, .. } = call.known_peer(delivery.link, delivery.life).await?;
    if peer == own {
        return Err(TryFailure::Itself);
    }
    let taken = || Ok(TryOutcome::Taken.into());
    let Some(mut state) = state_after(depot, delivery).await? else { return taken() };
    let mut invalid = None;
    let mut base = None;
    if let (Some(mapping), Some(ours)) = (delivery.route.transforms(), &state.content) {
        let theirs = match call.state(&peer, &delivery.change.resource).await {
            Ok(theirs) => theirs,
            Err(StateError::Failed(failure)) => return Err(failure),
            Err(StateError::Answered(outcome)) => return Ok(outcome.into()),
            Err(StateError::Unreadable) => return Err(TryFailure::Unmapped(UNREADABLE.to_owned())),
        };
        // What it holds came from there, or was sent already.
        let is_held = theirs.as_ref().is_some_and(|theirs| {
            carried::vector_of(&theirs.vector).is_ok_and(|there| state.vector.is_within(&there))
        });
        if is_held {
            return taken();
        }
        let mapped = mapped_into(depot, (mapping, delivery), ours, theirs.as_ref()).await?;
        let Some(content) = mapped.document else {
            return Ok(PeerOutcome { outcome: None, ..TryOutcome::Taken.into() });
        };
        invalid = mapped.told;
        base = Some(theirs.map(|theirs| theirs.vector).unwrap_or_default());
        state.content = Some(content);
    }
    let Some(mut document) = carried::sent(&delivery.change.resource, &state) else {
        return taken();
    };
    let is_mapped = base.is_some();
    document.base = base;
    let request = request_of(delivery, [&own, &peer], document);
    let body = serde_json::to_vec(&request).map_err(|_| TryFailure::Broken)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let answer = call.ask(Method::POST, "/sync", headers, body.into(), ANSWER_BYTES_MAX).await?;
    let outcome = match answer.status {
        200 => {
            let outcome = accounted(delivery, (&peer, restored), &answer)?;
            return Ok(PeerOutcome { invalid, ..outcome });
        }
        404 if is_mapped => Err(TryFailure::Unmapped(OLDER.to_owned())),
        404 => older::deliver(&call, delivery, (own.as_str(), peer.as_str())).await,
        // It may be another registry by now, which says that it is no side of this.
        400 => {
            let found = call.id().await?;
            match found == peer {
                true => Ok(judged(&answer)),
                false => Err(TryFailure::OtherRegistry { expected: peer, found }),
            }
        }
        _ => Ok(outcome(&answer)),
    };
    outcome.map(PeerOutcome::from)
}

/// What is said of a registry that can't be asked what a document says there.
const OLDER: &str = "the mapping can't be applied: the other registry's release is too old for it";

fn request_of(
    delivery: &PeerDelivery<'_>,
    [own, peer]: [&Id; 2],
    document: SyncDocument,
) -> SyncRequest {
    SyncRequest {
        source: own.to_string(),
        target: peer.to_string(),
        sync: sync_id(&delivery.link.route, [own, peer]).to_string(),
        route: Some(delivery.link.route.to_string()),
        policy: delivery.route.conflict.name().to_owned(),
        documents: vec![document],
    }
}

/// What is sent of a document, put into what the other registry has now.
async fn mapped_into(
    depot: &Depot,
    (mapping, delivery): (&Mapping, &PeerDelivery<'_>),
    ours: &SyncContent,
    theirs: Option<&SyncDocument>,
) -> Result<Mapped<SyncContent>, TryFailure> {
    let theirs = theirs.map(carried::content_of).transpose();
    let theirs = theirs.map_err(|_| TryFailure::Unmapped(UNREADABLE.to_owned()))?.flatten();
    let mapping =
        async { mapped::outbound(mapping, &delivery.change.resource, ours, theirs.as_ref()) };
    let mapped = depot.registry.long_work().run(mapping).await;
    mapped.map_err(|error| TryFailure::Unmapped(error.to_string()))
}

/// The state of a document after a change; none if its bytes were erased and a later change has its
/// own delivery.
async fn state_after(
    depot: &Depot,
    delivery: &PeerDelivery<'_>,
) -> Result<Option<DocumentState>, TryFailure> {
    let newest = depot.registry.view();
    let change = delivery.change;
    // What was erased travels as a deletion.
    let view: View = match delivery.document.erased && delivery.document.gone {
        true => newest,
        false => newest.at_position(change.id.position),
    };
    let state = depot.registry.document_state(&view, &change.resource).await;
    let state = state.map_err(|error| match error {
        SyncError::TooLong(error) => TryFailure::Conflict(error.to_string()),
        _ => TryFailure::Unread,
    })?;
    Ok(Some(state).filter(|state| !state.is_erased))
}

/// What the other registry says that it did, and whether it was restored meanwhile.
fn accounted(
    delivery: &PeerDelivery<'_>,
    (peer, restored): (&Id, Option<Id>),
    answer: &Received,
) -> Result<PeerOutcome, TryFailure> {
    let report: SyncReport =
        serde_json::from_slice(&answer.body).map_err(|_| TryFailure::Broken)?;
    let outcome = reported(&report, peer)?;
    // In both directions, the way back notices it.
    let is_noticed = delivery.route.mode == RouteMode::Bidirectional;
    let life = report.writer.as_deref().map(str::parse).transpose();
    let life: Option<Id> = life.map_err(|_| TryFailure::Broken)?;
    if life != restored && !is_noticed {
        delivery.progress.peer_restored.send_replace(Some(PeerLife(life)));
    }
    Ok(outcome)
}

/// What the other registry says that it did.
fn reported(report: &SyncReport, peer: &Id) -> Result<PeerOutcome, TryFailure> {
    if report.registry != peer.as_str() {
        let found = report.registry.parse().map_err(|_| TryFailure::Broken)?;
        return Err(TryFailure::OtherRegistry { expected: peer.clone(), found });
    }
    let result = report.documents.first().ok_or(TryFailure::Broken)?;
    if !result.outcome.is(&SyncOutcomeWord::Refused) {
        let warnings: Vec<String> = result.warnings.iter().map(warned).collect();
        let warnings = Some(shown(&warnings.join("; "))).filter(|text| !text.is_empty());
        let conflict = result.conflict.as_deref().map(shown);
        return Ok(PeerOutcome { conflict, warnings, ..TryOutcome::Taken.into() });
    }
    let reason = result.error.as_ref().map(|error| error.reason.as_str());
    if reason == Some(ErrorCode::Contended.name()) {
        return Err(TryFailure::ChangedThere);
    }
    let title = result.error.as_ref().map(|error| error.title.as_str()).unwrap_or_default();
    let title: String = title.chars().take(300).collect();
    Err(TryFailure::RefusedThere(title))
}

/// What the other registry warns of, without values of the document.
fn warned(warning: &Violation) -> String {
    match &warning.violated {
        ViolationCause::Rule(id) => format!("{} (rule {id})", warning.pointer),
        ViolationCause::Keyword(keyword) => format!("{} ({keyword})", warning.pointer),
        ViolationCause::Reference(_) | ViolationCause::Other(_) => warning.pointer.clone(),
    }
}

/// The id of the sync over a route between two registries; the same in both of them.
#[must_use]
pub fn sync_id(route: &Xid, mut registries: [&Id; 2]) -> Id {
    registries.sort();
    let [one, other] = registries;
    let digest = Digest::of(format!("{route}\n{one}\n{other}").as_bytes()).to_string();
    let hex: String = digest.rsplit(':').next().unwrap_or_default().chars().take(12).collect();
    format!("s{hex}").parse().unwrap_or_else(|_| one.clone())
}

/// A refusal of the document itself isn't tried again: it would be refused again. What the key may
/// do (401, 403) says nothing about the document, and can be mended there.
fn judged(answer: &Received) -> TryOutcome {
    match answer.status {
        400 | 405 | 409 | 422 => {
            let told = json::parse(&answer.body).ok();
            let title = told.as_ref().and_then(|body| body.get("title")?.as_str());
            let title: String =
                title.unwrap_or("the document is refused").chars().take(300).collect();
            TryOutcome::Failed(TryFailure::Conflict(format!(
                "the other registry refuses it ({}): {title}",
                answer.status
            )))
        }
        _ => outcome(answer),
    }
}

/// The calls of another registry's API.
pub struct PeerCall<'a> {
    pub depot: &'a Depot,
    pub target: &'a RelayTarget,
    url: &'a str,
    key: Option<&'a str>,
}

impl<'a> PeerCall<'a> {
    /// The calls of a target; none if it isn't a registry.
    pub fn of(depot: &'a Depot, target: &'a RelayTarget) -> Option<Self> {
        let crate::target::TargetKind::Registry { url, key } = &target.kind else { return None };
        Some(Self { depot, target, url, key: key.as_deref() })
    }

    /// The other registry of a link. It is asked who it is once in the life of the link, and stays
    /// what it was: what was meant for one registry isn't given to another one at its address.
    pub async fn known_peer(&self, link: &LinkKey, life: &str) -> Result<PeerRecord, TryFailure> {
        let store = &self.depot.store;
        let known = store.peer(link).await.map_err(|_| TryFailure::Unread)?;
        if let Some(known) = known.filter(|known| known.life == life) {
            return Ok(known);
        }
        let peer = self.id().await?;
        let record = PeerRecord { life: life.to_owned(), peer, mark: None, restored: None };
        store.save_peer(link, record.clone()).await.map_err(|_| TryFailure::Unread)?;
        Ok(record)
    }

    /// The id of the other registry.
    pub async fn id(&self) -> Result<Id, TryFailure> {
        let answer =
            self.ask(Method::GET, "/api", HeaderMap::new(), Bytes::new(), ANSWER_BYTES_MAX).await?;
        if answer.status != 200 {
            return Err(TryFailure::Unknown(answer.status));
        }
        let body = json::parse(&answer.body).map_err(|_| TryFailure::Broken)?;
        let id = body.get("registryid").and_then(|id| id.as_str()).ok_or(TryFailure::Broken)?;
        id.parse().map_err(|_| TryFailure::Broken)
    }

    /// The state of a document in the other registry; none if it never existed there.
    pub async fn state(&self, peer: &Id, xid: &Xid) -> Result<Option<SyncDocument>, StateError> {
        let path = format!("/sync{xid}");
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        let answer = self.ask(Method::GET, &path, headers, body, STATE_BYTES_MAX).await?;
        match answer.status {
            200 => {}
            404 => return Ok(None),
            _ => return Err(StateError::Answered(outcome(&answer))),
        }
        let state: SyncState =
            serde_json::from_slice(&answer.body).map_err(|_| StateError::Unreadable)?;
        check_peer(peer, &state.registry)?;
        Ok(Some(state.document))
    }

    /// Sends a request; the path is that on the other server.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        mut headers: HeaderMap,
        body: Bytes,
        answer_max: usize,
    ) -> Result<Received, TryFailure> {
        let base = self.url.trim_end_matches('/');
        let base = base.strip_suffix("/api").unwrap_or(base);
        let url = format!("{base}{path}");
        if let Some(reference) = self.key {
            let host = self.depot.sender.destination(&url).map_err(TryFailure::Refused)?.host;
            let key = self.depot.secrets.resolve(reference, &host).map_err(TryFailure::Secret)?;
            let value = HeaderValue::from_str(&format!("Bearer {}", key.expose()));
            let mut value = value.map_err(|_| TryFailure::Key)?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        headers.insert(header::USER_AGENT, HeaderValue::from_static("muster"));
        let deadline = self.target.deadline;
        let sending = Sending { method, url: &url, headers, body, deadline, answer_max };
        self.depot.sender.send(sending).await
    }
}

//! Every operation of the server ([`OPERATIONS`]): its method, its path, the permission that it
//! needs, its request and its answers. The server's routes, the labels of its metrics and the
//! OpenAPI document are generated from this one table.

mod content;
mod parameters;
mod table;

use muster_words::Permission;

pub use self::{
    content::{BodyContent, BodyType},
    parameters::{HEADERS, HEADERS_OF_ALL, PARAMETERS, Parameter, ParameterPlace},
    table::OPERATIONS,
};

/// One method on one path.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// The method.
    pub verb: Verb,
    /// The path, with `{names}` as placeholders.
    pub path: &'static str,
    /// What answers it.
    pub endpoint: Endpoint,
    /// The operation's id in the OpenAPI document; generated clients name their functions after it.
    pub id: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The permission that the caller needs; none for health probes, which have no keys.
    pub permission: Option<Permission>,
    /// Names of parameters beside those in the path; see [`PARAMETERS`].
    pub parameters: &'static [&'static str],
    /// The request body.
    pub body: BodyContent,
    /// The answers to a request that isn't refused.
    pub answers: &'static [OperationAnswer],
}

/// The methods that the table uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Reads.
    Get,
    /// Replaces.
    Put,
    /// Changes a part.
    Patch,
    /// Adds, or runs an action.
    Post,
    /// Deletes.
    Delete,
}

/// What answers an operation. Several operations may share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// xRegistry's endpoints. The path is resolved at run time, because the model defines what
    /// exists there.
    XRegistry,
    /// An endpoint of this registry that xRegistry doesn't define.
    Native(NativeEndpoint),
    /// An endpoint about the server itself, such as health and metrics.
    Server(ServerEndpoint),
}

/// The endpoints of this registry that xRegistry doesn't define.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeEndpoint {
    /// `POST /restore/<xid>`.
    Restore,
    /// `GET /log`.
    LogOfAll,
    /// `GET /log/<xid>`.
    Log,
    /// `GET /changes`.
    FollowChanges,
    /// `GET /ledger`.
    ShowLedger,
    /// `GET /ledger/checkpoint`.
    ShowCheckpoint,
    /// `POST /ledger/verify`.
    VerifyLedger,
    /// `GET /backup`.
    Backup,
    /// `GET /ledger/proofs/inclusion`.
    ProveInclusion,
    /// `GET /ledger/proofs/consistency`.
    ProveConsistency,
    /// `GET /tlog/checkpoint`.
    ShowLogCheckpoint,
    /// `GET /tlog/tile/<tile>`.
    ShowTile,
    /// `GET /keys`.
    ListKeys,
    /// `GET /keys/self`.
    ShowOwnKey,
    /// `POST /keys`.
    CreateKey,
    /// `DELETE /keys/<id>`.
    RevokeKey,
    /// `DELETE /keys/<id>/record`.
    ForgetKey,
    /// `POST /followers/<name>/resume`.
    ResumeFollower,
    /// `GET /propagation/sessions`.
    ListLinks,
    /// `GET /propagation/targets`.
    ListTargets,
    /// `GET /propagation/events`.
    ListPropagationEvents,
    /// `GET /propagation/logs`.
    ListTries,
    /// `GET /propagation/metrics`.
    ShowPropagationMetrics,
    /// `GET /propagation/dead-letters`.
    ListDeadLetters,
    /// `POST /propagation/actions`.
    ActOnPropagation,
    /// `GET /validate`.
    ValidateAll,
    /// `GET /export`.
    ExportAll,
    /// `GET /export/<xid>`.
    Export,
    /// `GET /validate/<xid>`.
    Validate,
    /// `GET /status`.
    ShowStatus,
    /// `POST /apply`.
    Apply,
    /// `POST /schemas/check`.
    CheckSchema,
    /// `POST /schemas/diff`.
    DiffSchemas,
    /// `POST /schemas/quality`.
    RateSchema,
    /// `POST /schemas/profile`.
    ProfileSchema,
    /// Everything below `/confluent`.
    Confluent,
    /// `POST /validate`.
    ValidatePayloads,
    /// `POST /rollback`.
    Rollback,
    /// `POST /sync`.
    Sync,
    /// `GET /sync`.
    ListSyncChanges,
    /// `GET /sync/<xid>`.
    ShowSyncState,
    /// `POST /sync/resolve`.
    ResolveConflict,
    /// `GET /deleted`.
    DeletedAnywhere,
    /// `GET /deleted/<xid>`.
    Deleted,
    /// `GET /diff`.
    DiffOfAll,
    /// `GET /diff/<xid>`.
    Diff,
    /// `GET /references/<xid>`.
    References,
    /// `GET /search`.
    Search,
    /// `GET /search/providers`.
    SearchProviders,
    /// `GET /providers`.
    ListLiveProviders,
    /// `GET /providers/<name>`.
    ShowLiveProvider,
    /// `GET /providers/<name>/health`.
    ShowProviderHealth,
    /// `GET /providers/<name>/explain`.
    ExplainProvider,
    /// `POST /providers/<name>/start`, and the other commands.
    ControlProvider,
    /// `GET /providers/events`.
    FollowProviders,
    /// Streams what happens to routes, targets and live providers.
    FollowEvents,
    /// `GET /propagation/streams/<xid>`.
    FollowTarget,
    /// `POST /providers/discover`.
    DiscoverProviders,
    /// `POST /providers/select`.
    SelectProvider,
    /// `POST /providers/chat`.
    Chat,
    /// `POST /providers/openai/v1/chat/completions`.
    ChatAsOpenai,
    /// `GET /providers/openai/v1/models`.
    ModelsAsOpenai,
    /// `POST /providers/anthropic/v1/messages`.
    ChatAsAnthropic,
    /// `GET /site/<file>`.
    ShowSiteFile,
    /// `POST /publish`.
    RenderManifest,
    /// `GET /publish`.
    ListPublications,
    /// `POST /publish/<xid>`.
    RunPublication,
    /// `GET /publish/<xid>`.
    ShowPublished,
}

/// The endpoints about the server itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerEndpoint {
    /// `GET /health/live`.
    IsAlive,
    /// `GET /health/ready`.
    IsReady,
    /// `GET /health/db`.
    IsStoreReachable,
    /// `GET /metrics`.
    ShowMetrics,
    /// `GET /openapi.json`.
    ShowDescription,
    /// `GET /`.
    ShowIndex,
}

/// What is answered with one status.
#[derive(Clone, Copy, Debug)]
pub struct OperationAnswer {
    /// The status.
    pub status: u16,
    /// The body.
    pub content: BodyContent,
    /// Names of its headers, without those that every answer has; see [`HEADERS`].
    pub headers: &'static [&'static str],
}

impl Verb {
    /// The method's name, in upper case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

impl Operation {
    /// The path in the router's syntax. Where the operation takes an xid, the xid is the rest of
    /// the path.
    #[must_use]
    pub const fn route(&self) -> &'static str {
        match self.endpoint {
            Endpoint::Native(NativeEndpoint::Restore) => "/restore/{*xid}",
            Endpoint::Native(NativeEndpoint::Log) => "/log/{*xid}",
            Endpoint::Native(NativeEndpoint::Deleted) => "/deleted/{*xid}",
            Endpoint::Native(NativeEndpoint::Diff) => "/diff/{*xid}",
            Endpoint::Native(NativeEndpoint::Validate) => "/validate/{*xid}",
            Endpoint::Native(NativeEndpoint::Export) => "/export/{*xid}",
            Endpoint::Native(NativeEndpoint::ShowTile) => "/tlog/tile/{*tile}",
            Endpoint::Native(NativeEndpoint::Confluent) => "/confluent/{*path}",
            Endpoint::Native(NativeEndpoint::RunPublication | NativeEndpoint::ShowPublished) => {
                "/publish/{*xid}"
            }
            Endpoint::Native(NativeEndpoint::ShowSiteFile) => "/site/{*file}",
            Endpoint::Native(NativeEndpoint::References) => "/references/{*xid}",
            Endpoint::Native(NativeEndpoint::ShowSyncState) => "/sync/{*xid}",
            _ => self.path,
        }
    }

    /// The metrics label of the operation's requests: the path with its placeholders below `/api`,
    /// the first segment of the path elsewhere.
    #[must_use]
    pub fn label(&self) -> &'static str {
        let path = self.path.strip_suffix("$details").unwrap_or(self.path);
        let second = path.char_indices().skip(1).find(|(_, letter)| *letter == '/');
        match (self.endpoint, second) {
            (Endpoint::XRegistry, _) | (_, None) => path,
            (_, Some((end, _))) => &path[..end],
        }
    }

    /// The path with names of the example in place of the placeholders. Tests use it to check that
    /// every operation of the table has a route.
    #[must_use]
    pub fn sample_path(&self) -> String {
        let samples = [
            ("{groups}", "providers"),
            ("{group}", "cms"),
            ("{resources}", "entries"),
            ("{resource}", "sanity"),
            ("{version}", "1"),
            ("{key}", "none"),
            ("{follower}", "none"),
            ("{provider}", "none"),
            ("{level}", "0"),
            ("{tile}", "000"),
            ("{path}", "config"),
            ("{file}", "manifest.json"),
        ];
        samples.iter().fold(self.path.to_owned(), |path, (name, sample)| path.replace(name, sample))
    }
}

/// Each distinct route once, with one of its operations.
pub fn routes() -> impl Iterator<Item = &'static Operation> {
    let key = |operation: &Operation| (operation.route(), operation.verb);
    OPERATIONS.iter().enumerate().filter_map(move |(index, operation)| {
        let is_first = !OPERATIONS[..index].iter().any(|before| key(before) == key(operation));
        is_first.then_some(operation)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_each_operation_once_and_all_that_it_uses() {
        let (mut ids, mut paths) = (BTreeSet::new(), BTreeSet::new());
        let (mut used, mut carried) = (BTreeSet::new(), BTreeSet::new());
        for operation in OPERATIONS {
            assert!(ids.insert(operation.id), "{} is there twice", operation.id);
            assert!(paths.insert((operation.path, operation.verb)), "{operation:?}");
            assert!(operation.summary.ends_with('.'), "{operation:?}");
            assert!(!operation.sample_path().contains('{'), "{operation:?}");
            used.extend(operation.parameters);
            carried.extend(operation.answers.iter().flat_map(|outcome| outcome.headers));
        }
        let known: BTreeSet<_> = PARAMETERS.iter().map(|known| known.name).collect();
        assert_eq!(used, known);
        let headers: BTreeSet<_> = HEADERS.iter().map(|known| known.name).collect();
        assert!(carried.is_subset(&headers), "{carried:?}");
    }

    #[test]
    fn leads_to_each_route_once() {
        let all: Vec<_> = routes().map(|operation| (operation.verb, operation.route())).collect();
        let once: BTreeSet<_> = all.iter().copied().collect();
        assert_eq!(all.len(), once.len());
        assert!(once.contains(&(Verb::Post, "/restore/{*xid}")));
        assert!(once.contains(&(Verb::Get, "/log/{*xid}")) && once.contains(&(Verb::Get, "/log")));
    }

    #[test]
    fn leaves_names_out_of_labels() {
        for (id, expect) in [
            ("getRegistry", "/api"),
            ("getResource", "/api/{groups}/{group}/{resources}/{resource}"),
            ("getLogOfGroup", "/log"),
            ("isAlive", "/health"),
            ("getHealth", "/health"),
            ("revokeKey", "/keys"),
            ("getDescription", "/openapi.json"),
        ] {
            let found = OPERATIONS.iter().find(|operation| operation.id == id);
            assert_eq!(found.map(Operation::label), Some(expect), "{id}");
        }
    }
}

//! What a server can be asked: every method on every path, who may, and what travels
//! ([`OPERATIONS`]). The routes of the server, the labels of its metrics and the description of
//! the API are made from this one table.

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
    /// The path, with `{names}` in the place of what varies.
    pub path: &'static str,
    /// What answers it.
    pub endpoint: Endpoint,
    /// What programs that are made from the description call it.
    pub id: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What whoever asks must be allowed to do; none: probes have no keys, so anyone may.
    pub permission: Option<Permission>,
    /// Names of parameters beside those in the path; see [`PARAMETERS`].
    pub parameters: &'static [&'static str],
    /// What is sent.
    pub body: BodyContent,
    /// What is answered where nothing is refused.
    pub answers: &'static [OperationAnswer],
}

/// A method, of those that the table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Asks.
    Get,
    /// Replaces.
    Put,
    /// Changes some of it.
    Patch,
    /// Adds, or does something else.
    Post,
    /// Deletes.
    Delete,
}

/// What answers an operation. Several operations may lead to the same door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// xRegistry: it reads the path itself, because the model says what lies there.
    XRegistry,
    /// A door of ours to the registry.
    Native(NativeEndpoint),
    /// A door to the server itself.
    Server(ServerEndpoint),
}

/// The doors of ours to the registry.
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
    /// `GET /keys`.
    ListKeys,
    /// `POST /keys`.
    CreateKey,
    /// `DELETE /keys/<id>`.
    RevokeKey,
    /// `DELETE /keys/<id>/record`.
    ForgetKey,
    /// `POST /followers/<name>/resume`.
    ResumeFollower,
    /// `GET /status`.
    ShowStatus,
}

/// The doors to the server itself.
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
}

/// What is answered with one status.
#[derive(Clone, Copy, Debug)]
pub struct OperationAnswer {
    /// The status.
    pub status: u16,
    /// The body.
    pub content: BodyContent,
    /// Names of headers beside those of every answer; see [`HEADERS`].
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
    /// The path as a router reads it: a door that takes an xid takes the rest of the path.
    #[must_use]
    pub const fn route(&self) -> &'static str {
        match self.endpoint {
            Endpoint::Native(NativeEndpoint::Restore) => "/restore/{*xid}",
            Endpoint::Native(NativeEndpoint::Log) => "/log/{*xid}",
            _ => self.path,
        }
    }

    /// Under which label its requests are counted: below `/api` the path, with names left out,
    /// and beside it the first step.
    #[must_use]
    pub fn label(&self) -> &'static str {
        let path = self.path.strip_suffix("$details").unwrap_or(self.path);
        let second = path.char_indices().skip(1).find(|(_, letter)| *letter == '/');
        match (self.endpoint, second) {
            (Endpoint::XRegistry, _) | (_, None) => path,
            (_, Some((end, _))) => &path[..end],
        }
    }

    /// The path with names of the example in the place of what varies, for tests that ask whether
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
        ];
        samples.iter().fold(self.path.to_owned(), |path, (name, sample)| path.replace(name, sample))
    }
}

/// Each route once, with what answers it.
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

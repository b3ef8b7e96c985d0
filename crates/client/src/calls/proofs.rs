use http::Method;
use muster_wire::{
    ledger::{LedgerReport, VerificationLine},
    log::LogPage,
    proofs::{ConsistencyReport, InclusionReport},
    status::StatusReport,
    validation::ValidationPage,
};
use muster_words::Xid;

use super::JsonLines;
use crate::{Answer, Call, Client, ClientError, Query, link::path_of};

impl Client {
    /// The log of an entity and of everything in it, newest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn log(&self, xid: &Xid, query: &Query) -> Result<Answer<LogPage>, ClientError> {
        let path = if *xid == Xid::Registry { "/log".to_owned() } else { format!("/log{xid}") };
        self.call(Call::new(Method::GET, &path, query)).await.map(Answer::of)
    }

    /// Lets the server verify its ledger: lines of progress, then the result.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn verify(&self) -> Result<JsonLines<VerificationLine>, ClientError> {
        let call = Call::new(Method::POST, "/ledger/verify", &Query::new());
        let body = self.open(call).await?.into_body();
        Ok(JsonLines::new(body, self.place()))
    }

    /// The size of the ledger, and the key that signs it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn ledger(&self) -> Result<Answer<LedgerReport>, ClientError> {
        self.call(Call::new(Method::GET, "/ledger", &Query::new())).await.map(Answer::of)
    }

    /// The newest signed checkpoint.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn checkpoint(&self) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::GET, "/ledger/checkpoint", &Query::new())).await
    }

    /// A proof that the entry at a position is among the first `size` of the ledger.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn inclusion(
        &self,
        position: u64,
        size: u64,
    ) -> Result<Answer<InclusionReport>, ClientError> {
        let query = Query::new().with("position", position).with("size", size);
        self.call(Call::new(Method::GET, "/ledger/proofs/inclusion", &query)).await.map(Answer::of)
    }

    /// A proof that the ledger up to the newest checkpoint begins with its first `from` entries.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn consistency(&self, from: u64) -> Result<Answer<ConsistencyReport>, ClientError> {
        let query = Query::new().with("from", from);
        let call = Call::new(Method::GET, "/ledger/proofs/consistency", &query);
        self.call(call).await.map(Answer::of)
    }

    /// Lets the server judge the documents below an xid again: the first page, or the page after
    /// another one.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn validate(
        &self,
        below: &Xid,
        before: Option<&ValidationPage>,
    ) -> Result<Answer<ValidationPage>, ClientError> {
        let path = match before.and_then(|page| page.next.as_deref()) {
            Some(next) => self.below(path_of(next)).to_owned(),
            None if *below == Xid::Registry => "/validate".to_owned(),
            None => format!("/validate{below}"),
        };
        self.call(Call::new(Method::GET, &path, &Query::new())).await.map(Answer::of)
    }

    /// The status of the registry.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn status(&self) -> Result<Answer<StatusReport>, ClientError> {
        self.call(Call::new(Method::GET, "/status", &Query::new())).await.map(Answer::of)
    }
}

use http::Method;
use muster_wire::{
    ledger::VerificationLine, log::LogPage, status::StatusReport, validation::ValidationPage,
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

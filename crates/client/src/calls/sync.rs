use http::Method;
use muster_wire::sync::{ResolveReport, ResolveRequest, SyncReport, SyncRequest, SyncState};
use muster_words::Xid;

use crate::{Answer, Call, Client, ClientError, Query};

impl Client {
    /// Sends states of documents, as another registry does.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn sync(&self, request: &SyncRequest) -> Result<Answer<SyncReport>, ClientError> {
        let call = Call::new(Method::POST, "/sync", &Query::new()).json(request);
        self.call(call).await.map(Answer::of)
    }

    /// A document with what its state holds.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn sync_state(&self, xid: &Xid) -> Result<Answer<SyncState>, ClientError> {
        let path = format!("/sync{xid}");
        self.call(Call::new(Method::GET, &path, &Query::new())).await.map(Answer::of)
    }

    /// Decides a conflict.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn resolve_conflict(
        &self,
        request: &ResolveRequest,
    ) -> Result<Answer<ResolveReport>, ClientError> {
        let call = Call::new(Method::POST, "/sync/resolve", &Query::new()).json(request);
        self.call(call).await.map(Answer::of)
    }
}

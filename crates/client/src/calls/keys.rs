use http::Method;
use muster_wire::keys::{KeyList, KeyRequest, NewKey};

use crate::{Answer, Call, Client, ClientError, Query};

impl Client {
    /// The keys that aren't revoked, or all, without what is secret in them.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn keys(&self, all: bool) -> Result<Answer<KeyList>, ClientError> {
        let query = Query::new().with_some("all", all.then_some("true"));
        self.call(Call::new(Method::GET, "/keys", &query)).await.map(Answer::of)
    }

    /// Makes a key; the answer shows it once.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn create_key(&self, wanted: &KeyRequest) -> Result<Answer<NewKey>, ClientError> {
        let call = Call::new(Method::POST, "/keys", &Query::new()).json(wanted);
        self.call(call).await.map(Answer::of)
    }

    /// Erases what is known of a key that opens nothing any more.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn forget_key(&self, id: &str) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::DELETE, &format!("/keys/{id}/record"), &Query::new())).await
    }

    /// Revokes the key of that id.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_key(&self, id: &str) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::DELETE, &format!("/keys/{id}"), &Query::new())).await
    }
}

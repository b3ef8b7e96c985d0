use http::Method;
use muster_wire::keys::{KeyList, KeyRequest, NewKey, OwnAccess};

use crate::{Answer, Call, Client, ClientError, Query};

impl Client {
    /// The keys that aren't revoked, or all keys, without their secrets.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn keys(&self, all: bool) -> Result<Answer<KeyList>, ClientError> {
        let query = Query::new().with_some("all", all.then_some("true"));
        self.call(Call::new(Method::GET, "/keys", &query)).await.map(Answer::of)
    }

    /// As whom this client is answered.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn own_access(&self) -> Result<Answer<OwnAccess>, ClientError> {
        self.call(Call::new(Method::GET, "/keys/self", &Query::new())).await.map(Answer::of)
    }

    /// Creates a key. Only this answer shows it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn create_key(&self, wanted: &KeyRequest) -> Result<Answer<NewKey>, ClientError> {
        let call = Call::new(Method::POST, "/keys", &Query::new()).json(wanted);
        self.call(call).await.map(Answer::of)
    }

    /// Erases the record of an invalid key.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn forget_key(&self, id: &str) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::DELETE, &format!("/keys/{id}/record"), &Query::new())).await
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_key(&self, id: &str) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::DELETE, &format!("/keys/{id}"), &Query::new())).await
    }
}

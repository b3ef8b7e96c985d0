use http::Method;
use muster_wire::keys::{KeyList, KeyRequest, NewKey};

use crate::{Answer, Call, Client, ClientError, Query};

impl Client {
    /// The keys in force, without what is secret in them.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn keys(&self) -> Result<Answer<KeyList>, ClientError> {
        self.call(Call::new(Method::GET, "/keys", &Query::new())).await.map(Answer::of)
    }

    /// Makes a key; the answer shows it once.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn create_key(&self, wanted: &KeyRequest) -> Result<Answer<NewKey>, ClientError> {
        let call = Call::new(Method::POST, "/keys", &Query::new()).json(wanted);
        self.call(call).await.map(Answer::of)
    }

    /// Revokes the key of that id.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_key(&self, id: &str) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::DELETE, &format!("/keys/{id}"), &Query::new())).await
    }
}

use http::Method;
use muster_words::json::{Map, Value};

use crate::{Answer, Call, Client, ClientError, Query};

impl Client {
    /// The keys in force, without what is secret in them.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn keys(&self) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::GET, "/keys", &Query::new())).await
    }

    /// Makes a key; the answer shows it once.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn create_key(&self, name: Option<&str>, role: &str) -> Result<Answer, ClientError> {
        let mut body = Map::new();
        body.insert("role".to_owned(), role.into());
        if let Some(name) = name {
            body.insert("name".to_owned(), name.into());
        }
        self.call(Call::new(Method::POST, "/keys", &Query::new()).json(&Value::Object(body))).await
    }

    /// Revokes the key of that id.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_key(&self, id: &str) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::DELETE, &format!("/keys/{id}"), &Query::new())).await
    }
}

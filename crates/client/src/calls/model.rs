use http::{Method, header::IF_MATCH};
use muster_words::json::Value;

use crate::{Answer, Call, Client, ClientError, Query};

impl Client {
    /// The model in force: the built-in model with the user's additions.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn model(&self) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::GET, "/api/model", &Query::new())).await
    }

    /// The user's model, as it was put.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn model_source(&self) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::GET, "/api/modelsource", &Query::new())).await
    }

    /// The whole model or the user's, as a query with `at` says.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn model_at(&self, is_whole: bool, query: &Query) -> Result<Answer, ClientError> {
        let path = if is_whole { "/api/model" } else { "/api/modelsource" };
        self.call(Call::new(Method::GET, path, query)).await
    }

    /// Replaces the user's model; with a tag, only the state that it names.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn put_model(&self, model: &Value, tag: Option<&str>) -> Result<Answer, ClientError> {
        let call = Call::new(Method::PUT, "/api/modelsource", &Query::new()).json(model);
        self.call(call.header_some(IF_MATCH, tag)).await
    }
}

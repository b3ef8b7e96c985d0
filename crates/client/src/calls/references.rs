use http::Method;
use muster_wire::references::ReferencesAnswer;
use muster_words::Xid;

use crate::{Answer, Call, Client, ClientError, Query};

impl Client {
    /// What refers to an entity, and to what it refers.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn references(&self, xid: &Xid) -> Result<Answer<ReferencesAnswer>, ClientError> {
        let path = format!("/references{xid}");
        self.call(Call::new(Method::GET, &path, &Query::new())).await.map(Answer::of)
    }
}

use http::Method;
use muster_wire::diff::DiffPage;

use crate::{Answer, Call, Client, ClientError, Query};

impl Client {
    /// What differs between two states of a place: the path of a document, a group or a collection,
    /// or an empty text for everything. The query holds `from`, `to` and the other parameters.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn diff(&self, place: &str, query: &Query) -> Result<Answer<DiffPage>, ClientError> {
        let path = format!("/diff{place}");
        self.call(Call::new(Method::GET, &path, query)).await.map(Answer::of)
    }
}

use http::Method;
use muster_wire::deleted::DeletedPage;

use crate::{Answer, Call, Client, ClientError, Query};

impl Client {
    /// The names at a place that a restore could bring back: the path of a document, a group or a
    /// collection, or an empty text for everything.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn deleted(
        &self,
        place: &str,
        query: &Query,
    ) -> Result<Answer<DeletedPage>, ClientError> {
        let path = format!("/deleted{place}");
        self.call(Call::new(Method::GET, &path, query)).await.map(Answer::of)
    }
}

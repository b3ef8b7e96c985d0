use http::Method;
use muster_wire::export::ExportLine;
use muster_words::Xid;

use super::JsonLines;
use crate::{Call, Client, ClientError, Query};

impl Client {
    /// Begins an export of everything, a group or a document.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn export(
        &self,
        below: &Xid,
        query: &Query,
    ) -> Result<JsonLines<ExportLine>, ClientError> {
        let path = match below {
            Xid::Registry => "/export".to_owned(),
            below => format!("/export{below}"),
        };
        let body = self.open(Call::new(Method::GET, &path, query)).await?.into_body();
        Ok(JsonLines::new(body, self.place()))
    }
}

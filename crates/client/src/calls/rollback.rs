use http::Method;
use muster_wire::rollback::{RollbackReport, RollbackRequest};

use crate::{Answer, Call, Client, ClientError, Query};

impl Client {
    /// Gives a place an earlier state again; with `is_trial`, only finds out what that would do.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn roll_back(
        &self,
        request: &RollbackRequest,
        is_trial: bool,
    ) -> Result<Answer<RollbackReport>, ClientError> {
        let query = Query::new().flag_if("dry_run", is_trial);
        let call = Call::new(Method::POST, "/rollback", &query).json(request);
        self.call(call).await.map(Answer::of)
    }
}

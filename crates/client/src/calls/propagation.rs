use http::Method;
use muster_wire::propagation::{
    DeadLetterPage, LinkList, PropagationEventPage, PropagationMetrics, PropagationRequest,
    PropagationResult, TargetList, TryPage,
};

use crate::{Answer, Call, Client, ClientError, Query};

impl Client {
    /// The routes with their targets.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn propagation_links(&self, query: &Query) -> Result<Answer<LinkList>, ClientError> {
        self.call(Call::new(Method::GET, "/propagation/sessions", query)).await.map(Answer::of)
    }

    /// The targets in force.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn propagation_targets(&self) -> Result<Answer<TargetList>, ClientError> {
        let call = Call::new(Method::GET, "/propagation/targets", &Query::new());
        self.call(call).await.map(Answer::of)
    }

    /// What happened to routes and targets lately.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn propagation_events(
        &self,
        query: &Query,
    ) -> Result<Answer<PropagationEventPage>, ClientError> {
        self.call(Call::new(Method::GET, "/propagation/events", query)).await.map(Answer::of)
    }

    /// The newest tries of deliveries.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn propagation_logs(&self, query: &Query) -> Result<Answer<TryPage>, ClientError> {
        self.call(Call::new(Method::GET, "/propagation/logs", query)).await.map(Answer::of)
    }

    /// Counts of deliveries since the server started.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn propagation_metrics(&self) -> Result<Answer<PropagationMetrics>, ClientError> {
        let call = Call::new(Method::GET, "/propagation/metrics", &Query::new());
        self.call(call).await.map(Answer::of)
    }

    /// Deliveries that were given up.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn dead_letters(&self, query: &Query) -> Result<Answer<DeadLetterPage>, ClientError> {
        self.call(Call::new(Method::GET, "/propagation/dead-letters", query)).await.map(Answer::of)
    }

    /// Pauses or resumes a target, or does something to dead letters.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn act_on_propagation(
        &self,
        request: &PropagationRequest,
    ) -> Result<Answer<PropagationResult>, ClientError> {
        let call = Call::new(Method::POST, "/propagation/actions", &Query::new()).json(request);
        self.call(call).await.map(Answer::of)
    }
}

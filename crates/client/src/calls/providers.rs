use http::Method;
use muster_wire::providers::{
    DiscoveryReport, LiveHealthReport, LiveProviderList, LiveProviderReport, ProviderExplanation,
    SelectionReport, SelectionRequest,
};

use crate::{Answer, Call, Client, ClientError, Query};

impl Client {
    /// The live AI providers, by name.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn live_providers(&self) -> Result<Answer<LiveProviderList>, ClientError> {
        self.call(Call::new(Method::GET, "/providers", &Query::new())).await.map(Answer::of)
    }

    /// One live AI provider.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn live_provider(
        &self,
        name: &str,
    ) -> Result<Answer<LiveProviderReport>, ClientError> {
        let path = format!("/providers/{name}");
        self.call(Call::new(Method::GET, &path, &Query::new())).await.map(Answer::of)
    }

    /// How a live AI provider is.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn provider_health(
        &self,
        name: &str,
    ) -> Result<Answer<LiveHealthReport>, ClientError> {
        let path = format!("/providers/{name}/health");
        self.call(Call::new(Method::GET, &path, &Query::new())).await.map(Answer::of)
    }

    /// What declares a live AI provider.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn explain_provider(
        &self,
        name: &str,
    ) -> Result<Answer<ProviderExplanation>, ClientError> {
        let path = format!("/providers/{name}/explain");
        self.call(Call::new(Method::GET, &path, &Query::new())).await.map(Answer::of)
    }

    /// Does something with a live AI provider: `start`, `stop`, `restart`, `probe` or `reset`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn control_provider(
        &self,
        name: &str,
        action: &str,
    ) -> Result<Answer<LiveProviderReport>, ClientError> {
        let path = format!("/providers/{name}/{action}");
        self.call(Call::new(Method::POST, &path, &Query::new())).await.map(Answer::of)
    }

    /// Reads again what declares AI providers besides documents.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn discover_providers(
        &self,
        force: bool,
    ) -> Result<Answer<DiscoveryReport>, ClientError> {
        let query = Query::new().flag_if("force", force);
        self.call(Call::new(Method::POST, "/providers/discover", &query)).await.map(Answer::of)
    }

    /// Which live AI provider fits best.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn select_provider(
        &self,
        wanted: &SelectionRequest,
    ) -> Result<Answer<SelectionReport>, ClientError> {
        let call = Call::new(Method::POST, "/providers/select", &Query::new()).json(wanted);
        self.call(call).await.map(Answer::of)
    }
}

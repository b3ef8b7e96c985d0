use http::Method;
use muster_wire::schemas::{
    CompatibilityReport, CompatibilityRequest, PayloadsReport, PayloadsRequest, ProfileReport,
    ProfileRequest, QualityReport, QualityRequest, SchemaDiffReport, SchemaDiffRequest,
};
use serde::Serialize;

use crate::{Answer, Call, Client, ClientError, Query};

impl Client {
    /// Says whether a new version of a schema is compatible with earlier ones.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn check_schema(
        &self,
        request: &CompatibilityRequest,
    ) -> Result<Answer<CompatibilityReport>, ClientError> {
        self.ask_about_schemas("/schemas/check", request).await
    }

    /// Shows what differs between two versions of a schema.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn diff_schemas(
        &self,
        request: &SchemaDiffRequest,
    ) -> Result<Answer<SchemaDiffReport>, ClientError> {
        self.ask_about_schemas("/schemas/diff", request).await
    }

    /// Checks payloads against a schema.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn validate_payloads(
        &self,
        request: &PayloadsRequest,
    ) -> Result<Answer<PayloadsReport>, ClientError> {
        self.ask_about_schemas("/validate", request).await
    }

    /// Rates a schema.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn rate_schema(
        &self,
        request: &QualityRequest,
    ) -> Result<Answer<QualityReport>, ClientError> {
        self.ask_about_schemas("/schemas/quality", request).await
    }

    /// Says with which providers of language models a schema can be used.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn profile_schema(
        &self,
        request: &ProfileRequest,
    ) -> Result<Answer<ProfileReport>, ClientError> {
        self.ask_about_schemas("/schemas/profile", request).await
    }

    async fn ask_about_schemas<T>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<Answer<T>, ClientError> {
        let call = Call::new(Method::POST, path, &Query::new()).json(request);
        self.call(call).await.map(Answer::of)
    }
}

use bytes::Bytes;
use http::Method;
use muster_wire::{
    manifest::{Manifest, ManifestRequest},
    publications::{EarlierPublication, PublicationList, PublicationOutcome},
};
use muster_words::Xid;

use crate::{Answer, Call, Client, ClientError, Query};

impl Client {
    /// The signed manifest of the newest state. Its bytes are what is published.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn render_manifest(
        &self,
        request: &ManifestRequest,
    ) -> Result<Answer<Manifest>, ClientError> {
        let call = Call::new(Method::POST, "/publish", &Query::new()).json(request);
        self.call(call).await.map(Answer::of)
    }

    /// A file of the site that the registry serves.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn site_file(&self, path: &str) -> Result<Bytes, ClientError> {
        let call = Call::new(Method::GET, &format!("/site/{path}"), &Query::new());
        self.call(call).await.map(|answer| answer.bytes)
    }

    /// The publications, and how each stands.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn publications(&self) -> Result<Answer<PublicationList>, ClientError> {
        let call = Call::new(Method::GET, "/publish", &Query::new());
        self.call(call).await.map(Answer::of)
    }

    /// What a publication has published with this number or this tag.
    ///
    /// # Errors
    /// It never did (`not_found`), or another of [`ClientError`].
    pub async fn published(
        &self,
        xid: &Xid,
        version: &str,
    ) -> Result<Answer<EarlierPublication>, ClientError> {
        let query = Query::new().with("version", version);
        let call = Call::new(Method::GET, &format!("/publish{xid}"), &query);
        self.call(call).await.map(Answer::of)
    }

    /// Runs a publication now; with `is_trial`, only finds out what that would change.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn run_publication(
        &self,
        xid: &Xid,
        is_trial: bool,
    ) -> Result<Answer<PublicationOutcome>, ClientError> {
        let query = Query::new().flag_if("dry_run", is_trial);
        let call = Call::new(Method::POST, &format!("/publish{xid}"), &query);
        self.call(call).await.map(Answer::of)
    }
}

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;

use crate::{Call, Client, ClientError, IncomingBody, Query};

/// The bytes of a backup, read as they arrive.
pub struct BackupBytes {
    body: IncomingBody,
}

impl BackupBytes {
    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        while let Some(frame) = self.body.frame().await.transpose()? {
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

impl Client {
    /// Begins a backup of the whole registry.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn backup(&self) -> Result<BackupBytes, ClientError> {
        let call = Call::new(Method::GET, "/backup", &Query::new());
        let body = self.open(call).await?.into_body();
        Ok(BackupBytes { body })
    }
}

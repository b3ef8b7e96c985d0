use http::{Method, header::IF_MATCH};
use muster_wire::apply::{ApplyReport, ApplyRequest, DocumentToApply};
use muster_words::Xid;

use crate::{Answer, Call, Client, ClientError, DocumentUpload, Query};

impl DocumentUpload {
    /// The document as a part of a request of several.
    #[must_use]
    pub fn to_apply(&self, xid: &Xid) -> DocumentToApply {
        let (xid, mut attributes) = (xid.to_string(), self.attributes.clone());
        if self.attributes_alone {
            return DocumentToApply { xid, attributes, ..DocumentToApply::default() };
        }
        attributes.insert("contenttype".to_owned(), self.content_type.as_str().into());
        DocumentToApply::new(xid, Some(&self.bytes), attributes)
    }
}

impl Client {
    /// Changes a model, puts entities and deletes others, all together or not at all. With a tag,
    /// only if the model's source is still in the state that the tag names.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn apply(
        &self,
        request: &ApplyRequest,
        tag: Option<&str>,
    ) -> Result<Answer<ApplyReport>, ClientError> {
        let call = Call::new(Method::POST, "/apply", &Query::new()).json(request);
        self.call(call.header_some(IF_MATCH, tag)).await.map(Answer::of)
    }

    /// Finds out what [`Client::apply`] would do; nothing is changed.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn try_apply(
        &self,
        request: &ApplyRequest,
        tag: Option<&str>,
    ) -> Result<Answer<ApplyReport>, ClientError> {
        let query = Query::new().flag_if("dry_run", true);
        let call = Call::new(Method::POST, "/apply", &query).json(request);
        self.call(call.header_some(IF_MATCH, tag)).await.map(Answer::of)
    }
}

use base64::{Engine as _, engine::general_purpose::STANDARD};
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
        let (text, base64) = encoded(&self.bytes);
        DocumentToApply { xid, text, base64, attributes }
    }
}

/// The bytes as text if they are UTF-8 and shorter that way, else in Base64.
fn encoded(bytes: &[u8]) -> (Option<String>, Option<String>) {
    let length_of = |text: &str| serde_json::to_string(text).map_or(usize::MAX, |json| json.len());
    let text = std::str::from_utf8(bytes).ok();
    match text.filter(|text| length_of(text) <= bytes.len() / 3 * 4 + 6) {
        Some(text) => (Some(text.to_owned()), None),
        None => (None, Some(STANDARD.encode(bytes))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_bytes_as_text_where_that_is_shorter() {
        for (bytes, is_text) in [
            (&b"{\"a\": 1}\n"[..], true),
            ("\u{feff}\u{fc}".as_bytes(), true),
            (b"", true),
            (b"\xff\xfe", false),
            (&[0; 40], false),
        ] {
            let (text, base64) = encoded(bytes);
            assert_eq!((text.is_some(), base64.is_none()), (is_text, is_text), "{bytes:?}");
            let decoded = base64.and_then(|text| STANDARD.decode(text).ok());
            let back = decoded.or(text.map(String::into_bytes));
            assert_eq!(back.as_deref(), Some(bytes));
        }
    }
}

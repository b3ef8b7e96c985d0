use std::borrow::Cow;

use bytes::Bytes;
use maud::{Markup, html};
use muster_client::{DocumentUpload, FetchedDocument, Precondition};
use muster_wire::apply::{ApplyRequest, DocumentToApply};
use muster_words::{
    Notation, Xid,
    json::{Map, Value},
};
use serde::Deserialize;

use crate::{
    PageFault, Visitor,
    form::{TEXT_BYTES_MAX, hidden, token, why},
    plain_text::visible,
};

/// A document that is being written, as the page's form has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DraftForm {
    /// Shows whose form it is.
    pub token: String,
    /// What to do.
    pub step: FormStep,
    /// The name of a new document.
    pub name: String,
    /// The document's text as the browser sent it: with CR and LF at the end of each line.
    pub text: String,
    /// Its media type.
    pub media_type: String,
    /// The reason for the change.
    pub why: String,
    /// The entity tag of the document when it was loaded.
    pub tag: String,
    /// How its lines end.
    pub lines: LineEnds,
}

/// What a button of the form asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FormStep {
    /// Says what is wrong with the document.
    #[default]
    Check,
    /// Says what the change does.
    Preview,
    /// Puts the document.
    Put,
}

/// How the lines of a text end. A browser sends all of them as CR LF, so the form has to remember.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LineEnds {
    /// LF.
    #[default]
    Lf,
    /// CR LF.
    Crlf,
    /// Some so, some so. They become LF.
    Mixed,
}

impl LineEnds {
    fn of(text: &str) -> Self {
        let (all, with_return) = (text.matches('\n').count(), text.matches("\r\n").count());
        match with_return {
            0 => Self::Lf,
            some if some == all => Self::Crlf,
            _ => Self::Mixed,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Lf => "lf",
            Self::Crlf => "crlf",
            Self::Mixed => "mixed",
        }
    }
}

impl DraftForm {
    /// The form for a stored document. Without a form, the reason why a browser can't edit it.
    ///
    /// # Errors
    /// It isn't text that a browser gives back as it got it, or it is too large.
    pub fn of(stored: &FetchedDocument) -> Result<Self, &'static str> {
        if stored.elsewhere.is_some() {
            return Err("The registry has only the address of this document.");
        }
        if stored.bytes.len() > TEXT_BYTES_MAX {
            return Err("This document is larger than 1 MiB.");
        }
        let Ok(text) = std::str::from_utf8(&stored.bytes) else {
            return Err("This document isn't text in UTF-8.");
        };
        // Browsers replace both, whatever the page says (HTML, 13.2.3.5 and 13.2.5.2).
        if text.contains('\0') || text.replace("\r\n", "").contains('\r') {
            return Err("This document has control characters that a browser doesn't keep.");
        }
        Ok(Self {
            text: text.to_owned(),
            media_type: stored.content_type.clone().unwrap_or_default(),
            tag: stored.etag.clone().unwrap_or_default(),
            lines: LineEnds::of(text),
            ..Self::default()
        })
    }

    /// The bytes of the document.
    pub fn bytes(&self) -> Bytes {
        let text = self.text.replace("\r\n", "\n");
        let text = if self.lines == LineEnds::Crlf { text.replace('\n', "\r\n") } else { text };
        text.into()
    }

    /// Its media type, if it has one.
    pub fn media_type(&self) -> Option<&str> {
        Some(self.media_type.trim()).filter(|text| !text.is_empty())
    }

    /// The document to put.
    ///
    /// # Errors
    /// It is too large.
    pub fn upload(&self, precondition: Precondition) -> Result<DocumentUpload, PageFault> {
        Ok(DocumentUpload {
            bytes: self.checked_bytes()?,
            content_type: self.media_type.trim().to_owned(),
            precondition,
            ..DocumentUpload::default()
        })
    }

    /// The document as the only part of a change.
    ///
    /// # Errors
    /// It is too large.
    pub fn request(&self, xid: &Xid) -> Result<ApplyRequest, PageFault> {
        let bytes = self.checked_bytes()?;
        let mut attributes = Map::new();
        if let Some(media_type) = self.media_type() {
            attributes.insert("contenttype".to_owned(), media_type.into());
        }
        let document = DocumentToApply::new(xid.to_string(), Some(&bytes), attributes);
        Ok(ApplyRequest { documents: vec![document], ..ApplyRequest::default() })
    }

    fn checked_bytes(&self) -> Result<Bytes, PageFault> {
        let bytes = self.bytes();
        if bytes.len() <= TEXT_BYTES_MAX {
            return Ok(bytes);
        }
        Err(PageFault::Unclear("the document is larger than 1 MiB; muster put takes it".to_owned()))
    }

    /// The fields, from the text on. `check` is the address that judges the text as it is typed.
    pub fn fields(&self, visitor: &Visitor) -> Markup {
        html! {
            (token(visitor))
            (hidden("tag", &self.tag))
            (hidden("lines", self.lines.name()))
            label for="text" { "Document" }
            // HTML drops the first line break of the element, so that one is the page's own.
            textarea #text name="text" rows="24" spellcheck="false" autocomplete="off" wrap="off" aria-describedby="findings" {
                "\n" (self.text)
            }
            @if self.lines == LineEnds::Mixed {
                p.dim { "Some lines of the stored document end with CR LF. Putting it makes all of them end with LF." }
            }
            @if has_invisible_letters(&self.text) {
                p.dim { "The text has characters that can't be seen, such as some that change its direction." }
            }
            div #findings aria-live="polite" data-findings {}
            label for="media-type" { "Media type" }
            input #media-type name="media_type" value=(self.media_type) autocomplete="off" spellcheck="false";
            (why(&self.why))
        }
    }
}

fn has_invisible_letters(text: &str) -> bool {
    let text = text.replace("\r\n", "\n");
    matches!(visible(&text), Cow::Owned(_))
}

/// The buttons of the form.
pub fn buttons(put: &str, back: &str) -> Markup {
    html! {
        div.actions {
            button type="submit" name="step" value="check" { "Check" }
            button type="submit" name="step" value="preview" { "Preview" }
            button.primary type="submit" name="step" value="put" { (put) }
            a.button href=(back) { "Cancel" }
        }
    }
}

/// A document as JSON, by its notation; none if it is nothing of that kind.
pub fn value_of(bytes: &[u8], media_type: Option<&str>) -> Option<Value> {
    Notation::of(media_type).parse(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(bytes: &'static [u8]) -> FetchedDocument {
        FetchedDocument {
            alias_of: None,
            bytes: Bytes::from_static(bytes),
            content_type: Some("application/json".to_owned()),
            version: None,
            etag: Some("\"4.58a5391a-d\"".to_owned()),
            elsewhere: None,
        }
    }

    #[test]
    fn gives_back_the_bytes_that_a_browser_sends_with_other_line_ends() {
        for bytes in
            [&b"{}"[..], b"{\n}\n", b"{\r\n}\r\n", b"\n\n{}", "\u{feff}é\u{202e}".as_bytes(), b""]
        {
            let mut form = DraftForm::of(&stored(bytes)).unwrap_or_default();
            // What a browser does with the value of a textarea.
            form.text = form.text.replace("\r\n", "\n").replace('\n', "\r\n");
            assert_eq!(form.bytes(), bytes, "{bytes:?}");
        }
    }

    #[test]
    fn makes_mixed_line_ends_one_and_says_so() {
        let form = DraftForm::of(&stored(b"a\r\nb\nc")).unwrap_or_default();
        assert_eq!((form.lines, &form.bytes()[..]), (LineEnds::Mixed, &b"a\nb\nc"[..]));
    }

    #[test]
    fn leaves_to_others_what_a_browser_would_change() {
        for bytes in [&b"\xff\xfe"[..], b"a\0b", b"a\rb", b"a\r\r\nb"] {
            assert!(DraftForm::of(&stored(bytes)).is_err(), "{bytes:?}");
        }
        let large = FetchedDocument { bytes: vec![b' '; TEXT_BYTES_MAX + 1].into(), ..stored(b"") };
        assert!(DraftForm::of(&large).is_err());
        let elsewhere = FetchedDocument { elsewhere: Some("x".to_owned()), ..stored(b"") };
        assert!(DraftForm::of(&elsewhere).is_err());
    }
}

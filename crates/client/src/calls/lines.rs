use std::{collections::VecDeque, marker::PhantomData};

use bytes::Bytes;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use crate::{ClientError, IncomingBody};

/// Bytes of one line; one holds a few facts.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// An answer of JSON lines, each a `T`, read as they come.
pub struct JsonLines<T> {
    body: IncomingBody,
    place: String,
    rest: Vec<u8>,
    ready: VecDeque<Bytes>,
    line: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> JsonLines<T> {
    pub(crate) fn new(body: IncomingBody, place: &str) -> Self {
        let (place, rest, ready) = (place.to_owned(), Vec::new(), VecDeque::new());
        Self { body, place, rest, ready, line: PhantomData }
    }

    /// The next line, or none when the answer has ended.
    ///
    /// # Errors
    /// The answer broke off, or a line isn't what this answer has.
    pub async fn next_line(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return self.read(&line).map(Some);
            }
            let Some(frame) = self.body.frame().await.transpose()? else {
                let last = std::mem::take(&mut self.rest);
                return if last.trim_ascii().is_empty() {
                    Ok(None)
                } else {
                    self.read(&last).map(Some)
                };
            };
            if let Ok(bytes) = frame.into_data() {
                self.feed(&bytes)?;
            }
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            if !line.trim_ascii().is_empty() {
                self.ready.push_back(line.into());
            }
        }
        if self.rest.len() > LINE_BYTES_MAX {
            return Err(self.unexpected(format!("a line of more than {LINE_BYTES_MAX} bytes")));
        }
        Ok(())
    }

    fn read(&self, line: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(line)
            .map_err(|error| self.unexpected(format!("a line of broken JSON: {error}")))
    }

    fn unexpected(&self, what: String) -> ClientError {
        ClientError::Unexpected { place: self.place.clone(), what }
    }
}

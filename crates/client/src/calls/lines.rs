use std::{collections::VecDeque, marker::PhantomData};

use bytes::Bytes;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use crate::{ClientError, IncomingBody};

/// The maximum size of a line, in bytes: the largest document, of which each byte may be escaped.
const LINE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// An answer in JSON Lines, each a `T`, read as they arrive.
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

    /// The next line; none at the end of the answer.
    ///
    /// # Errors
    /// The connection broke, or a line doesn't fit the type.
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

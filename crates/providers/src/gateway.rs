//! Passes chat requests on to the provider that fits best, and to the next one where it fails.

use muster_words::json::{Map, Value};

use crate::{
    ChatRequest, GuardedStream, LiveProvider, Need, ProviderError, ProviderErrorCode,
    ProviderFaultKind, ProviderRegistry, select::Candidate,
};

/// The most providers that one request is tried at. Each may take its whole time.
pub const PROVIDERS_TRIED_MAX: usize = 4;

/// A whole answer, and who gave it.
#[derive(Clone, Debug)]
pub struct ChatAnswer {
    /// The answer, in OpenAI's form.
    pub answer: Value,
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// What failed before, the first first.
    pub failed: Vec<ProviderError>,
}

/// A streamed answer, and who gives it.
pub struct ChatStreamed {
    /// The stream; it has begun.
    pub stream: GuardedStream,
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// What failed before, the first first.
    pub failed: Vec<ProviderError>,
}

/// Why nobody answered.
#[derive(Clone, Debug)]
pub struct ChatFailure {
    /// The error that counts: that of the last provider that was tried.
    pub error: ProviderError,
    /// What failed before.
    pub failed: Vec<ProviderError>,
    /// Providers that don't fit, and why.
    pub refused: Vec<(String, String)>,
}

impl ProviderRegistry {
    /// A chat completion by whoever fits best.
    ///
    /// # Errors
    /// See [`ChatFailure`].
    pub async fn chat(
        &self,
        need: &Need,
        body: &Map<String, Value>,
        may_use: &(dyn Fn(&LiveProvider) -> bool + Sync),
    ) -> Result<ChatAnswer, Box<ChatFailure>> {
        let mut tries = Tries::new(self, need, may_use)?;
        loop {
            let (candidate, request) = tries.next(body)?;
            let tried = async {
                let call = self.admit_candidate(&candidate)?;
                call.complete(&request).await
            };
            match tried.await {
                Ok(answer) => {
                    let provider = candidate.provider.name().to_string();
                    let failed = tries.failed;
                    return Ok(ChatAnswer { answer, provider, model: candidate.model, failed });
                }
                Err(error) => tries.failed(error)?,
            }
        }
    }

    /// The same, streamed. A provider that fails before its first word is failed over; one that
    /// fails later can't be, because the client has read what it said.
    ///
    /// # Errors
    /// See [`ChatFailure`].
    pub async fn chat_streamed(
        &self,
        need: &Need,
        body: &Map<String, Value>,
        may_use: &(dyn Fn(&LiveProvider) -> bool + Sync),
    ) -> Result<ChatStreamed, Box<ChatFailure>> {
        let mut tries = Tries::new(self, need, may_use)?;
        loop {
            let (candidate, request) = tries.next(body)?;
            let tried = async {
                let call = self.admit_candidate(&candidate)?;
                call.stream(&request).await
            };
            match tried.await {
                Ok(stream) => {
                    let provider = candidate.provider.name().to_string();
                    let failed = tries.failed;
                    return Ok(ChatStreamed { stream, provider, model: candidate.model, failed });
                }
                Err(error) => tries.failed(error)?,
            }
        }
    }
}

/// The candidates that are left, and what failed so far.
struct Tries {
    left: std::vec::IntoIter<Candidate>,
    refused: Vec<(String, String)>,
    failed: Vec<ProviderError>,
}

impl Tries {
    fn new(
        registry: &ProviderRegistry,
        need: &Need,
        may_use: &(dyn Fn(&LiveProvider) -> bool + Sync),
    ) -> Result<Self, Box<ChatFailure>> {
        let found = registry.select(need, may_use);
        let question = found.did_you_mean();
        let mut candidates = found.candidates;
        candidates.truncate(PROVIDERS_TRIED_MAX);
        let tries =
            Self { left: candidates.into_iter(), refused: found.refused, failed: Vec::new() };
        if tries.left.len() == 0 {
            let error =
                if found.knows_model { nobody(need) } else { unknown_model(need, &question) };
            return Err(Box::new(tries.ended(error)));
        }
        Ok(tries)
    }

    fn next(
        &mut self,
        body: &Map<String, Value>,
    ) -> Result<(Candidate, ChatRequest), Box<ChatFailure>> {
        match self.left.next() {
            Some(candidate) => {
                let request = ChatRequest { model: candidate.model.clone(), body: body.clone() };
                Ok((candidate, request))
            }
            None => {
                let error = self.failed.pop().unwrap_or_else(|| nobody(&Need::default()));
                Err(Box::new(std::mem::replace(self, Self::none()).ended(error)))
            }
        }
    }

    /// Notes a failure, and ends where another provider would say the same.
    fn failed(&mut self, error: ProviderError) -> Result<(), Box<ChatFailure>> {
        if let ProviderErrorCode::Fault(kind) = error.code
            && !kind.may_fail_over()
        {
            return Err(Box::new(std::mem::replace(self, Self::none()).ended(error)));
        }
        self.failed.push(error);
        Ok(())
    }

    fn none() -> Self {
        Self { left: Vec::new().into_iter(), refused: Vec::new(), failed: Vec::new() }
    }

    fn ended(self, error: ProviderError) -> ChatFailure {
        ChatFailure { error, failed: self.failed, refused: self.refused }
    }
}

fn unknown_model(need: &Need, question: &str) -> ProviderError {
    let model: String = need.model.iter().flat_map(|model| model.chars()).take(100).collect();
    let what = format!("no live provider has the model {model:?}{question}");
    ProviderError::new(ProviderErrorCode::Fault(ProviderFaultKind::ModelNotFound), "", what)
}

fn nobody(need: &Need) -> ProviderError {
    let what = match &need.model {
        Some(model) => format!(
            "no live provider has the model {model:?} and fits; muster providers select says why"
        ),
        None => "no live provider fits; muster providers select says why".to_owned(),
    };
    ProviderError::new(ProviderErrorCode::Unavailable, "", what)
}

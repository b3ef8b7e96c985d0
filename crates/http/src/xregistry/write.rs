use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use muster_catalog::{
    Outcome,
    command::{Action, Command, Condition, Delete, Mode, Target, Write, WriteBody},
    decide::AnswerSubject,
};
use muster_registry::{Done, Registry, SHORT_BYTES_MAX};
use muster_wire::{ErrorCode, ErrorKind, Problem, etag::Rendition, headers};
use muster_words::{Digest, Id, Xid};
use serde_json::{Map, Value};

use super::{
    answer::Answer,
    capabilities,
    document::represent,
    flags::Flags,
    long::LongReads,
    place::{Address, Place},
    read::Read,
    refused::violations,
    tags, write_body,
};
use crate::{Caller, correlation, message, submit, submit::idempotency_key};

/// A write.
pub(super) struct WriteRequest<'a> {
    pub registry: &'a Registry,
    pub address: &'a Address,
    pub flags: &'a Flags,
    pub long: &'a LongReads,
    pub method: &'a Method,
    pub headers: &'a HeaderMap,
    pub root: &'a str,
    pub query: Option<&'a str>,
    pub bare: bool,
    pub caller: &'a Caller,
}

impl WriteRequest<'_> {
    /// Executes the write and renders its answer.
    ///
    /// # Errors
    /// See the specification; or the registry's refusal.
    pub async fn answer(&self, bytes: Bytes) -> Result<Answer, Problem> {
        let idempotency = self.idempotency(&bytes)?;
        let action = if self.method == Method::DELETE {
            Action::Delete(self.deletion(&bytes)?)
        } else {
            Action::Write(self.write(bytes).await?)
        };
        let named = named_in(&action);
        let command = Command {
            conditions: self.conditions()?,
            idempotency,
            ignore: self.flags.ignore,
            set_default: self.flags.set_default.clone(),
            succession: write_body::succession(self.address, self.headers, self.bare)?,
            message: message(self.headers, &self.address.path)?,
            ..Command::new(action)
        };
        let done = submit(self.registry, self.caller, command, &self.address.path).await;
        let done = done.map_err(|problem| self.about_the_request(problem))?;
        // It is done: what can't be shown any more, or not all at once, is no reason to refuse it.
        let shown = self.show(&done, &named).await;
        let mut answer = shown.unwrap_or_else(|problem| self.shortened(&done, &problem));
        answer.position(&done.view);
        if let Some(id) = correlation(self.registry, &done).await {
            answer.headers.insert(headers::XREGISTRY_CORRELATION_ID, id);
        }
        if let Some(warnings) = headers::warnings(&violations(&done.warnings)) {
            answer.headers.insert(headers::MUSTER_WARNINGS, warnings);
        }
        Ok(answer)
    }

    /// Conditions on an entity or on the model's source are checked by the registry in the command's
    /// turn. Anything else always exists and has a weak tag, which strong comparison never matches.
    fn conditions(&self) -> Result<Vec<Condition>, Problem> {
        let conditions = tags::conditions(self.headers, &self.address.path)?;
        if self.address.place.entity().is_some() || matches!(self.address.place, Place::ModelSource)
        {
            return Ok(conditions);
        }
        for condition in conditions {
            let header = match condition {
                Condition::Exists | Condition::Differs(_) => continue,
                Condition::Matches(_) => "If-Match",
                Condition::Absent => "If-None-Match",
            };
            return Err(tags::failed(&self.address.path, header));
        }
        Ok(Vec::new())
    }

    /// Some errors are about the whole request, whichever entity caused them.
    fn about_the_request(&self, problem: Problem) -> Problem {
        let codes = [
            ErrorCode::DefaultversionidRequest,
            ErrorCode::MissingVersions,
            ErrorCode::TooManyVersions,
        ];
        if codes.contains(&problem.code()) { problem.subject(&self.address.path) } else { problem }
    }

    fn idempotency(&self, bytes: &[u8]) -> Result<Option<(Digest, Digest)>, Problem> {
        let path = &self.address.path;
        let Some(key) = idempotency_key(self.caller, self.headers, path)? else {
            return Ok(None);
        };
        let mut parts: Vec<u8> = Vec::new();
        for part in [self.method.as_str(), &self.address.path, self.query.unwrap_or_default()] {
            parts.extend_from_slice(part.as_bytes());
            parts.push(0);
        }
        let mut said: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .filter(|(name, _)| {
                name.starts_with(headers::XREGISTRY_PREFIX)
                    || matches!(
                        *name,
                        "content-type" | "if-match" | "if-none-match" | "muster-new-version"
                    )
            })
            .collect();
        said.sort_unstable();
        for (name, value) in said {
            parts.extend_from_slice(name.as_bytes());
            parts.push(0);
            parts.extend_from_slice(value);
            parts.push(0);
        }
        Ok(Some((key, Digest::of_parts(&[&parts, bytes]))))
    }

    fn target(&self) -> Result<Target, Problem> {
        let unsupported = || unsupported(self.address, self.method);
        let name = |text: &str| text.parse::<Id>().map_err(|_| unsupported());
        Ok(match &self.address.place {
            Place::ModelSource => Target::Model,
            Place::Capabilities => Target::Capabilities,
            Place::Groups(kind) => Target::Groups(name(&kind.plural)?),
            Place::Resources(kind, group) => {
                Target::Resources { group: group.clone(), resources: name(&kind.plural)? }
            }
            Place::Versions(_, resource) => Target::Versions(resource.clone()),
            place => Target::Entity(place.entity().ok_or_else(unsupported)?.clone()),
        })
    }

    fn deletion(&self, bytes: &[u8]) -> Result<Delete, Problem> {
        let chosen = if self.address.place.is_collection() && !bytes.trim_ascii().is_empty() {
            let chosen = write_body::object(self.address, bytes)?;
            self.check_ids(&chosen)?;
            Some(chosen)
        } else {
            None
        };
        Ok(Delete {
            target: self.target()?,
            chosen,
            epoch: self.flags.epoch,
            purge: self.flags.purge,
            force: self.flags.force,
        })
    }

    /// An id in a delete map must equal its key.
    fn check_ids(&self, chosen: &Map<String, Value>) -> Result<(), Problem> {
        let singular = match &self.address.place {
            Place::Groups(kind) => &kind.singular,
            Place::Resources(kind, _) => &kind.singular,
            _ => "version",
        };
        let name = format!("{singular}id");
        for (key, said) in chosen {
            let sent = said.get(&name).and_then(Value::as_str);
            if let Some(sent) = sent.filter(|sent| sent != key) {
                return Err(Problem::new(ErrorKind::MismatchedId {
                    singular: singular.to_owned(),
                    invalid_id: sent.to_owned(),
                    expected_id: key.to_owned(),
                })
                .subject(format!("{}/{key}", self.address.path)));
            }
        }
        Ok(())
    }

    async fn write(&self, bytes: Bytes) -> Result<Write, Problem> {
        let mode = match *self.method {
            Method::PATCH => Mode::Patch,
            Method::POST => Mode::Post,
            _ => Mode::Put,
        };
        let is_document = write_body::brings_document(self.address, self.method)?;
        let kind = write_body::document_type(&self.address.place).filter(|_| is_document);
        let body = match kind {
            Some(kind) => write_body::document(self.address, kind, self.headers, bytes)?,
            None => {
                let reading = async { write_body::attributes(self.address, self.headers, &bytes) };
                let mut map = if bytes.len() > SHORT_BYTES_MAX {
                    self.registry.long_work().run(reading).await?
                } else {
                    reading.await?
                };
                if matches!(self.address.place, Place::Registry)
                    && mode != Mode::Post
                    && let Some(source) = map.get_mut("modelsource").filter(|it| it.is_null())
                {
                    // A missing model is an empty model.
                    *source = Value::Object(Map::new());
                }
                WriteBody::Tree(map)
            }
        };
        Ok(Write { mode, target: self.target()?, body })
    }

    /// Renders what the command did, from the view at its end.
    async fn show(&self, done: &Done, named: &[String]) -> Result<Answer, Problem> {
        let view = &done.view.clone().seen_within(self.caller.principal.scope.clone());
        let capabilities = capabilities::of(view, self.bare);
        let reading = Read {
            registry: self.registry,
            view,
            address: self.address,
            flags: self.flags,
            capabilities: &capabilities,
            root: self.root,
            query: self.query,
            request_path: "",
            documents: None,
            long: self.long,
            bare: self.bare,
            is_after_write: true,
        };
        match &done.shows {
            AnswerSubject::Nothing => Ok(Answer::empty(StatusCode::NO_CONTENT)),
            AnswerSubject::Entity(xid) => self.show_entity(&reading, xid, done).await,
            AnswerSubject::Members(xids) => {
                let read = Box::pin(reading.processed(xids, named));
                reading.run_long_after_write(xids.len(), read).await
            }
            AnswerSubject::Model | AnswerSubject::Capabilities => {
                Box::pin(reading.answer(&HeaderMap::new())).await
            }
        }
    }

    /// The answer without a body: status, place, entity tag and position.
    fn shortened(&self, done: &Done, problem: &Problem) -> Answer {
        let reason = problem.code().name();
        tracing::info!(reason, "a write is done, and its answer was shortened");
        let mut answer = Answer::empty(StatusCode::OK);
        answer.headers.insert(headers::MUSTER_OMITTED, HeaderValue::from_static("body"));
        if let AnswerSubject::Entity(xid) = &done.shows {
            answer.header(headers::XREGISTRY_XID, &xid.to_string());
            let as_document = self.address.is_document() && !self.flags.doc;
            let which = if as_document { Rendition::Document } else { Rendition::Details };
            // What was purged meanwhile has no tag that could be met again.
            let is_there = self.registry.view().has(xid);
            if let Some(tag) = tags::tag(&done.view, xid, which).filter(|_| is_there) {
                answer.tag(tag);
            }
            self.show_created(&mut answer, done, xid, as_document);
        }
        answer
    }

    /// Says where a new entity is.
    fn show_created(&self, answer: &mut Answer, done: &Done, xid: &Xid, as_document: bool) {
        if done.outcome == Outcome::Created && !matches!(xid, Xid::Registry) {
            answer.status = StatusCode::CREATED;
            let kind = self.address.place.document_type();
            let suffix = if kind.is_some() && !as_document { "$details" } else { "" };
            answer.header(header::LOCATION, &format!("{}{xid}{suffix}", self.root));
        }
    }

    async fn show_entity(
        &self,
        reading: &Read<'_>,
        xid: &Xid,
        done: &Done,
    ) -> Result<Answer, Problem> {
        let as_document = self.address.is_document() && !self.flags.doc;
        let mut answer = if as_document {
            let found = represent(self.registry, &done.view, xid, self.root).await?;
            // A write isn't redirected to the document's URL, because it was done here.
            let mut headers = found.headers;
            headers.remove(header::LOCATION);
            Answer { status: StatusCode::OK, headers, body: found.body }
        } else {
            let read = Box::pin(reading.entity(xid));
            let mut answer = reading.run_long_after_write(1, read).await?;
            if let Some(tag) = tags::tag(&done.view, xid, Rendition::Details) {
                answer.tag(tag);
            }
            answer
        };
        self.show_created(&mut answer, done, xid, as_document);
        Ok(answer)
    }
}

/// The collections in a POST.
fn named_in(action: &Action) -> Vec<String> {
    match action {
        Action::Write(Write { mode: Mode::Post, body: WriteBody::Tree(map), .. }) => {
            map.keys().cloned().collect()
        }
        _ => Vec::new(),
    }
}

/// The refusal of a method that a path hasn't.
pub(super) fn unsupported(address: &Address, method: &Method) -> Problem {
    Problem::new(ErrorKind::ActionNotSupported { action: method.as_str().to_owned() })
        .subject(&address.path)
}

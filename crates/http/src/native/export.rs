//! `GET /export[/<xid>]`: groups and documents as lines that `POST /apply` understands, read from
//! one view from beginning to end.

mod order;
mod walk;

use axum::{
    BoxError, Extension,
    extract::{Path, RawQuery, State},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderValue, header};
use muster_catalog::View;
use muster_registry::{FetchError, Registry};
use muster_wire::{
    ErrorKind, Problem,
    apply::{DocumentToApply, GroupToApply},
    export::{ExportEnd, ExportLine, ExportedRegistry},
    headers,
};
use muster_words::{Xid, json::Value};

use self::walk::{ExportWalk, ExportedItem};
use super::{
    Native,
    gate::AccessGrant,
    query::Parameters,
    stream::{Pieces, Source},
};
use crate::{Body, Caller, IntoProblem, xregistry::requested};

const PLACE: &str = "/export";

/// `GET /export`: everything.
pub(super) async fn export_all(
    native: State<Native>,
    caller: Extension<Caller>,
    query: RawQuery,
) -> Result<Response, IntoProblem> {
    export(native, caller, Path(String::new()), query).await
}

/// `GET /export/<xid>`: a group or a document.
pub(super) async fn export(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let below = super::validate::xid(&format!("/{}", path.trim_matches('/')), "export")?;
    Parameters::parse(query.as_deref(), &["at"], PLACE)?;
    let view = requested(&native.registry, query.as_deref().unwrap_or_default(), PLACE).await?;
    let view = view.seen_within(caller.principal.scope.clone());
    if !view.has(&below) {
        return Err(Problem::new(ErrorKind::NotFound).subject(below.to_string()).into());
    }
    let (position, base) = (view.position(), Export::new(native.registry.clone(), view, below));
    let lines = ExportLines { export: base, grant: native.gate.grant(&caller)? };
    let body = Body::endless(Pieces::body(lines), caller.phase);
    let mut response = http::Response::new(body);
    let sent = response.headers_mut();
    sent.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    sent.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    sent.insert(headers::MUSTER_POSITION, position.0.into());
    Ok(response.map(Into::into))
}

/// The lines of an export, as long as its key is valid.
struct ExportLines {
    export: Export,
    grant: AccessGrant,
}

impl Source for ExportLines {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        // A stream that breaks off lacks its last line and its last chunk, so a client notices.
        if !self.grant.holds() {
            return Some(Err("the key isn't valid any more".into()));
        }
        self.export.next().await.transpose().map(|piece| {
            piece
                .inspect_err(|error| tracing::error!(%error, "an export stops"))
                .map_err(Into::into)
        })
    }
}

/// An export in progress.
struct Export {
    registry: Registry,
    walk: ExportWalk,
    end: ExportEnd,
    state: ExportState,
    is_whole: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ExportState {
    Begin,
    Items,
    Done,
}

impl Export {
    fn new(registry: Registry, view: View, below: Xid) -> Self {
        let is_whole = below == Xid::Registry && view.within().is_none();
        Self {
            registry,
            walk: ExportWalk::new(view, below),
            end: ExportEnd::default(),
            state: ExportState::Begin,
            is_whole,
        }
    }

    /// The next lines; none at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        let mut out = Vec::new();
        match self.state {
            ExportState::Begin => {
                self.begin(&mut out).await?;
                self.state = ExportState::Items;
            }
            ExportState::Items => {
                let work = self.registry.long_work().clone();
                let more = async {
                    let items = self.walk.next_items();
                    let is_end = items.is_empty();
                    self.lines(items, &mut out).await.map(|()| is_end)
                };
                if work.run(more).await? {
                    write(&mut out, &ExportLine::End(self.end));
                    self.state = ExportState::Done;
                }
            }
            ExportState::Done => return Ok(None),
        }
        Ok(Some(out.into()))
    }

    async fn begin(&self, out: &mut Vec<u8>) -> Result<(), FetchError> {
        let view = self.walk.view();
        write(
            out,
            &ExportLine::Registry(ExportedRegistry {
                id: view.id().to_string(),
                position: view.position().0,
                time: view.moment().to_string(),
                // A key with a scope learns nothing about the rest; an earlier view has no count.
                documents: (self.is_whole && view.is_newest()).then(|| view.catalog().documents),
            }),
        );
        let Some(source) = view.model_source().filter(|_| self.is_whole) else { return Ok(()) };
        let found = self.registry.contents(&[source]).await?.into_iter().flatten().next();
        let model = found.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(model) = model {
            write(out, &ExportLine::Model(model));
        }
        Ok(())
    }

    /// Writes a few groups and documents, whose contents are read at once.
    async fn lines(
        &mut self,
        items: Vec<ExportedItem>,
        out: &mut Vec<u8>,
    ) -> Result<(), FetchError> {
        let wanted: Vec<_> = items.iter().flat_map(ExportedItem::contents).collect();
        let mut found = self.registry.contents(&wanted).await?.into_iter();
        for item in items {
            let mut next = |content: Option<_>| match content {
                Some(_) => found.next().flatten().ok_or(()).map(Some),
                None => Ok(None),
            };
            let attributes = next(item.attributes);
            let (meta, document) = (next(item.meta), next(item.document));
            let mut attributes = members(attributes.ok().flatten());
            if matches!(item.xid, Xid::Group { .. }) {
                let xid = item.xid.to_string();
                write(out, &ExportLine::Group(GroupToApply { xid, attributes }));
                self.end.groups += 1;
                continue;
            }
            let Ok(document) = document else {
                self.end.purged += 1;
                continue;
            };
            if let Some(kind) = &item.content_type {
                attributes.insert("contenttype".to_owned(), kind.as_ref().into());
            }
            if let Some(state) = item.state {
                attributes.insert("state".to_owned(), state.into());
            }
            let meta = members(meta.ok().flatten());
            if !meta.is_empty() {
                attributes.insert("meta".to_owned(), Value::Object(meta));
            }
            let document =
                DocumentToApply::new(item.xid.to_string(), document.as_deref(), attributes);
            write(out, &ExportLine::Document(document));
            self.end.documents += 1;
        }
        Ok(())
    }
}

fn members(bytes: Option<Bytes>) -> serde_json::Map<String, Value> {
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn write(out: &mut Vec<u8>, line: &ExportLine) {
    // Writing to a Vec can't fail, and a line has only text as its keys.
    if serde_json::to_writer(&mut *out, line).is_ok() {
        out.push(b'\n');
    }
}

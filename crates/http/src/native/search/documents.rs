use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use muster_catalog::{
    Content, View,
    index::{SearchHit, SearchPage, SearchPlace},
    state::Version,
};
use muster_registry::Registry;
use muster_wire::{Problem, search::FoundDocument};
use muster_words::{
    Notation,
    json::{Map, Value},
};

use super::{cursor::SearchCursor, shown::ShownParts};
use crate::xregistry::problem_of_fetch;

/// The most bytes of documents on a page; a page with more ends early. They are in memory as a
/// whole while the answer is written.
const PAGE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The documents of a page.
#[derive(Default)]
pub(super) struct FoundDocuments {
    pub documents: Vec<FoundDocument>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

/// What is shown of documents, and the words that were searched for, in lower case.
pub(super) type Shown<'a> = (&'a ShownParts, &'a [String]);

/// The bytes of documents that a page reads.
pub(super) fn weight(view: &View, page: &SearchPage, parts: &ShownParts) -> u64 {
    if !parts.reads_documents() {
        return 0;
    }
    let size = |hit: &SearchHit| {
        view.version_at(&hit.xid)?.document.map(|content| u64::from(content.size))
    };
    page.hits.iter().filter_map(size).sum::<u64>().min(PAGE_BYTES_MAX)
}

/// Loads the documents of a page.
///
/// # Errors
/// The ledger can't be read.
pub(super) async fn load(
    registry: &Registry,
    view: &View,
    page: &SearchPage,
    cursor: &SearchCursor,
    (parts, words): Shown<'_>,
    path: &str,
) -> Result<FoundDocuments, Problem> {
    let hits = page.hits.iter();
    let hits: Vec<(&SearchHit, &Arc<Version>)> =
        hits.filter_map(|hit| Some((hit, view.version_at(&hit.xid)?))).collect();
    let reads = parts.reads_documents();
    let mut bytes = 0;
    let fits = hits.iter().take_while(|(_, version)| {
        bytes += version.document.map_or(0, |content| u64::from(content.size));
        !reads || bytes <= PAGE_BYTES_MAX
    });
    let count = fits.count().max(1).min(hits.len());
    let shown = hits.get(..count).unwrap_or_default();
    let last = shown.last().filter(|_| count < hits.len());
    let early = last.map(|(hit, _)| SearchPlace { value: hit.value.clone(), xid: hit.xid.clone() });
    let next = early.as_ref().or(page.next.as_ref()).map(|place| cursor.write(place));
    let contents = |of: fn(&Version) -> Option<Content>| -> Vec<Content> {
        shown.iter().filter_map(|(_, version)| of(version)).collect()
    };
    let documents = if reads { contents(|version| version.document) } else { Vec::new() };
    let attributes = contents(|version| version.attributes);
    let failed = |error| problem_of_fetch(error, path);
    let bytes = registry.contents(&documents).await.map_err(failed)?;
    let maps = registry.attributes(&attributes).await.map_err(failed)?;
    let bytes: BTreeMap<_, _> =
        documents.iter().map(|content| content.reference()).zip(bytes).collect();
    let maps: BTreeMap<_, _> =
        attributes.iter().map(|content| content.reference()).zip(maps).collect();
    let documents = shown.iter().map(|(hit, version)| {
        let document = version.document.and_then(|content| bytes.get(&content.reference()));
        let attributes = version.attributes.and_then(|content| maps.get(&content.reference()));
        let document = document.and_then(Option::as_ref);
        found(hit, version, (document, attributes.map(AsRef::as_ref)), (parts, words))
    });
    Ok(FoundDocuments { documents: documents.collect(), next })
}

fn found(
    hit: &SearchHit,
    version: &Version,
    (document, attributes): (Option<&Bytes>, Option<&Map<String, Value>>),
    (parts, words): Shown<'_>,
) -> FoundDocument {
    let notation = Notation::of(version.content_type.as_deref());
    let document = document.and_then(|bytes| notation.parse(bytes).ok());
    let (document, snippet) = parts.of(document.unwrap_or_default(), words);
    let name = attributes.and_then(|map| map.get("name")).and_then(Value::as_str);
    let labels = attributes.and_then(|map| map.get("labels")).and_then(Value::as_object);
    let labels = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    FoundDocument {
        xid: hit.xid.to_string(),
        versionid: version.id.to_string(),
        state: version.state.as_str().to_owned(),
        modifiedat: version.modified.to_string(),
        name: name.map(str::to_owned),
        labels: labels.collect(),
        document,
        snippet,
    }
}

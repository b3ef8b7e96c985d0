use std::sync::Arc;

use muster_catalog::index::SearchCondition;
use muster_registry::FollowerError;
use muster_search::{FOLLOWER, TextHits, TextIndex, TextIndexError, TextQuery, fill};
use muster_wire::{ErrorKind, Problem};
use muster_words::Xid;

use super::{SearchRequest, condition::refused, problem_of};

/// The most documents of which an index is built for one search: it takes a few seconds. Only a
/// command that opens a data directory itself has no index.
const BUILT_MAX: usize = 100_000;

/// The documents with the words of a search.
pub(super) struct FoundWords {
    /// The documents, best first.
    pub xids: Vec<Xid>,
    /// Whether there are more.
    pub is_cut: bool,
    /// How many entries the index doesn't know yet.
    pub behind: u64,
}

/// Finds the documents with the words of a search; none if it has no words.
pub(super) async fn find(
    request: &SearchRequest<'_>,
    condition: &SearchCondition,
) -> Result<Option<FoundWords>, Problem> {
    let Some(words) = request.query.value("q").filter(|words| !words.trim().is_empty()) else {
        return Ok(None);
    };
    if !request.view.is_newest() {
        let detail = "words are searched in the present only; leave out q or at";
        return Err(refused(words, detail).subject(request.path));
    }
    let query = TextQuery::parse(words);
    let query = query.map_err(|error| refused(words, &error.to_string()).subject(request.path))?;
    let candidates = request.view.candidates(condition, &request.declared);
    let candidates =
        candidates.map_err(|fault| request.refused(problem_of(fault, &request.declared)))?;
    let condition = condition.clone();
    let native = request.native;
    let index = match &native.texts {
        Some(index) => index.clone(),
        None => built(request).await?,
    };
    // Before the search: what is indexed meanwhile does no harm.
    let status = native.followers.status();
    let own = status.iter().find(|one| one.name.as_str() == FOLLOWER);
    let head = request.view.position().0;
    let waiting = index.waiting().map(|oldest| (head + 1).saturating_sub(oldest.0));
    let behind = own.map_or(0, |status| status.lag_entries).max(waiting.unwrap_or(0));
    let found =
        tokio::task::spawn_blocking(move || index.find(&query, &condition, &candidates)).await;
    let hits: TextHits = match found {
        Ok(Ok(hits)) => hits,
        Ok(Err(TextIndexError::TooSlow)) => {
            let detail = "too many documents have these words; add rarer ones";
            return Err(refused(words, detail).subject(request.path));
        }
        Ok(Err(error)) => return Err(unavailable(&error.into())),
        Err(error) => return Err(unavailable(&error.into())),
    };
    Ok(Some(FoundWords { xids: hits.xids, is_cut: hits.is_cut, behind }))
}

/// An index for this search alone.
async fn built(request: &SearchRequest<'_>) -> Result<Arc<TextIndex>, Problem> {
    let view = request.native.registry.view();
    if view.catalog().documents > BUILT_MAX as u64 {
        let detail =
            "so many documents have an index of words only in a server; start muster serve";
        let words = request.query.value("q").unwrap_or_default();
        return Err(refused(words, detail).subject(request.path));
    }
    let index = TextIndex::in_memory(view.id()).map_err(|error| unavailable(&error.into()))?;
    let index = Arc::new(index);
    let filled = fill(&request.native.registry, &index, &view).await;
    filled.map_err(|error| unavailable(&error))?;
    Ok(index)
}

fn unavailable(error: &FollowerError) -> Problem {
    tracing::error!(%error, "words can't be searched");
    ErrorKind::StoreUnavailable.into()
}

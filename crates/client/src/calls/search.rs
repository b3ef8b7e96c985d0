use http::Method;
use muster_wire::search::SearchAnswer;

use crate::{Call, Client, ClientError, Query, link::path_of};

impl Client {
    /// One page of a search.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn search_page(&self, query: &Query) -> Result<SearchAnswer, ClientError> {
        self.call(Call::new(Method::GET, "/search", query)).await.map(crate::Answer::of)?.read()
    }

    /// Searches for documents. Reads pages until there are this many documents, or no more.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn search(&self, query: &Query, limit: usize) -> Result<SearchAnswer, ClientError> {
        let mut call = Call::new(Method::GET, "/search", query);
        let mut all: Option<SearchAnswer> = None;
        loop {
            let page: SearchAnswer = self.call(call).await.map(crate::Answer::of)?.read()?;
            let next = page.next.clone();
            let all = match &mut all {
                None => all.insert(page),
                Some(all) => {
                    all.documents.extend(page.documents);
                    all.next = page.next;
                    all
                }
            };
            match next {
                Some(next) if all.documents.len() < limit => {
                    let path = self.below(path_of(&next)).to_owned();
                    call = Call::new(Method::GET, &path, &Query::new());
                }
                _ => return Ok(std::mem::take(all)),
            }
        }
    }
}

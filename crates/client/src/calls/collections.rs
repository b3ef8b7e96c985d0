use http::{Method, header::LINK};
use muster_words::{
    Position, Xid,
    json::{Map, Value},
};

use crate::{Call, Client, ClientError, Query, next_link};

/// Some entities of a collection, by id.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The entities, as in the API's answer.
    pub entries: Map<String, Value>,
    /// The position of the answer.
    pub position: Option<Position>,
    next: Option<String>,
}

impl Page {
    /// A page with these entities only.
    #[must_use]
    pub fn of(entries: Map<String, Value>) -> Self {
        Self { entries, ..Self::default() }
    }

    /// Whether there is a next page.
    #[must_use]
    pub const fn has_next(&self) -> bool {
        self.next.is_some()
    }
}

impl Client {
    /// The first page of a collection, such as `/providers` or `/providers/cms/entries`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn first_page(&self, collection: &str, query: &Query) -> Result<Page, ClientError> {
        self.page(&format!("/api{collection}{query}")).await
    }

    /// The page after this one, if there is one.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn next_page(&self, page: &Page) -> Result<Option<Page>, ClientError> {
        match &page.next {
            Some(next) => self.page(next).await.map(Some),
            None => Ok(None),
        }
    }

    /// All pages of a collection, joined.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn all(&self, collection: &str, query: &Query) -> Result<Page, ClientError> {
        let mut all = self.first_page(collection, query).await?;
        let mut last = all.clone();
        while let Some(page) = self.next_page(&last).await? {
            let before = all.entries.len();
            all.entries.extend(page.entries.clone());
            // Stops if pages lead in a circle.
            if page.has_next() && all.entries.len() == before {
                return Err(self.unexpected("pages that lead in a circle"));
            }
            last = page;
        }
        all.next = None;
        Ok(all)
    }

    /// The ids of a collection, for suggestions; empty if it doesn't exist.
    pub async fn names(&self, collection: &str) -> Vec<String> {
        let page = self.first_page(collection, &Query::new()).await;
        page.map(|page| page.entries.into_iter().map(|(id, _)| id).collect()).unwrap_or_default()
    }

    /// The registry's own attributes.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn registry(&self) -> Result<Value, ClientError> {
        self.details(&Xid::Registry, &Query::new()).await?.json()
    }

    async fn page(&self, path: &str) -> Result<Page, ClientError> {
        let answer = self.call(Call::new(Method::GET, path, &Query::new())).await?;
        let links = answer.headers.get_all(LINK);
        let next = links.iter().filter_map(|link| link.to_str().ok()).find_map(next_link);
        let next = next.map(|next| self.below(&next).to_owned());
        match answer.json()? {
            Value::Object(entries) => Ok(Page { entries, position: answer.position(), next }),
            _ => Err(self.unexpected("a collection that isn't an object")),
        }
    }
}

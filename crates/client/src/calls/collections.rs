use std::{collections::BTreeSet, fmt};

use http::{Method, header::LINK};
use muster_words::{
    Position,
    json::{self, Value},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{Call, Client, ClientError, Query, next_link};

/// Some entities of a collection, by id, in the order of the answer.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The entities, as in the API's answer.
    pub entries: Vec<(String, Value)>,
    /// The same as JSON text, in which the order of members is kept.
    texts: Vec<Box<RawValue>>,
    /// The position of the answer.
    pub position: Option<Position>,
    next: Option<String>,
}

impl Page {
    /// Reads a page from JSON.
    ///
    /// # Errors
    /// The text isn't a JSON object.
    pub fn read(json: &[u8]) -> Result<Self, String> {
        let Members(members) =
            serde_json::from_slice(json).map_err(|error| format!("its JSON is broken: {error}"))?;
        let mut page = Self::default();
        for (id, text) in members {
            let value = json::parse(text.get().as_bytes());
            let value = value.map_err(|error| format!("its JSON is broken: {error}"))?;
            page.entries.push((id, value));
            page.texts.push(text);
        }
        Ok(page)
    }

    /// Whether there is a next page.
    #[must_use]
    pub const fn has_next(&self) -> bool {
        self.next.is_some()
    }

    /// The path and the query of the next page, if there is one.
    #[must_use]
    pub fn next(&self) -> Option<&str> {
        self.next.as_deref().filter(|next| !next.is_empty())
    }

    /// All entities as one JSON object, in their order.
    #[must_use]
    pub fn json(&self) -> String {
        let texts = self.texts.iter().map(|text| text.get());
        let members = self.entries.iter().zip(texts);
        let members: Vec<String> =
            members.map(|((id, _), text)| format!("{}:{text}", Value::from(id.as_str()))).collect();
        format!("{{{}}}", members.join(","))
    }

    /// Cuts it to this many entities.
    fn cut(&mut self, limit: usize) {
        self.entries.truncate(limit);
        self.texts.truncate(limit);
    }

    /// Adds the entities of the next page that aren't there yet. Returns how many those are.
    fn add(&mut self, page: &Self, there: &mut BTreeSet<String>) -> usize {
        let before = self.entries.len();
        for ((id, value), text) in page.entries.iter().zip(&page.texts) {
            if there.insert(id.clone()) {
                self.entries.push((id.clone(), value.clone()));
                self.texts.push(text.clone());
            }
        }
        self.entries.len() - before
    }
}

/// The members of a JSON object, in their order.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
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
        self.up_to(collection, query, usize::MAX).await
    }

    /// This many entities of a collection, from as many pages as they need.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn up_to(
        &self,
        collection: &str,
        query: &Query,
        limit: usize,
    ) -> Result<Page, ClientError> {
        let mut all = Page::default();
        let mut there = BTreeSet::new();
        let mut page = self.first_page(collection, query).await?;
        loop {
            let added = all.add(&page, &mut there);
            // Stops if pages lead in a circle.
            if page.has_next() && added == 0 {
                return Err(self.unexpected("pages that lead in a circle"));
            }
            all.position = all.position.or(page.position);
            if all.entries.len() > limit {
                all.cut(limit);
                all.next = Some(String::new());
                return Ok(all);
            }
            if all.entries.len() == limit {
                all.next = page.next;
                return Ok(all);
            }
            match self.next_page(&page).await? {
                Some(next) => page = next,
                None => return Ok(all),
            }
        }
    }

    /// The ids of a collection, for suggestions; empty if it doesn't exist.
    pub async fn names(&self, collection: &str) -> Vec<String> {
        let page = self.first_page(collection, &Query::new()).await;
        page.map(|page| page.entries.into_iter().map(|(id, _)| id).collect()).unwrap_or_default()
    }

    async fn page(&self, path: &str) -> Result<Page, ClientError> {
        let answer = self.call(Call::new(Method::GET, path, &Query::new())).await?;
        let links = answer.headers.get_all(LINK);
        let next = links.iter().filter_map(|link| link.to_str().ok()).find_map(next_link);
        let next = next.map(|next| self.below(&next).to_owned());
        // Checks what is stricter than JSON in general, such as the same key twice.
        answer.json()?;
        let page = Page::read(&answer.bytes).map_err(|what| self.unexpected(what))?;
        Ok(Page { position: answer.position(), next, ..page })
    }
}

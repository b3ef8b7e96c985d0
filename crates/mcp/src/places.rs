//! Where things are: xids, collections, and links to next pages.

use std::fmt;

use muster_client::{Client, encoded_step};
use muster_words::{Id, Xid};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use crate::refusal::Refusal;

/// The deepest place, in steps: a version, `/providers/cms/entries/sanity/versions/1`.
const STEPS_MAX: usize = 6;

/// An entity's xid from an argument.
pub(crate) fn xid(text: &str) -> Result<Xid, Refusal> {
    Xid::parse_loosely(text).map_err(|error| {
        let example = "/providers/cms for a group, /providers/cms/entries/sanity for a document";
        Refusal::arguments(format!("{text:?} is no xid ({error}); an example: {example}"))
    })
}

/// The xid of a document from an argument.
pub(crate) fn document_xid(text: &str) -> Result<Xid, Refusal> {
    match xid(text)? {
        xid @ Xid::Resource { .. } => Ok(xid),
        other => Err(Refusal::arguments(format!(
            "{other} isn't a document: its xid has four parts, such as /providers/cms/entries/sanity"
        ))),
    }
}

/// The path of an entity or a collection from an argument, such as `/providers/cms/entries`; an
/// empty text for everything.
pub(crate) fn place(text: Option<&str>) -> Result<String, Refusal> {
    let text = text.unwrap_or_default().trim().trim_matches('/');
    if text.is_empty() {
        return Ok(String::new());
    }
    let steps: Vec<&str> = text.split('/').collect();
    let is_sane = |step: &&str| step.parse::<Id>().is_ok();
    if steps.len() > STEPS_MAX || !steps.iter().all(is_sane) {
        return Err(Refusal::arguments(format!(
            "{text:?} is no place; examples: /providers (groups), /providers/cms (a group), /providers/cms/entries (its documents)"
        )));
    }
    let steps: Vec<String> = steps.into_iter().map(encoded_step).collect();
    Ok(format!("/{}", steps.join("/")))
}

/// Whether a place is a collection: types and names alternate, and a collection ends with a type.
pub(crate) fn is_collection(place: &str) -> bool {
    place.matches('/').count() % 2 == 1
}

/// A position, a time or a version in an argument. Models write numbers as they find them, with and
/// without quotes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum NumberOrText {
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
}

impl fmt::Display for NumberOrText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// Always as a text, so that a confirmation is for either.
impl Serialize for NumberOrText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The path and the query of the next page, which an assistant gives back as it is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Cursor(pub String);

/// The parameters of the links that lists, searches and validations give.
const PAGING: [&str; 18] = [
    "", "after", "at", "before", "cursor", "facets", "field", "filter", "group", "label", "limit",
    "offset", "q", "show", "sort", "state", "type", "where",
];

impl Cursor {
    /// The cursor of a link in an answer.
    pub(crate) fn of(client: &Client, next: Option<&str>) -> Option<Self> {
        next.map(|next| Self(client.path_of_link(next).to_owned()))
    }

    /// The path, if it leads where this tool asks: below `door`.
    pub(crate) fn path(&self, door: &str) -> Result<&str, Refusal> {
        let rest = self.0.strip_prefix(door);
        let fits = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['?', '/']));
        let query = self.0.split_once('?').map_or("", |(_, query)| query);
        let names = query.split('&').filter_map(|pair| pair.split('=').next());
        // A page may be asked for, and nothing that is larger than a page.
        let fits = fits
            && names.into_iter().all(|name| PAGING.contains(&name))
            && !self.0.starts_with("/api/export");
        let is_plain = self.0.bytes().all(|byte| byte.is_ascii_graphic());
        if fits && is_plain && !self.0.contains("/..") {
            return Ok(&self.0);
        }
        Err(Refusal::arguments("this cursor isn't one that this tool returned; leave it out"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_places_as_people_and_models_write_them() {
        for (text, expect) in [
            ("", Some("")),
            ("/", Some("")),
            ("providers", Some("/providers")),
            ("/providers/cms/", Some("/providers/cms")),
            (" /providers/cms/entries", Some("/providers/cms/entries")),
            ("/a/b/c/d/versions/1", Some("/a/b/c/d/versions/1")),
            ("/a/b/c/d/versions/1/x", None),
            ("/providers//entries", None),
            ("../keys", None),
            ("/providers?x=1", None),
            ("/pro viders", None),
        ] {
            assert_eq!(place(Some(text)).ok().as_deref(), expect, "{text:?}");
        }
        assert!(is_collection("/providers") && is_collection("/providers/cms/entries"));
        assert!(!is_collection("/providers/cms") && !is_collection(""));
    }

    #[test]
    fn reads_numbers_with_and_without_quotes() {
        for (json, expect) in [("7", "7"), ("\"7\"", "7"), ("\"2027-01-31\"", "2027-01-31")] {
            let read = serde_json::from_str::<NumberOrText>(json);
            assert_eq!(read.ok().map(|read| read.to_string()).as_deref(), Some(expect), "{json}");
        }
    }

    #[test]
    fn follows_cursors_of_its_own_door_alone() {
        for (cursor, door, expect) in [
            ("/search?q=a&after=b", "/search", true),
            ("/search", "/search", true),
            ("/searching", "/search", false),
            ("/api/providers?after=x", "/api", true),
            ("/keys", "/api", false),
            ("/api/../keys", "/api", false),
            ("/api/a b", "/api", false),
            ("", "/api", false),
        ] {
            assert_eq!(Cursor(cursor.to_owned()).path(door).is_ok(), expect, "{cursor} {door}");
        }
    }
}

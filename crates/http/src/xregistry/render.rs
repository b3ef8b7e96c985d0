//! Entities as JSON: which of them an answer shows ([`Survey`]), and how they are written
//! ([`JsonWriter`]). Everything is rendered from one immutable view. Contents are loaded before,
//! in bulk.

mod json;
mod links;
mod paging;
mod shelf;
mod survey;
mod write;

pub(super) use json::JsonWriter;
pub(super) use links::Links;
pub(super) use paging::{Page, first_page, page, page_limit, without_page};
pub(super) use shelf::{Shelf, Wanted};
pub(super) use survey::{Members, Shown, Survey};
pub(super) use write::{Writing, model};

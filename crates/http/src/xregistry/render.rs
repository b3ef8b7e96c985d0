//! Entities as JSON: which of them an answer shows ([`Survey`]), what each says of itself
//! ([`Fields`]), and how it is written ([`JsonWriter`]). Everything is rendered from one immutable
//! view; contents are loaded before, in bulk.

mod entity;
mod fields;
mod json;
mod links;
mod paging;
mod shelf;
mod survey;
mod write;

pub(super) use entity::Entity;
pub(super) use fields::Fields;
pub(super) use json::JsonWriter;
pub(super) use links::Links;
pub(super) use paging::{Page, first_page, page, page_limit, sort, without_page};
pub(super) use shelf::{Shelf, Wanted};
pub(super) use survey::{Members, Shown, Survey, is_id};
pub(super) use write::{Writing, model};

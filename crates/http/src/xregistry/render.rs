//! Entities as JSON: which of them an answer shows ([`AnswerPlanner`]), and how they are written
//! ([`JsonWriter`]). Everything is rendered from one immutable view. Contents are loaded before,
//! in bulk.

mod json;
mod links;
mod loaded_contents;
mod paging;
mod planner;
mod write;

pub(super) use json::JsonWriter;
pub(super) use links::Links;
pub(super) use loaded_contents::{LoadedContents, NeededContents};
pub(super) use paging::{Page, first_page, page, page_limit, without_page};
pub(super) use planner::{AnswerPlanner, ShownEntity, ShownMembers};
pub(super) use write::{EntityWriter, model};

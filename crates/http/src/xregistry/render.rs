//! Entities as JSON: what an answer shows ([`AnswerPlanner`]), and how it is written ([`JsonWriter`]).
//! Everything is rendered from one immutable view. Contents are loaded in bulk before that.

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

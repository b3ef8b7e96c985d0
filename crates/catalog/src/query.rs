//! Queries over the entities of a view: which of them pass a filter, and in which order they
//! stand (xRegistry core, "Filter Flag" and "Sort Flag").
//!
//! A query reads no content. What it needs of one it asks [`LoadedAttributes`] for, and what isn't
//! loaded it answers as [`MissingAttributes`], to be called again.
//!
//! [`LoadedAttributes`]: crate::entity::LoadedAttributes

mod compare;
mod evaluate;
mod filter;
mod members;
mod path;
mod sort;
mod text;

pub use evaluate::MissingAttributes;
pub use filter::{Comparison, Filter, FilterExpression, FilterMatch, FilterTest, TextPattern};
pub use members::MemberQuery;
pub use path::{AttributePath, AttributePathError, PathStep};
pub use sort::Sort;
pub use text::{FilterError, SortError};

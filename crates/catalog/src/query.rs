//! Queries over the entities of a view: filters and orders (xRegistry core, "Filter Flag" and "Sort
//! Flag").
//!
//! A query reads no content. It gets attributes from [`LoadedAttributes`]. If some aren't loaded,
//! it returns [`MissingAttributes`] and must be called again.
//!
//! [`LoadedAttributes`]: crate::entity::LoadedAttributes

mod compare;
mod evaluate;
mod filter;
mod members;
mod passing;
mod path;
mod sort;
mod text;

pub use compare::SortKey;
pub(crate) use compare::texts as compare_texts;
pub use evaluate::{MissingAttributes, passing};
pub use filter::{Comparison, Filter, FilterExpression, FilterTest, TextPattern};
pub use members::{MemberQuery, count_until};
pub use passing::{PassingEntity, PassingMembers};
pub use path::{AttributePath, AttributePathError, PathStep};
pub use sort::Sort;
pub use text::{FilterError, SortError};

//! Whether a document passes: the one place that says so, for the registry and for a folder alike.
//!
//! A document passes when it is what its collection holds (a rule, a schema that something binds),
//! when the schemas and rules that its type and its group bind find no error in it, and when the
//! documents that it refers to are there. The judge is a function of what its [`Sources`] say. It
//! fetches nothing: what it lacks it names, and it is called again when that is at hand.

mod bindings;
mod command;
mod compiled;
mod document;
mod sources;
mod verdict;

pub use bindings::binding_documents;
pub(crate) use bindings::must_be_schema;
pub use command::{CommandSources, PendingChanges, WriteVerdicts, may_get_another_default};
pub use compiled::{CompilationCache, CompiledRule, CompiledSchema};
pub use document::Document;
pub use sources::{ContentBytes, Presence, Resolver, Sources};
pub use verdict::{BindingFault, Dependency, DocumentFault, NoVerdict, Rejection, Verdict};

/// Judges documents by what its sources say.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    /// Where names lead, and what is bound.
    pub sources: &'a dyn Sources,
    /// Schemas and rules that were compiled before.
    pub compiled: &'a dyn CompilationCache,
    /// Whether it may take longer than some milliseconds. Where it may not and would, it answers
    /// [`NoVerdict::Long`].
    pub may_take_long: bool,
}

#[cfg(test)]
mod tests;

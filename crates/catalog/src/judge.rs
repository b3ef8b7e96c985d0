//! The judge decides whether a document passes, both for a registry and for a folder.
//!
//! A document passes if it is what its collection holds (a rule, or a schema that is bound), if the
//! schemas and rules of its type and its group find no error in it, and if the documents that it
//! refers to exist. The judge is a function of its [`Sources`] and fetches nothing: it returns the
//! contents that it lacks, and is called again with them.

mod bindings;
mod built_in;
mod command;
mod compiled;
mod document;
mod schema_fault;
mod schema_identity;
mod schema_versions;
mod sources;
mod verdict;

pub use bindings::binding_documents;
pub(crate) use bindings::{holds_schemas, is_among_schemas, is_bound, must_be_schema};
pub use command::{CommandSources, PendingChanges, WriteVerdicts};
pub use compiled::{
    CompilationCache, CompiledRule, CompiledSchema, ParsedKey, SourceKey, parsed_schema,
};
pub use document::Document;
pub use schema_fault::SchemaFault;
pub(crate) use schema_identity::referenced_schemas;
pub use schema_versions::EarlierVersion;
pub use sources::{ContentBytes, DocumentContent, Presence, Resolver, SchemaOrigin, Sources};
pub use verdict::{
    BindingFault, Dependency, DocumentFault, IdLookup, NoVerdict, Rejection, SchemaIdentity,
    Verdict,
};

/// Judges documents with the help of its sources.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    /// Resolves names and bindings.
    pub sources: &'a dyn Sources,
    /// The cache of compiled schemas and rules.
    pub compiled: &'a dyn CompilationCache,
    /// Whether it may take more than some milliseconds. If not, it may answer [`NoVerdict::Long`].
    pub may_take_long: bool,
}

#[cfg(test)]
mod tests;

//! The commands: one file per command; the folders follow the tree of commands.

pub mod apply;
pub mod backup;
pub mod client;
pub mod complete_names;
pub mod completions;
pub mod config;
pub mod conflicts;
pub mod delete;
pub mod diff;
pub mod encryption;
pub mod entities;
pub mod errors;
pub mod export;
pub mod extract;
pub mod get;
pub mod import;
pub mod init;
pub mod keys;
pub mod ledger;
pub mod list;
pub mod log;
pub mod man;
pub mod mcp;
pub mod model;
mod past;
pub mod propagation;
pub mod providers;
pub mod publish;
pub mod put;
pub mod references;
pub mod restore;
pub mod restore_backup;
pub mod rollback;
pub mod schema;
pub mod search;
pub mod serve;
pub mod shell;
pub mod snapshot;
pub mod status;
pub mod supervision;
pub mod validate;
pub mod watch;

use std::num::ParseIntError;

use clap::Subcommand;

use crate::{Context, Failure};

/// The commands of the program.
#[derive(Debug, Subcommand)]
pub enum MusterCommand {
    #[command(before_help = init::EXAMPLES)]
    Init(init::InitArguments),
    #[command(before_help = serve::EXAMPLES)]
    Serve(serve::ServeArguments),
    /// Install the server as a service of this computer, look at it, remove it
    #[command(subcommand, name = "service")]
    Supervision(supervision::SupervisionCommand),
    #[command(before_help = list::EXAMPLES)]
    List(list::ListArguments),
    #[command(before_help = get::EXAMPLES)]
    Get(get::GetArguments),
    #[command(before_help = search::EXAMPLES)]
    Search(search::SearchArguments),
    /// Register entities, find them by class, and list the classes
    #[command(subcommand)]
    Entities(entities::EntitiesCommand),
    #[command(before_help = references::EXAMPLES)]
    References(references::ReferencesArguments),
    #[command(before_help = log::EXAMPLES)]
    Log(log::LogArguments),
    #[command(before_help = diff::EXAMPLES)]
    Diff(diff::DiffArguments),
    #[command(before_help = watch::EXAMPLES)]
    Watch(watch::WatchArguments),
    #[command(before_help = status::EXAMPLES)]
    Status(status::StatusArguments),
    #[command(before_help = put::EXAMPLES)]
    Put(put::PutArguments),
    #[command(before_help = delete::EXAMPLES)]
    Delete(delete::DeleteArguments),
    #[command(before_help = restore::EXAMPLES)]
    Restore(restore::RestoreArguments),
    #[command(before_help = rollback::EXAMPLES)]
    Rollback(rollback::RollbackArguments),
    #[command(before_help = apply::EXAMPLES)]
    Apply(apply::ApplyArguments),
    /// Read or replace the model, which defines the collections
    #[command(subcommand)]
    Model(model::ModelCommand),
    #[command(before_help = validate::EXAMPLES)]
    Validate(validate::ValidateArguments),
    /// Register and list schemas, check and compare them, and check payloads
    #[command(subcommand)]
    Schema(schema::SchemaCommand),
    /// Send changes to others, and see how far each route is
    #[command(subcommand)]
    Propagation(propagation::PropagationCommand),
    /// List, show and decide conflicts between registries
    #[command(subcommand)]
    Conflicts(conflicts::ConflictsCommand),
    /// List, add, watch and control live AI providers
    #[command(subcommand)]
    Providers(providers::ProvidersCommand),
    #[command(before_help = mcp::EXAMPLES)]
    Mcp(mcp::McpArguments),
    #[command(before_help = publish::EXAMPLES, visible_alias = "deploy")]
    Publish(publish::PublishArguments),
    /// Read a published site as an application does
    #[command(subcommand)]
    Client(client::ClientCommand),
    #[command(before_help = snapshot::EXAMPLES)]
    Snapshot(snapshot::SnapshotArguments),
    #[command(before_help = export::EXAMPLES)]
    Export(export::ExportArguments),
    #[command(before_help = import::EXAMPLES)]
    Import(import::ImportArguments),
    #[command(before_help = extract::EXAMPLES)]
    Extract(extract::ExtractArguments),
    #[command(before_help = backup::EXAMPLES)]
    Backup(backup::BackupArguments),
    #[command(before_help = restore_backup::EXAMPLES)]
    RestoreBackup(restore_backup::RestoreBackupArguments),
    /// Verify the ledger, prove what is in it, and check proofs
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Create, list, revoke and forget API keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Show the available settings
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Encrypt and decrypt with the registry's key, and replace it
    #[command(subcommand)]
    Encryption(encryption::EncryptionCommand),
    #[command(before_help = errors::EXAMPLES)]
    Errors(errors::ErrorsArguments),
    #[command(before_help = completions::EXAMPLES)]
    Completions(completions::CompletionsArguments),
    #[command(before_help = shell::EXAMPLES)]
    Shell(shell::ShellArguments),
    #[command(hide = true)]
    CompleteNames(complete_names::CompleteNamesArguments),
    #[command(before_help = man::EXAMPLES)]
    Man(man::ManArguments),
}

impl MusterCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// The command was refused or failed.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Init(init) => init.run(context),
            Self::Serve(serve) => serve.run(context),
            Self::Supervision(supervision) => supervision.run(context),
            Self::List(list) => context.wait(list.run(context)),
            Self::Get(get) => context.wait(get.run(context)),
            Self::Search(search) => context.wait(search.run(context)),
            Self::Entities(entities) => context.wait(entities.run(context)),
            Self::References(references) => context.wait(references.run(context)),
            Self::Log(log) => context.wait(log.run(context)),
            Self::Diff(diff) => context.wait(diff.run(context)),
            Self::Watch(watch) => context.wait(watch.run(context)),
            Self::Status(status) => context.wait(status.run(context)),
            Self::Put(put) => context.wait(put.run(context)),
            Self::Delete(delete) => context.wait(delete.run(context)),
            Self::Restore(restore) => context.wait(restore.run(context)),
            Self::Rollback(rollback) => context.wait(rollback.run(context)),
            Self::Apply(apply) => context.wait(apply.run(context)),
            Self::Model(model) => context.wait(model.run(context)),
            Self::Validate(validate) => context.wait(validate.run(context)),
            Self::Schema(schema) => context.wait(schema.run(context)),
            Self::Propagation(propagation) => context.wait(propagation.run(context)),
            Self::Conflicts(conflicts) => context.wait(conflicts.run(context)),
            Self::Providers(providers) => context.wait(providers.run(context)),
            Self::Mcp(mcp) => context.wait(mcp.run(context)),
            Self::Publish(publish) => context.wait(publish.run(context)),
            Self::Client(client) => context.wait(client.run(context)),
            Self::Snapshot(snapshot) => context.wait(snapshot.run(context)),
            Self::Export(export) => context.wait(export.run(context)),
            Self::Import(import) => context.wait(import.run(context)),
            Self::Extract(extract) => context.wait(extract.run(context)),
            Self::Backup(backup) => context.wait(backup.run(context)),
            Self::RestoreBackup(restore) => context.wait(restore.run(context)),
            Self::Ledger(ledger) => context.wait(ledger.run(context)),
            Self::Keys(keys) => context.wait(keys.run(context)),
            Self::Config(config) => config.run(context),
            Self::Encryption(encryption) => encryption.run(context),
            Self::Errors(errors) => errors.run(context),
            Self::Completions(completions) => completions.run(context),
            Self::Shell(shell) => shell.run(context),
            Self::CompleteNames(names) => names.run(context),
            Self::Man(man) => man.run(context),
        }
    }
}

/// Parses a position, also as it is printed (`1,204`), for clap.
fn position(text: &str) -> Result<u64, ParseIntError> {
    text.replace([',', '_'], "").parse()
}

/// Parses an xid as people write it, for clap.
fn xid(text: &str) -> Result<muster_words::Xid, muster_words::XidError> {
    muster_words::Xid::parse_loosely(text)
}

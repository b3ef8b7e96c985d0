//! Schemas as such: put and read them, are versions compatible, what differs, which payloads pass.

pub mod bundle;
pub mod check;
mod ci_report;
pub mod diff;
pub mod get;
pub mod list;
pub mod profile;
pub mod quality;
pub mod references;
pub mod register;
mod source;
mod stored_format;
pub mod validate;

use clap::Subcommand;

use crate::{Context, Failure};

/// Register and list schemas, check and compare them, and check payloads
#[derive(Debug, Subcommand)]
pub enum SchemaCommand {
    #[command(before_help = register::EXAMPLES)]
    Register(register::SchemaRegisterArguments),
    #[command(before_help = get::EXAMPLES)]
    Get(get::SchemaGetArguments),
    #[command(before_help = list::EXAMPLES)]
    List(list::SchemaListArguments),
    #[command(before_help = references::EXAMPLES)]
    References(references::SchemaReferencesArguments),
    #[command(before_help = check::EXAMPLES)]
    Check(check::SchemaCheckArguments),
    #[command(before_help = diff::EXAMPLES)]
    Diff(diff::SchemaDiffArguments),
    #[command(before_help = quality::EXAMPLES)]
    Quality(quality::SchemaQualityArguments),
    #[command(before_help = profile::EXAMPLES)]
    Profile(profile::SchemaProfileArguments),
    #[command(before_help = bundle::EXAMPLES)]
    Bundle(bundle::SchemaBundleArguments),
    #[command(before_help = validate::EXAMPLES)]
    Validate(validate::SchemaValidateArguments),
}

impl SchemaCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Register(register) => register.run(context).await,
            Self::Get(get) => get.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::References(references) => references.run(context).await,
            Self::Check(check) => check.run(context).await,
            Self::Diff(diff) => diff.run(context).await,
            Self::Quality(quality) => quality.run(context).await,
            Self::Profile(profile) => profile.run(context).await,
            Self::Bundle(bundle) => bundle.run(context).await,
            Self::Validate(validate) => validate.run(context).await,
        }
    }
}

//! Schemas as such: are versions compatible, what differs, which payloads pass.

pub mod check;
pub mod diff;
pub mod profile;
pub mod quality;
mod source;
pub mod validate;

use clap::Subcommand;

use crate::{Context, Failure};

/// Check schemas for compatibility, compare them, and check payloads
#[derive(Debug, Subcommand)]
pub enum SchemaCommand {
    #[command(before_help = check::EXAMPLES)]
    Check(check::SchemaCheckArguments),
    #[command(before_help = diff::EXAMPLES)]
    Diff(diff::SchemaDiffArguments),
    #[command(before_help = quality::EXAMPLES)]
    Quality(quality::SchemaQualityArguments),
    #[command(before_help = profile::EXAMPLES)]
    Profile(profile::SchemaProfileArguments),
    #[command(before_help = validate::EXAMPLES)]
    Validate(validate::SchemaValidateArguments),
}

impl SchemaCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Check(check) => check.run(context).await,
            Self::Diff(diff) => diff.run(context).await,
            Self::Quality(quality) => quality.run(context).await,
            Self::Profile(profile) => profile.run(context).await,
            Self::Validate(validate) => validate.run(context).await,
        }
    }
}

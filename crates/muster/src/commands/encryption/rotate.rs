use clap::Args;
use muster_fernet::KeyFile;
use serde_json::json;

use super::{KeyPlace, failure};
use crate::{Context, Failure, commands::delete::confirm, composition::random};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster encryption rotate
  muster encryption rotate --forget --yes

";

/// Make a new key the current one; older ones go on reading
#[derive(Debug, Args)]
pub struct EncryptionRotateArguments {
    /// Forget every older key: what they encrypted can't be read any more
    #[arg(long)]
    forget: bool,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    place: KeyPlace,
}

impl EncryptionRotateArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let directory = self.place.directory(context)?;
        if self.forget {
            confirm(context, self.yes, "Forget all older keys?")?;
        }
        let now = context.screen.now;
        let mut keys =
            KeyFile::read_or_make(&directory, random(), now).map_err(|error| failure(&error))?;
        keys.rotate(random(), now).map_err(|error| failure(&error))?;
        let mut forgotten = 0;
        if self.forget {
            forgotten = keys.forget_older().map_err(|error| failure(&error))?;
        }
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&json!({"keys": keys.keys().count(), "forgotten": forgotten}));
        }
        screen.line(&format!("a new key is used; {} keys read", keys.keys().count()))
    }
}

use std::path::PathBuf;

use clap::Args;
use muster_fernet::KeyFile;

use super::{KeyPlace, failure, text_of};
use crate::{Context, Failure, OwnCode, composition::random};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster encryption encrypt document.json
  echo hello | muster encryption encrypt -

";

/// Print a file as a Fernet token, encrypted with the current key
#[derive(Debug, Args)]
pub struct EncryptArguments {
    /// The file; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: KeyPlace,
}

impl EncryptArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let directory = self.place.directory(context)?;
        let text = text_of(&self.file)?;
        let now = context.screen.now;
        let keys =
            KeyFile::read_or_make(&directory, random(), now).map_err(|error| failure(&error))?;
        let key = keys.current().ok_or_else(|| Failure::new(OwnCode::System, "there is no key"))?;
        let seconds = u64::try_from(now.microseconds() / 1_000_000).unwrap_or_default();
        let token = key.encrypt(seconds, random(), text.as_bytes());
        let screen = &context.screen;
        match screen.is_table() {
            true => screen.write(format!("{token}\n").as_bytes()),
            false => screen.value(&serde_json::json!({"token": token})),
        }
    }
}

use std::path::PathBuf;

use clap::Args;
use muster_fernet::decrypt;

use super::{KeyPlace, text_of};
use crate::{Context, Failure, OwnCode};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster encryption decrypt token.txt
  jq -r .data event.json | muster encryption decrypt -

";

/// Print what a Fernet token holds, decrypted with whichever key made it
#[derive(Debug, Args)]
pub struct DecryptArguments {
    /// The file with the token; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: KeyPlace,
}

impl DecryptArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let keys = self.place.read(context)?;
        let token = text_of(&self.file)?;
        let plain = decrypt(keys.keys(), &token).map_err(|error| {
            Failure::new(OwnCode::System, error.to_string())
                .help("the key is the one in the data directory of the registry that encrypted it")
        })?;
        let screen = &context.screen;
        match screen.is_table() {
            true => screen.write(&plain),
            false => screen.value(&serde_json::json!({"text": String::from_utf8_lossy(&plain)})),
        }
    }
}

//! The key that encrypts what routes send.

pub mod decrypt;
pub mod encrypt;
pub mod rotate;
pub mod status;

use std::{
    io::{Read as _, stdin},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use muster_fernet::{KeyFile, KeyFileError};

use crate::{Context, Failure, OwnCode, bounded_file};

/// Encrypt and decrypt with the registry's key, and replace it
#[derive(Debug, Subcommand)]
pub enum EncryptionCommand {
    #[command(before_help = status::EXAMPLES)]
    Status(status::EncryptionStatusArguments),
    #[command(before_help = rotate::EXAMPLES)]
    Rotate(rotate::EncryptionRotateArguments),
    #[command(before_help = encrypt::EXAMPLES)]
    Encrypt(encrypt::EncryptArguments),
    #[command(before_help = decrypt::EXAMPLES)]
    Decrypt(decrypt::DecryptArguments),
}

impl EncryptionCommand {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Status(status) => status.run(context),
            Self::Rotate(rotate) => rotate.run(context),
            Self::Encrypt(encrypt) => encrypt.run(context),
            Self::Decrypt(decrypt) => decrypt.run(context),
        }
    }
}

/// The largest text that is encrypted or decrypted, in bytes: a document with its encoding.
const TEXT_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Where the key is.
#[derive(Debug, Args)]
struct KeyPlace {
    /// The data directory with the key; a server may be using it [default: MUSTER_DATA, or muster in
    /// your data folder]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl KeyPlace {
    fn directory(&self, context: &Context) -> Result<PathBuf, Failure> {
        match &self.data {
            Some(data) => Ok(data.clone()),
            None => context.own_data_directory(),
        }
    }

    fn read(&self, context: &Context) -> Result<KeyFile, Failure> {
        KeyFile::read(&self.directory(context)?).map_err(|error| failure(&error))
    }
}

fn failure(error: &KeyFileError) -> Failure {
    Failure::new(OwnCode::System, error.to_string())
        .help("muster encryption status --data DIR shows the key of a data directory")
}

/// The text in a file, or on standard input.
fn text_of(file: &Path) -> Result<String, Failure> {
    let failed = |cause: &dyn ToString| {
        Failure::new(OwnCode::System, format!("{}: {}", file.display(), cause.to_string()))
    };
    if file.as_os_str() != "-" {
        return bounded_file::read_text(file, TEXT_BYTES_MAX).map_err(|error| failed(&error));
    }
    let mut text = String::new();
    stdin().take(TEXT_BYTES_MAX).read_to_string(&mut text).map_err(|error| failed(&error))?;
    Ok(text)
}

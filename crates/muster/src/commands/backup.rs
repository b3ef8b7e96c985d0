use std::{
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use muster_ledger::Verifier;
use muster_registry::CheckedBackup;
use serde_json::{Value, json};

use super::ledger::verify::signer;
use crate::{
    Context, Failure, OwnCode,
    arguments::ConnectionArguments,
    backup_file::{BackupReading, BackupSource, NewFile, broken},
    output::{
        numbers::{separated, size},
        progress::ProgressLine,
    },
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster backup monday.backup
  muster backup - | ssh other 'cat > monday.backup'
  muster backup --check monday.backup
  muster backup --check monday.backup --key ledger.pub

";

/// Copy the whole registry into one file, or verify such a file
#[derive(Debug, Args)]
pub struct BackupArguments {
    /// The file to write; - is standard output
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Verify the file instead; this needs no registry
    #[arg(long)]
    check: bool,
    /// The public key that must have signed the file, or a file with it
    #[arg(long, value_name = "KEY", requires = "check", value_parser = verifier)]
    key: Option<Verifier>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Parses the public key of a ledger, or reads it from a file, for clap.
pub(in crate::commands) fn verifier(text: &str) -> Result<Verifier, String> {
    public_key(text, ("a ledger", "muster keys ledger"))
}

/// Parses the public key of a site, or reads it from a file, for clap.
pub(in crate::commands) fn site_verifier(text: &str) -> Result<Verifier, String> {
    public_key(text, ("a published site", "muster keys site"))
}

fn public_key(text: &str, (of, printed_by): (&str, &str)) -> Result<Verifier, String> {
    let file = || crate::bounded_file::read_text(Path::new(text), KEY_BYTES_MAX).ok();
    let parsed = text.trim().parse().ok().or_else(|| file()?.trim().parse().ok());
    parsed.ok_or_else(|| {
        format!("it isn't the public key of {of}, nor a file with one; {printed_by} prints it")
    })
}

/// The longest file with a public key, in bytes.
const KEY_BYTES_MAX: u64 = 4 * 1024;

impl BackupArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let shown = context.shown(&self.file);
        if self.check {
            return self.check(context, &shown);
        }
        let mut out = Target::open(&self.file, &shown)?;
        let client = self.connection.client(context).await?;
        let mut progress = ProgressLine::new(&context.screen, "copying entries", 0);
        let mut reading = BackupReading::default();
        let mut bytes = 0;
        let mut copied = client.backup().await?;
        // One listener for the whole loop; a new one for each piece would miss a Ctrl-C.
        let mut pressed = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            let piece = tokio::select! {
                biased;
                _ = &mut pressed => {
                    return Err(Failure::new(OwnCode::Interrupted, "stopped: no backup was made"));
                }
                piece = copied.next() => piece?,
            };
            let Some(piece) = piece else { break };
            out.write(&piece, &shown)?;
            bytes += piece.len() as u64;
            reading.take(&piece, drop).map_err(|error| broken(&shown, &error))?;
            reading.show(&mut progress);
        }
        drop(progress);
        let backup = reading.end(None).map_err(|error| broken(&shown, &error))?;
        let is_file = matches!(out, Target::File(_));
        out.keep(&shown)?;
        if !is_file {
            return Ok(());
        }
        if !context.screen.is_table() {
            return context.screen.value(&of(&backup, bytes, &self.file));
        }
        context.screen.line(&format!("copied {} to {shown}", described(&backup, bytes)))
    }

    fn check(&self, context: &Context, shown: &str) -> Result<(), Failure> {
        let mut source = BackupSource::open(&self.file, shown.to_owned())?;
        let mut progress = ProgressLine::new(&context.screen, "verifying entries", 0);
        let mut reading = BackupReading::default();
        let mut bytes = 0;
        loop {
            let piece = source.next()?;
            if piece.is_empty() {
                break;
            }
            bytes += piece.len() as u64;
            reading.take(piece, drop).map_err(|error| broken(shown, &error))?;
            reading.show(&mut progress);
        }
        drop(progress);
        let backup = reading.end(self.key.as_ref()).map_err(|error| broken(shown, &error))?;
        if !context.screen.is_table() {
            return context.screen.value(&of(&backup, bytes, &self.file));
        }
        context.screen.line(&format!("{shown} is sound: {}", described(&backup, bytes)))?;
        if self.key.is_none() {
            context.screen.line(&format!("its key: {}", backup.key))?;
        }
        Ok(())
    }
}

/// What a backup holds, in words.
fn described(backup: &CheckedBackup, bytes: u64) -> String {
    let (entries, contents) = (separated(backup.entries), separated(backup.contents));
    let (registry, signed) = (&backup.header.registry, signer(&backup.key.to_string()));
    let bytes = size(bytes);
    format!("{registry}: {entries} entries, {contents} contents, {bytes}, signed by {signed}")
}

/// What a backup holds, for programs.
fn of(backup: &CheckedBackup, bytes: u64, file: &Path) -> Value {
    json!({
        "file": file.display().to_string(),
        "registryid": backup.header.registry,
        "entries": backup.entries,
        "contents": backup.contents,
        "purged": backup.purged,
        "bytes": bytes,
        "moment": backup.moment.to_string(),
        "key": backup.key.to_string(),
    })
}

/// Where a backup goes.
enum Target {
    File(NewFile),
    Standard(std::io::Stdout),
}

impl Target {
    fn open(path: &Path, shown: &str) -> Result<Self, Failure> {
        if path != Path::new("-") {
            return NewFile::create(path, shown).map(Self::File);
        }
        let out = std::io::stdout();
        if out.is_terminal() {
            return Err(Failure::usage("a backup isn't text, and standard output is a terminal")
                .help("name a file, or send it into a pipe"));
        }
        Ok(Self::Standard(out))
    }

    fn write(&mut self, bytes: &[u8], shown: &str) -> Result<(), Failure> {
        match self {
            Self::File(file) => file.write(bytes, shown),
            Self::Standard(out) => out.write_all(bytes).map_err(|error| Failure::of_output(&error)),
        }
    }

    fn keep(self, shown: &str) -> Result<(), Failure> {
        match self {
            Self::File(file) => file.keep(shown),
            Self::Standard(mut out) => out.flush().map_err(|error| Failure::of_output(&error)),
        }
    }
}

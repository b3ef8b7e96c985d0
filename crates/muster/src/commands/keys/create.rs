use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::Args;
use muster_wire::keys::KeyRequest;

use crate::{
    Context, Failure, OwnCode,
    arguments::{ConnectionArguments, Explanation},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster keys create --role publisher --name deploy --to deploy.key
  muster keys create --role publisher --name ci --scope /providers/cms --expires 90d
  muster keys create --role admin --data /var/lib/muster

";

/// Create a key and print it; it can't be shown again
#[derive(Debug, Args)]
pub struct KeyCreateArguments {
    /// A name that says what the key is for
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The role of the key: admin, publisher, reviewer, consumer or auditor
    #[arg(long, value_name = "ROLE", default_value = "admin")]
    role: String,
    /// Limit the key to a place, such as /providers/cms or '/providers/*/entries/sanity-*'; may be
    /// repeated
    #[arg(long, value_name = "PLACE")]
    scope: Vec<String>,
    /// Expire after a time (90d, 12h) or at a moment (2027-01-31T12:00:00Z)
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// Write the key into a new file that only you can read, instead of printing it
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl KeyCreateArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        check_expiry(self.expires.as_deref())?;
        let client = self.connection.client_or_directory(context).await?;
        let client = self.explanation.of(client)?;
        let wanted = KeyRequest {
            role: Some(self.role),
            name: self.name,
            scope: (!self.scope.is_empty()).then_some(self.scope),
            expires: self.expires,
        };
        // Afterwards this command may have no key to ask with. If it can't be known, nothing is said.
        let there = client.keys(false).await.and_then(|answer| answer.read());
        let is_first = there.is_ok_and(|there| there.keys.is_empty() && !there.given);
        // The file is made first: a key that can't be written would be lost.
        let file = self.to.as_deref().map(new_file).transpose()?;
        let answer = match client.create_key(&wanted).await {
            Ok(answer) => answer,
            Err(error) => {
                if let Some(path) = &self.to {
                    let _ = fs::remove_file(path);
                }
                return Err(error.into());
            }
        };
        let screen = &context.screen;
        if let (Some(path), Some(mut file)) = (&self.to, file) {
            let made = answer.read()?;
            let text = format!("{}\n", made.key);
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
                let what = format!("the key {} can't be written: {error}", made.entry.id);
                Failure::new(OwnCode::FileInUse, what).help("revoke it, and create another one")
            })?;
            let shown = path.display().to_string();
            if !screen.is_table() {
                return screen.value(&serde_json::json!({"id": made.entry.id, "file": shown}));
            }
            if is_first {
                screen.note("it is the first key: from now on requests need one");
            }
            return screen.line(&format!("wrote the key {} to {shown}", made.entry.id));
        }
        if !screen.is_table() {
            return screen.value(&answer.json()?);
        }
        let made = answer.read()?;
        let mut note = "this is the only time that the key is shown".to_owned();
        if is_first {
            note.push_str("; it is the first: from now on requests need a key");
        }
        screen.note(&note);
        screen.line(&made.key)
    }
}

/// A number alone could be anything, from seconds to weeks.
fn check_expiry(text: Option<&str>) -> Result<(), Failure> {
    match text {
        Some(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(Failure::usage(format!("--expires {text} lacks a unit"))
                .help(format!("write {text}d for days, {text}h for hours or {text}w for weeks")))
        }
        _ => Ok(()),
    }
}

/// A file that didn't exist, which only its owner can read.
fn new_file(path: &Path) -> Result<File, Failure> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| {
        let what = format!("{} can't be created: {error}", path.display());
        Failure::new(OwnCode::FileInUse, what).help("name a file that doesn't exist yet")
    })
}

use clap::Args;
use muster_fernet::{KeyFile, ROTATION_DAYS};
use serde_json::json;

use super::KeyPlace;
use crate::{Context, Failure};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster encryption status
  muster encryption status --data /var/lib/muster

";

/// The microseconds of a day.
const DAY: i64 = 86_400 * 1_000_000;

/// Show since when the current key is used, and how many older ones still read
#[derive(Debug, Args)]
pub struct EncryptionStatusArguments {
    #[command(flatten)]
    place: KeyPlace,
}

impl EncryptionStatusArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let keys = self.place.read(context)?;
        let made: Vec<_> = keys.made().collect();
        let current = made.first().map(|made| made.microseconds()).unwrap_or_default();
        let days = context.screen.now.microseconds().saturating_sub(current) / DAY;
        let path = KeyFile::path_in(&self.place.directory(context)?);
        let screen = &context.screen;
        if !screen.is_table() {
            let made: Vec<String> = made.iter().map(ToString::to_string).collect();
            return screen.value(&json!({
                "file": path.display().to_string(),
                "algorithm": "fernet",
                "made": made,
                "days": days,
                "key_rotation_interval_days": ROTATION_DAYS,
                "rotation_due": days >= ROTATION_DAYS,
            }));
        }
        screen.line(&format!("{}  Fernet, used for {days} days", context.shown(&path)))?;
        screen.line(&format!("{} older keys still read", made.len().saturating_sub(1)))?;
        if days >= ROTATION_DAYS {
            screen.note(&format!("older than {ROTATION_DAYS} days: muster encryption rotate"));
        }
        Ok(())
    }
}

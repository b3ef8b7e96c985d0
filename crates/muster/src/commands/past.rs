use clap::Args;
use muster_client::Query;

use super::log::moment;
use crate::{Context, Failure};

/// The flag that reads the past.
#[derive(Debug, Default, Args)]
pub struct PastArguments {
    /// Show the registry as it was: at a position (1,204), at a time (2027-01-31T12:00:00Z), or this
    /// long ago (2h, 7d)
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
}

impl PastArguments {
    /// Adds to a query when it is about.
    ///
    /// # Errors
    /// The flag's value is neither a position nor a time.
    pub(super) fn add_to(&self, query: Query, context: &Context) -> Result<Query, Failure> {
        let Some(text) = &self.at else { return Ok(query) };
        // As positions are printed.
        let digits = text.replace([',', '_'], "");
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(query.with("at", digits));
        }
        let time = moment("at", text, context.screen.now).map_err(|failure| {
            failure.help(
                "write a position such as 1204, a moment such as 2027-01-31T12:00:00Z, or an age such \
                 as 90d, 12h or 30m",
            )
        })?;
        Ok(query.with("at", time))
    }
}

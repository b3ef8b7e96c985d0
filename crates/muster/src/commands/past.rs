use clap::Args;
use muster_client::{Client, ClientError, Query};
use muster_words::Xid;

use super::{get::explain, log::moment};
use crate::{Context, Failure, suggest};

/// The flag that reads the past.
#[derive(Debug, Default, Args)]
pub struct PastArguments {
    /// Show the registry as it was: at a position (1,204), at a time (2027-01-31T12:00:00Z), or this
    /// long ago (2h, 7d)
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
}

/// A point in a registry's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// A position.
    Position(u64),
    /// A time, as the server reads it.
    Time(String),
}

impl PastArguments {
    /// Adds to a query when it is about.
    ///
    /// # Errors
    /// The flag's value is neither a position nor a time.
    pub(super) fn add_to(&self, query: Query, context: &Context) -> Result<Query, Failure> {
        let Some(text) = &self.at else { return Ok(query) };
        Ok(query.with("at", when("at", text, context)?.text()))
    }
}

impl PastArguments {
    /// The failure for a name that may not have existed at the time that the flag names.
    pub(super) async fn explain(&self, client: &Client, xid: &Xid, error: ClientError) -> Failure {
        let Some(text) = self.at.as_ref().filter(|_| error.is_absent()) else {
            return explain(client, xid, error).await;
        };
        let name = suggest::without_slash(xid);
        Failure::from(error)
            .with_message(format!("there was no {name} at {text}"))
            .help(format!("muster log {name} shows when it was made and deleted"))
    }
}

impl When {
    /// Its text in a query.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Position(position) => position.to_string(),
            Self::Time(time) => time.clone(),
        }
    }
}

/// Parses the value of a flag that names a position or a time.
///
/// # Errors
/// It is neither.
pub(super) fn when(flag: &str, text: &str, context: &Context) -> Result<When, Failure> {
    // As positions are printed.
    let digits = text.replace([',', '_'], "");
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let position = digits.parse();
        return position
            .map(When::Position)
            .map_err(|_| Failure::usage(format!("--{flag}: {text} is larger than any position")));
    }
    let time = moment(flag, text, &context.screen).map_err(|failure| {
        failure.help(
            "write a position such as 1204, a moment such as 2027-01-31T12:00:00Z, a day such as \
             2027-01-31, or an age such as 90d, 12h or 30m",
        )
    })?;
    Ok(When::Time(time.to_string()))
}

/// Whether a text names a version of the document at a place. A version that exists comes before a
/// position with the same number.
pub(super) async fn is_version(client: &Client, place: &str, text: &str) -> bool {
    let document = place.parse().ok().filter(|xid| matches!(xid, Xid::Resource { .. }));
    match document.and_then(|xid: Xid| xid.version(text.parse().ok()?)) {
        Some(version) => client.details(&version, &Query::new()).await.is_ok(),
        None => false,
    }
}

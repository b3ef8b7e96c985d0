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
    // As positions are printed, or with the sign that tells them from versions.
    let digits = text.strip_prefix('@').unwrap_or(text).replace([',', '_'], "");
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

/// The version of the document at a place that the value of a flag names: `v2`, or an id that is no
/// number. `@2` is a position.
///
/// # Errors
/// The value is a number that is a version and a position as well: a rollback to the other one would
/// bring back other contents. Or it is a version's number, and there is no such version.
pub(super) async fn version(
    client: &Client,
    place: &str,
    (flag, text): (&str, &str),
) -> Result<Option<String>, Failure> {
    let document = place.parse().ok().filter(|xid| matches!(xid, Xid::Resource { .. }));
    let Some(document): Option<Xid> = document else { return Ok(None) };
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let named = text.strip_prefix('v').filter(|rest| !rest.is_empty());
    let mut absent = None;
    for id in [Some(text), named].into_iter().flatten() {
        let Some(version) = id.parse().ok().and_then(|id| document.version(id)) else { continue };
        match client.details(&version, &Query::new()).await {
            Ok(_) => {}
            Err(error) if error.is_absent() => {
                absent = Some(error);
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        if is_number {
            let what = format!("--{flag} {text} may be a version or a position");
            return Err(Failure::usage(what)
                .help(format!("write v{text} for the version, or @{text} for the position")));
        }
        return Ok(Some(id.to_owned()));
    }
    // A number after `v` is nothing else.
    let number = named.filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    match absent.zip(number) {
        Some((error, number)) => {
            let name = suggest::without_slash(&document);
            let what = format!("{name} has no version {number}");
            Err(Failure::from(error)
                .with_message(what)
                .help(format!("muster log {name} shows its versions")))
        }
        None => Ok(None),
    }
}

use std::{collections::BTreeMap, num::NonZeroUsize};

use bytes::Bytes;
use clap::Args;
use muster_client::{Answer, Client, Query};
use muster_history::difference;
use muster_wire::log::{LogAction, LogChange, LogEntry, LogKind, LogPage};
use muster_words::{Digest, Moment, Notation, Xid, time_span};

use super::{position, xid};
use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    output::{Screen, Style, Table, differences::one_line, numbers::separated, times},
    suggest,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster log
  muster log providers/cms/entries/sanity
  muster log providers/cms --limit 10
  muster log --who deploy --since 7d

";

/// About one screen.
const FIFTY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(49);

/// Show who changed what and when, newest first
#[derive(Debug, Args)]
pub struct LogArguments {
    /// The entity; without it, everything
    #[arg(value_parser = xid, value_name = "XID", default_value = "/", hide_default_value = true)]
    xid: Xid,
    /// At most this many
    #[arg(long, value_name = "COUNT", default_value_t = FIFTY, allow_negative_numbers = true)]
    limit: NonZeroUsize,
    /// Only what happened before this position
    #[arg(long, value_name = "POSITION", value_parser = position)]
    #[arg(allow_negative_numbers = true)]
    before: Option<u64>,
    /// Only what this key did: its name, or its id as in keys list
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Only what happened since a time: an age (90d, 12h, 30m) or a moment (2027-01-31T12:00:00Z)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what happened until a time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl LogArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let wanted = self.wanted(context)?;
        let (page, is_cut) = match wanted {
            Some(wanted) => {
                let (page, is_cut) = self.found(&client, &wanted).await?;
                if !context.screen.is_table() {
                    return context.screen.value(&serde_json::to_value(&page).unwrap_or_default());
                }
                (page, is_cut)
            }
            None => {
                let answer = self.page(&client, self.limit, self.before).await?;
                if !context.screen.is_table() {
                    return context.screen.json(&answer.text()?);
                }
                let page = answer.read()?;
                let is_cut = page.next.is_some();
                (page, is_cut)
            }
        };
        let mut log = AnnotatedLog::new(&client, &self.xid);
        let table = log.table(&context.screen, &page.entries).await;
        if table.is_empty() {
            context.screen.note("nothing happened");
            return Ok(());
        }
        context.screen.write(table.render(&context.screen).as_bytes())?;
        if is_cut {
            let oldest = page.entries.last().map(|entry| entry.position.to_string());
            let oldest = oldest.unwrap_or_default();
            let of = match &self.xid {
                Xid::Registry => String::new(),
                xid => format!(" {}", suggest::without_slash(xid)),
            };
            let also = [("who", &self.who), ("since", &self.since)].into_iter();
            let also: String = also
                .filter_map(|(name, set)| Some(format!(" --{name} {}", set.as_ref()?)))
                .collect();
            let note = format!("muster log{of}{also} --before {oldest} shows earlier commands");
            context.screen.note(&context.screen.paint_error(Style::Dim, &note));
        }
        Ok(())
    }
}

impl LogArguments {
    async fn page(
        &self,
        client: &Client,
        limit: NonZeroUsize,
        before: Option<u64>,
    ) -> Result<Answer<LogPage>, Failure> {
        let query = Query::new().with("limit", limit).with_some("before", before);
        match client.log(&self.xid, &query).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(super::get::explain(client, &self.xid, error).await),
        }
    }

    /// What only some commands are; none if all are wanted.
    fn wanted(&self, context: &Context) -> Result<Option<WantedCommands<'_>>, Failure> {
        if self.who.is_none() && self.since.is_none() && self.until.is_none() {
            return Ok(None);
        }
        let moment = |name: &str, text: &Option<String>| {
            text.as_deref().map(|text| moment(name, text, context.screen.now)).transpose()
        };
        let (since, until) = (moment("since", &self.since)?, moment("until", &self.until)?);
        if since.zip(until).is_some_and(|(since, until)| since > until) {
            return Err(Failure::usage("--since is later than --until")
                .help("nothing can be between them; exchange the two"));
        }
        if self.who.as_ref().is_some_and(|who| who.trim().is_empty()) {
            return Err(Failure::usage("--who needs the name of a key, or its id")
                .help("muster keys list --all shows them"));
        }
        Ok(Some(WantedCommands { who: self.who.as_deref(), since, until }))
    }

    /// The wanted commands, and whether there are more. The log is read until there are enough.
    async fn found(
        &self,
        client: &Client,
        wanted: &WantedCommands<'_>,
    ) -> Result<(LogPage, bool), Failure> {
        let mut found = LogPage::default();
        let mut before = self.before;
        loop {
            let page = self.page(client, PAGE_MAX, before).await?.read()?;
            let next = page.next.as_deref().and_then(position_of);
            // A page that leads back to where it was would be read for ever.
            before = next.filter(|next| before.is_none_or(|before| *next < before));
            for entry in page.entries {
                if wanted.is_past(&entry) {
                    return Ok((found, false));
                }
                if !wanted.has(&entry) {
                    continue;
                }
                if found.entries.len() == self.limit.get() {
                    return Ok((found, true));
                }
                found.entries.push(entry);
            }
            if before.is_none() {
                return Ok((found, false));
            }
        }
    }
}

/// Which commands of the log are wanted.
struct WantedCommands<'a> {
    /// The name or the id of the key that gave them.
    who: Option<&'a str>,
    since: Option<Moment>,
    until: Option<Moment>,
}

impl WantedCommands<'_> {
    fn has(&self, entry: &LogEntry) -> bool {
        let is_theirs =
            self.who.is_none_or(|who| entry.name.as_deref() == Some(who) || entry.actor == who);
        let time = Moment::parse(&entry.time).ok();
        is_theirs && self.until.is_none_or(|until| time.is_none_or(|time| time <= until))
    }

    /// Whether this command, and so every earlier one, happened too early: each command's moment is
    /// later than the one before.
    fn is_past(&self, entry: &LogEntry) -> bool {
        let time = Moment::parse(&entry.time).ok();
        self.since.is_some_and(|since| time.is_some_and(|time| time < since))
    }
}

/// The moment that a flag names: an age, or a time in RFC 3339.
///
/// # Errors
/// It is neither.
pub(super) fn moment(flag: &str, text: &str, now: Moment) -> Result<Moment, Failure> {
    let age = time_span(text).and_then(|age| i64::try_from(age.as_micros()).ok());
    let found = match age {
        Some(age) => Moment::from_microseconds(now.microseconds().saturating_sub(age)).ok(),
        None => Moment::parse(text).ok(),
    };
    found.ok_or_else(|| {
        Failure::usage(format!("--{flag} needs a time, not {text:?}"))
            .help("write an age such as 90d, 12h or 30m, or a moment such as 2027-01-31T12:00:00Z")
    })
}

/// The most commands on a page.
const PAGE_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

/// The position in the link to the next page.
fn position_of(link: &str) -> Option<u64> {
    let (_, query) = link.split_once('?')?;
    query.split('&').find_map(|parameter| parameter.strip_prefix("before="))?.parse().ok()
}

/// How many documents are fetched to show how versions differ. Older commands show only the
/// version.
const DOCUMENTS_MAX: usize = 40;

/// The log of an entity, with what each version changed.
pub(super) struct AnnotatedLog<'a> {
    client: &'a Client,
    xid: &'a Xid,
    documents: BTreeMap<String, Option<(Notation, Bytes)>>,
}

impl<'a> AnnotatedLog<'a> {
    pub(super) fn new(client: &'a Client, xid: &'a Xid) -> Self {
        Self { client, xid, documents: BTreeMap::new() }
    }

    async fn table(&mut self, screen: &Screen, entries: &[LogEntry]) -> Table {
        let mut table = Table::new(["position", "when", "who", "what"]).numbers(0);
        for entry in entries {
            let fields = self.fields(entry).await;
            let what = if fields.is_empty() {
                entry.what.clone()
            } else {
                format!("{}: {fields}", entry.what)
            };
            let when = times::at(screen, &entry.time);
            let who = entry.name.as_ref().unwrap_or(&entry.actor).clone();
            let what = match &entry.message {
                Some(message) => format!("{what} ({message})"),
                None => what,
            };
            table.row([separated(entry.position), when, who, what]);
        }
        table
    }

    /// The fields that a new version changed. None if the command made several versions, or if one
    /// of the two documents was replaced since.
    pub(super) async fn fields(&mut self, entry: &LogEntry) -> String {
        let is_version = |change: &&LogChange| change.kind.is(&LogKind::Version);
        let versions: Vec<&LogChange> = entry.changes.iter().filter(is_version).collect();
        let ([version], Xid::Resource { .. }) = (versions.as_slice(), self.xid) else {
            return String::new();
        };
        let (Some(id), Some(ancestor)) = (&version.versionid, &version.ancestor) else {
            return String::new();
        };
        if !version.action.is(&LogAction::Created) || ancestor == id {
            return String::new();
        }
        let digest = version.document.as_ref().map(|document| document.digest.as_str());
        let before = self.document(ancestor).await;
        match (before, self.document(id).await) {
            (Some((was, before)), Some((is, after)))
                if digest == Some(&Digest::of(&after).to_string()) =>
            {
                let fields = difference::documents((was, &before), (is, &after));
                let told = fields
                    .iter()
                    .map(|field| format!("{} {}", field.path, one_line(&field.difference)));
                told.collect::<Vec<_>>().join(", ")
            }
            _ => String::new(),
        }
    }

    async fn document(&mut self, version: &str) -> Option<(Notation, Bytes)> {
        if let Some(known) = self.documents.get(version) {
            return known.clone();
        }
        if self.documents.len() >= DOCUMENTS_MAX {
            return None;
        }
        let xid = self.xid.version(version.parse().ok()?)?;
        // A document that is stored elsewhere has no bytes to compare.
        let document = self.client.document(&xid).await.ok();
        let document = document.filter(|document| document.elsewhere.is_none());
        let document = document
            .map(|document| (Notation::of(document.content_type.as_deref()), document.bytes));
        self.documents.insert(version.to_owned(), document.clone());
        document
    }
}

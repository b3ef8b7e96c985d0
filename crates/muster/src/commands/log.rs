mod seen;
mod shown;

use std::{collections::BTreeMap, num::NonZeroUsize};

use bytes::Bytes;
use clap::{Args, ValueEnum};
use muster_client::{Answer, Client, Query};
use muster_history::difference;
use muster_wire::log::{LogAction, LogChange, LogEntry, LogKind, LogPage};
use muster_words::{Digest, Moment, Notation, Xid, time_span};

use self::{seen::SeenActors, shown::ShownLog};
use super::{position, xid};
use crate::{
    Context, Failure,
    arguments::{ConnectionArguments, quoted},
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
  muster log providers --kind deleted

";

/// About one screen.
const FIFTY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(49);

/// Show who changed what and when, newest first
#[derive(Debug, Args)]
pub struct LogArguments {
    /// The entity; without it, everything
    #[arg(value_parser = xid, value_name = "XID", default_value = "/", hide_default_value = true)]
    xid: Xid,
    /// At most this many [default: 50 on a terminal, else all]
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    limit: Option<NonZeroUsize>,
    /// Only what happened before this position
    #[arg(long, value_name = "POSITION", value_parser = position)]
    #[arg(allow_negative_numbers = true)]
    before: Option<u64>,
    /// Only what this key did: its name, or its id as in keys list
    #[arg(long, visible_alias = "actor", value_name = "NAME")]
    who: Option<String>,
    /// Only what did this: created, updated, deleted, restored or purged; or what was about this:
    /// group, document, version, model, capabilities, registry or key
    #[arg(long, value_name = "KIND", value_enum, hide_possible_values = true)]
    kind: Vec<CommandKind>,
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
        let screen = &context.screen;
        let usual = (screen.is_table() && screen.is_terminal).then_some(FIFTY);
        let limit = self.limit.or(usual).map_or(usize::MAX, NonZeroUsize::get);
        let mut log = AnnotatedLog::new(&client, &self.xid);
        let mut shown = ShownLog::new(screen);
        let mut seen = SeenActors::default();
        let mut before = self.before;
        let is_cut = loop {
            let left = limit - shown.count;
            let asked = if wanted.is_some() { PAGE_MAX.get() } else { left.min(PAGE_MAX.get()) };
            let page = self.page(&client, asked, before).await?.read()?;
            let next = page.next.as_deref().and_then(position_of);
            seen.add(&page);
            let (mut entries, is_past) = match &wanted {
                Some(wanted) => wanted.of(page.entries),
                None => (page.entries, false),
            };
            let has_more = entries.len() > left || entries.len() == left && next.is_some();
            entries.truncate(left);
            shown.page(&mut log, &entries).await?;
            // A page that leads back to where it was would be read for ever.
            before = next.filter(|next| before.is_none_or(|before| *next < before));
            if shown.count == limit && has_more {
                break true;
            }
            if is_past || before.is_none() || shown.count == limit {
                break false;
            }
        };
        if shown.count == 0
            && let Some(who) = &self.who
        {
            seen.check(&client, who).await?;
        }
        let oldest = shown.end()?;
        if let Some(oldest) = oldest.filter(|_| is_cut && screen.is_table()) {
            let note = format!("{} --before {oldest} shows earlier commands", self.again());
            screen.note(&screen.paint_error(Style::Dim, &note));
        }
        Ok(())
    }

    /// The same command, without where it begins.
    fn again(&self) -> String {
        let of = match &self.xid {
            Xid::Registry => String::new(),
            xid => format!(" {}", suggest::without_slash(xid)),
        };
        let also = [("who", &self.who), ("since", &self.since), ("until", &self.until)];
        let also = also
            .into_iter()
            .filter_map(|(name, set)| Some(format!(" --{name} {}", quoted(set.as_ref()?))));
        let kinds = self.kind.iter().filter_map(ValueEnum::to_possible_value);
        let kinds = kinds.map(|kind| format!(" --kind {}", kind.get_name()));
        let limit = self.limit.map(|limit| format!(" --limit {limit}"));
        let flags: String = also.chain(kinds).chain(limit).collect();
        format!("muster log{of}{flags}{}", self.connection.flags())
    }

    async fn page(
        &self,
        client: &Client,
        limit: usize,
        before: Option<u64>,
    ) -> Result<Answer<LogPage>, Failure> {
        let kinds: Vec<&str> = self.kind.iter().map(|kind| kind.word()).collect();
        let kinds = Some(kinds.join(",")).filter(|kinds| !kinds.is_empty());
        let query = Query::new().with("limit", limit).with_some("before", before);
        let query = query.with_some("kind", kinds);
        match client.log(&self.xid, &query).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(super::get::explain(client, &self.xid, error).await),
        }
    }

    /// What only some commands are, apart from what the server selects; none if all are wanted. The
    /// server knows keys by their ids, and people by their names.
    fn wanted(&self, context: &Context) -> Result<Option<WantedCommands<'_>>, Failure> {
        if self.who.is_none() && self.since.is_none() && self.until.is_none() {
            return Ok(None);
        }
        let moment = |name: &str, text: &Option<String>| {
            text.as_deref().map(|text| moment(name, text, &context.screen)).transpose()
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
}

/// What commands did, or what they were about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CommandKind {
    Created,
    Updated,
    Deleted,
    Restored,
    Purged,
    Group,
    Document,
    Version,
    Model,
    Capabilities,
    Registry,
    Key,
}

impl CommandKind {
    /// The word of the API.
    const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Restored => "restored",
            Self::Purged => "purged",
            Self::Group => "group",
            Self::Document => "resource",
            Self::Version => "version",
            Self::Model => "model",
            Self::Capabilities => "capabilities",
            Self::Registry => "registry",
            Self::Key => "key",
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
    /// The wanted ones of a page, and whether all further ones are too early.
    fn of(&self, entries: Vec<LogEntry>) -> (Vec<LogEntry>, bool) {
        let count = entries.len();
        let early = entries.iter().position(|entry| self.is_past(entry)).unwrap_or(count);
        let wanted = entries.into_iter().take(early).filter(|entry| self.has(entry));
        (wanted.collect(), early < count)
    }

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

/// The moment that a flag names: an age, a time in RFC 3339, or the beginning of a day.
///
/// # Errors
/// It is none of them.
pub(super) fn moment(flag: &str, text: &str, screen: &Screen) -> Result<Moment, Failure> {
    let age = time_span(text).and_then(|age| i64::try_from(age.as_micros()).ok());
    let found = match age {
        Some(age) => Moment::from_microseconds(screen.now.microseconds().saturating_sub(age)).ok(),
        None => Moment::parse(text).ok().or_else(|| times::beginning_of_day(screen, text)),
    };
    found.ok_or_else(|| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let what = match is_number {
            true => format!("--{flag} {text} lacks a unit"),
            false => format!("--{flag} needs a time, not {text:?}"),
        };
        Failure::usage(what).help(
            "write an age such as 90d, 12h or 30m, a moment such as 2027-01-31T12:00:00Z, or a \
             day such as 2027-01-31",
        )
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
